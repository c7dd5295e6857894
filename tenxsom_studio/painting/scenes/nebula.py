"""Deep space: warped gas lit from within, dust lanes, stars; below it the limb of a planet or a ridge with a wood."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.scenes import sky


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    canvas.fill([(0, palette.deep * 0.55), (1, palette.deep * 0.9)])
    sky.paint_stars(canvas, canvas.tall * 1.6, 2600, palette, 1.3)
    _paint_gas(canvas, palette)
    sky.paint_stars(canvas, canvas.tall * 1.5, 800, palette, 1.6)
    for _ in range(int(canvas.rng.integers(4, 8))):
        _paint_bright_star(canvas, palette)
    canvas.nearer()
    if canvas.rng.random() < 0.5:
        _paint_planet(canvas, palette)
    else:
        _paint_ridge(canvas, palette)


def _paint_gas(canvas: Canvas, palette: Palette) -> None:
    """Noise displaced by noise, along a slanted band, in three colours."""
    height, width = canvas.height // 2, canvas.width // 2
    size = min(height, width)
    push = [noise.fbm(canvas.rng, height, width, 0.5, octaves=4) - 0.5 for _ in range(2)]
    gas, dust, hue = (
        noise.fbm(canvas.rng, height, width, cell, octaves=octaves, gain=0.58) for cell, octaves in ((0.42, 7), (0.22, 7), (0.7, 3))
    )
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    row, column = rows + push[0] * size * 0.75, columns + push[1] * size * 0.75
    gas, dust = noise.sample(gas, row, column), noise.sample(dust, row, column)
    x, y = columns / size - canvas.wide / 2, rows / size - canvas.tall / 2
    tilt = canvas.rng.uniform(-0.75, 0.75)
    away = (y * np.cos(tilt) - x * np.sin(tilt) + canvas.rng.uniform(-0.12, 0.05)) + push[0] * 0.5
    band = np.exp(-((away / 0.3) ** 2))
    glow = noise.step(0.28, 0.95, gas) ** 1.3 * (0.16 + 1.15 * band)
    lanes = 1 - 0.88 * noise.step(0.5, 0.72, dust) * np.exp(-((away / 0.2) ** 2))
    glow, core, hue = glow * lanes, glow**2.4 * lanes, noise.step(0.3, 0.7, hue)
    for layer, tone in (
        (glow * (1 - hue), palette.haze),
        (glow * hue, 0.6 * palette.mid + 0.3 * palette.accent),
        (core * 1.3, palette.warm),
    ):
        canvas.add(noise.enlarge(layer.astype(np.float32), canvas.height, canvas.width), tone)


def _paint_bright_star(canvas: Canvas, palette: Palette) -> None:
    """A star with a halo and four thin spikes, as a telescope shows it."""
    rng = canvas.rng
    x, y, power = rng.uniform(0.05, 0.95) * canvas.wide, rng.uniform(0.05, 0.7) * canvas.tall, rng.uniform(0.4, 1.2)
    reach = 0.05 * power + 0.02
    rows, left = slice(canvas.row(y - reach), canvas.row(y + reach)), max(0, int((x - reach) * canvas.unit))
    columns = slice(left, int((x + reach) * canvas.unit))
    across, down = canvas.x[:, columns] - x, canvas.y[rows] - y
    halo = np.exp(-np.hypot(across, down) / (0.004 * (1 + power)))
    thin = 0.0009 + canvas.pixel * 0.4
    edge = np.clip(1 - np.hypot(across, down) / reach, 0, 1) ** 2
    spikes = (
        np.exp(-np.abs(across) / thin) * np.exp(-np.abs(down) / (reach * 0.3))
        + np.exp(-np.abs(down) / thin) * np.exp(-np.abs(across) / (reach * 0.3))
    ) * edge
    tone = palette.light + rng.uniform(0, 0.5) * (palette.accent - palette.light)
    canvas.light[:, rows, columns] += tone[:, None, None] * (halo * edge * 1.6 + spikes * 0.7) * power


def _paint_planet(canvas: Canvas, palette: Palette) -> None:
    """The limb of a planet from orbit, with a thin bright atmosphere and the first light of its sun."""
    rng = canvas.rng
    radius = canvas.wide * rng.uniform(1.1, 1.5)
    x, y = canvas.wide * rng.uniform(0.3, 0.7), canvas.tall * rng.uniform(0.76, 0.82) + radius
    distance = np.hypot(canvas.x - x, canvas.y - y) - radius
    dawn = rng.uniform(0.3, 0.7) * canvas.wide
    light = 0.22 + np.exp(-(((canvas.x - dawn) / (0.34 * canvas.wide)) ** 2))
    inside = np.clip(-distance / canvas.pixel / 1.5 + 0.5, 0, 1)
    weather = canvas.noise(0.16, 6, 0.55, stretch=3.0)
    ground = np.exp(np.minimum(distance, 0) / 0.07) * light * 0.5 + 0.012
    surface = np.stack([(palette.dark[i] * 0.5 + palette.haze[i] * weather**2) * ground + palette.deep[i] * 0.25 for i in range(3)])
    canvas.cover(inside, surface)
    rim = np.exp(-np.abs(distance) / np.where(distance > 0, np.float32(0.014), np.float32(0.006))) * light
    canvas.add(rim * 1.05, 0.5 * palette.haze + 0.5 * palette.accent)
    canvas.add(np.exp(-np.abs(distance) / 0.003) * light**2 * 1.6, palette.light)
    canvas.add(np.exp(-np.maximum(distance, 0) / 0.07) * (distance > 0) * light * 0.2, palette.haze)


def _paint_ridge(canvas: Canvas, palette: Palette) -> None:
    """A ridge with trees against the sky, and airglow above it."""
    shape: Plane = noise.line(canvas.rng, canvas.width, canvas.wide * 1.1, 8, 0.5)
    crest = canvas.tall * (0.93 - 0.13 * shape)
    glow = np.exp(-np.maximum(canvas.tall * 0.9 - canvas.y, 0) / (0.2 * canvas.tall)) * 0.4
    canvas.add(np.broadcast_to(glow, (canvas.height, canvas.width)), 0.55 * palette.mid + 0.3 * palette.haze)
    spikes = noise.line(canvas.rng, canvas.width, canvas.wide * 60, 2, 0.6) ** 3 * 0.035
    top = canvas.row(float((crest - spikes).min()) - 0.01)
    canvas.cover(np.clip((canvas.y[top:] - (crest - spikes)[None, :]) / canvas.pixel + 0.5, 0, 1), palette.deep * 0.22, top)
