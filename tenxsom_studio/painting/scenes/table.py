"""A laid table by the window: a bowl from which steam rises, fruit and a cup, lights out of focus behind them."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.shapes import Stencil, bokeh, shadow, smooth


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    edge = tall * 0.62
    back = 0.5 * palette.mid + 0.3 * palette.haze
    canvas.fill([(0, back * 0.45), (0.4, back * 0.95), (0.62, back * 1.1), (1, back * 0.6)])
    canvas.glow(wide * float(rng.uniform(0.15, 0.85)), tall * 0.2, 0.4, palette.light, 0.7)
    bokeh(canvas, (palette.warm, palette.light, palette.accent), 30, (0.05 * tall, edge - 0.05), 0.22)
    canvas.nearer()
    _paint_cloth(canvas, palette, edge)
    _paint_cup(canvas, palette, wide * 0.5 + float(rng.choice([-0.3, 0.3])), edge + 0.1)
    canvas.nearer()
    x, y = wide * 0.5, edge + (tall - edge) * 0.42
    _paint_bowl(canvas, palette, x, y)
    _paint_fruit(canvas, palette, x, y + 0.1)
    canvas.grain, canvas.bloom, canvas.vignette = 0.007, 0.3, 0.36


def _paint_cloth(canvas: Canvas, palette: Palette, edge: float) -> None:
    """The table, with a checked cloth in perspective."""
    top = canvas.row(edge)
    down = canvas.y[top:] - edge + 0.12
    across = (canvas.x - canvas.wide / 2) / down
    stripes = noise.step(-0.2, 0.2, np.sin(across * 9)) + noise.step(-0.2, 0.2, np.sin(2.2 / down))
    weave = 0.8 + 0.3 * canvas.noise(0.008, 2)[top:]
    fade = np.clip(0.62 + 0.5 * (canvas.y[top:] - edge), 0, 1)
    cloth, check = palette.light * 0.8, 0.55 * palette.accent + 0.35 * palette.light
    share = stripes * 0.5
    tones = np.stack([(cloth[i] + share * (check[i] - cloth[i])) * weave * fade for i in range(3)])
    canvas.cover(np.clip((canvas.y[top:] - edge) / canvas.pixel / 2, 0, 1), tones, top)


def _paint_cup(canvas: Canvas, palette: Palette, x: float, foot: float) -> None:
    shadow(canvas, (x + 0.03, foot), 0.1, 0.02, 0.5)
    ring = Stencil(canvas, x, foot - 0.15, x + 0.13, foot).ellipse(x + 0.075, foot - 0.075, 0.042)
    ring.ellipse(x + 0.075, foot - 0.075, 0.026, ink=0).fill(palette.dark * 0.9 + palette.mid * 0.3)
    cup = Stencil(canvas, x - 0.08, foot - 0.16, x + 0.08, foot)
    cup.polygon([(x - 0.075, foot - 0.14), (x + 0.075, foot - 0.14), (x + 0.055, foot), (x - 0.055, foot)])
    cup.fill(palette.mid * 0.9 + palette.dark * 0.3, palette.dark * 0.9, is_round=True)
    rim = Stencil(canvas, x - 0.08, foot - 0.16, x + 0.08, foot - 0.12).ellipse(x, foot - 0.14, 0.075, 0.015)
    rim.fill(palette.deep * 1.2, palette.dark)


def _paint_bowl(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    """A bowl of soup: broth, herbs, and steam that drifts away."""
    rng, half = canvas.rng, 0.27
    shadow(canvas, (x + 0.04, y + 0.2), 0.26, 0.035, 0.65)
    side = [(x + half * np.cos(a), y + 0.19 * max(np.sin(a), 0) ** 0.7) for a in np.linspace(0, np.pi, 40)]
    body = Stencil(canvas, x - half, y - 0.01, x + half, y + 0.2).polygon([(float(px), float(py)) for px, py in side])
    body.fill(palette.light * 0.95, 0.5 * palette.mid + 0.2 * palette.light, is_round=True)
    rim = Stencil(canvas, x - half, y - 0.09, x + half, y + 0.09).ellipse(x, y, half, 0.078)
    rim.fill(palette.light * 0.85, palette.light * 1.05, side=0.1)
    soup = Stencil(canvas, x - half, y - 0.08, x + half, y + 0.08).ellipse(x, y + 0.006, half * 0.9, 0.064)
    soup.fill(palette.warm * 0.55 + palette.accent * 0.3, palette.warm * 0.9 + palette.accent * 0.3, side=0.25)
    for _ in range(26):
        angle, away = rng.uniform(0, 6.28), rng.uniform(0, 0.8) ** 0.6
        px, py, size = x + half * 0.82 * away * np.cos(angle), y + 0.006 + 0.055 * away * np.sin(angle), rng.uniform(0.008, 0.024)
        tone = (palette.mid, palette.accent, palette.light, palette.haze)[int(rng.integers(0, 4))]
        piece = Stencil(canvas, px - size, py - size, px + size, py + size).ellipse(
            float(px), float(py), float(size), float(size) * 0.5
        )
        piece.fill(tone * 1.05, tone * 0.6)
    drift = canvas.noise(0.09, 4, stretch=0.5)
    rise = np.clip((y - canvas.y) / 0.45, 0, 1)
    plume = np.exp(-(((canvas.x - x - 0.05 * np.sin(rise * 7)) / (0.07 + 0.12 * rise)) ** 2)) * np.sqrt(
        np.maximum(np.sin(np.pi * rise), 0)
    )
    canvas.cover(np.clip(plume * noise.step(0.42, 0.75, drift) * 0.5, 0, 1), palette.light)


def _paint_fruit(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    """Fruit in front of the bowl."""
    rng = canvas.rng
    tones = [palette.accent, 0.6 * palette.warm + 0.4 * palette.accent, palette.warm]
    for place in (-0.3, -0.17, 0.25, 0.36):
        size = float(rng.uniform(0.055, 0.08))
        left, foot = x + place, y + float(rng.uniform(0.06, 0.13))
        tone = tones[int(rng.integers(0, 3))]
        shadow(canvas, (left + 0.02, foot), size, 0.018, 0.6)
        ball = Stencil(canvas, left - size, foot - 2 * size, left + size, foot).ellipse(left, foot - size * 0.95, size)
        ball.fill(tone * 1.15, tone * 0.28, side=0.4)
        gleam = Stencil(canvas, left - size, foot - 2 * size, left, foot - size)
        gleam.ellipse(left - size * 0.38, foot - size * 1.42, size * 0.2, size * 0.13).shine(palette.light, 0.8)
        leaf = smooth(
            [
                (left, foot - 1.9 * size),
                (left + 0.03, foot - 2.3 * size),
                (left + 0.07, foot - 2.2 * size),
                (left + 0.035, foot - 1.95 * size),
            ]
        )
        Stencil(canvas, left - 0.01, foot - 2.5 * size, left + 0.09, foot - 1.8 * size).polygon(leaf).fill(
            palette.mid, palette.dark, side=0.2
        )
