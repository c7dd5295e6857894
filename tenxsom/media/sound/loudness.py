"""Measures loudness and true peak by EBU R 128 (https://tech.ebu.ch/docs/r/r128.pdf)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from av.filter import Graph
from av.filter.context import FilterContext

from tenxsom import clock
from tenxsom.media.sound.graph import chained, filtered
from tenxsom.media.sound.reading import Block, read_sound

SILENCE_LUFS = -70.0
"""The loudness of silence, and of sound that is too short to be measured (under 0.4 s)."""
SILENCE_DBTP = -120.0
"""The true peak of silence."""


class Loudness(NamedTuple):
    """The integrated loudness in LUFS and the true peak in dBTP."""

    lufs: float
    dbtp: float


class Meter:
    """Measures the blocks that pass through `measured`; their true peak only if asked, because that costs five times as much."""

    def __init__(self, *, true_peak: bool = False) -> None:
        self._options = f"peak={'true' if true_peak else 'none'}:metadata=1:framelog=quiet"
        self._facts: dict[str, str] = {}

    def measured(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield the blocks unchanged."""
        for part in filtered(((block,) for block in blocks), 1, self._build):
            self._facts.update(part.facts)
            yield part.block

    def loudness(self) -> Loudness:
        """Return the loudness of everything that has passed; its true peak is that of silence where it was not measured."""
        lufs = float(self._facts.get("lavfi.r128.I", "nan"))
        peak = float(self._facts.get("lavfi.r128.true_peak", "0"))
        return Loudness(
            max(lufs, SILENCE_LUFS) if math.isfinite(lufs) else SILENCE_LUFS,
            20 * math.log10(peak) if peak > 0 else SILENCE_DBTP,
        )

    def _build(self, graph: Graph, sources: Sequence[FilterContext]) -> list[FilterContext]:
        return [chained(sources[0], graph.add("ebur128", self._options))]


class MeasuredFile(NamedTuple):
    """The loudness of a file, and its length in samples at 48 kHz."""

    loudness: Loudness
    samples: int


def measured_file(path: Path, deadline: clock.Deadline | None = None, *, true_peak: bool = False) -> MeasuredFile:
    """Measure a file. Raises BrokenMedia when its sound cannot be decoded."""
    meter = Meter(true_peak=true_peak)
    samples = sum(block.shape[1] for block in meter.measured(read_sound(path, deadline=deadline)))
    return MeasuredFile(meter.loudness(), samples)


def loudness_of(path: Path, deadline: clock.Deadline | None = None, *, true_peak: bool = False) -> Loudness:
    """Return the loudness of a file. Raises BrokenMedia when its sound cannot be decoded."""
    return measured_file(path, deadline, true_peak=true_peak).loudness
