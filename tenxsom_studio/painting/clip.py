"""Renders a clip from a still: camera move, captions, badge, soft sound, H.264 and AAC.

One thread computes frames on YUV planes while the encoder runs beside it. Imports numpy, Pillow and PyAV, so import this module
where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tenxsom.disk import disk_errors
from tenxsom.media.check import open_picture
from tenxsom.media.encode import RATE, Mp4Writer, made_ahead, new_mp4
from tenxsom.media.layers import Layer
from tenxsom.media.subtitles import Cue
from tenxsom.media.video_file import writable
from tenxsom_studio.painting import sound
from tenxsom_studio.painting.camera import MOVES, TRAVEL
from tenxsom_studio.painting.caption import badge_layer, caption_layer, set_captions, strength_at
from tenxsom_studio.painting.scenery import Scenery

_PRESET = "ultrafast"
"""x264's preset for previews, which are encoded again for the film: what it saves pays for the layers that move."""

__all__ = ["MOVES", "ClipOrder", "Cue", "render_clip"]


@dataclass(frozen=True)
class ClipOrder:
    """The order of a clip. Sides are even pixels; `camera` is one of MOVES, or empty for the seed's choice.

    Raises ValueError for an order that cannot be rendered.
    """

    width: int
    height: int
    seconds: float
    fps: int = 24
    cues: tuple[Cue, ...] = ()
    badge: str = "PREVIEW"
    seed: int = 0
    sound: bool = True
    camera: str = ""
    intensity: str = "medium"

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 64 or max(self.width, self.height) > 4096 or self.width % 2 or self.height % 2:
            raise ValueError(f"A clip has even sides of 64 to 4096 pixels, not {self.width}x{self.height}.")
        if not (0 < self.seconds <= 600 and 1 <= self.fps <= 120):
            raise ValueError(f"A clip has up to 600 seconds and 1 to 120 frames a second, not {self.seconds} and {self.fps}.")
        if self.camera not in ("", *MOVES):
            raise ValueError(f"The camera moves are {', '.join(MOVES)}, not {self.camera!r}.")
        if self.intensity not in TRAVEL:
            raise ValueError(f"The intensities are {', '.join(TRAVEL)}, not {self.intensity!r}.")

    @property
    def frames(self) -> int:
        return max(1, round(self.seconds * self.fps))


def render_clip(still: Path, target: Path, order: ClipOrder, progress: Callable[[float], None] | None = None) -> None:
    """Write an MP4 of exactly `order.frames` frames to `target`; the still may have any size and is cut to shape.

    `progress` is called with the completed share, 0 to 1, about once per second of video; its exception ends the rendering.
    Raises BrokenMedia when the still cannot be read and DiskError when the clip cannot be written; the caller removes an
    incomplete `target`.
    """
    studio = _Studio(Scenery(open_picture(still), order.width, order.height), order)
    with disk_errors(target), new_mp4(target) as container:
        writer = Mp4Writer(container, order.width, order.height, Fraction(order.fps), order.sound, preset=_PRESET)
        music = sound.bed(order.frames / order.fps, order.seed) if order.sound else np.zeros((2, 0), np.float32)
        with closing(made_ahead(studio.shoot, order.frames)) as frames:
            for index, frame in enumerate(frames):
                writer.frame(frame)
                writer.sound(music[:, _sample(index, order) : _sample(index + 1, order)])
                if progress is not None and (index + 1) % order.fps == 0:
                    progress((index + 1) / order.frames)
        writer.finish()
    if progress is not None:
        progress(1.0)


def _sample(frame: int, order: ClipOrder) -> int:
    return round(frame * RATE / order.fps)


class _Studio:
    """The scenery, the camera and the captions of frames. Used by one thread."""

    def __init__(self, scenery: Scenery, order: ClipOrder) -> None:
        self._scenery, self._order = scenery, order
        dice = np.random.default_rng(order.seed)
        chosen = MOVES[int(dice.choice(len(MOVES), p=[0.4, 0.2, 0.13, 0.13, 0.14]))]
        self._move = order.camera or chosen
        self._lean = (float(dice.uniform(-1, 1)), float(dice.uniform(-1, 0.4)))
        self._badge = badge_layer(order.badge, order.width, order.height)
        self._captions = set_captions(order.cues, order.frames / order.fps, order.width, order.height)
        self._drawn: tuple[int, Layer] | None = None

    def shoot(self, index: int) -> av.VideoFrame:
        """Return the frame number `index`."""
        order = self._order
        frame = av.VideoFrame(order.width, order.height, "yuv420p")
        planes = writable(frame)
        progress = index / max(1, order.frames - 1)
        self._scenery.shoot(self._move, TRAVEL[order.intensity], progress, lean=self._lean, planes=planes)
        if self._badge is not None:
            self._badge.put(planes, 1.0)
        for number, caption in enumerate(self._captions):
            strength = strength_at(caption.cue, index / order.fps)
            if strength > 0:
                self._caption(number).put(planes, strength)
        return frame

    def _caption(self, number: int) -> Layer:
        """Return a caption's layer, drawn on first use; only the current one is kept."""
        if self._drawn is None or self._drawn[0] != number:
            layer = caption_layer(self._captions[number], self._order.width, self._order.height)
            self._drawn = (number, layer)
        return self._drawn[1]
