"""A hall of columns with evening light through it: history, archives, everything that has lasted."""

from __future__ import annotations

import math

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette

_BAYS = 9


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    vanish = (canvas.wide * float(rng.uniform(0.42, 0.58)), canvas.tall * float(rng.uniform(0.5, 0.56)))
    side = 1 if rng.random() < 0.5 else -1
    canvas.fill([(0, palette.deep), (0.4, palette.dark * 0.8), (0.52, palette.mid * 0.7), (1, palette.deep)])
    canvas.glow(*vanish, 0.3, palette.warm, 0.9)
    canvas.glow(*vanish, 0.09, palette.light, 1.5)
    _paint_floor(canvas, palette, vanish, side)
    depths = [9.0 * (1.15 / 9.0) ** (index / (_BAYS - 1)) for index in range(_BAYS)]
    for index, (z, nearer) in enumerate(zip(depths, [*depths[1:], None], strict=True)):
        _paint_bay(canvas, palette, vanish, z, side=side, nearer=nearer)
        if index % 2 == 0:
            _paint_air(canvas, palette, vanish, z)
    canvas.add(_beams(canvas, vanish, side) * 0.26, palette.warm)
    canvas.glow(*vanish, 0.2, palette.warm, 0.35)
    canvas.vignette = 0.5


def _half_width(canvas: Canvas) -> float:
    return 0.5 if canvas.wide <= 1.2 else 0.72


def _paint_floor(canvas: Canvas, palette: Palette, vanish: tuple[float, float], side: int) -> None:
    """Polished stone: stripes of light from between the columns, and the glow of the far end mirrored."""
    top = canvas.row(vanish[1]) + 1
    below = canvas.y[top:] - vanish[1]
    depth = 0.42 / below
    across = (canvas.x - vanish[0]) * depth / 0.42 * 0.5
    slab = np.abs(((across * 3.0) % 1) - 0.5) + 0 * depth
    joint = np.minimum(slab, np.abs(((depth * 2.2) % 1) - 0.5))
    stripe = np.sin((depth * 1.0 + across * 0.9 * side) * 6.28 / 0.62)
    light = noise.step(-0.1, 0.5, stripe) * np.exp(-((depth - 1.2) ** 2) / 7)
    stone = (
        0.55
        + 0.6 * noise.fbm(canvas.rng, max(16, canvas.height - top), canvas.width, 0.09, gain=0.6, stretch=3)[: canvas.height - top]
    )
    stone = stone * (1 - 0.45 * noise.step(0.03, 0.0, joint) * noise.step(6, 2, depth))
    sheen = np.exp(-(((canvas.x - vanish[0]) / (0.1 + 0.35 * below)) ** 2)) * np.exp(-below / 0.3)
    fade = np.exp(-depth / 14)
    for i in range(3):
        base = palette.dark[i] * 0.35 + palette.mid[i] * 0.28 * light + palette.warm[i] * 0.42 * light * np.exp(-below / 0.8)
        canvas.light[i, top:] = base * stone * fade + sheen * palette.light[i] * 0.75 * stone + palette.warm[i] * (1 - fade) * 0.6


def _paint_bay(canvas: Canvas, palette: Palette, vanish: tuple[float, float], z: float, *, side: int, nearer: float | None) -> None:
    """The two columns of one bay with bases, capitals and the arch that joins them."""
    scale = 1.0 / z
    far = 1 - math.exp(-(z - 1.1) / 4.5)
    floor, spring = vanish[1] + 0.44 * scale * canvas.tall / max(1, canvas.tall * 0.8), _spring(canvas, vanish, z)
    half = _half_width(canvas) * scale
    radius = 0.088 * scale
    window = (slice(0, canvas.height), slice(0, canvas.width)) if nearer is None else _opening(canvas, vanish, nearer)
    _paint_vault(canvas, palette, (vanish[0], spring, half, radius), far, window)
    _paint_aisles(canvas, palette, (vanish[0], spring, floor, half), far, side)
    for hand in (-1, 1):
        x = vanish[0] + hand * half
        _paint_shaft(canvas, palette, (x, radius, spring, floor), far, lit=-hand if hand == side else -hand * 0.6)
        for y, tall, wide in (
            (floor - 0.03 * scale, 0.03 * scale, 1.45),
            (floor - 0.052 * scale, 0.024 * scale, 1.22),
            (spring - 0.01 * scale, 0.055 * scale, 1.5),
            (spring + 0.045 * scale, 0.018 * scale, 1.15),
        ):
            _paint_shaft(canvas, palette, (x, radius * wide, y, y + tall), far, lit=-hand, fluted=False)


