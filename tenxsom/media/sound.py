"""A soft bed of sound for previews: a slow, warm chord in a large room, another one for every seed.

Every voice, every swell and the room itself repeat after the length of the loop, so that long clips can go round without a seam.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
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


def bed(seconds: float, seed: int) -> Sound:
    """The sound for a clip: faded in and out, peaks at 0.42, never clipped."""
    count = round(seconds * RATE)
    loop = _room(_chord(np.random.default_rng(seed), round(min(_LOOP_SECONDS, max(seconds, 2.0)) * RATE)), seed)
    loop *= _PEAK / max(float(np.abs(loop).max()), 1e-6)
    sound = np.take(loop, np.arange(count), axis=1, mode="wrap")
    fade_in, fade_out = min(0.7, seconds / 4), min(1.1, seconds / 3)
    moment = np.arange(count, dtype=np.float32) / RATE
    return np.asarray(sound * _smooth(moment / fade_in) * _smooth((seconds - moment) / fade_out), dtype=np.float32)


def _smooth(share: NDArray[np.floating]) -> NDArray[np.float32]:
    t = np.clip(share, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _chord(rng: np.random.Generator, count: int) -> Sound:
    """Six voices with a few soft overtones, slightly apart in the two ears, each swelling at its own pace."""
    root = 55.0 * 2 ** (int(rng.integers(0, 9)) / 12)
    chord = _CHORDS[int(rng.integers(0, len(_CHORDS)))]
    sound = np.zeros((2, count), np.float32)
    turn = np.arange(count, dtype=np.float32) * np.float32(2 * np.pi / count)
    for index, step in enumerate(chord):
        pitch = root * 2 ** (step / 12)
        swell = 0.55 + 0.45 * np.sin(turn * rng.integers(1, 4) + np.float32(rng.uniform(0, 6.28)))
        for channel in (0, 1):
            detune = 1 + 0.0016 * (channel - 0.5) + rng.normal(0, 0.0006)
            for overtone, loudness in ((1, 1.0), (2, 0.26), (3, 0.09)):
                sound[channel] += _tone(pitch * detune * overtone, count, rng) * (swell * np.float32(loudness / (1 + 0.5 * index)))
    return sound


def _tone(pitch: float, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A sine with a whole number of waves in the loop."""
    waves = max(1, round(pitch * count / RATE))
    phase = np.arange(count, dtype=np.float64) * (waves / count) + rng.uniform()
    return np.sin((phase % 1.0).astype(np.float32) * np.float32(2 * np.pi))


def _room(dry: Sound, seed: int) -> Sound:
    """The sound in a large soft room: folded with noise that dies away, and darker with distance."""
    count = dry.shape[1]
    rng = np.random.default_rng(seed + 1)
    moment = np.arange(count, dtype=np.float32) / RATE
    spectrum = np.fft.rfft(dry)
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    damping = 1 / (1 + (frequency / 1400) ** 2)
    echo = np.fft.rfft(rng.standard_normal((2, count)).astype(np.float32) * np.exp(-moment / 0.7) * (moment < 2.5))
    wet = np.fft.irfft(spectrum * echo * damping, count)
    wet *= np.abs(dry).max() / max(float(np.abs(wet).max()), 1e-6)
    return np.asarray(0.6 * dry + 0.7 * wet, dtype=np.float32)
