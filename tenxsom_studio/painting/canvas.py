"""The canvas that scenes paint on: light per pixel, coordinates that do not depend on the resolution, and the finish.

Coordinates are in units of the shorter side: `x` runs from 0 to `wide`, `y` from 0 (top) to `tall`; one of the two is 1.
Light is linear (see palettes) and may go above 1: the finish rolls it off softly and lets it bloom.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.noise import Plane
from tenxsom_studio.painting.palettes import Colour

Light = NDArray[np.floating]
"""Light of many pixels, shape (3, height, width) or broadcastable to it."""


LAYER_STEP = 2
"""The outlines of layers are kept at this part of the picture's size."""


class Canvas:
    """A picture in the making. `rng` is the only source of chance."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.width, self.height, self.rng = width, height, rng
        self.unit = min(width, height)
        self.wide, self.tall = width / self.unit, height / self.unit
        self.x: Plane = ((np.arange(width, dtype=np.float32) + 0.5) / self.unit)[None, :]
        self.y: Plane = ((np.arange(height, dtype=np.float32) + 0.5) / self.unit)[:, None]
        self.light: Light = np.zeros((3, height, width), np.float32)
        self.grain = 0.008
        self.vignette = 0.34
        self.bloom = 0.22
        self.layers: list[NDArray[np.uint8]] = []
        self._below: Light | None = None

    @property
    def pixel(self) -> float:
        """Return the size of one pixel."""
        return 1.0 / self.unit

    def row(self, y: float) -> int:
        """Return the pixel row at `y`, within the picture."""
        return int(np.clip(y * self.unit, 0, self.height))

    def nearer(self) -> None:
        """Begin a layer: what is painted from now on stands nearer than what there is, and moves faster when the camera moves.

        A scene calls it once or twice; the last layer goes up to `picture`.
        """
        self.end_layer()
        self._below = self.light[:, ::LAYER_STEP, ::LAYER_STEP].copy()

    def end_layer(self) -> None:
        """Keep where the light has changed since the layer began, 0 to 255, at a part of the picture's size."""
        if self._below is not None:
            now = self.light[:, ::LAYER_STEP, ::LAYER_STEP]
            change = np.abs(np.sqrt(np.maximum(now, 0)) - np.sqrt(np.maximum(self._below, 0))).max(axis=0)
            self.layers.append(np.asarray(np.clip((change - 0.004) / 0.02, 0, 1) * 255, np.uint8))
            self._below = None

    def raise_part(self, part: NDArray[np.bool_]) -> None:
        """Make a part of a picture that is painted at once a layer of its own, nearer than the layers before it."""
        self.layers.append(np.asarray(part[::LAYER_STEP, ::LAYER_STEP] * 255, np.uint8))

    def fill(self, stops: Sequence[tuple[float, Colour]]) -> None:
        """Paint a vertical gradient; stops are at fractions of the height."""
        self.light[:] = gradient(np.linspace(0, 1, self.height), stops)[:, :, None]

    def soft(self, draw: Callable[[Plane, Plane], Plane], step: int = 8) -> Plane:
        """Compute a smooth function of (x, y) on every `step`-th pixel, and enlarge it."""
        height, width = -(-self.height // step), -(-self.width // step)
        x = ((np.arange(width, dtype=np.float32) + 0.5) / width * self.wide)[None, :]
        y = ((np.arange(height, dtype=np.float32) + 0.5) / height * self.tall)[:, None]
        return noise.enlarge(np.broadcast_to(draw(x, y), (height, width)), self.height, self.width)

    def noise(self, cell: float, octaves: int = 5, gain: float = 0.5, *, stretch: float = 1.0) -> Plane:
        """Return fractal noise over the whole picture, 0 to 1."""
        return noise.fbm(self.rng, self.height, self.width, cell, octaves=octaves, gain=gain, stretch=stretch)

    def add(self, amount: Plane, colour: Colour, top: int = 0) -> None:
        """Add light; `amount` starts at pixel row `top`."""
        rows = slice(top, top + amount.shape[0])
        for channel in range(3):
            self.light[channel, rows] += amount * colour[channel]

    def cover(self, mask: Plane, colour: Light | Colour, top: int = 0) -> None:
        """Paint over with `colour` (one colour, or light per pixel) where `mask` is 1; `mask` starts at pixel row `top`."""
        rows = slice(top, top + mask.shape[0])
        for channel in range(3):
            below = self.light[channel, rows]
            below += mask * (colour[channel] - below)

    def dim(self, factor: Plane, top: int = 0) -> None:
        """Multiply the light."""
        self.light[:, top : top + factor.shape[0]] *= factor

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """Add a wide soft glow around a point."""
        self.add(self.soft(lambda px, py: strength * np.exp(-np.hypot(px - x, py - y) / radius)), colour)

    def disc(self, x: float, y: float, radius: float, edge: float | None = None) -> Plane:
        """Return the mask of a disc with a smooth edge (one and a half pixels wide by default)."""
        distance = np.hypot(self.x - x, self.y - y)
        return np.asarray(np.clip((radius - distance) / (edge or 1.5 * self.pixel) + 0.5, 0, 1))

    def picture(self) -> Image.Image:
        """Return the finished picture, with bloom, vignette, soft highlights, and grain (which also hides 8-bit banding)."""
        self.end_layer()
        light = self.light
        if self.bloom:
            _add_bloom(light, self.bloom)
        if self.vignette:
            light *= self.soft(self._vignette_at)
        speck = self.rng.standard_normal((self.height, self.width), dtype=np.float32) * (self.grain * 255)
        pixels = np.empty((self.height, self.width, 3), np.uint8)
        for channel in range(3):
            display = np.sqrt(_shoulder(np.maximum(light[channel], 0, out=light[channel]))) * 255 + speck
            pixels[:, :, channel] = np.clip(display + 0.5, 0, 255)
        return Image.fromarray(pixels)

    def _vignette_at(self, x: Plane, y: Plane) -> Plane:
        distance = ((x / self.wide - 0.5) ** 2 + (y / self.tall - 0.5) ** 2) * 2
        return np.asarray(1 - self.vignette * 1.6 * distance**1.3, dtype=np.float32)


def gradient(position: NDArray[np.floating], stops: Sequence[tuple[float, Colour]]) -> Light:
    """Return colours along a line, shape (3, n), mixed as display values, and smoothed so that no stop is visible as a line."""
    where = [stop for stop, _ in stops]
    display = np.sqrt(np.array([colour for _, colour in stops], np.float32)).T
    values = np.stack([np.interp(position, where, channel) for channel in display])
    size = max(1, len(position) // 12)
    if len(position) > 64:
        padded = np.pad(values, ((0, 0), (size, size)), mode="edge")
        kernel = np.hanning(2 * size + 3)[1:-1]
        values = np.stack([np.convolve(channel, kernel / kernel.sum(), "valid") for channel in padded])
    return np.asarray(values * values, dtype=np.float32)


def _shoulder(light: Plane, knee: float = 0.62) -> Plane:
    """Leave light below the knee as it is, and roll everything above softly towards white."""
    over = np.maximum(light - knee, 0)
    return np.asarray(np.minimum(light, knee) + (1 - knee) * (1 - np.exp(over / (knee - 1))), dtype=np.float32)


def _add_bloom(light: Light, strength: float) -> None:
    """Spread light above 0.5 over its surroundings, near and far."""
    _, height, width = light.shape
    step = max(2, min(height, width) // 112)
    rows, columns = height // step, width // step
    small = light[:, : rows * step, : columns * step].reshape(3, rows, step, columns, step).mean(axis=(2, 4))
    bright = np.maximum(small - 0.5, 0) * np.float32(strength)
    near = np.stack([blur(channel, 1) for channel in bright])
    far = np.stack([blur(channel, 6) for channel in bright])
    for channel in range(3):
        light[channel] += noise.enlarge(near[channel] * 0.6 + far[channel] * 0.9, height, width)


def blur(field: Plane, radius: int, axes: tuple[int, ...] = (0, 1)) -> Plane:
    """Apply three box blurs of `radius` cells, which is close to a Gaussian blur. Edges are continued."""
    for _ in range(3):
        for axis in axes:
            field = _box(field, radius, axis)
    return field


def _box(field: Plane, radius: int, axis: int) -> Plane:
    pad = [(0, 0), (0, 0)]
    pad[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis, dtype=np.float32)
    size = 2 * radius + 1
    upper, lower = (total[size:], total[:-size]) if axis == 0 else (total[:, size:], total[:, :-size])
    return np.asarray((upper - lower) / size, dtype=np.float32)
