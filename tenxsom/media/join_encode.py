"""Joins clips that differ: decodes each, fits it into the first one's frame, and encodes all as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4
from tenxsom.media.filters import Chain
from tenxsom.media.sound.reading import read_sound
from tenxsom.media.video_file import open_video, picture_track, rate_of, shown_size, sound_track, turn_of, upright

_WORTH_SEEKING = 1.0
"""Up to this many seconds are decoded and skipped."""


class Shape(NamedTuple):
    """The displayed size of a clip (even width and height in pixels) and its frames per second."""

    width: int
    height: int
    fps: Fraction


def encode_clips(clips: Sequence[Path], target: Path, deadline: clock.Deadline | None = None) -> None:
    """Encode all clips into one MP4 with the first one's size and frame rate; with sound if any clip has sound."""
    width, height, fps = shape_of(clips[0])
    fitted = fitting(width, height)
    with new_mp4(target) as output:
        writer = Mp4Writer(output, width, height, fps, has_sound=any(has_sound(clip) for clip in clips))
        written = 0
        for clip in clips:
            for frame in at_rate(clip, fps, deadline):
                writer.frame(fitted(frame))
            samples = round(writer.frames / fps * RATE) - written
            writer.sound(sound_of(clip, samples))
            written += samples
        writer.finish()


def shape_of(clip: Path) -> Shape:
    """Return a clip's shape. Raises BrokenMedia when it has no pictures."""
    with open_video(clip) as container:
        video = picture_track(container, clip.name)
        first = next(container.decode(video), None)
        if first is None:
            raise BrokenMedia(f"{clip.name} has a picture track without pictures.")
        width, height = shown_size(first, video)
        return Shape(max(2, width // 2 * 2), max(2, height // 2 * 2), rate_of(video))


def has_sound(clip: Path) -> bool:
    with open_video(clip) as container:
        return sound_track(container) is not None


def at_rate(clip: Path, fps: Fraction, deadline: clock.Deadline | None = None, begin: float = 0.0) -> Iterator[av.VideoFrame]:
    """Yield a clip's frames from `begin` (seconds), upright and at a constant rate: repeated or dropped where its own rate differs.

    Yields at least one frame: the last one where the clip is over before `begin`.

    Raises OutOfTime when `deadline` is reached, Interrupted when a stop is requested.
    """
    with open_video(clip) as container:
        video = picture_track(container, clip.name)
        video.codec_context.thread_type = "SLICE"  # the encoder keeps the cores busy; threads for frames cost a tenth more
        first = made = round(begin * fps)
        start, turn, shown, end = None, None, None, 0.0
        for frame in _decoded(container, video, begin):
            clock.check_stop()
            if deadline:
                deadline.check(f"Encoding {clip.name}")
            moment = float(frame.time or 0)
            start, turn = moment if start is None else start, turn or turn_of(frame)
            while shown is not None and made / fps < moment - start - 1e-4:
                yield shown
                made += 1
            shown, end = upright(frame, video, turn=turn), moment - start + float((frame.duration or 0) * (frame.time_base or 0))
        while shown is not None and (made == first or made / fps < end - 0.5 / float(fps)):
            yield shown
            made += 1


def _decoded(container: InputContainer, video: VideoStream, begin: float) -> Iterator[av.VideoFrame]:
    """Yield the first frame, then those from the key frame before `begin` on."""
    if begin >= _WORTH_SEEKING:
        first = next(container.decode(video), None)
        if first is None or first.pts is None or first.time_base is None:
            return
        yield first
        with suppress(av.FFmpegError):  # a file that cannot be searched is read on
            container.seek(first.pts + int(Fraction(begin) / first.time_base), stream=video)
    yield from container.decode(video)


def fitting(width: int, height: int) -> Chain:
    """Return the filters that scale a frame to fit, and centre it on black."""
    to = f"{width}:{height}"
    scaled = f"scale={to}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic"
    return Chain(scaled, f"pad={to}:(ow-iw)/2:(oh-ih)/2", "format=yuv420p")


def sound_of(clip: Path, samples: int) -> NDArray[np.float32]:
    """Return a clip's sound as 48 kHz stereo, in sync with its pictures, cut or filled with silence to `samples`."""
    result, at = np.zeros((2, samples), np.float32), 0
    for block in read_sound(clip):
        part = block[:, : samples - at]
        result[:, at : at + part.shape[1]] = part
        at += part.shape[1]
        if at >= samples:
            break
    return result
