"""Finds when each written word of a segment is spoken, by the best way there is (see `tenxsom.voices.base`).

Voices rewrite what they read ("7:30 pm" becomes "seven thirty P.M."), so their words are matched to the written ones by order.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from tenxsom.media.speech_file import Sound
from tenxsom.text import spoken_words
from tenxsom.voices import alignment
from tenxsom.voices.base import ALIGNMENT, PAUSES, READING, Speech, WordTime
from tenxsom.voices.checks import bounds, level_dbfs, levels
from tenxsom.voices.syllables import syllables

_SHORTEST_PAUSE_SECONDS = 0.12
_PAUSE_DB = 32.0
"""How far below the loudest part a pause is."""
_WINDOW_SECONDS = 0.01
_NO_PAUSE_AT_A_MARK = 0.25
"""Seconds that it costs to place no pause after a comma or a full stop, or one where there is none."""


def word_times(speech: Speech, sound: Sound, text: str, spoken: str, language: str) -> tuple[list[WordTime], str]:
    """Return the times of the written words of `text`, and how they were found. `spoken` is the text that the voice was given."""
    words = spoken_words(text)
    start, end = (at / sound.rate for at in bounds(sound))
    if speech.words:
        return matched(words, speech.words, sound.seconds), speech.timing
    if language.lower().split("-")[0] == "en" and (found := alignment.aligned(sound, spoken_words(spoken))):
        return matched(words, found, sound.seconds), ALIGNMENT
    return _clean(by_pauses(words, sound, start, end), sound.seconds), PAUSES


def reading_times(text: str, seconds: float) -> tuple[list[WordTime], str]:
    """Return the times of the words of a text that is read in `seconds`, and not spoken."""
    words = spoken_words(text)
    return _clean(_spread(words, 0.0, seconds), seconds), READING


def matched(words: Sequence[str], heard: Sequence[WordTime], seconds: float) -> list[WordTime]:
    """Return the times of the written words, by order, from those of the words as the voice reads them.

    Words that are not the same ("$9.99" and "nine", "dollars", …) share the time of the words between their neighbours.
    """
    written, spoken = [_bare(word) for word in words], [_bare(each.text) for each in heard]
    result: list[WordTime] = []
    pieces = SequenceMatcher(None, written, spoken, autojunk=False).get_opcodes()
    for kind, first, last, first_heard, last_heard in pieces:
        if kind == "equal":
            result += [
                WordTime(word, each.start, each.end)
                for word, each in zip(words[first:last], heard[first_heard:last_heard], strict=True)
            ]
        elif kind == "replace":
            result += _spread(words[first:last], heard[first_heard].start, heard[last_heard - 1].end)
        elif kind == "delete":  # words without sounds of their own: they end the word before them, or begin the one after
            at = result[-1].end if result else heard[first_heard].start if first_heard < len(heard) else 0.0
            result += [WordTime(word, at, at) for word in words[first:last]]
        elif result:  # more was said than is written: it belongs to the word before it
            result[-1] = result[-1]._replace(end=heard[last_heard - 1].end)
    return _clean(result, seconds)


def by_pauses(words: Sequence[str], sound: Sound, start: float, end: float) -> list[WordTime]:
    """Return the times of words from the pauses in the sound between `start` and `end`, and the weight of each word.

    A word's weight is the time that its syllables take. The pauses are matched to the gaps between words: near to where the
    weights expect them, and rather after a mark than inside a clause.
    """
    pauses = _pauses(sound, start, end)
    result: list[WordTime] = []
    begin, first = start, 0
    for gap, pause in _placed(words, pauses, start, end):
        result += _spread(words[first : gap + 1], begin, pause[0])
        begin, first = pause[1], gap + 1
    return result + _spread(words[first:], begin, end)


def _placed(
    words: Sequence[str], pauses: Sequence[tuple[float, float]], start: float, end: float
) -> list[tuple[int, tuple[float, float]]]:
    """Return which gap between words each pause fills; a pause that fits none is inside a word, and is left out.

    Dynamic programming over pauses and gaps, both in order.
    """
    gaps = len(words) - 1
    if gaps < 1 or not pauses:
        return []
    loads = np.cumsum([_weight(word) for word in words])
    voiced = end - start - sum(until - since for since, until in pauses)
    silent_before = np.concatenate([[0.0], np.cumsum([until - since for since, until in pauses])])
    expected = loads[:-1] / loads[-1] * voiced
    at_mark = np.array([bool(re.search(r"[^\w\s'’\-]$", word)) for word in words[:-1]])
    skipped = np.array([min(0.6, 3 * (until - since)) for since, until in pauses])  # a long pause is rarely inside a word
    best = np.zeros((len(pauses) + 1, gaps + 1))
    best[1:, 0] = np.cumsum(skipped)
    best[0, 1:] = np.cumsum(np.where(at_mark, _NO_PAUSE_AT_A_MARK, 0.0))
    choice = np.zeros((len(pauses) + 1, gaps + 1), int)
    for row, (since, _) in enumerate(pauses, 1):
        here = since - start - silent_before[row - 1]
        for column in range(1, gaps + 1):
            cost = abs(expected[column - 1] - here) + (0.0 if at_mark[column - 1] else _NO_PAUSE_AT_A_MARK)
            ways = (
                best[row - 1, column - 1] + cost,
                best[row - 1, column] + skipped[row - 1],
                best[row, column - 1] + (_NO_PAUSE_AT_A_MARK if at_mark[column - 1] else 0.0),
            )
            choice[row, column] = int(np.argmin(ways))
            best[row, column] = min(ways)
    return _traced(choice, pauses)


def _traced(
    choice: np.ndarray[tuple[int, int], np.dtype[np.int_]], pauses: Sequence[tuple[float, float]]
) -> list[tuple[int, tuple[float, float]]]:
    """Return the gaps that the cheapest way through the table chose."""
    found: list[tuple[int, tuple[float, float]]] = []
    row, column = (size - 1 for size in choice.shape)
    while row > 0 and column > 0:
        if choice[row, column] == 0:
            found.append((column - 1, pauses[row - 1]))
        row, column = row - int(choice[row, column] != 2), column - int(choice[row, column] != 1)
    return found[::-1]


def _pauses(sound: Sound, start: float, end: float) -> list[tuple[float, float]]:
    """Return the pauses between `start` and `end`, in seconds."""
    window = max(1, round(sound.rate * _WINDOW_SECONDS))
    quiet = levels(sound.samples, window) < level_dbfs(sound) - _PAUSE_DB
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    spans = [(first * window / sound.rate, after * window / sound.rate) for first, after in edges.reshape(-1, 2)]
    return [(a, b) for a, b in spans if b - a >= _SHORTEST_PAUSE_SECONDS and a > start and b < end]


def _spread(words: Sequence[str], start: float, end: float) -> list[WordTime]:
    """Return words one after another between two moments, each as long as its weight."""
    weights = [_weight(word) for word in words]
    total, at, result = sum(weights), start, []
    for word, weight in zip(words, weights, strict=True):
        until = at + max(0.0, end - start) * weight / total
        result.append(WordTime(word, at, until))
        at = until
    return result


def _weight(word: str) -> float:
    """Return the time that a word takes, in syllables: letters add a little, and every word has its own beginning."""
    letters = sum(1 for letter in word if letter.isalnum())
    return 0.25 + 0.7 * syllables(word) + 0.1 * min(letters, 20)


def _bare(word: str) -> str:
    """Return a word without case, marks and accents of compatibility, for comparison."""
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", word).casefold())


def _clean(words: Sequence[WordTime], seconds: float) -> list[WordTime]:
    """Return the words in order, inside the audio, each no shorter than a hundredth of a second where there is room."""
    result: list[WordTime] = []
    at = 0.0
    for word in words:
        start = min(max(at, _finite(word.start)), seconds)
        end = min(max(start, _finite(word.end)), seconds)
        result.append(WordTime(word.text, round(start, 3), round(end, 3)))
        at = end
    return result


def _finite(moment: float) -> float:
    return moment if math.isfinite(moment) else 0.0
