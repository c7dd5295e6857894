"""The order of a film: its shots, its overlays and its sound on one time line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from tenxsom.media.film.overlay import Overlay

Transition = Literal["cut", "crossfade"]


class Shot(NamedTuple):
    """A part of a clip in the film, from `start` to `end` of the film in seconds."""

    clip: Path
    start: float
    end: float
    offset: float = 0.0
    """The moment of the clip that is shown at `start`, in seconds; with a crossfade, at the beginning of the crossfade."""


class FilmOrder(NamedTuple):
    """What a film consists of."""

    shots: Sequence[Shot]
    """In order and without gaps: each begins where the previous one ends."""
    width: int
    """Pixels, even; so is `height`."""
    height: int
    fps: Fraction
    seconds: float
    transition: Transition = "cut"
    overlays: Iterable[Overlay] = ()
    """Sorted by `start`; a later one lies over an earlier one. They are read one by one while the film is encoded."""
    sound: Path | None = None
    """A sound file (WAV); it is cut, or filled with silence, to the length of the film. None for a film without sound."""

    @property
    def frames(self) -> int:
        return self.frame_at(self.seconds)

    def frame_at(self, moment: float) -> int:
        """Return the number of the frame that is nearest to a moment in seconds."""
        return round(Fraction(moment) * self.fps)

    def check(self) -> None:
        """Raise ValueError for an order that makes no film."""
        if self.width % 2 or self.height % 2 or min(self.width, self.height) < 2:
            raise ValueError(f"A film has even sides, not {self.width}x{self.height}.")
        if not self.shots or self.frames < 1:
            raise ValueError("A film has at least one shot and one frame.")
        gaps = [(one.end, other.start) for one, other in pairwise(self.shots) if abs(one.end - other.start) * self.fps > 0.5]
        if gaps or self.shots[0].start * self.fps > 0.5:
            raise ValueError(f"The shots of a film follow each other without gaps; these do not: {gaps or self.shots[0].start}.")
