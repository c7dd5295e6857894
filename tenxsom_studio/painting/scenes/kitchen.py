"""A kitchen in the morning: a window, pans that hang in front of it, a worktop with a board, a knife, and bread or vegetables."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.palettes import Colour, Palette
from tenxsom_studio.painting.shapes import Stencil, shadow


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide, tall = canvas.rng, canvas.wide, canvas.tall
    counter = tall * 0.7
    wall = 0.6 * palette.haze + 0.4 * palette.mid
    canvas.fill([(0, wall * 0.55), (0.45, wall * 0.9), (0.7, wall * 0.75), (1, wall * 0.5)])
    _paint_tiles(canvas, counter)
    _paint_window(canvas, palette, wide * float(rng.uniform(0.3, 0.7)), tall * 0.36)
    _paint_rail(canvas, palette, tall * 0.17)
    canvas.nearer()
    _paint_jars(canvas, palette, counter)
    canvas.nearer()
    _paint_worktop(canvas, palette, counter)
    canvas.grain, canvas.bloom, canvas.vignette = 0.007, 0.24, 0.32


def _paint_tiles(canvas: Canvas, bottom: float) -> None:
    """Joints between the tiles of the wall."""
    size = 0.085
    rows = canvas.row(bottom)
    across = np.abs(((canvas.x / size) % 1) - 0.5) * size
    down = np.abs(((canvas.y[:rows] / size * 1.6) % 1) - 0.5) * size / 1.6
    joint = np.maximum(np.clip(1.6 - across / canvas.pixel, 0, 1), np.clip(1.6 - down / canvas.pixel, 0, 1))
    canvas.dim(1 - 0.16 * joint)


def _paint_window(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    """Panes full of daylight, with trees out of focus behind them."""
    half, high = 0.25, 0.24
    canvas.glow(x, y, 0.4, palette.light, 0.5)
    frame = Stencil(canvas, x - half, y - high, x + half, y + high).box(x - half, y - high, x + half, y + high, radius=0.012)
    frame.fill(palette.light * 0.75, palette.light * 0.6, side=0.1)
    for hand in (-1, 1):
        for row in (-1, 1):
            left, top = x + hand * half * 0.48, y + row * high * 0.48
            pane = Stencil(canvas, left - half * 0.43, top - high * 0.43, left + half * 0.43, top + high * 0.43)
            pane.box(left - half * 0.43, top - high * 0.43, left + half * 0.43, top + high * 0.43)
            sky, green = palette.light * 1.25, 0.5 * palette.accent + 0.6 * palette.light
            pane.fill(sky if row < 0 else 0.6 * sky + 0.4 * green, sky if row < 0 else green)
    sill = Stencil(canvas, x - half * 1.1, y + high, x + half * 1.1, y + high * 1.1)
    sill.box(x - half * 1.1, y + high, x + half * 1.1, y + high * 1.1).fill(palette.light * 0.85, palette.light * 0.5)


def _paint_rail(canvas: Canvas, palette: Palette, y: float) -> None:
    """A rail from which pans, a ladle and a sieve hang."""
    rng = canvas.rng
    bar = Stencil(canvas, 0, y - 0.008, canvas.wide, y + 0.008).box(-0.1, y - 0.007, canvas.wide + 0.1, y + 0.007)
    bar.fill(palette.warm * 0.9, palette.dark * 0.6)
    x = float(rng.uniform(0.02, 0.1))
    while x < canvas.wide:
        size = float(rng.uniform(0.05, 0.1))
        _paint_pan(canvas, palette, x + size, y, size)
        x += 2 * size + float(rng.uniform(0.02, 0.06))


def _paint_pan(canvas: Canvas, palette: Palette, x: float, y: float, size: float) -> None:
    long = size * 1.7
    copper = 0.6 * palette.warm + 0.4 * palette.accent if canvas.rng.random() < 0.6 else 0.5 * palette.mid + 0.2 * palette.light
    handle = Stencil(canvas, x - 0.012, y, x + 0.012, y + long).box(x - 0.008, y, x + 0.008, y + long, radius=0.006)
    handle.fill(palette.dark * 0.6, palette.dark * 0.9, is_round=True)
    disc = Stencil(canvas, x - size, y + long - size * 0.2, x + size, y + long + size * 1.8)
    disc.ellipse(x, y + long + size * 0.8, size).fill(copper * 1.05, copper * 0.35, side=0.35)
    inner = Stencil(canvas, x - size, y + long, x + size, y + long + size * 1.7).ellipse(x, y + long + size * 0.8, size * 0.83)
    inner.fill(copper * 0.6, copper * 0.95, side=-0.25)


def _paint_jars(canvas: Canvas, palette: Palette, counter: float) -> None:
    """Jars with what one cooks, a plant and a knife block at the back of the worktop."""
    rng = canvas.rng
    back = Stencil(canvas, 0, counter - 0.012, canvas.wide, counter + 0.07).box(
        -0.1, counter - 0.01, canvas.wide + 0.1, counter + 0.07
    )
    back.fill(palette.mid * 0.7 + palette.light * 0.15, palette.dark * 0.7)
    tones = [palette.accent, palette.warm, palette.mid, palette.light * 0.8, palette.haze]
    x = float(rng.uniform(0.0, 0.05))
    while x < canvas.wide:
        half, high = float(rng.uniform(0.035, 0.06)), float(rng.uniform(0.11, 0.24))
        if rng.random() < 0.22:
            _paint_block(canvas, palette, x + half, counter)
        else:
            _paint_jar(canvas, palette, (x + half, counter, half, high), tones[int(rng.integers(0, len(tones)))])
        x += 2 * half + float(rng.uniform(0.015, 0.14))


def _paint_jar(canvas: Canvas, palette: Palette, place: tuple[float, float, float, float], tone: Colour) -> None:
    x, foot, half, high = place
    glass = Stencil(canvas, x - half, foot - high, x + half, foot).box(x - half, foot - high, x + half, foot, radius=half * 0.3)
    glass.fill(0.6 * palette.light + 0.2 * tone, 0.5 * palette.light + 0.2 * tone, side=0.2, power=0.65)
    level = high * float(canvas.rng.uniform(0.45, 0.8))
    stuff = Stencil(canvas, x - half, foot - level, x + half, foot)
    stuff.box(x - half * 0.88, foot - level, x + half * 0.88, foot - 0.006, radius=half * 0.25).fill(
        tone, tone * 0.5, is_round=True
    )
    lid = Stencil(canvas, x - half, foot - high - 0.03, x + half, foot - high + 0.006)
    lid.box(x - half * 0.92, foot - high - 0.028, x + half * 0.92, foot - high + 0.004, radius=0.008)
    lid.fill(palette.warm * 0.7, palette.dark * 0.8, is_round=True)


def _paint_block(canvas: Canvas, palette: Palette, x: float, foot: float) -> None:
    """A block of wood with three knives in it."""
    for index in range(3):
        left = x - 0.045 + 0.033 * index
        grip = Stencil(canvas, left - 0.05, foot - 0.34, left + 0.06, foot - 0.14)
        grip.line([(left, foot - 0.16), (left + 0.03, foot - 0.27 - 0.02 * index)], 0.02).fill(
            palette.deep * 1.5, palette.deep, side=0.4
        )
    wood = Stencil(canvas, x - 0.08, foot - 0.2, x + 0.08, foot)
    wood.polygon([(x - 0.07, foot - 0.2), (x + 0.06, foot - 0.16), (x + 0.07, foot), (x - 0.05, foot)])
    wood.fill(0.7 * palette.warm + 0.2 * palette.dark, 0.4 * palette.warm + 0.2 * palette.dark, side=0.3)


def _paint_worktop(canvas: Canvas, palette: Palette, counter: float) -> None:
    """The front of the worktop, with the board, the knife and what is being cut."""
    edge = counter + 0.055
    grain = canvas.noise(0.03, 5, 0.6, stretch=9)[canvas.row(edge) :]
    wood = 0.55 * palette.warm + 0.3 * palette.dark
    tones = np.stack([wood[i] * (0.5 + 0.55 * grain) for i in range(3)])
    canvas.cover(np.ones((canvas.height - canvas.row(edge), 1), np.float32), tones, canvas.row(edge))
    middle, y = canvas.wide * 0.5, counter + (canvas.tall - counter) * 0.45
    half = min(0.36, canvas.wide * 0.36)
    shadow(canvas, (middle, y + 0.075), half, 0.03, 0.6)
    board = Stencil(canvas, middle - half, y - 0.06, middle + half, y + 0.09)
    board.polygon(
        [(middle - half * 0.86, y - 0.05), (middle + half * 0.86, y - 0.05), (middle + half, y + 0.06), (middle - half, y + 0.06)]
    )
    board.fill(palette.light * 0.75, palette.warm * 0.85, side=0.1)
    rim = Stencil(canvas, middle - half, y + 0.058, middle + half, y + 0.085).box(
        middle - half, y + 0.058, middle + half, y + 0.082
    )
    rim.fill(palette.warm * 0.6, palette.dark * 0.6)
    paint_food = _paint_vegetables if canvas.rng.random() < 0.5 else _paint_loaf
    paint_food(canvas, palette, middle - half * 0.42, y - 0.01)
    _paint_knife(canvas, palette, middle + half * 0.1, y + 0.005, half)


def _paint_loaf(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    """A loaf of bread with slashes in its crust, and two slices before it."""
    crust, crumb = 0.75 * palette.warm + 0.1 * palette.dark, 0.8 * palette.light + 0.25 * palette.warm
    half, high = 0.15, 0.075
    shadow(canvas, (x + 0.02, y + 0.012), half, 0.016, 0.65)
    loaf = Stencil(canvas, x - half, y - 2 * high, x + half, y + 0.01)
    loaf.ellipse(x, y - high * 0.72, half, high * 0.8).fill(crust * 1.15, crust * 0.4, side=0.2)
    for index in range(4):
        left = x - 0.085 + 0.055 * index
        slash = Stencil(canvas, left - 0.04, y - 2 * high, left + 0.05, y)
        slash.line([(left - 0.014, y - high * 0.62), (left + 0.02, y - high * 1.3)], 0.015).fill(crumb, crumb * 0.7)
    for index in range(2):
        left, foot = x - 0.06 + index * 0.1, y + 0.05
        shadow(canvas, (left + 0.008, foot + 0.004), 0.045, 0.008, 0.5)
        slice_ = Stencil(canvas, left - 0.06, foot - 0.05, left + 0.06, foot + 0.01).ellipse(left, foot - 0.014, 0.05, 0.024)
        slice_.fill(crust, crust * 0.6)
        inside = Stencil(canvas, left - 0.06, foot - 0.05, left + 0.06, foot + 0.01).ellipse(left, foot - 0.015, 0.042, 0.018)
        inside.fill(crumb, crumb * 0.85)


def _paint_vegetables(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    """Round ones, whole and in slices."""
    rng = canvas.rng
    tones = [palette.accent, 0.7 * palette.accent + 0.3 * palette.warm, palette.mid, 0.5 * palette.mid + 0.5 * palette.accent]
    for index in range(3):
        size = float(rng.uniform(0.04, 0.062))
        tone = tones[int(rng.integers(0, 4))]
        left, foot = x + (index - 1) * 0.085, y - 0.02 + 0.012 * index
        shadow(canvas, (left + 0.015, foot + 0.005), size, 0.014, 0.6)
        ball = Stencil(canvas, left - size, foot - size * 1.8, left + size, foot).ellipse(left, foot - size * 0.9, size, size * 0.9)
        ball.fill(tone * 1.1, tone * 0.3, side=0.35)
        gleam = Stencil(canvas, left - size, foot - size * 1.8, left, foot - size)
        gleam.ellipse(left - size * 0.4, foot - size * 1.3, size * 0.18, size * 0.12).shine(palette.light, 0.7)
        stem = Stencil(canvas, left - 0.02, foot - size * 2.2, left + 0.03, foot - size * 1.6)
        stem.line([(left, foot - size * 1.72), (left + 0.012, foot - size * 2.1)], 0.008).fill(
            0.5 * palette.mid + 0.2 * palette.dark
        )
    for index in range(5):
        left, foot = x + 0.02 + index * 0.042, y + 0.045
        slice_ = Stencil(canvas, left - 0.03, foot - 0.02, left + 0.03, foot + 0.02).ellipse(left, foot, 0.028, 0.016)
        slice_.fill(tones[1] * 1.1, tones[0] * 0.7)
        core = Stencil(canvas, left - 0.03, foot - 0.02, left + 0.03, foot + 0.02).ellipse(left, foot - 0.002, 0.02, 0.01)
        core.fill(0.5 * tones[1] + 0.5 * palette.light, tones[1])


def _paint_knife(canvas: Canvas, palette: Palette, x: float, y: float, half: float) -> None:
    long = half * 0.85
    shadow(canvas, (x + long * 0.4, y + 0.02), long * 0.5, 0.008, 0.5)
    blade = Stencil(canvas, x - 0.02, y - 0.06, x + long, y + 0.04)
    tip = [(x, y + 0.012), (x + 0.03, y - 0.022), (x + long * 0.6, y - 0.03), (x + long * 0.6, y + 0.014)]
    blade.polygon(tip).fill(palette.light * 1.1, palette.light * 0.35, side=0.15)
    edge = Stencil(canvas, x, y, x + long, y + 0.03).line([(x, y + 0.012), (x + long * 0.6, y + 0.014)], 0.004)
    edge.fill(palette.light * 1.3)
    grip = Stencil(canvas, x + long * 0.55, y - 0.05, x + long * 1.1, y + 0.03)
    grip.box(x + long * 0.6, y - 0.032, x + long * 1.02, y + 0.004, radius=0.014).fill(palette.dark * 0.9, palette.deep * 0.8)
