"""The result of a job in one run of a command, printed as a table or as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tenxsom.errors import BadInput, BrokenState, DiskError, RateLimited, ServiceBusy, ServiceClosed, TenxsomError
from tenxsom.model import file_names, money
from tenxsom.model.job import JobState, VideoJob
from tenxsom.pipeline.lookup import SubmissionCheck, is_rehearsed, is_set_aside
from tenxsom.pipeline.spend import spent_usd
from tenxsom.spelling import did_you_mean
from tenxsom.store.base import Artifacts, JobStore

EXIT_ORDER = (2, 1, 3, 75, 0)
"""The precedence of exit codes of several jobs: bad input, failure, decision, try again, done."""

ALREADY_KNOWN = {
    SubmissionCheck.ON_ITS_WAY: "It was already known, and on its way: that job goes on, and nothing is ordered twice.",
    SubmissionCheck.COMPLETED: "It was already known, and is done: nothing was ordered. --again makes it a second time.",
}
"""The message for an id that was not new."""

GONE = "It was made, but its video is not here any more (moved or deleted). --again makes it, and pays for it, once more."

NOT_STARTED = "not started"
"""The state of a job that was not admitted: nothing is written or ordered for it."""

ON_THEIR_WAY = frozenset({JobState.ACCEPTED.value, JobState.SUBMITTING.value, JobState.WAITING.value})
"""The states that change without a user's decision."""


class ShowsProgress(Protocol):
    """Shows the progress of a wait."""

    def show(self, name: str, what: str, fraction: float) -> None:
        """Show that job `name` is doing `what` and is complete by `fraction` (0 to 1)."""


class JobResult(NamedTuple):
    """One job's result. `exit_code` has the meaning of docs/reference/commands.md's table."""

    content_id: str
    state: str
    exit_code: int = 0
    message: str = ""
    service: str | None = None
    planner: str | None = None
    cost_usd: str | None = None
    clips: int | None = None
    seconds: float | None = None
    file: str | None = None
    report: str | None = None
    percent: float | None = None
    """The progress reported by the service, if any."""
    warnings: Sequence[str] = ()
    rehearsal: bool = False
    """Whether the job is made by the local studio, or at an address that is not the vendor's own."""
    held_until: str | None = None
    """When a job begins that waits for its `not_before`, in UTC; None for others."""
    standing: str | None = None
    """The lookup of the id before the submission; `refused` for a refused definition. None for other commands."""

    @property
    def is_on_its_way(self) -> bool:
        """Return whether the job is on the queue and needs no decision."""
        return self.state in ON_THEIR_WAY

    @property
    def fraction(self) -> float:
        """Return the progress, from 0 to 1."""
        if not self.is_on_its_way:
            return 1.0
        return {JobState.ACCEPTED: 0.02, JobState.SUBMITTING: 0.1}.get(JobState(self.state), 0.2 + 0.7 * (self.percent or 0) / 100)

    def progress_text(self) -> str:
        return str(self.state)

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()


def of_job(job: VideoJob, file: str, message: str, exit_code: int) -> JobResult:
    """Return the result of a job on the queue. A job that needs a decision has exit code 3."""
    if job.state in (JobState.SUBMIT_UNKNOWN, JobState.OVER_BUDGET, JobState.NEEDS_DECISION):
        exit_code = exit_code or 3
    held = job.begins_at if job.is_held else None
    return JobResult(
        job.content_id,
        job.state,
        exit_code,
        message or (f"It begins at {held[:16].replace('T', ' ')} UTC (not_before)." if held else ""),
        service=job.service,
        planner=job.blueprint.planner.name if job.blueprint else None,
        cost_usd=money.text(spent_usd(job)),
        clips=len(job.clips),
        seconds=sum(clip.seconds for clip in job.clips),
        file=file,
        percent=sum(100 if clip.is_final else clip.percent or 0 for clip in job.clips) / max(1, len(job.clips)),
        warnings=job.warnings,
        rehearsal=job.rehearsal,
        held_until=held,
    )


def of_report(report: Mapping[str, Any], artifacts: Artifacts, message: str, exit_code: int) -> JobResult:
    """Return the result of an ended job, from its final report.

    A failed job has exit code 1, or 3 where a user may still accept its film; a cancelled one has `exit_code`.
    """
    content_id, is_done = report["content_id"], report["state"] == JobState.COMPLETED
    video = file_names.video(content_id)
    is_there = is_done and artifacts.exists(video)
    reason = ("" if is_there else GONE) if is_done else f"{report['reason'].rstrip('.')}. {report['advice']}"
    return JobResult(
        content_id,
        report["state"],
        (3 if report.get("decision") else 1) if report["state"] == JobState.FAILED else exit_code,
        message or reason,
        service=report["service"],
        planner=report["planner"].get("name"),
        cost_usd=report["cost"]["total_usd"],
        clips=len(report["clips"]),
        seconds=report.get("media", {}).get("seconds"),
        file=artifacts.location(video) if is_there else None,
        report=artifacts.location((file_names.completion_report if is_done else file_names.failure_report)(content_id)),
        warnings=report["warnings"],
        rehearsal=is_rehearsed(report),
    )


class JobResults:
    """Reads the results of jobs from the stores."""

    def __init__(self, store: JobStore, artifacts: Artifacts) -> None:
        self._store = store
        self._artifacts = artifacts

    def of(self, content_id: str, message: str = "", exit_code: int = 0) -> JobResult:
        """Return the result of a job, on the queue or ended."""
        try:
            job = self._store.load(content_id)
            report = None if job else self._artifacts.final_report(content_id)
        except (BrokenState, DiskError) as error:
            return JobResult(content_id, "unreadable", exit_code or 3, message or str(error))
        if job:
            return self.of_job(job, message, exit_code)
        if report:
            return of_report(report, self._artifacts, message, exit_code)
        return JobResult(content_id, "not accepted", exit_code, message)

    def of_job(self, job: VideoJob, message: str = "", exit_code: int = 0) -> JobResult:
        """Return the result of a job on the queue, from memory."""
        return of_job(job, self._store.place(job.content_id), message, exit_code)

    def unknown(self, content_id: str) -> BadInput:
        """Return the error for an id that is neither on the queue nor among the finished jobs."""
        if is_set_aside(content_id, self._store):
            return BadInput(f"The state of {content_id!r} cannot be read. {self._store.remedy(content_id)}")
        hint = did_you_mean(content_id, self._store.ids())
        return BadInput(f"There is no job {content_id!r}, neither on the queue nor among the finished ones.{hint}")


def refused(content_id: str, source: str, error: TenxsomError) -> JobResult:
    """Return the result of a refused definition, which is in the file `source`."""
    return JobResult(content_id, "refused", error.exit_code, f"{source}: {error}", standing="refused")


def exit_code_of(error: TenxsomError) -> int:
    """Return the exit code of a job on the queue after an error: 0 where it only waits for a busy service.

    A rate limit (RateLimited) is a transient error that is reported, although the job is safe.
    """
    waits_its_turn = isinstance(error, ServiceBusy) and not isinstance(error, RateLimited | ServiceClosed)
    return 0 if waits_its_turn else error.exit_code


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of a run from those of its jobs."""
    present = set(codes)
    return next((code for code in EXIT_ORDER if code in present), 0)
