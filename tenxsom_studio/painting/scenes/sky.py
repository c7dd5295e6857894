"""What outdoor scenes share: sky, sun, clouds, stars, and still water that mirrors what stands above it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette


class Sun(NamedTuple):
    """The light of the sky: its place and radius in canvas units."""

    x: float
    y: float
    radius: float


def place_sun(canvas: Canvas, horizon: float, low: float = 0.0, high: float = 0.2) -> Sun:
    """A sun near one of the vertical thirds, `low` to `high` of the picture's height above the horizon."""
    third = canvas.rng.choice([0.3, 0.36, 0.64, 0.7]) if canvas.wide > 1.2 else canvas.rng.uniform(0.36, 0.64)
    height = canvas.rng.uniform(low, high) * canvas.tall
    return Sun(float(third) * canvas.wide, horizon - height, float(canvas.rng.uniform(0.04, 0.06)))


def paint_sky(canvas: Canvas, palette: Palette, sun: Sun, horizon: float, night: bool = False) -> None:
    """Fill the canvas with air: dark above, hazy at the horizon, glowing around the sun."""
    low = horizon / canvas.tall
    top = palette.deep if night else 0.5 * (palette.deep + palette.dark)
    middle = palette.dark if night else palette.mid
    near = 0.55 * palette.haze + 0.45 * palette.mid if night else palette.haze
    canvas.fill([(0, top), (low * 0.48, middle), (low * 0.94, near), (1, palette.haze)])
    strength = 0.3 if night else 0.75
    canvas.glow(sun.x, sun.y, 0.42, palette.haze, strength * 0.7)
    canvas.glow(sun.x, sun.y, 0.14, palette.warm, strength)


def paint_sun(canvas: Canvas, palette: Palette, sun: Sun, strength: float = 2.2) -> None:
    """The disc itself, brighter than white so that it blooms."""
    disc = canvas.disc(sun.x, sun.y, sun.radius, sun.radius * 0.16)
    canvas.cover(disc, palette.light * strength)


def paint_moon(canvas: Canvas, palette: Palette, moon: Sun) -> None:
    """A moon with maria, fainter than the sun."""
    disc = canvas.disc(moon.x, moon.y, moon.radius)
    maria = 0.72 + 0.5 * noise.step(0.3, 0.7, canvas.noise(0.05, 3))
    canvas.cover(disc, np.stack([palette.light[i] * maria * 1.15 for i in range(3)]))


def paint_clouds(canvas: Canvas, palette: Palette, sun: Sun, horizon: float, amount: float = 0.5) -> None:
    """Streaks of cloud that crowd together towards the horizon, lit from the side of the sun."""
    bottom = canvas.row(horizon)
    field = noise.fbm(canvas.rng, canvas.height, canvas.width, 0.34, octaves=6, gain=0.52, stretch=2.6)
    nearness = 1 - np.arange(bottom, dtype=np.float32) / max(bottom, 1)
    rows = (canvas.height - 1) * (1 - nearness**0.55)
    dense = field[rows.astype(int)]
    lifted = field[np.clip(rows - 0.03 * canvas.unit * (0.3 + nearness), 0, canvas.height - 1).astype(int)]
    fade = (noise.step(0, 0.12, nearness) * (0.4 + 0.6 * noise.step(1.05, 0.5, nearness)))[:, None]
    cover = noise.step(0.62 - 0.26 * amount, 0.86 - 0.16 * amount, dense) * fade
    lit = np.clip((dense - lifted) * 5 + 0.45, 0, 1)
    closeness = np.exp(-np.hypot(canvas.x - sun.x, (canvas.y[:bottom] - sun.y) * 1.4) / 0.6)
    glow = np.clip(lit * (0.25 + 1.0 * closeness), 0, 1.2)
    shade = 0.65 * palette.mid + 0.35 * palette.dark
    colours = np.stack([shade[i] + glow * (palette.warm[i] * 1.1 - shade[i]) for i in range(3)])
    canvas.cover(cover * 0.78, colours)


def paint_stars(canvas: Canvas, bottom: float, count: int, palette: Palette, bright: float = 1.0) -> None:
    """Stars of very different brightness, fading towards `bottom`."""
    rng, rows = canvas.rng, canvas.row(bottom)
    x = rng.integers(0, canvas.width, count)
    y = (rng.beta(1.0, 1.5, count) * rows).astype(int)
    power = np.minimum(rng.pareto(1.7, count) * 0.1 + 0.03, 1.6) * bright
    size = (0.55 + 0.5 * np.minimum(power, 1.2)) * max(1.0, canvas.unit / 900)
    hue = palette.light[:, None] + rng.uniform(0, 0.45, count) * (palette.accent - palette.light)[:, None]
    layer = np.zeros((3, rows + 6, canvas.width + 6), np.float32)
    for down, across in np.ndindex(7, 7):
        spot = power * np.exp(-((down - 3) ** 2 + (across - 3) ** 2) / size**2)
        for channel in range(3):
            np.add.at(layer[channel], (y + down, x + across), (hue[channel] * spot).astype(np.float32))
    fade = noise.step(1.0, 0.55, np.linspace(0, 1, rows, dtype=np.float32))[:, None]
    canvas.light[:, :rows] += layer[:, 3 : rows + 3, 3 : canvas.width + 3] * fade


def mirror_in_water(canvas: Canvas, waterline: float, palette: Palette, streak: float = 0.05, darkness: float = 0.3) -> None:
    """Mirror what is above the waterline below it: compressed, drawn out downwards and broken by ripples."""
    top = canvas.row(waterline)
    rows = canvas.height - top
    depth = (np.arange(rows, dtype=np.float32) + 0.5) / rows
    source = top - 1 - (depth * min(rows * 1.25, top - 2)).astype(int)
    mirrored = _smear(canvas.light[:, np.clip(source, 0, top - 1)], max(1, int(streak * canvas.unit / 6)))
    ripple = noise.fbm(canvas.rng, max(rows, 8), canvas.width, 0.05, octaves=4, gain=0.6, stretch=5)[:rows]
    perspective = ripple[np.minimum((depth**0.5 * (rows - 1)).astype(int), rows - 1)] - 0.5
    shift = perspective * (0.15 + depth[:, None]) * 0.035 * canvas.unit
    columns = np.clip(np.arange(canvas.width)[None, :] + shift, 0, canvas.width - 1).astype(int)
    for channel in range(3):
        row_index = np.arange(rows)[:, None]
        water = mirrored[channel][row_index, columns] * (0.86 - darkness * depth[:, None])
        canvas.light[channel, top:] = water + (
            palette.dark[channel] * 0.16 + np.maximum(perspective, 0) * palette.haze[channel] * 0.12
        )
    canvas.add(np.exp(-np.arange(rows, dtype=np.float32)[:, None] / (0.006 * canvas.unit)) * 0.25, palette.haze, top)


def _smear(light: np.ndarray, radius: int) -> np.ndarray:
    """Draw light out up and down, as ripples do to a reflection."""
    for _ in range(2):
        total = np.cumsum(np.pad(light, ((0, 0), (radius + 1, radius), (0, 0)), mode="edge"), axis=1, dtype=np.float32)
        light = (total[:, 2 * radius + 1 :] - total[:, : -2 * radius - 1]) / (2 * radius + 1)
    return light
