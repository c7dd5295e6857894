"""A still whose layers move at different speeds: near ones faster than far ones, as things do when a camera passes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenxsom_studio.painting import depth
from tenxsom_studio.painting.camera import Planes, Reader, Samples, View, nearest, planes_of, view_at

FARTHEST = 0.45
"""How fast the farthest layer moves, where the nearest one moves with 1."""
BOOST = 1.5
"""How much farther the camera travels where there are layers: the nearest moves more than a flat still would, the farthest less."""

MOST_AREA = 0.6
"""How much of a frame may be layers on top of each other: every one of them costs as much as the still beneath."""

_OPAQUE = 128
"""The value of an outline inside its layer: what leaves room for the product with a difference of samples in 16 bits."""

Window = tuple[slice, slice]


class _Layer(NamedTuple):
    """The pictures of a layer, and where it is. The farthest has no outline: it is everywhere."""

    nearness: float
    pictures: tuple[Reader, ...]
    outlines: tuple[NDArray[np.int16], ...]
    box: tuple[float, float, float, float]
    """Left, top, right and bottom of the layer, as shares of the still."""
    ground: float
    """The height from which the layer covers the whole width down to the bottom; 1 where it does not."""


class Scenery:
    """A still, ready to be filmed. Used by one thread."""

    def __init__(self, still: Image.Image, width: int, height: int) -> None:
        planes = planes_of(still, width, height)
        tall, wide = planes.luma.shape
        outlines = _affordable(depth.layers_of(still, wide, tall))
        self._size = width, height
        self._layers = _layers(planes, outlines, width, height)

    @property
    def is_deep(self) -> bool:
        """Return whether there are layers."""
        return len(self._layers) > 1

    def shoot(self, move: str, travel: float, progress: float, *, lean: tuple[float, float], planes: Sequence[Samples]) -> None:
        """Fill a frame's planes with what the camera sees after a share of its move."""
        travel *= BOOST if self.is_deep else 1.0
        views = [view_at(move, travel, progress, lean, layer.nearness) for layer in self._layers]
        hidden = min(_place(layer.ground, view.y, view.size) for layer, view in zip(self._layers, views, strict=True))
        for layer, view in zip(self._layers, views, strict=True):
            window = self._window(layer, view, hidden)
            for index, target in enumerate(planes):
                part = window if index == 0 else _halved(window)
                if layer.outlines:
                    outline = nearest(layer.outlines[index], view, part, target.shape)
                    _blend(layer.pictures[index].seen(view, part), outline, target[part])
                else:
                    target[part] = layer.pictures[index].seen(view, part)

    def _window(self, layer: _Layer, view: View, hidden: float) -> Window:
        """Return the rows and columns of a frame in which a layer is seen; even, so that colour has half of them."""
        width, height = self._size
        left, top, right, bottom = layer.box
        if not layer.outlines:
            bottom_row = height if hidden >= 1 else min(height, _even(hidden * height + 6))
            return slice(0, max(2, bottom_row)), slice(0, width)
        rows = [_place(edge, view.y, view.size) * height for edge in (top, bottom)]
        columns = [_place(edge, view.x, view.size) * width for edge in (left, right)]
        return _span(rows[0], rows[1], height), _span(columns[0], columns[1], width)


def _affordable(outlines: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return the outlines of layers that may move on their own: all of them, or one where they fill too much of the frame."""
    boxes = [_extent(outline)[0] for outline in outlines if outline.any()]
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    return list(outlines) if area <= MOST_AREA else [np.maximum.reduce(list(outlines))]


def _layers(planes: Planes, outlines: Sequence[NDArray[np.uint8]], width: int, height: int) -> list[_Layer]:
    """Return the layers, the farthest first; each is the still without what stands nearer."""
    layers = []
    for number in range(len(outlines) + 1):
        nearer = np.maximum.reduce([np.zeros_like(planes.luma), *outlines[number:]])
        hole = depth.grown(nearer) if nearer.any() else nearer
        outline = outlines[number - 1] if number else None
        if outline is not None and not outline.any():
            continue
        pictures = tuple(_without(plane, hole) for plane in planes)
        shapes = () if outline is None else _shapes(depth.filled(outline, hole) if hole.any() else outline)
        nearness = FARTHEST + (1 - FARTHEST) * number / len(outlines) if outlines else 1.0
        box, ground = _extent(shapes[0]) if shapes else ((0.0, 0.0, 1.0, 1.0), 1.0)
        layers.append(_Layer(nearness, _readers(pictures, width, height), shapes, box, ground))
    return layers


def _without(plane: Samples, hole: NDArray[np.uint8]) -> Samples:
    return depth.filled(plane, hole if hole.shape == plane.shape else hole[::2, ::2]) if hole.any() else plane


def _shapes(outline: NDArray[np.uint8]) -> tuple[NDArray[np.int16], ...]:
    """Return the outline for luma and for the two colour planes, scaled to _OPAQUE."""
    full = ((outline.astype(np.uint16) * _OPAQUE + 127) // 255).astype(np.int16)
    height, width = full.shape
    half = full.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)).astype(np.int16)
    return full, half, half


def _readers(planes: Sequence[Samples], width: int, height: int) -> tuple[Reader, ...]:
    sizes = ((width, height), (width // 2, height // 2), (width // 2, height // 2))
    return tuple(Reader(plane, *size, is_colour=index > 0) for index, (plane, size) in enumerate(zip(planes, sizes, strict=False)))


def _extent(outline: NDArray[np.uint8] | NDArray[np.int16]) -> tuple[tuple[float, float, float, float], float]:
    """Return where a layer is, as shares of the still, and from which height it covers everything below."""
    height, width = outline.shape
    rows, columns = np.flatnonzero(outline.any(axis=1)), np.flatnonzero(outline.any(axis=0))
    box = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    gaps = np.flatnonzero(outline.min(axis=1) < _OPAQUE)
    ground = (gaps[-1] + 1) / height if gaps.size else 0.0
    return box, float(ground)


def _place(share: float, middle: float, size: float) -> float:
    """Return where in a frame a height or a side of the still is seen; the edges of the still reach beyond every frame."""
    if share in (0.0, 1.0):
        return share
    return (share - (middle - size / 2)) / size


def _span(start: float, end: float, count: int) -> slice:
    first = int(np.clip(start - 3, 0, count)) // 2 * 2
    return slice(first, max(first, min(count, _even(end + 4))))


def _even(value: float) -> int:
    return max(0, int(value)) // 2 * 2


def _halved(window: Window) -> Window:
    return slice(window[0].start // 2, window[0].stop // 2), slice(window[1].start // 2, window[1].stop // 2)


def _blend(picture: NDArray[np.uint16], outline: NDArray[np.int16], target: Samples) -> None:
    """Lay a picture over a target where its outline is."""
    below = target.astype(np.int16)
    change = picture.view(np.int16)
    change -= below
    change *= outline
    change += 64
    change >>= 7
    change += below
    target[:] = change
