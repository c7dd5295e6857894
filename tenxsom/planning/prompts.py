"""Sorts a free-text prompt into facts, points to cover, and wishes for the look and the voice.

People write prompts as notes ("Focus on error correction. In 2019 a chip did …. Moody neon look."). The directions among them
must not be spoken, so each sentence is sorted by its kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tenxsom.planning.english import as_sentence, bare, capitalised, count_words, has_verb
from tenxsom.planning.titles import tidy

MAX_FACT_WORDS = 38
MAX_POINT_WORDS = 10

_LOOK = re.compile(
    r"(?:use|using|visuals?|look|style|mood|palette|colou?rs?|shots?|camera|lighting|aesthetic|film(?:ed)?|cinematic|render|footage)\b",
    re.IGNORECASE,
)
_VOICE = re.compile(
    r"(?:(?:make|keep) (?:it|this|that|things|the (?:tone|video|script|pace|mood|language))|tone|tempo|pace|voice|narrat\w+|music|"
    r"write|speak|audience|target|avoid|no|don'?t|do not|please|include a call|end with a call|be|must|should|ensure|aim)\b",
    re.IGNORECASE,
)
_TELL = re.compile(
    r"(?:please )?(?:focus on|mention|cover|include|highlight|explain|describe|discuss|talk about|tell the story of|tell|show|"
    r"feature|(?:start|open|begin|end|close|finish) with|compare|reveal|touch on|emphasi[sz]e|explore)\s+(.+)",
    re.IGNORECASE,
)
_LOOK_ENDINGS = frozenset({"look", "style", "aesthetic", "palette", "vibe", "lighting", "colours", "colors"})
_VOICE_ENDINGS = frozenset({"tone", "pacing", "pace", "voice", "music", "narration"})
_SUBORDINATE = re.compile(
    r"(?:when|if|while|because|after|before|although|since|as|in|on|at|by|for|with|from|during|unlike|once|until|though)\b",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|St|vs|No|ca|approx)|\b[A-Za-z]\.[A-Za-z])\.$")


@dataclass(frozen=True)
class Wishes:
    """A prompt, sorted."""

    facts: tuple[str, ...] = ()
    """Whole sentences, spoken verbatim."""
    points: tuple[str, ...] = ()
    """Short phrases, without closing punctuation."""
    look: tuple[str, ...] = ()
    voice: tuple[str, ...] = ()


def read_prompt(text: str | None) -> Wishes:
    """Sort the sentences of a prompt by kind, each kind in its written order. Never raises."""
    facts: list[str] = []
    points: list[str] = []
    look: list[str] = []
    voice: list[str] = []
    for sentence in _sentences(text or ""):
        told = _TELL.fullmatch(sentence)
        if _LOOK.match(sentence) or _ends_with(sentence, _LOOK_ENDINGS):
            look.append(bare(sentence))
        elif _VOICE.match(sentence) or _ends_with(sentence, _VOICE_ENDINGS):
            voice.append(bare(sentence))
        elif told:
            _sort_told(told[1], facts, points)
        elif _is_notes(sentence) or (count_words(sentence) <= 2 and not has_verb(sentence)):
            points += _items(sentence)
        else:
            facts.append(_as_fact(sentence))
    return Wishes(_unique(facts), _unique(points), _unique(look), _unique(voice))


def shorter_fact(fact: str) -> str | None:
    """Return the main clause of a fact; None unless the sentence clearly begins with one and can end after it."""
    if _SUBORDINATE.match(fact):
        return None
    head = re.split(r"[;:—–]\s|,\s(?:and|but|so|which|while|because|yet)\s|\s(?:because|although|whereas)\s", fact, maxsplit=1)[0]
    whole = head == fact or not has_verb(head) or count_words(head) < 4
    return None if whole else _as_fact(head)


def _sort_told(rest: str, facts: list[str], points: list[str]) -> None:
    """Add a direction's content: a fact for `mention that X is Y`, three points for `focus on X, Y and Z`."""
    phrase = bare(rest)
    if phrase.lower().startswith("that ") and count_words(phrase) >= 4:
        facts.append(_as_fact(phrase[5:]))
    elif _is_list(phrase) and not re.match(r"(?:how|why|what|when|where|who)\b", phrase, re.IGNORECASE):
        points.extend(_items(phrase))
    elif count_words(phrase) <= MAX_POINT_WORDS:
        points.append(phrase)


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for line in re.split(r"[\r\n\u2028\u2029]+|\s•\s", text):
        start = len(found)
        for piece in re.split(r"(?<=[.!?…])\s+|(?<=[。！？])\s*", re.sub(r"^\s*(?:[-*•>]|\d{1,2}[.)])\s+", "", line)):
            clean = tidy(piece)
            if len(found) > start and _ABBREVIATION.search(found[-1]):
                found[-1] = f"{found[-1]} {clean}"
            elif re.search(r"\w", clean):
                found.append(clean)
    return found


def _ends_with(sentence: str, endings: frozenset[str]) -> bool:
    """Return whether a sentence is a short note such as `Moody neon look.`"""
    return count_words(sentence) < 6 and bare(sentence).lower().split(" ")[-1] in endings and not has_verb(sentence)


def _is_notes(sentence: str) -> bool:
    """Return whether a sentence is a list of keywords; two items with a full stop are not (`Cut on wood, never on glass.`)."""
    return _is_list(sentence) and (len(_split(sentence)) > 2 or not sentence.endswith("."))


def _is_list(text: str) -> bool:
    items = _split(text)
    return len(items) > 1 and not has_verb(f"x {text}") and all(1 <= count_words(item) <= 5 for item in items)


def _items(text: str) -> list[str]:
    return [item for item in map(bare, _split(text)) if item]


def _split(text: str) -> list[str]:
    pieces = re.split(r"\s*[,;]\s*(?:and\s+)?", text)
    if len(pieces) > 1 or count_words(text) > 4:
        pieces = [part for piece in pieces for part in re.split(r"\s+and\s+", piece)]
    return [re.sub(r"^and\s+", "", piece.strip()) for piece in pieces if piece.strip()]


def _as_fact(text: str) -> str:
    words = text.split()
    if len(words) > MAX_FACT_WORDS:
        return capitalised(" ".join(words[:MAX_FACT_WORDS]).rstrip(" .,;:!?…")) + "…"
    return as_sentence(text)


def _unique(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
