"""A figure of light: heart, vessels and lungs within the outline of a person, and the pulse behind it."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.shapes import Point, Stencil, quad, smooth, whole

_OUTLINE: tuple[Point, ...] = (
    (0.0, -0.5), (0.055, -0.485), (0.075, -0.43), (0.066, -0.375), (0.04, -0.335), (0.042, -0.3), (0.1, -0.27), (0.185, -0.245),
    (0.22, -0.19), (0.235, -0.08), (0.26, 0.05), (0.285, 0.19), (0.275, 0.245), (0.245, 0.2), (0.205, 0.06), (0.168, -0.07),
    (0.148, 0.04), (0.138, 0.12), (0.162, 0.22), (0.158, 0.34), (0.118, 0.47), (0.122, 0.55), (0.08, 0.68), (0.1, 0.71),
    (0.03, 0.71),
    (0.036, 0.6), (0.038, 0.48), (0.012, 0.26),
)  # fmt: skip
"""The right half of a person, whose height is 1.2; the left half mirrors it."""


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    x, y, size = wide * float(rng.uniform(0.44, 0.56)), tall * 0.5, tall * 0.72
    canvas.fill([(0, palette.deep), (0.45, palette.dark), (1, palette.deep * 0.7)])
    canvas.glow(x, y - 0.1 * size, 0.4, palette.mid, 0.9)
    _paint_cells(canvas, palette, 26, 0.05)
    _paint_pulse(canvas, palette, y - 0.12 * size)
    canvas.nearer()
    _paint_figure(canvas, palette, x, y, size)
    canvas.nearer()
    _paint_cells(canvas, palette, 7, 0.11)
    canvas.bloom, canvas.vignette = 0.55, 0.42


def _paint_cells(canvas: Canvas, palette: Palette, count: int, largest: float) -> None:
    """Cells that drift: soft discs with a bright rim and a kernel."""
    rng = canvas.rng
    for _ in range(count):
        x, y, size = rng.uniform(0, canvas.wide), rng.uniform(0, canvas.tall), rng.uniform(0.3, 1) * largest
        if largest > 0.1 and abs(x - canvas.wide / 2) < 0.3 * canvas.wide:
            x = float(rng.choice([-0.02, canvas.wide + 0.02]))
        cell = Stencil(canvas, x - size, y - size, x + size, y + size).ellipse(float(x), float(y), float(size))
        cell.ellipse(float(x), float(y), float(size) * 0.86, ink=90)
        cell.ellipse(float(x) - size * 0.2, float(y) - size * 0.1, float(size) * 0.3, ink=200)
        tone = palette.accent if rng.random() < 0.4 else palette.haze
        cell.shine(tone, float(rng.uniform(0.12, 0.4)))


def _paint_pulse(canvas: Canvas, palette: Palette, y: float) -> None:
    """The line of a heart's beat along the width."""
    beat = (
        (0.0, 0.0),
        (0.1, 0.02),
        (0.16, -0.03),
        (0.22, 0.0),
        (0.28, 0.03),
        (0.33, -0.2),
        (0.38, 0.11),
        (0.43, 0.0),
        (0.55, -0.045),
        (0.66, 0.0),
    )
    points = [(start + x * 0.62, y + high * 0.9) for start in np.arange(-0.2, canvas.wide, 0.42) for x, high in beat]
    whole(canvas).line(points, 0.02, ink=50).line(points, 0.005, ink=230).shine(0.6 * palette.accent + 0.4 * palette.haze, 0.7)


def _paint_figure(canvas: Canvas, palette: Palette, x: float, y: float, size: float) -> None:
    half = [(px * size, py * size) for px, py in _OUTLINE]
    outline = smooth([(x + px, y + py) for px, py in half] + [(x - px, y + py) for px, py in reversed(half[1:])], steps=6)
    quad(canvas, outline).fill(palette.dark * 0.8 + palette.mid * 0.35, palette.dark * 0.6)
    rim = whole(canvas).line([*outline, outline[0]], 0.006)
    rim.shine(palette.haze, 0.9)
    _paint_vessels(canvas, palette, x, y, size)
    _paint_lungs(canvas, palette, x, y, size)
    heart = (x + 0.028 * size, y - 0.13 * size)
    canvas.glow(*heart, 0.07, palette.accent, 1.0)
    shape = [
        (0.0, 0.05),
        (0.045, 0.0),
        (0.05, -0.035),
        (0.022, -0.05),
        (0.0, -0.03),
        (-0.022, -0.05),
        (-0.05, -0.035),
        (-0.045, 0.0),
    ]
    quad(canvas, smooth([(heart[0] + px * size * 0.9, heart[1] + py * size * 0.9) for px, py in shape])).fill(
        palette.light * 1.4, palette.accent * 1.3
    )
    brain = Stencil(canvas, x - 0.05 * size, y - 0.5 * size, x + 0.05 * size, y - 0.4 * size).ellipse(
        x, y - 0.445 * size, 0.04 * size, 0.03 * size
    )
    brain.shine(palette.warm, 0.55)


def _paint_vessels(canvas: Canvas, palette: Palette, x: float, y: float, size: float) -> None:
    """Vessels that run from the heart into head, arms and legs."""
    rng, sheet = canvas.rng, whole(canvas)
    ends = [(0.0, -0.47), (0.03, -0.45), (-0.03, -0.45)]
    ends += [(hand * (0.26 + 0.008 * k), 0.16 + 0.02 * k) for hand in (-1, 1) for k in range(3)]
    ends += [(hand * (0.05 + 0.018 * k), 0.66) for hand in (-1, 1) for k in range(3)]
    ends += [(hand * float(rng.uniform(0.02, 0.12)), float(rng.uniform(-0.05, 0.25))) for hand in (-1, 1) for _ in range(4)]
    for across, down in ends:
        bend = [
            (0.015, -0.14),
            (
                np.sign(across) * (0.14 if abs(across) > 0.2 else 0.09 if down > 0.5 else abs(across)),
                -0.22 if abs(across) > 0.2 else -0.14 + 0.4 * (down + 0.14),
            ),
            (across, down),
        ]
        path = smooth([(x + float(px) * size, y + float(py) * size) for px, py in bend], is_closed=False)
        sheet.line(path, 0.005, ink=int(rng.integers(90, 200)))
    sheet.shine(0.7 * palette.accent + 0.3 * palette.warm, 0.8)


def _paint_lungs(canvas: Canvas, palette: Palette, x: float, y: float, size: float) -> None:
    for hand in (-1, 1):
        shape = [(0.02, -0.21), (0.06, -0.225), (0.105, -0.13), (0.115, -0.02), (0.07, -0.01), (0.03, -0.06)]
        lung = quad(canvas, smooth([(x + hand * px * size, y + py * size) for px, py in shape]))
        lung.shine(palette.haze, 0.28)
