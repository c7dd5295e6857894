"""Cuts a clip to a length, and crops the middle of a clip or a start frame to a shape.

Services offer few lengths and few shapes; the requested one is cut from the next larger one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from PIL import Image

from tenxsom import clock
from tenxsom.media.check import Decoded, decode_picture, picture_errors
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4, told_as_broken
from tenxsom.media.filters import Chain
from tenxsom.media.join_encode import at_rate, fitting, has_sound, shape_of, sound_of
from tenxsom.media.video_file import open_video, picture_track, sound_track
from tenxsom.model.parts import LONG_SOUND_SECONDS
from tenxsom.safe_files import open_new

_CLOSE_ENOUGH = 0.01
"""The relative difference of shape up to which a picture is not cropped."""

_QUALITY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}, "PNG": {}}
"""The options for writing a picture, by format: almost lossless."""
_WRITTEN_AS = {"MPO": "JPEG", "HEIF": "JPEG"}
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
"""Modes of more than eight bits; Pillow reads 16-bit greys into them, from 0 to 65,535."""


def refit(
    source: Path,
    target: Path,
    *,
    seconds: float | None,
    aspect_ratio: str | None,
    start: float = 0.0,
    deadline: clock.Deadline | None = None,
) -> str:
    """Cut the end of a clip to `seconds` and crop its middle to `aspect_ratio` ("1:1"); None for no change.

    `start` is where the clip begins in its film, in seconds. It gets the whole pictures between there and its end, so that the
    roundings of many clips do not add up to a film that is too short.

    Keeps the frame rate, and the sound in sync with the pictures; applies the clip's rotation. Returns a description, such as
    "trimmed from 6 s to 5 s, cropped from 1280x720 to 720x720"; returns "" and writes nothing when the clip fits already (a
    shorter one is never stretched). Raises BrokenMedia when the clip cannot be read, OSError when `target` cannot be written,
    OutOfTime when `deadline` is reached.
    """
    with told_as_broken("A clip cannot be cut to fit"):
        pictures, length = _lengths_of(source)
        width, height, fps = shape_of(source)
        frames = None if seconds is None else max(1, round(Fraction(start + seconds) * fps) - round(Fraction(start) * fps))
        trims = frames is not None and float(frames / fps) < length - 0.5 / float(fps)
        box = _crop_box(width, height, aspect_ratio, even=True) if aspect_ratio else None
        if not trims and box is None:
            return ""
        kept = islice(at_rate(source, fps, deadline), frames if trims else None)
        _encode(source, target, fps, _of_one_size(kept, width, height), box or (0, 0, width, height))
    done = [f"trimmed from {_shown(length)} s to {_shown(min(pictures, float(frames / fps)))} s"] if trims and frames else []
    done += [f"cropped from {width}x{height} to {box[2]}x{box[3]}"] if box else []
    return ", ".join(done)


def crop_picture(source: Path, target: Path, aspect_ratio: str | None) -> str | None:
    """Convert a picture to a start frame: upright, in a format that every service reads, cropped to a shape (None: uncropped).

    Returns a description, such as "turned upright, cropped from 640x360 to 360x360"; returns None and writes nothing for a plain
    PNG, JPEG or WEBP picture whose shape is right to one per cent. Raises BrokenMedia when the picture cannot be read, OSError
    when `target` cannot be written.
    """
    decoded = decode_picture(source)
    with picture_errors(source):
        picture, kind = decoded.picture, decoded.kind
        box = _crop_box(picture.width, picture.height, aspect_ratio, even=False) if aspect_ratio else None
        done = _oddities(decoded)
        if box:
            done.append(f"cropped from {picture.width}x{picture.height} to {box[2]}x{box[3]}")
        if not done:
            return None
        left, top, width, height = box or (0, 0, picture.width, picture.height)
        data = _written(_plain(picture).crop((left, top, left + width, top + height)), kind)
    with open(open_new(target), "wb") as file:  # noqa: PTH123  (the descriptor's file cannot be swapped for another)
        file.write(data)
    return ", ".join(done)


def _oddities(decoded: Decoded) -> list[str]:
    """Return what a service may read differently: orientation, format, depth or colour mode, or more than one picture."""
    kind, mode, plain = decoded.kind, decoded.picture.mode, _plain_mode(decoded.picture)
    found = ["turned upright"] if decoded.is_turned else []
    found += [f"written as {_WRITTEN_AS[kind]}"] if kind in _WRITTEN_AS else []
    found += ["reduced to its first picture"] if decoded.frames > 1 and kind not in _WRITTEN_AS else []
    return found + ([f"converted from {mode} to {plain}"] if mode != plain else [])


def _plain_mode(picture: Image.Image) -> str:
    """Return the 8-bit mode for this picture that every service reads."""
    if picture.mode in ("RGB", "RGBA", "L"):
        return picture.mode
    if picture.mode in ("LA", "PA", "La", "RGBa") or (picture.mode == "P" and "transparency" in picture.info):
        return "RGBA"
    return "L" if picture.mode in ("1", *_DEEP) else "RGB"


def _plain(picture: Image.Image) -> Image.Image:
    mode = _plain_mode(picture)
    if picture.mode in _DEEP:
        picture = picture.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    return picture if picture.mode == mode else picture.convert(mode)


def _written(picture: Image.Image, form: str) -> bytes:
    """Encode the picture in its own format, or in the nearest that every service reads."""
    form = _WRITTEN_AS.get(form, form)
    picture = picture.convert("RGB") if form == "JPEG" and picture.mode == "RGBA" else picture
    profile = picture.info.get("icc_profile")
    out = io.BytesIO()
    picture.save(out, format=form, **_QUALITY[form], **({"icc_profile": profile} if profile else {}))
    return out.getvalue()


def _crop_box(width: int, height: int, aspect_ratio: str, *, even: bool) -> tuple[int, int, int, int] | None:
    """Return left, top, width and height of the largest centred part of a shape; None when the whole is close enough.

    `even`: all four are even, as 4:2:0 video requires.
    """
    across, down = (int(part) for part in aspect_ratio.split(":"))
    wanted = Fraction(across, down)
    if abs(Fraction(width, height) / wanted - 1) <= _CLOSE_ENOUGH:
        return None
    step = 2 if even else 1
    new_width = min(width, max(step, int(height * wanted) // step * step))
    new_height = min(height, max(step, int(width / wanted) // step * step))
    return (width - new_width) // 2 // step * step, (height - new_height) // 2 // step * step, new_width, new_height


def _of_one_size(frames: Iterable[av.VideoFrame], width: int, height: int) -> Iterator[av.VideoFrame]:
    """Yield frames, those of another size than the first one fitted into its width and height: a size may change within a file."""
    fitted, first = fitting(width, height), None
    for frame in frames:
        size = (frame.width, frame.height)
        first = first or size
        yield frame if size == first else fitted(frame)


def _encode(source: Path, target: Path, fps: Fraction, frames: Iterable[av.VideoFrame], box: tuple[int, int, int, int]) -> None:
    """Encode the part of every frame inside `box`, with the sound of these frames."""
    left, top, width, height = box
    cut_out = Chain(f"crop={width}:{height}:{left}:{top}", "format=yuv420p")
    with new_mp4(target) as output:
        writer = Mp4Writer(output, width, height, fps, has_sound(source))
        for frame in frames:
            writer.frame(cut_out(frame))
        writer.sound(sound_of(source, round(writer.frames / fps * RATE)))
        writer.finish()


def _lengths_of(clip: Path) -> tuple[float, float]:
    """Return how long a clip's pictures are shown, and how long it plays, which is longer where its sound is too long."""
    with open_video(clip) as container:
        pictures, sound = picture_track(container, clip.name), sound_track(container)
        spans = {track.index: (float("inf"), 0.0) for track in (pictures, sound) if track}
        for packet in container.demux([track for track in (pictures, sound) if track]):
            if packet.size and packet.pts is not None and not packet.is_discard:
                (begin, end), unit = spans[packet.stream_index], packet.time_base
                first, last = float(packet.pts * unit), float((packet.pts + (packet.duration or 0)) * unit)
                spans[packet.stream_index] = min(begin, first), max(end, last)
        begin, end = spans[pictures.index]
    whole = max(last for _, last in spans.values()) - min(first for first, _ in spans.values())
    shown = max(0.0, end - begin)
    return shown, whole if whole - shown > LONG_SOUND_SECONDS else shown


def _shown(seconds: float) -> str:
    return f"{round(seconds, 2):g}"
