"""Splits a user's text into sentences and cuts it into parts of a film by sense. No word is changed, left out or moved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from tenxsom.text import Break, Unit, columns, joined, one_line, units

NEVER_TOO_WIDE = 100_000
MAX_CHARACTERS = 1200
"""The longest text of a segment."""

_CLOSED = re.compile(r"[.!?…。！？؟۔।॥։።။។]['\"”’»)\]」』】*_]*$")
_CLOSING_MARKS = (
    ("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]", "。"),  # Chinese and Japanese
    ("[\u0900-\u09ff]", "।"),  # Hindi, Bengali
    ("[\u0e00-\u0eff]", ""),  # Thai, Lao: none
    ("[\u0530-\u058f]", "։"),  # Armenian
    ("[\u1000-\u109f]", "။"),  # Burmese
    ("[\u1200-\u137f]", "።"),  # Amharic
    ("[\u1780-\u17ff]", "។"),  # Khmer
)
"""The closing mark of a sentence in scripts without a full stop, by its last letter."""
_BULLET = re.compile(r"^\s*(?:[-*•>–—·▪◦]|\(?\d{1,2}[.):]|[a-z]\))\s+")
_UNSPOKEN = re.compile(r"(?:https?://|www\.)\S+|#\w+")
_LINES = re.compile(r"[\r\n\u2028\u2029\v\f]+|\s[•▪◦]\s")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, letter for letter, without the blanks around them and the bullets of its lines.

    Pieces without a word belong to the sentence before them; alone on a line they are left out.
    """
    return [sentence for line in _LINES.split(text) for sentence in _spoken_of(one_line(_BULLET.sub("", line)))]


def is_closed(text: str) -> bool:
    """Return whether a text ends with the mark of a sentence."""
    return bool(_CLOSED.search(text.rstrip()))


def closed(text: str) -> str:
    """Return a text with the closing mark of its script; a voice needs it. One that is closed is returned as it is."""
    text = text.rstrip()
    if is_closed(text) or not text:
        return text
    return text + next((mark for letters, mark in _CLOSING_MARKS if re.match(letters, text[-1])), ".")


def speakable(text: str) -> bool:
    """Return whether there is a letter or a digit to be spoken, outside addresses and hashtags."""
    return any(letter.isalnum() for letter in _UNSPOKEN.sub("", text))


def cut(text: str, seconds_of: Callable[[str], float], longest: float) -> list[str]:
    """Cut a text of one line into parts of at most `longest` seconds: after sentences, then clauses, then words.

    The parts joined are the text. A single word that takes longer stays whole.
    """
    parts: list[str] = []
    for sentence in of_line(text):
        parts += _divided(sentence, seconds_of, longest)
    return parts


def grouped(parts: Sequence[str], seconds_of: Callable[[str], float], least: float, longest: float) -> list[str]:
    """Join neighbours that are shorter than `least` seconds, as long as a group takes at most `longest` seconds."""
    groups: list[str] = []
    for part in parts:
        whole = joined(groups[-1], part) if groups else part
        is_short = bool(groups) and min(seconds_of(groups[-1]), seconds_of(part)) < least
        if is_short and seconds_of(whole) <= longest and len(whole) <= MAX_CHARACTERS:
            groups[-1] = whole
        else:
            groups.append(part)
    return groups


def fewer(parts: Sequence[str], most: int) -> list[str]:
    """Return at most `most` parts: neighbours are joined, the shortest pair first. Their words stay whole and in order."""
    kept = list(parts)
    while len(kept) > max(1, most):
        index = min(range(len(kept) - 1), key=lambda i: len(kept[i]) + len(kept[i + 1]))
        kept[index : index + 2] = [joined(kept[index], kept[index + 1])]
    return kept


def _spoken_of(line: str) -> Iterator[str]:
    pending = ""
    for sentence in of_line(line):
        if speakable(sentence):
            if pending:
                yield pending
            pending = sentence
        elif pending:
            pending = joined(pending, sentence)
    if pending:
        yield pending


def of_line(text: str) -> list[str]:
    """Return the sentences of one line with every sign in it."""
    stretches = re.split("(?<=[។៕])", text)  # Unicode's rule finds no breaks in Khmer
    pieces = (piece for stretch in stretches for piece in _collected(units(stretch, NEVER_TOO_WIDE), Break.SENTENCE))
    return [sentence for piece in pieces if (sentence := piece.strip())]


def _collected(pieces: Iterable[Unit], least: Break) -> Iterator[str]:
    """Yield the text up to each break of at least this quality."""
    text = ""
    for piece in pieces:
        text += piece.text
        if piece.after >= least:
            yield text
            text = ""
    if text:
        yield text


def _divided(sentence: str, seconds_of: Callable[[str], float], longest: float) -> list[str]:
    if seconds_of(sentence) <= longest and len(sentence) <= MAX_CHARACTERS:
        return [sentence]
    pieces = units(sentence, NEVER_TOO_WIDE)
    for quality in (Break.CLAUSE, Break.WORD, Break.ALLOWED):
        texts = list(_collected(pieces, quality))
        if len(texts) > 1:
            place = _middle(texts)
            sides = ("".join(texts[:place]).strip(), "".join(texts[place:]).strip())
            return [part for side in sides if side for part in _divided(side, seconds_of, longest)]
    finer = units(sentence, max(2, columns(sentence) // 2))
    if len(finer) < 2 or len(sentence) <= MAX_CHARACTERS:
        return [sentence]
    place = _middle([piece.text for piece in finer])
    sides = ("".join(piece.text for piece in finer[:place]), "".join(piece.text for piece in finer[place:]))
    return [part for side in sides for part in _divided(side.strip(), seconds_of, longest)]


def _middle(texts: Sequence[str]) -> int:
    """Return the index of the text before which the two sides are most alike in length."""
    lengths = [len(text) for text in texts]
    return min(range(1, len(texts)), key=lambda i: abs(sum(lengths[:i]) - sum(lengths[i:])))
