"""A plain of glowing circuits under a digital dawn: data that runs to the horizon."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Palette

_TILE = 1024


def paint(canvas: Canvas, palette: Palette) -> None:
    """Paint the scene."""
    rng = canvas.rng
    horizon = canvas.tall * float(rng.uniform(0.42, 0.5))
    middle = float(rng.uniform(0.35, 0.65)) * canvas.wide
    canvas.fill([(0, palette.deep * 0.7), (0.3, palette.deep), (horizon / canvas.tall, palette.dark), (1, palette.deep * 0.6)])
    _paint_sky(canvas, palette, horizon, middle)
    top = canvas.row(horizon)
    canvas.nearer()
    _paint_plain(canvas, palette, top, middle)
    _paint_beams(canvas, palette, horizon)
    canvas.end_layer()
    line = np.exp(-np.abs(canvas.y - horizon) / 0.006) * np.exp(-np.abs(canvas.x - middle) / 0.6)
    canvas.add(line * 1.1, palette.warm)
    canvas.glow(middle, horizon, 0.22, palette.haze, 0.55)
    canvas.bloom, canvas.vignette = 0.5, 0.4


def _paint_sky(canvas: Canvas, palette: Palette, horizon: float, middle: float) -> None:
    """A rising disc of light behind thin bars, and a net of points above it."""
    rng = canvas.rng
    canvas.glow(middle, horizon, 0.5, palette.mid, 0.9)
    radius = rng.uniform(0.2, 0.27)
    y = horizon - radius * rng.uniform(0.35, 0.6)
    disc = canvas.disc(middle, y, radius, 0.004)
    bars = noise.step(0.42, 0.58, 0.5 + 0.5 * np.cos((canvas.y - y) / radius * 26)) * noise.step(
        y - radius * 0.2, y + radius * 0.6, canvas.y
    )
    fade = np.clip((horizon - canvas.y) / (radius * 1.6), 0, 1)
    face = disc * (1 - 0.85 * bars) * (canvas.y < horizon)
    tone = np.stack([(palette.haze[i] + fade * (palette.warm[i] * 1.15 - palette.haze[i])) * (0.5 + 0.6 * fade) for i in range(3)])
    canvas.cover(face * 0.92, tone)
    _paint_net(canvas, palette, horizon)


def _paint_net(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Points of light joined to their neighbours by thin lines."""
    rng = canvas.rng
    scale = 2
    sheet = Image.new("L", (canvas.width * scale // 2, canvas.row(horizon) * scale // 2))
    draw = ImageDraw.Draw(sheet)
    points = np.column_stack([rng.uniform(-0.02, 1.02, 70) * sheet.width, rng.uniform(0, 1, 70) ** 1.2 * sheet.height * 0.9])
    near = 0.17 * canvas.unit
    for index, (x, y) in enumerate(points):
        for other_x, other_y in points[index + 1 :]:
            distance = float(np.hypot(x - other_x, y - other_y))
            if distance < near:
                draw.line((x, y, other_x, other_y), fill=round(70 * (1 - distance / near)), width=max(1, canvas.unit // 800))
        size = canvas.unit * rng.uniform(0.0012, 0.0035)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=int(rng.integers(120, 255)))
    lines = np.asarray(sheet, np.float32) / 255
    canvas.add(lines * noise.step(1.0, 0.4, canvas.y[: lines.shape[0]] / horizon), 0.6 * palette.haze + 0.4 * palette.light)


def _paint_plain(canvas: Canvas, palette: Palette, top: int, middle: float) -> None:
    """The circuit board, laid out to the horizon; far away it blurs into a glow."""
    traces, pads = _board(canvas.rng)
    below = canvas.y[top:] - top * canvas.pixel + canvas.pixel
    depth = 0.3 / below
    row = depth * 330 + float(canvas.rng.uniform(0, _TILE))
    column = (canvas.x - middle) * depth * 700 + _TILE / 2
    span = np.clip(np.log2(depth * canvas.pixel * 700 * 1.2 + depth**2 * canvas.pixel * 1100 * 0.25 + 1e-6), 0, 4.99)
    shade = np.exp(-below / 0.9) * noise.step(0.0, 0.05, below)
    pulse = 0.35 + 1.1 * canvas.noise(0.3, 3)[top:]
    trace_light, pad_light = _mipped(traces, row, column, span), _mipped(pads, row, column, span)
    canvas.light[:, top:] *= 0.55
    canvas.add(trace_light * shade * pulse * 1.0, palette.haze, top)
    canvas.add((trace_light**3 * pulse**2 * 0.5 + pad_light * 0.55) * shade, palette.warm, top)
    canvas.add(pad_light**2 * shade * noise.step(0.75, 1.2, pulse) * 1.8, palette.accent, top)
    mirror = np.exp(-below / 0.16) * np.exp(-(((canvas.x - middle) / (0.3 + 0.5 * below)) ** 2))
    canvas.add(mirror * 0.5, 0.6 * palette.haze + 0.4 * palette.mid, top)


def _mipped(tile: Plane, row: Plane, column: Plane, span: Plane) -> Plane:
    """The repeating tile read in perspective; rows that are far away read smaller, smoother versions of it."""
    result = np.zeros((row.shape[0], column.shape[1]), np.float32)
    for level in range(5):
        rows = np.flatnonzero((span[:, 0] >= level) & (span[:, 0] < level + 1))
        if rows.size:
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            scale = np.float32(2.0**-level)
            result[part] = noise.sample(
                tile, np.broadcast_to(row[part], result[part].shape) * scale, column[part] * scale, wrap=True
            )
        tile = tile.reshape(tile.shape[0] // 2, 2, tile.shape[1] // 2, 2).mean(axis=(1, 3))
    return result


def _board(rng: np.random.Generator) -> tuple[Plane, Plane]:
    """One repeating tile: copper traces that turn by 45 degrees, and the pads where they end."""
    traces, pads = Image.new("L", (_TILE, _TILE)), Image.new("L", (_TILE, _TILE))
    line, dot = ImageDraw.Draw(traces), ImageDraw.Draw(pads)
    used = np.zeros((64, 64), bool)
    for _ in range(230):
        x, y = (int(value) for value in rng.integers(0, 64, 2))
        if used[y, x]:
            continue
        path, heading = [(x, y)], int(rng.integers(0, 4)) * 2
        for _ in range(int(rng.integers(3, 16))):
            turn = int(rng.choice([0, 0, 0, 1, -1]))
            dx, dy = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))[(heading + turn) % 8]
            x, y = x + dx, y + dy
            if not (0 <= x < 64 and 0 <= y < 64) or used[y, x]:
                break
            used[y, x] = True
            path.append((x, y))
        if len(path) > 2:
            points = [(px * 16 + 8, py * 16 + 8) for px, py in path]
            line.line(points, fill=int(rng.integers(110, 255)), width=3, joint="curve")
            for px, py in (points[0], points[-1]):
                dot.ellipse((px - 6, py - 6, px + 6, py + 6), fill=255)
                line.ellipse((px - 6, py - 6, px + 6, py + 6), fill=255)
    return np.asarray(traces, np.float32) / 255, np.asarray(pads, np.float32) / 255


def _paint_beams(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Columns of light that rise from the plain."""
    rng = canvas.rng
    for _ in range(int(rng.integers(9, 15))):
        depth = rng.uniform(0, 1)
        x, foot = rng.uniform(0, canvas.wide), horizon + 0.02 + 0.3 * depth**2 * (canvas.tall - horizon)
        tall, thin = rng.uniform(0.08, 0.26) * (0.6 + depth), 0.0011 + 0.0022 * depth
        rows = slice(canvas.row(foot - tall), canvas.row(foot))
        columns = slice(max(0, int((x - thin * 8) * canvas.unit)), int((x + thin * 8) * canvas.unit) + 1)
        rise = np.clip((foot - canvas.y[rows]) / tall, 0, 1)
        beam = np.exp(-np.abs(canvas.x[:, columns] - x) / thin) * (1 - rise) ** 1.4
        tone = palette.accent if rng.random() < 0.25 else 0.5 * (palette.haze + palette.warm)
        canvas.light[:, rows, columns] += beam * tone[:, None, None] * 1.1
