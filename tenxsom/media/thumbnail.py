"""One still that stands for a video: about a third in, and neither black nor faded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
from PIL import Image, ImageStat

from tenxsom.errors import BrokenMedia
from tenxsom.media.video_check import picture_track
from tenxsom.safe_files import writing

av.logging.set_level(None)

_MOMENTS = (0.34, 0.5, 0.2, 0.67, 0.85)
_GOOD_CONTRAST = 24.0
"""Standard deviation of the brightness (of 255) from which a frame counts as worth showing."""


def make_thumbnail(video: Path, target: Path, longest_side: int = 1280) -> None:
    """Write a JPEG of a representative frame, at most `longest_side` pixels long, whatever the suffix of `target`.

    Raises BrokenMedia when no frame can be decoded, OSError when `target` cannot be written.
    """
    best, best_contrast = None, -1.0
    try:
        for frame in _candidates(video):
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


def _candidates(video: Path) -> Iterator[Image.Image]:
    """Frames at a few moments, the best guess first."""
    with av.open(str(video), metadata_errors="replace") as container:
        stream = picture_track(container, video.name)
        start, length = stream.start_time or 0, stream.duration or 0
        for share in _MOMENTS if length else (0.0,):
            moment = start + int(length * share)
            container.seek(moment, stream=stream)
            frame = next((frame for frame in container.decode(stream) if (frame.pts or 0) >= moment), None)
            if frame is not None:
                yield Image.fromarray(frame.to_ndarray(format="rgb24"))
