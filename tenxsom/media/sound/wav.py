"""Writes sound as a WAV file: 48 kHz, stereo, 16 bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tenxsom.media.encode import RATE, told_as_broken
from tenxsom.media.sound.reading import Block
from tenxsom.safe_files import writing


def write_wav(target: Path, blocks: Iterable[Block]) -> None:
    """Write blocks to a new file. Raises OSError when it cannot be written."""
    with told_as_broken(f"{target.name} cannot be written"), writing(target) as name, av.open(name, "w", format="wav") as output:
        stream = output.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        samples = 0
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(_as_integers(block), format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, samples, Fraction(1, RATE)
            samples += block.shape[1]
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def of_length(blocks: Iterable[Block], samples: int) -> Iterator[Block]:
    """Yield exactly `samples` samples: the rest is cut off, and silence fills up."""
    for block in blocks:
        if part := min(samples, block.shape[1]):
            yield block[:, :part]
        samples -= part
    while samples > 0:
        yield np.zeros((2, min(samples, RATE)), np.float32)
        samples -= RATE


def _as_integers(block: Block) -> np.ndarray:
    """Return samples as 16-bit integers, left and right in turn."""
    return np.ascontiguousarray(np.rint(np.clip(block, -1, 1) * 32767).astype(np.int16).T).reshape(1, -1)
