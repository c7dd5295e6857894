"""The JSON schema of a planning service's plan, and its strict parsing and checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tenxsom.errors import BadDefinition, PlanFailed, Problem
from tenxsom.model.blueprint import Segment, VideoPlan, share_out, with_times
from tenxsom.model.definition import JobDefinition
from tenxsom.model.strict_json import parse_object
from tenxsom.planning.languages import is_same, language_of
from tenxsom.planning.script import Part
from tenxsom.planning.speaking import spoken_seconds
from tenxsom.planning.telling import durations
from tenxsom.text import one_line

AnswerKind = TypeVar("AnswerKind", bound=BaseModel)

MAX_CUE = 600
"""The longest visual cue, in characters; video models handle longer prompts badly."""

_KEYWORDS = ("type", "description", "enum", "items", "properties", "required", "additionalProperties", "$ref", "$defs")
"""The keywords of JSON Schema that structured outputs support and we use; bounds are refused, so the descriptions contain them
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs)."""

_TOLERATED = 0.20
"""The relative deviation of the durations' sum from the target that is corrected by rescaling; a plan beyond it is refused."""


class AnswerRefused(PlanFailed):
    """The answer breaks our rules; `problems` can be sent back to the service."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{problem.path}: {problem.message}" for problem in self.problems[:3]))


class ReadPlan(NamedTuple):
    """A valid plan, and the corrections that it needed."""

    video_plan: VideoPlan
    warnings: list[str]


def _one_line(text: Any) -> Any:
    """Return the text on one line and without control characters, with the blanks of its language unchanged."""
    return one_line(text) if isinstance(text, str) else text


def _tag(text: Any) -> Any:
    return _one_line(text).lstrip("# ") if isinstance(text, str) else text


Line = Annotated[str, BeforeValidator(_one_line)]
Tag = Annotated[str, BeforeValidator(_tag), Field(min_length=1, max_length=60)]


class PlannedSegment(BaseModel):
    """One segment of the video."""

    model_config = ConfigDict(extra="forbid", strict=True)

    segment_type: Line = Field(min_length=1, max_length=60, description="Its role in the story, such as hook or reveal.")
    content: Line = Field(min_length=1, max_length=1200, description="The words of this segment, ready to be spoken or shown.")
    visual_cue: Line = Field(min_length=1, max_length=MAX_CUE, description=f"What the camera sees. At most {MAX_CUE} characters.")
    duration: float = Field(gt=0, le=600, allow_inf_nan=False, description="Seconds.")


class Answer(BaseModel):
    """The plan of one video."""

    # A model writes the fields in this order, from the whole to its parts; the schema contains the docstrings.

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Line = Field(min_length=1, max_length=200, description="The title to publish under. At most 200 characters.")
    description: Line = Field(max_length=2000, description="The text below the video. At most 2,000 characters.")
    tags: list[Tag] = Field(max_length=30, description="5 to 15 search terms without '#'.")
    voice: Line = Field(max_length=300, description="How the narrator sounds. At most 300 characters.")
    visual_style: Line = Field(max_length=500, description="The look all segments share. At most 500 characters.")
    music: Line = Field(max_length=300, description="Mood, tempo and instruments. At most 300 characters.")
    segments: list[PlannedSegment] = Field(min_length=1, max_length=60, description="The segments in the order of the video.")
    left_out: list[Line] = Field(
        default_factory=list, max_length=60, description="Points of the direction that did not fit into the time; mostly empty."
    )


def answer_schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan, with supported keywords only."""
    return schema_of(Answer)


def schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of an answer, with supported keywords only. Every field is required, as OpenAI's strict mode wants."""
    schema: dict[str, Any] = _supported(kind.model_json_schema())
    schema["required"] = list(schema["properties"])
    return schema


def parse_answer(text: str, kind: type[AnswerKind]) -> AnswerKind:
    """Parse a service's response. Raises AnswerRefused with all problems."""
    try:
        return kind.model_validate(parse_object(_bare(text).encode("utf-8", "replace"), "the answer", max_bytes=1024 * 1024))
    except BadDefinition as error:
        raise AnswerRefused(error.problems) from None
    except ValidationError as error:
        raise AnswerRefused([_problem(detail) for detail in error.errors(include_url=False)]) from None


