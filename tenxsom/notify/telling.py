"""Turns what happens to jobs into messages: a sentence, what to type, the film."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tenxsom import clock
from tenxsom.errors import TenxsomError
from tenxsom.model import file_names
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.money import shown, usd
from tenxsom.notify.message import Message, message, without_nothing
from tenxsom.pipeline.events import JobEvent
from tenxsom.pipeline.results import ON_THEIR_WAY, JobResult
from tenxsom.pipeline.spend import spent_usd
from tenxsom.services.base import Variant
from tenxsom.services.registry import pace
from tenxsom.store.base import Artifacts

EVENT_OF_ENTRY = {
    "completed": "completed",
    "failed": "failed",
    "submit_unknown": "needs_decision",
    "decision_needed": "needs_decision",
    "approval_needed": "needs_decision",
    "over_budget": "budget_reached",
    "published": "published",
}
"""What an entry of the audit trail means in the words of NOTIFY_ON."""

PROGRESS = frozenset({
    "accepted", "planned", "narrated", "image_requested", "image_ready", "image_fetched", "asset_uploaded", "video_requested",
    "video_ready", "downloaded", "refitted", "joined", "verified", "completed", "failed", "cancelled", "decided", "retried",
})  # fmt: skip
"""The entries that show that the queue moves."""

LINK_SECONDS = 7 * 86_400.0
"""How long the link to a film in an object store is valid: as long as they do it."""
EXPIRING_SHARE = 0.75
"""The share of the time that a service keeps a result after which one that is not here yet is told of."""

TOLD_ELSEWHERE = frozenset({JobState.SUBMIT_UNKNOWN, JobState.NEEDS_DECISION, JobState.OVER_BUDGET, JobState.FAILED})
"""The states of results that need a decision and have an entry in the audit trail."""


def of_entry(job: VideoJob, event: JobEvent, artifacts: Artifacts) -> Message | None:
    """Return the message about an entry of a job's audit trail; None where there is nothing to tell."""
    kind = EVENT_OF_ENTRY.get(event.event)
    if kind is None:
        return None
    report = _report(job, artifacts) if kind in ("completed", "failed", "published") else {}
    if kind == "failed" and report.get("decision"):
        kind = "needs_decision"
    if kind == "budget_reached" and _is_own_cap(job):
        kind = "needs_decision"
    words = {"completed": _completed, "failed": _failed, "published": _published}.get(kind, _waits)
    text, remedy = words(job, event, report, artifacts)
    identity: tuple[str, ...] = (job.content_id, job.run_id, event.event, event.time)
    if kind == "budget_reached":
        identity = ("day", event.time[:10])  # one for all jobs of a day
    return message(
        kind,
        identity,
        text,
        remedy,
        time=event.time,
        content_id=job.content_id,
        entry=event.event,
        thumbnail=file_names.thumbnail(job.content_id) if kind in ("completed", "published") else None,
        link=_link(file_names.video(job.content_id), artifacts) if kind == "completed" else None,
        data=_data(job, report, artifacts),
    )


def of_trouble(result: JobResult, others: int) -> Message:
    """Return the message about what stops a job, and `others` in the same way, until a user does something."""
    more = f" ({others} other job{'s wait' if others > 1 else ' waits'} for the same.)" if others else ""
    remedy = f"Then it goes on by itself; manage_jobs.py show {result.content_id} tells more."
    identity = ("trouble", reason_of(result), clock.day())
    data = {"state": str(result.state), "service": result.service, "others": others}
    text = f"{result.content_id} waits for you: {result.message}{more}"
    return message("needs_decision", identity, text, remedy, content_id=result.content_id, data=without_nothing(data))


def reason_of(result: JobResult) -> str:
    """Return why a job waits, the same for all jobs that wait for the same."""
    return result.message.replace(result.content_id, "…")


def troubles(results: Iterable[JobResult]) -> dict[str, list[JobResult]]:
    """Return the results that need a user and have no entry in an audit trail, by their reason."""
    found: dict[str, list[JobResult]] = {}
    for result in results:
        if result.exit_code == 3 and result.state not in TOLD_ELSEWHERE and result.message:
            found.setdefault(reason_of(result), []).append(result)
    return found


def of_expiring(jobs: Iterable[VideoJob]) -> list[Message]:
    """Return a message for each clip that its service deletes before long, and that is not here yet."""
    return [found for job in jobs for clip in job.clips if (found := _expiring(job, clip))]


def _expiring(job: VideoJob, clip: Clip) -> Message | None:
    if clip.step not in (Step.AWAIT_VIDEO, Step.DOWNLOAD) or not clip.submitted_at:
        return None
    service = job.service_of(clip)
    try:
        hours = pace(service, Variant(clip.model, clip.resolution)).result_hours
    except TenxsomError:
        return None  # a service that this version does not know
    age = clock.age_seconds(clip.submitted_at) / 3600
    if hours is None or not hours * EXPIRING_SHARE <= age < hours:
        return None
    text = (
        f'Clip {clip.index + 1} of "{job.title}" ({job.content_id}) is not here yet, and {service} keeps it for {hours:g} hours '
        f"only: {_duration((hours - age) * 3600)} are left.{f' What hinders it: {clip.error}' if clip.error else ''}"
    )
    remedy = f"Check that cron runs poll_video_status.py, or fetch it now: poll_video_status.py {job.content_id}"
    identity = (job.content_id, job.run_id, str(clip.index), clip.submitted_at)
    data = {"service": service, "clip": clip.index + 1, "hours_left": round(hours - age, 1), "state": job.state}
    return message("result_expiring", identity, text, remedy, content_id=job.content_id, data=data)


