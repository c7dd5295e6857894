"""Under water: light that falls through the surface, a school of fish, kelp and corals on the ground."""

from __future__ import annotations

import numpy as np

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Colour, Palette
from tenxsom_studio.painting.shapes import Point, Stencil, quad, smooth


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng, wide = canvas.rng, canvas.wide
    lamp = wide * float(rng.uniform(0.3, 0.7))
    canvas.fill([(0, 0.8 * palette.haze), (0.22, palette.mid), (0.6, palette.dark), (1, palette.deep)])
    canvas.glow(lamp, -0.05, 0.3, palette.light, 1.0)
    canvas.add(_rays(canvas, lamp), 0.6 * palette.light + 0.4 * palette.haze)
    for _ in range(3):
        _paint_school(canvas, palette, 12, 0.03, 0.6)
    _paint_rocks(canvas, palette, 0.8, 0.4)
    canvas.nearer()
    _paint_rocks(canvas, palette, 0.89, 0.12)
    _paint_corals(canvas, palette)
    _paint_school(canvas, palette, 9, 0.075, 0.12)
    canvas.nearer()
    for x in (0.02, 0.12, wide - 0.13, wide - 0.03):
        _paint_kelp(canvas, palette, x + float(rng.uniform(-0.03, 0.03)))
    _paint_bubbles(canvas, palette)
    canvas.bloom, canvas.vignette = 0.4, 0.4


def _rays(canvas: Canvas, lamp: float) -> Plane:
    """Shafts that fan out from the surface."""
    spokes = noise.line(canvas.rng, 1024, 46, 3, 0.6, smooth=True)

    def at(x: Plane, y: Plane) -> Plane:
        angle = np.arctan2(x - lamp, y + 0.35)
        beam = noise.step(0.42, 0.9, spokes[np.clip((angle / 3.2 + 0.5) * 1023, 0, 1023).astype(int)])
        return np.asarray(beam * np.exp(-y / (0.5 * canvas.tall)) * 0.5, dtype=np.float32)

    return canvas.soft(at, 4)


def _paint_school(canvas: Canvas, palette: Palette, count: int, size: float, air: float) -> None:
    """Fish that swim the same way."""
    rng = canvas.rng
    middle = (canvas.wide * rng.uniform(0.25, 0.75), canvas.tall * rng.uniform(0.25, 0.65))
    heading = float(rng.choice([-1, 1]))
    tone = (palette.accent, palette.warm, palette.haze)[int(rng.integers(0, 3))]
    tone = tone * (1 - air) + palette.mid * air
    for _ in range(count):
        x, y = middle[0] + rng.normal(0, 3.2 * size), middle[1] + rng.normal(0, 1.7 * size)
        _paint_fish(canvas, palette, (float(x), float(y)), size * float(rng.uniform(0.7, 1.2)), heading=heading, tone=tone)


def _paint_fish(canvas: Canvas, palette: Palette, place: Point, size: float, *, heading: float, tone: Colour) -> None:
    x, y = place
    shape = [
        (0.9, 0.0),
        (0.5, -0.28),
        (0.0, -0.38),
        (-0.5, -0.16),
        (-0.7, -0.06),
        (-1.05, -0.34),
        (-0.95, 0.0),
        (-1.05, 0.34),
        (-0.7, 0.06),
        (-0.5, 0.16),
        (0.0, 0.34),
        (0.5, 0.24),
    ]
    quad(canvas, smooth([(x + heading * px * size, y + py * size) for px, py in shape], steps=5)).fill(
        tone * 0.7 + palette.dark * 0.1, tone * 1.1
    )
    if size > 0.04:
        for stripe in (-0.25, 0.15):
            left = x + heading * stripe * size
            band = smooth(
                [
                    (left - 0.06 * size, y - 0.3 * size),
                    (left + 0.06 * size, y - 0.3 * size),
                    (left + 0.05 * size, y + 0.27 * size),
                    (left - 0.05 * size, y + 0.27 * size),
                ],
                steps=4,
            )
            quad(canvas, band).fill(palette.light * 0.8, palette.light * 0.6)
        eye = Stencil(canvas, x - size, y - size, x + size, y + size)
        eye.ellipse(x + heading * 0.6 * size, y - 0.06 * size, 0.075 * size).fill(palette.light)
        eye = Stencil(canvas, x - size, y - size, x + size, y + size)
        eye.ellipse(x + heading * 0.62 * size, y - 0.06 * size, 0.04 * size).fill(palette.deep * 0.5)


