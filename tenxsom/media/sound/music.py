"""Fits the user's music to a film's length: cut and faded, or looped from bar to bar."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.encode import RATE
from tenxsom.media.sound.beats import HOP, Onsets, Rhythm, onsets, rhythm_of
from tenxsom.media.sound.reading import BLOCK, SHORTEST_SECONDS, SILENT, Block, read_sound
from tenxsom.media.sound.timeline import Piece, placed
from tenxsom.media.sound.wav import of_length, write_wav

_BEFORE = RATE // 200
"""So much is kept before the first sample that is no silence: 5 ms."""
_JOINT_SECONDS, _SOFT_JOINT_SECONDS = 0.04, 1.0
"""How long both ends of a loop sound together: at a bar, and where no beat is found."""
_ALIGNED_SECONDS = 0.015
"""How far a loop's end may be moved until its strokes fall where those after its beginning fall: the bars are that exact."""
_FADE_SECONDS = (1.0, 4.0)
"""The shortest and the longest fade at the end; it begins at a bar."""
_BYTES = 2 * 4
_STEP = RATE // 2000


class Fitted(NamedTuple):
    """What was done to music: how often its loop is played again, and its tempo in beats per minute, if it has a beat."""

    loops: int
    tempo: float | None


class _Loop(NamedTuple):
    """A loop in samples: where it begins and ends, and for how long the ends sound together."""

    start: int
    end: int
    joint: int


def fit_music(file: Path, seconds: float, target: Path, deadline: clock.Deadline | None = None) -> Fitted:
    """Write music of exactly `seconds` to `target`, a WAV file. Longer music is cut; shorter music is looped. Both end in a fade.

    Raises BrokenMedia when `file` cannot be decoded, is silent, or shorter than a second; OSError when `target` cannot be
    written; OutOfTime when `deadline` is reached.
    """
    wanted = round(seconds * RATE)
    with tempfile.TemporaryFile(dir=target.parent) as raw:
        found = onsets(_kept(_without_leading_silence(read_sound(file, deadline=deadline)), wanted + RATE, raw))
        rhythm = rhythm_of(found)
        length = _end_of_sound(raw)
        if length < SHORTEST_SECONDS * RATE:
            raise BrokenMedia(f"{file.name} is silent, or shorter than a second; it cannot be the music of a film.")
        loop = None if length >= wanted else _loop(raw, length, found, rhythm)
        pieces = _pieces(raw, loop, length, wanted)
        begin = _begin_of_fade(rhythm, loop, seconds)
        write_wav(target, of_length(_faded(placed(pieces, wanted), begin, wanted), wanted))
    return Fitted(len(pieces) - 1, round(rhythm.tempo, 1) if rhythm else None)


# reading


def _without_leading_silence(blocks: Iterable[Block]) -> Iterator[Block]:
    has_begun = False
    for block in blocks:
        if not has_begun:
            loud = np.flatnonzero(np.abs(block).max(axis=0, initial=0) > SILENT)
            if not len(loud):
                continue
            has_begun, block = True, block[:, max(0, loud[0] - _BEFORE) :]  # noqa: PLW2901  (the rest of the first block that sounds)
        yield block


def _kept(blocks: Iterable[Block], most: int, raw: BinaryIO) -> Iterator[Block]:
    """Write at most so many samples to a temporary file, and pass them on."""
    for block in of_at_most(blocks, most):
        raw.write(np.ascontiguousarray(block.T).tobytes())
        yield block


def of_at_most(blocks: Iterable[Block], samples: int) -> Iterator[Block]:
    """Yield at most `samples` samples; the rest is not read."""
    for block in blocks:
        yield block[:, :samples]
        samples -= block.shape[1]
        if samples <= 0:
            return


def _read(raw: BinaryIO, start: int, end: int) -> Iterator[Block]:
    """Yield samples of the temporary file."""
    for at in range(start, end, BLOCK):
        raw.seek(at * _BYTES)
        yield np.frombuffer(raw.read(min(BLOCK, end - at) * _BYTES), np.float32).reshape(-1, 2).T


def _between(raw: BinaryIO, start: int, end: int) -> Block:
    return np.concatenate([np.zeros((2, 0), np.float32), *_read(raw, max(0, start), end)], axis=1)


def _end_of_sound(raw: BinaryIO) -> int:
    """Return the number of samples up to the last one that is no silence."""
    at = raw.seek(0, 2) // _BYTES
    while at > 0:
        begin = max(0, at - RATE)
        loud = np.flatnonzero(np.abs(_between(raw, begin, at)).max(axis=0, initial=0) > SILENT)
        if len(loud):
            return begin + int(loud[-1]) + 1
        at = begin
    return 0


# looping


