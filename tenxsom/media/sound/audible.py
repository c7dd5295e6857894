"""Measures how far the voice is above everything else while it speaks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tenxsom.media.sound.reading import BLOCK, Block

MOST_DB = 60.0
"""What is told where nothing else sounds."""

_QUIETEST_WORD = 0.01
"""A tenth of a second whose energy is less than this share of the segment's mean is a pause."""


class Energies:
    """The energy of sound in every tenth of a second."""

    def __init__(self) -> None:
        self._sums: NDArray[np.float64] = np.zeros(0)
        self._samples = 0

    def add(self, block: Block) -> None:
        """Add the next samples."""
        places = (self._samples + np.arange(block.shape[1])) // BLOCK
        sums = np.bincount(places - places[0], np.square(block, dtype=np.float64).sum(axis=0)) if len(places) else np.zeros(0)
        first = self._samples // BLOCK
        missing = first + len(sums) - len(self._sums)
        self._sums = np.pad(self._sums, (0, max(0, missing)))
        self._sums[first : first + len(sums)] += sums
        self._samples += block.shape[1]

    def between(self, start: int, end: int) -> NDArray[np.float64]:
        """Return the energies of the tenths of a second from sample `start` to sample `end`."""
        return self._sums[start // BLOCK : -(-end // BLOCK)]


def voice_above_bed(voice: Energies, bed: Energies, segments: Sequence[tuple[int, int]]) -> float | None:
    """Return the level of the voice above the bed in dB, in the segment (first and last sample) where it is least.

    Pauses do not count. None without a segment in which the voice is heard.
    """
    found = [_level_above(voice.between(*segment), bed.between(*segment)) for segment in segments]
    return min((level for level in found if level is not None), default=None)


def _level_above(voice: NDArray[np.float64], bed: NDArray[np.float64]) -> float | None:
    if not len(voice) or not voice.any():
        return None
    is_spoken = voice > _QUIETEST_WORD * voice.mean()
    below = float(bed[: len(voice)][is_spoken[: len(bed)]].sum())
    if below <= 0:
        return MOST_DB
    return round(min(MOST_DB, 10 * math.log10(float(voice[is_spoken].sum()) / below)), 1)
