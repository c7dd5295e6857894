"""Places pieces of sound on one time line, block by block, so that a film of any length needs the same memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenxsom.media.sound.reading import BLOCK, Block


class Piece(NamedTuple):
    """A piece of sound between two samples of the time line; it may end earlier."""

    start: int
    end: int
    read: Callable[[], Iterator[Block]]
    """Opens its sound, when it begins."""
    gain: float = 1.0
    edge: int = 0
    """Over so many samples it is faded in and out."""


def placed(pieces: Sequence[Piece], samples: int) -> Iterator[Block]:
    """Yield `samples` samples, in blocks of a tenth of a second, with every piece in its place; pieces may overlap.

    Raises ValueError for a piece that begins before the time line.
    """
    if any(piece.start < 0 for piece in pieces):
        raise ValueError("A piece of sound begins before its time line.")
    waiting = sorted(pieces, key=lambda piece: piece.start, reverse=True)
    running: list[_Running] = []
    for at in range(0, samples, BLOCK):
        block = np.zeros((2, min(BLOCK, samples - at)), np.float32)
        while waiting and waiting[-1].start < at + block.shape[1]:
            running.append(_Running(waiting.pop()))
        running = [each for each in running if each.add_to(block, at)]
        yield block


class _Running:
    """A piece that has begun."""

    def __init__(self, piece: Piece) -> None:
        self._piece, self._blocks = piece, piece.read()
        self._rest: Block = np.zeros((2, 0), np.float32)
        self._at = piece.start

    def add_to(self, block: Block, at: int) -> bool:
        """Add its samples to the time line's block that begins at sample `at`; return whether it has more."""
        end = min(at + block.shape[1], self._piece.end)
        while self._at < end:
            if not self._rest.shape[1]:
                following = next(self._blocks, None)
                if following is None:
                    return False
                self._rest = following
                continue
            part = self._rest[:, : end - self._at]
            place = self._at - at
            block[:, place : place + part.shape[1]] += part * self._gains(part.shape[1])
            self._rest = self._rest[:, part.shape[1] :]
            self._at += part.shape[1]
        return self._at < self._piece.end

    def _gains(self, count: int) -> NDArray[np.float32]:
        """Return the gains of the next samples: the piece's own, less at its soft edges."""
        piece = self._piece
        if not piece.edge:
            return np.full(1, piece.gain, np.float32)
        moments = np.arange(self._at, self._at + count)
        nearest = np.minimum(moments - piece.start, piece.end - 1 - moments)
        return np.asarray(np.clip((nearest + 1) / piece.edge, 0, 1) * piece.gain, np.float32)
