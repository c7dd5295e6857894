"""The instruments of the generated bed: each tone is a few decaying sines, each drum a little noise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenxsom.media.encode import RATE

Mono = NDArray[np.float32]


class Tone(NamedTuple):
    """How a plucked or struck instrument sounds: overtones as (ratio, strength, decay in seconds), and its attack in seconds."""

    partials: Sequence[tuple[float, float, float]]
    attack: float = 0.003


def _string(count: int, slope: float, decay: float, damping: float, attack: float = 0.003) -> Tone:
    """Return the tone of a string: the higher the overtone, the weaker and the shorter."""
    return Tone([(k * (1 + 0.00008 * k * k), k**-slope, decay * k**-damping) for k in range(1, count + 1)], attack)


TONES = {
    "marimba": Tone([(1, 1.0, 0.32), (3.93, 0.3, 0.12), (9.2, 0.1, 0.05)]),
    "pizzicato": _string(9, 1.1, 0.26, 0.5),
    "guitar": _string(10, 1.0, 0.22, 0.35, 0.002),
    "piano": _string(8, 1.5, 1.3, 0.6, 0.008),
    "glass": Tone([(1, 1.0, 1.5), (2.756, 0.4, 0.8), (5.404, 0.15, 0.4)], 0.006),
    "synth": _string(14, 0.9, 0.3, 0.7, 0.004),
    "strings": _string(9, 1.2, 0.5, 0.2, 0.03),
    "bass": _string(7, 0.9, 0.7, 0.3, 0.006),
}


def frequency(note: int) -> float:
    """Return the frequency of a note in hertz; 69 is the A of 440 Hz (MIDI)."""
    return float(440 * 2 ** ((note - 69) / 12))


@lru_cache(maxsize=160)
def tone(instrument: str, note: int, seconds: float) -> Mono:
    """Return a note that decays within `seconds`, with a peak about 1."""
    sound, pitch = TONES[instrument], frequency(note)
    moment = np.arange(round(seconds * RATE), dtype=np.float32) / RATE
    wave = np.zeros_like(moment)
    for ratio, strength, decay in sound.partials:
        if ratio * pitch < 0.4 * RATE:
            wave += strength * np.sin(np.float32(2 * np.pi * ratio * pitch) * moment + ratio) * np.exp(-moment / np.float32(decay))
    wave *= np.minimum(1, moment / sound.attack) * _release(len(moment))
    return np.asarray(wave / max(1e-6, float(np.abs(wave).max())), np.float32)


def pad(note: int, seconds: float, swell: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a sustained stereo chord tone that swells and fades over `swell` seconds, a little apart in the two ears."""
    moment = np.arange(round(seconds * RATE), dtype=np.float32) / RATE
    ears = []
    for detune in (-0.0012, 0.0012):
        wave = np.zeros_like(moment)
        for k in range(1, 8):
            pitch = frequency(note) * k * (1 + detune)
            wobble = 1 + 0.15 * np.sin(np.float32(2 * np.pi * rng.uniform(0.15, 0.5)) * moment + np.float32(rng.uniform(0, 6)))
            wave += np.float32(k**-1.3) * wobble * np.sin(np.float32(2 * np.pi * pitch) * moment + np.float32(rng.uniform(0, 6)))
        ears.append(wave)
    edge = np.clip(np.minimum(moment, moment[::-1]) / swell, 0, 1)
    return np.asarray(np.stack(ears) * np.sin(edge * np.pi / 2) ** 2 / 2, np.float32)


@lru_cache(maxsize=16)
def drum(name: str) -> Mono:
    """Return one stroke of a drum, with a peak about 1. Every stroke is heard on a phone: it has some noise above 400 Hz."""
    return _DRUMS[name]()


def _kick(low: float, high: float, decay: float, click: float) -> Mono:
    moment = _moments(0.5)
    sweep = low + (high - low) * np.exp(-moment / 0.03)
    body = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-moment / decay)
    return _peaked(body + click * _noise(0.5, 400, 3000) * np.exp(-moment / 0.012))


def _shaker(decay: float, low: float) -> Mono:
    moment = _moments(0.25)
    return _peaked(_noise(0.25, low, 14_000) * np.exp(-moment / decay) * np.minimum(1, moment / 0.006))


def _clap() -> Mono:
    moment = _moments(0.3)
    bursts = sum(np.exp(-np.clip(moment - start, 0, None) / 0.008) * (moment >= start) for start in (0, 0.011, 0.022))
    return _peaked(_noise(0.3, 900, 5000) * (bursts + 0.7 * np.exp(-moment / 0.07)))


def _rim() -> Mono:
    moment = _moments(0.12)
    return _peaked(
        np.sin(2 * np.pi * 1650 * moment) * np.exp(-moment / 0.012) + 0.5 * _noise(0.12, 1500, 8000) * np.exp(-moment / 0.01)
    )


_DRUMS = {
    "kick": lambda: _kick(50, 150, 0.14, 0.5),
    "drum": lambda: _kick(95, 210, 0.22, 0.6),
    "heart": lambda: _kick(55, 110, 0.12, 0.25),
    "shaker": lambda: _shaker(0.035, 4500),
    "hat": lambda: _shaker(0.022, 7000),
    "clap": _clap,
    "rim": _rim,
}


def _moments(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE


def _noise(seconds: float, low: float, high: float) -> NDArray[np.float64]:
    """Return noise between two frequencies, always the same."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(count))
    pitch = np.fft.rfftfreq(count, 1 / RATE)
    return np.asarray(np.fft.irfft(spectrum * ((pitch > low) & (pitch < high)), count))


def _peaked(wave: NDArray[np.float64]) -> Mono:
    wave = wave * _release(len(wave))
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def _release(count: int) -> NDArray[np.float32]:
    """Return the gains that end a sound within its last 10 ms."""
    return np.asarray(np.minimum(1, np.arange(count, 0, -1) / (0.01 * RATE)), np.float32)
