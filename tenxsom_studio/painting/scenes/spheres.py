"""Glossy spheres in a bright studio: round, clean and friendly, for tips and for pure pleasure."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Colour, Palette


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    back = 0.55 * palette.haze + 0.45 * palette.warm
    floor = canvas.tall * 0.72
    canvas.fill([(0, back * 0.62), (0.45, back * 0.95), (0.74, back * 1.0), (1, back * 0.72)])
    canvas.glow(canvas.wide * 0.3, canvas.tall * 0.15, 0.5, palette.light, 0.35)
    tones = [palette.mid, palette.accent, palette.dark, palette.haze, palette.warm, palette.mid, palette.accent]
    balls = sorted(_arrange(canvas), key=lambda ball: ball[2])
    offset = int(rng.integers(0, len(tones)))
    canvas.nearer()
    for index, (x, z, radius) in enumerate((ball[0], ball[2], ball[1]) for ball in balls):
        y = floor + z * 0.24 * canvas.tall - radius
        _paint_ball(canvas, palette, (x, y, radius), tones[(index + offset) % len(tones)], back)
    canvas.grain, canvas.bloom, canvas.vignette = 0.007, 0.2, 0.24


def _arrange(canvas: Canvas) -> list[tuple[float, float, float]]:
    """Places (x), radii and nearness of spheres that do not crowd each other: a large one first."""
    rng = canvas.rng
    balls: list[tuple[float, float, float]] = []
    sizes = [0.27, 0.17, 0.15, 0.11, 0.1, 0.075, 0.07, 0.055, 0.05, 0.04, 0.035, 0.03]
    for size in sizes:
        for _ in range(60):
            radius = size * rng.uniform(0.85, 1.15)
            x = canvas.wide * rng.uniform(0.34, 0.66) if not balls else rng.uniform(radius * 0.4, canvas.wide - radius * 0.4)
            near = float(np.clip(0.5 - (radius - 0.1) * 1.6 + rng.uniform(-0.3, 0.45), 0, 1))
            if all(abs(x - other[0]) > (radius + other[1]) * (0.95 if abs(near - other[2]) < 0.4 else 0.6) for other in balls):
                balls.append((float(x), float(radius), near))
                break
    return balls


def _paint_ball(canvas: Canvas, palette: Palette, ball: tuple[float, float, float], tone: Colour, back: Colour) -> None:
    x, y, radius = ball
    _paint_shadow(canvas, x, y, radius)
    rows = slice(canvas.row(y - radius * 1.03), canvas.row(y + radius * 1.03) + 1)
    columns = slice(max(0, int((x - radius * 1.03) * canvas.unit)), max(0, int((x + radius * 1.03) * canvas.unit) + 1))
    across, down = (canvas.x[:, columns] - x) / radius, (canvas.y[rows] - y) / radius
    away = np.sqrt(across**2 + down**2)
    toward = np.sqrt(np.clip(1 - away**2, 0, 1))
    diffuse = np.clip(across * -0.48 + down * -0.62 + toward * 0.62, 0, 1)
    bounce = np.clip(down * 0.8 + 0.15, 0, 1) * 0.34
    rim = (1 - toward) ** 3 * 0.5
    lamp = noise.step(0.34, 0.24, np.abs((across + 0.36) * 0.85 - (down + 0.46) * 0.3)) * noise.step(
        0.17, 0.1, np.abs((down + 0.46) * 0.9 + (across + 0.36) * 0.25)
    )
    gleam = np.exp(-((across + 0.38) ** 2 + (down + 0.46) ** 2) / 0.12) * 0.28
    thin = np.exp(-((away - 0.9) ** 2) / 0.004) * np.clip(across * 0.7 + down * 0.5, 0, 1) * 0.4
    mask = np.clip((1 - away) * radius / canvas.pixel / 1.3 + 0.5, 0, 1)
    part = canvas.light[:, rows, columns]
    for i in range(3):
        body = tone[i] * (0.2 + 0.95 * diffuse) + back[i] * tone[i] * bounce + rim * back[i] * 0.7
        part[i] += mask * (body + (lamp * 0.5 + gleam + thin) * palette.light[i] - part[i])


def _paint_shadow(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """A tight dark contact and a wide soft shadow away from the lamp."""
    ground = y + radius * 0.94

    def at(px: np.ndarray, py: np.ndarray) -> np.ndarray:
        wide = np.exp(-(((px - x - radius * 0.5) / (radius * 1.15)) ** 2 + ((py - ground - radius * 0.06) / (radius * 0.3)) ** 2))
        return np.asarray(1 - 0.5 * wide, dtype=np.float32)

    canvas.dim(canvas.soft(at))
    tight = np.exp(
        -(((canvas.x - x - radius * 0.08) / (radius * 0.62)) ** 2 + ((canvas.y - ground - radius * 0.02) / (radius * 0.1)) ** 2)
    )
    canvas.dim(1 - 0.6 * tight)
