"""Parses an archetype: one kind of video, described in one data file of templates/archetypes/.

A new kind of video is a new file; no code names the kinds. The file serves both planners: Claude uses the structure and the
craft advice, the local planner the variants. There is no I/O here: the store reads the bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenxsom.errors import BadDefinition, BadSettings, Problem
from tenxsom.media.sound.moods import MOODS, USUAL
from tenxsom.model.problems import LANGUAGE_TAG, SHORT_NAME, WITHOUT_HASH, sentence_of
from tenxsom.model.strict_json import parse_object
from tenxsom.planning.sentences import is_closed
from tenxsom.spelling import closest, did_you_mean

RETIRED_SLOTS = frozenset({"fact", "detail", "Detail"})
"""Once a sentence or a phrase of the prompt. They are accepted, and their variants are not used: a user's words are not mixed with
ours."""
SPOKEN_SLOTS = frozenset({"headline", "topic", "Topic", "name", "number", "Number"}) | RETIRED_SLOTS
"""headline: the title as a sentence. topic: its name in mid-sentence, or the archetype's stand-in. name: the name, if there is one.
number: which repetition this is, as a word. Capitals start a sentence."""
PICTURE_SLOTS = frozenset({"subject"})
"""subject: the topic of the picture, in a few words."""

Line = Annotated[str, Field(min_length=1, max_length=240)]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
Keyword = Annotated[str, Field(min_length=2, max_length=40, pattern=WITHOUT_HASH)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Look(_Strict):
    """The visual style, in words that are part of every picture's prompt."""

    palette: str = Field(min_length=3, max_length=80)
    light: str = Field(min_length=3, max_length=80)
    lens: str = Field(min_length=3, max_length=80)
    camera: str = Field(min_length=3, max_length=160)


class SegmentTemplate(_Strict):
    """One kind of segment with its variants."""

    kind: str = Field(pattern=SHORT_NAME)
    role: str = Field(min_length=3, max_length=200, description="What this segment does to the viewer.")
    weight: float = Field(gt=0, le=10, description="Its share of the video, in proportion to the others.")
    least_seconds: float = Field(ge=0.5, le=20)
    most_seconds: float = Field(default=15, ge=2, le=30, description="Above this a repeating segment is told in several.")
    priority: int = Field(ge=1, le=20, description="1 stays in the shortest video.")
    repeats: bool = False
    pairs: int = Field(
        default=0, ge=0, le=30, description="So many first texts and pictures belong together: the n-th to the n-th."
    )
    spoken: list[Annotated[list[Line], Field(min_length=1, max_length=8)]] = Field(min_length=4, max_length=30)
    """Each variant is a list of sentences: the first is always spoken, the next ones while there is time."""
    screen: list[Annotated[str, Field(min_length=1, max_length=80)]] = Field(min_length=4, max_length=30)
    visual: list[Annotated[str, Field(min_length=40, max_length=330)]] = Field(min_length=4, max_length=30)


class Archetype(_Strict):
    """One kind of video."""

    name: str
    """The name of its file, and of a definition's `archetype`."""
    title: str = Field(min_length=3, max_length=60)
    description: str = Field(min_length=10, max_length=300)
    language: str = Field(
        default="en",
        pattern=LANGUAGE_TAG,
        description="The language of its spoken texts, lines and descriptions; films in other languages are not framed with them.",
    )
    voice: str = Field(min_length=3, max_length=250)
    words_per_second: float = Field(ge=1.0, le=3.2)
    stand_in: str = Field(min_length=3, max_length=40, description="Said instead of the topic when the title holds no short name.")
    one_thread: bool = Field(
        default=False, description="The n-th pictures of all segments show one thing; else only of the first and last."
    )
    visual: Look
    music: str = Field(min_length=3, max_length=300)
    mood: str = Field(default=USUAL, description="The mood of the generated bed, one of `tenxsom.media.sound.moods`.")
    tags: list[Keyword] = Field(min_length=2, max_length=12)
    avoid: list[ShortText] = Field(min_length=1, max_length=20)
    guidance: str = Field(min_length=80, max_length=2000, description="Craft advice for the Claude planner.")
    descriptions: list[ShortText] = Field(min_length=3, max_length=20)
    segments: list[SegmentTemplate] = Field(min_length=2, max_length=12)


def parse_archetype(data: bytes, name: str) -> Archetype:
    """Parse the archetype in `data`. `name` is its file's path or name; its stem is the archetype's name.

    Raises BadSettings that names the file and every problem with its path: the installation is broken, not a job.
    """
    try:
        document = parse_object(data, name)
    except BadDefinition as error:
        raise _bad(name, error.problems) from None
    if "name" in document:
        raise _bad(name, [Problem("name", "remove it: an archetype is called by the name of its file")])
    try:
        archetype = Archetype.model_validate({**document, "name": PurePath(name).stem})
    except ValidationError as error:
        raise _bad(name, [_problem(detail) for detail in error.errors(include_url=False)]) from None
    problems = [*_structure_problems(archetype), *_template_problems(archetype), *_doubles(archetype)]
    if problems:
        raise _bad(name, problems)
    return archetype


