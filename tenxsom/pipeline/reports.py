"""Builds the final report of a job, for people and programs. There is one per job, written last."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tenxsom import clock
from tenxsom.model.clip import Clip
from tenxsom.model.ids import masked_id
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.money import ZERO, text, usd
from tenxsom.model.parts import MediaFacts

SCHEMA_VERSION = 1

SAME_SHAPE = Fraction(3, 100)
"""The relative deviation of an aspect ratio that counts as equal: models make sides of multiples of 32 or 64 pixels."""

MILESTONES = frozenset({
    "accepted", "planned", "image_requested", "image_ready", "image_fetched", "asset_uploaded",
    "video_requested", "video_ready", "downloaded", "verified",
})  # fmt: skip
"""The events of the audit trail that are milestones of the report."""


def completion_report(job: VideoJob, facts: MediaFacts, files: Mapping[str, str], *, keeps_parts: bool = False) -> dict[str, Any]:
    """Return the report of a finished job. `facts` are those of the verified video, with size and sha256; `files` its names.

    With `keeps_parts` it holds what making the film again needs (`assembly`).
    """
    return _about(job, JobState.COMPLETED) | {
        "narration": job.narration.fact_sheet() if job.narration else None,
        "media": facts.as_dict(),
        "files": dict(files),
        "assembly": _assembly(job) if keeps_parts and job.film else None,
    }


def _assembly(job: VideoJob) -> dict[str, Any]:
    """Return the state of a finished job without what is in its report anyway, and without addresses of accounts."""
    state = {name: value for name, value in job.as_dict().items() if name not in ("history", "warnings", "spend", "media")}
    return {name: _masked(value, name in _OF_SERVICES) for name, value in state.items()}


_OF_SERVICES = frozenset({"job_id", "generation_id", "file_id", "status_endpoint", "answers"})
"""The fields of a state with ids and answers of services; a film that is made again asks none. Other texts are the user's own."""


def _masked(value: Any, is_of_a_service: bool) -> Any:
    if isinstance(value, dict):
        return {name: _masked(each, is_of_a_service or name in _OF_SERVICES) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, is_of_a_service) for each in value]
    return masked_id(value) if is_of_a_service and isinstance(value, str) else value


def failure_report(
    job: VideoJob,
    reason: str,
    files: Mapping[str, str],
    state: JobState = JobState.FAILED,
    *,
    advice: str | None = None,
    decision: str | None = None,
) -> dict[str, Any]:
    """Return the report of a job without a video, with advice, and with its whole state (`job`) for a retry."""
    usual = f"manage_jobs.py retry {job.content_id} makes what is missing once more; it says first what that costs."
    return _about(job, state) | {
        "reason": reason,
        "advice": advice or usual,
        "decision": decision,
        "files": dict(files),
        "job": job.as_dict(),
    }


def _about(job: VideoJob, state: JobState) -> dict[str, Any]:
    """Return the common part of both reports; a reduced one if the job's state causes an error."""
    try:
        return _common(job, state)
    except Exception as error:  # noqa: BLE001  (an error in a report must not prevent the end of a job)
        job.warn(f"The report tells less than usual, because of an unexpected error: {type(error).__name__}.")
        return _plain(job, state)


def _plain(job: VideoJob, state: JobState) -> dict[str, Any]:
    ended = clock.stamp()
    return {
        "schema_version": SCHEMA_VERSION,
        "content_id": job.content_id,
        "title": job.title,
        "state": state.value,
        "service": job.service,
        "job_id": masked_id(job.job_id),
        "run_id": job.run_id,
        "rehearsal": job.rehearsal,
        "fingerprint": job.fingerprint,
        "planner": {},
        "times": {"accepted": job.submit_time, "ended": ended, "total_seconds": _between(job.submit_time, ended)},
        "clips": [{"index": clip.index, "step": str(clip.step), "error": clip.error, "file": clip.file} for clip in job.clips],
        "cost": _cost(job),
        "warnings": job.warnings,
        "metadata": job.definition.metadata,
        "history": job.history,
    }


