"""The camera: slow moves over a still picture, worked out on its YUV planes.

The still is turned into planes once; every frame then reads them at positions between the pixels, so a slow move glides
instead of stepping. Rows are blended first, columns second, in 16-bit integers, which costs a few milliseconds a frame.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Samples = NDArray[np.uint8]
"""One plane of a picture: luma or one of the two colour differences."""

MOVES = ("push_in", "pull_out", "pan_left", "pan_right", "rise")
TRAVEL = {"low": 0.09, "medium": 0.17, "high": 0.28}
"""The zoom of a move, by the order's intensity."""

SUPERSAMPLING = 1.25
"""The planes are this much larger than the frames, so that a zoom of a quarter still shows real detail."""


class View(NamedTuple):
    """The part of the still that a frame shows: its middle and its size, as fractions of the still."""

    x: float
    y: float
    size: float


class Planes(NamedTuple):
    """A still as limited-range BT.709 planes; the colour planes have half the width and height, sited in the middle."""

    luma: Samples
    blue: Samples
    red: Samples


def planes_of(still: Image.Image, width: int, height: int) -> Planes:
    """Return the planes for frames of `width` x `height`: cropped to their shape and scaled to the working size."""
    rgb = still.convert("RGB")
    size = (2 * round(width * SUPERSAMPLING / 2), 2 * round(height * SUPERSAMPLING / 2))
    if rgb.size != size:
        rgb = ImageOps.fit(rgb, size, Image.Resampling.LANCZOS)
    return Planes(*to_yuv(np.asarray(rgb)))


def to_yuv(rgb: NDArray[np.uint8]) -> tuple[Samples, Samples, Samples]:
    """Limited-range BT.709 (ITU-R BT.709-6, https://www.itu.int/rec/R-REC-BT.709): luma 16–235, colour 16–240, colour halved."""
    height, width, _ = rgb.shape
    red, green, blue = (rgb[:, :, channel].astype(np.float32) for channel in range(3))
    luma = red * np.float32(0.2126) + green * np.float32(0.7152) + blue * np.float32(0.0722)
    chroma = []
    for channel, scale in ((blue, 1.8556), (red, 1.5748)):
        small = (channel - luma).reshape(height // 2, 2, width // 2, 2)
        total = small[:, 0, :, 0] + small[:, 0, :, 1] + small[:, 1, :, 0] + small[:, 1, :, 1]
        chroma.append((total * np.float32(0.25 * 224 / 255 / scale) + np.float32(128.5)).astype(np.uint8))
    return (luma * np.float32(219 / 255) + np.float32(16.5)).astype(np.uint8), chroma[0], chroma[1]


def view_at(move: str, travel: float, progress: float, lean: tuple[float, float], nearness: float = 1.0) -> View:
    """Return the camera's view after a share of its move; `lean` (-1..1 each) is the side that a zoom drifts to.

    `nearness` is that of a layer: 1 moves with the whole travel, less moves less.
    """
    eased = 0.3 * progress + 0.7 * (0.5 - 0.5 * math.cos(math.pi * progress))
    if move in {"push_in", "pull_out"}:
        inward = eased if move == "push_in" else 1 - eased
        size = (1 + travel * nearness) ** -inward
        room = (1 - size) / 2
        return View(0.5 + lean[0] * room * 0.6, 0.5 + lean[1] * room * 0.5, size)
    size = 1 / (1 + 0.75 * travel)
    room = (1 - size) / 2
    swing = (2 * eased - 1) * room * nearness
    if move == "rise":
        return View(0.5 + lean[0] * room * 0.3, 0.5 - swing, size)
    return View(0.5 + (swing if move == "pan_right" else -swing), 0.5 + lean[1] * room * 0.3, size)


class Reader:
    """Reads one plane at views of it. Keeps its buffers, so it belongs to one thread."""

    def __init__(self, plane: Samples, width: int, height: int, is_colour: bool = False) -> None:
        self._plane, self._count = plane, (height, width)
        # colour of 4:2:0 video stands at the left pixel of its pair, that of our planes in the middle
        self._siting = 0.25 if is_colour else 0.5
        self._rows = [np.empty(height * plane.shape[1], np.uint16) for _ in range(2)]
        self._columns = [np.empty(height * width, np.uint16) for _ in range(2)]

    def read(self, view: View, target: Samples) -> None:
        """Fill `target` with what `view` shows."""
        height, width = self._count
        target[:] = self.seen(view, (slice(0, height), slice(0, width)))

    def seen(self, view: View, window: tuple[slice, slice]) -> NDArray[np.uint16]:
        """Return what `view` shows in some rows and columns of a frame, in a buffer that the next call reuses."""
        (high, wide), (tall, broad) = self._plane.shape, self._count
        top, down = (part[window[0]] for part in _positions(view.y, view.size, (high, tall), 0.5, 256))
        left, right = (part[window[1]] for part in _positions(view.x, view.size, (wide, broad), self._siting, 64))
        if not (top.size and left.size):
            return np.empty((top.size, left.size), np.uint16)
        plane = self._plane[:, left[0] : left[-1] + 2]
        left = left - left[0]
        first, second = (_shaped(buffer, top.size, plane.shape[1]) for buffer in self._rows)
        np.multiply(plane[top], 256 - down[:, None], out=first)
        np.multiply(plane[top + 1], down[:, None], out=second)
        first += second
        first >>= 6  # ten bits: what the weights of the columns leave room for
        before, after = (_shaped(buffer, top.size, left.size) for buffer in self._columns)
        np.take(first, left, axis=1, out=before, mode="clip")
        np.take(first, left + 1, axis=1, out=after, mode="clip")
        before *= 64 - right
        after *= right
        before += after
        before += 128
        before >>= 8
        return before


def nearest(plane: NDArray[np.int16], view: View, window: tuple[slice, slice], counts: tuple[int, int]) -> NDArray[np.int16]:
    """Return what `view` shows in some rows and columns of a frame of `counts`, without what lies between the pixels."""
    rows, columns = (
        np.clip((middle - view.size / 2 + (np.arange(part.start, part.stop) + 0.5) * (view.size / count)) * size, 0, size - 1)
        for middle, part, count, size in zip((view.y, view.x), window, counts, plane.shape, strict=True)
    )
    return np.asarray(plane[rows.astype(np.intp)].take(columns.astype(np.intp), axis=1, mode="clip"))


def _shaped(buffer: NDArray[np.uint16], rows: int, columns: int) -> NDArray[np.uint16]:
    return buffer[: rows * columns].reshape(rows, columns)


def _positions(
    middle: float, size: float, counts: tuple[int, int], siting: float, scale: int
) -> tuple[NDArray[np.intp], NDArray[np.uint16]]:
    """For every sample of a frame's side: the sample of the plane before it, and the weight (of `scale`) of the one after it."""
    count_in, count_out = counts
    start = (middle - size / 2) * count_in
    place = start + (np.arange(count_out) + siting) * (size * count_in / count_out) - 0.5
    whole, part = np.divmod(np.rint(np.clip(place, 0, count_in - 1.001) * scale).astype(np.intp), scale)
    return np.minimum(whole, count_in - 2), np.where(whole > count_in - 2, scale, part).astype(np.uint16)
