"""Layered mountains at the edge of the day: mist in the valleys, conifers on the nearest ridge, sometimes a lake."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.scenes import sky

_RIDGES = 6


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    has_lake = bool(rng.random() < 0.4)
    horizon = canvas.tall * (0.6 if has_lake else 0.66)
    night = bool(rng.random() < 0.25)
    sun = sky.place_sun(canvas, horizon, 0.16, 0.34)
    sky.paint_sky(canvas, palette, sun, horizon, night)
    if night:
        sky.paint_stars(canvas, horizon, 900, palette)
        sky.paint_moon(canvas, palette, sun)
    else:
        sky.paint_sun(canvas, palette, sun)
    sky.paint_clouds(canvas, palette, sun, horizon, float(rng.uniform(0.2, 0.6)))
    floor = horizon + 0.05 if has_lake else canvas.tall
    ridges = [_ridge(canvas, index / (_RIDGES - 1), horizon, floor) for index in range(_RIDGES)]
    for ridge, nearer in zip(ridges, [*ridges[1:], None], strict=True):
        if nearer is None:
            canvas.nearer()
        hidden_from = float(nearer.crest.max()) if nearer else canvas.tall
        _paint_ridge(canvas, palette, sun, ridge, canvas.row(hidden_from + 2 * canvas.pixel))
    canvas.end_layer()
    if has_lake:
        sky.mirror_in_water(canvas, horizon + 0.03 * canvas.tall, palette)
        _paint_shore(canvas, palette)
    canvas.glow(sun.x, sun.y, 0.25, palette.warm, 0.16)


class _Ridge(NamedTuple):
    """`depth` is 0 for the farthest ridge and 1 for the nearest."""

    depth: float
    height: float
    crest: Plane


def _ridge(canvas: Canvas, depth: float, horizon: float, floor: float) -> _Ridge:
    base = horizon - 0.11 * canvas.tall + depth * (floor - horizon + 0.04) * 0.86
    height = (0.3 - 0.12 * depth) * canvas.tall * canvas.rng.uniform(0.7, 1.1)
    shape = noise.line(canvas.rng, canvas.width, canvas.wide * (1.3 + 1.2 * depth), 8, 0.48)
    crest = base - (shape - 0.35) * height
    if depth > 0.75:
        crest -= _conifers(canvas, 0.028 + 0.05 * (depth - 0.75))
    return _Ridge(depth, height, crest)


def _paint_ridge(canvas: Canvas, palette: Palette, sun: sky.Sun, ridge: _Ridge, bottom: int) -> None:
    """One ridge, down to the row from which nearer ones hide it."""
    depth, height, crest = ridge
    top = canvas.row(float(crest.min()) - 0.01)
    if bottom <= top:
        return
    below = canvas.y[top:bottom] - crest[None, :]
    mask = np.clip(below / canvas.pixel / 1.3 + 0.5, 0, 1)
    air = (1 - depth) ** 1.25
    body = palette.deep * (1 - air) * 0.7 + (0.72 * palette.mid + 0.28 * palette.haze) * air * 0.85
    mist = np.clip(below / (0.5 * height + 0.07), 0, 1) ** 1.6 * (0.8 * (1 - depth) ** 0.6)
    lit = np.exp(-np.abs(canvas.x - sun.x) / 0.5) * (0.25 + 0.75 * air)
    relief = _relief(canvas, crest, slice(top, bottom), depth) * (0.35 + 0.4 * air)
    haze = palette.haze * 0.8 + palette.warm * 0.2
    for i in range(3):
        part = canvas.light[i, top:bottom]
        stone = body[i] * (1 + 0.75 * relief) + (palette.warm[i] * 0.1) * lit * (1 + relief)
        part += mask * (stone + mist * (haze[i] * (0.62 + 0.38 * lit) - stone) - part)


def _relief(canvas: Canvas, crest: Plane, band: slice, depth: float) -> Plane:
    """Light and shadow on the slopes: noise sheared along the fall of the ridge, and a lit and a shaded side of every summit."""
    rows = band.stop - band.start
    field = noise.fbm(canvas.rng, rows, canvas.width, 0.05 + 0.03 * depth, gain=0.62, unit=canvas.unit)
    window = max(3, canvas.unit // 18)
    smooth = np.convolve(np.pad(crest, window, mode="edge"), np.hanning(2 * window + 1) / window, "valid").astype(np.float32)
    slope = np.gradient(smooth, canvas.pixel).astype(np.float32)
    fade = np.exp(-np.maximum(canvas.y[band] - smooth[None, :], 0) / 0.09)
    return np.asarray(np.clip((field - 0.5) * 1.7 - slope[None, :] * fade * 0.9, -0.85, 0.9))


def _conifers(canvas: Canvas, size: float) -> Plane:
    """The outline of a conifer wood along the width: pointed trees of many heights."""
    rng, outline = canvas.rng, np.zeros(canvas.width, np.float32)
    x = canvas.x[0]
    groves = noise.line(rng, canvas.width, canvas.wide * 2.5, 3, smooth=True)
    for place in np.arange(0, canvas.wide, size * 0.2):
        middle = place + rng.uniform(-0.1, 0.1) * size
        grove = groves[min(int(middle * canvas.unit) % canvas.width, canvas.width - 1)]
        tall = size * rng.uniform(0.35, 1.15) * (0.25 + 1.1 * max(grove - 0.2, 0))
        near = slice(max(0, int((middle - size) * canvas.unit)), max(0, int((middle + size) * canvas.unit)))
        distance = np.abs(x[near] - middle)
        jag = 1 + 0.4 * np.sin(distance / tall * 60) * (distance / tall)
        outline[near] = np.maximum(outline[near], tall * np.clip(1 - distance / (tall * 0.24) * jag, 0, 1))
    return outline


def _paint_shore(canvas: Canvas, palette: Palette) -> None:
    """A dark bank with trees in the foreground frames the lake."""
    shape = noise.line(canvas.rng, canvas.width, 2.2, 6, 0.5)
    side = np.linspace(-1, 1, canvas.width, dtype=np.float32) * float(canvas.rng.choice([-1, 1]))
    crest = (
        canvas.tall * (1.0 - 0.10 * np.clip(side + 0.15, 0, 1) ** 0.7)
        - shape * 0.025
        - _conifers(canvas, 0.12) * np.clip(side + 0.1, 0, 1)
    )
    top = canvas.row(float(crest.min()) - 0.01)
    canvas.cover(np.clip((canvas.y[top:] - crest[None, :]) / canvas.pixel + 0.5, 0, 1), palette.deep * 0.35, top)
