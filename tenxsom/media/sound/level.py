"""Brings sound to a loudness and under a true peak."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext

from tenxsom import clock
from tenxsom.media.encode import RATE
from tenxsom.media.sound.graph import chained, filtered
from tenxsom.media.sound.loudness import SILENCE_LUFS, Loudness, Meter
from tenxsom.media.sound.reading import BLOCK, Block
from tenxsom.media.sound.wav import of_length, write_wav

MOST_GAIN_DB = 30.0
"""The most that anything is made louder: more would only show noise."""
_TOLERANCE, _PASSES = 0.1, 4
"""How near to the asked loudness is near enough (LU), and how often gain and limiter run at most."""
_MOST_CORRECTION_DB = 6.0
"""How much gain may make up for the limiter; more would pump."""
_MARGIN_DB = 0.05
"""The limiter's distance to the true peak: going back to 48 kHz adds a little."""


def write_at_level(
    raw: BinaryIO, measured: Loudness, target: Loudness, path: Path, deadline: clock.Deadline | None = None
) -> Loudness:
    """Write raw stereo samples, which measure `measured`, as a WAV file that measures `target`; return what it measures.

    The limiter takes some loudness away, so the gain is corrected until the result fits. Silence stays silent.
    """
    samples = raw.seek(0, os.SEEK_END) // (2 * 4)
    is_silent = measured.lufs <= SILENCE_LUFS
    gain = 0.0 if is_silent else min(MOST_GAIN_DB, target.lufs - measured.lufs)
    most, before = gain + _MOST_CORRECTION_DB, (0.0, measured.lufs)
    for _ in range(_PASSES):
        meter = Meter(true_peak=True)
        limited = _limited(blocks_of(raw, deadline), gain, target.dbtp)
        write_wav(path, of_length(meter.measured(limited), samples))
        made = meter.loudness()
        better = min(most, gain + (target.lufs - made.lufs) / _effect(before, (gain, made.lufs)))
        if is_silent or abs(target.lufs - made.lufs) < _TOLERANCE or abs(better - gain) < _TOLERANCE:
            break
        before, gain = (gain, made.lufs), better
    return made


def _effect(before: tuple[float, float], now: tuple[float, float]) -> float:
    """Return how much louder (LU) a decibel of gain makes the result, from two pairs of gain and loudness."""
    if abs(now[0] - before[0]) < _TOLERANCE:
        return 1.0
    return min(1.0, max(0.25, (now[1] - before[1]) / (now[0] - before[0])))


def _limited(blocks: Iterable[Block], gain: float, dbtp: float) -> Iterator[Block]:
    """Yield sound with a gain in dB; a limiter at four times the rate keeps the true peak."""
    limit = f"limit={10 ** ((dbtp - _MARGIN_DB) / 20):.5f}:level=false:attack=5:release=60:latency=true"

    def build(graph: Graph, sources: Sequence[FilterContext]) -> list[FilterContext]:
        up, down = graph.add("aresample", str(4 * RATE)), graph.add("aresample", str(RATE))
        return [chained(*sources, graph.add("volume", f"{gain:.3f}dB"), up, graph.add("alimiter", limit), down)]

    return (part.block for part in filtered(((block,) for block in blocks), 1, build))


def blocks_of(raw: BinaryIO, deadline: clock.Deadline | None = None) -> Iterator[Block]:
    """Yield raw stereo samples of a temporary file from its beginning on."""
    raw.seek(0)
    while data := raw.read(BLOCK * 2 * 4):
        clock.check_stop()
        if deadline:
            deadline.check("Mixing the sound")
        yield np.frombuffer(data, np.float32).reshape(-1, 2).T
