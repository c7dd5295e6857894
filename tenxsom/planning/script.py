"""The user's own script: its parts, which are never changed, and whether they fit into the film."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tenxsom.errors import Problem
from tenxsom.model.definition import FASTEST, JobDefinition, ScriptSegment
from tenxsom.planning.sentences import cut, fewer, grouped, of_line, speakable
from tenxsom.planning.speaking import spoken_seconds
from tenxsom.text import one_line

MAX_SEGMENTS = 60
MOST_SECONDS = 600.0
LEAST_PART_SECONDS, LONGEST_PART_SECONDS = 2.5, 8.0
"""A picture stays from about three to eight seconds."""


class Part(NamedTuple):
    """One part of a film with the user's words."""

    text: str
    visual: str = ""
    """The user's own picture; empty where the planner chooses one."""
    seconds: float | None = None
    """The length that the user asks for."""
    about: str = ""
    """What the planner's picture is about, where that is not the text."""


def script_parts(script: str | list[ScriptSegment], seconds_of: Callable[[str], float]) -> list[Part]:
    """Return the parts of a script: a list's own ones, or one text cut by sense. Every word is in them once, and in order."""
    if isinstance(script, str):
        return [Part(text) for text in fewer(_by_sense(script, seconds_of), MAX_SEGMENTS)]
    return [Part(one_line(each.text), one_line(each.visual or ""), each.seconds) for each in script]


def script_problems(definition: JobDefinition, platform_seconds: float | None = None) -> list[Problem]:
    """Return what is wrong with a definition's script, with the numbers; empty without a script.

    `platform_seconds` is the longest film that its platform takes.
    """
    if definition.script is None:
        return []
    limit = _limit(definition, platform_seconds)
    return [*_unspoken(definition.script), *_lengths(definition, limit, platform_seconds)]


def _unspoken(script: str | list[ScriptSegment]) -> Iterator[Problem]:
    texts = {"script": script} if isinstance(script, str) else {f"script.{i}.text": part.text for i, part in enumerate(script)}
    for path, text in texts.items():
        if not speakable(text):
            yield Problem(path, "it has no letter or digit that can be spoken")


def _lengths(definition: JobDefinition, limit: float, platform_seconds: float | None) -> Iterator[Problem]:
    parts = script_parts(definition.script or "", spoken_seconds)
    for number, part in enumerate(parts):
        needed = spoken_seconds(part.text) / FASTEST
        if part.seconds is not None and needed > part.seconds + 0.5:
            said = f"its words take about {needed:.0f} seconds even when they are spoken fast; give it more, or shorten it"
            yield Problem(f"script.{number}.seconds", f"{part.seconds:g} seconds are too few: {said}")
    given = sum(part.seconds or 0 for part in parts)
    open_parts = [part for part in parts if part.seconds is None]
    needed = sum(spoken_seconds(part.text) / FASTEST for part in open_parts)
    place = "the platform" if limit == platform_seconds else "target_duration"
    if given > limit + 1e-6:
        yield Problem("script", f"the seconds of its segments add up to {given:g}; {place} allows {limit:g}")
    elif given + needed > limit + 0.5:
        yield Problem("script", _too_long(given, needed, limit, place, len(open_parts)))
    elif not open_parts and given < definition.target_duration - 0.5:
        yield Problem(
            "script",
            f"the seconds of its segments add up to {given:g}; target_duration is {definition.target_duration:g}. Change one of"
            " them, or leave out the seconds of a segment, which then fills the film",
        )


def _too_long(given: float, needed: float, limit: float, place: str, count: int) -> str:
    if given:
        return (
            f"the seconds of its segments add up to {given:g}, and the {count} without seconds take about {needed:.0f} even when "
            f"they are spoken fast; {place} allows {limit:g}"
        )
    return f"its words take about {needed:.0f} seconds even when they are spoken fast; {place} allows {limit:g}. Shorten it" + (
        ", or raise target_duration" if place == "target_duration" else ", or choose another platform"
    )


def _limit(definition: JobDefinition, platform_seconds: float | None) -> float:
    """Return the longest film: its target where that is exact, else what the platform takes."""
    most = min(platform_seconds or MOST_SECONDS, MOST_SECONDS)
    return min(definition.target_duration, most) if definition.length == "exact" else most


def _by_sense(text: str, seconds_of: Callable[[str], float]) -> list[str]:
    """Cut a text at its paragraphs and sentences, long sentences at their clauses; short neighbours stay together."""
    parts: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        pieces = [piece for sentence in _sentences(paragraph) for piece in cut(sentence, seconds_of, LONGEST_PART_SECONDS)]
        parts += grouped(pieces, seconds_of, LEAST_PART_SECONDS, LONGEST_PART_SECONDS)
    return parts


def _sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph with everything that is written in it: the user's script loses no sign."""
    lines = [one_line(line) for line in re.split(r"[\r\n\u2028\u2029\v\f]+", paragraph)]
    return [sentence for line in lines if line for sentence in of_line(line)]
