"""Paints a picture for a prompt: the local studio's stand-in for an image model.

The words of the prompt and the archetype choose the scene and its colours, the seed decides the rest. The same arguments
always give the same picture. Imports numpy and Pillow, so import this module where it is used.
"""

from __future__ import annotations

import hashlib
import importlib
import re

import numpy as np
from PIL import Image

from tenxsom_studio.painting import depth
from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.lexicon import EVEN, FRAMINGS, LOOKS, MOODS, PALETTES_OF, TOPICS, Topic
from tenxsom_studio.painting.other_languages import WORDS as OTHER_WORDS
from tenxsom_studio.painting.palettes import PALETTES, WORDS

MAX_SIDE = 4096
_MIN_SIDE = 64
_LAST_LATIN = "\u024f"
_WORD = re.compile(r"[a-z\u00df-\u024f]+(?:-[a-z\u00df-\u024f]+)*|[\u0370-\U0002ffff]+")
"""A word in Latin letters, or letters and marks of another script without blanks and common punctuation between them."""
_SHOT = re.compile(rf": (?:{'|'.join(FRAMINGS)}), .*", re.IGNORECASE)
"""What the planner writes after the subject: framing and camera move."""


def paint(prompt: str, width: int, height: int, seed: int, archetype: str = "", *, number: int | None = None) -> Image.Image:
    """Paint a picture of `width` x `height` pixels (RGB), deterministic in its arguments; its layers are attached.

    `archetype` is an archetype's key such as `tech_news`; an unknown one counts as more words of the prompt.
    `number` is the picture's place in its film (see `choose_scene`).
    Raises ValueError for sides under 64 or over 4096 pixels.
    """
    if min(width, height) < _MIN_SIDE or max(width, height) > MAX_SIDE:
        raise ValueError(f"A picture has sides of {_MIN_SIDE} to {MAX_SIDE} pixels, not {width}x{height}.")
    rng = _dice(prompt, seed, archetype)
    scene = choose_scene(prompt, archetype, rng, number)
    palette = PALETTES[_choose_palette(prompt, scene, rng)]
    canvas = Canvas(width, height, rng)
    importlib.import_module(f"tenxsom_studio.painting.scenes.{scene}").paint(canvas, palette)
    picture = canvas.picture()
    depth.note(picture, canvas.layers)
    return picture


def choose_scene(prompt: str, archetype: str, rng: np.random.Generator, number: int | None = None) -> str:
    """Return the scene of the topic that the prompt speaks of; without one, a scene of the archetype, or any.

    `number` is the picture's place in its film: pictures with an even and an odd number never have the same scene. None takes
    the framing that the planner wrote, if there is one, and else the topic's best scene.
    """
    prompt = prompt if archetype in MOODS else f"{prompt}. {archetype.replace('_', ' ')}"
    number = _framing(prompt) if number is None else number
    topic = _topic(prompt, rng)
    fitting = [name for name in PALETTES_OF if number is None or (name in EVEN) == (number % 2 == 0)]
    if topic is not None:
        return next(name for name in topic.scenes if name in fitting)
    favourites = MOODS.get(archetype, ())
    liking = {name: (1.5 - 0.35 * favourites.index(name) if name in favourites else 0.0) + rng.uniform(0, 0.8) for name in fitting}
    return max(liking, key=lambda name: liking[name])


def _topic(prompt: str, rng: np.random.Generator) -> Topic | None:
    """Return the topic with the most words, those of the subject counting most, and a little chance; None where no word has one."""
    weights = _weights(prompt)
    scores: dict[str, float] = {}
    for name, topic in TOPICS.items():
        stems = [*topic.words.split(), *OTHER_WORDS.get(name, "").split()]
        found = [weight for word, weight in weights.items() if any(_is_of(word, stem) for stem in stems)]
        if found:
            scores[name] = sum(found) + float(rng.uniform(0, 0.2))
    return TOPICS[max(scores, key=lambda name: scores[name])] if scores else None


def _is_of(word: str, stem: str) -> bool:
    """Return whether a word is a stem, its plural, or a longer word that begins with a stem of five letters or more.

    A stem of another script than the Latin one may be anywhere in a word: a clause without blanks is one word here.
    """
    if stem[0] > _LAST_LATIN:
        return stem in word
    return word in (stem, f"{stem}s") or (len(stem) > 4 and word.startswith(stem))


def _weights(prompt: str) -> dict[str, float]:
    """Return how much each word says about what is to be seen.

    The first sentence names the subject. What the whole film is about counts less, how the picture looks not at all.
    """
    weights: dict[str, float] = {}
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+", prompt.strip())]
    for index, sentence in enumerate(part for part in sentences if not part.lower().startswith(LOOKS)):
        for word in _words(_SHOT.sub("", sentence)):
            weights.setdefault(word, 2.0 if index == 0 else 1.25)
    return weights


def _framing(prompt: str) -> int | None:
    places = [number for number, framing in enumerate(FRAMINGS) if f": {framing}" in prompt.lower()]
    return places[0] if places else None


def _choose_palette(prompt: str, scene: str, rng: np.random.Generator) -> str:
    """Return a palette that the prompt names, else one of the scene's own, the first ones more often."""
    fitting = PALETTES_OF[scene]
    words = _words(prompt)
    named = {name: _hits(words, stems) + (0.5 if name in fitting else 0.0) for name, stems in WORDS.items() if _hits(words, stems)}
    draw = int(len(fitting) * rng.random() ** 1.4)
    if named and scene != "old_map":
        return max(named, key=lambda name: named[name])
    return fitting[draw]


def _hits(words: list[str], stems: str) -> int:
    """Count the words that start with one of the stems; stems of up to three letters must match as a whole."""
    return sum(any(word == stem or (len(stem) > 3 and word.startswith(stem)) for stem in stems.split()) for word in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _dice(prompt: str, seed: int, archetype: str) -> np.random.Generator:
    """Return the random generator of a picture, from a hash, so that neighbouring seeds give unrelated pictures."""
    digest = hashlib.sha256(f"{seed}\0{archetype}\0{prompt}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
