"""The open sea with the low sun on it: waves in perspective, glitter, clouds."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.scenes import sky


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    horizon = canvas.tall * float(canvas.rng.uniform(0.4, 0.5))
    sun = sky.place_sun(canvas, horizon, 0.03, 0.13)
    sky.paint_sky(canvas, palette, sun, horizon)
    sky.paint_sun(canvas, palette, sun)
    sky.paint_clouds(canvas, palette, sun, horizon, float(canvas.rng.uniform(0.35, 0.7)))
    top = canvas.row(horizon)
    canvas.nearer()
    _paint_sea(canvas, palette, sun, top)
    canvas.end_layer()
    haze = np.exp(-np.abs(canvas.y - horizon) / (0.012 * canvas.tall)) * 0.3
    canvas.add(haze * np.exp(-np.abs(canvas.x - sun.x) / 0.7), palette.warm)


def _paint_sea(canvas: Canvas, palette: Palette, sun: sky.Sun, top: int) -> None:
    across, along = _slopes(canvas, top)
    down = (canvas.y[top:] - top * canvas.pixel) / canvas.tall
    tilt = np.clip(0.5 + along * 1.3, 0, 1)
    fresnel = np.clip(0.24 + 0.5 * np.exp(-down / 0.14) + (tilt - 0.5) * 0.75, 0, 1)
    beside = np.exp(-np.abs(canvas.x - sun.x) / 0.55)
    for channel in range(3):
        reflected = palette.mid[channel] * 0.55 + palette.haze[channel] * (0.35 + 0.45 * beside)
        water = palette.deep[channel] * 0.5 + palette.dark[channel] * 0.8
        canvas.light[channel, top:] = water + fresnel * (reflected - water)
    canvas.add(_glitter(canvas, sun, across, along, down), palette.light, top)


def _slopes(canvas: Canvas, top: int) -> tuple[Plane, Plane]:
    """How the water's surface leans sideways and towards us: waves of many lengths, seen in perspective."""
    rng = canvas.rng
    depth = 0.16 / (canvas.y[top:] - top * canvas.pixel + 0.012)
    side = (canvas.x - canvas.wide / 2) * depth
    across, along = np.zeros((2, canvas.height - top, canvas.width), np.float32)
    wind = rng.uniform(-0.5, 0.5)
    for index in range(16):
        frequency = 5.0 * 1.34**index
        angle = wind + rng.normal(0, 0.5)
        far = np.flatnonzero(frequency * depth[:, 0] * canvas.pixel * 14 < 2.2)
        rows = slice(int(far[0]) if far.size else depth.shape[0], None)
        visible = np.clip(2.2 - frequency * depth[rows] * canvas.pixel * 14, 0, 1) * (0.4 * frequency**-0.12)
        wave = side[rows] * np.float32(frequency * np.sin(angle))
        wave += depth[rows] * np.float32(frequency * 2.4 * np.cos(angle)) + np.float32(rng.uniform(0, 6.28))
        np.cos(wave, out=wave)
        wave *= visible
        across[rows] += wave * np.float32(np.sin(angle))
        along[rows] += wave * np.float32(np.cos(angle))
    gusts = (
        0.45 + 0.9 * noise.fbm(rng, max(canvas.height - top, 16), canvas.width, 0.3, octaves=4, stretch=3)[: canvas.height - top]
    )
    return across * gusts * 0.5, along * gusts * 0.42


def _glitter(canvas: Canvas, sun: sky.Sun, across: Plane, along: Plane, down: Plane) -> Plane:
    """Facets that happen to mirror the sun: a path of sparks that widens towards us."""
    sparkle = canvas.rng.standard_normal(across.shape, dtype=np.float32)
    path = (canvas.x - sun.x) / (0.05 + 0.32 * down)
    facing = path + across * 2.4 + sparkle * 0.25
    lean = along * 1.6 - 0.42 + down * 0.5 + sparkle * 0.12
    spark = np.exp(-(facing**2) * 1.1 - (lean / 0.34) ** 2)
    return np.asarray(spark * (2.4 - 1.5 * np.sqrt(down)) + 0.16 * np.exp(-(path**2) * 0.5), dtype=np.float32)