def slots_of(template: str) -> list[str]:
    """Return the names of the slots in a template, in order."""
    return re.findall(r"\{([^{}]*)\}", template)


def _structure_problems(archetype: Archetype) -> Iterator[Problem]:
    if archetype.mood not in MOODS:
        hint = did_you_mean(archetype.mood, MOODS)
        yield Problem("mood", f"there is no mood {archetype.mood!r}.{hint} Known: {', '.join(MOODS)}")
    segments = archetype.segments
    kinds = Counter(segment.kind for segment in segments)
    priorities = Counter(segment.priority for segment in segments)
    for index, segment in enumerate(segments):
        if kinds[segment.kind] > 1:
            yield Problem(f"segments.{index}.kind", f"{segment.kind!r} is used twice; give each segment its own kind")
        if priorities[segment.priority] > 1:
            yield Problem(
                f"segments.{index}.priority", f"{segment.priority} is used twice; no two segments may be equally important"
            )
        if segment.most_seconds < segment.least_seconds:
            yield Problem(f"segments.{index}.most_seconds", "it is less than least_seconds")
        if segment.pairs > min(len(segment.spoken), len(segment.visual)):
            yield Problem(
                f"segments.{index}.pairs", f"there are not {segment.pairs} spoken and {segment.pairs} visual variants to be paired"
            )
    if segments[0].priority != 1:
        yield Problem("segments.0.priority", "the first segment must have priority 1: it is what the shortest video keeps")
    for number, ladder in enumerate(segments[0].spoken):
        if "{headline}" not in ladder[0]:
            yield Problem(
                f"segments.0.spoken.{number}.0", "the opening must name the title: put {headline} into its first sentence"
            )
    repeating = [index for index, segment in enumerate(segments) if segment.repeats]
    if repeating and repeating != list(range(repeating[0], repeating[-1] + 1)):
        yield Problem(
            f"segments.{repeating[-1]}.repeats", "the repeating segments must stand side by side, because they repeat as a group"
        )


def _template_problems(archetype: Archetype) -> Iterator[Problem]:
    for path, text, known in _templates(archetype):
        for slot in slots_of(text):
            if slot not in known:
                near = closest(slot, sorted(known))
                hint = f" Did you mean {{{near}}}?" if near else ""
                names = ", ".join(f"{{{name}}}" for name in sorted(known - RETIRED_SLOTS))
                yield Problem(path, f"there is no slot {{{slot}}}.{hint} Known: {names}")
        if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", text)):
            yield Problem(path, "a brace is not closed or not opened")
        if "  " in text or text != text.strip():
            yield Problem(path, "it has spaces too many")
        if ".spoken." in path and not (is_closed(text) or re.search(r"\{(headline|fact)\}$", text)):
            yield Problem(path, "a spoken sentence must end with a full stop, a question mark or an exclamation mark")
        if ".spoken." in path and (re.match(r"\{(?!headline|fact|Topic|Detail|Number)", text) or text[:1].islower()):
            yield Problem(path, "a spoken sentence must start with a capital letter or a slot that brings one, such as {Topic}")
        if ".visual." in path and "{subject}" not in text:
            yield Problem(path, "a picture must have {subject} in it, or it has nothing to do with the title")


def _templates(archetype: Archetype) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield every template of the archetype with its path and the slots that it may use."""
    for index, text in enumerate(archetype.descriptions):
        yield f"descriptions.{index}", text, frozenset({"headline", "name"})
    for index, segment in enumerate(archetype.segments):
        for number, ladder in enumerate(segment.spoken):
            yield from ((f"segments.{index}.spoken.{number}.{step}", text, SPOKEN_SLOTS) for step, text in enumerate(ladder))
        yield from ((f"segments.{index}.screen.{number}", text, SPOKEN_SLOTS) for number, text in enumerate(segment.screen))
        yield from ((f"segments.{index}.visual.{number}", text, PICTURE_SLOTS) for number, text in enumerate(segment.visual))


def _doubles(archetype: Archetype) -> Iterator[Problem]:
    """Yield a problem for every picture and every variant that repeats another one."""
    for index, segment in enumerate(archetype.segments):
        channels = {"spoken": ["\n".join(ladder) for ladder in segment.spoken], "screen": segment.screen, "visual": segment.visual}
        for channel, texts in channels.items():
            for number, text in enumerate(texts):
                if text in texts[:number]:
                    yield Problem(f"segments.{index}.{channel}.{number}", "it repeats an earlier variant word for word")


def _problem(detail: Any) -> Problem:
    path = ".".join(str(part) for part in detail["loc"])
    return Problem(path, sentence_of(detail))


def _bad(name: str, problems: list[Problem]) -> BadSettings:
    lines = [f"The archetype file {name} has {len(problems)} problem{'s' if len(problems) != 1 else ''}."]
    return BadSettings("\n".join(lines + [f"  {problem.path}: {problem.message}" for problem in problems]))
