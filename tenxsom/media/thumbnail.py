"""Makes the thumbnail of a video: a frame at about a third, which is neither black nor faded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.video_file import open_video, picture_track, upright
from tenxsom.safe_files import writing

_MOMENTS = (0.34, 0.5, 0.2, 0.67, 0.85)
_GOOD_CONTRAST = 24.0
"""The least standard deviation of the brightness (of 255) of a usable frame."""


def make_thumbnail(video: Path, target: Path, longest_side: int = 1280, deadline: clock.Deadline | None = None) -> None:
    """Write a JPEG of a representative frame, at most `longest_side` pixels long, whatever the suffix of `target`.

    Raises BrokenMedia when no frame can be decoded, OSError when `target` cannot be written, OutOfTime when `deadline` is
    reached, Interrupted when a stop is requested.
    """
    best, best_contrast = None, -1.0
    try:
        for frame in _candidates(video, deadline or clock.Deadline(math.inf)):
            contrast = ImageStat.Stat(frame.convert("L")).stddev[0]
            if contrast > best_contrast:
                best, best_contrast = frame, contrast
            if contrast >= _GOOD_CONTRAST:
                break
    except av.FFmpegError as error:
        raise BrokenMedia(f"{video.name} gives no frame for a thumbnail: {error.strerror}.") from error
    if best is None:
        raise BrokenMedia(f"{video.name} gives no frame for a thumbnail.")
    best.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    with writing(target) as name:
        best.save(name, format="JPEG", quality=88, optimize=True, progressive=True)


def _candidates(video: Path, until: clock.Deadline) -> Iterator[Image.Image]:
    """Yield frames at a few times, the best guess first; the first frame where seeking fails."""
    with open_video(video) as container:
        track = picture_track(container, video.name)
        tick = track.time_base or Fraction(1, av.time_base)
        length = track.duration or int((container.duration or 0) / av.time_base / tick)
        found = False
        for moment in [(track.start_time or 0) + int(length * share) for share in _MOMENTS] if length else []:
            if (frame := _frame_at(container, track, moment, until)) is not None:
                found = True
                yield _picture(frame, track)
        if not found:
            container.seek(0)
            yield from (_picture(frame, track) for frame in islice(container.decode(track), 1))


def _frame_at(container: InputContainer, track: VideoStream, moment: int, until: clock.Deadline) -> av.VideoFrame | None:
    """Return the frame displayed at a time, which may have begun before it."""
    shown = None
    try:
        container.seek(moment, stream=track)
        for frame in container.decode(track):
            clock.check_stop()
            until.check("Looking for a picture")
            if shown is not None and (frame.pts or 0) > moment:
                break
            shown = frame
    except av.FFmpegError:
        return None  # where seeking fails, the first frame is used
    return shown


def _picture(frame: av.VideoFrame, track: VideoStream) -> Image.Image:
    return Image.fromarray(upright(frame, track, "rgb24").to_ndarray())
