"""Replaces words by how they are said, in what the voice is given; captions show them as they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tenxsom.text import one_line

_WRITES_NO_BLANKS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def as_said(text: str, pronunciations: Mapping[str, str]) -> str:
    """Return the text for the voice. Whole words are replaced, longer ones first, in capital letters or not."""
    said = one_line(text)
    words = sorted(filter(str.strip, pronunciations), key=len, reverse=True)
    if not words:
        return said
    by_word = {word.strip().casefold(): pronunciations[word].strip() for word in words}
    pattern = re.compile("|".join(_pattern(word.strip()) for word in words), re.IGNORECASE)
    return pattern.sub(lambda found: by_word.get(found[0].casefold(), found[0]), said)


def _pattern(word: str) -> str:
    if _WRITES_NO_BLANKS.search(word):
        return re.escape(word)
    return rf"(?<!\w){re.escape(word)}(?!\w)"
