"""A soft bed of sound for previews: a slow, warm chord in a large room, another one for every seed.

Every voice, every swell and the room itself repeat after the length of the loop, so that long clips can go round without a seam.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tenxsom.media.encode import RATE

_LOOP_SECONDS = 16.0
_PEAK = 0.42
_CHORDS = (
    (0, 7, 12, 16, 19, 23),  # major seventh
    (0, 7, 10, 15, 19, 24),  # minor seventh
    (0, 7, 12, 14, 19, 26),  # open ninth
    (0, 5, 12, 17, 19, 24),  # suspended
    (0, 7, 12, 15, 22, 26),  # minor ninth
    (0, 9, 12, 16, 19, 28),  # sixth
)
Sound = NDArray[np.float32]
"""Samples of two channels, shape (2, n), within -1..1."""
Spectrum = NDArray[np.complex64]
"""The same as waves: strength and phase by number of waves in the loop."""


def bed(seconds: float, seed: int) -> Sound:
    """Return the sound of a clip: faded in and out, with peaks at 0.42, never clipped."""
    count = round(seconds * RATE)
    rng, length = np.random.default_rng(seed), 2 * round(min(_LOOP_SECONDS, max(seconds, 2.0)) * RATE / 2)
    loop = _in_a_room(_chord(rng, length), length, rng)
    loop *= _PEAK / max(float(np.abs(loop).max()), 1e-6)
    sound = np.take(loop, np.arange(count), axis=1, mode="wrap")
    fade_in, fade_out = min(0.7, seconds / 4), min(1.1, seconds / 3)
    moment = np.arange(count, dtype=np.float32) / RATE
    return np.asarray(sound * _smooth(moment / fade_in) * _smooth((seconds - moment) / fade_out), dtype=np.float32)


def _smooth(share: NDArray[np.floating]) -> NDArray[np.float32]:
    t = np.clip(share, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _chord(rng: np.random.Generator, count: int) -> Spectrum:
    """Six voices with a few soft overtones, slightly apart in the two ears, each swelling at its own pace.

    Made as a spectrum, because a sine is one number there, and its slow swell two more beside it.
    """
    root = 55.0 * 2 ** (int(rng.integers(0, 9)) / 12)
    chord = _CHORDS[int(rng.integers(0, len(_CHORDS)))]
    spectrum = np.zeros((2, count // 2 + 1), np.complex64)
    for index, step in enumerate(chord):
        pace, swell = int(rng.integers(1, 4)), 0.41 * np.exp(1j * rng.uniform(0, 6.28))
        for channel in (0, 1):
            pitch = root * 2 ** (step / 12) * (1 + 0.0016 * (channel - 0.5) + rng.normal(0, 0.0006))
            for overtone, loudness in ((1, 1.0), (2, 0.26), (3, 0.09)):
                waves = max(pace + 1, round(pitch * overtone * count / RATE))
                tone = loudness / (1 + 0.5 * index) * np.exp(1j * rng.uniform(0, 6.28)) * count / 2
                spectrum[channel, waves] += tone
                spectrum[channel, waves - pace] += tone * np.conj(swell)
                spectrum[channel, waves + pace] += tone * swell
    return spectrum


def _in_a_room(dry: Spectrum, count: int, rng: np.random.Generator) -> Sound:
    """Add the reverb of a large soft room: multiply the spectrum with that of decaying noise, darker with distance."""
    tail = round(min(2.5 * RATE, count))
    moment = np.arange(tail, dtype=np.float32) / RATE
    noise = rng.standard_normal((2, tail), dtype=np.float32) * np.exp(moment / np.float32(-0.7))
    room = np.fft.rfft(noise, count)
    darkness = 1 / (1 + (np.fft.rfftfreq(count, 1 / RATE) / 1400) ** 2)
    wet = dry * room * (darkness / np.sqrt(np.mean(np.abs(room) ** 2)))
    return np.asarray(np.fft.irfft(0.6 * dry + 0.7 * wet, count), dtype=np.float32)
