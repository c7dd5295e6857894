"""Layers of cut paper with soft shadows that step down into a glowing depth: clear and friendly, made to explain."""

from __future__ import annotations

import numpy as np

from tenxsom.media import noise
from tenxsom.media.canvas import Canvas, blur, gradient
from tenxsom.media.noise import Plane
from tenxsom.media.palettes import Palette

_SHEETS = 8


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
    levels = np.quantile(field[::8, ::8], np.linspace(0.1, 0.84, _SHEETS))
    steep = np.hypot(*np.gradient(field)) * canvas.unit + 0.15
    for index, level in enumerate(levels):
        away = (field - np.float32(level)) / steep
        _paint_sheet(canvas, palette, away, tones[:, index + 1])
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


def _paint_sheet(canvas: Canvas, palette: Palette, away: Plane, tone: np.ndarray) -> None:
    """One sheet lies where `away` (its distance inside the cut edge) is positive, and shades what is below it."""
    step = 6
    small = blur(np.clip(away[::step, ::step] / canvas.pixel / step + 0.5, 0, 1), max(1, round(0.011 * canvas.unit / step)))
    drop = max(1, round(0.012 * canvas.unit / step))
    moved = np.pad(small, ((drop, 0), (drop // 2, 0)), mode="edge")[: small.shape[0], : small.shape[1]]
    canvas.dim(1 - 0.62 * noise.enlarge(moved, canvas.height, canvas.width))
    mask = np.clip(away / canvas.pixel / 1.3 + 0.5, 0, 1)
    rim = np.exp(-np.maximum(away, 0) / (0.0016 + canvas.pixel)) * 0.2
    fall = np.float32(1.04) - 0.1 * np.exp(-np.maximum(away, 0) / 0.12)
    canvas.cover(mask, np.stack([tone[i] * fall + rim * palette.light[i] for i in range(3)]))
