"""Definitions, their new jobs and their reports, without anything that is made."""

from __future__ import annotations

from typing import Any

from tenxsom.model import file_names
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import MediaFacts
from tenxsom.model.strict_json import pretty
from tenxsom.pipeline import intake, reports
from tenxsom.pipeline.routing import Route
from tenxsom.services.base import Variant
from tenxsom.store.base import Artifacts

PAGE = {
    "content_id": "lake", "title": "The lake", "archetype": "tech_news", "tier": "volume", "target_duration": 5,
    "platform": "youtube",
}  # fmt: skip


ROUTE = Route("local_studio", Variant(), "flux", "a reason")


def definition(**changes: Any) -> JobDefinition:
    return JobDefinition.model_validate({**PAGE, **changes})


def job_of(page: JobDefinition, **changes: Any) -> VideoJob:
    job = intake.new_job(page, ROUTE, "completed_videos/lake.mp4")
    for name, value in changes.items():
        setattr(job, name, value)
    return job


def completed(artifacts: Artifacts, job: VideoJob) -> dict[str, Any]:
    report = reports.completion_report(job, MediaFacts(seconds=5.0), {})
    artifacts.write(file_names.completion_report(job.content_id), pretty(report))
    return report
