"""A street of the town at dusk: house fronts in rows, shop windows, lamps, wet cobbles that mirror them."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.shapes import Stencil, quad


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    vanish = (wide * float(rng.uniform(0.4, 0.6)), tall * 0.56)
    canvas.fill([(0, palette.deep), (0.3, palette.dark), (0.56, 0.7 * palette.haze + 0.3 * palette.warm), (1, palette.deep * 0.8)])
    canvas.glow(*vanish, 0.3, palette.warm, 0.8)
    canvas.glow(*vanish, 0.1, palette.light, 0.9)
    _paint_road(canvas, palette, vanish)
    depths = (6.0, 4.2, 3.0, 2.15)
    for z in depths:
        for hand in (-1, 1):
            _paint_house(canvas, palette, vanish, z, hand)
        veil = canvas.soft(lambda x, y, z=z: 0.16 * np.exp(-np.hypot(x - vanish[0], y - vanish[1]) * z / 1.6))  # type: ignore[misc]
        canvas.cover(veil, 0.6 * palette.haze + 0.4 * palette.warm)
    canvas.nearer()
    for hand in (-1, 1):
        _paint_house(canvas, palette, vanish, 1.5, hand)
    lamp = wide * 0.5 + float(rng.choice([-1, 1])) * wide * 0.33
    canvas.glow(lamp, tall * 0.36, 0.16, palette.warm, 0.8)
    canvas.nearer()
    _paint_lamp(canvas, palette, lamp)
    canvas.bloom, canvas.vignette = 0.45, 0.42


def _paint_road(canvas: Canvas, palette: Palette, vanish: tuple[float, float]) -> None:
    """Wet cobbles: rows in perspective with light on their backs."""
    top = canvas.row(vanish[1])
    below = canvas.y[top:] - vanish[1] + 0.012
    depth = 0.3 / below
    across = (canvas.x - vanish[0]) * depth
    row, share = np.divmod(depth * 14, 1)
    stone = np.cos((across * 14 + 0.5 * (row % 2)) * 6.28) * np.sin(np.pi * share)
    wet = canvas.noise(0.25, 4, stretch=1.6)[top:]
    shine = np.exp(-(((canvas.x - vanish[0]) / (0.1 + 0.6 * below)) ** 2)) * (0.35 + 0.9 * noise.step(0.35, 0.8, wet))
    relief = 0.75 + 0.3 * stone * noise.step(0.02, 0.2, below)
    for i in range(3):
        canvas.light[i, top:] = (palette.dark[i] * 0.5 + shine * (0.65 * palette.warm[i] + 0.25 * palette.light[i])) * relief


def _paint_house(canvas: Canvas, palette: Palette, vanish: tuple[float, float], z: float, hand: int) -> None:
    """A front on one side, seen from the street: wall, roof, lit windows, a shop with its awning."""
    rng = canvas.rng
    near, far = 1.28 / z, 1.28 / (z * 1.42)
    half = 0.62 * max(0.75, min(canvas.wide, 1.5))
    high, foot = (float(rng.uniform(0.75, 1.05)) if canvas.tall > 1.2 else float(rng.uniform(0.42, 0.6))), 0.3
    body = (0.5 * palette.dark + 0.25 * palette.mid) * float(rng.uniform(0.8, 1.3)) * (0.5 + 0.11 * z)

    def at(along: float, up: float) -> tuple[float, float]:
        scale = near + (far - near) * along
        return vanish[0] + hand * half * scale, vanish[1] + (foot - (high + foot) * up) * scale

    outer = canvas.wide + 0.2 if hand > 0 else -0.2
    quad(canvas, [at(0, 0), at(0, 1), at(1, 1), at(1, 0)]).fill(body * 1.1, body * 0.6)
    quad(canvas, [at(0, 1), (outer, at(0, 1)[1]), (outer, at(0, 0)[1]), at(0, 0)]).fill(body * 0.45, body * 0.3)
    quad(canvas, [at(-0.03, 1.0), at(0.1, 1.1), at(0.95, 1.1), at(1.02, 1.0)]).fill(palette.deep * 0.9, palette.dark * 0.5)
    for floor, column in np.ndindex(4, 4):
        low, left = 0.29 + floor * 0.19, 0.08 + column * 0.235
        pane = quad(canvas, [at(left, low), at(left, low + 0.115), at(left + 0.13, low + 0.115), at(left + 0.13, low)])
        power = float(rng.uniform(0.5, 1.2))
        if rng.random() < 0.5:
            pane.fill(palette.warm * power, palette.warm * power * 0.8)
        else:
            pane.fill(palette.deep * 0.9, palette.dark * 0.5)
    quad(canvas, [at(0.1, 0.02), at(0.1, 0.17), at(0.9, 0.17), at(0.9, 0.02)]).fill(palette.light * 1.1, palette.warm * 0.9)
    tone = (palette.accent, palette.mid, palette.haze)[int(rng.integers(0, 3))]
    lean = at(0.06, 0.165)
    awning = [at(0.08, 0.225), at(0.92, 0.225), at(0.92, 0.165), (lean[0] - hand * 0.05 * near, lean[1])]
    quad(canvas, awning).fill(tone * 0.8, tone * 0.5)


def _paint_lamp(canvas: Canvas, palette: Palette, x: float) -> None:
    """A street lamp close by."""
    foot, top = canvas.tall * 0.97, canvas.tall * 0.36
    post = Stencil(canvas, x - 0.03, top, x + 0.03, foot).box(x - 0.008, top + 0.05, x + 0.008, foot)
    post.box(x - 0.022, foot - 0.09, x + 0.022, foot, radius=0.006).fill(palette.deep * 1.4, palette.deep * 0.5, side=0.4)
    glass = Stencil(canvas, x - 0.05, top - 0.05, x + 0.05, top + 0.06)
    glass.polygon([(x - 0.04, top - 0.04), (x + 0.04, top - 0.04), (x + 0.025, top + 0.05), (x - 0.025, top + 0.05)])
    glass.fill(palette.light * 2.0, palette.warm * 1.7)
    cap = Stencil(canvas, x - 0.06, top - 0.09, x + 0.06, top - 0.03)
    cap.polygon([(x - 0.05, top - 0.038), (x + 0.05, top - 0.038), (x, top - 0.085)]).fill(palette.deep, palette.deep * 0.7)
