"""A storm over the plain: towering clouds, lightning, curtains of rain, a lonely house and trees in the wind."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.shapes import Stencil, quad, smooth, whole


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    horizon = tall * float(rng.uniform(0.7, 0.76))
    strike = wide * float(rng.uniform(0.25, 0.75))
    canvas.fill(
        [(0, palette.deep), (0.4, palette.dark), (horizon / tall, 0.6 * palette.haze + 0.3 * palette.mid), (1, palette.deep)]
    )
    _paint_clouds(canvas, palette, strike, horizon)
    _paint_lightning(canvas, palette, strike, horizon)
    _paint_rain_curtains(canvas, palette, horizon)
    _paint_ground(canvas, palette, horizon - 0.03, 0.4)
    canvas.nearer()
    _paint_ground(canvas, palette, horizon + 0.09 * tall, 0.15)
    _paint_house(canvas, palette, wide * float(rng.uniform(0.2, 0.8)), horizon + 0.1 * tall)
    canvas.nearer()
    _paint_grass(canvas, palette)
    _paint_drops(canvas, palette)
    canvas.bloom, canvas.vignette = 0.45, 0.42


def _paint_clouds(canvas: Canvas, palette: Palette, strike: float, horizon: float) -> None:
    """Heavy clouds, lit from inside where the lightning is."""
    high = canvas.row(horizon)
    field = canvas.noise(0.32, 6, 0.55, stretch=1.5)[:high]
    lifted = np.roll(field, -max(2, canvas.unit // 40), axis=0)
    weight = noise.step(1.0, 0.45, canvas.y[:high] / horizon)
    cover = noise.step(0.28, 0.62, field + 0.25 * weight)
    lit = np.clip((field - lifted) * 3 + 0.4, 0, 1.3)
    near = np.exp(-np.hypot(canvas.x - strike, canvas.y[:high] - 0.4 * horizon) / 0.28)
    shade, bright = palette.deep * 0.8 + palette.dark * 0.3, palette.mid * 0.7
    tones = np.stack([shade[i] + lit * bright[i] * 0.8 + near * lit * palette.light[i] * 0.9 for i in range(3)])
    canvas.cover(cover, tones)


def _paint_lightning(canvas: Canvas, palette: Palette, x: float, horizon: float) -> None:
    """A bolt with branches."""
    rng = canvas.rng
    top = 0.3 * horizon
    count = 26
    path = x + np.concatenate([[0], np.cumsum(rng.normal(0, 0.016, count - 1))])
    points = [(float(px), float(py)) for px, py in zip(path, np.linspace(top, horizon, count), strict=True)]
    sheet = whole(canvas)
    for start in rng.integers(4, count - 6, 5):
        px, py = points[int(start)]
        lean, branch = float(rng.choice([-1, 1])) * rng.uniform(0.008, 0.02), [(px, py)]
        for _ in range(int(rng.integers(5, 10))):
            px, py = px + lean + rng.normal(0, 0.008), py + rng.uniform(0.008, 0.022)
            branch.append((float(px), float(py)))
        sheet.line(branch, 0.003, ink=150)
    sheet.line(points, 0.02, ink=22).line(points, 0.005)
    for px, py in points[8::8]:
        canvas.glow(px, py, 0.1, 0.5 * palette.light + 0.5 * palette.haze, 0.3)
    sheet.shine(palette.light, 2.2)


def _paint_rain_curtains(canvas: Canvas, palette: Palette, horizon: float) -> None:
    slant = canvas.soft(lambda x, y: np.sin((x - 0.25 * y) * 9) + np.sin((x - 0.25 * y) * 17 + 1), 8)
    fall = noise.step(0.45, 0.95, canvas.y / horizon)
    canvas.cover(np.clip(noise.step(-0.4, 1.6, slant) * fall * 0.5, 0, 1), 0.5 * palette.haze + 0.4 * palette.mid)


def _paint_ground(canvas: Canvas, palette: Palette, horizon: float, air: float) -> None:
    crest = horizon - (noise.line(canvas.rng, canvas.width, canvas.wide * 2, 6, 0.5) - 0.5) * 0.05
    top = canvas.row(float(crest.min()) - 0.01)
    tone = palette.deep * 0.7 + palette.mid * air * 0.6
    canvas.cover(np.clip((canvas.y[top:] - crest[None, :]) / canvas.pixel + 0.5, 0, 1), tone, top)


def _paint_house(canvas: Canvas, palette: Palette, x: float, foot: float) -> None:
    """A house with one lit window, and two trees that bend."""
    dark = palette.deep * 0.5
    quad(canvas, [(x - 0.07, foot), (x - 0.07, foot - 0.08), (x, foot - 0.14), (x + 0.07, foot - 0.08), (x + 0.07, foot)]).fill(
        dark
    )
    Stencil(canvas, x + 0.03, foot - 0.17, x + 0.05, foot - 0.1).box(x + 0.03, foot - 0.16, x + 0.047, foot - 0.1).fill(dark)
    Stencil(canvas, x - 0.03, foot - 0.07, x, foot - 0.03).box(x - 0.03, foot - 0.066, x, foot - 0.034).fill(palette.warm * 1.8)
    for place, high in ((-0.17, 0.2), (0.16, 0.26), (0.24, 0.17)):
        left = x + place
        trunk = smooth([(left, foot + 0.02), (left + 0.005, foot - high * 0.4), (left + 0.05, foot - high * 0.8)], is_closed=False)
        tree = Stencil(canvas, left - 0.12, foot - high * 1.3, left + 0.2, foot + 0.03).line(trunk, 0.014)
        for _ in range(46):
            away, angle = canvas.rng.uniform(0, 1) ** 0.6, canvas.rng.uniform(0, 6.28)
            tree.ellipse(left + 0.055 + 0.085 * away * np.cos(angle), foot - high * 0.85 + 0.06 * away * np.sin(angle), 0.016, 0.01)
        tree.fill(dark * 0.9)


def _paint_grass(canvas: Canvas, palette: Palette) -> None:
    """Blades close by that the wind bends."""
    rng, sheet = canvas.rng, Stencil(canvas, 0, canvas.tall * 0.84, canvas.wide, canvas.tall)
    for _ in range(int(240 * canvas.wide)):
        x, high = rng.uniform(-0.1, canvas.wide), rng.uniform(0.04, 0.13)
        foot = canvas.tall + 0.01
        blade = [
            (x, foot),
            (x + 0.15 * high, foot - high * 0.6),
            (x + 0.75 * high, foot - high),
            (x + 0.01 + 0.2 * high, foot - high * 0.55),
            (x + 0.012, foot),
        ]
        sheet.polygon([(float(px), float(py)) for px, py in blade])
    sheet.fill(palette.deep * 0.7, palette.deep * 0.25)


def _paint_drops(canvas: Canvas, palette: Palette) -> None:
    """Rain close to the camera."""
    rng, sheet = canvas.rng, whole(canvas)
    for _ in range(int(90 * canvas.wide * canvas.tall)):
        x, y, long = rng.uniform(0, canvas.wide + 0.2), rng.uniform(0, canvas.tall), rng.uniform(0.03, 0.09)
        sheet.line([(float(x), float(y)), (float(x) - 0.25 * long, float(y) + long)], 0.0022, ink=int(rng.integers(50, 150)))
    sheet.shine(palette.light, 0.5)
