"""Opens a video file, and returns its pictures as a player shows them: rotated, mirrored and with square pixels."""

from __future__ import annotations

import struct
import threading
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
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tenxsom.errors import BrokenMedia
from tenxsom.safe_files import NoOrdinaryFile, read_file

av.logging.set_level(None)

MAX_PIXELS = 8192 * 4320
"""The largest decoded pictures (width times height) without the setting MAX_VIDEO_PIXELS."""
MAX_STREAMS = 64
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
"""The demuxers that may read a file. FFmpeg's demuxers of playlists would open the files and addresses in it."""

Turn = tuple[int, int, int, int]
"""How stored pictures are turned and mirrored to be upright: the signs of a display matrix."""
_AS_STORED: Turn = (1, 0, 0, 1)
_HDR, _BT2020 = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67), ColorPrimaries.BT2020
"""The transfer functions of HDR, PQ and HLG (ITU-R BT.2100), and the wide colours of both."""
_UNSPECIFIED = 2
_MATRICES, _TRANSFERS, _PRIMARIES = {0, 1, 4, 5, 6, 7, 9}, {*range(1, 19)} - {3, 9, 10}, {1, *range(4, 13), 22}
"""What swscale converts, by the numbers of ITU-T H.273: neither YCgCo nor ICtCp
(https://github.com/FFmpeg/FFmpeg/blob/master/libswscale/format.c).
"""
_reformatters = threading.local()
_WIDEST_PIXEL = 4
"""A pixel shape beyond this is a wrong header; such a pixel counts as square."""


def refuse_odd_file(path: Path) -> None:
    """Raise BrokenMedia for a pipe or a device, which FFmpeg would wait for without end."""
    try:
        read_file(path, 0)
    except NoOrdinaryFile as error:
        raise BrokenMedia(f"{path.name} cannot be read: {error.strerror}.") from error
    except OSError:
        pass  # FFmpeg's own error has the reason


@contextmanager
def open_video(path: Path, max_pixels: int | None = None, probe: bool = True) -> Iterator[InputContainer]:
    """Open a video file for reading. Raises av.FFmpegError; BrokenMedia for a pipe or a device.

    Without `probe` FFmpeg decodes nothing to learn more than an MP4's headers say, which is most of the time of opening one; the
    pixel format is then known after the first decoded picture.

    `max_pixels` is for an unchecked file: pictures of twice as many are not decoded, not even for the header, and the decoder
    raises every error. Without it the decoder skips errors, as players do.
    """
    refuse_odd_file(path)
    limits = {} if max_pixels is None else {"max_pixels": str(2 * max_pixels)}  # decoders round up to whole blocks
    strictness = {} if max_pixels is None else {"err_detect": "explode"}
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_streams": str(MAX_STREAMS)}
    options |= {} if probe else {"codec_whitelist": "none"}
    streams: Any = [limits] * MAX_STREAMS  # PyAV's stubs say list[str], but it takes one dictionary per stream
    with av.open(str(path), metadata_errors="replace", container_options=options, stream_options=streams) as container:
        for track in container.streams.video:
            if track.codec_context is not None:
                track.codec_context.options = limits | strictness
                track.codec_context.thread_type = "AUTO"
        yield container


def picture_track(container: InputContainer, name: str) -> VideoStream:
    """Return the first picture track except cover pictures. Raises BrokenMedia when there is no decodable one."""
    tracks = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks:
        raise BrokenMedia(f"{name} has no picture track.")
    if tracks[0].codec_context is None:
        raise BrokenMedia(f"{name} has a picture track of an unknown kind.")
    return tracks[0]


def sound_track(container: InputContainer) -> AudioStream | None:
    """Return the first decodable sound track, or None."""
    return next((track for track in container.streams.audio if track.codec_context is not None), None)


def shown_size(frame: av.VideoFrame, track: VideoStream) -> tuple[int, int]:
    """Return width and height of a picture as a player shows it."""
    width = round(frame.width * _pixel_shape(track))
    return (frame.height, width) if turn_of(frame)[0] == 0 else (width, frame.height)


def rotation_of(frame: av.VideoFrame) -> int:
    """Return the clockwise rotation that a player applies: 0, 90, 180 or 270 degrees."""
    return -frame.rotation % 360 // 90 * 90


