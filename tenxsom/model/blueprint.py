"""The blueprint: the plan of one video. A planner makes it, the generator cuts it into clips, and it is saved beside the video."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from tenxsom.errors import BadDefinition, PlanFailed, Problem
from tenxsom.model.problems import sentence_of
from tenxsom.model.strict_json import parse_object

SCHEMA_VERSION = 1


class Segment(BaseModel):
    """One part of the script: spoken words and their picture."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    time: str = Field(default="", description="Where it lies in the video, such as 00:05-00:10.")
    segment_type: str = Field(min_length=1, max_length=60, description="Its role: hook, context, reveal, …")
    content: str = Field(min_length=1, max_length=1200, description="The spoken or written words.")
    visual_cue: str = Field(min_length=1, max_length=1500, description="What the viewer sees; becomes the prompt of the clip.")
    duration: float = Field(gt=0, le=600, allow_inf_nan=False, description="Seconds.")


class VideoPlan(BaseModel):
    """The creative part of a blueprint."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    title: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    tags: list[str] = Field(default_factory=list, max_length=30)
    voice: str = Field(default="", max_length=300)
    visual_style: str = Field(default="", max_length=500)
    music: str = Field(default="", max_length=300)
    script_segments: list[Segment] = Field(min_length=1, max_length=60)


class PlannerRecord(BaseModel):
    """The planner, its cost, and the reason if it is not the configured one."""

    name: Literal["claude_on_vertex", "anthropic", "gemini_on_vertex", "openai_compatible", "archetype_templates", "given"] = (
        "given"
    )
    model: str | None = None
    reason: str | None = None
    """Why the plan is local although a planning service was configured; None otherwise."""
    usage: dict[str, int] = Field(default_factory=dict)
    cost_usd: str = "0"
    seconds: float = 0.0
    requests: int = 0

    @property
    def is_a_service(self) -> bool:
        return self.name in _WHERE

    @property
    def words(self) -> str:
        """Return how a plan was made, for people, to follow `planned`: locally, by a person, or by a model and where it runs."""
        if self.is_a_service:
            return f"by {self.model}{_WHERE[self.name]}"
        return "by you" if self.name == "given" else "locally"


_WHERE = {
    "claude_on_vertex": " on Vertex AI",
    "gemini_on_vertex": " on Vertex AI",
    "anthropic": " (Anthropic API)",
    "openai_compatible": " (PLANNER_BASE_URL)",
}


class Blueprint(BaseModel):
    """A complete plan, as saved and printed."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = SCHEMA_VERSION
    content_id: str = ""
    archetype: str = ""
    language: str = "en"
    planner: PlannerRecord = Field(default_factory=PlannerRecord)
    video_plan: VideoPlan
    warnings: list[str] = Field(default_factory=list)
    fillers: list[str] = Field(
        default_factory=list,
        description="The templates of spoken sentences that are not the user's; a channel's next films avoid them.",
    )

    @model_serializer(mode="wrap")
    def _without_empty_fillers(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out an empty `fillers`, so that a plan of an earlier version is written as it was read."""
        written: dict[str, Any] = handler(self)
        if not self.fillers:
            written.pop("fillers", None)
        return written

    @property
    def seconds(self) -> float:
        """Return the duration of the whole plan."""
        return round(sum(segment.duration for segment in self.video_plan.script_segments), 3)

    def as_dict(self) -> dict[str, Any]:
        return self.model_dump()


def parse_blueprint(data: bytes, source: str) -> Blueprint:
    """Parse a user's blueprint and recompute its times. Raises BadDefinition with every problem and its path."""
    document = parse_object(data, source, max_bytes=1024 * 1024)
    if isinstance(document.get("blueprint"), dict):
        document = document["blueprint"]  # the output of claude_video_service.py --json
    try:
        blueprint = Blueprint.model_validate(document)
    except ValidationError as error:
        problems = [Problem(".".join(map(str, detail["loc"])), sentence_of(detail)) for detail in error.errors(include_url=False)]
        raise BadDefinition(source, problems) from None
    segments = with_times(blueprint.video_plan.script_segments)
    plan = blueprint.video_plan.model_copy(update={"script_segments": segments})
    return blueprint.model_copy(update={"video_plan": plan})


def share_out(weights: Sequence[float], total_seconds: float, least_seconds: float | Sequence[float] = 0.0) -> list[float]:
    """Return durations in proportion to `weights` that add up to `total_seconds` exactly, to the millisecond.

    No part is shorter than `least_seconds` (one number for all, or one for each). Durations are multiples of half a second where
    the total allows it; a rounding remainder is distributed in half seconds to the parts that lost most, and the rest of less
    than half a second to the longest. Weights that are all zero are equal. Raises PlanFailed when the minimums do not fit.
    """
    if not all(math.isfinite(number) and number >= 0 for number in (*weights, total_seconds)):
        raise PlanFailed("The lengths of the segments are no usable numbers, so the seconds cannot be shared out.")
    weights = weights if any(weights) else [1.0] * len(weights)
    total = round(total_seconds * 1000)
    given = [least_seconds] * len(weights) if isinstance(least_seconds, (int, float)) else list(least_seconds)
    least = [max(1, round(seconds * 1000)) for seconds in given]
    if not weights or total < sum(least):
        raise PlanFailed(f"{total_seconds:g} seconds cannot be shared out over {len(weights)} segments.")
    grain = 500 if total >= len(weights) * 1000 else 1
    if grain * len(weights) + sum(least) <= total:
        least = [max(grain, part) for part in least]
    shares = _fair_shares(weights, total, least)
    parts = [max(low, int(share // grain) * grain) for share, low in zip(shares, least, strict=True)]
    while total - sum(parts) >= grain:
        parts[max(range(len(parts)), key=lambda i: shares[i] - parts[i])] += grain
    parts[max(range(len(parts)), key=lambda i: parts[i])] += total - sum(parts)
    return [part / 1000 for part in parts]


def _fair_shares(weights: Sequence[float], total: int, least: Sequence[int]) -> list[float]:
    """Return shares of `total` by weight; a share below its minimum gets the minimum, and the others divide the rest."""
    fixed: set[int] = set()
    while True:
        left = total - sum(least[i] for i in fixed)
        free_weight = sum(weight for i, weight in enumerate(weights) if i not in fixed)
        shares = [float(least[i]) if i in fixed else weight * left / free_weight for i, weight in enumerate(weights)]
        poor = {i for i, share in enumerate(shares) if i not in fixed and share < least[i]}
        if not poor:
            return shares
        fixed |= poor


def with_times(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments with their `time` computed from their durations."""
    result, start = [], 0
    for segment in segments:
        end = start + round(segment.duration * 1000)
        result.append(segment.model_copy(update={"time": f"{_clock(start)}-{_clock(end)}"}))
        start = end
    return result


def _clock(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    seconds = f"{rest / 1000:06.3f}".rstrip("0").rstrip(".")
    return f"{minutes:02}:{seconds}"
