"""The JSON schema of Claude's plan, and its strict parsing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tenxsom.errors import BadDefinition, PlanFailed, Problem
from tenxsom.model.blueprint import Segment, VideoPlan, share_out, with_times
from tenxsom.model.strict_json import parse_object
from tenxsom.text import one_line

MAX_CUE = 600
"""The longest visual cue, in characters; video models handle longer prompts badly."""

_KEYWORDS = ("type", "description", "enum", "items", "properties", "required", "additionalProperties", "$ref", "$defs")
"""The keywords of JSON Schema that structured outputs support and we use; bounds are refused, so the descriptions contain them
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs)."""

_TOLERATED = 0.20
"""The relative deviation of the durations' sum from the target that is corrected by rescaling; a plan beyond it is refused."""


class AnswerRefused(PlanFailed):
    """The plan breaks our rules; `problems` can be sent to Claude."""

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


class Part(BaseModel):
    """One segment of the video."""

    model_config = ConfigDict(extra="forbid", strict=True)

    segment_type: Line = Field(min_length=1, max_length=60, description="Its role in the story, such as hook or reveal.")
    content: Line = Field(min_length=1, max_length=1200, description="The words of this segment, ready to be spoken or shown.")
    visual_cue: Line = Field(min_length=1, max_length=MAX_CUE, description=f"What the camera sees. At most {MAX_CUE} characters.")
    duration: float = Field(gt=0, le=600, allow_inf_nan=False, description="Seconds.")


class Answer(BaseModel):
    """The plan of one video."""

    # Claude writes the fields in this order, from the whole to its parts; the schema contains the docstrings.

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Line = Field(min_length=1, max_length=200, description="The title to publish under. At most 200 characters.")
    description: Line = Field(max_length=2000, description="The text below the video. At most 2,000 characters.")
    tags: list[Tag] = Field(max_length=30, description="5 to 15 search terms without '#'.")
    voice: Line = Field(max_length=300, description="How the narrator sounds. At most 300 characters.")
    visual_style: Line = Field(max_length=500, description="The look all segments share. At most 500 characters.")
    music: Line = Field(max_length=300, description="Mood, tempo and instruments. At most 300 characters.")
    segments: list[Part] = Field(min_length=1, max_length=60, description="The segments in the order of the video.")


def answer_schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan, with supported keywords only."""
    schema: dict[str, Any] = _supported(Answer.model_json_schema())
    return schema


def read_answer(text: str, target_seconds: float) -> ReadPlan:
    """Parse the plan in Claude's response, whose durations add up to `target_seconds`. Raises AnswerRefused with all problems."""
    try:
        answer = Answer.model_validate(parse_object(_bare(text).encode("utf-8", "replace"), "the answer", max_bytes=1024 * 1024))
    except BadDefinition as error:
        raise AnswerRefused(error.problems) from None
    except ValidationError as error:
        raise AnswerRefused([_problem(detail) for detail in error.errors(include_url=False)]) from None
    problems = list(_duration_problems(answer.segments, target_seconds))
    if problems:
        raise AnswerRefused(problems)
    return _plan(answer, target_seconds)


def _plan(answer: Answer, target_seconds: float) -> ReadPlan:
    weights, warnings = [part.duration for part in answer.segments], []
    durations = weights
    if round(sum(weights) * 1000) != round(target_seconds * 1000):
        durations = share_out(weights, target_seconds)
        warnings.append(f"Claude's segments lasted {sum(weights):g} s; they were rescaled to the {target_seconds:g} s asked for.")
    segments = [
        Segment(segment_type=part.segment_type, content=part.content, visual_cue=part.visual_cue, duration=seconds)
        for part, seconds in zip(answer.segments, durations, strict=True)
    ]
    plan = VideoPlan(**answer.model_dump(exclude={"segments"}), script_segments=with_times(segments))
    return ReadPlan(plan, warnings)


def _duration_problems(parts: Sequence[Part], target_seconds: float) -> Iterator[Problem]:
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
