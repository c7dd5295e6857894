"""A stadium in the evening: floodlights, full stands, the lanes of the track, and a runner in front."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.scenes import sky
from tenxsom_studio.painting.shapes import Point, Stencil, shadow, smooth

_RUNNER: tuple[tuple[tuple[Point, ...], float], ...] = (
    (((0.0, -0.42), (-0.005, -0.3), (-0.03, -0.12), (-0.05, 0.0)), 0.15),
    (((-0.045, 0.0), (0.09, 0.09), (0.15, 0.13)), 0.085),
    (((0.15, 0.13), (0.1, 0.27), (0.085, 0.36), (0.14, 0.37)), 0.055),
    (((-0.055, 0.0), (-0.12, 0.16), (-0.14, 0.22)), 0.085),
    (((-0.14, 0.22), (-0.29, 0.2), (-0.37, 0.18), (-0.4, 0.23)), 0.052),
    (((-0.005, -0.36), (-0.11, -0.27), (-0.15, -0.22), (-0.1, -0.12), (-0.07, -0.1)), 0.045),
    (((0.01, -0.36), (0.1, -0.25), (0.13, -0.22), (0.22, -0.29), (0.25, -0.33)), 0.045),
)
"""Torso, legs and arms of a person who runs to the right: points of a limb, and its thickness."""


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    horizon = tall * 0.52
    sun = sky.Sun(wide * float(rng.uniform(0.3, 0.7)), horizon - 0.1, 0.05)
    sky.paint_sky(canvas, palette, sun, horizon)
    sky.paint_clouds(canvas, palette, sun, horizon, 0.35)
    _paint_stands(canvas, palette, horizon)
    _paint_track(canvas, palette, horizon)
    side = float(rng.choice([-1, 1]))
    for place in (-0.42, -0.16, 0.16, 0.42):
        _paint_floodlight(canvas, palette, wide * (0.5 + place), horizon - 0.1, 0.34 - 0.1 * abs(place))
    canvas.nearer()
    _paint_runner(canvas, palette, (wide * (0.5 - side * 0.24), horizon + 0.1 * tall), 0.24, side)
    canvas.nearer()
    _paint_runner(canvas, palette, (wide * (0.5 + side * 0.08), horizon + 0.22 * tall), 0.5, side)
    canvas.bloom, canvas.vignette = 0.45, 0.4


def _paint_stands(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Rows of spectators under a roof, curved around the field."""
    top, bottom = canvas.row(horizon - 0.17 * canvas.tall), canvas.row(horizon + 0.01)
    bow = 0.05 * ((canvas.x / canvas.wide - 0.5) * 2) ** 2
    up = (horizon - canvas.y[top:bottom]) / (0.11 * canvas.tall) + bow * 6
    people = canvas.rng.random((bottom - top, canvas.width), dtype=np.float32)
    size = max(2, canvas.unit // 220)
    people = np.kron(people[::size, ::size], np.ones((size, size), np.float32))[: bottom - top, : canvas.width]
    rows = 0.6 + 0.4 * np.cos(up * 60)
    mask = noise.step(1.35, 1.3, up)
    tones = np.stack(
        [
            palette.dark[i] * 0.7 + rows * (people > 0.72) * people * (0.5 * palette.haze[i] + 0.1 * palette.accent[i])
            for i in range(3)
        ]
    )
    canvas.cover(mask, tones, top)
    roof = noise.step(1.3, 1.33, up) * noise.step(1.52, 1.49, up)
    canvas.cover(roof, palette.deep * 0.9, top)
    canvas.add(np.exp(-(((up - 1.3) / 0.02) ** 2)) * 0.8, palette.light, top)


def _paint_track(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Grass far away, then the lanes that run towards us."""
    top = canvas.row(horizon)
    below = canvas.y[top:] - horizon
    depth = 0.2 / (below + 0.03)
    across = (canvas.x - canvas.wide / 2) * depth
    lane = np.abs(((across * 4 + 0.5) % 1) - 0.5) / 4
    line = np.clip(1.4 - np.maximum(lane - 0.006, 0) / (depth * canvas.pixel), 0, 1)
    rough = 0.75 + 0.4 * canvas.noise(0.012, 3)[top:]
    track = 0.55 * palette.accent + 0.25 * palette.dark
    grass = 0.55 * palette.mid + 0.2 * palette.dark
    far = noise.step(0.07, 0.065, below)
    sheen = np.exp(-((canvas.x - canvas.wide / 2) ** 2) / 0.2) * np.exp(-below / 0.3) * 0.4
    for i in range(3):
        ground = track[i] + far * (grass[i] - track[i])
        canvas.light[i, top:] = ground * rough * (0.5 + 0.5 * np.exp(-below)) + sheen * palette.warm[i]
    canvas.cover(line * (1 - far) * 0.85, palette.light * 0.9, top)


def _paint_floodlight(canvas: Canvas, palette: Palette, x: float, foot: float, high: float) -> None:
    top = foot - high
    post = Stencil(canvas, x - 0.01, top, x + 0.01, foot).box(x - 0.005, top, x + 0.005, foot)
    post.fill(palette.deep * 1.2, palette.dark)
    canvas.glow(x, top, 0.05, palette.light, 0.5)
    lamps = Stencil(canvas, x - 0.06, top - 0.05, x + 0.06, top + 0.01)
    for column, row in np.ndindex(4, 2):
        lamps.ellipse(x - 0.042 + 0.028 * column, top - 0.03 + 0.026 * row, 0.01)
    lamps.fill(palette.light * 2.2)


def _paint_runner(canvas: Canvas, palette: Palette, place: Point, size: float, side: float) -> None:
    """A person who runs, dark against the light, with a bright rim."""
    x, y = place
    shadow(canvas, (x, y + 0.4 * size), 0.26 * size, 0.025 * size, 0.6)
    for tone, shift in ((palette.warm * 1.2, -0.01), (palette.deep * 0.7 + palette.dark * 0.25, 0.0)):
        figure = Stencil(canvas, x - 0.5 * size, y - 0.62 * size, x + 0.5 * size, y + 0.45 * size)
        for limb, thick in _RUNNER:
            points = smooth(
                [(x + (side * px + shift) * size, y + (py + shift) * size) for px, py in limb], is_closed=False, steps=20
            )
            for at, (px, py) in enumerate(points):
                taper = 1 - 0.3 * at / len(points)
                figure.ellipse(px, py, thick * taper * size * 0.5)
            figure.line(points, thick * 0.72 * size)
        figure.ellipse(x + (side * 0.035 + shift) * size, y + (-0.52 + shift) * size, 0.062 * size, 0.074 * size)
        figure.fill(tone, tone * 0.75)
