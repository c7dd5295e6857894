"""The painter: what chooses a picture, and that every kind of scene can be painted at every shape."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tenxsom_studio.painting.lexicon import MOODS, PALETTES_OF, SCENES
from tenxsom_studio.painting.paint import choose_scene, paint
from tenxsom_studio.painting.palettes import PALETTES, WORDS


def pixels(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture, np.float64)


def chosen(prompt: str, archetype: str = "", seed: int = 0) -> str:
    return choose_scene(prompt, archetype, np.random.default_rng(seed))


def test_the_same_arguments_give_the_same_picture() -> None:
    first, second = (paint("a quiet harbour", 160, 90, 7, "explainer") for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("other", [("a loud harbour", 7, ""), ("a quiet harbour", 8, ""), ("a quiet harbour", 7, "tech_news")])
def test_another_prompt_seed_or_mood_gives_another_picture(other: tuple[str, int, str]) -> None:
    prompt, seed, archetype = other
    assert paint("a quiet harbour", 160, 90, 7).tobytes() != paint(prompt, 160, 90, seed, archetype).tobytes()


def test_a_picture_has_the_size_that_was_asked_for() -> None:
    assert [paint("x", *size, 1).size for size in ((161, 97), (90, 160), (128, 128))] == [(161, 97), (90, 160), (128, 128)]


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_is_neither_black_nor_white_nor_flat(scene: str) -> None:
    prompt = " ".join([SCENES[scene].split()[0]] * 2)
    assert chosen(prompt) == scene
    for size in ((128, 72), (72, 128), (96, 96)):
        picture = pixels(paint(prompt, *size, 2))
        assert 12 < picture.mean() < 240
        assert picture.std() > 12


def test_the_smallest_pictures_can_be_painted() -> None:
    for scene, stems in SCENES.items():
        assert paint(f"{stems.split()[0]} {stems.split()[1]}", 64, 64, 3).size == (64, 64), scene


@pytest.mark.parametrize("size", [(10, 200), (200, 5000)])
def test_a_size_that_nobody_can_mean_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="64 to 4096"):
        paint("x", *size, 1)


def test_every_mood_has_its_own_scenes() -> None:
    favourites = {archetype: {chosen("", archetype, seed) for seed in range(12)} for archetype in MOODS}
    assert all(scenes <= set(MOODS[archetype]) for archetype, scenes in favourites.items())
    assert len({MOODS[archetype][0] for archetype in MOODS}) == len(MOODS)


def test_the_moods_look_different_from_each_other() -> None:
    looks = {archetype: np.mean([_look(archetype, seed) for seed in range(2)], axis=0) for archetype in MOODS}
    distances = [float(np.abs(looks[a] - looks[b]).max()) for a in looks for b in looks if a < b]
    assert np.median(distances) > 30
    assert min(distances) > 5


def _look(archetype: str, seed: int) -> NDArray[np.float64]:
    """Mean and spread of each colour, in three bands from top to bottom."""
    bands = np.array_split(pixels(paint("", 128, 72, seed, archetype)), 3)
    return np.concatenate([band.mean(axis=(0, 1)) for band in bands] + [band.std(axis=(0, 1)) for band in bands])


@pytest.mark.parametrize(
    ("prompt", "scene"),
    [
        ("Layered mountains and a hidden valley", "mountains"),
        ("The city and its tallest towers", "skyline"),
        ("Ocean waves under a low sun", "ocean"),
        ("A galaxy among the stars", "nebula"),
        ("Maps of explorers and their voyages", "old_map"),
        ("Slicing crystals and minerals", "agate"),
    ],
)
def test_words_of_the_prompt_choose_the_scene_whatever_the_mood(prompt: str, scene: str) -> None:
    assert {chosen(prompt, archetype, seed) for archetype in ("", "tech_news", "nobody_knows") for seed in range(5)} == {scene}


def test_short_words_count_only_as_a_whole() -> None:
    scenes = {chosen("said aid waiting", "daily_inspiration", seed) for seed in range(8)}
    assert "circuit" not in scenes


def test_an_unknown_mood_counts_as_words_of_the_prompt() -> None:
    assert chosen("", "ocean_waves") == "ocean"


def test_the_lexicon_names_only_scenes_and_palettes_that_exist() -> None:
    assert set(PALETTES_OF) == set(SCENES)
    assert {name for names in PALETTES_OF.values() for name in names} <= set(PALETTES)
    assert {name for names in MOODS.values() for name in names} <= set(SCENES)
    assert set(WORDS) == set(PALETTES)


def test_a_gradient_has_no_bands() -> None:
    """Grain must break every flat step of eight bits: hardly any row of the sky is one colour."""
    sky = pixels(paint("ocean ocean wave", 400, 225, 2))[:60]
    assert np.median(sky.std(axis=1)) > 0.8
