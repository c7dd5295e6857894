"""Parses a title into the phrases that templates can use.

People write titles as names, how-tos, lists, questions, imperatives and whole sentences. Only some of these can follow "about"
or "the story of". This module finds a phrase that can, or None, so that the templates fall back on words that always fit
("this story"). It parses English; a title in any other language counts as a name.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tenxsom.planning.english import (
    ACRONYMS,
    AUXILIARIES,
    CLAUSE_WORDS,
    DETERMINERS,
    LABELS,
    ORDERS,
    PLAIN_ADJECTIVES,
    PRONOUNS,
    REFUSALS,
    SMALL_WORDS,
    VERBS,
    as_gerund,
    as_sentence,
    bare,
    count_words,
    plain_words,
)
from tenxsom.text import shortened, units

MAX_NAME_WORDS = 7
MAX_NAME_CHARACTERS = 48
MAX_SUBJECT_CHARACTERS = 80
NEVER_TOO_WIDE = 10_000

_LIST_NOUNS = (
    "(?:ways|tips|tricks|hacks|steps|secrets|ideas|rules|habits|facts|things|myths|lessons|mistakes|signs|reasons|recipes|stories)"
)
_WRAPPING = (
    r"^(?:an? |the )?(?:(?:short|brief|little|quick|complete|secret|true|untold|full) )*"
    r"(?:history|story|guide|introduction|rise and fall|truth|mystery|science|secrets?) (?:of|to|about|behind)\s+(?=\w)"
)
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12}


@dataclass(frozen=True)
class Title:
    """A title, ready to be spoken."""

    headlines: tuple[str, ...]
    """The title as a sentence: the whole, then shorter forms."""
    name: str | None
    """A phrase that can follow "about": `the Lost Colony`, `folding a shirt`, `why cats purr`. None without a short one."""
    subject: str
    """The topic for pictures: never empty, without closing punctuation."""
    count: int | None
    """The number a list title promises ("5 ways to …"), from 2 to 12."""

    def headline(self, most_words: float) -> str:
        """Return the longest headline of at most `most_words` words, else the shortest, cut to that many (at least three)."""
        for sentence in self.headlines:
            if count_words(sentence) <= most_words:
                return sentence
        return _cut(self.headlines[-1], max(3, int(most_words)))


def read_title(text: str) -> Title:
    """Parse a title. Never raises; a title without letters or digits becomes `untitled`."""
    clean = tidy(text)
    clean = _quietened(clean if re.search(r"\w", clean) else "Untitled")
    parts = [part.strip() for part in re.split(r"\s*[:|–—]\s+|\s+-\s+", clean) if part.strip()]
    if len(parts) > 1 and (parts[0].lower() in LABELS or re.fullmatch(r"(?:part|episode|day|week) \w+", parts[0].lower())):
        parts = parts[1:]
    if "|" in clean:
        clean = parts[0]
    name = next((found for part in parts if (found := _name(bare(part)))), None)
    shorter = [as_sentence(parts[0])] + ([as_sentence(name)] if name else [])
    headlines = [as_sentence(clean), *sorted(set(shorter) - {as_sentence(clean)}, key=lambda item: -count_words(item))]
    return Title(tuple(headlines), name, _subject(name or _lowered(bare(clean))), _count(clean))


def tidy(text: str) -> str:
    """Return the text on one line, without emoji, hashtags, links, braces and doubled punctuation."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"https?://\S+|(?<!\w)#\w+", " ", text)
    text = re.sub(r"[\U0001f3fb-\U0001f3ff]", "", text)
    kept = "".join(_GAP if _is_unspeakable(letter) else letter for letter in text)
    kept = re.sub(rf"[\s{_GAP}]*{_GAP}[\s{_GAP}]*(?=[,.;:!?…]|$)|\s+(?=[,.](?:\s|$))", "", kept)  # a French " !" keeps its blank
    kept = re.sub(r"(?<![^\s])[\u200c\u200d]+|[\u200c\u200d]+(?=\s|$)", "", kept.replace(_GAP, " "))
    kept = re.sub(r"[.…]{2,}", "…", kept)
    kept = re.sub(r"([!?])[!?]+", r"\1", kept)
    return re.sub(r"[ \t\n\r]+", " ", kept).strip().lstrip(" ,;:|?!…-–—").rstrip(" ,;:|-–—")


def _is_unspeakable(letter: str) -> bool:
    return letter in "{}\ufe0f\u20e3*_`" or (unicodedata.category(letter) in _UNSPEAKABLE and letter not in _SPOKEN)


_GAP = "\x00"
"""A placeholder for removed text that cannot be spoken."""
_UNSPEAKABLE = {"So", "Cc", "Cf", "Cs", "Co", "Cn"}
_SPOKEN = "°\u200c\u200d"
"""Degrees are spoken; joiners and non-joiners are spelling in Persian and in Indian scripts."""


def _name(text: str) -> str | None:
    """Return a phrase that can follow "about" and is short enough to be repeated; None without one."""
    text = re.sub(r"\s+explained$", "", text, flags=re.IGNORECASE)
    text = re.sub(_WRAPPING, "", text, flags=re.IGNORECASE)
    listed = re.match(rf"(?:top |the )?(?:\d+|{'|'.join(_COUNTS)})\s+(?:\w+ ){{0,2}}?{_LIST_NOUNS}\b", text, re.IGNORECASE)
    question = text.lower().split(" ")[0] in CLAUSE_WORDS
    found = _question(text) if question else _list(text) if listed else _plain(text)
    if found is None or len(found) > MAX_NAME_CHARACTERS or count_words(found) > MAX_NAME_WORDS or not re.search(r"\w", found):
        return None
    return found


