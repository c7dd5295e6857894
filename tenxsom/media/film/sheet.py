"""Makes the contact sheet of a film: a strip of its pictures with their times, for a quick look."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from av.video.reformatter import Interpolation
from PIL import Image, ImageDraw

from tenxsom import clock
from tenxsom.media.lettering import Lettering
from tenxsom.media.moments import pictures_at, seconds_of
from tenxsom.safe_files import writing

_GROUND, _INK, _PLATE = (10, 14, 24), (255, 255, 255, 255), (10, 14, 24, 190)
_WIDTH, _GAP = 1920, 8
_LAST = 0.4
"""The last picture is so many seconds before the end, where nothing has faded yet."""


class _Grid(NamedTuple):
    columns: int
    rows: int

    @property
    def cells(self) -> int:
        return self.columns * self.rows


def contact_sheet(film: Path, target: Path, deadline: clock.Deadline | None = None) -> None:
    """Write a JPEG with eight pictures of a film, from the first to the last, whatever the suffix of `target`.

    Raises BrokenMedia when the film's pictures cannot be decoded, OSError when `target` cannot be written, OutOfTime when
    `deadline` is reached.
    """
    seconds = seconds_of(film)
    count = _grid_of(9, 16).cells
    step = max(0.0, seconds - _LAST) / (count - 1)
    sheet: Image.Image | None = None
    moments = [number * step for number in range(count)]
    for number, frame in enumerate(pictures_at(film, moments, step / 3, deadline)):
        grid = _grid_of(frame.width, frame.height)
        width = (_WIDTH - _GAP * (grid.columns + 1)) // grid.columns
        height = round(frame.height * width / frame.width)
        if sheet is None:
            sheet = Image.new("RGB", (_WIDTH, height * grid.rows + _GAP * (grid.rows + 1)), _GROUND)
        small = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA)
        cell = Image.fromarray(small.to_ndarray())
        _write_time(cell, number * step)
        row, column = divmod(number, grid.columns)
        sheet.paste(cell, (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
    if sheet is not None:
        with writing(target) as name:
            sheet.save(name, format="JPEG", quality=88, optimize=True, progressive=True)


def _grid_of(width: int, height: int) -> _Grid:
    """Return one row for upright pictures, two for others; both have the same number of cells."""
    return _Grid(8, 1) if height > width * 1.2 else _Grid(4, 2)


def _write_time(cell: Image.Image, moment: float) -> None:
    """Write a moment into the lower left corner of a picture, below its captions, as minutes and seconds."""
    type_ = Lettering(max(13, min(cell.size) // 24), 600)
    text = f"{int(moment // 60)}:{int(moment % 60):02d}"
    wide, tall, margin = round(type_.width(text) + type_.size), round(type_.size * 1.5), _GAP // 2
    draw = ImageDraw.Draw(cell, "RGBA")
    top = cell.height - margin - tall
    draw.rounded_rectangle((margin, top, margin + wide, top + tall), tall // 3, fill=_PLATE)
    type_.draw(draw, margin + type_.size / 2, top + type_.size * 1.1, text, _INK)
