"""Towers of coins on a ledger, a rising line of light behind them: money, saved and spent."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Colour, Palette
from tenxsom_studio.painting.shapes import Stencil, bokeh, shadow, smooth, whole


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    floor = tall * 0.72
    canvas.fill(
        [(0, palette.deep), (0.45, palette.dark * 1.1), (0.72, 0.6 * palette.mid + 0.2 * palette.dark), (1, palette.deep * 0.8)]
    )
    canvas.glow(wide * 0.6, tall * 0.5, 0.5, palette.warm, 0.4)
    _paint_chart(canvas, palette, floor)
    bokeh(canvas, (palette.warm, palette.accent, palette.haze), 24, (0.08 * tall, floor), 0.12)
    canvas.nearer()
    _paint_desk(canvas, palette, floor)
    _paint_towers(canvas, palette, floor + 0.02, 0.75, int(wide * 7) + 1)
    canvas.nearer()
    _paint_towers(canvas, palette, floor + 0.17, 1.25, int(wide * 4) + 1)
    for _ in range(5):
        _paint_loose(canvas, palette, float(rng.uniform(0, wide)), floor + float(rng.uniform(0.2, 0.32)))
    canvas.grain, canvas.bloom, canvas.vignette = 0.008, 0.35, 0.42


def _paint_chart(canvas: Canvas, palette: Palette, floor: float) -> None:
    """Candles of a market, and the line through their tops."""
    rng, count = canvas.rng, int(canvas.wide * 16)
    climb = (
        np.linspace(floor - 0.16, 0.2 * canvas.tall, count) + (noise.line(rng, count, 5, 3, smooth=True) - 0.5) * 0.3 * canvas.tall
    )
    step = canvas.wide / count
    sheet = whole(canvas)
    for index, y in enumerate(climb):
        x, half = (index + 0.5) * step, rng.uniform(0.02, 0.07) * canvas.tall
        sheet.line([(x, y - half * 1.5), (x, y + half * 1.5)], 0.003, ink=70)
        sheet.box(x - step * 0.28, y - half, x + step * 0.28, y + half, radius=0.004, ink=int(rng.integers(40, 110)))
    sheet.shine(0.6 * palette.haze + 0.4 * palette.accent, 0.8)
    points = smooth([((index + 0.5) * step, float(y)) for index, y in enumerate(climb)], is_closed=False, steps=4)
    whole(canvas).line(points, 0.02, ink=60).line(points, 0.006).shine(palette.light, 1.0)


def _paint_desk(canvas: Canvas, palette: Palette, floor: float) -> None:
    top = canvas.row(floor - 0.05)
    down = (canvas.y[top:] - floor + 0.05) / canvas.tall
    grain = 0.75 + 0.4 * canvas.noise(0.02, 4, stretch=10)[top:]
    wood = 0.35 * palette.mid + 0.35 * palette.dark
    sheen = np.exp(-((canvas.x - canvas.wide * 0.6) ** 2) / 0.12) * np.exp(-down / 0.1)
    tones = np.stack([wood[i] * grain * (1.1 - down) + sheen * palette.warm[i] * 0.5 for i in range(3)])
    canvas.cover(np.clip(down * canvas.height / 2, 0, 1), tones, top)


def _paint_towers(canvas: Canvas, palette: Palette, foot: float, scale: float, count: int) -> None:
    """A row of towers that grow towards the right."""
    rng = canvas.rng
    for index in range(count):
        share = (index + 0.5) / count
        x = canvas.wide * share + float(rng.uniform(-0.02, 0.02))
        coins = int(2 + share * 13 * float(rng.uniform(0.6, 1.1)))
        tone = palette.warm if rng.random() < 0.7 else 0.5 * palette.light + 0.3 * palette.haze
        _paint_tower(canvas, palette, (x, foot + float(rng.uniform(-0.01, 0.03)), 0.055 * scale), coins, tone)


def _paint_tower(canvas: Canvas, palette: Palette, place: tuple[float, float, float], coins: int, tone: Colour) -> None:
    x, foot, half = place
    thick, flat = half * 0.34, half * 0.3
    shadow(canvas, (x + half * 0.6, foot + flat * 0.5), half * 1.4, flat, 0.6)
    for index in range(coins):
        left, y = x + float(canvas.rng.normal(0, half * 0.05)), foot - index * thick
        side = Stencil(canvas, left - half, y - thick - flat, left + half, y + flat)
        side.box(left - half, y - thick, left + half, y).ellipse(left, y, half, flat)
        side.fill(tone * 0.75, tone * 0.35, is_round=True)
        ring = Stencil(canvas, left - half, y - thick - flat, left + half, y - thick + flat).ellipse(left, y - thick, half, flat)
        ring.fill(tone * 0.95, tone * 0.7, side=0.3)
    inner = Stencil(canvas, x - half, foot - coins * thick - flat, x + half, foot - coins * thick + flat)
    inner.ellipse(x, foot - coins * thick, half * 0.78, flat * 0.74).fill(tone * 0.55, tone * 1.2, side=0.3)
    gleam = Stencil(canvas, x - half, foot - coins * thick - flat, x + half, foot - coins * thick + flat)
    gleam.ellipse(x - half * 0.3, foot - coins * thick - flat * 0.2, half * 0.25, flat * 0.2).shine(palette.light, 0.7)


def _paint_loose(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    """A coin that lies on the desk."""
    _paint_tower(canvas, palette, (x, y, 0.06), 1, palette.warm)
