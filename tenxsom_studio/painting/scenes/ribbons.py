"""Ribbons of silk light that flow across the picture: calm, abstract, made to be looked at twice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas, Light
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Colour, Palette

_RIBBONS = 8
_STRIPS = 6


class _Ribbon(NamedTuple):
    """`below` is how far under its edge a ribbon can still be seen; the next one hides the rest."""

    along: Plane
    edge: Plane
    below: float


class _Cloth(NamedTuple):
    """How a ribbon's folds run."""

    folds: float
    slant: float
    phase: float
    drift: float


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    canvas.fill([(0, palette.deep), (0.6, palette.dark), (1, palette.mid * 0.6)])
    canvas.glow(rng.uniform(0.2, 0.8) * canvas.wide, rng.uniform(0.1, 0.4) * canvas.tall, 0.5, palette.mid, 0.7)
    tilt = rng.uniform(-0.42, 0.42)
    along, across = _axes(canvas, tilt)
    tones = [palette.dark, palette.mid, palette.haze, palette.accent, palette.warm]
    swell = [(rng.uniform(0.4, 0.9), rng.uniform(0, 6.28), rng.uniform(0.10, 0.2)) for _ in range(2)]
    for index in range(_RIBBONS):
        depth = index / (_RIBBONS - 1)
        first, second = tones[(index + 1) % 5], tones[(index + 2) % 5]
        middle = across - (0.02 + 0.98 * depth - 0.5) * canvas.tall * 0.95
        below = canvas.tall if index == _RIBBONS - 1 else 0.1 + 0.3 * canvas.tall
        _paint_ribbon(canvas, palette, _Ribbon(along, _edge(rng, along, middle, swell, depth), below), (first, second))
    canvas.grain = 0.006


def _axes(canvas: Canvas, tilt: float) -> tuple[Plane, Plane]:
    x, y = canvas.x - canvas.wide / 2, canvas.y - canvas.tall / 2
    return x * np.float32(np.cos(tilt)) + y * np.float32(np.sin(tilt)), y * np.float32(np.cos(tilt)) - x * np.float32(np.sin(tilt))


def _edge(rng: np.random.Generator, along: Plane, middle: Plane, swell: list[tuple[float, float, float]], depth: float) -> Plane:
    """How far each pixel lies below the ribbon's wavy upper edge."""
    edge = middle.copy()
    for frequency, phase, height in swell:
        edge += height * np.sin(along * np.float32(frequency * 3.1) + np.float32(phase + depth * 1.6))
    edge += np.float32(rng.uniform(0.015, 0.04)) * np.sin(along * np.float32(rng.uniform(4, 7)) + np.float32(rng.uniform(0, 6.28)))
    return edge


def _paint_ribbon(canvas: Canvas, palette: Palette, ribbon: _Ribbon, tones: tuple[Colour, Colour]) -> None:
    """Paint a ribbon strip by strip: in each of them it can be seen in a few rows only."""
    dice = canvas.rng
    cloth = _Cloth(dice.uniform(9, 15), dice.uniform(-2.5, 2.5), dice.uniform(0, 6.28), dice.uniform(-0.4, 0.4))
    for columns in np.array_split(np.arange(canvas.width), _STRIPS):
        strip = slice(int(columns[0]), int(columns[-1]) + 1)
        edge = ribbon.edge[:, strip]
        touched = np.flatnonzero(((edge > -0.22) & (edge < ribbon.below)).any(axis=1))
        if touched.size:
            rows = slice(int(touched[0]), int(touched[-1]) + 1)
            _paint_strip(
                canvas.light[:, rows, strip], (ribbon.along[rows, strip], edge[rows]), cloth, (*tones, palette.light), canvas.pixel
            )


def _paint_strip(
    light: Light, axes: tuple[Plane, Plane], cloth: _Cloth, tones: tuple[Colour, Colour, Colour], pixel: float
) -> None:
    """Light on the upper edge, folds below it, and a soft shadow on what lies behind."""
    along, edge = axes
    inside = np.maximum(edge, 0)
    shadow = 1 - np.exp((edge - inside) / 0.055) * 0.55
    fold = np.sin(edge * cloth.folds + along * cloth.slant + cloth.phase)
    fall = np.exp(inside / -0.42)
    body = (0.42 + 0.36 * fold) * (0.35 + 0.75 * fall)
    drift = noise.step(-0.7, 0.7, along + cloth.drift) * body
    rim = np.exp(np.abs(edge - 0.004) / -0.006) * 0.5 + np.exp(inside / -0.035) * 0.22
    shine = rim + np.exp((fold - 0.9) ** 2 / -0.09) * fall * 0.16
    mask = np.clip(edge / (1.4 * pixel) + 0.5, 0, 1)
    for i in range(3):
        behind = light[i] * shadow
        light[i] = behind + mask * (tones[0][i] * body + drift * (tones[1][i] - tones[0][i]) + shine * tones[2][i] - behind)