def _paint_shaft(
    canvas: Canvas, palette: Palette, box: tuple[float, float, float, float], far: float, lit: float, *, fluted: bool = True
) -> None:
    """A piece of column: round shading, flutes, light from the nave."""
    x, radius, top, bottom = box
    rows = slice(canvas.row(top), canvas.row(bottom))
    columns = slice(max(0, int((x - radius * 1.1) * canvas.unit)), max(0, int((x + radius * 1.1) * canvas.unit) + 1))
    across = (canvas.x[:, columns] - x) / radius
    if across.shape[1] == 0 or rows.stop <= rows.start:
        return
    round_off = np.sqrt(np.clip(1 - across**2, 0, 1))
    facing = np.clip(across * lit * 0.8 + round_off * 0.28, 0, 1)
    flutes = 1 - 0.3 * np.abs(np.sin(np.arcsin(np.clip(across, -1, 1)) * 9)) ** 3 if fluted else 1.08
    rise = np.clip((bottom - canvas.y[rows]) / max(bottom - top, 1e-3), 0, 1)
    light = facing**1.3 * flutes * (0.75 + 0.35 * (1 - rise))
    mask = np.clip((1 - np.abs(across)) * radius / canvas.pixel + 0.5, 0, 1)
    part = canvas.light[:, rows, columns]
    for i in range(3):
        stone = palette.deep[i] * 0.5 + palette.dark[i] * 0.4 * flutes + light * (0.6 * palette.haze[i] + 0.25 * palette.warm[i])
        part[i] += mask * (stone + far * 0.55 * (palette.warm[i] * 0.55 - stone) - part[i])


def _spring(canvas: Canvas, vanish: tuple[float, float], z: float) -> float:
    """Where the arch of a bay begins."""
    return vanish[1] - 0.5 / z * min(canvas.tall, 1.3)


def _opening(canvas: Canvas, vanish: tuple[float, float], z: float) -> tuple[slice, slice]:
    """The rows and columns that the arch of a bay leaves open to what is behind it."""
    half = _half_width(canvas) / z
    left, right = (int(np.clip((vanish[0] + hand * half) * canvas.unit, 0, canvas.width)) for hand in (-1, 1))
    return slice(canvas.row(_spring(canvas, vanish, z) - half), canvas.height), slice(left, right)


def _paint_vault(
    canvas: Canvas, palette: Palette, arch: tuple[float, float, float, float], far: float, window: tuple[slice, slice]
) -> None:
    """The wall above a round arch, with a lit rib along its edge."""
    x, spring, half, radius = arch
    rows, columns = slice(window[0].start, canvas.row(spring)), window[1]
    if rows.stop <= rows.start:
        return
    inner = np.hypot(canvas.x[:, columns] - x, canvas.y[rows] - spring) - (half - radius)
    mask = np.clip(inner / canvas.pixel + 0.5, 0, 1)
    rib = np.exp(np.abs(inner - radius * 0.35) / (radius * -0.5))
    glow = np.exp(np.maximum(inner, 0) / (-0.45 * half)) * 0.5
    lit = (rib + glow) * 0.16
    for i in range(3):
        part = canvas.light[i, rows, columns]
        stone = palette.deep[i] * 0.45 + lit * palette.haze[i]
        part += mask * (stone + far * 0.55 * (palette.warm[i] * 0.55 - stone) - part)


def _paint_aisles(canvas: Canvas, palette: Palette, opening: tuple[float, float, float, float], far: float, side: int) -> None:
    """What is seen between this bay's columns and the edge: the dark aisle, brighter on the side of the sun."""
    x, spring, floor, half = opening
    rows = slice(canvas.row(spring), canvas.row(floor))
    across = canvas.x - x
    outside = np.clip((np.abs(across) - half) / canvas.pixel + 0.5, 0, 1)
    sunny = noise.step(0.0, 0.05, across * side)
    rise = np.clip((floor - canvas.y[rows]) / max(floor - spring, 1e-3), 0, 1)
    glow = (0.12 + 0.5 * sunny) * (0.35 + 0.65 * np.sin(np.pi * np.clip(rise, 0, 1)) ** 2)
    mask = outside * np.clip(rise / 0.12, 0, 1) * (0.35 + 0.6 * (1 - far))
    canvas.cover(
        mask,
        np.stack([palette.deep[i] * 0.5 + glow * 0.45 * (palette.mid[i] + far * palette.warm[i] * 0.4) for i in range(3)]),
        rows.start,
    )


def _paint_air(canvas: Canvas, palette: Palette, vanish: tuple[float, float], z: float) -> None:
    """Dust between the bays."""
    veil = canvas.soft(lambda x, y: 0.07 * np.exp(-np.hypot(x - vanish[0], y - vanish[1]) * z / 2.4))
    canvas.cover(veil, palette.warm)


def _beams(canvas: Canvas, vanish: tuple[float, float], side: int) -> Plane:
    """Slanted shafts of sun between the columns of one side."""
    spokes = noise.line(canvas.rng, 512, 16, 2, 0.5, smooth=True)

    def at(x: Plane, y: Plane) -> Plane:
        slant = (x - vanish[0]) * side + (y - vanish[1]) * 0.75
        beam = noise.step(0.5, 0.85, spokes[np.clip((slant + 1.2) / 2.4 * 511, 0, 511).astype(int)])
        edge = noise.step(-0.75, 0.1, (x - vanish[0]) * side) * noise.step(1.0, 0.2, (x - vanish[0]) * side)
        return np.asarray(beam * edge * np.exp(-np.abs(y - vanish[1] - 0.05) / 0.4), dtype=np.float32)

    return canvas.soft(at, 4)
