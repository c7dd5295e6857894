"""Captions and the badge: drawn once with Pillow, then laid over frames as YUV with a strength that fades in and out.

Set in Inter, which covers Latin, Greek, Cyrillic and Vietnamese. Sizes follow the shorter side of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import fontpkg_inter
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tenxsom.media.subtitles import Cue
from tenxsom_studio.painting.camera import Samples, to_yuv

_FONT = Path(fontpkg_inter.__file__).parent / "files" / "Inter[opsz,wght].ttf"
_FADE_SECONDS = 0.28
_INK = (255, 255, 255, 255)
_PANEL = (9, 12, 20, 158)
_ELLIPSIS = "…"
_MOST_CHARACTERS = 400


class Layer(NamedTuple):
    """Something laid over the frames: where (even pixels), its premultiplied planes, and how opaque it is, 0 to 256."""

    x: int
    y: int
    planes: tuple[NDArray[np.uint16], ...]
    opacity: tuple[NDArray[np.uint16], ...]

    def put(self, frame: Sequence[Samples], strength: float) -> None:
        """Lay it over a frame's three planes, `strength` 0 (not at all) to 1."""
        factor = round(strength * 256)
        if factor <= 0:
            return
        for index, plane in enumerate(frame):
            scale = 1 if index == 0 else 2
            colour, opacity = self.planes[index], self.opacity[index]
            rows = slice(self.y // scale, self.y // scale + colour.shape[0])
            part = plane[rows, self.x // scale : self.x // scale + colour.shape[1]]
            if factor < 256:
                opacity = ((opacity * factor) >> 8).astype(np.uint16)
                colour = ((colour.astype(np.uint32) * factor) >> 8).astype(np.uint16)
            part[:] = (part * (256 - opacity) + colour + 128) >> 8


def strength_at(cue: Cue, moment: float) -> float:
    """How strongly a caption shows at a moment: it fades in after its start and out before its end."""
    fade = min(_FADE_SECONDS, (cue.end - cue.start) / 3)
    if not cue.start <= moment < cue.end or fade <= 0:
        return 0.0
    share = min(1.0, (moment - cue.start) / fade, (cue.end - moment) / fade)
    return share * share * (3 - 2 * share)


def caption_layer(text: str, width: int, height: int) -> Layer | None:
    """A caption as a lower third: up to three balanced lines on a soft panel. None when there are no words."""
    words = " ".join(text.split())[:_MOST_CHARACTERS]
    if not words:
        return None
    unit, tall = min(width, height), height > width
    font, lines = _fitted(words, unit, width * (0.86 if tall else 0.76))
    pitch, ascent = round(font.size * 1.32), round(font.size * 0.98)
    pad_x, pad_y = round(font.size * 0.85), round(font.size * 0.55)
    widest = max(font.getlength(line) for line in lines)
    box_wide, box_tall = round(widest) + 2 * pad_x, pitch * len(lines) + 2 * pad_y
    bottom = height - round(height * (0.13 if tall else 0.075))
    left, top, radius = (width - box_wide) // 2, bottom - box_tall, round(font.size * 0.62)
    sheet = _panel((width, height), (left, top, left + box_wide, bottom), radius, round(font.size * 0.5))
    draw = ImageDraw.Draw(sheet)
    for index, line in enumerate(lines):
        baseline = top + pad_y + index * pitch + ascent
        draw.text((width / 2, baseline), line, font=font, fill=_INK, anchor="ms")
    return _layer(sheet)


def badge_layer(text: str, width: int, height: int) -> Layer | None:
    """A small spaced word in the upper right corner, with a dot. None when there are no words."""
    if not text.strip():
        return None
    unit = min(width, height)
    font = _font(max(9, round(unit / 44)), 600)
    spaced = "\u2009".join(text.strip().upper()[:24])
    size = font.size
    wide = round(font.getlength(spaced) + size * 2.5)
    tall, margin = round(size * 2.05), round(unit * 0.042)
    right, top = width - margin, margin if width >= height else round(unit * 0.075)
    sheet = _panel((width, height), (right - wide, top, right, top + tall), tall // 2, 0, (9, 12, 20, 116))
    draw = ImageDraw.Draw(sheet)
    middle, dot = top + tall / 2, size * 0.2
    x = right - wide + size * 0.92
    draw.ellipse((x - dot, middle - dot, x + dot, middle + dot), fill=(255, 176, 92, 255))
    draw.text((x + size * 0.62, middle + size * 0.36), spaced, font=font, fill=(255, 255, 255, 226), anchor="ls")
    return _layer(sheet)


def _panel(
    size: tuple[int, int], box: tuple[int, int, int, int], radius: int, shadow: int, colour: tuple[int, int, int, int] = _PANEL
) -> Image.Image:
    """A transparent sheet with a rounded panel, smooth at its corners, over a soft shadow."""
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


def _layer(sheet: Image.Image) -> Layer:
    """The part of a sheet that is not transparent, as planes; on even pixels, because colour planes have half the size."""
    left, top, right, bottom = sheet.getchannel("A").getbbox() or (0, 0, 2, 2)
    left, top, right, bottom = (
        left // 2 * 2,
        top // 2 * 2,
        min(sheet.width, -(-right // 2) * 2),
        min(sheet.height, -(-bottom // 2) * 2),
    )
    pixels = np.asarray(sheet.crop((left, top, right, bottom)))
    alpha = (pixels[:, :, 3].astype(np.float32) * (256 / 255) + 0.5).astype(np.uint16)
    half = (alpha[::2, ::2] + alpha[1::2, ::2] + alpha[::2, 1::2] + alpha[1::2, 1::2]) // 4
    opacity = (alpha, half, half)
    planes = to_yuv(np.ascontiguousarray(pixels[:, :, :3]))
    colours = tuple(plane.astype(np.uint16) * strength for plane, strength in zip(planes, opacity, strict=True))
    return Layer(left, top, colours, opacity)


def _fitted(words: str, unit: int, room: float) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest type in which the words take two lines; three if they are many; cut short when even that is too little."""
    for divisor, most in ((18, 2), (20, 2), (21, 3), (23, 3), (26, 3)):
        font = _font(max(10, round(unit / divisor)), 580)
        lines = _wrapped(words, font, room)
        if len(lines) <= most:
            return font, _balanced(words, font, room, len(lines))
    kept = lines[:3]
    while kept[2] and font.getlength(kept[2] + _ELLIPSIS) > room:
        kept[2] = kept[2][:-1].rstrip()
    kept[2] += _ELLIPSIS
    return font, kept


def _balanced(words: str, font: ImageFont.FreeTypeFont, room: float, count: int) -> list[str]:
    """The narrowest setting with as many lines: even lines look meant, a lone last word does not."""
    low, high = 0.4 * room, room
    for _ in range(7):
        middle = (low + high) / 2
        if len(_wrapped(words, font, middle)) <= count:
            high = middle
        else:
            low = middle
    return _wrapped(words, font, high)


def _wrapped(words: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if font.getlength(longer) <= room:
            lines[-1:] = [longer]
        else:
            lines += _broken(word, font, room)
    return lines


def _broken(word: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """A word in pieces that fit: only words longer than a line are ever broken."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces


@lru_cache(maxsize=32)
def _font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(_FONT, size)
    font.set_variation_by_axes([min(32, max(14, size)), weight])
    return font
