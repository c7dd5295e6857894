"""The painter: what chooses a picture, and that every kind of scene can be painted at every shape."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tenxsom.model.definition import JobDefinition
from tenxsom.planning.archetypes import parse_archetype
from tenxsom.planning.cues import SHOTS
from tenxsom.planning.local import plan_locally
from tenxsom_studio.painting.lexicon import EVEN, FRAMINGS, MOODS, PALETTES_OF, TOPICS
from tenxsom_studio.painting.other_languages import WORDS as OTHER_WORDS
from tenxsom_studio.painting.paint import choose_scene, paint
from tenxsom_studio.painting.palettes import PALETTES, WORDS

pytestmark = pytest.mark.slow  # how previews look: nothing is paid or lost by it

TEMPLATES = Path(__file__).parents[2] / "templates"


def pixels(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture, np.float64)


def chosen(prompt: str, archetype: str = "", seed: int = 0, number: int | None = None) -> str:
    return choose_scene(prompt, archetype, np.random.default_rng(seed), number)


def picture_of(scene: str, size: tuple[int, int], seed: int = 2) -> Image.Image:
    """A picture with the scene, ordered by the words of its topic."""
    words = next((topic.words for topic in TOPICS.values() if scene in topic.scenes), "")
    number = 0 if scene in EVEN else 1
    prompt = " ".join(words.split()[:3])
    assert chosen(prompt, number=number) == scene
    return paint(prompt, *size, seed, number=number)


def test_the_same_arguments_give_the_same_picture() -> None:
    first, second = (paint("a quiet harbour", 160, 90, 7, "explainer") for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("other", [("a loud harbour", 7, ""), ("a quiet harbour", 8, ""), ("a quiet harbour", 7, "tech_news")])
def test_another_prompt_seed_or_mood_gives_another_picture(other: tuple[str, int, str]) -> None:
    prompt, seed, archetype = other
    assert paint("a quiet harbour", 160, 90, 7).tobytes() != paint(prompt, 160, 90, seed, archetype).tobytes()


def test_a_picture_has_the_size_that_was_asked_for() -> None:
    assert [paint("x", *size, 1).size for size in ((161, 97), (90, 160), (128, 128))] == [(161, 97), (90, 160), (128, 128)]


@pytest.mark.parametrize("scene", PALETTES_OF)
def test_every_scene_is_neither_black_nor_white_nor_flat(scene: str) -> None:
    for size in ((128, 72), (72, 128), (96, 96)):
        picture = pixels(picture_of(scene, size))
        assert 12 < picture.mean() < 240
        assert picture.std() > 12


@pytest.mark.parametrize("scene", PALETTES_OF)
def test_the_smallest_pictures_can_be_painted(scene: str) -> None:
    assert picture_of(scene, (64, 64), 3).size == (64, 64)


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


SUBJECTS = [
    ("Chopping onions and garlic for the sauce", {"kitchen", "table"}),
    ("Cut on wood, never on glass. About keeping a kitchen knife sharp.", {"kitchen", "table"}),
    ("Fresh bread from the oven", {"kitchen", "table"}),
    ("Put ten euros into savings every week", {"market", "signals"}),
    ("What a mortgage really costs", {"market", "signals"}),
    ("Taxis on the avenue in the rush of the city", {"skyline", "street"}),
    ("A whale and its calf off the reef", {"ocean", "underwater"}),
    ("How the heart moves blood through the lungs", {"body", "sports"}),
    ("Sleep is when the brain cleans itself", {"body", "sports"}),
    ("The gears inside an old engine", {"machine", "circuit"}),
    ("Robots in the factory", {"machine", "circuit"}),
    ("New chips for laptops and phones", {"machine", "circuit"}),
    ("A queen and her empire in the last century", {"old_map", "columns"}),
    ("Runners at the start of the marathon", {"sports", "body"}),
    ("The goal that decided the football match", {"sports", "body"}),
    ("Thunder, lightning and hail by the evening", {"storm", "clouds"}),
    ("Why it rains more in a warmer climate", {"storm", "clouds"}),
    ("Roots and leaves of a tomato seedling in the garden soil", {"forest", "leaves"}),
    ("A herd of elephants crosses the savanna", {"animals", "leaves"}),
    ("Why cats purr and dogs bark", {"animals", "leaves"}),
    ("Saturn, its moons and a comet", {"nebula", "planet"}),
]


@pytest.mark.parametrize(("prompt", "scenes"), SUBJECTS)
def test_the_subject_chooses_the_scene_at_every_place_of_a_film(prompt: str, scenes: set[str]) -> None:
    shown = {chosen(prompt, mood, seed, number) for mood in ("", *MOODS) for seed in range(2) for number in range(2)}
    assert shown <= scenes
    assert len({chosen(prompt, number=number) for number in range(2)}) == 2


def test_the_look_of_a_film_does_not_choose_what_is_shown() -> None:
    look = "Palette of ocean blue and stone; forest light; planet lens. Style: street, stadium, storm, kitchen."
    assert chosen(f"A violin. {look}", "quick_tips") in MOODS["quick_tips"]
    assert chosen(f"The gears of a clock. {look}", "quick_tips") == "machine"


def test_what_a_sentence_shows_counts_more_than_what_the_film_is_about() -> None:
    assert chosen("Waves at the beach: close-up, slow pan. About mountains.") == "underwater"
    assert chosen("The second one: close-up, slow pan. About mountains.") == "clouds"


@pytest.mark.case
@pytest.mark.parametrize(
    ("prompt", "scene"),
    [
        ("Der Hund jagt eine Katze durch das Haus.", "animals"),
        ("Le pain a besoin de farine et de sucre.", "kitchen"),
        ("Las olas llegan a la playa.", "ocean"),
        ("La foresta è piena di alberi.", "forest"),
        ("Почему море солёное?", "ocean"),
        ("بدأت القهوة في جبال بعيدة", "mountains"),
        ("चाँद और तारे अंतरिक्ष में हैं", "nebula"),
        ("海の水は、月に引かれて少しだけふくらみます。", "ocean"),
        ("고양이는 왜 잘까?", "animals"),
        ("面包 和 咖啡", "kitchen"),
    ],
)
def test_a_film_in_another_language_shows_what_it_speaks_of(prompt: str, scene: str) -> None:
    assert chosen(prompt, number=0) == scene


def test_words_of_other_languages_mean_nothing_else_in_english() -> None:
    english = {word: name for name, topic in TOPICS.items() for word in topic.words.split()}
    for name, words in OTHER_WORDS.items():
        assert all(english.get(word, name) == name for word in words.split())


def test_every_topic_has_scenes_for_neighbours_and_every_mood_too() -> None:
    for scenes in [*(topic.scenes for topic in TOPICS.values()), *MOODS.values()]:
        assert {scene in EVEN for scene in scenes} == {True, False}


def test_pictures_with_neighbouring_numbers_never_share_a_scene() -> None:
    topics = [" ".join(topic.words.split()[:2]) for topic in TOPICS.values()]
    prompts = ["", "a cat", "rain over the city", *topics]
    for mood in ("", *MOODS):
        even, odd = ({chosen(prompt, mood, seed, number) for prompt in prompts for seed in range(3)} for number in (0, 1))
        assert not even & odd


def test_the_framings_of_the_planner_number_pictures_that_have_no_number() -> None:
    assert tuple(framing.lower() for framing, _ in SHOTS) == FRAMINGS
    shown = [chosen(f"Bread and butter: {framing.lower()}, {move}.") for framing, move in [*SHOTS, *SHOTS]]
    assert all(before != after for before, after in pairwise(shown))


@pytest.mark.parametrize(
    "prompt",
    [
        "Cut on wood. Wash the knife by hand. Store it dry. Hone it before you cook. Hold the stone low.",
        "Ships wait. The harbour sleeps. Gulls cry. A lamp burns. Nobody comes. The tide turns.",
        "Пароходы ждут. Гавань спит. Кричат чайки. Горит лампа.",
    ],
)
@pytest.mark.parametrize("archetype", MOODS)
def test_neighbours_of_a_planned_film_never_share_a_scene(prompt: str, archetype: str) -> None:
    words = {"content_id": "film", "title": "One evening", "archetype": archetype, "target_duration": 30}
    words |= {"prompt": prompt, "tier": "volume", "platform": "youtube_shorts"}
    template = TEMPLATES / "archetypes" / f"{archetype}.json"
    segments = plan_locally(
        JobDefinition.model_validate(words), parse_archetype(template.read_bytes(), template.name)
    ).video_plan.script_segments
    shown = [chosen(segment.visual_cue, archetype, number=number) for number, segment in enumerate(segments)]
    assert len(shown) > 1
    assert all(before != after for before, after in pairwise(shown))


def test_short_words_count_only_as_a_whole() -> None:
    scenes = {chosen("said aid waiting", "daily_inspiration", seed) for seed in range(8)}
    assert "circuit" not in scenes


def test_an_unknown_mood_counts_as_words_of_the_prompt() -> None:
    assert chosen("", "ocean_waves") == "ocean"


def test_the_lexicon_names_only_scenes_and_palettes_that_exist() -> None:
    assert set(PALETTES_OF) == {scene for topic in TOPICS.values() for scene in topic.scenes}
    assert {name for names in PALETTES_OF.values() for name in names} <= set(PALETTES)
    assert {name for names in MOODS.values() for name in names} <= set(PALETTES_OF)
    assert set(WORDS) == set(PALETTES)


def test_a_gradient_has_no_bands() -> None:
    """Grain must break every flat step of eight bits: hardly any row of the sky is one colour."""
    sky = pixels(paint("ocean ocean wave", 400, 225, 2))[:60]
    assert np.median(sky.std(axis=1)) > 0.8
