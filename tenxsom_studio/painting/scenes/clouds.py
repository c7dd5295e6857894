"""A sea of clouds at sunrise, with rays: the picture of a new day."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.scenes import sky

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
    depths = [index / (_BANKS - 1) for index in range(_BANKS)]
    crests = [horizon + (canvas.tall - horizon) * depth**1.25 * 0.95 - _heaps(canvas, _size(depth)) for depth in depths]
    for depth, crest, nearer in zip(depths, crests, [*crests[1:], None], strict=True):
        hidden_from = canvas.tall if nearer is None else float(nearer.max()) + 0.35 * _size(depth) + 0.06
        _paint_bank(canvas, palette, sun, (depth, crest), canvas.row(hidden_from))
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


def _size(depth: float) -> float:
    return 0.03 + 0.17 * depth


def _paint_bank(canvas: Canvas, palette: Palette, sun: sky.Sun, bank: tuple[float, Plane], bottom: int) -> None:
    """One bank of clouds, down to where the next one hides it: heaped tops with bright rims, bodies that dissolve downwards."""
    depth, crest = bank
    size = _size(depth)
    top = canvas.row(float(crest.min()) - 0.02)
    rows = bottom - top
    if rows <= 0:
        return
    billow = noise.fbm(canvas.rng, rows, canvas.width, size, gain=0.55, stretch=1.4, unit=canvas.unit)
    below = canvas.y[top:bottom] - crest[None, :] + (billow - 0.5) * (size * 0.5)
    mask = noise.step(0, 0.006 + 0.03 * depth, below) * (0.95 - 0.12 * (1 - depth))
    facing = canvas.soft(lambda x, y: np.exp(-np.hypot(x - sun.x, (y - sun.y) * 0.8) / 0.75))[top:bottom]
    rim = np.exp(np.maximum(below, 0) / (size * -0.3)) * (0.35 + 0.9 * facing) * (0.55 + 0.8 * billow) * 0.55
    body = np.clip(0.25 + 0.55 * billow + 0.5 * facing - np.clip(below / size, 0, 1) * 0.3, 0, 1) * 0.72
    shade = 0.55 * palette.mid + 0.45 * palette.dark if depth > 0.5 else 0.75 * palette.mid + 0.25 * palette.haze
    for i in range(3):
        part = canvas.light[i, top:bottom]
        part += mask * (shade[i] * 0.85 + body * (palette.haze[i] - shade[i] * 0.85) + rim * palette.light[i] - part)


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
