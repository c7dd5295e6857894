"""Groups spoken words into phrases that share the screen, and breaks each into lines: by sense first, then evenly."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

from tenxsom.media.sense import Tear, tear_between
from tenxsom.text import Measure, columns, is_blank, joined, one_line, units

PAUSE_SECONDS = 0.7
"""A silence in the voice that a phrase should not span."""


class TimedWord(NamedTuple):
    """A spoken word with its marks, and when it is heard, in seconds of the film."""

    text: str
    start: float
    end: float
    goes_on: bool = False
    """Whether it is a further piece of a word that is too wide for a line, so that no blank is before it."""
    ends: bool = False
    """Whether a segment of the script ends with it, which a phrase does not span gladly, with or without a full stop."""


@dataclass(frozen=True)
class Limits:
    """What a phrase may be: lines of a width in units of `measure`, and its time on the screen in seconds."""

    width: float
    measure: Measure = columns
    lines: int = 2
    short_seconds: float = 0.7
    """Phrases that are shorter are avoided."""
    long_seconds: float = 4.0
    """Phrases that are longer are avoided."""
    most_seconds: float = math.inf
    """No phrase of several words is longer."""
    letters_per_second: float = math.inf
    """Phrases with more columns in a second are avoided."""


class Phrase(NamedTuple):
    """Words that are on the screen together, in lines."""

    lines: tuple[tuple[TimedWord, ...], ...]

    @property
    def words(self) -> tuple[TimedWord, ...]:
        return tuple(word for line in self.lines for word in line)

    @property
    def start(self) -> float:
        return self.lines[0][0].start

    @property
    def end(self) -> float:
        return self.lines[-1][-1].end

    @property
    def text(self) -> str:
        return "\n".join(map(line_of, self.lines))


def line_of(words: Iterable[TimedWord]) -> str:
    """Return words as one line, with blanks where their language writes them."""
    line = ""
    for word in words:
        line = line + word.text if word.goes_on else joined(line, word.text)
    return line


def phrases(words: Iterable[TimedWord], language: str, limits: Limits) -> list[Phrase]:
    """Return all words as phrases in their order; a word that is wider than a line is divided. No text raises an error."""
    row = _Row(tuple(_in_order(fitting(words, limits))), language, limits)
    costs, came_from = [0.0, *[math.inf] * len(row.words)], [0] * (len(row.words) + 1)
    lines: dict[tuple[int, int], list[int]] = {}
    for start in range(len(row.words)):
        for end in range(start + 1, len(row.words) + 1):
            found = row.lines(start, end)
            if found is None:
                break
            line_cost, lines[start, end] = found
            cost = costs[start] + line_cost + row.cost(start, end)
            if cost < costs[end]:
                costs[end], came_from[end] = cost, start
    return _traced(row, came_from, lines)


def one_phrase(words: Iterable[TimedWord], language: str, limits: Limits) -> Phrase | None:
    """Return the words as one phrase in lines; None if there are none, or if they or one of them do not fit."""
    row = _Row(tuple(words), language, limits)
    found = row.lines(0, len(row.words)) if row.words and max(row.widths) <= limits.width else None
    return Phrase(tuple(row.words[a:b] for a, b in pairwise([0, *found[1], len(row.words)]))) if found else None


def _traced(row: _Row, came_from: Sequence[int], lines: dict[tuple[int, int], list[int]]) -> list[Phrase]:
    """Return the phrases of the cheapest way, which is followed back from its end."""
    found, end = [], len(row.words)
    while end:
        start = came_from[end]
        cuts = [start, *lines[start, end], end]
        found.append(Phrase(tuple(row.words[a:b] for a, b in pairwise(cuts))))
        end = start
    return found[::-1]


def fitting(words: Iterable[TimedWord], limits: Limits) -> Iterable[TimedWord]:
    """Yield the words without blanks around them; one that is wider than a line in pieces, which share its time by width."""
    for word in words:
        text = one_line(word.text)
        if is_blank(text):
            continue
        if limits.measure(text) <= limits.width:
            yield word._replace(text=text)
            continue
        pieces = _filled((unit.text for unit in units(text, limits.width, limits.measure)), limits)
        shares = [max(limits.measure(piece), 1e-9) for piece in pieces]
        moments = [word.start + (word.end - word.start) * share / sum(shares) for share in accumulate(shares, initial=0.0)]
        for number, (piece, times) in enumerate(zip(pieces, pairwise(moments), strict=True)):
            yield TimedWord(piece, *times, goes_on=number > 0, ends=word.ends and number == len(pieces) - 1)


def _filled(pieces: Iterable[str], limits: Limits) -> list[str]:
    """Join the pieces of a word to pieces that fill lines."""
    filled: list[str] = []
    for piece in pieces:
        if filled and limits.measure((filled[-1] + piece).strip()) <= limits.width:
            filled[-1] += piece
        else:
            filled.append(piece)
    return [text for piece in filled if not is_blank(text := piece.strip())]


def _in_order(words: Iterable[TimedWord]) -> Iterable[TimedWord]:
    """Yield the words with times that never run backwards."""
    reached = 0.0
    for word in words:
        start = max(reached, word.start if math.isfinite(word.start) else reached)
        reached = max(start, word.end if math.isfinite(word.end) else start)
        yield word._replace(start=start, end=reached)


@dataclass(frozen=True)
class _Row:
    """All words with their widths, and the costs of breaks between them."""

    words: tuple[TimedWord, ...]
    language: str
    limits: Limits

    @cached_property
    def tears(self) -> list[Tear]:
        """Return the tear after each word; after the last it is none."""
        return [*(self._tear(*two) for two in pairwise(self.words)), Tear.SENTENCE]

    def _tear(self, one: TimedWord, other: TimedWord) -> Tear:
        tear = tear_between(one.text, other.text, self.language, other.start - one.end, all_begin_small=self.all_begin_small)
        return Tear.SENTENCE if one.ends and tear != Tear.FORBIDDEN else tear

    @cached_property
    def all_begin_small(self) -> bool:
        """Return whether the first sentence begins with a small letter, as then all do."""
        return next((letter.islower() for word in self.words for letter in word.text if letter.isalnum()), False)

    @cached_property
    def widths(self) -> list[float]:
        return [self.limits.measure(word.text) for word in self.words]

    @cached_property
    def behind(self) -> list[float]:
        """Return the width of all words before each, with what lies between each and the word before."""
        between = [0.0, *(self._between(*two) for two in pairwise(self.words))]
        return list(accumulate((a + b for a, b in zip(between, self.widths, strict=True)), initial=0.0))

    def _between(self, one: TimedWord, other: TimedWord) -> float:
        """Return how much wider two words are on one line than apart: a blank, where their language writes one."""
        together, measure = line_of((one, other)), self.limits.measure
        if unicodedata.category(other.text[0]).startswith("M"):  # a mark without its letter stands on what is before it
            return measure(together) - measure(one.text) - measure(other.text)
        return self._blank if together != one.text + other.text else 0.0

    @cached_property
    def _blank(self) -> float:
        return self.limits.measure(" ")

    def width(self, start: int, end: int) -> float:
        """Return the width of the words from `start` to `end` as one line."""
        return self.behind[end] - self.behind[start + 1] + self.widths[start]

    def lines(self, start: int, end: int) -> tuple[float, list[int]] | None:
        """Return the cost and the places of the best line breaks, in as few lines as possible; None if the words do not fit."""
        for count in range(1, self.limits.lines + 1):
            if found := self._in_lines(start, end, count):
                return found
        return None

    @cached_property
    def _known(self) -> dict[tuple[int, int, int], tuple[float, list[int]] | None]:
        return {}

    def _in_lines(self, start: int, end: int, count: int) -> tuple[float, list[int]] | None:
        """Return the best breaks into exactly `count` lines, as `lines` does."""
        key = start, end, count
        if key not in self._known:
            self._known[key] = self._best_lines(start, end, count)
        return self._known[key]

    def _best_lines(self, start: int, end: int, count: int) -> tuple[float, list[int]] | None:
        if count == 1:
            is_one_word = end == start + 1  # a letter that is wider than a line has a line of its own
            return (0.0, []) if is_one_word or self.width(start, end) <= self.limits.width else None
        best: tuple[float, list[int]] | None = None
        for cut in range(start + 1, end):
            if self.width(start, cut) > self.limits.width:
                break
            if (rest := self._in_lines(cut, end, count - 1)) is None:
                continue
            below = self.width(cut, (rest[1] or [end])[0])
            uneven = abs(self.width(start, cut) - below) / self.limits.width * 8
            uneven += 0.5 if self.width(start, cut) > below else 0.0  # eyes find a longer lower line more easily
            tear = self.tears[cut - 1]
            cost = rest[0] + uneven + (tear if tear >= Tear.PHRASE else tear / 2)
            if best is None or cost < best[0]:
                best = cost, [cut, *rest[1]]
        return best

    def cost(self, start: int, end: int) -> float:
        """Return the cost of a phrase from `start` to `end`: where it ends, what it holds together, and its time."""
        limits, words = self.limits, self.words
        seconds = (words[end].start if end < len(words) else words[end - 1].end + limits.short_seconds) - words[start].start
        if words[end - 1].end - words[start].start > limits.most_seconds and end > start + 1:
            return math.inf
        cost = 2.0 + self.tears[end - 1]
        for number in range(start, end - 1):
            cost += {Tear.SENTENCE: 7.0, Tear.CLAUSE: 2.0}.get(self.tears[number], 0.0)
            cost += 6.0 if words[number + 1].start - words[number].end > PAUSE_SECONDS else 0.0
        cost += 8.0 * max(0.0, 1 - seconds / limits.short_seconds) + 2.0 * max(0.0, seconds - limits.long_seconds)
        if limits.letters_per_second < math.inf:
            letters = sum(columns(word.text) + 1 for word in words[start:end])
            cost += 2.0 * max(0.0, letters / max(seconds, 0.1) - limits.letters_per_second)
        return cost + self._alone(start, end)

    def _alone(self, start: int, end: int) -> float:
        """Return the cost of a word that is alone on the screen without being a sentence."""
        is_sentence = self.tears[end - 1] == Tear.SENTENCE and (start == 0 or self.tears[start - 1] == Tear.SENTENCE)
        return 4.0 if end == start + 1 and not is_sentence else 0.0