def _common(job: VideoJob, state: JobState) -> dict[str, Any]:
    planner = job.blueprint.planner.model_dump() if job.blueprint else {}
    ended = clock.stamp()
    return {
        "schema_version": SCHEMA_VERSION,
        "content_id": job.content_id,
        "title": job.title,
        "state": state.value,
        "archetype": job.definition.archetype or None,
        "tier": job.definition.tier or None,
        "platform": job.definition.platform or None,
        "service": job.service,
        "route": job.route.as_dict(),
        "job_id": masked_id(job.job_id),
        "run_id": job.run_id,
        "rehearsal": job.rehearsal,
        "fingerprint": job.fingerprint,
        "planner": planner,
        "times": {"accepted": job.submit_time, "ended": ended, "total_seconds": _between(job.submit_time, ended)},
        "steps": _steps(job, ended),
        "clips": [_clip(clip) for clip in job.clips],
        "cost": _cost(job),
        "warnings": job.warnings,
        "metadata": job.definition.metadata,
        "history": [{**entry, "detail": masked_id(entry["detail"])} if "detail" in entry else entry for entry in job.history],
    }


def _clip(clip: Clip) -> dict[str, Any]:
    return {
        "index": clip.index,
        "step": str(clip.step),
        "prompt": clip.prompt,
        "asked_seconds": clip.asked_seconds,
        "made_seconds": clip.seconds,
        "aspect_ratio": clip.aspect_ratio,
        "service": clip.service,
        "model": clip.model,
        "resolution": clip.resolution,
        "start_frame": clip.start_frame,
        "length": _length(clip),
        "shape": _shape(clip),
        "image_job_id": masked_id(clip.image.job_id),
        "video_job_id": masked_id(clip.video.job_id),
        "generation_id": clip.video.generation_id,
        "attempts": clip.attempts,
        "status_checks": clip.checks,
        "answers": [
            {**answer, "text": masked_id(answer["text"]), "ids": [masked_id(each) for each in answer["ids"]]}
            for answer in clip.answers
        ],
        "error": clip.error,
    }


def _length(clip: Clip) -> dict[str, Any]:
    """Return the requested, ordered and actual duration, and how a difference was handled."""
    facts, asked = clip.facts, clip.asked_seconds
    if facts is None:
        return {"asked": asked, "made": clip.seconds, "delivered": None, "done": "not delivered"}
    delivered, tolerance = facts.seconds, rounding_seconds(facts)
    if "trimmed" in facts.refitted:
        done = "trimmed"
    else:
        done = "kept longer" if delivered > asked + tolerance else "shorter" if delivered < asked - tolerance else "as asked"
    return {"asked": asked, "made": clip.seconds, "delivered": delivered, "done": done}


def rounding_seconds(facts: MediaFacts) -> float:
    """Return the seconds by which rounding to whole frames may change a clip's duration."""
    return max(0.05, 1.5 / facts.fps) if facts.fps else 0.05


def is_of_shape(facts: MediaFacts, aspect_ratio: str) -> bool:
    """Return whether a clip has an aspect ratio, within the rounding of a model's sides."""
    across, down = (int(side) for side in aspect_ratio.split(":"))
    return abs(Fraction(facts.width, facts.height) / Fraction(across, down) - 1) <= SAME_SHAPE


def _shape(clip: Clip) -> dict[str, Any]:
    """Return the requested, ordered and actual aspect ratio (with the size), and how a difference was handled."""
    facts, asked = clip.facts, clip.asked_aspect_ratio or clip.aspect_ratio
    size = f"{facts.width}x{facts.height}" if facts else None
    if not facts:
        done = "not delivered"
    elif "cropped" in facts.refitted:
        done = "cropped in the middle"
    else:
        done = "as asked" if is_of_shape(facts, asked) else "kept in another shape"
    return {"asked": asked, "made": clip.aspect_ratio, "delivered": size, "done": done}


def _cost(job: VideoJob) -> dict[str, Any]:
    lines = [{name: line.get(name) for name in ("step", "clip", "usd", "entry", "reference")} for line in job.spend]
    counted = sum((usd(line["usd"]) for line in job.spend if line["entry"] != "released"), ZERO)
    return {"currency": "USD", "total_usd": text(counted), "items": lines}


def _steps(job: VideoJob, ended: str) -> list[dict[str, Any]]:
    """Return the milestones of the audit trail, each with the seconds since the previous one."""
    steps, before = [], job.submit_time
    for entry in job.history:
        if entry["event"] in MILESTONES:
            steps.append(
                {
                    "step": entry["event"],
                    "at": entry["time"],
                    "seconds": _between(before, entry["time"]),
                    "detail": entry.get("detail", ""),
                }
            )
            before = entry["time"]
    return [*steps, {"step": "reported", "at": ended, "seconds": _between(before, ended), "detail": ""}]


def _between(start: str, end: str) -> float:
    """Return the seconds between two stamps; 0 if the clock was set back in between."""
    return max(0.0, round((clock.parse(end) - clock.parse(start)).total_seconds(), 3))
