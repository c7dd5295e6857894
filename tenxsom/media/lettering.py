"""Draws lines of text with Pillow, in any script: each letter in a font that has it, each run in its own direction.

Pillow joins and orders the letters within a run of one font (HarfBuzz and FriBiDi, by Raqm); this module orders the runs of a
line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, Literal, NamedTuple

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from tenxsom.media.fonts import Face, can_join, colour_face_of, face_of, faces, in_the_language_of
from tenxsom.text import graphemes

Direction = Literal["ltr", "rtl"]
_BRACKETS = {"(": ")", "[": "]", "{": "}", "（": "）"}
_MOST_MARKS = 6
_STRONG: dict[str, Direction] = {"L": "ltr", "R": "rtl", "AL": "rtl", "AN": "rtl"}


class Run(NamedTuple):
    """Letters of one font, one direction and one part of a line."""

    face: Face
    direction: Direction
    text: str
    part: int = 0


class Lettering:
    """Draws text in one size (pixels) and weight (100 to 900), in all scripts; `font` is used for the letters that it has.

    With `colour`, emoji are coloured pictures where the system has a font of them.
    """

    def __init__(self, size: int, weight: int = 580, font: Face | None = None, *, colour: bool = False) -> None:
        self.size = max(1, size)
        self._weight = weight
        self._first = font
        self._colour = colour
        self._widths: dict[str, float] = {}

    def width(self, line: str) -> float:
        """Return the width of a line in pixels."""
        if line not in self._widths:
            self._widths[line] = sum(self.length(run) for run in self.runs((line,)))
        return self._widths[line]

    def draw(self, sheet: ImageDraw.ImageDraw, x: float, baseline: float, line: str, ink: tuple[int, ...]) -> None:
        """Draw a line from its left end at `x`."""
        for run in self.runs((line,)):
            sheet.text((x, baseline), run.text, font=self._font(run), fill=ink, anchor="ls", direction=_direction(run))
            x += self.length(run)

    def runs(self, parts: tuple[str, ...], base: Direction | None = None) -> tuple[Run, ...]:
        """Return the runs of a line in visual order; `base` is the line's direction, by default that of its first letter."""
        return visual_runs(parts, self._first, base, self._colour)

    def length(self, run: Run) -> float:
        """Return the width of a run in pixels."""
        return self._font(run).getlength(run.text, direction=_direction(run)) * self._scale(run)

    def extent(self, run: Run) -> tuple[float, float]:
        """Return how far a run's ink reaches above and below the baseline, in pixels."""
        _, top, _, bottom = self._font(run).getbbox(run.text, anchor="ls", direction=_direction(run))
        return -top * self._scale(run), bottom * self._scale(run)

    def draw_run(self, sheet: Image.Image, at: tuple[float, float], run: Run, ink: tuple[int, ...]) -> None:
        """Draw a run from the left end of its baseline; a coloured picture keeps its colours."""
        if run.face.strike:
            picture = self._picture(run)
            sheet.alpha_composite(picture, self._corner(at, run))
        else:
            _draw_text(sheet, at, run, self._font(run), ink)

    def draw_outline(self, sheet: Image.Image, at: tuple[float, float], run: Run, ink: tuple[int, ...], wide: int) -> None:
        """Draw what surrounds the letters of a run, `wide` pixels on every side."""
        if run.face.strike:
            x, y = self._corner(at, run)
            alpha = ImageOps.expand(self._picture(run).getchannel("A"), wide).filter(ImageFilter.MaxFilter(2 * wide + 1))
            sheet.paste(ink, (x - wide, y - wide), alpha)
        else:
            _draw_text(sheet, at, run, self._font(run), ink, wide=wide)

    def _picture(self, run: Run) -> Image.Image:
        """Return a run of coloured pictures in this size."""
        font, scale = self._font(run), self._scale(run)
        left, top, right, bottom = font.getbbox(run.text, anchor="ls")
        picture = Image.new("RGBA", (round(right - left), round(bottom - top)))
        ImageDraw.Draw(picture).text((-left, -top), run.text, font=font, anchor="ls", embedded_color=True)
        wide, tall = (max(1, round(side * scale)) for side in picture.size)
        return picture.resize((wide, tall), Image.Resampling.LANCZOS)

    def _corner(self, at: tuple[float, float], run: Run) -> tuple[int, int]:
        left, top, _, _ = self._font(run).getbbox(run.text, anchor="ls")
        return max(0, round(at[0] + left * self._scale(run))), max(0, round(at[1] + top * self._scale(run)))

    def _scale(self, run: Run) -> float:
        return self.size / run.face.strike if run.face.strike else 1.0

    def _font(self, run: Run) -> ImageFont.FreeTypeFont:
        return _font(run.face, run.face.strike or self.size, self._weight)


