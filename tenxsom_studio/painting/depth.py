"""The layers of a painted still: which of its parts stand nearer to the camera. They travel within the PNG.

A start frame is made by one order and moved by another, between them it is downloaded and uploaded; a text chunk of the PNG
survives that. Pictures of other origin have no layers, and the camera moves over them as over one plane.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from PIL.PngImagePlugin import PngInfo

from tenxsom_studio.painting import noise
from tenxsom_studio.painting.canvas import blur
from tenxsom_studio.painting.noise import Plane

CHUNK = "tenxsom-layers"
MOST_LAYERS = 4
_MOST_PIXELS = 10_000_000
_BLOCK = 8
"""What is hidden behind a layer is guessed in blocks of so many pixels: only a strip along its edge is ever seen."""


def note(picture: Image.Image, layers: Sequence[NDArray[np.uint8]]) -> None:
    """Attach the outlines of layers, the farthest first, to a picture."""
    if layers:
        picture.info[CHUNK] = " ".join(_encoded(layer) for layer in layers)


def save(picture: Image.Image, target: Path) -> None:
    """Save a still as PNG with its layers."""
    chunks = PngInfo()
    if CHUNK in picture.info:
        chunks.add_text(CHUNK, picture.info[CHUNK])
    picture.save(target, format="PNG", compress_level=1, pnginfo=chunks)


def layers_of(picture: Image.Image, width: int, height: int) -> list[NDArray[np.uint8]]:
    """Return the outlines in a picture, 0 to 255, cropped to a shape and scaled; empty where there are none that can be read."""
    found = []
    for code in str(picture.info.get(CHUNK, "")).split()[:MOST_LAYERS]:
        try:
            with Image.open(io.BytesIO(base64.b64decode(code, validate=True)), formats=["PNG"]) as outline:
                if outline.width * outline.height > _MOST_PIXELS:
                    return []
                whole = outline.convert("L")
        except (ValueError, OSError, SyntaxError):  # Pillow raises SyntaxError for a broken PNG
            return []
        found.append(np.asarray(ImageOps.fit(whole, (width, height), Image.Resampling.BILINEAR)))
    return found


def grown(outline: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an outline that is a little wider, so that no rim of the layer stays behind when it moves away."""
    return np.asarray(Image.fromarray(outline).filter(ImageFilter.BoxBlur(2)).point(lambda value: min(255, value * 4)))


def filled(plane: NDArray[np.uint8], hole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a plane whose `hole` (255 inside) is painted over with what surrounds it."""
    height, width = plane.shape
    weight = 1 - hole.astype(np.float32) / 255
    around = _blocks(plane * weight), _blocks(weight)
    guess = np.full_like(around[1], float(plane.mean()))
    # ground stays ground and sky stays sky where a gap is filled from its left and right
    for radius, axes in ((24, (0, 1)), (24, (1,)), (8, (1,)), (3, (1,)), (1, (1,))):
        light, share = (blur(field, radius, axes) for field in around)
        trust = np.clip((share - 0.03) * 20, 0, 1)
        guess += trust * (light / np.maximum(share, 1e-4) - guess)
    smooth = noise.enlarge(guess, height, width)
    return np.asarray(np.clip(plane + (1 - weight) * (smooth - plane) + 0.5, 0, 255), np.uint8)


def _blocks(field: Plane) -> Plane:
    """Return the means of blocks; what is left over at the edges counts to no block."""
    rows, columns = field.shape[0] // _BLOCK, field.shape[1] // _BLOCK
    cut = field[: rows * _BLOCK, : columns * _BLOCK]
    return np.asarray(cut.reshape(rows, _BLOCK, columns, _BLOCK).mean(axis=(1, 3)), np.float32)


def _encoded(layer: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(layer).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()
