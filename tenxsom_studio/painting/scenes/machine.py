"""The inside of a machine: wheels of many sizes that grip into each other, with light between them."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Colour, Palette
from tenxsom_studio.painting.shapes import Point, Stencil, bokeh, quad, whole


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    canvas.fill([(0, palette.deep), (0.5, palette.dark), (1, palette.deep * 0.7)])
    canvas.glow(wide * float(rng.uniform(0.3, 0.7)), tall * 0.42, 0.4, palette.haze, 0.6)
    _paint_plate(canvas, palette)
    tones = (palette.mid * 0.8 + palette.dark * 0.3, palette.warm * 0.75, palette.haze * 0.6)
    for _ in range(int(6 * tall)):
        _paint_wheel(canvas, palette, (rng.uniform(0, wide), rng.uniform(0, tall)), float(rng.uniform(0.08, 0.2)), tones[0] * 0.55)
    bokeh(canvas, (palette.warm, palette.accent), 12, (0, tall), 0.1)
    canvas.nearer()
    middle = (wide * 0.5 + float(rng.uniform(-0.06, 0.06)), tall * 0.48)
    _paint_train(canvas, palette, middle, tones)
    canvas.nearer()
    for corner in ((0.02, 0.93), (0.98, 0.07)):
        _paint_wheel(canvas, palette, (wide * corner[0], tall * corner[1]), float(rng.uniform(0.26, 0.34)), palette.dark * 0.5)
    canvas.bloom, canvas.vignette = 0.3, 0.45


def _paint_plate(canvas: Canvas, palette: Palette) -> None:
    """Brushed metal with rivets."""
    brushed = canvas.noise(0.006, 4, 0.7, stretch=24)
    canvas.dim(0.8 + 0.4 * brushed)
    sheet = whole(canvas)
    for x in np.arange(0.06, canvas.wide, 0.16):
        for y in np.arange(0.06, canvas.tall, 0.32):
            sheet.ellipse(float(x), float(y), 0.008)
    sheet.fill(palette.mid * 0.6, palette.dark, power=0.8)


def _paint_train(canvas: Canvas, palette: Palette, middle: tuple[float, float], tones: tuple[Colour, ...]) -> None:
    """A large wheel, and smaller ones that grip into it."""
    rng = canvas.rng
    size = 0.27
    angles = np.array([0.5, 1.45, 2.6, 3.75, 4.9, 5.75]) + rng.uniform(-0.12, 0.12, 6)
    for index, angle in enumerate(angles):
        radius = float(rng.uniform(0.08, 0.15))
        place = (middle[0] + (size + radius) * np.cos(angle), middle[1] + (size + radius) * np.sin(angle))
        _paint_wheel(canvas, palette, place, radius, tones[index % 3])
        outer = float(rng.uniform(0.06, 0.11))
        further = (place[0] + (radius + outer) * np.cos(angle + 0.5), place[1] + (radius + outer) * np.sin(angle + 0.5))
        _paint_wheel(canvas, palette, further, outer, tones[(index + 1) % 3])
    _paint_wheel(canvas, palette, middle, size, tones[1])


def _paint_wheel(canvas: Canvas, palette: Palette, place: tuple[float, float], radius: float, tone: Colour) -> None:
    """A toothed wheel with spokes and a hub; its shadow falls to the lower right."""
    (x, y), turn = place, float(canvas.rng.uniform(0, 1))
    teeth = max(8, round(radius * 110))
    outline = _teeth(x, y, radius, teeth, turn)
    drop = [(px + radius * 0.06, py + radius * 0.09) for px, py in outline]
    quad(canvas, drop).fill(palette.deep * 0.3, power=0.55)
    bounds = (x - radius * 1.1, y - radius * 1.1, x + radius * 1.1, y + radius * 1.1)
    body = Stencil(canvas, *bounds).polygon(outline)
    spokes = 5 if radius > 0.09 else 3
    for index in range(spokes):
        start, end = ((index + part) / spokes * 6.2832 + turn for part in (0.16, 0.84))
        arc = np.linspace(start, end, 14)
        hole = [(x + radius * 0.72 * np.cos(a), y + radius * 0.72 * np.sin(a)) for a in arc]
        hole += [(x + radius * 0.34 * np.cos(a), y + radius * 0.34 * np.sin(a)) for a in arc[::-1]]
        body.polygon([(float(px), float(py)) for px, py in hole], ink=0)
    body.fill(tone * 1.25, tone * 0.45, side=0.3)
    ring = Stencil(canvas, *bounds).ellipse(x, y, radius * 0.87).ellipse(x, y, radius * 0.845, ink=0)
    ring.shine(palette.light, 0.12)
    hub = Stencil(canvas, *bounds).ellipse(x, y, radius * 0.24)
    hub.fill(tone * 0.5, tone * 1.3, side=-0.2)
    Stencil(canvas, *bounds).ellipse(x, y, radius * 0.13).fill(palette.deep * 0.8, palette.dark)
    Stencil(canvas, *bounds).ellipse(x - radius * 0.04, y - radius * 0.05, radius * 0.05).shine(palette.light, 0.5)


def _teeth(x: float, y: float, radius: float, teeth: int, turn: float) -> list[Point]:
    steps = np.arange(teeth * 4)
    angle = (steps + np.array([0.15, -0.15, 0.15, -0.15])[steps % 4]) / (teeth * 4) * 2 * np.pi + turn
    away = np.where((steps % 4) < 2, radius * 1.04, radius * 0.9)
    return [(float(px), float(py)) for px, py in zip(x + away * np.cos(angle), y + away * np.sin(angle), strict=True)]
