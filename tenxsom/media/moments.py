"""Pictures of a video at some moments, found by key frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.encode import told_as_broken
from tenxsom.media.video_file import open_video, picture_track, upright


def pictures_at(
    video: Path, moments: Sequence[float], tolerance: float = 0.0, deadline: clock.Deadline | None = None
) -> Iterator[av.VideoFrame]:
    """Yield the pictures shown at some moments (seconds, rising), upright; the last picture for moments after the end.

    A key frame that is at most `tolerance` seconds away is taken instead, because it needs no others. Raises BrokenMedia, OutOfTime
    when `deadline` is reached, Interrupted when a stop is requested.
    """
    until = deadline or clock.Deadline(math.inf)
    with told_as_broken(f"{video.name} gives no pictures"), open_video(video) as container:
        track = picture_track(container, video.name)
        track.codec_context.thread_type = "SLICE"  # threads for frames decode the next ones as well, which are not wanted here
        tick = track.time_base or Fraction(1, av.time_base)
        start = track.start_time or 0
        entries = list(track.index_entries)  # they have the times of decoding, which begin a little earlier
        keys = [entry.timestamp - entries[0].timestamp + start for entry in entries if entry.is_keyframe]
        for moment in moments:
            wanted = start + round(Fraction(moment) / tick)
            near = min(keys, key=lambda key: abs(key - wanted), default=wanted)
            is_near = abs(near - wanted) * tick <= tolerance
            frame = _shown_at(container, track, near if is_near else wanted, until)
            if frame is None:
                raise BrokenMedia(f"{video.name} gives no picture at {moment:.2f} s.")
            yield upright(frame, track)


def seconds_of(video: Path) -> float:
    """Return the length of a video's picture track by its headers. Raises BrokenMedia."""
    with told_as_broken(f"{video.name} gives no pictures"), open_video(video) as container:
        track = picture_track(container, video.name)
        return float((track.duration or 0) * (track.time_base or 0)) or (container.duration or 0) / av.time_base


def _shown_at(container: InputContainer, track: VideoStream, moment: int, until: clock.Deadline) -> av.VideoFrame | None:
    """Return the picture that is shown at a moment in ticks of the track; it may have begun before."""
    shown = None
    container.seek(max(moment, 0), stream=track)
    for frame in container.decode(track):
        clock.check_stop()
        until.check("Looking for a picture")
        if shown is not None and (frame.pts or 0) > moment:
            break
        shown = frame
        if (frame.pts or 0) >= moment:
            break
    return shown
