"""The stretches in which a long film is encoded, and how they are joined: their pictures are copied, the sound is encoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.encode import SoundTrack, new_mp4
from tenxsom.media.film.order import FilmOrder
from tenxsom.media.video_file import open_video, picture_track

STRETCH_SECONDS = 10
"""How much of a film one stretch has; the last one has up to half as much again."""
LEAST_SECONDS = 2
"""A stretch that ends early, because its time is over, has at least so much: one group of pictures."""
WORK_SECONDS = 30.0
"""After so much work a stretch ends early, so that a kill costs no more, also on a slow machine."""


class Stretches(Protocol):
    """Keeps the encoded stretches of a film, in order, until all are there."""

    @property
    def frames(self) -> int:
        """Return how many frames the kept stretches have."""

    def keep(self, written: Path, frames: int) -> None:
        """Keep the next stretch durably; the file `written` is moved away."""

    def files(self) -> Sequence[Path]:
        """Return the files of the kept stretches."""


def next_length(order: FilmOrder, at: int) -> int:
    """Return how many frames the stretch that begins at a frame has."""
    left, usual = order.frames - at, round(STRETCH_SECONDS * order.fps)
    return left if 2 * left <= 3 * usual else usual


def join_stretches(
    stretches: Stretches,
    order: FilmOrder,
    sound: Iterator[NDArray[np.float32]],
    target: Path,
    deadline: clock.Deadline | None = None,
) -> None:
    """Write the film from its stretches and the sound of each frame.

    Raises BrokenMedia when stretches do not fit together or are not the whole film, OutOfTime when `deadline` is reached,
    Interrupted when a stop is requested.
    """
    files = stretches.files()
    with new_mp4(target) as output:
        joint = _Joint(output, files, order.fps)
        track = SoundTrack(output) if order.sound else None
        for file in files:
            for packet in joint.packets_of(file):
                if deadline:
                    deadline.check("Joining the film")
                output.mux(packet)
                samples = next(sound, None)
                if track and samples is not None:
                    track.write(samples)
        if track:
            track.finish()
    if joint.frames != order.frames:
        raise BrokenMedia(f"The stretches of the film have {joint.frames} frames, not {order.frames}.")


class _Joint:
    """Puts the pictures of stretches on one time line."""

    def __init__(self, output: OutputContainer, files: Sequence[Path], fps: Fraction) -> None:
        with open_video(files[0]) as source:
            template = picture_track(source, files[0].name)
            self._track = output.add_stream_from_template(template)
            self._kind = _kind_of(template)
        self._fps = fps
        self._lead = max(map(_lead_of, files))
        self.frames = 0
        """How many are on the time line."""

    def packets_of(self, stretch: Path) -> Iterator[Packet[Any]]:
        """Yield the packets of the next stretch at their time in the film."""
        with open_video(stretch, probe=False) as source:
            video = picture_track(source, stretch.name)
            if _kind_of(video) != self._kind or not video.time_base:
                raise BrokenMedia(f"{stretch.name} does not fit the other stretches of its film.")
            tick, begin = video.time_base, self.frames
            for packet in source.demux(video):
                if packet.pts is None or packet.dts is None:
                    continue
                clock.check_stop()
                if packet.is_corrupt:
                    raise BrokenMedia(f"{stretch.name} is cut off.")
                packet.pts += round(begin / self._fps / tick)
                packet.dts = round((self.frames / self._fps - self._lead) / tick)
                packet.stream = self._track
                self.frames += 1
                yield packet


def _lead_of(stretch: Path) -> Fraction:
    """Return how many seconds before its time the first picture is decoded, which depends on the order of the pictures."""
    with open_video(stretch, probe=False) as source:
        first = next(source.demux(picture_track(source, stretch.name)))
        return ((first.pts or 0) - (first.dts or 0)) * first.time_base


def _kind_of(video: VideoStream) -> tuple[object, ...]:
    """Return what must be equal for two stretches to share a track."""
    return video.codec_context.extradata, video.width, video.height, video.time_base
