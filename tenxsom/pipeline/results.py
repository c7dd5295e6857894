"""What became of one job in one run of a script: the result that scripts print, as a table or as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tenxsom.errors import BadInput, BrokenState, DiskTrouble, RateLimited, ServiceBusy, ServiceClosed, TenxsomError
from tenxsom.model import money
from tenxsom.model.job import State, VideoJob
from tenxsom.model.vocabulary import nearest
from tenxsom.pipeline.intake import Refusal, is_rehearsed, is_set_aside
from tenxsom.pipeline.spend import spent_usd
from tenxsom.store.base import Artifacts, JobStore

EXIT_ORDER = (2, 1, 3, 75, 0)
"""Which exit code wins when several jobs of one run disagree: bad input, failure, decision, try again, done."""

GONE = "It was made, but its video is not here any more (moved or deleted). --again makes it, and pays for it, once more."

ON_THEIR_WAY = frozenset({State.ACCEPTED.value, State.SUBMITTING.value, State.WAITING.value})
"""The states that time alone brings further."""


class ShowsProgress(Protocol):
    """Where the progress of a wait is shown."""

    def show(self, name: str, what: str, fraction: float) -> None:
        """Job `name` is doing `what` and is done by `fraction` (0 to 1)."""


class JobResult(NamedTuple):
    """One job's result. `exit_code` has the meaning of README.md's table."""

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
    """How far the service says it is, where it says so."""
    warnings: Sequence[str] = ()
    rehearsal: bool = False
    """Whether it is made by the local studio, or at an address that is not the vendor's own."""
    standing: str | None = None
    """What was known of its id before it was submitted; `refused` where it could not be. None for other commands."""

    @property
    def is_on_its_way(self) -> bool:
        """Whether time alone will bring it further: it is on the queue, and nobody has to decide anything."""
        return self.state in ON_THEIR_WAY

    @property
    def fraction(self) -> float:
        """How far it is, from 0 to 1."""
        if not self.is_on_its_way:
            return 1.0
        return {State.ACCEPTED: 0.02, State.SUBMITTING: 0.1}.get(State(self.state), 0.2 + 0.7 * (self.percent or 0) / 100)

    def progress_text(self) -> str:
        return str(self.state)

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()


def of_job(job: VideoJob, file: str, message: str, exit_code: int) -> JobResult:
    """The outcome of a job that is on the queue: what its state file says. One that waits for somebody has exit code 3."""
    if job.state in (State.SUBMIT_UNKNOWN, State.OVER_BUDGET, State.NEEDS_DECISION):
        exit_code = exit_code or 3
    return JobResult(
        job.content_id,
        job.state,
        exit_code,
        message,
        service=job.service,
        planner=job.blueprint.planner.name if job.blueprint else None,
        cost_usd=money.text(spent_usd(job)),
        clips=len(job.clips),
        seconds=sum(clip.seconds for clip in job.clips),
        file=file,
        percent=sum(100 if clip.is_final else clip.percent or 0 for clip in job.clips) / max(1, len(job.clips)),
        warnings=job.warnings,
        rehearsal=job.rehearsal,
    )


def of_report(report: Mapping[str, Any], artifacts: Artifacts, message: str, exit_code: int) -> JobResult:
    """The outcome of a job that is off the queue: what its final report says.

    A failed job has exit code 1, or 3 where somebody may decide that its film is good enough; a cancelled one was asked for.
    """
    content_id, is_done = report["content_id"], report["state"] == State.COMPLETED
    video = artifacts.video(content_id)
    is_there = is_done and video.exists()
    reason = ("" if is_there else GONE) if is_done else f"{report['reason'].rstrip('.')}. {report['advice']}"
    return JobResult(
        content_id,
        report["state"],
        (3 if report.get("decision") else 1) if report["state"] == State.FAILED else exit_code,
        message or reason,
        service=report["service"],
        planner=report["planner"].get("name"),
        cost_usd=report["cost"]["total_usd"],
        clips=len(report["clips"]),
        seconds=report.get("media", {}).get("seconds"),
        file=str(video) if is_there else None,
        report=str(artifacts.completion_report(content_id) if is_done else artifacts.failure_report(content_id)),
        warnings=report["warnings"],
        rehearsal=is_rehearsed(report),
    )


class JobResults:
    """What became of jobs, read from the stores: what this says is what a crash would leave."""

    def __init__(self, store: JobStore, artifacts: Artifacts) -> None:
        self._store = store
        self._artifacts = artifacts

    def of(self, content_id: str, message: str = "", exit_code: int = 0) -> JobResult:
        """The outcome of a job, wherever it is."""
        try:
            job = self._store.load(content_id)
            report = None if job else self._artifacts.final_report(content_id)
        except (BrokenState, DiskTrouble) as error:
            return JobResult(content_id, "unreadable", exit_code or 3, message or str(error))
        if job:
            return self.of_job(job, message, exit_code)
        if report:
            return of_report(report, self._artifacts, message, exit_code)
        return JobResult(content_id, "not accepted", exit_code, message)

    def of_job(self, job: VideoJob, message: str = "", exit_code: int = 0) -> JobResult:
        """The outcome of a job that is on the queue, as it is in memory."""
        return of_job(job, self._store.place(job.content_id), message, exit_code)

    def unknown(self, content_id: str) -> BadInput:
        """The error about an id that is neither on the queue nor among the finished ones."""
        if is_set_aside(content_id, self._store):
            return BadInput(f"The state of {content_id!r} cannot be read. {self._store.remedy(content_id)}")
        hint = nearest(content_id, self._store.ids())
        return BadInput(f"There is no job {content_id!r}, neither on the queue nor among the finished ones.{hint}")


def refused(refusal: Refusal) -> JobResult:
    """The outcome of a definition that could not be submitted."""
    error = refusal.error
    code = 3 if isinstance(error, BrokenState) else error.exit_code  # a report that somebody must look at is no failed job
    return JobResult(refusal.content_id, "refused", code, f"{refusal.source}: {error}", standing="refused")


def exit_code_of(error: TenxsomError) -> int:
    """The exit code of a job on the queue that an error keeps from going on: 0 where it only waits for its place at the service.

    A service that is asked too often (RateLimited) is passing trouble: the job is safe, and somebody may want to know.
    """
    waits_its_turn = isinstance(error, ServiceBusy) and not isinstance(error, RateLimited | ServiceClosed)
    return 0 if waits_its_turn else error.exit_code


def worst(codes: Iterable[int]) -> int:
    """The exit code of a run, from those of its jobs."""
    present = set(codes)
    return next((code for code in EXIT_ORDER if code in present), 0)
