"""Spoken words for tests: any text with times as a voice has them."""

from __future__ import annotations

from tenxsom.media.captions.phrases import TimedWord
from tenxsom.text import columns, spoken_words

SECONDS_PER_COLUMN = 0.065


def spoken(text: str, start: float = 0.0) -> list[TimedWord]:
    """The words of a text, one after another, with the pauses that a voice makes behind marks."""
    words = []
    for word in spoken_words(text):
        end = start + max(0.12, columns(word) * SECONDS_PER_COLUMN)
        words.append(TimedWord(word, start, end))
        start = end + (0.4 if word[-1] in ".?!。।؟" else 0.2 if word[-1] in ",;:、，،" else 0.03)
    return words
