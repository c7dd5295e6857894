"""The mixing desk: ducks under the voice, adds everything up, and tells the energy of the voice and of all else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext

from tenxsom.media.sound.audible import Energies
from tenxsom.media.sound.graph import chained, filtered
from tenxsom.media.sound.reading import Block
from tenxsom.media.sound.timeline import Piece, placed
from tenxsom.media.sound.wav import of_length

_DUCK = "threshold=0.02:ratio=6:attack=30:release=450:knee=4"
_COMPRESSOR = "threshold=0.1:ratio=2.5:attack=10:release=120:makeup=1.6"
_LIMITER = "limit=0.4:level=false:attack=2:release=50:latency=true"
"""Single loud syllables are held down here, so that the limiter at the end has next to nothing to do and one pass is enough."""
_PLAIN_SUM = "inputs=2:normalize=0"


class Tracks(NamedTuple):
    """The pieces of the time line, by what happens to them; a film's samples, and those over which it fades out."""

    voices: Sequence[Piece]
    ducked: Sequence[Piece]
    kept: Sequence[Piece]
    samples: int
    fade_out: int


def added_up(tracks: Tracks, voice: Energies, bed: Energies) -> Iterator[Block]:
    """Yield the sum of everything, exactly as long as the film, and note the energy of the voice and of all else."""
    lines = zip(
        placed(tracks.voices, tracks.samples),
        _faded(placed(tracks.ducked, tracks.samples), tracks),
        _faded(placed(tracks.kept, tracks.samples), tracks),
        strict=True,
    )
    noted = {1: voice, 2: bed}

    def sums() -> Iterator[Block]:
        for part in filtered(lines, 3, _desk):
            if part.output in noted:
                noted[part.output].add(part.block)
            else:
                yield part.block

    return of_length(sums(), tracks.samples)


def _desk(graph: Graph, sources: Sequence[FilterContext]) -> list[FilterContext]:
    """Build the mixing desk; the outputs are the sum, and the speech bands of the voice and of all else."""
    spoken, ducked, kept = sources
    voice, bed = graph.add("asplit", "3"), graph.add("asplit", "2")
    duck, beds, both = graph.add("sidechaincompress", _DUCK), graph.add("amix", _PLAIN_SUM), graph.add("amix", _PLAIN_SUM)
    chained(spoken, graph.add("highpass", "f=70"), graph.add("acompressor", _COMPRESSOR), graph.add("alimiter", _LIMITER), voice)
    ducked.link_to(duck, 0, 0)
    voice.link_to(duck, 1, 1)
    duck.link_to(beds, 0, 0)
    kept.link_to(beds, 0, 1)
    beds.link_to(bed)
    voice.link_to(both, 0, 0)
    bed.link_to(both, 0, 1)
    return [both, _speech_band(graph, voice, 2), _speech_band(graph, bed, 1)]


def _speech_band(graph: Graph, split: FilterContext, output: int) -> FilterContext:
    """Keep the frequencies that words are understood by."""
    first = graph.add("highpass", "f=300")
    split.link_to(first, output, 0)
    return chained(first, graph.add("lowpass", "f=4000"))


def _faded(blocks: Iterable[Block], tracks: Tracks) -> Iterator[Block]:
    """Fade the last samples of a line out."""
    at = 0
    for block in blocks:
        left = tracks.samples - at - np.arange(block.shape[1], dtype=np.float32)
        at += block.shape[1]
        if tracks.fade_out and left[-1] < tracks.fade_out:
            yield np.asarray(block * np.clip(left / tracks.fade_out, 0, 1) ** 2, np.float32)
        else:
            yield block
