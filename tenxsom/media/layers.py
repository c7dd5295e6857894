"""Pictures with transparency, drawn by Pillow and laid over the YUV planes of video frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Samples = NDArray[np.uint8]
"""One plane of a picture: luma or one of the two colour differences."""

_FULL = 256
_STRIP = 64
"""Rows that are worked out at once."""
_TO_YUV = np.array(
    [
        [0.2126 * 219 / 255, 0.7152 * 219 / 255, 0.0722 * 219 / 255],
        [-0.2126 / 1.8556 * 224 / 255, -0.7152 / 1.8556 * 224 / 255, 0.9278 / 1.8556 * 224 / 255],
        [0.7874 / 1.5748 * 224 / 255, -0.7152 / 1.5748 * 224 / 255, -0.0722 / 1.5748 * 224 / 255],
    ],
    np.float32,
)
"""Red, green and blue to limited-range BT.709 (ITU-R BT.709-6, https://www.itu.int/rec/R-REC-BT.709)."""
_ZERO = (16, 128, 128)


class Layer(NamedTuple):
    """A picture over a frame: its place (even pixels), its planes multiplied by its opacity, and what shines through, of 256."""

    x: int
    y: int
    planes: tuple[NDArray[np.uint16], ...]
    transparency: tuple[NDArray[np.uint16], ...]

    def put(self, frame: Sequence[Samples], strength: float = 1.0) -> None:
        """Blend the layer into the three planes of a frame, with `strength` 0 (not at all) to 1."""
        factor = round(strength * _FULL)
        if factor <= 0:
            return
        for index, plane in enumerate(frame):
            scale = 1 if index == 0 else 2
            colour, through = self.planes[index], self.transparency[index]
            rows = slice(self.y // scale, self.y // scale + colour.shape[0])
            part = plane[rows, self.x // scale : self.x // scale + colour.shape[1]]
            if factor < _FULL:
                through = _FULL - (((_FULL - through) * factor) >> 8).astype(np.uint16)
                colour = ((colour.astype(np.uint32) * factor) >> 8).astype(np.uint16)
            mixed = np.multiply(part, through, dtype=np.uint16)
            mixed += colour
            mixed += 128
            mixed >>= 8
            part[:] = mixed


def layer_of(picture: Image.Image, left: int, top: int, width: int, height: int) -> Layer:
    """Return the layer of an RGBA picture in a frame of `width` x `height`; it is empty when it shows nothing inside the frame.

    Only the opaque part is kept, on even pixels, because colour planes have half the size.
    """
    visible = picture.getchannel("A").getbbox() or (0, 0, 0, 0)
    x, y = (max(0, edge + place) // 2 * 2 for edge, place in zip(visible[:2], (left, top), strict=True))
    right, bottom = (
        -(-min(side, edge + place) // 2) * 2 for edge, place, side in zip(visible[2:], (left, top), (width, height), strict=True)
    )
    return _layer(x, y, np.asarray(picture.crop((x - left, y - top, max(x, right) - left, max(y, bottom) - top))))


def _layer(x: int, y: int, pixels: NDArray[np.uint8]) -> Layer:
    """Return the layer of some pixels, worked out in strips: a whole card in floating point would take a hundred megabytes."""
    height, width, _ = pixels.shape
    sizes = [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
    planes, transparency = (tuple(np.empty(size, np.uint16) for size in sizes) for _ in range(2))
    for top in range(0, height, _STRIP):
        strip = pixels[top : top + _STRIP]
        alpha = strip[:, :, 3].astype(np.float32) * np.float32(_FULL / 255)
        light, halved_alpha = strip[:, :, :3] * alpha[:, :, None], _halved(alpha)
        halved_light = _halved(light)
        for index, (shown, opacity) in enumerate(((light, alpha), (halved_light, halved_alpha), (halved_light, halved_alpha))):
            rows = slice(
                top if index == 0 else top // 2, None if top + _STRIP >= height else (top + _STRIP) // (1 if index == 0 else 2)
            )
            planes[index][rows] = np.rint(shown @ _TO_YUV[index] + np.float32(_ZERO[index]) * opacity)
            transparency[index][rows] = _FULL - np.rint(opacity)
    return Layer(x, y, planes, transparency)


def _halved(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means of blocks of two by two samples."""
    return np.asarray((plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) * np.float32(0.25))
