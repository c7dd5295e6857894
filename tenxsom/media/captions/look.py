"""How captions look: their style, size, colours, and the part of the picture that they may use."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tenxsom.media.fonts import Face
from tenxsom.model.safe_area import SafeArea

Style = Literal["word_box", "word_colour", "line", "none"]
Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
ACCENT: Colour = (255, 203, 64)
_BLOCK_SIZES = 4
"""The height of two lines with their outlines in sizes of type, for scripts with marks above and below their letters."""
_LINE_EMS = 24
"""The longest line in sizes of type: about 42 columns, which eyes take in at once."""


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


class CaptionLook(NamedTuple):
    """How captions are drawn. Sizes are in pixels; `box` is the part of the picture that nothing of a platform covers."""

    size: int
    box: Box
    style: Style = "word_box"
    ink: Colour = WHITE
    accent: Colour = ACCENT
    font: Face | None = None
    weight: int = 800

    def middle(self, width: int) -> float:
        """Return the middle of the captions: that of the picture where the box allows a line of four sizes of type there."""
        middle = width / 2
        is_inside = min(middle - self.box.left, self.box.right - middle) >= 2 * self.size
        return middle if is_inside else (self.box.left + self.box.right) / 2

    @property
    def top(self) -> int:
        """Return the upper edge of the captions: two lines of any script at the bottom of the box are not higher."""
        return max(self.box.top, self.box.bottom - _BLOCK_SIZES * self.size)

    def line_width(self, width: int) -> float:
        """Return the width of the longest line that is centred in the box."""
        middle = self.middle(width)
        free = 2 * min(middle - self.box.left, self.box.right - middle)
        return max(self.size, min(free, self.size * _LINE_EMS))


def caption_look(
    width: int,
    height: int,
    area: SafeArea,
    *,
    style: Style = "word_box",
    ink: Colour = WHITE,
    accent: Colour = ACCENT,
    font: Face | None = None,
) -> CaptionLook:
    """Return the look of captions for a picture of a size, within a platform's safe area."""
    share = 0.074 if height > width * 1.2 else 0.054 if width > height * 1.2 else 0.066
    box = Box(
        round(area.left * width), round(area.top * height), round((1 - area.right) * width), round((1 - area.bottom) * height)
    )
    return CaptionLook(max(8, round(min(width, height) * share)), box, style, ink, accent, font)


def readable_on(colour: Colour) -> Colour:
    """Return white or black, whichever can be read better on (or around) a colour."""
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, colour))


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, from 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
