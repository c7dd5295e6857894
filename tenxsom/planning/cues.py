"""Writes visual cues for a user's own words: each shows what its sentence speaks of, and no two neighbours are alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tenxsom.planning.archetypes import Archetype
from tenxsom.planning.english import (
    AUXILIARIES,
    DETERMINERS,
    NO_KEYWORDS,
    PRONOUNS,
    SMALL_WORDS,
    UNSPACED,
    bare,
    bare_words,
    capitalised,
)
from tenxsom.planning.languages import common_words, is_same
from tenxsom.planning.prompts import Wishes
from tenxsom.text import shortened

MAX_CUE_CHARACTERS = 600
MAX_SUBJECT_WORDS = 6
_MAX_SHOWN = 220

SHOTS = (
    ("Wide establishing shot", "slow push-in"),
    ("Close-up", "locked-off camera, the background out of focus"),
    ("Medium shot", "slow tracking move"),
    ("Macro detail", "slow lateral slide"),
    ("Low-angle shot", "slow tilt up"),
    ("Overhead shot", "slow rotation"),
    ("Over-the-shoulder shot", "gentle handheld sway"),
    ("Long-lens shot", "slow pan"),
    ("Silhouette against the light", "locked-off camera"),
    ("Eye-level shot", "gentle pull-back"),
)
"""The framing and the camera move of a shot; neighbours in a film have different ones."""


class CueWriter:
    """Writes the cues of one film, in order."""

    def __init__(self, archetype: Archetype, wishes: Wishes, *, topic: str, language: str, style: str, first_shot: int) -> None:
        """`topic` is what the film is about; `first_shot` chooses the shot of its first cue."""
        self._archetype, self._wishes = archetype, wishes
        self._topic, self._language, self._style = topic, language, style
        self._turn = first_shot

    def cue(self, text: str, visual: str = "") -> str:
        """Return the next cue: the user's own picture, or one of what `text` speaks of, with the look of the whole film."""
        if visual:
            return self._with_look(f"{capitalised(visual.rstrip(' .;,'))}.", "")
        framing, move = SHOTS[self._turn % len(SHOTS)]
        self._turn += 1
        subject = subject_of(text, self._language) or self._topic
        scene = f"{subject[:1].upper()}{subject[1:]}: {framing.lower()}, {move}."
        shown = bare(text)
        return self._with_look(scene, f"Illustrating: {shortened(shown, _MAX_SHOWN)}." if shown.lower() != subject.lower() else "")

    def _with_look(self, scene: str, echo: str) -> str:
        look = self._archetype.visual
        optional = [
            echo,
            f"About {self._topic}." if self._topic.lower() not in scene.lower() else "",
            f"Palette of {look.palette}; {look.light}; {look.lens}.",
            f"Style: {self._style}." if self._style else "",
            *(f"{capitalised(wish)}." for wish in self._wishes.look[:2]),
        ]
        cue = shortened(scene, MAX_CUE_CHARACTERS)
        for part in optional:
            if part and len(cue) + 1 + len(part) <= MAX_CUE_CHARACTERS:
                cue += f" {part}"
        return cue


def subject_of(text: str, language: str) -> str:
    """Return the words of a sentence that can be seen, in their order; empty where there are none."""
    words = bare_words(text)
    if not text.isascii() and re.search(UNSPACED, text):  # no blanks between words
        return shortened(bare(text), _MAX_SHOWN)
    useless = common_words(language) | (_USELESS_ENGLISH if is_same(language, "en") else frozenset())
    seen = [word for word in words if word.lower() not in useless and len(word) > 1 and not word.isdigit()]
    return " ".join(dict.fromkeys(seen[:MAX_SUBJECT_WORDS]))


_USELESS_ENGLISH = NO_KEYWORDS | SMALL_WORDS | PRONOUNS | DETERMINERS | AUXILIARIES


def tags_of(texts: Sequence[str], language: str, most: int) -> list[str]:
    """Return search terms from a user's own words, in lower case: those that come most often first."""
    counts: dict[str, int] = {}
    useless = common_words(language) | (_USELESS_ENGLISH if is_same(language, "en") else frozenset())
    for word in (word.lower() for text in texts for word in bare_words(text)):
        least = 3 if is_same(language, "en") or not word.isascii() else 4
        if least <= len(word) <= 30 and word not in useless and not re.fullmatch(r"[\d.,:%]+", word):
            counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: -counts[word])[:most]
