"""Estimates how many syllables a text has, in any script: the measure of how long it takes to say."""

from __future__ import annotations

import re
import unicodedata

_VOWELS = re.compile("[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿāăąēėęěīįōőūůűųαάεέηήιίϊουύωώаеёиоуыэюяіїєў]+", re.IGNORECASE)
_WHOLE_SYLLABLE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7af]")
"""Chinese characters and Korean blocks."""
_KANA = re.compile("[\u3041-\u30ff]")
_EUROPEAN = ("LATIN", "GREEK", "CYRILLIC")
_OF_A_DIGIT = 1.5
_OF_A_KANA = 0.7
_LETTERS_OF_A_SYLLABLE = 2.2
"""Letters in a syllable, in scripts that write vowels as marks, or not at all (Arabic, Hebrew, Devanagari, Thai)."""
_SIGNS = re.compile(r"[%$€£¥&+=@#°₹]")


def syllables(text: str) -> float:
    """Return about how many syllables a text has; 0 for a text without letters and digits."""
    text = unicodedata.normalize("NFC", text)
    words = re.findall(r"[\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+", text)
    return sum(_of_word(word) for word in words) + len(_SIGNS.findall(text))


def _of_word(word: str) -> float:
    digits, whole, kana = re.findall(r"\d", word), _WHOLE_SYLLABLE.findall(word), _KANA.findall(word)
    rest = _KANA.sub("", _WHOLE_SYLLABLE.sub("", re.sub(r"[\d_]", "", word)))
    return _OF_A_DIGIT * len(digits) + len(whole) + _OF_A_KANA * len(kana) + (_of_letters(rest) if rest else 0.0)


def _of_letters(letters: str) -> float:
    if not unicodedata.name(letters[0], "").startswith(_EUROPEAN):
        return max(1.0, len(letters) / _LETTERS_OF_A_SYLLABLE)
    if len(letters) <= 5 and letters.isupper():
        return float(len(letters))  # an abbreviation, which is spelt
    vowels = len(_VOWELS.findall(letters))
    silent_e = 1 if vowels > 1 and re.search("[^aeiouyl]e$", letters) else 0
    return float(max(1, vowels - silent_e))
