"""Splits text into grapheme clusters, measures its columns, and finds line breaks.

Line breaks follow Unicode's rule (UAX #14: https://www.unicode.org/reports/tr14/, by uniseg), refined by BudouX for Japanese and
Thai, which write no blanks between words. wcwidth defines grapheme clusters and their columns. No function raises on any text,
and none inserts a blank that is not in the text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from budoux import Parser

Measure = Callable[[str], float]
"""Measures the width of a text, in columns or in pixels of a font."""


class Break(IntEnum):
    """The quality of a line break after a unit of text; higher is better."""

    INSIDE = 0
    """Inside a word that is wider than a line."""
    ALLOWED = 1
    """Allowed by the language: between two Chinese letters, after a slash of an address."""
    WORD = 2
    CLAUSE = 3
    SENTENCE = 4


class Unit(NamedTuple):
    """A part of a text that stays on one line, with its trailing blanks, and the quality of a break after it."""

    text: str
    after: Break


_LEAST_PART = 30
"""The shortest part of a divided text, in columns: about a line."""
_DETOUR = {Break.SENTENCE: 0.0, Break.CLAUSE: 0.3, Break.WORD: 0.6, Break.ALLOWED: 0.9, Break.INSIDE: 4.0}
"""The largest distance, in lines, of a better place to divide a text."""

_PLAIN_WORDS = re.compile(r"(?<![^ ])(?:[A-Za-z0-9]+[.,;:!?]* +(?=[A-Za-z0-9]))+")
"""Words that need no rule: letters and digits, a mark, a blank, and the next word; most of any European text."""
_CLOSERS = "[\"'”’»›)\\]}」』）】〉》]*"
_SENTENCE_END = re.compile(rf"(?:[.!?]{_CLOSERS}\s+|[…。！？｡।॥۔؟։።။៕]{_CLOSERS}\s*)$")
_CLAUSE_END = re.compile(rf"(?:[,;:]{_CLOSERS}\s+|–\s+|[—،؛、，；：､·፣၊៖]{_CLOSERS}\s*)$")
_ABBREVIATIONS = """
    Abb Av Capt Col Dhr Dr Dra EE Fig Fr Ft Gen Hr Hrn Ing Jr Mevr Mlle Mme Mr Mrs Ms Mt No Nos Nr Prof Rev Sgt Sig Sr Sra Srta St
    Vgl Vol Zzgl approx bijv bspw bzw ca cf dr dra env evtl exkl fig ggf inkl kl mevr nr prof sig sra usw vgl vol vs zzgl
    г им руб тыс ул
"""
"""Abbreviations of many languages that are followed by more of their sentence; `etc` and others that often end one are not here."""
_ABBREVIATED = frozenset(_ABBREVIATIONS.split())
_CUT_SHORT = re.compile(r"(?:[^\W\d_]\.)+|\d{1,2}\.")
"""Initials (`J.`, `U.S.`, the `z.` of `z. B.`) and days of a month (`31. Dezember`)."""
_OPENERS = "\"'([{«‹“‘„‚¿¡*_"
_LINE_FEEDS = re.compile("[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
_UNUSABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\ufeff]")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NO_BLANKS_BETWEEN_WORDS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff9f\U00020000-\U0003ffff]"
)
_JAPANESE = re.compile("[\u3041-\u30ff\u31f0-\u31ff]")
_THAI = re.compile("[\u0e01-\u0e5b]")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_BEFORE_ITS_CONSONANT = frozenset("เแโใไເແໂໃໄ")
_BEHIND_ITS_CONSONANT = frozenset("ะาำๅๆฯະາຳຽໆຯ")
_VIRAMA = 9


def one_line(text: str) -> str:
    """Return the text on one line: white space as single blanks, no control characters, no half surrogate pairs.

    Meaningful blanks (ideographic, non-breaking) are kept.
    """
    text = _HALF_A_PAIR.sub("\ufffd", text)
    return _UNUSABLE.sub("", _LINE_FEEDS.sub(" ", text)).strip()


def is_blank(text: str) -> bool:
    """Return whether the text is invisible: only blanks, control and formatting characters."""
    return all(unicodedata.category(letter) in ("Zs", "Zl", "Zp", "Cc", "Cf") for letter in text)


def graphemes(text: str) -> list[str]:
    """Split the text into grapheme clusters: letters or emoji as readers count them."""
    import wcwidth

    return list(wcwidth.iter_graphemes(text))


@lru_cache(maxsize=8192)
def columns(text: str) -> int:
    """Return the width in columns: two for East Asian wide letters and emoji, none for marks and joiners."""
    if text.isascii() and text.isprintable():
        return len(text)
    import wcwidth

    return sum(max(0, wcwidth.wcswidth(letter)) for letter in wcwidth.iter_graphemes(text))


def joined(first: str, second: str) -> str:
    """Join two texts, with a blank between them only where their language writes one."""
    if not first or not second:
        return first or second
    meets = _NO_BLANKS_BETWEEN_WORDS.match(first[-1]) and _NO_BLANKS_BETWEEN_WORDS.match(second[0])
    return first + second if meets or first[-1].isspace() or second[0].isspace() else f"{first} {second}"


def spoken_words(text: str) -> list[str]:
    """Return the words of a text in the order in which they are spoken, each with the marks that belong to it.

    Japanese, Chinese and Thai, which write no blanks, are divided by BudouX, other scripts without blanks where a line may break.
    A mark between blanks, such as a dash, belongs to the word before it. The words `joined` are the text.
    """
    found: list[str] = []
    for piece in one_line(text).split():
        parts = _unspaced_words(piece) if _NO_BLANKS_BETWEEN_WORDS.search(piece) else [piece]
        for number, part in enumerate(parts):
            if found and not any(letter.isalnum() for letter in part):
                found[-1] += part if number else f" {part}"
            elif number and joined(found[-1], part) != found[-1] + part:
                found[-1] += part  # `用iPhone`: apart, they would be written with a blank
            else:
                found.append(part)
    return found


def _unspaced_words(piece: str) -> list[str]:
    language = "japanese" if _JAPANESE.search(piece) else "thai" if _THAI.search(piece) else "chinese" if _HAN.search(piece) else ""
    return _mended(_parser(language).parse(piece) if language else _breakable(piece))


def shortened(text: str, most: int) -> str:
    """Shorten the text to `most` characters with an ellipsis, at a line break, or inside a very long word."""
    if len(text) <= most:
        return text
    kept = _beginning((unit.text for unit in units(text, most - 1, len)), most - 1)
    if len(kept) < 0.7 * most:
        kept = _beginning(_mended(graphemes(text)), most - 1)
    return kept.rstrip(" ,;:、，；：") + "…"


def _beginning(pieces: Iterable[str], most: int) -> str:
    """Join the first pieces, up to `most` characters."""
    kept = ""
    for piece in pieces:
        if len(kept) + len(piece.rstrip()) > most:
            break
        kept += piece
    return kept


def in_parts(text: str, count: int) -> list[str]:
    """Divide the text into `count` parts of about the same length, after a sentence, a clause or at least a word.

    If the text is too short, the last parts are empty.
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
    """Return the index of the best cut: near `target` columns, and after a sentence or a clause."""

    def cost(index: int) -> float:
        return abs(sum(widths[: index + 1]) - target) / _LEAST_PART + _DETOUR[pieces[index].after]

    return min(range(at, len(pieces)), key=cost, default=at - 1) + 1