def read_answer(text: str, definition: JobDefinition, script: Sequence[Part] = (), words_per_second: float = 2.5) -> ReadPlan:
    """Parse the plan in a service's response, whose durations add up to the definition's. Raises AnswerRefused with all problems.

    With a script its words are the user's and not the answer's, and so are the lengths.
    """
    answer, target = parse_answer(text, Answer), definition.target_duration
    if script:
        return _with_script(answer, definition, script, words_per_second)
    problems = [
        *_duration_problems(answer.segments, target),
        *language_problems([p.content for p in answer.segments], definition.language),
    ]
    if problems:
        raise AnswerRefused(problems)
    return _plan(answer, target)


def language_problems(texts: Sequence[str], language: str) -> Iterator[Problem]:
    """Yield a problem where the words are evidently in another language than asked for."""
    found = language_of("\n".join(texts), language)
    if not is_same(found, language):
        yield Problem("segments", f"the words seem to be in {found}; write them in {language}")


def _with_script(answer: Answer, definition: JobDefinition, script: Sequence[Part], words_per_second: float) -> ReadPlan:
    """Return the plan with the user's words and lengths, whatever the answer made of them."""
    if len(answer.segments) != len(script):
        sentence = f"there are {len(answer.segments)}; the script has {len(script)} parts, and each is one segment"
        raise AnswerRefused([Problem("segments", sentence)])
    needed = sum(spoken_seconds(part.text, words_per_second) for part in script)
    total = definition.target_duration if definition.length == "exact" else max(definition.target_duration, needed)
    seconds = durations(script, total, words_per_second)
    changed = sum(one_line(part.text) != planned.content for part, planned in zip(script, answer.segments, strict=True))
    segments = [
        Segment(
            segment_type=planned.segment_type,
            content=part.text,
            visual_cue=planned.visual_cue,
            duration=duration,
        )
        for part, planned, duration in zip(script, answer.segments, seconds, strict=True)
    ]
    warnings = (
        [f"The planning service changed {changed} of {len(script)} parts of the script; yours were put back."] if changed else []
    )
    return ReadPlan(_video_plan(answer, segments), warnings)


def _plan(answer: Answer, target_seconds: float) -> ReadPlan:
    weights, warnings = [part.duration for part in answer.segments], []
    planned = weights
    if round(sum(weights) * 1000) != round(target_seconds * 1000):
        planned = share_out(weights, target_seconds)
        warnings.append(
            f"The planned segments lasted {sum(weights):g} s; they were rescaled to the {target_seconds:g} s asked for."
        )
    if answer.left_out:
        points = ", ".join(f"“{point}”" for point in answer.left_out)
        warnings.append(f"{len(answer.left_out)} of your points did not fit into {target_seconds:g} s: {points}.")
    segments = [
        Segment(segment_type=part.segment_type, content=part.content, visual_cue=part.visual_cue, duration=seconds)
        for part, seconds in zip(answer.segments, planned, strict=True)
    ]
    return ReadPlan(_video_plan(answer, segments), warnings)


def _video_plan(answer: Answer, segments: Sequence[Segment]) -> VideoPlan:
    return VideoPlan(**answer.model_dump(exclude={"segments", "left_out"}), script_segments=with_times(segments))


def _duration_problems(parts: Sequence[PlannedSegment], target_seconds: float) -> Iterator[Problem]:
    total = sum(part.duration for part in parts)
    if abs(total - target_seconds) > _TOLERATED * target_seconds:
        yield Problem("segments", f"the durations add up to {total:g} seconds; they must add up to {target_seconds:g}")
    least = min(1.0, target_seconds / 2)
    for index, part in enumerate(parts):
        if part.duration < least:
            yield Problem(
                f"segments.{index}.duration", f"{part.duration:g} seconds are too short to be filmed; give it at least {least:g}"
            )


def _problem(detail: Any) -> Problem:
    path = ".".join(str(part) for part in detail["loc"]) or "/"
    length = f" (it has {len(detail['input'])})" if detail["type"] == "string_too_long" else ""
    return Problem(path, f"{detail['msg'][:1].lower()}{detail['msg'][1:]}{length}")


def _bare(text: str) -> str:
    """Return the JSON object in the text, without a Markdown fence: models without a schema often add one."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", text, re.DOTALL)
    return fenced.group(1) if fenced else text


def _supported(schema: Any) -> Any:
    """Return the schema with supported keywords only. Below `properties` and `$defs` the keys are names, not keywords."""
    kept = {key: value for key, value in schema.items() if key in _KEYWORDS}
    for names in ("properties", "$defs"):
        if names in kept:
            kept[names] = {name: _supported(inner) for name, inner in kept[names].items()}
    if "items" in kept:
        kept["items"] = _supported(kept["items"])
    return kept