def upright(frame: av.VideoFrame, track: VideoStream, format_name: str = "yuv420p", turn: Turn | None = None) -> av.VideoFrame:
    """Return a picture as a player shows it, in `format_name` (yuv420p or rgb24).

    `turn` is that of the track's first frame, given where many frames follow each other.
    """
    turn, width = turn or turn_of(frame), round(frame.width * _pixel_shape(track))
    if width != frame.width:
        width = max(2, width // 2 * 2)
    plain = _in_plain_colours(frame, width, format_name)
    if turn == _AS_STORED:
        return plain
    size = (plain.width, plain.height) if turn[0] else (plain.height, plain.width)
    turned = av.VideoFrame(*size, format_name)
    for to, plane in zip(writable(turned), writable(plain), strict=True):
        to[:] = _turned(plane, turn)
    turned.pts, turned.time_base = frame.pts, frame.time_base
    return turned


def _in_plain_colours(frame: av.VideoFrame, width: int, format_name: str) -> av.VideoFrame:
    """Return a frame in a format and a width; for yuv420p in BT.709 and in the levels of video. Of HDR the light parts are cut off.

    Swscale converts what a frame's tags name (https://ffmpeg.org/doxygen/trunk/group__libsws.html): white of HDR at 203 nits, as
    ITU-R BT.2408 has it, becomes white.
    """
    _forget_rare_tags(frame)
    shape = (width, frame.height, format_name)
    if frame.color_trc not in _HDR and frame.color_primaries != _BT2020:
        is_video = format_name != "rgb24"
        is_bt709 = not frame.format.is_rgb and frame.colorspace in (Colorspace.ITU709, _UNSPECIFIED)
        return frame.reformat(
            *shape,
            dst_colorspace=Colorspace.ITU709 if is_video and not is_bt709 else None,
            dst_color_range=ColorRange.MPEG if is_video and frame.color_range == ColorRange.JPEG else None,
            interpolation=Interpolation.BICUBIC,
        )
    if not hasattr(_reformatters, "own"):
        _reformatters.own = VideoReformatter()  # its table of colours takes seconds to make, and fits all frames of a clip
    reformatter: VideoReformatter = _reformatters.own
    return reformatter.reformat(
        frame,
        *shape,
        dst_colorspace=Colorspace.ITU709,
        dst_color_trc=ColorTrc.BT709,
        dst_color_primaries=ColorPrimaries.BT709,
        interpolation=Interpolation.BICUBIC,
    )


def _forget_rare_tags(frame: av.VideoFrame) -> None:
    """Mark colours that swscale refuses to convert as unspecified: such a clip plays, in colours that are a little off."""
    if frame.colorspace not in _MATRICES:
        frame.colorspace = _UNSPECIFIED
    if frame.color_trc not in _TRANSFERS:
        frame.color_trc = _UNSPECIFIED
    if frame.color_primaries not in _PRIMARIES:
        frame.color_primaries = _UNSPECIFIED


def writable(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """Return a frame's planes as writable arrays, without line padding; for rgb24 one array with three colours."""
    if frame.format.name == "rgb24":
        (plane,) = frame.planes
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return [lines[: plane.height, : plane.width * 3].reshape(plane.height, plane.width, 3)]
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    ]


def rate_of(track: VideoStream) -> Fraction:
    """Return the frames per second for writing a track's pictures; for a variable rate, from its time steps."""
    for rate in (track.base_rate, track.average_rate, track.guessed_rate):
        if rate is not None and 1 <= rate <= 120:
            return min(Fraction(rate), Fraction(60))
    return Fraction(24)


def _pixel_shape(track: VideoStream) -> Fraction:
    """Return the width of a pixel divided by its height (ISO/IEC 14496-12, 'pasp')."""
    shape = track.sample_aspect_ratio
    return shape if shape and Fraction(1, _WIDEST_PIXEL) <= shape <= _WIDEST_PIXEL else Fraction(1)


def turn_of(frame: av.VideoFrame) -> Turn:
    """Return the signs of the display matrix (ISO/IEC 14496-12, 'tkhd'): x' = a·x + c·y, y' = b·x + d·y. Oblique angles count
    as no rotation.
    """
    small = frame.reformat(2, 2)  # PyAV keeps a frame whose side data were read until the next garbage collection
    side_data = small.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return _AS_STORED
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(cast("Any", side_data)))
    signs = tuple((number > 0) - (number < 0) if abs(number) > 0x4000 else 0 for number in (a, b, c, d))
    is_plain = 0 not in (signs[0], signs[3]) and signs[1:3] == (0, 0)
    is_crossed = 0 not in signs[1:3] and (signs[0], signs[3]) == (0, 0)
    return (signs[0], signs[1], signs[2], signs[3]) if is_plain or is_crossed else _AS_STORED


def _turned(plane: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    a, b, c, d = turn
    if a == 0:
        plane, a, d = np.swapaxes(plane, 0, 1), c, b
    return plane[:: d or 1, :: a or 1]
