"""A picture that is laid over the frames of a film for a part of its time: a caption, a logo, a title."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image


class Overlay(NamedTuple):
    """A picture over a film from `start` to `end` (seconds), with its upper left corner at `left`, `top` (pixels, even numbers).

    `picture` draws it (RGBA) when it is needed. It fades in and out for `fade` seconds; one that starts at 0 is whole at once,
    because the first frame of a film carries it.
    """

    start: float
    end: float
    left: int
    top: int
    picture: Callable[[], Image.Image]
    fade: float = 0.0

    def strength(self, moment: float) -> float:
        """Return how opaque the picture is at a moment of the film, from 0 to 1."""
        if not self.start <= moment < self.end:
            return 0.0
        if self.fade <= 0:
            return 1.0
        risen = 1.0 if self.start <= 0 else (moment - self.start) / self.fade
        return max(0.0, min(1.0, risen, (self.end - moment) / self.fade))
