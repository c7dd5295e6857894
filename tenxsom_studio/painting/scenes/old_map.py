"""An old chart on parchment: coasts with hatched waters, rhumb lines from a compass rose, a route, folds and stains."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette

_SEA = np.array([0.02, 0.16, 0.17], np.float32)
"""The blue-green that washes the waters of old charts."""


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    paper = canvas.noise(0.5, 8, 0.62)
    tone = 0.62 + 0.36 * paper
    for i in range(3):
        canvas.light[i] = palette.haze[i] * 0.45 + (palette.warm[i] - palette.haze[i] * 0.45) * tone
    land = canvas.noise(0.62, 8, 0.52)
    shore = float(np.quantile(land, rng.uniform(0.5, 0.6)))
    ink = 0.7 * palette.deep + 0.3 * palette.dark
    _paint_coast(canvas, palette, land - shore, ink)
    canvas.cover(_lines(canvas, land - shore) * 0.62, ink)
    canvas.cover(_route(canvas) * 0.85, palette.accent * 0.8)
    _paint_folds(canvas)
    _paint_age(canvas, palette)
    _paint_lamp(canvas, palette)
    canvas.grain, canvas.bloom, canvas.vignette = 0.012, 0.12, 0.5


def _paint_coast(canvas: Canvas, palette: Palette, height: Plane, ink: np.ndarray) -> None:
    """Land washed with colour, an inked coast, and three ever fainter lines out at sea."""
    steep = np.hypot(*np.gradient(noise.enlarge(height[::4, ::4], canvas.height, canvas.width))) * canvas.unit + 0.35
    away = height / steep
    sea = noise.step(0.003, -0.003, away)
    canvas.dim(1 - 0.2 * sea)
    canvas.cover(sea * 0.3, 0.6 * palette.mid + _SEA)
    canvas.cover(noise.step(0, 0.003, away) * np.exp(-np.maximum(away, 0) / 0.022) * 0.42, palette.mid * 0.9)
    width = 0.0011 + canvas.pixel * 0.5
    canvas.cover(np.exp(-((away / width) ** 2)) * 0.92, ink)
    for index in range(1, 5):
        canvas.cover(np.exp(-(((away + 0.0085 * index) / (width * 0.7)) ** 2)) * (0.5 - 0.09 * index), ink)
    relief = np.gradient(height, axis=1) * canvas.unit
    canvas.dim(1 - np.clip(relief * 0.16, -0.08, 0.22) * noise.step(0.0, 0.04, height))


def _lines(canvas: Canvas, height: Plane) -> Plane:
    """Everything drawn with a pen: frame, graticule, rhumb lines, compass rose, mountains."""
    rng = canvas.rng
    sheet = Image.new("L", (canvas.width, canvas.height))
    draw = ImageDraw.Draw(sheet)
    unit, thin = canvas.unit, max(1, canvas.unit // 900)
    margin = round(0.035 * unit)
    for inset, width in ((margin, thin * 2), (margin + round(0.022 * unit), thin)):
        draw.rectangle((inset, inset, canvas.width - inset, canvas.height - inset), outline=255, width=width)
    _draw_scale(draw, canvas, margin, round(0.022 * unit))
    x, y = rng.choice([0.22, 0.78]) * canvas.width, rng.choice([0.28, 0.72]) * canvas.height
    for index in range(32):
        angle = index * math.pi / 16
        reach = 3 * (canvas.width + canvas.height)
        draw.line((x, y, x + math.cos(angle) * reach, y + math.sin(angle) * reach), fill=60 if index % 2 else 95, width=thin)
    _draw_mountains(draw, canvas, height)
    _draw_rose(draw, x, y, 0.13 * unit, thin)
    return np.asarray(sheet, np.float32) / 255


def _draw_scale(draw: ImageDraw.ImageDraw, canvas: Canvas, margin: int, band: int) -> None:
    """The frame's black and white degrees."""
    step = round(0.06 * canvas.unit)
    for index, start in enumerate(range(margin, canvas.width - margin, step)):
        if index % 2:
            end = min(start + step, canvas.width - margin)
            draw.rectangle((start, margin, end, margin + band // 2), fill=220)
            draw.rectangle((start, canvas.height - margin - band // 2, end, canvas.height - margin), fill=220)
    for index, start in enumerate(range(margin, canvas.height - margin, step)):
        if index % 2:
            end = min(start + step, canvas.height - margin)
            draw.rectangle((margin, start, margin + band // 2, end), fill=220)
            draw.rectangle((canvas.width - margin - band // 2, start, canvas.width - margin, end), fill=220)


def _draw_rose(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, thin: int) -> None:
    """A compass rose of sixteen points, each half in shadow."""
    draw.ellipse((x - radius * 0.72, y - radius * 0.72, x + radius * 0.72, y + radius * 0.72), outline=230, width=thin * 2)
    draw.ellipse((x - radius * 0.66, y - radius * 0.66, x + radius * 0.66, y + radius * 0.66), outline=200, width=thin)
    for order, length in ((4, 0.52), (2, 0.74), (1, 1.0)):
        for index in range(16 // (4 if order == 1 else 2 if order == 2 else 1)):
            angle = index * 2 * math.pi / (4 if order == 1 else 8 if order == 2 else 16) - math.pi / 2
            tip = (x + math.cos(angle) * radius * length, y + math.sin(angle) * radius * length)
            for side, tone in ((-1, 255), (1, 20)):
                waist = angle + side * math.pi / (4 if order == 1 else 8 if order == 2 else 16)
                near = radius * 0.15 * (1.3 if order == 1 else 1.1)
                draw.polygon((tip, (x, y), (x + math.cos(waist) * near, y + math.sin(waist) * near)), fill=tone, outline=235)


def _draw_mountains(draw: ImageDraw.ImageDraw, canvas: Canvas, height: Plane) -> None:
    """Small hand-drawn peaks where the land is highest."""
    rng = canvas.rng
    high = float(np.quantile(height, 0.86))
    spots = rng.uniform(0.09, 0.91, (260, 2)) * (canvas.height, canvas.width)
    chosen = [spot for spot in spots if height[int(spot[0]), int(spot[1])] > high][:34]
    for row, column in sorted(chosen, key=lambda spot: float(spot[0])):
        size = canvas.unit * rng.uniform(0.014, 0.024)
        left, peak, right = (column - size, row), (column, row - size * 1.25), (column + size, row)
        draw.polygon((left, peak, right), fill=18)
        draw.line((left, peak, right), fill=215, width=max(1, canvas.unit // 700), joint="curve")
        for index in range(1, 4):
            x = column + size * index * 0.24
            draw.line((column + size * 0.12 * index, row - size * (1.15 - 0.3 * index), x, row - size * 0.08), fill=150, width=1)


def _route(canvas: Canvas) -> Plane:
    """A dashed voyage that ends at a cross."""
    rng = canvas.rng
    sheet = Image.new("L", (canvas.width, canvas.height))
    draw = ImageDraw.Draw(sheet)
    xs = np.linspace(rng.uniform(0.12, 0.3), rng.uniform(0.66, 0.86), 6)
    ys = np.clip(0.5 + np.cumsum(rng.normal(0, 0.14, 6)), 0.2, 0.8)
    t = np.linspace(0, 1, 240)
    path = np.column_stack(
        [
            np.interp(t, np.linspace(0, 1, 6), xs) * canvas.width,
            noise.enlarge(ys[None].astype(np.float32), 1, 240)[0] * canvas.height,
        ]
    )
    width = max(2, canvas.unit // 260)
    for index in range(0, 238, 6):
        draw.line([tuple(point) for point in path[index : index + 4]], fill=255, width=width)
    x, y = path[-1]
    size = 0.014 * canvas.unit
    draw.line((x - size, y - size, x + size, y + size), fill=255, width=width * 2)
    draw.line((x - size, y + size, x + size, y - size), fill=255, width=width * 2)
    return np.asarray(sheet, np.float32) / 255


def _paint_folds(canvas: Canvas) -> None:
    """Creases where the sheet was folded: a light and a dark side."""
    for share in (1 / 3, 2 / 3):
        for away in (canvas.x - share * canvas.wide, canvas.y - share * canvas.tall + 0.01):
            crease = np.exp(-np.abs(away) / 0.004) * np.sign(away) * 0.11 + np.exp(-np.abs(away) / 0.06) * np.sign(away) * 0.05
            canvas.dim(np.broadcast_to(1 + crease, (canvas.height, canvas.width)))


def _paint_age(canvas: Canvas, palette: Palette) -> None:
    """Stains, and edges that have darkened."""
    stain = canvas.noise(0.35, 7, 0.6)
    canvas.cover(noise.step(0.56, 0.85, stain) * 0.42, palette.mid * 0.7)
    edge = np.minimum(np.minimum(canvas.x, canvas.wide - canvas.x), np.minimum(canvas.y, canvas.tall - canvas.y))
    canvas.cover(noise.step(0.075, 0.0, edge + (stain - 0.5) * 0.14) * 0.75, palette.dark * 0.5)


def _paint_lamp(canvas: Canvas, palette: Palette) -> None:
    """Lamplight from one corner, so that the sheet lies in a room and not on a screen."""
    x, y = canvas.rng.choice([0.2, 0.8]) * canvas.wide, 0.15 * canvas.tall
    pool = canvas.soft(lambda px, py: np.exp(-(((px - x) / (0.75 * canvas.wide)) ** 2) - ((py - y) / (0.95 * canvas.tall)) ** 2))
    for i in range(3):
        canvas.light[i] *= (0.3 + 1.05 * pool) * (0.55 + 0.45 * palette.light[i])
