"""A planet with rings and its moons, over the ridges of another world."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.scenes import sky
from tenxsom_studio.painting.shapes import Point


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    canvas.fill([(0, palette.deep * 0.5), (0.5, palette.deep), (0.8, 0.5 * palette.mid + 0.2 * palette.haze), (1, palette.dark)])
    sky.paint_stars(canvas, tall, 900, palette)
    dust = canvas.noise(0.4, 5, stretch=1.8)
    canvas.add(noise.step(0.5, 0.95, dust) * 0.35, palette.mid)
    middle = (wide * float(rng.uniform(0.38, 0.62)), tall * float(rng.uniform(0.32, 0.4)))
    radius = min(0.27, 0.3 * tall) * float(rng.uniform(0.85, 1.1))
    tilt = float(rng.uniform(-0.45, 0.45))
    canvas.nearer()
    _paint_rings(canvas, palette, middle, radius, tilt, is_front=False)
    _paint_globe(canvas, palette, middle, radius, tilt)
    _paint_rings(canvas, palette, middle, radius, tilt, is_front=True)
    _paint_globe(canvas, palette, (middle[0] - 1.35 * radius, middle[1] + 1.4 * radius), radius * 0.13, 0.3)
    _paint_globe(canvas, palette, (middle[0] + 1.2 * radius, middle[1] - 1.1 * radius), radius * 0.08, 0.3)
    _paint_ridge(canvas, palette, tall * 0.8, 0.5)
    canvas.nearer()
    _paint_ridge(canvas, palette, tall * 0.9, 0.05)
    canvas.bloom, canvas.vignette = 0.4, 0.4


def _paint_globe(canvas: Canvas, palette: Palette, middle: Point, radius: float, tilt: float) -> None:
    """A ball of gas: bands that are bent by storms, night on the far side, air along the lit edge."""
    x, y = middle
    rows = slice(canvas.row(y - radius * 1.1), canvas.row(y + radius * 1.1) + 1)
    columns = slice(max(0, int((x - radius * 1.1) * canvas.unit)), max(0, int((x + radius * 1.1) * canvas.unit) + 1))
    across, down = (canvas.x[:, columns] - x) / radius, (canvas.y[rows] - y) / radius
    away = np.hypot(across, down)
    height = np.sqrt(np.clip(1 - away**2, 0, 1))
    turned = down * np.cos(tilt) - across * np.sin(tilt)
    bent = noise.fbm(
        canvas.rng, max(8, rows.stop - rows.start), max(8, across.shape[1]), 0.06, octaves=4, stretch=4, unit=canvas.unit
    )
    bent = bent[: away.shape[0], : away.shape[1]]
    bands = noise.line(canvas.rng, 512, 11, 4, 0.6, smooth=True)
    band = bands[np.clip((turned + (bent - 0.5) * 0.16 + 1.2) / 2.4 * 511, 0, 511).astype(int)]
    light = np.clip(-0.62 * across - 0.5 * down + 0.6 * height, 0, 1) ** 0.8
    rim = np.exp(-(((away - 0.97) / 0.05) ** 2)) * np.clip(-across * 0.7 - down * 0.6, 0, 1)
    mask = np.clip((1 - away) * radius / canvas.pixel + 0.5, 0, 1)
    part = canvas.light[:, rows, columns]
    for i in range(3):
        gas = palette.mid[i] + noise.step(0.25, 0.8, band) * (0.55 * palette.warm[i] + 0.45 * palette.haze[i] - palette.mid[i])
        part[i] += mask * (palette.deep[i] * 0.3 + gas * light * 1.25 + rim * palette.accent[i] * 0.8 - part[i])


def _paint_rings(canvas: Canvas, palette: Palette, middle: Point, radius: float, tilt: float, *, is_front: bool) -> None:
    """The half of the rings behind the globe, or the half in front of it."""
    dx, dy = canvas.x - middle[0], canvas.y - middle[1]
    along, off = dx * np.cos(tilt) + dy * np.sin(tilt), (dy * np.cos(tilt) - dx * np.sin(tilt)) / 0.26
    away = np.hypot(along, off) / radius
    grooves = noise.line(canvas.rng, 512, 26, 4, 0.65)
    density = grooves[np.clip((away - 1.25) / 1.0 * 511, 0, 511).astype(int)]
    inside = noise.step(1.25, 1.29, away) * noise.step(2.2, 2.12, away) * ((off >= 0) == is_front)
    tone = 0.6 * palette.warm + 0.4 * palette.light
    canvas.cover(inside * np.clip(0.15 + density, 0, 0.95) * 0.9, tone * 0.8)


def _paint_ridge(canvas: Canvas, palette: Palette, height: float, air: float) -> None:
    crest = height - (noise.line(canvas.rng, canvas.width, canvas.wide * 2.2, 8, 0.52) - 0.4) * 0.22
    top = canvas.row(float(crest.min()) - 0.01)
    below = canvas.y[top:] - crest[None, :]
    rough = 0.6 + 0.7 * canvas.noise(0.05, 6, 0.62)[top:]
    tone = palette.deep * (1 - air) + (0.5 * palette.mid + 0.2 * palette.haze) * air
    lit = np.exp(-np.maximum(below, 0) / 0.02) * 0.5
    tones = np.stack([tone[i] * rough + lit * palette.haze[i] * (0.25 + air) for i in range(3)])
    canvas.cover(np.clip(below / canvas.pixel + 0.5, 0, 1), tones, top)
