"""Reads the sound of any file as 48 kHz stereo, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.encode import RATE, told_as_broken
from tenxsom.media.video_file import MAX_STREAMS, refuse_odd_file, sound_track

av.logging.set_level(None)

Block = NDArray[np.float32]
"""Samples of two channels at 48 kHz, shape (2, n), within -1..1."""

BLOCK = RATE // 10
"""The number of samples in a block of a time line: a tenth of a second."""

FORMATS = (
    "wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,ogg,ape,wv,tta,tak,mpc,mpc8,amr,dts,asf"
    ",mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv"
)
"""The demuxers that may read a file. FFmpeg's demuxers of playlists would open the files and addresses in it."""

SILENT = 0.001
"""What is quieter than -60 dBFS is no sound."""
SHORTEST_SECONDS = 1.0
"""Music that sounds for less cannot be looped."""

_JITTER = RATE // 10
"""Time stamps that differ by less than this from the end of the samples before are rounding, not a gap."""
_LONGEST_GAP = 600 * RATE
"""A longer gap is a damaged time stamp, and counts as none."""


@contextmanager
def open_sound(path: Path) -> Iterator[InputContainer]:
    """Open a file for reading its sound. Raises av.FFmpegError; BrokenMedia for a pipe or a device, which would be waited for."""
    refuse_odd_file(path)
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_streams": str(MAX_STREAMS)}
    with av.open(str(path), metadata_errors="replace", container_options=options) as container:
        yield container


def read_sound(path: Path, *, offset: float = 0.0, deadline: clock.Deadline | None = None) -> Iterator[Block]:
    """Yield a file's sound from `offset` seconds on, in sync with its pictures; nothing where it has no sound.

    Raises BrokenMedia when it cannot be decoded, OutOfTime when `deadline` is reached, Interrupted when a stop is requested.
    """
    with told_as_broken(f"The sound of {path.name} cannot be read"), open_sound(path) as container:
        if (track := sound_track(container)) is None:
            return
        begin = _begin_of_pictures(container)
        for block in _without_gaps(_decoded(container, track, begin), round(offset * RATE)):
            clock.check_stop()
            if deadline:
                deadline.check(f"Reading the sound of {path.name}")
            yield block


def has_sound(path: Path) -> bool:
    """Return whether a file has a sound track. Raises BrokenMedia when it cannot be opened."""
    with told_as_broken(f"{path.name} cannot be read"), open_sound(path) as container:
        return sound_track(container) is not None


def _begin_of_pictures(container: InputContainer) -> float:
    """Return the time of the first picture in seconds; 0 without pictures."""
    track = next((track for track in container.streams.video if not track.disposition & Disposition.attached_pic), None)
    return float((track.start_time or 0) * (track.time_base or 0)) if track else 0.0


def _decoded(container: InputContainer, track: AudioStream, begin: float) -> Iterator[tuple[int | None, Block]]:
    """Yield blocks with the number of their first sample, counted from `begin`; None where the file does not tell."""
    resampler = av.AudioResampler("fltp", "stereo", RATE)
    for frame in chain(container.decode(track), (None,)):
        for part in resampler.resample(frame):
            at = None if part.time is None else round((part.time - begin) * RATE)
            yield at, part.to_ndarray().astype(np.float32, copy=False)


def _without_gaps(parts: Iterable[tuple[int | None, Block]], wanted: int) -> Iterator[Block]:
    """Yield blocks from sample `wanted` on: silence fills gaps, and samples before it are dropped."""
    done, end = wanted, None
    for stamp, block in _from_second(parts):
        at = stamp if stamp is not None and (end is None or _JITTER < abs(stamp - end) < _LONGEST_GAP) else (end or 0)
        end = at + block.shape[1]
        for _ in range(max(0, at - done) // BLOCK):
            yield np.zeros((2, BLOCK), np.float32)
        if rest := max(0, at - done) % BLOCK:  # filters take no block without samples
            yield np.zeros((2, rest), np.float32)
        if end > done:
            yield block[:, max(0, done - at) :]
            done = end


def _from_second(parts: Iterable[tuple[int | None, Block]]) -> Iterator[tuple[int | None, Block]]:
    """Yield parts, of which the first ends where the second begins, unless there is a gap.

    Writers without edit lists stretch the first block by as much as the first picture is late, and the sound is in sync from the
    second on.
    """
    remaining = iter(parts)
    two = list(islice(remaining, 2))
    stamps = [stamp for stamp, _ in two if stamp is not None]
    if len(stamps) == 2:
        first, samples = stamps[0], two[0][1].shape[1]
        two[0] = (stamps[1] - samples if abs(stamps[1] - first - samples) <= _JITTER else first, two[0][1])
    yield from chain(two, remaining)


def check_sound(path: Path, most_seconds: float = 900.0, deadline: clock.Deadline | None = None) -> float:
    """Decode a file that is to be a film's music, and return its seconds, of which at most `most_seconds` are read.

    Raises BrokenMedia, with the reason, for a file that cannot be decoded, has no sound, or sounds for less than a second.
    """
    samples, first, last = 0, None, 0
    for block in read_sound(path, deadline=deadline):
        heard = np.flatnonzero(np.abs(block).max(axis=0, initial=0) > SILENT)
        if len(heard):
            first, last = samples + int(heard[0]) if first is None else first, samples + int(heard[-1]) + 1
        samples += block.shape[1]
        if samples >= most_seconds * RATE:
            break
    if not samples:
        raise BrokenMedia(f"{path.name} has no sound.")
    if first is None:
        raise BrokenMedia(f"{path.name} is silent.")
    if last - first < SHORTEST_SECONDS * RATE:
        raise BrokenMedia(f"{path.name} sounds for less than {SHORTEST_SECONDS:g} s; that is no music that could be looped.")
    return samples / RATE