def _paint_rocks(canvas: Canvas, palette: Palette, height: float, air: float) -> None:
    crest = canvas.tall * height - (noise.line(canvas.rng, canvas.width, canvas.wide * 2.4, 7, 0.55) - 0.5) * 0.16
    top = canvas.row(float(crest.min()) - 0.01)
    below = canvas.y[top:] - crest[None, :]
    rough = 0.6 + 0.7 * canvas.noise(0.04, 5, 0.6)[top:]
    tone = palette.deep * (1 - air) + palette.mid * air
    lit = np.exp(-np.maximum(below, 0) / 0.03) * 0.35
    tones = np.stack([tone[i] * rough + lit * palette.mid[i] * (0.4 + air) for i in range(3)])
    canvas.cover(np.clip(below / canvas.pixel + 0.5, 0, 1), tones, top)


def _paint_corals(canvas: Canvas, palette: Palette) -> None:
    """Branches and fans on the ground."""
    rng = canvas.rng
    for _ in range(int(9 * canvas.wide)):
        x, foot, high = rng.uniform(0, canvas.wide), canvas.tall * rng.uniform(0.9, 1.0), rng.uniform(0.08, 0.2)
        tone = (palette.accent, palette.warm, 0.6 * palette.accent + 0.4 * palette.mid)[int(rng.integers(0, 3))] * 0.75
        sheet = Stencil(canvas, x - high, foot - high * 1.3, x + high, foot + 0.03)
        for lean in np.linspace(-0.6, 0.6, int(rng.integers(4, 8))):
            tip = (x + lean * high, foot - high * rng.uniform(0.7, 1.15))
            knee = (x + lean * high * 0.35, foot - high * 0.5)
            path = smooth(
                [(float(x), float(foot)), (float(knee[0]), float(knee[1])), (float(tip[0]), float(tip[1]))], is_closed=False
            )
            sheet.line(path, 0.014).ellipse(float(tip[0]), float(tip[1]), 0.012)
        sheet.fill(tone * 1.2, tone * 0.3)


def _paint_kelp(canvas: Canvas, palette: Palette, x: float) -> None:
    """A stalk with leaves that sway, close by."""
    rng = canvas.rng
    top, phase = canvas.tall * float(rng.uniform(0.3, 0.55)), float(rng.uniform(0, 6.28))
    heights = np.linspace(canvas.tall + 0.02, top, 40)
    sway = x + 0.03 * np.sin(heights * 7 + phase)
    tone = palette.deep * 0.8 + palette.dark * 0.35
    sheet = Stencil(canvas, x - 0.14, top - 0.02, x + 0.14, canvas.tall)
    sheet.line([(float(a), float(b)) for a, b in zip(sway, heights, strict=True)], 0.009)
    for index in range(2, 40, 2):
        px, py, hand = float(sway[index]), float(heights[index]), 1 if index % 4 else -1
        leaf = [(px, py), (px + hand * 0.045, py - 0.035), (px + hand * 0.085, py - 0.02), (px + hand * 0.05, py + 0.005)]
        sheet.polygon(smooth(leaf, steps=5))
    sheet.fill(tone * 1.3, tone * 0.5)


def _paint_bubbles(canvas: Canvas, palette: Palette) -> None:
    rng = canvas.rng
    for _ in range(26):
        x, y, size = (
            float(value) for value in (rng.uniform(0, canvas.wide), rng.uniform(0, canvas.tall), rng.uniform(0.004, 0.016))
        )
        bubble = (
            Stencil(canvas, x - size, y - size, x + size, y + size).ellipse(x, y, size, ink=200).ellipse(x, y, size * 0.8, ink=60)
        )
        bubble.ellipse(x - size * 0.35, y - size * 0.35, size * 0.22)
        bubble.shine(palette.light, 0.5)
