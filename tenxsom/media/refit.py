"""Make a clip or a start frame fit: cut to a length, cropped in the middle to a shape.

Services offer few lengths and few shapes; what was asked for is cut out of the next larger one.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from PIL import ImageOps

from tenxsom.media.check import open_picture
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4, told_as_broken, writable
from tenxsom.media.join_encode import at_rate, has_sound, shape_of, sound_of
from tenxsom.media.video_check import picture_track
from tenxsom.safe_files import writing

_CLOSE_ENOUGH = 0.01
"""A shape that is off by less than this share is left as it is."""

_QUALITY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}, "PNG": {}}
"""How a cropped picture is written, by its format: with next to nothing lost."""


def refit(source: Path, target: Path, *, seconds: float | None, aspect_ratio: str | None) -> str:
    """Cut a clip to `seconds` (its end is dropped) and crop its middle to `aspect_ratio` ("1:1"); None leaves it as it is.

    Frame rate and sound stay as they are, in step with the pictures. Returns what was done, such as "trimmed from 6 s to 5 s,
    cropped from 1280x720 to 720x720"; returns "" and writes nothing when the clip fits already (a shorter one is never
    stretched). Raises BrokenMedia when the clip cannot be read, OSError when `target` cannot be written.
    """
    with told_as_broken("A clip cannot be cut to fit"):
        length = _seconds_of(source)
        width, height, fps = shape_of(source)
        frames = max(1, round(Fraction(seconds) * fps)) if seconds is not None else None
        trims = frames is not None and float(frames / fps) < length - 0.5 / float(fps)
        box = _crop_box(width, height, aspect_ratio, even=True) if aspect_ratio else None
        if not trims and box is None:
            return ""
        _encode(source, target, fps, frames if trims else None, box or (0, 0, width, height))
    done = [f"trimmed from {_shown(length)} s to {_shown(float(frames / fps))} s"] if trims and frames else []
    done += [f"cropped from {width}x{height} to {box[2]}x{box[3]}"] if box else []
    return ", ".join(done)


def crop_picture(source: Path, target: Path, aspect_ratio: str) -> str | None:
    """Crop the middle of a picture to a shape, in its own format; upright, whatever its EXIF orientation says.

    Returns what was done; None, and nothing is written, when its shape is right to one per cent. Raises BrokenMedia when it cannot
    be read, OSError when `target` cannot be written.
    """
    picture = open_picture(source)
    form = str(picture.format)
    upright = ImageOps.exif_transpose(picture)
    box = _crop_box(upright.width, upright.height, aspect_ratio, even=False)
    if box is None:
        return None
    left, top, width, height = box
    colours = {"icc_profile": profile} if (profile := picture.info.get("icc_profile")) else {}
    with writing(target) as name:
        upright.crop((left, top, left + width, top + height)).save(name, format=form, **_QUALITY[form], **colours)
    return f"cropped from {upright.width}x{upright.height} to {width}x{height}"


def _crop_box(width: int, height: int, aspect_ratio: str, *, even: bool) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of the largest middle part of that shape; None when the whole is close enough.

    `even`: all four are even, as 4:2:0 video wants them.
    """
    across, down = (int(part) for part in aspect_ratio.split(":"))
    wanted = Fraction(across, down)
    if abs(Fraction(width, height) / wanted - 1) <= _CLOSE_ENOUGH:
        return None
    step = 2 if even else 1
    new_width = min(width, max(step, int(height * wanted) // step * step))
    new_height = min(height, max(step, int(width / wanted) // step * step))
    return (width - new_width) // 2 // step * step, (height - new_height) // 2 // step * step, new_width, new_height


def _encode(source: Path, target: Path, fps: Fraction, frames: int | None, box: tuple[int, int, int, int]) -> None:
    """Write the part of every frame that `box` names, as many frames as wanted, and the sound that belongs to them."""
    with new_mp4(target) as output:
        writer = Mp4Writer(output, box[2], box[3], fps, has_sound(source))
        for frame in islice(at_rate(source, fps), frames):
            writer.frame(_cut_out(frame, box))
        writer.sound(sound_of(source, round(writer.frames / fps * RATE)))
        writer.finish()


def _cut_out(frame: av.VideoFrame, box: tuple[int, int, int, int]) -> av.VideoFrame:
    left, top, width, height = box
    whole = frame.reformat(format="yuv420p")
    part = av.VideoFrame(width, height, "yuv420p")
    for to, plane, half in zip(writable(part), writable(whole), (1, 2, 2), strict=True):
        to[:] = plane[top // half : (top + height) // half, left // half : (left + width) // half]
    return part


def _seconds_of(clip: Path) -> float:
    """The length of a clip's picture track."""
    with av.open(str(clip), metadata_errors="replace") as container:
        track = picture_track(container, clip.name)
        if track.duration and track.time_base:
            return float(track.duration * track.time_base)
        return (container.duration or 0) / av.time_base


def _shown(seconds: float) -> str:
    return f"{round(seconds, 2):g}"
