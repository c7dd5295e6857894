"""Tells a direction to the film maker ("End with …", "Moody neon look.") from a sentence to be spoken, in many languages.

People write prompts as notes in which both are mixed. A direction is followed and never read aloud; a sentence is read aloud and
never changed. In doubt a sentence is spoken: it is the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from tenxsom.planning.direction_words import DIRECTIONS, DirectionWords
from tenxsom.planning.english import DETERMINERS, PRONOUNS, has_verb, plain_words, word_set
from tenxsom.planning.languages import base


class Kind(StrEnum):
    """What a sentence of a prompt is."""

    SAID = "said"
    LOOK = "look"
    VOICE = "voice"
    MUSIC = "music"
    OPENING = "opening"
    ENDING = "ending"
    WORDS = "words"
    """It asks for words that only a planner service can write."""


class Sorted(NamedTuple):
    """A sentence of a prompt with its kind."""

    kind: Kind
    text: str
    """The sentence as written."""
    wish: str = ""
    """The content of a direction: `the tide coming back` of `End with the tide coming back.`; for SAID the words to be spoken."""


_LABELS = (
    (Kind.OPENING, r"hook|opening|intro|first shot|opening shot"),
    (Kind.ENDING, r"ending|outro|cta|call to action|last shot|final shot|closing"),
    (Kind.MUSIC, r"music|soundtrack|sound"),
    (Kind.VOICE, r"tone|voice|voice-?over|narrator|pace|pacing|(?:target )?audience|language|tempo"),
    (
        Kind.LOOK,
        (
            r"look|style|mood|camera|palette|colou?rs|visuals?|visual style|setting|format|aspect ratio|length|duration|lighting|"
            r"notes?|b-?roll|vibe|aesthetic|shots?|scenes?|location"
        ),
    ),
)
_STYLE_WORDS = word_set(
    """
    aerial ambient acoustic airy animated atmospheric bold bright brisk calm candid casual cheerful cinematic clean cold colourful
    colorful concise conversational cool cosy cozy crisp dark dramatic dreamy dynamic earthy electronic elegant energetic engaging
    epic factual fast filmic formal friendly fun funny gentle glossy golden gritty grainy handheld happy hopeful humorous
    informal inspiring intimate light lively lo-fi macro melancholic minimal minimalist modern monochrome moody muted mysterious
    natural neon neutral nostalgic orchestral organic pastel playful poetic polished professional punchy quick quiet quirky raw
    realistic relaxed retro rough rustic sad satisfying serene serious sharp short simple sleek slow smooth sober soft soothing
    spooky static steady stylish subtle surreal suspenseful tense upbeat uplifting vibrant vintage vivid warm whimsical wide witty
    """
)
_TONES = word_set(
    """
    calm candid casual cheerful concise conversational engaging energetic factual friendly formal fun funny humorous informal
    inspiring light playful poetic punchy relaxed serious short simple sober upbeat uplifting witty
    """
)
"""Words for the manner of speaking rather than for the picture."""
_NOTE_NOUNS = (
    r"(?:looks?|style|aesthetics?|palette|vibes?|lighting|mood|cinematography|b-?roll|close-?ups?|footage|bokeh|depth of field|"
    r"grading|shots?|slow motion|push-?ins?|film grain|tones?|pacing|soundtrack|voice-?over|narration|transitions?|cinematic|35mm)"
)
_CAMERA = (
    r"push-?in|pull-?back|dolly|close-?ups?|b-?roll|bokeh|depth of field|handheld|time-?lapse|slow motion|slow-?mo|35mm|film grain|"
    r"(?:tracking|drone|aerial|establishing|wide|macro) shots?"
)
_WEAK_NOUNS = r"(?:music|camera|colou?rs?|pace|voice|light|video|piano|zooms?|pans?|animation)"
_ASKS = (
    r"(?:please )?(?:mention|explain|describe|discuss|talk about|tell the (?:story|tale) of|explore|highlight|emphasi[sz]e|"
    r"touch on|focus on|concentrate on|reveal|elaborate on|summari[sz]e|list)\b"
)
_ASKS_WITH_LISTS = r"(?:please )?(?:cover|include|compare|feature|show|tell)\b"
_QUESTION_WORDS = r"(?:how|why|what|when|where|who|whether|that)\b"
_FILM_ENDINGS = (
    r"(?:an?|the|one|some|your)? ?(?:\w+ ){0,2}?(?:question|call|cta|hook|shot|close-?up|wide|view|image|picture|scene|frame|quote|"
    r"line|logo|title|slogan|invitation|note|look|glimpse|sunset|sunrise|joke|statistic|fact|fade|cliffhanger|twist|punch ?line|"
    r"teaser|reveal|promise|thought|reminder|silhouette|landscape|panorama)\b"
)
_ABSTRACT = (
    r"(?:question|call|cta|hook|quote|line|slogan|invitation|note|joke|statistic|fact|cliffhanger|twist|punch ?line|teaser|promise|"
    r"thought|reminder|frage|question|pregunta|domanda|pergunta|vraag|pytani\w+|вопрос\w*|питання\w*|soru\w*|问题|提问|问|問い\w*|質問|질문|سؤال|"
    r"सवाल|प्रश्न|câu hỏi|pertanyaan|คำถาม|שאלה|ερώτηση|otázk\w+|aufruf|appel|llamada|chiamata|chamada|zitat|citation|cita)"
)
_QUOTED = re.compile('[“„«"「『]\\s*([^“”„«»"「」『』]{2,200}?)\\s*[”“»"」』]')
_SUBJECT_SHOULD = re.compile(
    r"(?:the |this )?(?:video|film|clip|tone|mood|style|camera|music|voice|narrator|narration|visuals?|look|lighting|colou?rs|pace|"
    r"pacing|ending|opening|script|voice-?over|captions?)s? (?:should|must|shall|has to|have to|needs? to|ought to)\b|"
    r"(?:the )?(?:tone|mood|pacing|vibe) (?:is|stays|remains)\b",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"(?:please )?(?:make|keep) (?P<it>it|this|that|things|everything|the (?:tone|video|film|clip|script|mood|language|pace|"
    r"whole thing|visuals|look|style|narration|voice))\b(?P<rest>.*)",
    re.IGNORECASE,
)
_DETERMINER = re.compile(rf"(?<!of )(?<!on )(?<!in )(?<!at )\b(?:{'|'.join(sorted(DETERMINERS))})\b", re.IGNORECASE)
_NEGATIVE = re.compile(
    r"(?:no|without|keine?n?|ohne|pas de|sans|sin|nada de|senza|niente|sem|geen|zonder|inga?|utan|bez|без|tanpa|χωρίς|ללא|בלי|"
    r"بدون)\s",
    re.IGNORECASE,
)


def sort_sentence(sentence: str, language: str) -> Sorted:
    """Return the kind of a sentence in a prompt in `language`. English directions are recognised in every prompt."""
    spoken = Sorted(Kind.SAID, sentence, sentence)
    bare = sentence.strip().rstrip(" .!。！।")
    if re.search(r"[?？؟]$", sentence.strip()) or len(bare.split()) > 40:
        return spoken
    for tongue in dict.fromkeys((base(language), "en")):
        is_own = tongue == base(language)
        found = _by_language(bare, sentence, tongue, is_own=is_own) if tongue in DIRECTIONS else None
        if found:
            return found
    return spoken


def quoted(text: str) -> str:
    """Return the words in quotation marks in a direction, which are meant to be spoken; empty without any."""
    found = _QUOTED.search(text)
    return found[1] if found else ""


def is_picture(wish: str) -> bool:
    """Return whether a wish for the opening or the ending can be shown: `the tide` can, `a question` cannot."""
    return bool(wish) and not re.search(_word(_ABSTRACT), wish, re.IGNORECASE)


def _by_language(bare: str, sentence: str, language: str, *, is_own: bool) -> Sorted | None:
    words = DIRECTIONS[language]
    return (
        _labelled(bare, sentence, words)
        or _at_an_end(bare, sentence, language, words)
        or (_english(bare, sentence) if language == "en" else None)
        or _ordered(bare, sentence, language, words)
        or _noted(bare, sentence, language, words, is_own=is_own)
    )


def _labelled(bare: str, sentence: str, words: DirectionWords) -> Sorted | None:
    """Return a direction with a label in front: `Style: noir`."""
    match = re.match(r"([^:：]{2,24}?)\s*[:：]\s*(.+)", bare)
    if not match:
        return None
    label, wish = match[1], match[2]
    for kind, names in _LABELS:
        if re.fullmatch(names, label, re.IGNORECASE):
            return Sorted(kind, sentence, wish)
    for kind, names in ((Kind.MUSIC, words.music), (Kind.VOICE, words.voice), (Kind.LOOK, words.film)):
        if re.fullmatch(names, label, re.IGNORECASE):
            return Sorted(kind, sentence, wish)
    return None


def _at_an_end(bare: str, sentence: str, language: str, words: DirectionWords) -> Sorted | None:
    """Return a direction about the opening or the ending."""
    for kind, pattern in ((Kind.ENDING, words.ends), (Kind.OPENING, words.opens)):
        if match := re.match(pattern, bare, re.IGNORECASE):
            return Sorted(kind, sentence, bare[match.end() :].strip(" ,") if words.verb_first and words.words else bare)
    if language != "en":
        return None
    pattern = (
        r"(?:please )?(close|finish|start|open|begin|kick off)(?: it| this| the (?:video|film|clip))? (?:with|on|by) "
        rf"({_FILM_ENDINGS}.*|[“\"].*)"
    )
    if match := re.match(pattern, bare, re.IGNORECASE):
        kind = Kind.ENDING if match[1].lower() in ("close", "finish") else Kind.OPENING
        return Sorted(kind, sentence, match[2])
    return None


def _english(bare: str, sentence: str) -> Sorted | None:
    """Return what only English has patterns for: wishes for content, and sentences such as `Make it cinematic`."""
    if re.search(r"\b(?:your|yourself)\b", bare, re.IGNORECASE):
        return None
    if asked := _asked(bare, sentence):
        return asked
    if made := _MADE.fullmatch(bare):
        is_about_it = made["it"].lower() in ("it", "this", "that", "things", "everything")
        style = _STYLE_WORDS & {*plain_words(made["rest"])}
        if not is_about_it or style:
            return Sorted(Kind.VOICE if style & _TONES else _kind(bare, DIRECTIONS["en"]), sentence, bare)
    if _SUBJECT_SHOULD.match(bare):
        return Sorted(_kind(bare, DIRECTIONS["en"]), sentence, bare)
    if re.match(r"be\b", bare, re.IGNORECASE) and len(bare.split()) <= 5 and _STYLE_WORDS & {*plain_words(bare)}:
        return Sorted(Kind.VOICE, sentence, bare)
    return None


def _asked(bare: str, sentence: str) -> Sorted | None:
    """Return a wish for content: its clause or its list is spoken, without the words that ask for it."""
    is_list = len(re.split(r",\s|\s(?:and|or)\s", bare)) > 2
    match = re.match(rf"{_ASKS}\s*(.*)", bare, re.IGNORECASE)
    if not match:
        match = re.match(rf"{_ASKS_WITH_LISTS}\s+(.*)", bare, re.IGNORECASE)
        if (
            match
            and re.match(r"(?:me |us |the viewers? )?(?:an?|one|some)\s", match[1], re.IGNORECASE)
            and bare.lower().startswith("show")
        ):
            return Sorted(Kind.LOOK, sentence, match[1])
        if match and re.match(r"(?:a )?call to action", match[1], re.IGNORECASE):
            return Sorted(Kind.WORDS, sentence, bare)
        if not match or not (is_list or re.match(_QUESTION_WORDS, match[1], re.IGNORECASE)):
            return None
    content = re.sub(r"^that\s+", "", match[1], flags=re.IGNORECASE)
    return Sorted(Kind.SAID, sentence, content[:1].upper() + content[1:]) if content else None


def _ordered(bare: str, sentence: str, language: str, words: DirectionWords) -> Sorted | None:
    """Return an order that speaks of the film: `Use warm colours`."""
    finder = re.match if words.verb_first else re.search
    if not finder(words.orders, bare, re.IGNORECASE) or not _mentions_the_film(bare, words):
        return None
    if _NEGATIVE.match(bare) and (len(bare.split()) > (6 if language == "en" else 3) or has_verb(bare)):
        return None
    return Sorted(_kind(bare, words), sentence, bare)


def _noted(bare: str, sentence: str, language: str, words: DirectionWords, *, is_own: bool) -> Sorted | None:
    """Return a note without a verb: `Moody neon look`, `Warme Farben`. In a foreign language each of its items must be one."""
    items = [item.strip() for item in re.split(r"[,;،、，；]\s*", bare) if item.strip()]
    is_note = (
        _is_english_note(items, all if not is_own else any)
        if language == "en"
        else all(_is_note(item, language, words) for item in items)
    )
    return Sorted(_kind(bare, words), sentence, bare) if items and is_note else None


def _is_note(item: str, language: str, words: DirectionWords) -> bool:
    spoken_of = rf"(?:{words.film}|{words.voice}|{words.music})"
    if not words.words:
        return len(item) <= 12 and bool(re.search(rf"{spoken_of}$", item, re.IGNORECASE))
    count = len(item.split())
    starts_so = language in ("fr", "es", "it", "pt", "ar", "he", "vi", "id", "th") and re.match(
        rf"{spoken_of}\b", item, re.IGNORECASE
    )
    ends_so = re.search(rf"(?:^|\s){spoken_of}$", item, re.IGNORECASE)
    return 2 <= count <= 3 and bool(starts_so or ends_so) and not _has_an_article(item)


def _has_an_article(item: str) -> bool:
    articles = (
        r"(?:der|die|das|ein|eine|le|la|les|un|une|el|los|las|una|il|lo|gli|o|a|os|as|um|uma|de|het|een|den|det|en|ett|ο|η|το)\s"
    )
    return bool(re.match(articles, item, re.IGNORECASE))


def _is_english_note(items: list[str], enough: Callable[[Iterable[bool]], bool]) -> bool:
    """Return whether these are notes in English: none is a sentence, and `enough` of them (any or all) speak of the film."""
    if any(re.search(_word(_CAMERA), item, re.IGNORECASE) for item in items) and not any(has_verb(f"x {item}") for item in items):
        return sum(len(item.split()) for item in items) <= 14
    if any(len(item.split()) > 6 or has_verb(f"x {item}") or _begins_like_a_sentence(item) for item in items):
        return False
    if all({*plain_words(item)} - {"and", "but", "very", "not", "too"} <= _STYLE_WORDS for item in items):
        return True
    return enough(_speaks_of_a_film(item) for item in items) and not any(_DETERMINER.search(item) for item in items)


def _speaks_of_a_film(item: str) -> bool:
    words = plain_words(item)
    if re.search(rf"(?:^|\s){_NOTE_NOUNS}$", item, re.IGNORECASE):
        return len(words) <= 2 or bool(_STYLE_WORDS & {*words}) or not _may_have_a_verb(words)
    return bool(re.search(rf"(?:^|\s){_WEAK_NOUNS}$", item, re.IGNORECASE) and _STYLE_WORDS & {*words[:-1]})


def _may_have_a_verb(words: list[str]) -> bool:
    """Return whether a word between the first and the last one looks like a verb: `Sailors trust the look`, `Owls loved shots`."""
    return any(word.endswith(("ed", "es", "s")) for word in words[1:-1])


def _begins_like_a_sentence(item: str) -> bool:
    first = plain_words(item)[:1]
    return bool(first) and first[0] in DETERMINERS | PRONOUNS - {"this", "that"}


def _mentions_the_film(text: str, words: DirectionWords) -> bool:
    every = f"{words.film}|{words.voice}|{words.music}"
    return bool(re.search(_word(every) if words.words else every, text, re.IGNORECASE))


def _kind(text: str, words: DirectionWords) -> Kind:
    for kind, names in ((Kind.MUSIC, words.music), (Kind.VOICE, words.voice)):
        if re.search(_word(names) if words.words else names, text, re.IGNORECASE):
            return kind
    return Kind.LOOK


@lru_cache(maxsize=256)
def _word(pattern: str) -> str:
    return rf"(?<!\w)(?:{pattern})(?!\w)"
