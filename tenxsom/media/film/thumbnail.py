"""Makes the thumbnail of a film: a sharp picture from its clips, with the title on it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.media.film.brand import title_font
from tenxsom.media.film.fit import Fitter
from tenxsom.media.film.order import Shot
from tenxsom.media.film.titles import Room, TextBlock, TextLook, bar, text_block
from tenxsom.media.filters import Chain
from tenxsom.media.moments import pictures_at
from tenxsom.model.brand import Brand, ThumbnailLook, rgb
from tenxsom.safe_files import writing

log = logging.getLogger(__name__)

_LONGEST_SIDE = 1280
_MOST_CLIPS = 6
_MOMENTS = (0.3, 0.7)
"""The parts of a shot whose pictures are compared."""
_MARGIN = 0.07


def make_title_thumbnail(
    shots: Sequence[Shot],
    title: str,
    target: Path,
    *,
    width: int,
    height: int,
    brand: Brand | None = None,
    language: str = "en",
    clear_top: float = 0.0,
    deadline: clock.Deadline | None = None,
) -> None:
    """Write a JPEG in the shape of the film (`width` x `height`), whatever the suffix of `target`.

    Its picture comes from the clips, which have no captions: the sharpest of a few. `clear_top` is the share of the clips'
    height at their top that is cut away, where previews carry their mark. Raises BrokenMedia when no clip can be decoded,
    OSError when `target` cannot be written, OutOfTime when `deadline` is reached.
    """
    scale = min(1.0, _LONGEST_SIDE / max(width, height))
    size = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    picture = max(_candidates(shots, size, clear_top, deadline), key=_worth, default=None)
    if picture is None:
        raise BrokenMedia("The clips give no picture for a thumbnail.")
    sheet = picture.convert("RGBA")
    _write_title(sheet, title, brand or Brand(), language)
    with writing(target) as name:
        sheet.convert("RGB").save(name, format="JPEG", quality=90, optimize=True, progressive=True)


def _candidates(
    shots: Sequence[Shot], size: tuple[int, int], clear_top: float, deadline: clock.Deadline | None
) -> Iterator[Image.Image]:
    """Yield pictures of some of the shots, in the size of the thumbnail. One clip that cannot be read leaves the others."""
    step = max(1, len(shots) // _MOST_CLIPS)
    crop = Chain(f"crop=iw:ih*{1 - clear_top:.4f}:0:ih*{clear_top:.4f}") if clear_top > 0 else None
    fitter = Fitter(*size)
    for shot in shots[::step]:
        moments = [shot.offset + (shot.end - shot.start) * share for share in _MOMENTS]
        try:
            for frame in pictures_at(shot.clip, moments, tolerance=(shot.end - shot.start) / 5, deadline=deadline):
                fitted = fitter.fit(crop(frame) if crop else frame)
                yield Image.fromarray(fitted.to_ndarray(format="rgb24", src_colorspace="ITU709"))
        except (BrokenMedia, av.FFmpegError) as error:
            log.warning("No picture of %s can be used for the thumbnail: %s", shot.clip.name, error)


def _worth(picture: Image.Image) -> float:
    """Return how good a picture is: its sharpness and its contrast, less where it is very dark or very light."""
    grey = np.asarray(picture.convert("L").reduce(2), np.float32)
    edges = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    balance = 1 - abs(float(grey.mean()) - 118) / 160
    return float(edges * 4 + grey.std()) * max(0.1, balance)


def _write_title(sheet: Image.Image, title: str, brand: Brand, language: str) -> None:
    """Write the title with its bar and the brand's name over the picture, which is darkened behind them."""
    look, ink = brand.thumbnail, rgb(brand.colours.ink)
    unit, middle = min(sheet.size), sheet.width / 2
    text = title.upper() if look.capitals else title
    style = TextLook(round(unit * look.size), 850, ink, title_font(brand))
    block = text_block(text, language, style, Room(sheet.width * (1 - 2 * _MARGIN), sheet.height * 0.6))
    below = _name_of(brand, language, unit, style) if look.name and brand.name else None
    height = block.height + round(block.size * 0.5) + (below.height + round(unit * 0.02) if below else 0)
    top = _top_of(look, sheet.height, height)
    sheet.alpha_composite(_shade(sheet.size, top, height, look.shade, rgb(brand.colours.dark)))
    block.draw(sheet, middle, top)
    y = top + block.height + bar(sheet, middle, top + block.height, block.size, rgb(brand.colours.accent))
    if below:
        below.draw(sheet, middle, y + unit * 0.02)


def _name_of(brand: Brand, language: str, unit: int, style: TextLook) -> TextBlock:
    """Return the brand's name in small type; `unit` is the picture's shorter side in pixels."""
    small = style._replace(size=round(unit * 0.042), weight=700)
    return text_block(brand.name or "", language, small, Room(unit * 0.8, unit * 0.2, 2))


def _top_of(look: ThumbnailLook, height: int, block: int) -> float:
    margin = height * _MARGIN
    return {"top": margin, "middle": (height - block) / 2, "bottom": height - margin - block}[look.place]


def _shade(size: tuple[int, int], top: float, height: float, strength: float, colour: tuple[int, int, int]) -> Image.Image:
    """Return a veil of a colour: `strength` behind the title, half of it elsewhere, with soft edges."""
    rows = np.arange(size[1], dtype=np.float32)
    soft = size[1] * 0.16
    away = np.maximum(0, np.maximum(top - rows, rows - (top + height))) / soft
    alpha = strength * (0.5 + 0.5 * np.exp(-(away**2)))
    column = Image.fromarray(np.round(alpha * 255).astype(np.uint8)[:, None])
    veil = Image.new("RGBA", size, (*colour, 0))
    veil.putalpha(column.resize(size))
    return veil
