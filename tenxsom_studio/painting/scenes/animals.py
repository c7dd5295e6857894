"""The savannah in the evening: a huge sun, a herd that wanders, an acacia, grass in front and birds above."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.scenes import sky
from tenxsom_studio.painting.shapes import Point, Stencil, quad, smooth, whole

_ELEPHANT: tuple[Point, ...] = (
    (-0.5, -0.42), (-0.44, -0.6), (-0.25, -0.7), (0.0, -0.7), (0.2, -0.66), (0.3, -0.72), (0.42, -0.74), (0.52, -0.66),
    (0.58, -0.5),
    (0.6, -0.3), (0.63, -0.14), (0.7, -0.1), (0.66, -0.06), (0.57, -0.1), (0.53, -0.28), (0.46, -0.42), (0.36, -0.36), (0.34, -0.2),
    (0.35, 0.0), (0.2, 0.0), (0.19, -0.24), (0.05, -0.26), (-0.12, -0.24), (-0.16, -0.2), (-0.14, 0.0), (-0.3, 0.0), (-0.32, -0.2),
    (-0.42, -0.26), (-0.4, 0.0), (-0.5, 0.0), (-0.52, -0.2),
)  # fmt: skip
_GIRAFFE: tuple[Point, ...] = (
    (-0.3, -0.62), (-0.1, -0.72), (0.08, -0.78), (0.16, -1.0), (0.25, -1.3),
    (0.28, -1.42), (0.33, -1.44), (0.46, -1.34), (0.45, -1.29),
    (0.34, -1.29), (0.28, -1.05), (0.24, -0.78), (0.2, -0.58), (0.19, -0.3), (0.2, 0.0), (0.14, 0.0), (0.13, -0.3), (0.1, -0.5),
    (-0.14, -0.48), (-0.2, -0.3), (-0.19, 0.0), (-0.25, 0.0), (-0.27, -0.3), (-0.33, -0.46),
)  # fmt: skip
_ANTELOPE: tuple[Point, ...] = (
    (-0.34, -0.5), (-0.1, -0.54), (0.12, -0.56), (0.22, -0.7), (0.26, -0.8), (0.2, -1.0), (0.23, -1.0), (0.31, -0.82),
    (0.42, -0.74),
    (0.4, -0.7), (0.32, -0.7), (0.26, -0.54), (0.2, -0.38), (0.18, 0.0), (0.14, 0.0), (0.12, -0.34), (-0.18, -0.34), (-0.24, -0.2),
    (-0.22, 0.0), (-0.27, 0.0), (-0.3, -0.2), (-0.33, -0.34),
)  # fmt: skip
"""Outlines that look to the right, foot at 0, in units of the animal's size."""


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    horizon = tall * float(rng.uniform(0.62, 0.68))
    sun = sky.Sun(wide * float(rng.uniform(0.35, 0.65)), horizon - 0.12, float(rng.uniform(0.16, 0.22)))
    sky.paint_sky(canvas, palette, sun, horizon)
    canvas.cover(canvas.disc(sun.x, sun.y, sun.radius, 0.006), palette.light * 1.25)
    sky.paint_clouds(canvas, palette, sun, horizon, 0.4)
    _paint_birds(canvas, palette, sun)
    _paint_plain(canvas, palette, horizon, 0.6)
    heading = float(rng.choice([-1, 1]))
    for _ in range(9):
        outline = (_ANTELOPE, _ELEPHANT, _ANTELOPE)[int(rng.integers(0, 3))]
        _paint_animal(canvas, palette, outline, (float(rng.uniform(0, wide)), horizon + 0.015), 0.045, heading=heading, air=0.45)
    canvas.nearer()
    _paint_plain(canvas, palette, horizon + 0.09 * tall, 0.2)
    _paint_acacia(canvas, palette, sun.x + heading * 0.36 * wide, horizon + 0.11 * tall)
    kinds = (
        [(_ELEPHANT, 0.2), (_GIRAFFE, 0.25), (_ELEPHANT, 0.12)]
        if rng.random() < 0.6
        else [(_GIRAFFE, 0.26), (_GIRAFFE, 0.2), (_ANTELOPE, 0.14)]
    )
    for index, (outline, size) in enumerate(kinds):
        x = sun.x - heading * (0.28 * index - 0.12) * max(1.0, wide * 0.6)
        _paint_animal(canvas, palette, outline, (x, horizon + 0.12 * tall + 0.01 * index), size, heading=heading, air=0.08)
    canvas.nearer()
    _paint_grass(canvas, palette)
    canvas.bloom, canvas.vignette = 0.4, 0.38