def _text_of(pieces: Sequence[Unit]) -> str:
    return "".join(piece.text for piece in pieces).strip()


def units(text: str, width: float, measure: Measure = columns) -> list[Unit]:
    """Split the text into the units of lines of `width`; joined, they are the text, letter for letter.

    Units are words, or phrases where a language writes no blanks. A unit wider than half a line may break wherever the language
    allows it; one wider than a line is cut between two letters.
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
    """Yield the words; for Japanese and Thai the phrases; for other scripts without blanks whole clauses."""
    pending = ""
    for piece, following in pairwise([*_breakable(text), ""]):
        pending += piece
        kind = Break.WORD if goes_on(piece, following) else break_after(piece)
        if kind > Break.ALLOWED:
            yield from _refined(Unit(pending, kind))
            pending = ""
    if pending:
        yield from _refined(Unit(pending, Break.SENTENCE))


def break_after(piece: str) -> Break:
    """Return the quality of a line break after a piece of text, by the mark and the blank that it ends with."""
    if _SENTENCE_END.search(piece):
        return Break.SENTENCE
    if _CLAUSE_END.search(piece):
        return Break.CLAUSE
    return Break.WORD if piece[-1].isspace() else Break.ALLOWED


def goes_on(before: str, after: str, *, all_begin_small: bool = False) -> bool:
    """Return whether a mark between two words ends no sentence: it belongs to an abbreviation, an initial or a day of the month, or
    a small letter follows, where a script has large ones and a text begins its sentences with them.

    Two sentences that are kept together lose nothing; one that is torn does.
    """
    word = before.strip().lstrip(_OPENERS)
    if not after or not _SENTENCE_END.search(f"{word} "):
        return False
    first = next((letter for letter in after if letter.isalnum()), "")
    is_small = first.islower() and first.title() != first
    return (is_small and not all_begin_small) or word.removesuffix(".") in _ABBREVIATED or is_cut_short(word)


def is_cut_short(word: str) -> bool:
    """Return whether a word is an initial with its full stop, several of them, or a day of the month.

    Where a script has no large letters, a single one is a whole word.
    """
    return bool(_CUT_SHORT.fullmatch(word)) and (word[0].isdigit() or word[0].lower() != word[0].upper())


def _refined(unit: Unit) -> list[Unit]:
    """Split a unit into phrases, where BudouX knows the language and a line may break."""
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


@lru_cache(maxsize=3)
def _parser(language: str) -> Parser:
    """Return BudouX's parser of a language, loaded once."""
    import budoux

    if language == "chinese":
        return budoux.load_default_simplified_chinese_parser()
    return budoux.load_default_japanese_parser() if language == "japanese" else budoux.load_default_thai_parser()


def _finer(unit: Unit, pieces: Sequence[str], kind: Break) -> list[Unit]:
    """Return the pieces of a unit as units: breaks between them are of `kind`, the last has the unit's own."""
    return [Unit(piece, kind if number < len(pieces) else unit.after) for number, piece in enumerate(pieces, 1)]


@lru_cache(maxsize=2048)
def _breakable(text: str) -> list[str]:
    """Split the text at the line breaks of Unicode's rule."""
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
    """Join pieces again where a grapheme cluster or a syllable would be cut."""
    whole: list[str] = []
    for piece in pieces:
        if whole and _holds_together(whole[-1], piece):
            whole[-1] += piece
        else:
            whole.append(piece)
    return whole


def _holds_together(before: str, after: str) -> bool:
    """Return whether no line may break between two texts: inside a cluster or a syllable, or before a vowel sign."""
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
    """Return whether the text begins with a consonant without its vowel, as at the end of a Burmese syllable."""
    marks = re.match(r"[^\W\d_]([^\w\s]*)", text[:8])
    return bool(marks) and any(unicodedata.combining(mark) == _VIRAMA for mark in marks[1])  # type: ignore[index]


def _cut(text: str, width: float, measure: Measure) -> list[str]:
    """Cut a word between letters into pieces that fit, about equally long; a letter wider than a line stays whole."""
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