def of_stuck_queue(jobs: Sequence[VideoJob], progress_at: str | None, minutes: float) -> Message | None:
    """Return the message that nothing on the queue has moved for `minutes`; None while something moves, or nothing should.

    `progress_at` is when something moved last, as far as it is known.
    """
    moving = [job for job in jobs if job.state in ON_THEIR_WAY and not job.is_held]
    if not moving:
        return None
    oldest = min(moving, key=lambda job: job.begins_at)
    since = max(filter(None, (progress_at, oldest.begins_at)))
    still = clock.age_seconds(since)
    if still <= minutes * 60:
        return None
    where = oldest.error or next((str(clip.step) for clip in oldest.clips if not clip.is_final), oldest.step or "plan")
    jobs_are = f"{len(moving)} jobs are" if len(moving) > 1 else "1 job is"
    text = (
        f"The queue does not move: {jobs_are} on the way, and nothing has happened for {_duration(still)}. "
        f"The oldest is {oldest.content_id}, since {_duration(clock.age_seconds(oldest.begins_at))}: {where}."
    )
    remedy = "Look with manage_jobs.py status, and check that cron runs poll_video_status.py."
    return message(
        "queue_stuck", (since,), text, remedy, data={"jobs": len(moving), "oldest": oldest.content_id, "seconds": round(still)}
    )


def _completed(job: VideoJob, _: JobEvent, report: Mapping[str, Any], artifacts: Artifacts) -> tuple[str, str]:
    seconds = report.get("media", {}).get("seconds") or 0
    text = f'"{job.title}" ({job.content_id}) is done: {seconds:.0f} seconds for {shown(_total(job, report))}{_kind(job)}.'
    return f"{text} {artifacts.location(file_names.video(job.content_id))}", ""


def _failed(job: VideoJob, event: JobEvent, report: Mapping[str, Any], _: Artifacts) -> tuple[str, str]:
    reason = str(report.get("reason") or event.detail).rstrip(".")
    return f'"{job.title}" ({job.content_id}) has failed{_kind(job)}: {reason}.', str(report.get("advice") or _look(job))


def _published(job: VideoJob, event: JobEvent, _: Mapping[str, Any], __: Artifacts) -> tuple[str, str]:
    return f'"{job.title}" ({job.content_id}) is published{f": {event.detail}" if event.detail else ""}.', ""


def _waits(job: VideoJob, event: JobEvent, report: Mapping[str, Any], _: Artifacts) -> tuple[str, str]:
    reason = str(report.get("reason") or event.detail or job.error or job.state).rstrip(".")
    text = f'"{job.title}" ({job.content_id}) waits for you{_kind(job)}: {reason}.'
    if event.event == "over_budget":
        return f'"{job.title}" ({job.content_id}) waits for money{_kind(job)}: {reason}.', ""
    if event.event == "approval_needed":
        remedy = f"manage_jobs.py show {job.content_id} shows it; manage_jobs.py approve {job.content_id} goes on with it."
        return text, remedy
    return text, str(report.get("advice") or _look(job))


def _look(job: VideoJob) -> str:
    return f"manage_jobs.py show {job.content_id} shows it; manage_jobs.py resolve {job.content_id} decides about it."


def _kind(job: VideoJob) -> str:
    return " (a rehearsal)" if job.rehearsal else ""


def _is_own_cap(job: VideoJob) -> bool:
    """Return whether a job waits for its own `max_cost_usd`, which no new day changes."""
    cap = job.definition.max_cost_usd
    last = next((entry for entry in reversed(job.history) if entry["event"] == "over_budget"), {})
    return cap is not None and "max_cost_usd" in str(last.get("detail"))


def _report(job: VideoJob, artifacts: Artifacts) -> Mapping[str, Any]:
    """Return the job's final report, if it is there and can be read."""
    try:
        report = artifacts.final_report(job.content_id)
    except TenxsomError:
        return {}
    return report if report and report.get("run_id") == job.run_id else {}


def _total(job: VideoJob, report: Mapping[str, Any]) -> Any:
    total = report.get("cost", {}).get("total_usd")
    return usd(total) if total is not None else spent_usd(job)


def _data(job: VideoJob, report: Mapping[str, Any], artifacts: Artifacts) -> dict[str, Any]:
    video, picture = file_names.video(job.content_id), file_names.thumbnail(job.content_id)
    is_done = report.get("state") == JobState.COMPLETED
    return without_nothing(
        {
            "title": job.title,
            "state": str(report.get("state") or job.state),
            "platform": job.definition.platform or None,
            "service": job.service,
            "run_id": job.run_id,
            "rehearsal": job.rehearsal,
            "seconds": report.get("media", {}).get("seconds"),
            "usd": str(_total(job, report)),
            "file": _place(video, artifacts) if is_done else None,
            "thumbnail": _place(picture, artifacts) if is_done else None,
        }
    )


def _place(name: str, artifacts: Artifacts) -> str | None:
    """Return where a file is; also where its store does not answer, because the message must not be lost."""
    try:
        is_there = artifacts.exists(name)
    except TenxsomError:
        is_there = True
    return artifacts.location(name) if is_there else None


def _link(name: str, artifacts: Artifacts) -> str | None:
    """Return a web address of a file that is valid for a week; None where its store has none, or does not answer."""
    try:
        return artifacts.link(name, LINK_SECONDS)
    except TenxsomError:
        return None


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} seconds"
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
