"""Runs sound through FFmpeg's filter graphs, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext

from tenxsom.media.encode import RATE
from tenxsom.media.sound.reading import Block

Build = Callable[[Graph, Sequence[FilterContext]], Sequence[FilterContext]]
"""Builds a graph between its sources, and returns the filter before each output."""

_SOURCE = f"sample_rate={RATE}:sample_fmt=fltp:channel_layout=stereo:time_base=1/{RATE}"
_OUTPUT = f"sample_fmts=fltp:sample_rates={RATE}:channel_layouts=stereo"


class Part(NamedTuple):
    """A block that left the graph, the number of its output, and what the filters say of it."""

    output: int
    block: Block
    facts: dict[str, str]


def chained(*filters: FilterContext) -> FilterContext:
    """Link filters in a row and return the last one."""
    for before, after in pairwise(filters):
        before.link_to(after)
    return filters[-1]


def filtered(blocks: Iterable[Sequence[Block]], sources: int, build: Build) -> Iterator[Part]:
    """Yield what a graph makes of blocks, one for each of its sources and all of one length."""
    graph = Graph()
    inputs = [graph.add("abuffer", _SOURCE) for _ in range(sources)]
    sinks = [chained(last, graph.add("aformat", _OUTPUT), graph.add("abuffersink")) for last in build(graph, inputs)]
    graph.configure()
    samples = 0
    for several in blocks:
        for source, block in zip(inputs, several, strict=True):
            source.push(_frame(block, samples))
        samples += several[0].shape[1]
        yield from _pulled(sinks)
    for source in inputs:
        source.push(None)
    yield from _pulled(sinks)


def _frame(block: Block, at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block, np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame


def _pulled(sinks: Sequence[FilterContext]) -> Iterator[Part]:
    for number, sink in enumerate(sinks):
        while True:
            try:
                frame: Any = sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            yield Part(number, frame.to_ndarray(), dict(frame.metadata))