def _paint_animal(
    canvas: Canvas, palette: Palette, outline: tuple[Point, ...], foot: Point, size: float, *, heading: float, air: float
) -> None:
    points = smooth([(foot[0] + heading * x * size, foot[1] + y * size) for x, y in outline], steps=5)
    tone = palette.deep * (1 - air) * 0.8 + (0.5 * palette.mid + 0.3 * palette.haze) * air
    quad(canvas, points).fill(tone + palette.warm * 0.05, tone * 0.7)


def _paint_plain(canvas: Canvas, palette: Palette, horizon: float, air: float) -> None:
    crest = horizon - (noise.line(canvas.rng, canvas.width, canvas.wide * 1.6, 5, 0.5) - 0.4) * 0.025
    top = canvas.row(float(crest.min()) - 0.01)
    below = canvas.y[top:] - crest[None, :]
    dry = 0.7 + 0.5 * canvas.noise(0.02, 4, stretch=6)[top:]
    tone = palette.deep * (1 - air) + 0.55 * palette.mid * air + palette.warm * 0.16 * air
    lit = np.exp(-np.maximum(below, 0) / 0.05) * (0.1 + 0.4 * air)
    tones = np.stack([tone[i] * dry + lit * palette.warm[i] * 0.5 for i in range(3)])
    canvas.cover(np.clip(below / canvas.pixel + 0.5, 0, 1), tones, top)


def _paint_acacia(canvas: Canvas, palette: Palette, x: float, foot: float) -> None:
    """A tree with a flat crown."""
    rng, dark = canvas.rng, palette.deep * 0.75
    sheet = Stencil(canvas, x - 0.32, foot - 0.46, x + 0.32, foot + 0.02)
    for place in (-0.18, -0.06, 0.07, 0.2):
        sheet.line(smooth([(x, foot), (x + place * 0.15, foot - 0.18), (x + place, foot - 0.33)], is_closed=False), 0.013)
    for _ in range(110):
        across = float(rng.uniform(-1, 1))
        sheet.ellipse(x + 0.28 * across, foot - 0.35 - 0.05 * (1 - across * across) + float(rng.normal(0, 0.012)), 0.026, 0.011)
    sheet.fill(dark + palette.warm * 0.03, dark * 0.6)


def _paint_birds(canvas: Canvas, palette: Palette, sun: sky.Sun) -> None:
    """A flock far away."""
    rng, sheet = canvas.rng, whole(canvas)
    for _ in range(16):
        x, y = sun.x + rng.normal(0, 0.22), sun.y - 0.28 + rng.normal(0, 0.1)
        size, lift = rng.uniform(0.008, 0.018), rng.uniform(0.3, 0.7)
        wing = [
            (x - size, y - size * lift),
            (x - size * 0.4, y - size * 0.5 * lift),
            (x, y),
            (x + size * 0.4, y - size * 0.5 * lift),
            (x + size, y - size * lift),
        ]
        sheet.line([(float(px), float(py)) for px, py in wing], 0.0035)
    sheet.fill(palette.deep * 0.8, power=0.85)


def _paint_grass(canvas: Canvas, palette: Palette) -> None:
    """Tall dry grass close by."""
    rng, tall = canvas.rng, canvas.tall
    for tone in (palette.deep * 0.9 + palette.mid * 0.12, palette.deep * 0.45):
        sheet = Stencil(canvas, 0, tall * 0.8, canvas.wide, tall)
        for _ in range(int(150 * canvas.wide)):
            x, high, lean = rng.uniform(0, canvas.wide), rng.uniform(0.05, 0.19), rng.normal(0, 0.03)
            blade = [
                (x - 0.004, tall + 0.01),
                (x + lean * 0.5, tall - high * 0.6),
                (x + lean, tall - high),
                (x + lean * 0.5 + 0.004, tall - high * 0.55),
                (x + 0.005, tall + 0.01),
            ]
            sheet.polygon([(float(px), float(py)) for px, py in blade])
            sheet.ellipse(float(x + lean), float(tall - high), 0.004, 0.012)
        sheet.fill(tone * 1.3, tone * 0.6)
