"""Arranges a user's own words in a film: the hook, the sentences that fit, and how long each part lasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tenxsom.model.blueprint import share_out
from tenxsom.model.definition import JobDefinition
from tenxsom.planning.english import bare, count_words
from tenxsom.planning.languages import fits
from tenxsom.planning.prompts import Wishes
from tenxsom.planning.script import LONGEST_PART_SECONDS, MAX_SEGMENTS, Part, script_parts
from tenxsom.planning.sentences import cut, fewer, grouped
from tenxsom.planning.speaking import spoken_seconds
from tenxsom.planning.titles import Title

HURRY = 1.1
"""So much faster than its usual pace a voice may be planned to speak; it can speak faster still where an estimate is wrong."""
PAUSE_SECONDS = 0.35
"""A breath between two sentences."""
MAX_HOOK_WORDS = 14
"""A longer title is no hook: the film begins with the first sentence."""
LEAST_SEGMENT_SECONDS = 2.0


class Telling(NamedTuple):
    """The user's words that a film says, in order."""

    parts: list[Part]
    left_out: list[str]
    """Sentences that do not fit into the film."""
    has_hook: bool
    """Whether the first part is the title, or the words that the user wants first."""
    seconds: float
    """How long speaking takes, with pauses."""


def of_script(definition: JobDefinition, words_per_second: float) -> Telling:
    """Return the whole script."""
    parts = script_parts(definition.script or "", lambda text: spoken_seconds(text, words_per_second))
    return Telling(parts, [], has_hook=False, seconds=_needed([part.text for part in parts], words_per_second))


def of_prompt(definition: JobDefinition, wishes: Wishes, title: Title, language: str, words_per_second: float) -> Telling:
    """Return the sentences of a prompt that fit into the film, in order, behind the hook."""
    room = definition.target_duration * HURRY
    hook = wishes.first_words or _title_hook(wishes, title, language)
    last = [wishes.last_words] if wishes.last_words else []
    said = list(wishes.said)
    with_hook = _count_that_fit([hook, *last] if hook else last, said, room, words_per_second)
    alone = _count_that_fit(last, said, room, words_per_second)
    if hook and not wishes.first_words and with_hook < alone and (with_hook == 0 or alone == len(said)):
        hook, with_hook = "", alone
    is_cut = bool(hook) and not said and not last and _needed([hook], words_per_second) > room
    if is_cut or (not hook and not with_hook and not last):
        spoken_title = title.headline(room * words_per_second)  # a title that is too long for the film is cut
        hook = spoken_title if not said or fits(title.headlines[0], language) else said[0]
        with_hook = 1 if said and hook == said[0] else 0
        return Telling([Part(hook)], said[with_hook:], has_hook=True, seconds=_needed([hook], words_per_second))
    told, longest = said[:with_hook], LONGEST_PART_SECONDS
    pieces = [piece for text in told for piece in cut(text, lambda text: spoken_seconds(text, words_per_second), longest)]
    texts = [*([hook] if hook else []), *pieces, *last]
    seconds = _needed(texts, words_per_second)
    return Telling([Part(text) for text in texts], said[with_hook:], has_hook=bool(hook), seconds=seconds)


def condensed(telling: Telling, total: float, words_per_second: float) -> Telling:
    """Return the telling with short neighbours in one part, so that no picture flashes by. Parts of the user's list stay."""
    if any(part.visual or part.seconds for part in telling.parts):
        return telling
    hook = telling.parts[: int(telling.has_hook)]
    texts = [part.text for part in telling.parts[len(hook) :]]
    stretch = max(1.0, total / max(telling.seconds, 0.1))
    joined = grouped(
        texts,
        lambda text: (spoken_seconds(text, words_per_second) + PAUSE_SECONDS) * stretch,
        LEAST_SEGMENT_SECONDS,
        LONGEST_PART_SECONDS,
    )
    most = max(1, min(MAX_SEGMENTS - len(hook), int(total) - len(hook)))
    return telling._replace(parts=[*hook, *(Part(text) for text in fewer(joined, most))])


def durations(parts: Sequence[Part], total: float, words_per_second: float) -> list[float]:
    """Return the seconds of each part, which add up to `total` exactly: those that the user asks for, the rest by its words."""
    weights = [spoken_seconds(part.text, words_per_second) + PAUSE_SECONDS for part in parts]
    given = sum(part.seconds or 0 for part in parts)
    free = [index for index, part in enumerate(parts) if part.seconds is None]
    left = round(total - given, 3)
    if not given or (free and left < 0.5 * len(free)) or (not free and left):
        wanted = [part.seconds or weight for part, weight in zip(parts, weights, strict=True)]
        return share_out(wanted, total, min(1.0, total / len(parts) / 2))
    shares = iter(share_out([weights[index] for index in free], left, min(1.0, left / len(free) / 2)) if free else [])
    return [next(shares) if part.seconds is None else part.seconds for part in parts]


def _title_hook(wishes: Wishes, title: Title, language: str) -> str:
    """Return the title as the hook; empty where the first sentence is one itself, or where the title is in another language."""
    headline, first = title.headlines[0], wishes.said[0] if wishes.said else ""
    is_question = first.rstrip("\"'”»」』").endswith(("?", "？", "؟", ";")) and count_words(first) <= MAX_HOOK_WORDS
    says_it = bare(headline).lower() in first.lower()
    if (first and (is_question or says_it)) or count_words(headline) > MAX_HOOK_WORDS or not fits(headline, language):
        return ""
    return headline


def _count_that_fit(fixed: Sequence[str], said: Sequence[str], room: float, words_per_second: float) -> int:
    """Return how many of the sentences, from the first on, can be spoken in `room` seconds together with the fixed texts."""
    left = room - _needed(fixed, words_per_second)
    for count, text in enumerate(said):
        left -= _needed([text], words_per_second)
        if left < -PAUSE_SECONDS:  # the last sentence needs no pause after it
            return count
    return len(said)


def _needed(texts: Sequence[str], words_per_second: float) -> float:
    return sum(spoken_seconds(text, words_per_second) + PAUSE_SECONDS for text in texts)
