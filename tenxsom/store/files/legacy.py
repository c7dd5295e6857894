"""Converts state files of earlier versions. The original system had six fields and no schema version."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from tenxsom import clock
from tenxsom.errors import BrokenState
from tenxsom.model.clip import Step
from tenxsom.model.job import SCHEMA_VERSION, JobState, VideoJob


def upgraded(document: dict[str, Any], content_id: str) -> dict[str, Any]:
    """Convert a document without a schema version; raise BrokenState when it is not a state file of any version."""
    if "job_id" in document and "submit_time" in document:
        return _from_original(document, content_id)
    raise BrokenState("it has neither a schema_version nor the fields of the original system")


def _from_original(document: Mapping[str, Any], content_id: str) -> dict[str, Any]:
    """Convert the original format: job_id, content_id, submit_time, status_endpoint, expected_file_path, metadata.

    Its one clip is paid for and submitted, so it is waiting for the service, which was always UseAPI.
    """
    job_id, given = document["job_id"], document.get("metadata")
    if not isinstance(job_id, str) or not job_id:
        raise BrokenState(f"its job_id {job_id!r} is none that the service could have given")
    metadata: dict[str, Any] = given if isinstance(given, dict) else {}
    title = str(document.get("title") or metadata.get("title") or content_id)
    endpoint = document.get("status_endpoint")
    endpoint = endpoint if isinstance(endpoint, str) else None
    seconds = _seconds(metadata)
    submitted = _moment(document["submit_time"])
    clip = {
        "index": 0,
        "prompt": title,
        "image_prompt": title,
        "asked_seconds": 1.0,  # the ordered duration is unknown: any playable video is accepted
        "seconds": seconds,
        "aspect_ratio": str(metadata.get("aspect_ratio", "16:9")),
        "step": Step.AWAIT_VIDEO.value,
        "video": {"job_id": job_id},
        "status_endpoint": endpoint,
        "submitted_at": submitted,
    }
    ours = {*VideoJob.model_fields}
    return {
        **{name: value for name, value in document.items() if name not in ours},
        "original": {name: value for name, value in document.items() if name in ours},
        "schema_version": SCHEMA_VERSION,
        "revision": 0,
        "content_id": str(document.get("content_id", content_id)),
        "job_id": job_id,
        "title": title,
        "state": JobState.WAITING.value,
        "service": "useapi_ltx",
        "submit_time": submitted,
        "status_endpoint": endpoint,
        "expected_file_path": str(document.get("expected_file_path") or f"completed_videos/{content_id}.mp4"),
        "run_id": f"original-{hashlib.sha256(job_id.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}",
        "definition": {"content_id": content_id, "title": title, "metadata": metadata},
        "fingerprint": "",
        "clips": [clip],
        "history": [{"time": submitted, "event": "video_requested", "detail": "by the original system"}],
    }


def _seconds(metadata: Mapping[str, Any]) -> float:
    value = metadata.get("duration") or metadata.get("target_duration") or 5
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return 5.0
    return seconds if math.isfinite(seconds) and 0 < seconds <= 600 else 5.0


def _moment(value: Any) -> str:
    """Return a time: the original system wrote ISO text; some versions wrote seconds since 1970."""
    try:
        if isinstance(value, int | float):
            return clock.stamp_of_epoch(value)
        return clock.stamp(clock.parse(str(value)))
    except (ValueError, OverflowError, OSError):
        raise BrokenState(f"its submit_time {value!r} is no time") from None
