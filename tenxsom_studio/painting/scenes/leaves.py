"""Leaves against the light: a thicket that fades away, fern and broad leaves close by, flowers among them."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Palette
from tenxsom_studio.painting.shapes import Point, Stencil, bokeh, quad, smooth


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    lamp = (wide * float(rng.uniform(0.35, 0.65)), tall * float(rng.uniform(0.25, 0.4)))
    canvas.fill([(0, palette.mid * 0.8), (0.35, 0.8 * palette.haze), (0.7, palette.mid * 0.8), (1, palette.dark * 0.8)])
    canvas.glow(*lamp, 0.3, palette.light, 0.9)
    bokeh(canvas, (palette.light, palette.warm, palette.haze), 36, (0, tall * 0.8), 0.25)
    for _ in range(int(60 * wide * tall)):
        x, y = float(rng.uniform(-0.05, wide + 0.05)), float(rng.uniform(0.0, tall))
        if np.hypot((x - lamp[0]) / wide, (y - lamp[1]) / tall) > 0.2:
            _paint_leaf(canvas, palette, (x, y), float(rng.uniform(0.07, 0.14)), float(rng.uniform(0, 6.28)), air=0.55)
    canvas.nearer()
    for _ in range(4):
        _paint_fern(
            canvas,
            palette,
            (float(rng.uniform(0, wide)), tall + 0.03),
            float(rng.uniform(0.4, 0.62)),
            float(rng.uniform(-0.5, 0.5)),
        )
    for _ in range(5):
        _paint_flower(
            canvas,
            palette,
            (float(rng.uniform(0.1, wide - 0.1)), tall * float(rng.uniform(0.55, 0.85))),
            float(rng.uniform(0.05, 0.08)),
        )
    canvas.nearer()
    _paint_frame(canvas, palette)
    canvas.bloom, canvas.vignette = 0.4, 0.42


def _paint_leaf(canvas: Canvas, palette: Palette, foot: Point, long: float, turn: float, *, air: float) -> None:
    """A pointed leaf with its vein; `air` is 0 close by and 1 far away."""
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])

    def at(share: float, wide: float) -> Point:
        place = np.array(foot) + along * long * share + across * long * (wide + 0.12 * share * share)
        return float(place[0]), float(place[1])

    outline = smooth([at(0, 0), at(0.3, 0.19), at(0.65, 0.17), at(1, 0), at(0.65, -0.17), at(0.3, -0.19)], steps=6)
    tone = 0.6 * palette.mid + 0.25 * palette.dark
    tone = tone * (1 - 0.6 * air) * float(canvas.rng.uniform(0.7, 1.4)) + palette.haze * air * 0.5
    quad(canvas, outline).fill(tone * 1.25, tone * 0.6, side=float(canvas.rng.uniform(-0.3, 0.3)))
    vein = [at(0, 0), at(0.5, 0), at(0.95, 0)]
    ends = Stencil(canvas, *(min(p[i] for p in vein) for i in (0, 1)), *(max(p[i] for p in vein) for i in (0, 1)))
    ends.line(vein, long * 0.018).fill(tone * 1.5 + palette.light * 0.1)


def _paint_fern(canvas: Canvas, palette: Palette, foot: Point, long: float, lean: float) -> None:
    """A frond: a bent stalk with pairs of leaves that become smaller."""
    share = np.linspace(0, 1, 26)
    x, y = foot[0] + lean * long * share**1.6, foot[1] - long * (share - 0.25 * abs(lean) * share**2)
    for index in range(2, 25):
        angle = float(np.arctan2(y[index] - y[index - 1], x[index] - x[index - 1]))
        size = long * 0.3 * float(np.sin(np.pi * (0.12 + 0.86 * share[index])))
        for hand in (-1, 1):
            _paint_leaf(canvas, palette, (float(x[index]), float(y[index])), size, angle + hand * 1.05, air=0.12)


def _paint_flower(canvas: Canvas, palette: Palette, middle: Point, size: float) -> None:
    """A flower on its stalk, turned towards us."""
    x, y = middle
    stalk = smooth([(x, y), (x + 0.02, y + 0.15), (x - 0.02, canvas.tall + 0.02)], is_closed=False)
    Stencil(canvas, x - 0.05, y, x + 0.05, canvas.tall).line(stalk, 0.009).fill(palette.mid * 0.7, palette.dark * 0.6)
    turn, petals = float(canvas.rng.uniform(0, 1)), int(canvas.rng.integers(6, 10))
    tone = palette.accent if canvas.rng.random() < 0.6 else palette.warm
    for index in range(petals):
        angle = turn + index * 2 * np.pi / petals
        px, py = x + size * 0.55 * np.cos(angle), y + size * 0.5 * np.sin(angle)
        side = (0.26 * size * -np.sin(angle), 0.26 * size * np.cos(angle))
        tip = (x + size * 1.1 * np.cos(angle), y + size * np.sin(angle))
        petal = smooth([(x, y), (px + side[0], py + side[1]), tip, (px - side[0], py - side[1])], steps=6)
        quad(canvas, [(float(a), float(b)) for a, b in petal]).fill(tone * float(canvas.rng.uniform(0.8, 1.15)), tone * 0.6)
    heart = Stencil(canvas, x - size, y - size, x + size, y + size).ellipse(x, y, size * 0.26, size * 0.24)
    heart.fill(palette.light * 1.1, palette.warm * 0.8)


def _paint_frame(canvas: Canvas, palette: Palette) -> None:
    """Dark broad leaves at the corners, close to the camera."""
    rng = canvas.rng
    for x, y, turn in (
        (-0.05, canvas.tall, -0.7),
        (canvas.wide + 0.05, canvas.tall, -2.4),
        (-0.06, 0.02, 0.7),
        (canvas.wide + 0.06, 0.05, 2.3),
    ):
        for _ in range(4):
            angle, long = turn + float(rng.uniform(-0.5, 0.5)), float(rng.uniform(0.3, 0.46))
            along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
            shape = [(0, 0), (0.3, 0.2), (0.7, 0.16), (1, 0.05), (0.7, -0.12), (0.3, -0.16)]
            points = [np.array([x, y]) + long * (along * a + across * b) for a, b in shape]
            leaf = quad(canvas, smooth([(float(p[0]), float(p[1])) for p in points], steps=8))
            leaf.fill(palette.deep * 0.9 + palette.dark * 0.2, palette.deep * 0.5, side=0.3)
