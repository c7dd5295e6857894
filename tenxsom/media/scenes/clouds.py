"""A sea of clouds at sunrise, with rays: the picture of a new day."""

from __future__ import annotations

import numpy as np

from tenxsom.media import noise
from tenxsom.media.canvas import Canvas
from tenxsom.media.noise import Plane
from tenxsom.media.palettes import Palette
from tenxsom.media.scenes import sky

_BANKS = 7


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    horizon = canvas.tall * float(canvas.rng.uniform(0.5, 0.58))
    sun = sky.place_sun(canvas, horizon, 0.05, 0.1)
    sun = sun._replace(radius=sun.radius * 1.25)
    sky.paint_sky(canvas, palette, sun, horizon)
    sky.paint_clouds(canvas, palette, sun, horizon, float(canvas.rng.uniform(0.15, 0.5)))
    canvas.add(_rays(canvas, sun), palette.light)
    sky.paint_sun(canvas, palette, sun, 2.6)
    for index in range(_BANKS):
        _paint_bank(canvas, palette, sun, index / (_BANKS - 1), horizon)
    canvas.glow(sun.x, sun.y, 0.3, palette.warm, 0.3)
    _paint_birds(canvas, palette, sun)


def _rays(canvas: Canvas, sun: sky.Sun) -> Plane:
    """Light shafts that leave the sun in all directions."""
    spokes = noise.line(canvas.rng, 1024, 26, 3, smooth=True)

    def at(x: Plane, y: Plane) -> Plane:
        angle = (np.arctan2(y - sun.y, x - sun.x) / (2 * np.pi) + 0.5) * 1023
        beam = noise.step(0.35, 0.95, spokes[angle.astype(int)])
        distance = np.hypot(x - sun.x, y - sun.y)
        return np.asarray(beam * 0.36 * np.exp(-distance / 0.55) * noise.step(0.05, 0.25, distance), dtype=np.float32)

    return canvas.soft(at, 4)


def _paint_bank(canvas: Canvas, palette: Palette, sun: sky.Sun, depth: float, horizon: float) -> None:
    """One bank of clouds: heaped tops with bright rims, shaded bodies that dissolve downwards."""
    base = horizon + (canvas.tall - horizon) * depth**1.25 * 0.95
    size = 0.03 + 0.17 * depth
    crest = base - _heaps(canvas, size)
    top = canvas.row(float(crest.min()) - 0.02)
    rows = canvas.height - top
    billow = noise.fbm(canvas.rng, max(rows, 24), canvas.width, size * 0.9, 5, 0.55, stretch=1.4)[:rows]
    below = canvas.y[top:] - crest[None, :] + (billow - 0.5) * size * 0.5
    mask = noise.step(0, 0.006 + 0.03 * depth, below)
    facing = np.exp(-np.hypot(canvas.x - sun.x, (canvas.y[top:] - sun.y) * 0.8) / 0.75)
    rim = np.exp(-np.maximum(below, 0) / (size * 0.3)) * (0.35 + 0.9 * facing) * (0.55 + 0.8 * billow)
    body = np.clip(0.25 + 0.55 * billow + 0.5 * facing - 0.5 * np.clip(below / size, 0, 1) * 0.6, 0, 1)
    shade = 0.55 * palette.mid + 0.45 * palette.dark if depth > 0.5 else 0.75 * palette.mid + 0.25 * palette.haze
    colours = [shade[i] * 0.85 + body * 0.72 * (palette.haze[i] - shade[i] * 0.85) + rim * 0.55 * palette.light[i] for i in range(3)]
    canvas.cover(mask * (0.95 - 0.12 * (1 - depth)), np.stack(colours), top)


def _heaps(canvas: Canvas, size: float) -> Plane:
    """The outline of heaped clouds: overlapping round tops of several sizes."""
    rng, x = canvas.rng, canvas.x[0]
    outline = np.zeros(canvas.width, np.float32)
    swell = noise.line(rng, canvas.width, canvas.wide * 1.4, 3, smooth=True)
    for place in np.arange(-size, canvas.wide + size, size * 0.3):
        radius = size * rng.uniform(0.25, 0.85)
        middle = place + rng.uniform(-0.3, 0.3) * size
        lift = np.sqrt(np.maximum(radius**2 - (x - middle) ** 2, 0))
        at = int(np.clip(middle * canvas.unit, 0, canvas.width - 1))
        outline = np.maximum(outline, lift * (0.3 + 0.9 * swell[at]))
    return np.asarray(outline + swell * size * 0.8, dtype=np.float32)


def _paint_birds(canvas: Canvas, palette: Palette, sun: sky.Sun) -> None:
    """A few birds on the way to the light."""
    rng = canvas.rng
    side = 1 if sun.x < canvas.wide / 2 else -1
    for _ in range(int(rng.integers(4, 8))):
        x, y = sun.x + side * rng.uniform(0.14, 0.42), sun.y - rng.uniform(0.1, 0.3)
        span = rng.uniform(0.010, 0.018)
        across = (canvas.x - x) / span
        wing = y - span * 0.5 * np.sqrt(np.abs(across)) * (1.15 - np.abs(across)) * 1.6
        mask = np.clip(1.4 - np.abs(canvas.y - wing) / canvas.pixel / 1.1, 0, 1) * (np.abs(across) < 1)
        rows = slice(canvas.row(y - 0.03), canvas.row(y + 0.03))
        canvas.cover(mask[rows] * 0.8, palette.dark * 0.6, rows.start)
