"""Finds the tempo, the beats and the bars of music, from how suddenly it becomes louder in each band."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenxsom.media.encode import RATE
from tenxsom.media.sound.reading import Block

HOP = 512
"""Samples between two values of the onset strength, 10.7 ms."""
_WINDOW = 2048
_BANDS = 24
_REGISTERS = (0, 5, 14)
"""The first bands of the low, the middle and the high register: below some 200 Hz, below 2 kHz, above."""
_WEIGHTS = (1.5, 1.0, 0.5)
"""How much a register tells of the beat: a drum more than cymbals, which may play between beats."""
_SLOWEST, _FASTEST, _LIKELIEST = 60.0, 180.0, 100.0
_RIPPLE, _STROKE = 0.1, 2.0
"""How much a steady tone seems to rise in each band, and how much a stroke does at least in all bands together."""
_CLEAR = 0.1
"""The least autocorrelation, of 1 for a metronome, at which music counts as having a beat."""


class Onsets(NamedTuple):
    """The onset strength of music, in low, middle and high bands, and its energy in each band: one row every `HOP` samples."""

    strength: NDArray[np.float32]
    bands: NDArray[np.float32]


class Rhythm(NamedTuple):
    """The tempo in beats per minute, and the moments of the beats that begin bars (seconds)."""

    tempo: float
    bars: NDArray[np.float64]


def onsets(blocks: Iterable[Block]) -> Onsets:
    """Return the onset strength of sound, which is read block by block."""
    window, rest, rows = np.hanning(_WINDOW).astype(np.float32), np.zeros(0, np.float32), []
    edges = np.unique(np.geomspace(2, _WINDOW // 2, _BANDS + 1).astype(int))
    for block in blocks:
        rest = np.concatenate([rest, block.mean(axis=0)])
        count = max(0, (len(rest) - _WINDOW) // HOP + 1)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(rest, _WINDOW)[: (count - 1) * HOP + 1 : HOP]
            power = np.abs(np.fft.rfft(frames * window)).astype(np.float32) ** 2
            rows.append(np.add.reduceat(power, edges[:-1], axis=1))
            rest = rest[count * HOP :]
    bands = np.concatenate(rows) if rows else np.zeros((0, len(edges) - 1), np.float32)
    loud = np.log1p(1000 * bands)
    rise = np.maximum(0, np.diff(loud, axis=0, prepend=loud[:1]) - _RIPPLE)
    return Onsets(np.asarray(np.add.reduceat(rise, _REGISTERS, axis=1), np.float32), bands)


def rhythm_of(found: Onsets) -> Rhythm | None:
    """Return tempo and bars; None for music without a clear beat, and for less than 6 seconds of it."""
    rate = RATE / HOP
    if len(found.strength) < 6 * rate or np.percentile(found.strength.sum(axis=1), 95) < _STROKE:
        return None
    even = found.strength / np.maximum(1e-3, found.strength.std(axis=0)) @ np.array(_WEIGHTS, np.float32)
    strength = even - _smoothed(even, 43)
    lags = np.arange(round(60 / _FASTEST * rate) - 1, round(60 / _SLOWEST * rate) + 2)
    echo = _autocorrelation(strength, 2 * int(lags[-1]) + 4)
    clear = np.array([_comb(echo, float(lag)) for lag in lags])
    score = clear * np.exp(-0.5 * (np.log2(60 * rate / lags / _LIKELIEST) / 0.6) ** 2)
    best = int(np.argmax(score))
    if clear[best] < _CLEAR:
        return None
    period = _refined(echo, int(lags[best]))
    beats = _beats(np.maximum(0, strength), period)
    steady = (beats[-1] - beats[0]) / max(1, len(beats) - 1) or period
    return Rhythm(float(60 * rate / steady), (_bars(found, beats) * HOP + _WINDOW / 2) / RATE)


def _autocorrelation(strength: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Return how alike the onset strength is to itself `0..count-1` values later; 1 at 0."""
    size = 1 << (2 * len(strength) - 1).bit_length()
    echo = np.fft.irfft(np.abs(np.fft.rfft(strength, size)) ** 2)[:count]
    overlap = np.maximum(1, len(strength) - np.arange(len(echo)))
    return np.asarray(echo / echo[0] * len(strength) / overlap)


def _comb(echo: NDArray[np.float64], lag: float) -> float:
    """Return how clear a beat of so many values is.

    Half and quarter beats count as well, because dotted rhythms repeat at one and a half beats, but not at halves of them.
    """
    return float(np.interp(lag * np.array([0.25, 0.5, 1, 2]), np.arange(len(echo)), echo).mean())


def _refined(echo: NDArray[np.float64], lag: int) -> float:
    """Return the beat's length to a fraction of a value."""
    near = np.linspace(lag - 1, lag + 1, 81)
    return float(near[np.argmax([_comb(echo, each) for each in near])])


def _beats(strength: NDArray[np.float32], period: float) -> NDArray[np.float64]:
    """Return the beats: the path of steady steps along the strongest onsets (Ellis 2007, dynamic programming)."""
    smooth = _smoothed(strength, 3) / max(1e-9, float(strength.std()))
    steps = np.arange(-round(1.3 * period), -round(0.7 * period) + 1)
    penalty = -60.0 * np.log(-steps / period) ** 2
    total, before = smooth.astype(np.float64).copy(), np.full(len(smooth), -1)
    for index in range(-int(steps[0]), len(smooth)):
        options = total[index + steps] + penalty
        choice = int(np.argmax(options))
        total[index] += options[choice]
        before[index] = index + steps[choice]
    last = len(total) - round(period) + int(np.argmax(total[-round(period) :]))
    path = [last]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1], np.float64)


def _bars(found: Onsets, beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every fourth beat, of those where the harmony changes and the bass comes in."""
    places = beats.astype(int)
    loud = np.log1p(1000 * found.bands)
    means = np.stack([loud[max(0, a) : max(1, b)].mean(axis=0) for a, b in pairwise(places)])
    change = np.abs(np.diff(means, axis=0)).sum(axis=1)
    low = np.maximum(0, np.diff(loud[:, :6].sum(axis=1)))
    bass = np.array([low[max(0, place - 3) : place + 4].max(initial=0) for place in places[1:-1]])
    weight = change / max(1e-9, float(change.mean())) + bass / max(1e-9, float(bass.mean()))
    first = max(range(4), key=lambda phase: float(weight[phase::4].mean()) if len(weight[phase::4]) else 0.0)
    return beats[1 + first :: 4] if first < 3 else beats[0::4]


def _smoothed(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the mean of each value and its neighbours, `count` values together."""
    return np.asarray(np.convolve(values, np.ones(count) / count, "same"), np.float32)
