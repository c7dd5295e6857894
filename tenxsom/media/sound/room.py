"""Adds the reverb of a room to sound, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tenxsom.media.encode import RATE
from tenxsom.media.sound.reading import Block

_TAIL_SECONDS, _DECAY_SECONDS, _WET = 1.4, 0.35, 0.32


def in_a_room(blocks: Iterable[Block], rng: np.random.Generator) -> Iterator[Block]:
    """Yield the blocks with the reverb of a soft room; what rings on after the last block is cut off."""
    tail = round(_TAIL_SECONDS * RATE)
    moment = np.arange(tail, dtype=np.float32) / RATE
    room = rng.standard_normal((2, tail), dtype=np.float32) * np.exp(moment / np.float32(-_DECAY_SECONDS))
    spectrum, size = None, 0
    ringing = np.zeros((2, tail), np.float32)
    for block in blocks:
        count = block.shape[1]
        if spectrum is None or count + tail > size:
            size = 1 << (count + tail - 1).bit_length()
            spectrum = np.fft.rfft(room, size) * _colour(size)
        wet = np.fft.irfft(np.fft.rfft(block, size) * spectrum, size).astype(np.float32)
        ringing = np.pad(ringing, ((0, 0), (0, size - ringing.shape[1]))) + wet
        yield block + _WET * ringing[:, :count]
        ringing = ringing[:, count : count + tail]


def _colour(size: int) -> Block:
    """Return the gains of a room by frequency: no rumble, dark above, and as loud as the sound in it."""
    pitch = np.fft.rfftfreq(size, 1 / RATE)
    shape = pitch**2 / (pitch**2 + 250**2) / (1 + (pitch / 4000) ** 2)
    return np.asarray(shape / np.sqrt(RATE * _DECAY_SECONDS / 2), np.float32)
