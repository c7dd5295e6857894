"""Text as people read it: grapheme clusters, columns, and the places where a language lets a line break.

Where a line may break is Unicode's rule (UAX #14: https://www.unicode.org/reports/tr14/, by uniseg), refined by BudouX for Japanese
and Thai, which write no blanks between words. What one letter is, and how many columns it takes, is wcwidth's answer. Nothing here
raises on any text, and nothing inserts a blank that is not in the text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from budoux import Parser

Measure = Callable[[str], float]
"""How wide a text is: in columns, or in pixels of a font."""


class Break(IntEnum):
    """How well a line may end behind a unit of text; the higher, the better."""

    INSIDE = 0
    """Inside a word, which is cut because it is wider than a line."""
    ALLOWED = 1
    """Where the language allows it: between two Chinese letters, behind a slash of an address."""
    WORD = 2
    CLAUSE = 3
    SENTENCE = 4


class Unit(NamedTuple):
    """A part of a text that stays on one line, its trailing blanks included, and how good a break behind it is."""

    text: str
    after: Break


_LEAST_PART = 30
"""About a line, in columns: a text is not divided into parts that are shorter."""
_DETOUR = {Break.SENTENCE: 0.0, Break.CLAUSE: 0.3, Break.WORD: 0.6, Break.ALLOWED: 0.9, Break.INSIDE: 4.0}
"""How many lines out of the way a better place to divide a text may be."""

_PLAIN_WORDS = re.compile(r"(?<![^ ])(?:[A-Za-z0-9]+[.,;:!?]* +(?=[A-Za-z0-9]))+")
"""Words that need no rule: letters and digits, a mark, a blank, and the next word. Most of a European text is made of them."""
_CLOSERS = "[\"'”’»›)\\]}」』）】〉》]*"
_SENTENCE_END = re.compile(rf"(?:[.!?]{_CLOSERS}\s+|[…。！？｡।॥۔؟։።။៕]{_CLOSERS}\s*)$")
_CLAUSE_END = re.compile(rf"(?:[,;:]{_CLOSERS}\s+|–\s+|[—،؛、，；：､·፣၊៖]{_CLOSERS}\s*)$")
_LINE_FEEDS = re.compile("[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
_UNUSABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\ufeff]")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NO_BLANKS_BETWEEN_WORDS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff9f\U00020000-\U0003ffff]"
)
_JAPANESE = re.compile("[\u3041-\u30ff\u31f0-\u31ff]")
_THAI = re.compile("[\u0e01-\u0e5b]")
_BEFORE_ITS_CONSONANT = frozenset("เแโใไເແໂໃໄ")
_BEHIND_ITS_CONSONANT = frozenset("ะาำๅๆฯະາຳຽໆຯ")
_VIRAMA = 9


def one_line(text: str) -> str:
    """The text on one line: white space as single blanks, no control characters, no half surrogate pairs.

    Blanks that a language or a writer means (the ideographic one, the one that does not break) stay what they are.
    """
    text = _HALF_A_PAIR.sub("\ufffd", text)
    return _UNUSABLE.sub("", _LINE_FEEDS.sub(" ", text)).strip()


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen: only blanks, control and formatting characters."""
    return all(unicodedata.category(letter) in ("Zs", "Zl", "Zp", "Cc", "Cf") for letter in text)


def graphemes(text: str) -> list[str]:
    """The text as its grapheme clusters: what a reader calls one letter or one emoji."""
    import wcwidth

    return list(wcwidth.iter_graphemes(text))


@lru_cache(maxsize=8192)
def columns(text: str) -> int:
    """How many columns the text takes: East Asian wide letters and emoji two, marks and joiners none."""
    if text.isascii() and text.isprintable():
        return len(text)
    import wcwidth

    return sum(max(0, wcwidth.wcswidth(letter)) for letter in wcwidth.iter_graphemes(text))


def joined(first: str, second: str) -> str:
    """Two texts one after the other, with a blank between them only where their language writes one."""
    if not first or not second:
        return first or second
    meets = _NO_BLANKS_BETWEEN_WORDS.match(first[-1]) and _NO_BLANKS_BETWEEN_WORDS.match(second[0])
    return first + second if meets or first[-1].isspace() or second[0].isspace() else f"{first} {second}"


def shortened(text: str, most: int) -> str:
    """The text in at most so many characters, with an ellipsis: cut where a line may break, or inside a very long word."""
    if len(text) <= most:
        return text
    kept = _beginning((unit.text for unit in units(text, most - 1, len)), most - 1)
    if len(kept) < 0.7 * most:
        kept = _beginning(_mended(graphemes(text)), most - 1)
    return kept.rstrip(" ,;:、，；：") + "…"


def _beginning(pieces: Iterable[str], most: int) -> str:
    """As many of the first pieces as have at most so many characters."""
    kept = ""
    for piece in pieces:
        if len(kept) + len(piece.rstrip()) > most:
            break
        kept += piece
    return kept


