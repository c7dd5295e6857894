"""Layers of a painted still: they survive the file, and move at different speeds."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tenxsom.media.check import open_picture
from tenxsom_studio.painting import depth
from tenxsom_studio.painting.camera import MOVES
from tenxsom_studio.painting.lexicon import EVEN, TOPICS
from tenxsom_studio.painting.paint import paint
from tenxsom_studio.painting.scenery import Scenery

pytestmark = pytest.mark.slow  # how previews look: nothing is paid or lost by it

SIZE = (180, 320)
NEW = ("kitchen", "table", "market", "street", "body", "sports", "machine", "storm", "leaves", "animals", "underwater", "planet")
ALSO_DEEP = ("nebula", "papercut")


def still(far: int, near: int) -> Image.Image:
    """A dark still with a far bright bar, a near bright bar at other heights, and a layer around the near one."""
    light = np.full((400, 226, 3), 60, np.uint8)
    light[80:120, far - 6 : far + 6] = 230
    light[280:320, near - 6 : near + 6] = 230
    outline = np.zeros((200, 113), np.uint8)
    outline[130:170] = 255
    picture = Image.fromarray(light)
    depth.note(picture, [outline])
    return picture


def shot(scenery: Scenery, move: str, progress: float, travel: float = 0.17) -> NDArray[np.int16]:
    planes = [np.zeros((SIZE[1], SIZE[0]), np.uint8)] + [np.zeros((SIZE[1] // 2, SIZE[0] // 2), np.uint8) for _ in range(2)]
    scenery.shoot(move, travel, progress, lean=(0.0, 0.0), planes=planes)
    return planes[0].astype(np.int16)


def place(luma: NDArray[np.int16], rows: slice) -> float:
    """Where the bright bar stands in some rows."""
    bright = np.maximum(luma[rows] - 120, 0).sum(axis=0)
    return float((bright * np.arange(bright.size)).sum() / bright.sum())


@pytest.mark.parametrize("move", ["pan_left", "pan_right"])
def test_a_near_layer_moves_faster_than_a_far_one(move: str) -> None:
    scenery = Scenery(still(113, 113), *SIZE)
    first, last = shot(scenery, move, 0.0), shot(scenery, move, 1.0)
    far, near = (place(last, rows) - place(first, rows) for rows in (slice(66, 92), slice(230, 250)))
    assert abs(far) > 2
    assert 1.6 < near / far < 3


def test_what_a_layer_hid_is_filled_with_its_surroundings() -> None:
    scenery = Scenery(still(113, 113), *SIZE)
    plane = scenery._layers[0].pictures[0]._plane
    assert int(plane.max()) > 180
    assert int(plane[int(0.66 * plane.shape[0]) : int(0.84 * plane.shape[0])].max()) < 90


@pytest.mark.parametrize("scene", [*NEW, *ALSO_DEEP])
def test_a_scene_with_depth_moves_in_layers_from_its_first_frame_to_its_last(scene: str) -> None:
    words = next(topic.words for topic in TOPICS.values() if scene in topic.scenes)
    picture = paint(" ".join(words.split()[:3]), 226, 400, 3, number=0 if scene in EVEN else 1)
    layered, flat = Scenery(picture, *SIZE), Scenery(Image.fromarray(np.asarray(picture)), *SIZE)
    assert layered.is_deep
    assert not flat.is_deep
    frames = [shot(layered, "pan_right", progress) for progress in (0.0, 1.0)]
    assert float(np.abs(frames[1] - frames[0]).mean()) > 2
    shares = [float(layer.outlines[0].mean()) / 128 for layer in layered._layers if layer.outlines]
    assert all(0.002 < share < 0.9 for share in shares)


@pytest.mark.parametrize("move", MOVES)
def test_a_layered_still_begins_or_rests_as_it_was_painted(move: str) -> None:
    picture = paint("kitchen knife", 226, 400, 3, number=0)
    layered, flat = Scenery(picture, *SIZE), Scenery(Image.fromarray(np.asarray(picture)), *SIZE)
    rest = {"push_in": 0.0, "pull_out": 1.0}.get(move)
    if rest is not None:
        assert float(np.abs(shot(layered, move, rest) - shot(flat, move, rest)).mean()) < 1.0
    for progress in (0.0, 0.5, 1.0):
        assert shot(layered, move, progress).min() >= 16


def test_layers_survive_the_file_and_a_copy_of_it(tmp_path: Path) -> None:
    picture = paint("kitchen knife", 226, 400, 3, number=0)
    depth.save(picture, tmp_path / "still.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "still.png").read_bytes())
    read = depth.layers_of(open_picture(tmp_path / "copy.png"), 226, 400)
    assert len(read) == 2
    assert all(np.array_equal(a, b) for a, b in zip(read, depth.layers_of(picture, 226, 400), strict=True))


def a_png(size: tuple[int, int]) -> str:
    file = io.BytesIO()
    Image.new("L", size).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("text", ["", "no base64!", "bm8gcG5n", a_png((40, 40))[:-30], a_png((4000, 4000))])
def test_layers_that_cannot_be_read_are_none(text: str) -> None:
    picture = Image.new("RGB", (226, 400), "grey")
    picture.info[depth.CHUNK] = text
    assert not Scenery(picture, *SIZE).is_deep
