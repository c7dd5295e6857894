"""Opening a video file for reading, and its pictures as a player shows them: turned, mirrored and with square pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tenxsom.errors import BrokenMedia

av.logging.set_level(None)

MAX_PIXELS = 8192 * 4320
"""Width times height of the largest pictures that are decoded, unless the settings say otherwise (MAX_VIDEO_PIXELS)."""
MAX_STREAMS = 64
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
"""FFmpeg's readers that may look at a file. Its readers of playlists would open what a file names."""

_Turn = tuple[int, int, int, int]
_AS_STORED: _Turn = (1, 0, 0, 1)
_WIDEST_PIXEL = 4
"""A pixel that is said to be wider or taller than this has a wrong header; it counts as square."""


@contextmanager
def open_video(path: Path, max_pixels: int | None = None) -> Iterator[InputContainer]:
    """A video file, opened for reading.

    With `max_pixels` for a file that nobody has checked: pictures of twice as many are not decoded, not even to look at the
    header, and the decoder raises every error that it finds; without, it plays over errors as players do. Raises av.FFmpegError.
    """
    limits = {} if max_pixels is None else {"max_pixels": str(2 * max_pixels)}  # decoders work on whole blocks, which are more
    strictness = {} if max_pixels is None else {"err_detect": "explode"}
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_streams": str(MAX_STREAMS)}
    streams: Any = [limits] * MAX_STREAMS  # PyAV's stubs say list[str]; what it takes is a dictionary a stream
    with av.open(str(path), metadata_errors="replace", container_options=options, stream_options=streams) as container:
        for track in container.streams.video:
            if track.codec_context is not None:
                track.codec_context.options = limits | strictness
                track.codec_context.thread_type = "AUTO"
        yield container


def picture_track(container: InputContainer, name: str) -> VideoStream:
    """The first picture track that is no cover picture. Raises BrokenMedia when there is none, or none that can be decoded."""
    tracks = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks:
        raise BrokenMedia(f"{name} has no picture track.")
    if tracks[0].codec_context is None:
        raise BrokenMedia(f"{name} has a picture track of an unknown kind.")
    return tracks[0]


def sound_track(container: InputContainer) -> AudioStream | None:
    """The first sound track that can be decoded, if there is one."""
    return next((track for track in container.streams.audio if track.codec_context is not None), None)


def shown_size(frame: av.VideoFrame, track: VideoStream) -> tuple[int, int]:
    """Width and height of a picture as a player shows it."""
    width = round(frame.width * _pixel_shape(track))
    return (frame.height, width) if _turn_of(frame)[0] == 0 else (width, frame.height)


def rotation_of(frame: av.VideoFrame) -> int:
    """By how many degrees a player turns a picture clockwise: 0, 90, 180 or 270."""
    return -frame.rotation % 360 // 90 * 90


def upright(frame: av.VideoFrame, track: VideoStream, format_name: str = "yuv420p") -> av.VideoFrame:
    """A picture as a player shows it, in `format_name` (yuv420p or rgb24)."""
    turn, width = _turn_of(frame), round(frame.width * _pixel_shape(track))
    if width != frame.width:
        width = max(2, width // 2 * 2)
    plain = frame.reformat(width, frame.height, format_name, interpolation=Interpolation.BICUBIC)
    if turn == _AS_STORED:
        return plain
    size = (plain.width, plain.height) if turn[0] else (plain.height, plain.width)
    turned = av.VideoFrame(*size, format_name)
    for to, plane in zip(writable(turned), writable(plain), strict=True):
        to[:] = _turned(plane, turn)
    turned.pts, turned.time_base = frame.pts, frame.time_base
    return turned


def writable(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """A frame's planes as arrays to write into, without the padding that ends their lines; of rgb24, one with three colours."""
    if frame.format.name == "rgb24":
        (plane,) = frame.planes
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return [lines[: plane.height, : plane.width * 3].reshape(plane.height, plane.width, 3)]
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    ]


def rate_of(track: VideoStream) -> Fraction:
    """Frames a second to write a track's pictures with; of a track with a variable rate the one that its time steps suggest."""
    for rate in (track.base_rate, track.average_rate, track.guessed_rate):
        if rate is not None and 1 <= rate <= 120:
            return min(Fraction(rate), Fraction(60))
    return Fraction(24)


def _pixel_shape(track: VideoStream) -> Fraction:
    """Width of a pixel by its height (ISO/IEC 14496-12, 'pasp')."""
    shape = track.sample_aspect_ratio
    return shape if shape and Fraction(1, _WIDEST_PIXEL) <= shape <= _WIDEST_PIXEL else Fraction(1)


def _turn_of(frame: av.VideoFrame) -> _Turn:
    """The signs of the display matrix (ISO/IEC 14496-12, 'tkhd'): x' = a·x + c·y, y' = b·x + d·y. Slanted ones count as none."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return _AS_STORED
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(cast("Any", side_data)))
    signs = tuple((number > 0) - (number < 0) if abs(number) > 0x4000 else 0 for number in (a, b, c, d))
    is_plain = 0 not in (signs[0], signs[3]) and signs[1:3] == (0, 0)
    is_crossed = 0 not in signs[1:3] and (signs[0], signs[3]) == (0, 0)
    return (signs[0], signs[1], signs[2], signs[3]) if is_plain or is_crossed else _AS_STORED


def _turned(plane: NDArray[np.uint8], turn: _Turn) -> NDArray[np.uint8]:
    a, b, c, d = turn
    if a == 0:
        plane, a, d = np.swapaxes(plane, 0, 1), c, b
    return plane[:: d or 1, :: a or 1]