def _loop(raw: BinaryIO, length: int, found: Onsets, rhythm: Rhythm | None) -> _Loop:
    """Choose the loop: from bar to bar where the music goes on most alike; all of it where no beat is found."""
    bars = [bar for bar in rhythm.bars if 0 <= bar * RATE <= length] if rhythm else []
    pair = _best_pair(found, bars)
    if pair is None:
        joint = min(round(_SOFT_JOINT_SECONDS * RATE), length // 4)
        return _Loop(joint, length, joint)
    start, end = (round(bar * RATE) for bar in pair)
    return _Loop(start, _aligned(raw, start, end, length), min(start, round(_JOINT_SECONDS * RATE)))


def _best_pair(found: Onsets, bars: list[float]) -> tuple[float, float] | None:
    """Return the two bars between which a loop is least noticed; None where there are too few.

    What follows the end is compared with what follows the beginning; a longer loop is better, because it repeats less.
    """
    if len(bars) < 3:
        return None
    rows = np.log1p(1000 * found.bands)
    bar = round((bars[-1] - bars[0]) / (len(bars) - 1) * RATE / HOP)
    places = [round(moment * RATE / HOP) for moment in bars]
    best, choice = -np.inf, None
    for first, start in enumerate(places):
        for last in range(first + 2, len(places)):
            count = min(bar, len(rows) - places[last])
            if count < bar // 2:
                continue
            unlike = float(np.abs(rows[start : start + count] - rows[places[last] : places[last] + count]).mean())
            worth = (last - first) / len(bars) - 2 * unlike / max(1e-9, float(rows.mean()))
            if worth > best:
                best, choice = worth, (bars[first], bars[last])
    return choice


def _aligned(raw: BinaryIO, start: int, end: int, length: int) -> int:
    """Return a loop's end, moved by some milliseconds to where the strokes after it fit those after its beginning best."""
    reach, view = round(_ALIGNED_SECONDS * RATE), RATE // 2
    if end + view + reach > length:
        return end
    pattern = _strokes(_between(raw, start, start + view))
    around = _strokes(_between(raw, end - reach, end + view + reach))
    return end - reach + _STEP * int(np.argmax(np.correlate(around, pattern, "valid")))


def _strokes(samples: Block) -> NDArray[np.float32]:
    """Return how much louder sound becomes, twice a millisecond; without what is below some 700 Hz, whose waves are longer."""
    bright = np.abs(np.diff(samples.mean(axis=0), n=2, prepend=0, append=0))
    level = bright[: len(bright) // _STEP * _STEP].reshape(-1, _STEP).max(axis=1)
    return np.asarray(np.maximum(0, np.diff(level, prepend=level[:1])), np.float32)


def _pieces(raw: BinaryIO, loop: _Loop | None, length: int, wanted: int) -> list[Piece]:
    """Return the pieces that fill the film: everything up to the loop's end, and then the loop until it is long enough."""
    if loop is None:
        return [Piece(0, wanted, partial(_read, raw, 0, min(length, wanted + RATE)))]
    pieces, at = [Piece(0, loop.end, partial(_read, raw, 0, loop.end), edge=loop.joint)], loop.end
    while at < wanted:
        begin, end = at - loop.joint, at + loop.end - loop.start
        pieces.append(Piece(begin, end, partial(_read, raw, loop.start - loop.joint, loop.end), edge=loop.joint))
        at = end
    return pieces


# ending


def _begin_of_fade(rhythm: Rhythm | None, loop: _Loop | None, seconds: float) -> float:
    """Return where the fade begins (seconds): at the bar next to two seconds before the end."""
    usual, shortest = max(seconds / 2, seconds - 2.5), min(seconds / 2, _FADE_SECONDS[0])
    bars = list(rhythm.bars) if rhythm else []
    if loop is not None:
        start, step = loop.start / RATE, (loop.end - loop.start) / RATE
        again = [bar for bar in bars if start <= bar < loop.end / RATE - 0.1]
        bars = [bar for bar in bars if bar < loop.end / RATE - 0.1]
        bars += [bar + step * turn for turn in range(1, int(seconds / step) + 1) for bar in again]
    near = [bar for bar in bars if seconds - _FADE_SECONDS[1] <= bar <= seconds - shortest and bar >= seconds / 2]
    return min(near, key=lambda bar: abs(bar - usual), default=usual)


def _faded(blocks: Iterable[Block], begin: float, wanted: int) -> Iterator[Block]:
    """Fade the samples from `begin` (seconds) on."""
    start, at = round(begin * RATE), 0
    for block in blocks:
        moments = np.arange(at, at + block.shape[1])
        at += block.shape[1]
        share = np.clip((wanted - moments) / max(1, wanted - start), 0, 1)
        yield np.asarray(block * np.sin(share * np.pi / 2) ** 2, np.float32) if at > start else block
