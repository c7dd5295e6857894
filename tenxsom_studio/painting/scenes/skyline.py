"""A city after sunset: three rows of towers with lit windows, haze between them, and the river that mirrors them."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Colour, Palette
from tenxsom_studio.painting.scenes import sky


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    waterline = canvas.tall * float(canvas.rng.uniform(0.72, 0.78))
    sun = sky.place_sun(canvas, waterline, 0.2, 0.45)
    sky.paint_sky(canvas, palette, sun, waterline, night=True)
    sky.paint_stars(canvas, waterline * 0.6, 160, palette, 0.6)
    sky.paint_clouds(canvas, palette, sun, waterline, 0.35)
    if canvas.rng.random() < 0.5:
        sky.paint_moon(canvas, palette, sun)
    for depth in (0.0, 0.5, 1.0):
        if depth == 1.0:
            canvas.nearer()
        _paint_row(canvas, palette, depth, waterline)
        _paint_haze(canvas, palette, waterline, 0.34 * (1 - depth) + 0.05)
    sky.mirror_in_water(canvas, waterline, palette, streak=0.16, darkness=0.22)


def _paint_haze(canvas: Canvas, palette: Palette, waterline: float, strength: float) -> None:
    rise = np.exp(-np.maximum(waterline - canvas.y, 0) / (0.16 * canvas.tall)) * strength
    drift = 0.7 + 0.6 * canvas.soft(lambda x, y: np.sin(x * 3.1 + 1) * 0.5 + 0.5 + 0 * y, 16)
    canvas.cover(np.clip(rise * drift, 0, 1), 0.75 * palette.haze + 0.25 * palette.mid)


def _paint_row(canvas: Canvas, palette: Palette, depth: float, waterline: float) -> None:
    """One row of towers; `depth` is 0 for the farthest."""
    rng = canvas.rng
    middle = canvas.wide * rng.uniform(0.35, 0.65)
    left = -0.05
    body = palette.deep * (0.25 + 0.5 * (1 - depth)) + palette.mid * 0.34 * (1 - depth)
    while left < canvas.wide:
        width = rng.uniform(0.035, 0.08) * (0.55 + 0.5 * depth)
        crowd = np.exp(-(((left - middle) / (0.42 * canvas.wide)) ** 2))
        height = canvas.tall * (0.05 + 0.44 * crowd * rng.beta(1.3, 2.4 + 2.2 * depth)) * (1.2 - 0.3 * depth)
        _paint_tower(canvas, palette, body * rng.uniform(0.8, 1.2), (left, waterline - height, width, height), depth)
        left += width * rng.uniform(0.8, 1.15)


def _paint_tower(canvas: Canvas, palette: Palette, body: Colour, box: tuple[float, float, float, float], depth: float) -> None:
    rng, unit = canvas.rng, canvas.unit
    x, y, width, height = (int(value * unit) for value in box)
    _block(canvas, (x, y, width, height), body)
    if rng.random() < 0.45:
        inset = int(width * rng.uniform(0.15, 0.3))
        step = int(height * rng.uniform(0.04, 0.12))
        _block(canvas, (x + inset, y - step, width - 2 * inset, step), body)
        y -= step
    if rng.random() < 0.3:
        mast = int(unit * rng.uniform(0.02, 0.06))
        thin = max(1, unit // 700)
        _block(canvas, (x + width // 2, y - mast, thin, mast), body)
        _block(canvas, (x + width // 2 - thin, y - mast - thin, thin * 3, thin * 2), palette.accent * 1.5)
    _paint_windows(canvas, palette, (x, y, width, height), depth)


def _block(canvas: Canvas, box: tuple[int, int, int, int], body: Colour) -> None:
    """A box with a slightly lighter left edge, as a lit face has."""
    x, y, width, height = box
    rows, columns = slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))
    part = canvas.light[:, rows, columns]
    if part.size:
        part[:] = (body[:, None] * np.linspace(1.25, 0.8, part.shape[2], dtype=np.float32))[:, None, :]


def _paint_windows(canvas: Canvas, palette: Palette, box: tuple[int, int, int, int], depth: float) -> None:
    """Lit windows in a grid; whole floors and corners share a mood, as they do in offices."""
    rng, (x, y, width, height) = canvas.rng, box
    pitch = max(3, round(canvas.unit * (0.0055 + 0.002 * depth)))
    tall = max(4, round(pitch * rng.uniform(1.0, 1.5)))
    columns, rows = (width - pitch) // pitch, (height - tall) // tall
    if columns < 2 or rows < 2:
        return
    share = rng.uniform(0.12, 0.5)
    lit = (rng.random((rows, columns)) < share * (0.4 + 1.2 * rng.random((rows, 1)))).astype(np.float32)
    power = lit * rng.uniform(0.25, 1.0, (rows, columns)) ** 1.5 * (0.7 + 0.75 * depth)
    cool = (rng.random((rows, columns)) < 0.16)[None]
    tint = np.where(cool, palette.accent[:, None, None] * 0.9, (palette.warm * 0.7 + palette.light * 0.3)[:, None, None])
    cell = np.zeros((tall, pitch), np.float32)
    cell[: max(2, round(tall * 0.55)), : max(2, round(pitch * 0.62))] = 1
    panes = np.stack([np.kron(layer, cell) for layer in tint * power]).astype(np.float32)
    left, top = x + (width - columns * pitch) // 2 + 1, y + tall // 2
    _add_clipped(canvas, panes, left, top)


def _add_clipped(canvas: Canvas, panes: np.ndarray, left: int, top: int) -> None:
    cut_left, cut_top = max(0, -left), max(0, -top)
    part = canvas.light[:, top + cut_top : max(0, top + panes.shape[1]), left + cut_left : max(0, left + panes.shape[2])]
    if part.size:
        part += panes[:, cut_top : cut_top + part.shape[1], cut_left : cut_left + part.shape[2]]