def _question(text: str) -> str | None:
    """Return the gerund of a how-to, or the indirect form of a question where that is safe; else None."""
    rules: list[tuple[str, str | None]] = [
        (r"how (?:to|do (?:you|i|we)|can (?:you|i|we)) (.+)", None),
        (r"(how|why) do (?!you\b|we\b|i\b)(.+)", r"\1 \2"),
        (r"how does (.+) work", r"how \1 works"),
        (r"(?:what|who) (?:is|are|was|were) ((?!it\b|this\b|that\b|the best\b|happening\b|going\b|wrong\b).+)", r"\1"),
    ]
    for pattern, form in rules:
        match = re.fullmatch(pattern, text, re.IGNORECASE)
        if match:
            return as_gerund(match[1]) if form is None else _lowered(match.expand(form))
    second = [*plain_words(text), ""][1]
    inverted = second in AUXILIARIES
    return None if inverted or len(plain_words(text)) < 3 else text[0].lower() + text[1:]


def _list(text: str) -> str | None:
    """Return the topic of a list: `saving money` for `5 ways to save money`, `Saturn` for `10 facts about Saturn`."""
    match = re.fullmatch(r"(?:top |the )?(?:\d+|" + "|".join(_COUNTS) + r")\s+(.+)", text, re.IGNORECASE)
    if not match:
        return None
    rest = match[1]
    inner = re.fullmatch(rf".*?\b{_LIST_NOUNS} to (.+)", rest, re.IGNORECASE)
    if inner:
        return as_gerund(inner[1])
    inner = re.fullmatch(rf".*?\babout (.+)|.*?\b{_LIST_NOUNS} (?:for|of|on|from) (.+)", rest, re.IGNORECASE)
    if inner:
        return _plain(inner[1] or inner[2])
    return None if re.search(r"\b(?:that|you|reasons?)\b", rest, re.IGNORECASE) else _plain(rest)


def _plain(text: str) -> str | None:
    """Return a name unchanged, an imperative as a gerund, and None for a whole sentence."""
    words = plain_words(text)
    if not words or words[0] in REFUSALS or words[0] in VERBS | PRONOUNS - {"this", "that"}:
        return as_gerund(text) if words and words[0] in ORDERS else None
    if words[0] in ORDERS and len(words) > 1:
        return as_gerund(text)
    described = (
        2 if words[0] in DETERMINERS and words[0] not in {"this", "these", "those"} else 1
    )  # "the lost city": lost is no verb here
    verb = next((i for i, word in enumerate(words) if i >= described and word in VERBS), None)
    relative = next(
        (i for i, word in enumerate(words) if i and word in {"that", "which", "who", "whose", "where", "we", "you", "nobody"}), None
    )
    if words[0] in {"this", "that"} or re.search(r"[,?…]", text) or (verb is not None and (relative is None or verb < relative)):
        return None
    return _lowered(text)


def _lowered(text: str) -> str:
    """Return the text for mid-sentence: articles and plain adjectives lose their capital, names keep it."""
    first, _, rest = text.partition(" ")
    titled = any(word[:1].isupper() for word in rest.split() if len(word) > 3)
    if first.lower() in DETERMINERS | CLAUSE_WORDS or (first.lower() in PLAIN_ADJECTIVES and not titled):
        return first.lower() + text[len(first) :]
    return text


def _quietened(text: str) -> str:
    """Return a title in capitals in title case, with known acronyms unchanged."""
    letters = [letter for letter in text if letter.isalpha() and letter.lower() != letter.upper()]
    shouted = sum(letter.isupper() for letter in letters) > 0.8 * len(letters) if letters else False
    if not shouted or (len(text.split()) == 1 and len(letters) <= 4):
        return text
    words = [_quiet_word(word, first=index == 0) for index, word in enumerate(text.split())]
    return " ".join(words)


def _quiet_word(word: str, *, first: bool) -> str:
    core = re.sub(r"\W", "", word)
    if core in ACRONYMS:
        return word
    lower = word.lower().replace("i\u0307", "i")  # the Turkish İ
    return lower if core.lower() in SMALL_WORDS and not first else word[:1] + lower[1:]


def _cut(sentence: str, most_words: int) -> str:
    """Return the first words of a sentence, or the first phrases in a language without blanks; one long word is not cut."""
    words = sentence.split()
    kept = words[:most_words]
    while len(kept) > 2 and kept[-1].lower().strip(",") in SMALL_WORDS | DETERMINERS:
        kept.pop()
    if count_words(" ".join(kept)) > most_words + 1:
        return _first_phrases(sentence, most_words)
    return sentence if len(kept) == len(words) else " ".join(kept).rstrip(" .,;:!?-–—…") + "…"


def _first_phrases(sentence: str, most_words: int) -> str:
    """Return the first phrases of a sentence without blanks; the whole sentence where there are no boundaries."""
    kept = ""
    for phrase in units(sentence, NEVER_TOO_WIDE):
        if kept and count_words(kept + phrase.text) > most_words:
            return kept.rstrip(" .,;:!?-–—…，、；：") + "…"
        kept += phrase.text
    return sentence


def _subject(text: str) -> str:
    if len(text) > MAX_SUBJECT_CHARACTERS:
        text = shortened(text, MAX_SUBJECT_CHARACTERS).removesuffix("…").rstrip(" ,;:.")
    return text.replace('"', "") or "untitled"


def _count(text: str) -> int | None:
    match = re.match(r"(?:top |the )?(\d{1,2}|" + "|".join(_COUNTS) + r")\b(?!\s*%|[.,:]\d)\s+[^\W\d]", text, re.IGNORECASE)
    number = (int(match[1]) if match[1].isdigit() else _COUNTS[match[1].lower()]) if match else 0
    return number if 2 <= number <= 12 else None
