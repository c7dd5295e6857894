"""Estimates how long a text takes to be spoken, in any script. The voice measures it later; a plan needs a number before."""

from __future__ import annotations

import re
import unicodedata

USUAL_WORDS_PER_SECOND = 2.6
"""The pace at which the rates below hold: calm narration."""

MOST_HURRY = 1.25
"""A voice may speak so much faster than usual before listeners miss words."""

_RATES = (
    ("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]", 5.0),  # Han: one syllable each
    ("[\u3040-\u30ff]", 8.0),  # kana
    ("[\uac00-\ud7af]", 5.5),  # Hangul: one syllable each
    ("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]", 13.0),  # Thai, Lao, Burmese, Khmer: several signs a syllable
    ("[\u0900-\u0dff]", 12.0),  # the scripts of India: marks count as signs
    (r"\d", 3.5),  # a year is four digits and two or three words
)
_ALPHABET = 13.0
"""Letters per second of an alphabet: 2.6 English words of five letters."""


def spoken_seconds(text: str, words_per_second: float = USUAL_WORDS_PER_SECOND) -> float:
    """Return the seconds of speaking `text` at a pace of `words_per_second` English words."""
    seconds, rest = 0.0, unicodedata.normalize("NFC", text)
    for letters, rate in _RATES:
        rest, count = re.subn(letters, "", rest)
        seconds += count / rate
    seconds += sum(letter.isalpha() for letter in rest) / _ALPHABET
    return seconds * USUAL_WORDS_PER_SECOND / words_per_second


def least_seconds(text: str) -> float:
    """Return the seconds that the most hurried voice needs for `text`."""
    return spoken_seconds(text) / MOST_HURRY
