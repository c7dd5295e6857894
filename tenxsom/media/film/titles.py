"""Large texts on pictures: titles on thumbnails and cards, as large as they fit, in balanced lines, in any script."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from tenxsom.media.captions.look import Colour, readable_on
from tenxsom.media.captions.phrases import Limits, TimedWord, fitting, line_of, one_phrase
from tenxsom.media.fonts import Face
from tenxsom.media.lettering import Lettering, Run
from tenxsom.text import one_line, units

_SIZES = (1.0, 0.9, 0.8, 0.72, 0.64, 0.56, 0.5, 0.42, 0.35)
"""The sizes that are tried, as shares of the wanted one."""

_MOST_LINES = 60
_SHARE = 0.98
"""The share of a width that is filled: blanks between words differ a little from font to font."""


class TextLook(NamedTuple):
    """How a large text looks: its wanted size in pixels, its weight (100 to 900), its colour and its font."""

    size: int
    weight: int = 850
    ink: Colour = (255, 255, 255)
    font: Face | None = None
    outlined: bool = True
    """Whether the letters have a dark or light edge, for a ground that is not known."""


class Room(NamedTuple):
    """The rectangle for a text in pixels, and the most lines."""

    width: float
    height: float
    lines: int = 4


class TextBlock:
    """A text in lines that fit a rectangle."""

    def __init__(self, lines: Sequence[str], type_: Lettering, look: TextLook) -> None:
        self.lines, self._type, self._look = list(lines), type_, look
        extents = [type_.extent(run) for line in self.lines for run in type_.runs((line,))]
        self._above = round(max([type_.size * 0.76, *(extent[0] for extent in extents)]))
        self._below = round(max([type_.size * 0.1, *(extent[1] for extent in extents)]))
        self.pitch = round(max(type_.size * 1.16, (self._above + self._below) * 1.08))

    @property
    def size(self) -> int:
        """Return the size of the type in pixels."""
        return self._type.size

    @property
    def width(self) -> float:
        return max((self._type.width(line) for line in self.lines), default=0.0)

    @property
    def height(self) -> int:
        return self.pitch * (len(self.lines) - 1) + self._above + self._below if self.lines else 0

    def draw(self, sheet: Image.Image, middle: float, top: float) -> None:
        """Draw the lines one below the other, each centred at `middle`; outlines first, so that none covers a letter."""
        outline, edge = max(1, round(self.size * 0.06)), (*readable_on(self._look.ink), 255)
        if self._look.outlined:
            for at, run in self._placed(middle, top):
                self._type.draw_outline(sheet, at, run, edge, outline)
        for at, run in self._placed(middle, top):
            self._type.draw_run(sheet, at, run, (*self._look.ink, 255))

    def _placed(self, middle: float, top: float) -> Iterator[tuple[tuple[float, float], Run]]:
        """Yield each run with the left end of its baseline."""
        for number, line in enumerate(self.lines):
            x, baseline = middle - self._type.width(line) / 2, top + self._above + number * self.pitch
            for run in self._type.runs((line,)):
                yield (x, baseline), run
                x += self._type.length(run)


def text_block(text: str, language: str, look: TextLook, room: Room) -> TextBlock:
    """Return a text as large as it fits, at most the wanted size; a word that no size makes fit is divided.

    `language` is a tag such as `pt-BR`.
    """
    width = room.width * _SHARE
    words = [TimedWord(unit.text.strip(), 0, 1) for unit in units(one_line(text), math.inf) if unit.text.strip()]
    for share in _SIZES:
        type_ = Lettering(round(look.size * share), look.weight, look.font, colour=True)
        phrase = one_phrase(words, language, Limits(width, type_.width, room.lines))
        if phrase is not None:
            block = TextBlock([line_of(line) for line in phrase.lines], type_, look)
            if block.height <= room.height:
                return block
    type_ = Lettering(round(look.size * _SIZES[-1]), look.weight, look.font, colour=True)
    limits = Limits(width, type_.width, _MOST_LINES)
    phrase = one_phrase(fitting(words, limits), language, limits)
    return TextBlock([line_of(line) for line in phrase.lines] if phrase else [], type_, look)


def bar(sheet: Image.Image, middle: float, top: float, size: int, colour: Colour) -> int:
    """Draw the short bar that stands under a title of type of a size; return its height with the room around it."""
    wide, tall = size * 0.55, max(2, round(size * 0.09))
    ImageDraw.Draw(sheet).rounded_rectangle(
        (middle - wide, top + size * 0.18, middle + wide, top + size * 0.18 + tall), tall / 2, fill=(*colour, 255)
    )
    return round(size * 0.36) + tall
