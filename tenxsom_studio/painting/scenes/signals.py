"""A wave of luminous lines that climbs across the dark, with the strongest one in front: what is on the rise."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas, blur
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Colour, Palette

_LINES = 34


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    canvas.fill([(0, palette.deep * 0.8), (0.55, palette.dark * 0.9), (1, palette.deep * 0.6)])
    canvas.glow(canvas.wide * 0.82, canvas.tall * 0.3, 0.55, palette.mid, 0.8)
    canvas.glow(canvas.wide * 0.12, canvas.tall * 0.85, 0.4, palette.mid, 0.4)
    _paint_grid(canvas, palette)
    _paint_bokeh(canvas, palette)
    rise = _rise(canvas)
    phase, sway = rng.uniform(0, 6.28, 3), rng.uniform(0.6, 1.2, 3)
    base, canvas.light = canvas.light, np.zeros_like(canvas.light)
    for index in range(_LINES):
        depth = index / (_LINES - 1)
        _paint_line(
            canvas,
            _tone(palette, depth),
            rise + _sway(canvas, depth, phase, sway),
            0.2 + 0.45 * depth**1.5,
            0.0012 + 0.0016 * depth,
        )
    hero = rise - 0.02
    _paint_line(canvas, palette.light, hero, 1.25, 0.0026)
    _add_halo(canvas, 0.85)
    canvas.light += base
    _paint_area(canvas, palette, hero)
    _paint_points(canvas, palette, hero)
    canvas.bloom, canvas.vignette = 0.5, 0.42


def _rise(canvas: Canvas) -> Plane:
    """The height of the front line along the width: it climbs, with setbacks."""
    t = np.linspace(0, 1, canvas.width, dtype=np.float32)
    climb = 0.82 - 0.56 * (0.35 * t + 0.65 * noise.step(0.1, 1.15, t))
    wobble = noise.line(canvas.rng, canvas.width, 6, 3, 0.45, smooth=True) - 0.5
    return np.asarray(canvas.tall * (climb + 0.13 * wobble * np.sqrt(np.maximum(np.sin(np.pi * t), 0))), dtype=np.float32)


def _sway(canvas: Canvas, depth: float, phase: np.ndarray, sway: np.ndarray) -> Plane:
    t = np.linspace(0, 1, canvas.width, dtype=np.float32)
    spread = (1 - depth) * (0.16 + 0.42 * np.abs(t - 0.55) ** 0.8)
    wave = sum(0.05 * sway[k] * np.sin((2.2 + 1.7 * k) * t * 3 + phase[k] + depth * (2.5 + k)) for k in range(3))
    return np.asarray(canvas.tall * (wave * (0.5 + 1.5 * (1 - depth)) - spread * 0.5 + 0.24 * (1 - depth)), dtype=np.float32)


def _tone(palette: Palette, depth: float) -> Colour:
    return np.asarray(palette.mid * (1 - depth) * 1.2 + palette.haze * depth + palette.accent * 0.5 * (1 - depth) ** 3, np.float32)


def _paint_line(canvas: Canvas, tone: Colour, height: Plane, power: float, thin: float) -> None:
    """A line that is brighter towards the right. Touches only the pixels it covers, column by column."""
    slope = np.sqrt(1 + np.gradient(height, canvas.pixel).astype(np.float32) ** 2)
    reach = int((thin * canvas.unit * 0.75 + 0.5) * float(slope.max())) + 1
    rows = (height * canvas.unit).astype(np.int32)[None, :] + np.arange(-reach, reach + 1, dtype=np.int32)[:, None]
    away = np.abs((rows + np.float32(0.5)) * np.float32(canvas.pixel) - height[None, :]) / slope
    core = np.clip(np.float32(thin / canvas.pixel * 0.75 + 0.5) - away * np.float32(canvas.unit), 0, 1)
    seen = (rows >= 0) & (rows < canvas.height) & (core > 0)
    place = rows[seen], np.broadcast_to(np.arange(canvas.width), rows.shape)[seen]
    amount = (core * (np.linspace(0.4, 1.2, canvas.width, dtype=np.float32) * power))[seen]
    for channel in range(3):
        canvas.light[channel][place] += amount * tone[channel]


def _add_halo(canvas: Canvas, strength: float) -> None:
    """Let everything painted so far shine softly over its neighbourhood."""
    step = 4
    rows, columns = canvas.height // step, canvas.width // step
    for channel in range(3):
        layer = canvas.light[channel]
        small = layer[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3))
        layer += strength * noise.enlarge(blur(small, 1), canvas.height, canvas.width)


def _paint_area(canvas: Canvas, palette: Palette, height: Plane) -> None:
    """A curtain of light that hangs from the front line."""
    below = canvas.y - height[None, :]
    curtain = (
        np.exp(-np.maximum(below, 0) / (0.17 * canvas.tall)) * (below > 0) * np.linspace(0.05, 0.42, canvas.width, dtype=np.float32)
    )
    canvas.add(curtain, 0.7 * palette.haze + 0.3 * palette.mid)


def _paint_points(canvas: Canvas, palette: Palette, height: Plane) -> None:
    """Marks on the front line; the last one, at the top, is the largest."""
    for share, size in ((0.2, 0.006), (0.38, 0.0065), (0.56, 0.0075), (0.74, 0.009), (0.9, 0.014)):
        column = int(share * canvas.width)
        x, y = column * canvas.pixel, float(height[column])
        canvas.cover(canvas.disc(x, y, size * 1.9) * 0.5, palette.accent)
        canvas.cover(canvas.disc(x, y, size), palette.light * 1.6)
        if share == 0.9:
            canvas.glow(x, y, 0.07, palette.accent, 0.9)
            ring = np.abs(np.hypot(canvas.x - x, canvas.y - y) - size * 3.4)
            canvas.add(np.clip(1.3 - ring / canvas.pixel / 1.2, 0, 1) * 0.5, palette.light)


def _paint_grid(canvas: Canvas, palette: Palette) -> None:
    spacing = 0.125
    across = np.abs((canvas.x / spacing) % 1 - 0.5) * spacing
    down = np.abs((canvas.y / spacing) % 1 - 0.5) * spacing
    lines = np.maximum(np.clip(1 - across / canvas.pixel, 0, 1), np.clip(1 - down / canvas.pixel, 0, 1))
    dots = np.exp(-(across**2 + down**2) / (2.2 * canvas.pixel) ** 2)
    canvas.add(lines * 0.05 + dots * 0.22, palette.haze)


def _paint_bokeh(canvas: Canvas, palette: Palette) -> None:
    """Discs of light out of focus."""
    rng = canvas.rng
    for _ in range(34):
        x, y, size = rng.uniform(0, canvas.wide), rng.uniform(0, canvas.tall), rng.uniform(0.008, 0.05)
        columns = slice(max(0, int((x - size * 1.2) * canvas.unit)), int((x + size * 1.2) * canvas.unit) + 1)
        rows = slice(canvas.row(y - size * 1.2), canvas.row(y + size * 1.2) + 1)
        away = np.hypot(canvas.x[:, columns] - x, canvas.y[rows] - y) / size
        disc = noise.step(1.0, 0.9, away) * (0.6 + 0.5 * away**4)
        tone = (palette.haze, palette.accent, palette.mid)[int(rng.integers(0, 3))]
        canvas.light[:, rows, columns] += disc * tone[:, None, None] * rng.uniform(0.02, 0.12)