def _draw_text(
    sheet: Image.Image, at: tuple[float, float], run: Run, font: ImageFont.FreeTypeFont, ink: tuple[int, ...], *, wide: int = 0
) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text(at, run.text, font=font, fill=ink, anchor="ls", direction=_direction(run), stroke_width=wide)


@lru_cache(maxsize=2048)
def visual_runs(
    parts: tuple[str, ...], font: Face | None = None, base: Direction | None = None, colour: bool = False
) -> tuple[Run, ...]:
    """Return the runs of a line, given in parts (its words, for example), in visual order: from left to right."""
    owned = [(_with_few_marks(letter), number) for number, part in enumerate(parts) for letter in graphemes(part)]
    letters = [letter for letter, _ in owned]
    base = base or direction_of("".join(parts))
    runs: list[Run] = []
    directed = zip(_directions(letters, base), _faces(letters, "".join(parts), font, colour), owned, strict=True)
    for direction, group in groupby(directed, key=lambda item: item[0]):
        part = [
            Run(face, direction, "".join(letter for _, _, (letter, _) in same), number)
            for (face, number), same in groupby(group, key=lambda item: (item[1], item[2][1]))
        ]
        part = part[::-1] if direction == "rtl" else part
        runs = part + runs if base == "rtl" else runs + part
    return tuple(runs)


def _with_few_marks(letter: str) -> str:
    """Return a grapheme cluster with the most marks that any language puts on one: more of them would cover the picture."""
    if len(letter) <= _MOST_MARKS:
        return letter
    marks = (number for number, character in enumerate(letter) if unicodedata.category(character) in ("Mn", "Me"))
    return letter[: next(islice(marks, _MOST_MARKS, None), len(letter))]


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
    for opening, closing in _bracket_pairs(letters):
        strong[opening] = strong[closing] = _direction_of_brackets(strong, opening, closing, base)
    before, after = _carried(strong, base), _carried(strong[::-1], base)[::-1]
    return [one if one == other else base for one, other in zip(before, after, strict=True)]


def _bracket_pairs(letters: list[str]) -> list[tuple[int, int]]:
    """Return the places of the pairs of brackets, in the order of their beginnings."""
    opened: list[int] = []
    pairs = []
    for number, letter in enumerate(letters):
        if letter in _BRACKETS:
            opened.append(number)
        elif opened and letter == _BRACKETS[letters[opened[-1]]]:
            pairs.append((opened.pop(), number))
    return sorted(pairs)


def _direction_of_brackets(strong: list[Direction | None], opening: int, closing: int, base: Direction) -> Direction | None:
    """Return the direction of a pair of brackets (https://www.unicode.org/reports/tr9/#N0); None where nothing inside has one."""
    inside = {direction for direction in strong[opening + 1 : closing] if direction}
    if not inside or base in inside:
        return base if inside else None
    (other,) = inside
    before = next((direction for direction in reversed(strong[:opening]) if direction), base)
    return other if before == other else base


def _carried(strong: Iterable[Direction | None], base: Direction) -> list[Direction]:
    """Return for every letter the last strong direction up to it; before the first one, the line's own."""
    carried, last = [], base
    for direction in strong:
        last = direction or last
        carried.append(last)
    return carried


def _faces(letters: list[str], line: str, font: Face | None, colour: bool) -> list[Face]:
    """Return the font of every letter; a blank has that of the previous letter, a letter without a font the first one."""
    found: list[Face] = []
    for letter in letters:
        beside = found[-1] if found and letter.isspace() and not found[-1].strike else font or faces()[0]
        face = (colour_face_of(letter) if colour else None) or face_of(letter, font) or beside
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
