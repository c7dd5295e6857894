"""A slice through agate: bands of colour around crystal hearts, polished and lit from one side."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    field = _growth(canvas)
    bands = float(rng.uniform(9, 13))
    ramp = _ramp(palette, rng)
    fine = noise.line(rng, 4096, bands * 9, 3, 0.7)
    place = np.clip(field * 4095, 0, 4095).astype(np.int32)
    streak = fine[place]
    for channel in range(3):
        canvas.light[channel] = (ramp[channel] * (0.72 + 0.5 * fine))[place]
    ring = np.abs((field * bands) % 1 - 0.5)
    canvas.add(noise.step(0.035, 0.0, ring) * 0.35, palette.light)
    _paint_hearts(canvas, palette, field)
    down, across = np.gradient(noise.enlarge(field[::4, ::4], canvas.height, canvas.width))
    polish = np.clip(1.0 - (across * 0.6 + down * 0.8) * canvas.unit * 0.22, 0.45, 1.5)
    canvas.dim((polish * (0.9 + 0.2 * streak)).astype(np.float32))
    angle = float(rng.uniform(0.3, 0.8))
    gloss = canvas.soft(
        lambda x, y: np.exp(-(((x - 0.35 * canvas.wide) * np.cos(angle) + (y - 0.25 * canvas.tall) * np.sin(angle)) ** 2) / 0.03)
    )
    canvas.add(gloss * 0.07, palette.light)
    canvas.grain = 0.008


def _growth(canvas: Canvas) -> Plane:
    """How early each point grew, 0 (rind) to 1 (heart): distance from a few seeds, warped by noise."""
    rng = canvas.rng
    push = [canvas.noise(0.55, 4, 0.36) - 0.5 for _ in range(2)]
    x, y = canvas.x + push[0] * 0.7, canvas.y + push[1] * 0.7
    near = np.zeros((canvas.height, canvas.width), np.float32)
    for index in range(int(rng.integers(2, 4))):
        cx, cy = rng.uniform(0.12, 0.88) * canvas.wide, rng.uniform(0.15, 0.85) * canvas.tall
        size = rng.uniform(0.5, 0.75) * (1.0 if index == 0 else 0.6) * np.sqrt(canvas.wide * canvas.tall)
        near += np.exp(-np.hypot((x - cx) * rng.uniform(0.7, 1.0), y - cy) / (0.5 * size))
    return noise.unit_range(np.log(near + 0.02))


def _ramp(palette: Palette, rng: np.random.Generator) -> np.ndarray:
    """4096 colours from rind to heart: broad bands that take turns between dark and bright."""
    tones = [
        palette.deep * 0.9,
        palette.dark,
        palette.mid,
        palette.haze,
        palette.mid,
        palette.warm,
        palette.accent,
        palette.haze,
        palette.light,
        palette.mid,
    ]
    stops = np.sort(rng.uniform(0, 1, 14))
    stops = 0.5 * stops + 0.5 * np.linspace(0, 1, 14)
    start = int(rng.integers(0, 3))
    chosen = [tones[(start + index) % len(tones)] for index in range(14)]
    display = np.sqrt(np.array(chosen)).T
    position = np.linspace(0, 1, 4096)
    return np.asarray(np.stack([np.interp(position, stops, channel) for channel in display]) ** 2, np.float32)


def _paint_hearts(canvas: Canvas, palette: Palette, field: Plane) -> None:
    """Crystals in the hollow hearts: facets that catch the light."""
    inside = noise.step(0.86, 0.9, field)
    if not inside.any():
        return
    facets = np.abs(canvas.noise(0.035, 4, 0.75) - 0.5) * 2
    sparkle = noise.step(0.55, 0.95, facets) + 1.2 * noise.step(0.985, 1.0, np.abs(canvas.noise(0.008, 2, 0.9) * 2 - 1))
    colours = np.stack([palette.dark[i] * 0.5 + sparkle * (palette.haze[i] * 0.7 + palette.light[i] * 0.5) for i in range(3)])
    canvas.cover(inside * 0.9, colours)
    canvas.add(np.exp(-np.abs(field - 0.875) / 0.008) * 0.45, palette.light)
