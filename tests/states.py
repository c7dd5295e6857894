"""Jobs and clips as tests of the queue and of paying put them on the disk."""

from __future__ import annotations

from typing import Any

from tenxsom import clock
from tenxsom.model.clip import Clip
from tenxsom.model.job import SCHEMA_VERSION, JobState, VideoJob


def new_job(content_id: str = "lake", **changes: Any) -> VideoJob:
    facts: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION, "revision": 1, "content_id": content_id, "job_id": None, "title": "The lake",
        "state": JobState.ACCEPTED, "service": "local_studio", "submit_time": clock.stamp(), "run_id": "tx-1",
        "status_endpoint": None,
        "expected_file_path": f"completed_videos/{content_id}.mp4", "definition": {"content_id": content_id}, "fingerprint": "f",
    }  # fmt: skip
    extra = changes.pop("extra", {})
    job = VideoJob(**{**facts, **changes})
    job.extra.update(extra)
    return job


def new_clip(index: int = 0, **changes: Any) -> Clip:
    return Clip(index=index, prompt="p", image_prompt="i", asked_seconds=5, seconds=5, aspect_ratio="16:9", **changes)
