"""What the planning tests build their cases from: definitions, archetypes, planners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tenxsom import settings
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition, check_definition
from tenxsom.planning.archetypes import Archetype, parse_archetype
from tenxsom.planning.model_planner import ModelPlanner
from tenxsom.planning.vertex_claude import VertexClaude
from tenxsom.store.templates import Templates


def order(plan_templates: Templates, **changes: Any) -> JobDefinition:
    document = {
        "content_id": "lighthouse-1",
        "title": "The last lighthouse",
        "archetype": plan_templates.archetype_names[0],
        "tier": "standard",
        "target_duration": 10.0,
        "platform": "youtube_shorts",
    }
    return check_definition(document | changes, "test", plan_templates.vocabulary(settings.SERVICES))


def archetype_of(plan_templates: Templates) -> Archetype:
    name = plan_templates.archetype_names[0]
    return parse_archetype(plan_templates.archetype_file(name), name)


def claude(vertex_environment: dict[str, str], plan_templates: Templates, **changes: Any) -> ModelPlanner:
    seconds = changes.pop("deadline_seconds", 60.0)
    chosen: dict[str, Any] = {
        "credentials_file": Path(vertex_environment["GOOGLE_APPLICATION_CREDENTIALS"]),
        "base_url": vertex_environment["VERTEX_AI_BASE_URL"],
        "prices": plan_templates.prices,
    }
    names = {name: changes.pop(name, value) for name, value in (("location", "global"), ("model", "claude-haiku-5-5"))}
    service = VertexClaude("demo-project", **names, **(chosen | changes))
    return ModelPlanner(service, plan_templates.vocabulary(()).platforms, deadline_seconds=seconds)


def durations(blueprint: Blueprint) -> list[float]:
    return [segment.duration for segment in blueprint.video_plan.script_segments]


def job_file(folder: Path, plan_templates: Templates, **changes: Any) -> str:
    path = folder / "job.json"
    path.write_text(json.dumps(order(plan_templates).as_dict() | changes))
    return str(path)