def in_parts(text: str, count: int) -> list[str]:
    """The text in `count` parts of about the same length, cut where a sentence, a clause or at least a word ends.

    A text that is too short for so many lines leaves the last parts empty.
    """
    text = text.strip()
    worthwhile = max(1, min(count, columns(text) // _LEAST_PART))
    pieces = units(text, _LEAST_PART)
    widths = [columns(piece.text) for piece in pieces]
    parts: list[str] = []
    at = 0
    for number in range(1, worthwhile):
        cut = _best_cut(pieces, widths, at, sum(widths) * number / worthwhile)
        parts.append(_text_of(pieces[at:cut]))
        at = cut
    parts.append(_text_of(pieces[at:]))
    return parts + [""] * (count - len(parts))


def _best_cut(pieces: Sequence[Unit], widths: Sequence[int], at: int, target: float) -> int:
    """The index behind the piece at which to cut: near `target` columns, and where the sense ends."""

    def cost(index: int) -> float:
        return abs(sum(widths[: index + 1]) - target) / _LEAST_PART + _DETOUR[pieces[index].after]

    return min(range(at, len(pieces)), key=cost, default=at - 1) + 1


def _text_of(pieces: Sequence[Unit]) -> str:
    return "".join(piece.text for piece in pieces).strip()


def units(text: str, width: float, measure: Measure = columns) -> list[Unit]:
    """The text as the units that lines of `width` are made of; together they are the text, letter for letter.

    Words are the units, and where a language writes no blanks, its phrases. What is wider than half a line may break wherever
    the language allows it; what is wider than a line is cut between two letters.
    """
    found: list[Unit] = []
    for phrase in _phrases(text):
        if measure(phrase.text.rstrip()) <= width / 2:
            found.append(phrase)
            continue
        for piece in _finer(phrase, _breakable(phrase.text), Break.ALLOWED):
            whole = measure(piece.text.rstrip()) <= width
            found += [piece] if whole else _finer(piece, _cut(piece.text, width, measure), Break.INSIDE)
    return found


def _phrases(text: str) -> Iterator[Unit]:
    """The text's words; the phrases of Japanese and Thai; whole clauses of other scripts without blanks."""
    pending = ""
    for piece in _breakable(text):
        pending += piece
        kind = _kind(piece)
        if kind > Break.ALLOWED:
            yield from _refined(Unit(pending, kind))
            pending = ""
    if pending:
        yield from _refined(Unit(pending, Break.SENTENCE))


def _kind(piece: str) -> Break:
    if _SENTENCE_END.search(piece):
        return Break.SENTENCE
    if _CLAUSE_END.search(piece):
        return Break.CLAUSE
    return Break.WORD if piece[-1].isspace() else Break.ALLOWED


def _refined(unit: Unit) -> list[Unit]:
    """A unit in its phrases, where BudouX knows the language and a line may break there."""
    text = unit.text
    language = "japanese" if _JAPANESE.search(text) else "thai" if _THAI.search(text) else ""
    if not language:
        return [unit]
    allowed = set(accumulate(len(piece) for piece in _breakable(text)))
    pieces, start = [], 0
    for end in accumulate(len(phrase) for phrase in _parser(language).parse(text)):
        if end in allowed or (language == "thai" and all(map(_THAI.match, text[end - 1 : end + 1]))):
            pieces.append(text[start:end])
            start = end
    return _finer(unit, _mended(pieces), Break.WORD)


@lru_cache(maxsize=2)
def _parser(language: str) -> Parser:
    """BudouX's parser of a language, read from its own files once."""
    import budoux

    return budoux.load_default_japanese_parser() if language == "japanese" else budoux.load_default_thai_parser()


def _finer(unit: Unit, pieces: Sequence[str], kind: Break) -> list[Unit]:
    """The pieces of a unit as units: between them a break is of that kind, behind the last it is the unit's own."""
    return [Unit(piece, kind if number < len(pieces) else unit.after) for number, piece in enumerate(pieces, 1)]


@lru_cache(maxsize=2048)
def _breakable(text: str) -> list[str]:
    """The text's parts between which a line may break, by Unicode's rule."""
    pieces: list[str] = []
    done = 0
    for plain in _PLAIN_WORDS.finditer(text):
        pieces += _by_the_rule(text[done : plain.start()])
        pieces += re.findall(r"\S+ +", plain[0])
        done = plain.end()
    return _mended(pieces + _by_the_rule(text[done:]))


def _by_the_rule(text: str) -> list[str]:
    from uniseg.linebreak import line_break_units

    return list(line_break_units(text))


def _mended(pieces: Sequence[str]) -> list[str]:
    """The pieces, joined again where a grapheme cluster or a syllable would be cut."""
    whole: list[str] = []
    for piece in pieces:
        if whole and _holds_together(whole[-1], piece):
            whole[-1] += piece
        else:
            whole.append(piece)
    return whole


def _holds_together(before: str, after: str) -> bool:
    """Whether a line may not break between two texts: inside a cluster or a syllable, between a vowel sign and its consonant."""
    last, first = before[-1], after[0]
    if last.isascii() and first.isascii():
        return False
    return (
        last in _BEFORE_ITS_CONSONANT
        or first in _BEHIND_ITS_CONSONANT
        or unicodedata.combining(last) == _VIRAMA
        or unicodedata.category(first).startswith("M")
        or _ends_a_syllable(after)
        or len(graphemes(before[-40:] + first)) == len(graphemes(before[-40:]))
    )


def _ends_a_syllable(text: str) -> bool:
    """Whether the text begins with a consonant that has lost its vowel, as at the end of a Burmese syllable."""
    marks = re.match(r"[^\W\d_]([^\w\s]*)", text[:8])
    return bool(marks) and any(unicodedata.combining(mark) == _VIRAMA for mark in marks[1])  # type: ignore[index]


def _cut(text: str, width: float, measure: Measure) -> list[str]:
    """A word in pieces that fit, about equally long, cut between letters; a letter that is wider than a line stays whole."""
    whole = measure(text.rstrip())
    enough = whole / max(1, math.ceil(whole / max(width, 1e-9)))
    pieces, full = [""], False
    for letter in _mended(graphemes(text)):
        longer = measure(pieces[-1] + letter.rstrip())
        if pieces[-1] and (full or longer > width):
            pieces.append("")
            longer = measure(letter.rstrip())
        pieces[-1] += letter
        full = longer >= enough
    return pieces
