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

from tenxsom_studio.painting.canvas import Canvas
from tenxsom_studio.painting.lexicon import MOODS, PALETTES_OF, SCENES
from tenxsom_studio.painting.palettes import PALETTES, WORDS

MAX_SIDE = 4096
_MIN_SIDE = 64


def paint(prompt: str, width: int, height: int, seed: int, archetype: str = "") -> Image.Image:
    """Paint a picture of `width` x `height` pixels (RGB), deterministic in its arguments.

    `archetype` is an archetype's key such as `tech_news`; an unknown one counts as more words of the prompt.
    Raises ValueError for sides under 64 or over 4096 pixels.
    """
    if min(width, height) < _MIN_SIDE or max(width, height) > MAX_SIDE:
        raise ValueError(f"A picture has sides of {_MIN_SIDE} to {MAX_SIDE} pixels, not {width}x{height}.")
    rng = _dice(prompt, seed, archetype)
    scene = choose_scene(prompt, archetype, rng)
    palette = PALETTES[_choose_palette(prompt, scene, rng)]
    canvas = Canvas(width, height, rng)
    importlib.import_module(f"tenxsom_studio.painting.scenes.{scene}").paint(canvas, palette)
    return canvas.picture()


def choose_scene(prompt: str, archetype: str, rng: np.random.Generator) -> str:
    """Return the best scene: two points per word, up to one and a half for the archetype, and a little chance."""
    words = _words(prompt) if archetype in MOODS else _words(f"{prompt} {archetype.replace('_', ' ')}")
    favourites = MOODS.get(archetype, ())
    scores = {}
    for name, stems in SCENES.items():
        liking = 1.5 - 0.35 * favourites.index(name) if name in favourites else 0.0
        scores[name] = 2.0 * _hits(words, stems) + liking + float(rng.uniform(0, 0.8))
    return max(scores, key=lambda name: scores[name])


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
    return re.findall(r"[a-z]+(?:-[a-z]+)*", text.lower())


def _dice(prompt: str, seed: int, archetype: str) -> np.random.Generator:
    """Return the random generator of a picture, from a hash, so that neighbouring seeds give unrelated pictures."""
    digest = hashlib.sha256(f"{seed}\0{archetype}\0{prompt}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
