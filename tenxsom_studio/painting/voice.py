"""A stand-in for speech: a hum with the rhythm of a text, a syllable for every vowel, silent between words.

It says nothing that could be understood, but it is as long as speech, as loud, and has its pauses, so that films can be rehearsed.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
from numpy.typing import NDArray

from tenxsom.text import spoken_words

RATE = 24_000
SYLLABLES_A_SECOND = 4.6
_WORD_PAUSE, _CLAUSE_PAUSE, _SENTENCE_PAUSE = 0.03, 0.18, 0.34
_SILENCE = 0.06
_VOWELS = re.compile("[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿаеёиоуыэюяіїєαεηιουω]+", re.IGNORECASE)
_WHOLE_SYLLABLE = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af]")

Words = list[tuple[str, float, float]]
"""The words with the seconds at which they begin and end."""


def speak(text: str, speed: float = 1.0) -> tuple[NDArray[np.float32], Words]:
    """Return the sound of a text, mono at 24 kHz, the same each time, and its words."""
    rng = np.random.default_rng(zlib.crc32(text.encode("utf-8", "replace")))
    pitch = float(rng.uniform(100, 190))
    parts: list[NDArray[np.float32]] = [_rest(_SILENCE)]
    words: Words = []
    at = _SILENCE
    for word in spoken_words(text):
        sounds = [_syllable(pitch * float(rng.uniform(0.9, 1.12)), speed) for _ in range(_syllables(word))]
        seconds = sum(map(len, sounds)) / RATE
        words.append((word, at, at + seconds))
        pause = _pause_after(word) / speed
        parts += [*sounds, _rest(pause)]
        at += seconds + round(pause * RATE) / RATE
    return np.concatenate(parts), words


def _syllable(pitch: float, speed: float) -> NDArray[np.float32]:
    count = round(RATE / SYLLABLES_A_SECOND / speed)
    at = np.arange(count) / RATE
    buzz = sum(np.sin(2 * np.pi * pitch * overtone * at) / overtone**1.2 for overtone in range(1, 12))
    swell = np.sin(np.pi * np.arange(count) / count) ** 0.6
    return np.asarray(0.16 * buzz * swell, np.float32)


def _rest(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def _syllables(word: str) -> int:
    digits, whole = len(re.findall(r"\d", word)), len(_WHOLE_SYLLABLE.findall(word))
    rest = _WHOLE_SYLLABLE.sub("", re.sub(r"[\W\d_]", "", word))
    vowels = len(_VOWELS.findall(rest))
    return max(1, round(1.4 * digits + 0.9 * whole + (vowels or len(rest) / 2.2)))


def _pause_after(word: str) -> float:
    if re.search(r"[.!?…。！？।؟]\W*$", word):
        return _SENTENCE_PAUSE
    return _CLAUSE_PAUSE if re.search(r"[,;:，、；：،–—]\W*$", word) else _WORD_PAUSE
