"""Outlines drawn by Pillow in canvas units, and filled with light: what scenes with things in them are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Colour

Point = tuple[float, float]

_FINE = 2
"""Outlines are drawn this much finer than the picture, so that their edges are smooth."""


class Stencil:
    """A part of the canvas into which outlines are cut; `fill` paints through it."""

    def __init__(self, canvas: Canvas, left: float, top: float, right: float, bottom: float) -> None:
        self._canvas = canvas
        self._columns = slice(
            min(canvas.width, max(0, int(left * canvas.unit) - 2)), max(0, min(canvas.width, int(right * canvas.unit) + 3))
        )
        self._rows = slice(canvas.row(top - 2 * canvas.pixel), min(canvas.height, canvas.row(bottom) + 3))
        width, height = self._columns.stop - self._columns.start, self._rows.stop - self._rows.start
        self._sheet = Image.new("L", (max(1, width) * _FINE, max(1, height) * _FINE))
        self._draw = ImageDraw.Draw(self._sheet)
        self._is_empty = width <= 0 or height <= 0

    def polygon(self, points: Sequence[Point], ink: int = 255) -> Stencil:
        self._draw.polygon([self._at(*point) for point in points], fill=ink)
        return self

    def ellipse(self, x: float, y: float, across: float, down: float = 0.0, ink: int = 255) -> Stencil:
        """`across` and `down` are radii; a circle needs only the first."""
        down = down or across
        self._draw.ellipse((*self._at(x - across, y - down), *self._at(x + across, y + down)), fill=ink)
        return self

    def box(self, left: float, top: float, right: float, bottom: float, *, radius: float = 0.0, ink: int = 255) -> Stencil:
        corner = radius * self._canvas.unit * _FINE
        if right > left and bottom > top:
            self._draw.rounded_rectangle((*self._at(left, top), *self._at(right, bottom)), corner, fill=ink)
        return self

    def line(self, points: Sequence[Point], width: float, ink: int = 255) -> Stencil:
        thick = max(1, round(width * self._canvas.unit * _FINE))
        self._draw.line([self._at(*point) for point in points], fill=ink, width=thick, joint="curve")
        if thick > 3:
            for x, y in (points[0], points[-1]):
                self.ellipse(x, y, width / 2, ink=ink)
        return self

    def fill(
        self, upper: Colour, lower: Colour | None = None, *, side: float = 0.0, is_round: bool = False, power: float = 1
    ) -> None:
        """Paint from `upper` to `lower`, lighter at the left where `side` is positive, shaded like a cylinder where `is_round`."""
        if self._is_empty:
            return
        part = self._canvas.light[:, self._rows, self._columns]
        mask = self._mask() * np.float32(power)
        down = np.linspace(0, 1, part.shape[1], dtype=np.float32)[:, None]
        across = np.linspace(-1, 1, part.shape[2], dtype=np.float32)[None, :]
        shade = 1 - side * across
        if is_round:
            shade = shade * (0.45 + 0.75 * np.exp(-(((across + 0.3) / 0.5) ** 2)) + 0.12 * np.maximum(across, 0) ** 3)
        lower = upper if lower is None else lower
        for i in range(3):
            part[i] += mask * ((upper[i] + down * (lower[i] - upper[i])) * shade - part[i])

    def shine(self, tone: Colour, strength: float = 1.0) -> None:
        """Add light through the stencil."""
        if not self._is_empty:
            mask = self._mask() * np.float32(strength)
            self._canvas.light[:, self._rows, self._columns] += mask * np.asarray(tone, np.float32)[:, None, None]

    def _at(self, x: float, y: float) -> Point:
        unit = self._canvas.unit
        return (x * unit - self._columns.start) * _FINE, (y * unit - self._rows.start) * _FINE

    def _mask(self) -> Plane:
        return np.asarray(self._sheet.reduce(_FINE), np.float32) / 255


def whole(canvas: Canvas) -> Stencil:
    """Return a stencil of the whole canvas."""
    return Stencil(canvas, 0, 0, canvas.wide, canvas.tall)


def quad(canvas: Canvas, points: Sequence[Point]) -> Stencil:
    """Return a stencil of one polygon, no larger than it."""
    x, y = [point[0] for point in points], [point[1] for point in points]
    return Stencil(canvas, min(x), min(y), max(x), max(y)).polygon(points)


def smooth(points: Sequence[Point], is_closed: bool = True, steps: int = 10) -> list[Point]:
    """Return a smooth line (Catmull-Rom) through points."""
    knots = np.asarray(points, np.float64)
    knots = np.vstack([knots[-1], knots, knots[:2]]) if is_closed else np.vstack([knots[0], knots, knots[-1]])
    t = (np.arange(steps) / steps)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        pieces.append(0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3))
    if not is_closed:
        pieces.append(knots[-1:])
    return [(float(x), float(y)) for x, y in np.vstack(pieces)]


def bokeh(canvas: Canvas, tones: Sequence[Colour], count: int, between: tuple[float, float], strength: float = 0.2) -> None:
    """Lights out of focus between two heights."""
    rng = canvas.rng
    for _ in range(count):
        x, y = rng.uniform(0, canvas.wide), rng.uniform(*between)
        size = rng.uniform(0.012, 0.05)
        spot = Stencil(canvas, x - size, y - size, x + size, y + size).ellipse(x, y, size)
        spot.ellipse(x, y, size * 0.86, ink=190)
        spot.shine(tones[int(rng.integers(0, len(tones)))], float(rng.uniform(0.3, 1)) * strength)


def shadow(canvas: Canvas, place: Point, across: float, down: float, strength: float = 0.5) -> None:
    """A soft shadow on the ground, `across` and `down` wide."""
    x, y = place
    rows = slice(canvas.row(y - 3 * down), canvas.row(y + 3 * down) + 1)
    columns = slice(max(0, int((x - 3 * across) * canvas.unit)), max(0, int((x + 3 * across) * canvas.unit) + 1))
    dark = np.exp(-(((canvas.x[:, columns] - x) / across) ** 2) - ((canvas.y[rows] - y) / down) ** 2)
    canvas.light[:, rows, columns] *= 1 - np.float32(strength) * dark
