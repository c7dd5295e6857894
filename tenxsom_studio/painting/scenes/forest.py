"""A forest in the fog, with light that falls between the trunks: for mysteries, and for nature at its quietest."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette

_ROWS = 6


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    lamp = (rng.uniform(0.25, 0.75) * canvas.wide, rng.uniform(-0.02, 0.2) * canvas.tall)
    air = 0.55 * palette.haze + 0.45 * palette.mid
    canvas.fill([(0, palette.mid * 0.75), (0.5, air * 0.85), (0.78, palette.haze * 0.72), (1, palette.dark)])
    canvas.glow(lamp[0], lamp[1] + 0.3 * canvas.tall, 0.36, palette.light, 0.55)
    moss, drift = canvas.noise(0.06, 6, 0.65, stretch=2.5), canvas.noise(0.4, 4, stretch=2.4)
    for index in range(_ROWS):
        depth = index / (_ROWS - 1)
        if index == _ROWS - 1:
            canvas.nearer()
        _paint_ground(canvas, palette, depth, np.roll(moss, index * canvas.width // 5, axis=1))
        _paint_trunks(canvas, palette, depth, lamp[0])
        if depth < 0.9:
            _paint_fog(canvas, palette, depth, np.roll(drift, index * canvas.width // 3, axis=1))
        if index in {2, 4}:
            canvas.add(_shafts(canvas, lamp) * (0.3 if index == 2 else 0.34), 0.5 * palette.warm + 0.5 * palette.light)
    _paint_canopy(canvas, palette)
    canvas.end_layer()
    _paint_motes(canvas, palette, lamp[0])
    canvas.vignette = 0.46


def _shafts(canvas: Canvas, lamp: tuple[float, float]) -> Plane:
    """Beams that fan out from a lamp above the picture."""
    spokes = noise.line(canvas.rng, 2048, 90, 3, 0.6, smooth=True)
    x0, y0 = lamp[0], lamp[1] - 0.55

    def at(x: Plane, y: Plane) -> Plane:
        angle = np.arctan2(x - x0, y - y0)
        beam = noise.step(0.48, 0.9, spokes[np.clip((angle / 3.2 + 0.5) * 2047, 0, 2047).astype(int)])
        reach = np.exp(-np.maximum(y - 0.3 * canvas.tall, 0) / (0.5 * canvas.tall)) * np.exp(-((angle / 0.5) ** 2))
        return np.asarray(beam * reach, dtype=np.float32)

    return canvas.soft(at, 4)


def _paint_trunks(canvas: Canvas, palette: Palette, depth: float, lamp_x: float) -> None:
    """One row of trunks; `depth` is 0 for the farthest. Far ones are pale and thin."""
    rng = canvas.rng
    tone = _tone(palette, depth)
    count = int((22 - 17 * depth) * canvas.wide * 0.72) + 2
    foot = canvas.tall * (0.70 + 0.24 * depth)
    for _ in range(count):
        half = rng.uniform(0.0035, 0.007) * (1 + 5.2 * depth**1.5) * rng.uniform(0.7, 1.3)
        x = rng.uniform(-0.03, canvas.wide + 0.03)
        if depth > 0.7 and abs(x - lamp_x) < 0.22:
            x = lamp_x + float(np.sign(x - lamp_x)) * rng.uniform(0.25, 0.6)
        _paint_trunk(canvas, palette, (x, half, foot + rng.uniform(-0.03, 0.05) * (0.4 + depth)), tone, depth)


def _tone(palette: Palette, depth: float) -> np.ndarray:
    far = 0.6 * palette.haze + 0.4 * palette.mid
    return np.asarray(far * 0.62 * (1 - depth) ** 1.3 + palette.deep * (0.25 + 0.75 * depth) * (1 - 0.55 * depth), np.float32)


def _paint_trunk(canvas: Canvas, palette: Palette, shape: tuple[float, float, float], tone: np.ndarray, depth: float) -> None:
    rng, (x, half, foot) = canvas.rng, shape
    lean, bow = (rng.normal(0, spread) * (0.3 + 0.7 * depth) for spread in (0.02, 0.012))
    bottom = canvas.row(foot)
    y = canvas.y[:bottom]
    rise = (foot - y) / canvas.tall
    middle = x + lean * rise + bow * np.sin(rise * 5)
    thick = half * (1 - 0.38 * rise + 0.7 * np.exp(-rise / 0.03))
    reach = half * 1.75 + abs(lean) + abs(bow)
    columns = slice(max(0, int((x - reach) * canvas.unit)), max(0, int((x + reach) * canvas.unit) + 1))
    across = (canvas.x[:, columns] - middle) / thick
    if across.shape[1] == 0:
        return
    mask = np.clip((1 - np.abs(across)) * thick / canvas.pixel / 1.4 + 0.5, 0, 1)
    bark = 1 + (rng.standard_normal((1, across.shape[1]), dtype=np.float32) * 0.14 - 0.2 * across) * (0.3 + 0.7 * depth)
    rim = np.exp(-((np.abs(across) - 0.85) ** 2) / 0.03) * 0.12 * (1 - 0.3 * depth)
    part = canvas.light[:, :bottom, columns]
    for i in range(3):
        part[i] += mask * (tone[i] * bark + rim * palette.haze[i] * 0.5 - part[i])
    if depth > 0.1 and half * canvas.unit > 2:
        _paint_branches(canvas, tone, (x, half, foot), lean)


def _paint_branches(canvas: Canvas, tone: np.ndarray, shape: tuple[float, float, float], lean: float) -> None:
    """A few bare branches in the upper half of a trunk."""
    rng, (x, half, foot) = canvas.rng, shape
    for _ in range(int(rng.integers(2, 6))):
        start, side, length = rng.uniform(0.02, 0.62) * foot, float(rng.choice([-1, 1])), half * rng.uniform(4, 11)
        left, right = sorted((x, x + side * length))
        columns = slice(max(0, int(left * canvas.unit)), max(0, int(right * canvas.unit)))
        rows = slice(canvas.row(start - length * 0.9), canvas.row(start + length * 0.35) + 1)
        along = (canvas.x[:, columns] - x - lean * 0.5) * side / length
        if along.shape[1] == 0:
            continue
        line = start - length * (0.15 + 0.5 * along) * along + 0.02 * length * np.sin(along * 14 + x * 40)
        thick = half * 0.16 * (1.05 - along) + canvas.pixel * 0.3
        mask = np.clip((thick - np.abs(canvas.y[rows] - line)) / canvas.pixel + 0.5, 0, 1) * 0.9
        part = canvas.light[:, rows, columns]
        part += mask * (tone[:, None, None] - part)


def _paint_ground(canvas: Canvas, palette: Palette, depth: float, moss: Plane) -> None:
    shape = noise.line(canvas.rng, canvas.width, canvas.wide * 2.2, 7, 0.55)
    crest = canvas.tall * (0.69 + 0.235 * depth) - (shape - 0.5) * 0.05 * (0.5 + depth)
    top = canvas.row(float(crest.min()) - 0.01)
    bottom = min(canvas.height, canvas.row(float(crest.max()) + 0.2 * canvas.tall))
    below = canvas.y[top:bottom] - crest[None, :]
    tone = _tone(palette, depth)
    colours = np.stack([(tone[i] * 0.8 + palette.mid[i] * 0.10 * (1 - depth)) * (0.55 + 0.8 * moss[top:bottom]) for i in range(3)])
    canvas.cover(np.clip(below / canvas.pixel / 2 + 0.5, 0, 1), colours, top)


def _paint_fog(canvas: Canvas, palette: Palette, depth: float, drift: Plane) -> None:
    bank = canvas.soft(lambda x, y: np.exp(-(((y - canvas.tall * (0.66 + 0.2 * depth)) / 0.17) ** 2)) + 0 * x)
    veil = bank * (0.4 + 0.75 * drift) * (0.52 * (1 - depth) ** 0.8)
    canvas.cover(np.clip(veil, 0, 1), palette.haze * 0.85)


def _paint_canopy(canvas: Canvas, palette: Palette) -> None:
    """Leaves hang into the picture from above."""
    rows = canvas.row(0.3 * canvas.tall)
    leaves = noise.fbm(canvas.rng, canvas.height, canvas.width, 0.16, octaves=6, gain=0.66)[:rows]
    hang = 1 - canvas.y[:rows] / (0.24 * canvas.tall)
    side = np.abs(canvas.x / canvas.wide - 0.5) * 2
    canvas.cover(noise.step(0.5, 0.62, leaves + 0.34 * hang - 0.22 + 0.16 * side * np.maximum(hang, 0)) * 0.96, palette.deep * 0.5)


def _paint_motes(canvas: Canvas, palette: Palette, lamp_x: float) -> None:
    rng = canvas.rng
    for _ in range(60):
        x, y, size = rng.normal(lamp_x, 0.35 * canvas.wide), rng.uniform(0.2, 0.85) * canvas.tall, rng.uniform(0.0012, 0.0035)
        columns = slice(max(0, int((x - 4 * size) * canvas.unit)), max(0, int((x + 4 * size) * canvas.unit) + 1))
        rows = slice(canvas.row(y - 4 * size), canvas.row(y + 4 * size) + 1)
        spot = np.exp(-((canvas.x[:, columns] - x) ** 2 + (canvas.y[rows] - y) ** 2) / size**2) * rng.uniform(0.1, 0.5)
        canvas.light[:, rows, columns] += spot * palette.light[:, None, None]
