"""Draws captions and the badge once with Pillow, and lays them over frames as YUV with a strength that fades in and out.

The fonts are Inter, and Noto for scripts that Inter lacks. Sizes follow the shorter side of the picture.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from tenxsom.media.layers import Layer, layer_of
from tenxsom.media.lettering import Lettering
from tenxsom.media.subtitles import LEAST_MILLISECONDS, Cue, Setting, set_cues
from tenxsom.text import one_line

_FADE_SECONDS = 0.28
_INK = (255, 255, 255, 255)
_PANEL = (9, 12, 20, 158)
_SMALLEST = 10
_HIGHEST = 0.78
"""The share of a picture's height that captions may fill when there are more words than time."""
_SETTINGS = (
    *((divisor, lines, LEAST_MILLISECONDS) for divisor, lines in ((18, 2), (20, 2), (21, 3), (23, 3), (26, 3), (30, 0), (36, 0))),
    *((36, 0, least) for least in (400, 100, 42)),
)
"""What is tried one after the other: the type's part of the picture's shorter side, the lines (0: as many as fit), how short a
caption may be."""


class Caption(NamedTuple):
    """A cue with its line breaks, and its size of type in pixels."""

    cue: Cue
    size: int


def strength_at(cue: Cue, moment: float) -> float:
    """Return the opacity of a caption at a moment: it fades in after its start and out before its end."""
    fade = min(_FADE_SECONDS, (cue.end - cue.start) / 3)
    if not cue.start <= moment < cue.end or fade <= 0:
        return 0.0
    share = min(1.0, (moment - cue.start) / fade, (cue.end - moment) / fade)
    return share * share * (3 - 2 * share)


def set_captions(script: Iterable[Cue], seconds: float, width: int, height: int) -> list[Caption]:
    """Return all words of a clip as captions that fit the picture, without overlaps.

    Long texts are divided over time, like subtitles. When the time is too short for that, the type becomes smaller with more
    lines, and at last the captions become too short to read.
    """
    script = list(script)
    unit, tall = min(width, height), height > width
    most_high = height * _HIGHEST
    captions: list[Caption] = []
    for divisor, wanted, least in _SETTINGS:
        type_ = Lettering(max(_SMALLEST, round(unit / divisor)), 580)
        lines = wanted or max(1, int((most_high - 2 * _pad(type_)) / _pitch(type_, script)))
        room = min(width * (0.86 if tall else 0.76), width * 0.93 - 2 * _side_pad(type_))
        is_hopeless = sum(type_.width(one_line(cue.text)) for cue in script) > room * lines * seconds * 1000 / least
        if is_hopeless and (divisor, wanted, least) != _SETTINGS[-1]:
            continue
        cues = set_cues(script, 0, seconds, Setting(room, lines, type_.width, least))
        captions = [Caption(cue, type_.size) for cue in cues]
        if all(cue.text.count("\n") < lines for cue in cues):
            break
    return captions


def caption_layer(caption: Caption, width: int, height: int) -> Layer:
    """Return a caption as a lower third, on a soft panel."""
    type_, lines = Lettering(caption.size, 580), caption.cue.text.split("\n")
    pitch, ascent = _pitch(type_, [caption.cue]), round(type_.size * 0.98)
    pad_x, pad_y = _side_pad(type_), _pad(type_)
    widths = [type_.width(line) for line in lines]
    box_wide, box_tall = round(max(widths)) + 2 * pad_x, pitch * len(lines) + 2 * pad_y
    bottom = height - round(height * (0.13 if height > width else 0.075))
    left, top, radius = (width - box_wide) // 2, bottom - box_tall, round(type_.size * 0.62)
    sheet = _panel((width, height), (left, top, left + box_wide, bottom), radius, round(type_.size * 0.5))
    draw = ImageDraw.Draw(sheet)
    for index, line in enumerate(lines):
        type_.draw(draw, (width - widths[index]) / 2, top + pad_y + index * pitch + ascent, line, _INK)
    return layer_of(sheet, 0, 0, width, height)


def _pad(type_: Lettering) -> int:
    return round(type_.size * 0.55)


def _side_pad(type_: Lettering) -> int:
    return round(type_.size * 0.85)


def _pitch(type_: Lettering, script: Iterable[Cue]) -> int:
    """From line to line: more for scripts that write marks above and below their letters."""
    marks = any(unicodedata.category(letter)[0] == "M" for cue in script for letter in cue.text)
    return round(type_.size * (1.55 if marks else 1.32))


def badge_layer(text: str, width: int, height: int) -> Layer | None:
    """Return a small spaced word in the upper right corner, with a dot. None without words."""
    if not text.strip():
        return None
    unit = min(width, height)
    type_ = Lettering(max(9, round(unit / 44)), 600)
    spaced = "\u2009".join(text.strip().upper()[:24])
    size = type_.size
    wide = round(type_.width(spaced) + size * 2.5)
    tall, margin = round(size * 2.05), round(unit * 0.042)
    right, top = width - margin, margin if width >= height else round(unit * 0.075)
    sheet = _panel((width, height), (right - wide, top, right, top + tall), tall // 2, 0, (9, 12, 20, 116))
    draw = ImageDraw.Draw(sheet)
    middle, dot = top + tall / 2, size * 0.2
    x = right - wide + size * 0.92
    draw.ellipse((x - dot, middle - dot, x + dot, middle + dot), fill=(255, 176, 92, 255))
    type_.draw(draw, x + size * 0.62, middle + size * 0.36, spaced, (255, 255, 255, 226))
    return layer_of(sheet, 0, 0, width, height)


def _panel(
    size: tuple[int, int], box: tuple[int, int, int, int], radius: int, shadow: int, colour: tuple[int, int, int, int] = _PANEL
) -> Image.Image:
    """Return a transparent sheet with a rounded panel, smooth at its corners, over a soft shadow."""
    scale = 3
    left, top, right, bottom = box
    mask = Image.new("L", ((right - left) * scale, (bottom - top) * scale))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * scale, fill=255)
    mask = mask.resize((right - left, bottom - top), Image.Resampling.LANCZOS)
    sheet = Image.new("RGBA", size, (*colour[:3], 0))
    if shadow:
        dark = Image.new("L", size)
        dark.paste(mask.point(lambda value: value // 4), (left, top + shadow // 3))
        sheet.putalpha(dark.filter(ImageFilter.GaussianBlur(shadow)))
    sheet.paste(colour, (left, top), mask)
    return sheet
