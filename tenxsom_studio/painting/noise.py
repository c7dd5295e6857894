"""Smooth random fields: the raw material of every painted scene.

All fields are float32. Sizes called `cell` are fractions of the picture's shorter side, so that a scene looks the same at
every resolution. Enlarging uses cubic B-splines, which leave none of the creases in gradients
that linear interpolation does.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating]
"""One value per pixel (float32), shape (height, width), or anything that broadcasts to it."""

_BLOCK_PRODUCTS = 240_000
"""Products in one matrix multiplication below which OpenBLAS works in one thread."""


def enlarge(small: Plane, height: int, width: int) -> Plane:
    """Return a smooth version of `small` at another size."""
    return _stretch(_stretch(small.T, width).T, height)


def fbm(
    rng: np.random.Generator,
    height: int,
    width: int,
    cell: float,
    *,
    octaves: int = 5,
    gain: float = 0.5,
    stretch: float = 1.0,
    unit: int = 0,
) -> Plane:
    """Return fractal noise between 0 and 1. `stretch` > 1 widens its features; `cell` is a fraction of `unit`."""
    unit = unit or min(height, width)
    rows, columns = (max(3, round(size / unit / cell / way) + 2) for size, way in ((height, 1.0), (width, stretch)))
    field = rng.standard_normal((rows, columns), dtype=np.float32)
    strength = 1.0
    for _ in range(octaves - 1):
        rows, columns = min(rows * 2, height), min(columns * 2, width)
        strength *= gain
        field = enlarge(field, rows, columns) + strength * rng.standard_normal((rows, columns), dtype=np.float32)
    return unit_range(enlarge(field, height, width))


def line(rng: np.random.Generator, width: int, cells: float, octaves: int = 5, gain: float = 0.5, *, smooth: bool = False) -> Plane:
    """Return fractal noise along a line, between 0 and 1: `cells` coarse features over `width` samples, rough unless `smooth`."""
    total = np.zeros(width, np.float32)
    for octave in range(octaves):
        count = max(3, round(cells * 2**octave) + 2)
        knots = rng.standard_normal(count).astype(np.float32)
        if smooth:
            total += gain**octave * enlarge(knots[None, :], 1, width)[0]
        else:
            position = np.linspace(0, count - 1.001, width) + 0.0
            total += (gain**octave * np.interp(position, np.arange(count), knots)).astype(np.float32)
    return unit_range(total)


def unit_range(field: Plane) -> Plane:
    """`field` shifted and scaled to 0..1."""
    low, high = float(field.min()), float(field.max())
    return np.asarray((field - low) / max(high - low, 1e-9), dtype=np.float32)


def step(low: float, high: float, value: Plane) -> Plane:
    """Return a smooth step from 0 (at `low`) to 1 (at `high`), or a falling one when `low` > `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def sample(field: Plane, row: Plane, column: Plane, wrap: bool = False) -> Plane:
    """`field` read between its pixels at (`row`, `column`); outside it repeats (`wrap`) or continues its edge."""
    height, width = field.shape
    top, left = np.floor(row).astype(np.int32), np.floor(column).astype(np.int32)
    down, right = (row - top).astype(np.float32), (column - left).astype(np.float32)
    if wrap:
        rows, columns = (top % height, (top + 1) % height), (left % width, (left + 1) % width)
    else:
        rows = (np.clip(top, 0, height - 1), np.clip(top + 1, 0, height - 1))
        columns = (np.clip(left, 0, width - 1), np.clip(left + 1, 0, width - 1))
    upper = field[rows[0], columns[0]] * (1 - right) + field[rows[0], columns[1]] * right
    lower = field[rows[1], columns[0]] * (1 - right) + field[rows[1], columns[1]] * right
    return np.asarray(upper + (lower - upper) * down, dtype=np.float32)


def _stretch(field: Plane, count: int) -> Plane:
    """`field` with `count` rows.

    The matrix of weights is all zeros but for a band four wide, so it is multiplied in blocks along the band. The blocks are
    kept so small that the linear algebra library does not start threads, which cost more than they bring at this size.
    """
    rows, width = field.shape
    weights = _spline(count, rows)
    ratio = rows / count
    block = max(1, int((math.sqrt(16 + 4 * ratio * _BLOCK_PRODUCTS / width) - 4) / (2 * ratio)))
    result = np.empty((count, width), np.float32)
    for start in range(0, count, block):
        end = min(start + block, count)
        low = max(0, math.floor((start + 0.5) * ratio - 0.5) - 1)
        high = min(rows, math.floor((end - 0.5) * ratio - 0.5) + 3)
        np.matmul(weights[start:end, low:high], field[low:high], out=result[start:end])
    return result


@lru_cache(maxsize=64)
def _spline(count_out: int, count_in: int) -> Plane:
    """Return the matrix of cubic B-spline weights from `count_in` samples to `count_out`, edges continued."""
    position = (np.arange(count_out) + 0.5) * count_in / count_out - 0.5
    base = np.floor(position).astype(int)
    t = position - base
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    matrix = np.zeros((count_out, count_in), np.float32)
    for offset, weight in enumerate(weights):
        np.add.at(matrix, (np.arange(count_out), np.clip(base + offset - 1, 0, count_in - 1)), weight / 6)
    return matrix
