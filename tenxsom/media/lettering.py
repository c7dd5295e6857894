"""Draws lines of text with Pillow, in any script: each letter in a font that has it, each run in its own direction.

Pillow joins and orders the letters within a run of one font (HarfBuzz and FriBiDi, by Raqm); this module orders the runs of a
line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal, NamedTuple

from PIL import ImageDraw, ImageFont

from tenxsom.media.fonts import Face, can_join, face_of, faces, in_the_language_of
from tenxsom.text import graphemes

Direction = Literal["ltr", "rtl"]
_STRONG: dict[str, Direction] = {"L": "ltr", "R": "rtl", "AL": "rtl", "AN": "rtl"}


class Run(NamedTuple):
    """Letters of one font, one direction and one part of a line."""

    face: Face
    direction: Direction
    text: str
    part: int = 0


class Lettering:
    """Draws text in one size (pixels) and weight (100 to 900), in all scripts; `font` is used for the letters that it has."""

    def __init__(self, size: int, weight: int = 580, font: Face | None = None) -> None:
        self.size = max(1, size)
        self._weight = weight
        self._first = font
        self._widths: dict[str, float] = {}

    def width(self, line: str) -> float:
        """Return the width of a line in pixels."""
        if line not in self._widths:
            self._widths[line] = sum(self.length(run) for run in self.runs((line,)))
        return self._widths[line]

    def draw(self, sheet: ImageDraw.ImageDraw, x: float, baseline: float, line: str, ink: tuple[int, ...]) -> None:
        """Draw a line from its left end at `x`."""
        for run in self.runs((line,)):
            self.draw_run(sheet, (x, baseline), run, ink)
            x += self.length(run)

    def runs(self, parts: tuple[str, ...], base: Direction | None = None) -> tuple[Run, ...]:
        """Return the runs of a line in visual order; `base` is the line's direction, by default that of its first letter."""
        return visual_runs(parts, self._first, base)

    def length(self, run: Run) -> float:
        """Return the width of a run in pixels."""
        return self._font(run).getlength(run.text, direction=_direction(run))

    def extent(self, run: Run) -> tuple[float, float]:
        """Return how far a run's ink reaches above and below the baseline, in pixels."""
        _, top, _, bottom = self._font(run).getbbox(run.text, anchor="ls", direction=_direction(run))
        return -top, bottom

    def draw_run(
        self, sheet: ImageDraw.ImageDraw, at: tuple[float, float], run: Run, ink: tuple[int, ...], outline: int = 0
    ) -> None:
        """Draw a run from the left end of its baseline, `outline` pixels wider on every side."""
        direction = _direction(run)
        sheet.text(at, run.text, font=self._font(run), fill=ink, anchor="ls", direction=direction, stroke_width=outline)

    def _font(self, run: Run) -> ImageFont.FreeTypeFont:
        return _font(run.face, self.size, self._weight)


@lru_cache(maxsize=2048)
def visual_runs(parts: tuple[str, ...], font: Face | None = None, base: Direction | None = None) -> tuple[Run, ...]:
    """Return the runs of a line, given in parts (its words, for example), in visual order: from left to right."""
    owned = [(letter, number) for number, part in enumerate(parts) for letter in graphemes(part)]
    letters = [letter for letter, _ in owned]
    base = base or direction_of("".join(parts))
    runs: list[Run] = []
    directed = zip(_directions(letters, base), _faces(letters, "".join(parts), font), owned, strict=True)
    for direction, group in groupby(directed, key=lambda item: item[0]):
        part = [
            Run(face, direction, "".join(letter for _, _, (letter, _) in same), number)
            for (face, number), same in groupby(group, key=lambda item: (item[1], item[2][1]))
        ]
        part = part[::-1] if direction == "rtl" else part
        runs = part + runs if base == "rtl" else runs + part
    return tuple(runs)


def direction_of(text: str) -> Direction:
    """Return the direction of a text, which is that of its first letter that has one."""
    return next((direction for letter in text if (direction := _STRONG.get(unicodedata.bidirectional(letter)))), "ltr")


def _directions(letters: list[str], base: Direction) -> list[Direction]:
    """Return the direction of every letter; marks, digits and blanks take that of their neighbours, else of the line."""
    kinds = [unicodedata.bidirectional(letter[0]) for letter in letters]
    strong: list[Direction | None] = []
    last: Direction | None = None
    for kind in kinds:
        direction = last if kind == "EN" and last == "ltr" else _STRONG.get(kind)  # digits after Latin letters belong to them
        last = direction or last
        strong.append(direction)
    before, after = _carried(strong, base), _carried(strong[::-1], base)[::-1]
    return [one if one == other else base for one, other in zip(before, after, strict=True)]


def _carried(strong: Iterable[Direction | None], base: Direction) -> list[Direction]:
    """Return for every letter the last strong direction up to it; before the first one, the line's own."""
    carried, last = [], base
    for direction in strong:
        last = direction or last
        carried.append(last)
    return carried


def _faces(letters: list[str], line: str, font: Face | None) -> list[Face]:
    """Return the font of every letter; a blank has that of the previous letter, a letter without a font the first one."""
    found: list[Face] = []
    for letter in letters:
        face = face_of(letter, font) or (found[-1] if found and letter.isspace() else font or faces()[0])
        found.append(in_the_language_of(face, line))
    return found


def _direction(run: Run) -> Direction | None:
    return run.direction if can_join() else None


@lru_cache(maxsize=64)
def _font(face: Face, size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(face.path), size, index=face.number)
    wanted = {"weight": weight, "optical size": size}
    try:
        axes = font.get_variation_axes()
    except OSError:
        return font  # one weight only
    font.set_variation_by_axes([_within(axis, wanted) for axis in axes])
    return font


def _within(axis: Mapping[str, Any], wanted: Mapping[str, int]) -> int:
    """Return the wanted value of a variable font's axis, within the axis's limits; its default if none is wanted."""
    value = wanted.get(axis["name"].decode().lower(), axis["default"])
    return int(min(axis["maximum"], max(axis["minimum"], value)))
