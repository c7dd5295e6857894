"""Layers of cut paper with soft shadows that step down into a glowing depth: clear and friendly, made to explain."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas, Light, gradient
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette

_SHEETS = 8
_RAISED = (4, 2)
"""The sheets in the middle that move faster when the camera moves, as a pile that rises towards it."""


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    middle = (canvas.wide * float(rng.uniform(0.38, 0.62)), canvas.tall * float(rng.uniform(0.4, 0.56)))
    field = _terrain(canvas, middle)
    tones = gradient(
        np.linspace(0, 1, _SHEETS + 1),
        [(0, palette.light), (0.2, palette.warm), (0.45, palette.haze), (0.7, palette.mid), (1, palette.dark)],
    )
    canvas.fill([(0, palette.light), (1, palette.warm)])
    _paint_core(canvas, palette, middle)
    _paint_sheets(canvas, palette, field, tones)
    canvas.grain, canvas.bloom, canvas.vignette = 0.011, 0.1, 0.3


def _terrain(canvas: Canvas, middle: tuple[float, float]) -> Plane:
    """A smooth basin around the middle, bent by slow noise."""
    hills = noise.enlarge(canvas.noise(0.42, 2, 0.35)[::4, ::4], canvas.height, canvas.width)
    basin = np.hypot((canvas.x - middle[0]) / canvas.wide, (canvas.y - middle[1]) / canvas.tall) * 1.7
    return np.asarray(basin + 0.75 * hills, dtype=np.float32)


def _paint_core(canvas: Canvas, palette: Palette, middle: tuple[float, float]) -> None:
    """What shines at the bottom: a disc like a small sun."""
    canvas.glow(*middle, 0.22, palette.accent, 0.5)
    canvas.cover(canvas.disc(*middle, 0.075, 0.004), palette.accent * 1.15)
    canvas.cover(canvas.disc(*middle, 0.058, 0.004) * 0.5, palette.light)


def _paint_sheets(canvas: Canvas, palette: Palette, field: Plane, tones: Light) -> None:
    """All sheets at once: every pixel lies on one sheet, so far inside its own cut edge and so far below the next one's."""
    levels = np.quantile(field[::8, ::8], np.linspace(0.1, 0.84, _SHEETS)).astype(np.float32)
    down, across = (slope * np.float32(canvas.unit) for slope in np.gradient(field))
    steep = np.sqrt(down * down + across * across) + np.float32(0.15)
    sheet = np.searchsorted(levels, field.ravel()).reshape(field.shape)
    for height in _RAISED:
        canvas.raise_part(sheet <= height)
    inside = (field - np.concatenate([[-9], levels]).astype(np.float32)[sheet]) / steep
    below = (np.concatenate([levels, [99]]).astype(np.float32)[sheet] - field) / steep
    facing = np.float32(-0.55) * across / steep - np.float32(0.8) * down / steep  # 1 where the next sheet stands towards the lamp
    shadow = np.float32(0.6) * np.exp(-((below / (np.float32(0.007) + np.float32(0.017) * np.maximum(facing + 0.35, 0))) ** 2))
    edge = np.clip(inside / np.float32(1.3 * canvas.pixel), 0, 1)
    rim = np.exp(inside / np.float32(-0.0016 - canvas.pixel)) * (sheet > 0) * np.float32(0.2)
    fall = (np.float32(1.04) - np.float32(0.1) * np.exp(inside / np.float32(-0.12))) * (1 - shadow)
    for i in range(3):
        under = np.concatenate([[0.0], tones[i][:-1]]).astype(np.float32)[sheet] * np.float32(0.45)
        paper = tones[i].astype(np.float32)[sheet] * fall + rim * palette.light[i]
        ground = canvas.light[i] * (1 - shadow)
        canvas.light[i] = np.where(sheet == 0, ground, under + edge * (paper - under))
