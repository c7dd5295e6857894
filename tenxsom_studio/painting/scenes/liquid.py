"""Molten glass in close-up: a smooth surface that mirrors softboxes and shows thin-film colours where it thins."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    height = _surface(canvas)
    scale = canvas.unit / 2
    down, across = (np.asarray(slope * scale, np.float32) for slope in np.gradient(height))
    steep = np.sqrt(1 + across**2 + down**2)
    nx, ny, nz = -across / steep, -down / steep, 1 / steep
    rng = canvas.rng
    body = noise.step(0.05, 0.95, height)
    tone = [palette.dark[i] + body * (palette.haze[i] * 0.85 - palette.dark[i]) for i in range(3)]
    facing = np.clip(nx * -0.45 + ny * -0.55 + nz * 0.7, 0, 1)
    rim = (1 - nz) ** 1.6
    film = 3.4 * height + 1.5 * rim + float(rng.uniform(0, 1))
    boxes = _softbox(nx, ny, (-0.42, -0.5), (0.16, 0.34)) * 1.25 + _softbox(nx, ny, (0.5, 0.35), (0.1, 0.42)) * 0.22
    gleam = np.exp(-((nx + 0.36) ** 2 + (ny + 0.44) ** 2) / 0.008) * 1.4
    bands = 0.5 + 0.5 * np.cos(6.283 * film)
    for i in range(3):
        rainbow = 0.5 + 0.5 * np.cos(6.283 * (film + (0.0, 0.33, 0.67)[i]))
        sheen = palette.accent[i] + bands * (palette.warm[i] - palette.accent[i]) + 0.16 * rainbow
        light = tone[i] * (0.2 + 1.15 * facing**1.3) + rim * sheen * 0.8 + (boxes * 0.5 + gleam) * palette.light[i]
        canvas.light[i] = noise.enlarge(light.astype(np.float32), canvas.height, canvas.width)
    canvas.grain, canvas.vignette, canvas.bloom = 0.006, 0.42, 0.3


def _surface(canvas: Canvas) -> Plane:
    """Slow noise displaced by slow noise twice, at half the resolution: what flows and folds."""
    height, width = canvas.height // 2, canvas.width // 2
    size = min(height, width)
    rng = canvas.rng
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    field = noise.fbm(rng, height, width, 0.5, octaves=2, gain=0.32)
    row, column = rows, columns
    for strength, cell in ((0.75, 0.55), (0.45, 0.4)):
        push = [noise.fbm(rng, height, width, cell, octaves=2, gain=0.3) - 0.5 for _ in range(2)]
        row, column = row + push[0] * size * strength, column + push[1] * size * strength
    smooth = noise.enlarge(noise.sample(field, row, column)[::4, ::4], height, width)
    return noise.unit_range(smooth) * 0.62


def _softbox(nx: Plane, ny: Plane, middle: tuple[float, float], size: tuple[float, float]) -> Plane:
    """How much of a rectangular lamp the surface mirrors; a normal that points at `middle` sees it best."""
    (x, y), (wide, tall) = middle, size
    across, down = np.abs((nx - x) * 0.8 + (ny - y) * 0.6), np.abs((ny - y) * 0.8 - (nx - x) * 0.6)
    return noise.step(wide, wide * 0.7, across) * noise.step(tall, tall * 0.8, down)
