"""What is on the queue, what each job waits for, and what a person has to do: one reading for every screen.

Jobs are read as documents, without checking every field, because an overview reads ten thousand of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from tenxsom import clock
from tenxsom.errors import BadInput, BrokenState, DiskError
from tenxsom.model import file_names
from tenxsom.model.clip import DECISION, SUBMISSION_STEPS, Step
from tenxsom.model.ids import masked_id
from tenxsom.model.job import JobState
from tenxsom.model.money import ZERO, shown, usd
from tenxsom.spelling import did_you_mean
from tenxsom.store.base import RELEASED, JobStore

SUBMISSION = frozenset(map(str, SUBMISSION_STEPS))
FINAL = frozenset({str(Step.DONE), str(Step.FAILED)})
UNCLEAR, BUDGET, REFUSED = JobState.SUBMIT_UNKNOWN.value, JobState.OVER_BUDGET.value, JobState.NEEDS_DECISION.value
QUEUE_STATES = tuple(state.value for state in JobState if state not in (JobState.COMPLETED, JobState.FAILED))


class QueuedJob(NamedTuple):
    """A job on the queue, as the screens show it."""

    content_id: str
    title: str
    state: str
    service: str
    rehearsal: bool
    submit_time: str
    """UTC, ISO 8601."""
    percent: int
    """How much of it is made, as far as the services tell: from 0 to 99, because a finished film is not on the queue."""
    waits_for: str
    """What has to happen next, in words."""
    command: str | None
    """What a person types, if the job waits for one."""
    usd: Decimal
    """What it has cost so far, with reservations and unclear calls."""
    next_at: str | None = None
    """The earliest time of the next step; None for at once, or when nothing happens by itself."""

    def as_dict(self) -> dict[str, Any]:
        return {**self._asdict(), "usd": f"{self.usd.normalize():f}" if self.usd else "0"}


class Wanted(NamedTuple):
    """Which jobs of the queue are shown; empty: all."""

    states: Collection[str] = ()
    services: Collection[str] = ()
    since: datetime | None = None
    """Jobs that were accepted at this time or later."""
    documents: bool = False
    """Whether the documents are kept, too, which takes ten times the memory."""


class QueueView(NamedTuple):
    """The queue at one moment."""

    jobs: list[QueuedJob]
    """Oldest first."""
    documents: list[dict[str, Any]]
    """The stored documents of the same jobs, if they are wanted."""
    unreadable: dict[str, str]
    """By id, why a state cannot be read. It is still on the queue; the next tick quarantines it."""
    on_queue: int
    """How many jobs are on the queue, shown or not."""


class HasState(Protocol):
    """A job, as the queue stores it or as the screens show it."""

    @property
    def state(self) -> str: ...

    @property
    def submit_time(self) -> str: ...


class InState(NamedTuple):
    """The jobs of one state."""

    number: int
    oldest: str
    """When the first of them was accepted. UTC, ISO 8601."""


def in_states(jobs: Iterable[HasState]) -> dict[str, InState]:
    """Return how many jobs are in each state, and the oldest of them: the numbers of every screen, of metrics and of programs."""
    found: dict[str, InState] = {}
    for job in jobs:
        before = found.get(job.state)
        found[str(job.state)] = (
            InState(before.number + 1, min(before.oldest, job.submit_time)) if before else InState(1, job.submit_time)
        )
    return found


def checked(states: Iterable[str], services: Iterable[str], known_services: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the states and services of a filter. Raises BadInput, which names the known ones, for an unknown one."""
    wanted, makers = list(states), list(services)
    for kind, given, known in (("state", wanted, QUEUE_STATES), ("service", makers, tuple(known_services))):
        for name in given:
            if name not in known:
                raise BadInput(
                    f"There is no {kind} {name[:40]!r} on the queue.{did_you_mean(name, known)} Known are {', '.join(known)}."
                )
    return wanted, makers


def read(store: JobStore, wanted: Wanted = Wanted()) -> QueueView:  # noqa: B008  (a NamedTuple never changes)
    """Read the queue."""
    found: list[tuple[QueuedJob, dict[str, Any] | None]] = []
    unreadable: dict[str, str] = {}
    count = 0
    for content_id, document in store.documents():
        count += 1
        job = seen(store, content_id, document)
        if isinstance(job, str):
            unreadable[content_id] = job
        elif isinstance(document, dict) and job is not None and _is_wanted(job, document, wanted):
            found.append((job, document if wanted.documents else None))
    found.sort(key=lambda pair: pair[0].submit_time)
    return QueueView([job for job, _ in found], [document for _, document in found if document], unreadable, count)


def seen(store: JobStore, content_id: str, document: dict[str, Any] | BrokenState | DiskError) -> QueuedJob | str | None:
    """Return a job of `JobStore.documents` as the screens show it, or why its state cannot be used; None for one that has gone."""
    job: QueuedJob | BrokenState | DiskError | None
    try:
        job = queued_job(document) if isinstance(document, dict) else document
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        job = _error_of(store, content_id)
    if isinstance(job, BrokenState):
        return f"its state file cannot be used because {job}."
    return str(job) if isinstance(job, DiskError) else job


def queued_job(document: Mapping[str, Any]) -> QueuedJob:
    """Return a job as the screens show it. Raises KeyError, TypeError or ValueError for a document that is no job."""
    clips = document["clips"]
    waits_for, command, next_at = _wait_of(document)
    return QueuedJob(
        document["content_id"],
        document["title"],
        document["state"],
        document["service"],
        document.get("rehearsal") is True,
        document["submit_time"],
        _percent(document, clips),
        waits_for,
        command,
        sum((usd(line["usd"]) for line in document.get("spend", ()) if line["entry"] != RELEASED), ZERO),
        next_at,
    )


def _error_of(store: JobStore, content_id: str) -> BrokenState | DiskError | None:
    """Return why a job's document could not be used: the store's own error, which a complete check finds."""
    try:
        store.load(content_id)
    except (BrokenState, DiskError) as error:
        return error
    return BrokenState("its fields do not fit together")


def _is_wanted(job: QueuedJob, document: Mapping[str, Any], wanted: Wanted) -> bool:
    if wanted.states and job.state not in wanted.states:
        return False
    if wanted.services:
        makers = {clip.get("service") or job.service for clip in document["clips"]} or {job.service}
        if not makers & set(wanted.services):
            return False
    return wanted.since is None or clock.parse(job.submit_time) >= wanted.since


def _percent(document: Mapping[str, Any], clips: list[Any]) -> int:
    if not clips:
        return 0
    made = sum(100.0 if clip["step"] in FINAL else clip.get("percent") or 0.0 for clip in clips)
    return min(99, int(made / len(clips))) if not document.get("step") else 99


# what a job waits for


def _wait_of(document: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Return what a job waits for, what a person types, and the earliest time of its next step."""
    state = document["state"]
    decision: Callable[[Mapping[str, Any]], tuple[str, str | None]] | None = _DECISIONS.get(state)
    if decision:
        return (*decision(document), None)
    start = (document.get("definition") or {}).get("not_before")
    if start and clock.seconds_until(start) > 0:
        return f"its time (not_before), {_at(start)}", None, clock.stamp(clock.parse(start))
    if not document["clips"]:
        return _of_the_job(document, "plans it and orders its clips")
    waiting = [clip for clip in document["clips"] if clip["step"] not in FINAL]
    if not waiting:
        return _of_the_job(document, f"finishes it ({document.get('step') or 'film'})")
    first = min(waiting, key=lambda clip: clip.get("next_check_at") or "")
    return _of_clips(waiting, document), None, first.get("next_check_at")


def _of_the_job(document: Mapping[str, Any], does: str) -> tuple[str, str | None, str | None]:
    """Describe the wait of a job for the next tick that works on it, or for another try after an error."""
    error, at = document.get("error"), document.get("next_check_at")
    if unexpected := document.get("unexpected"):
        error = f"an unexpected error while {unexpected.get('during', 'working on it')}: {unexpected.get('error', '')}"
    if not error:
        return f"{'the next tick' if clock.is_due(at, math.inf) else f'a tick {_in(at)}'}, which {does}", None, at
    return f"another try {_in(at)}: {masked_id(error)}", None, at


def _of_clips(waiting: list[Mapping[str, Any]], document: Mapping[str, Any]) -> str:
    """Describe the wait of clips in the words of the furthest behind: what is not ordered yet, else what is at the service."""
    unordered = [clip for clip in waiting if clip["step"] in SUBMISSION]
    clip = (unordered or waiting)[0]
    service = clip.get("service") or document["service"]
    of = f" ({len(waiting)} of {len(document['clips'])} clips missing)" if len(document["clips"]) > 1 else ""
    at = clip.get("next_check_at")
    unexpected = document.get("unexpected")
    if unexpected:
        return f"another try {_in(at)} after an unexpected error: {unexpected.get('error', '')}"
    if unordered:
        return f"another try {_in(at)}{of}: {masked_id(clip['error'])}" if clip.get("error") else f"its orders at {service}{of}"
    error = clip.get("error") if clip.get("checks") or clip["step"] == Step.DOWNLOAD else None  # an earlier order's error is over
    if error:
        return f"{service}{of}; asked again {_in(at)}: {masked_id(error)}"
    percent = f", {clip['percent']:.0f} %" if clip.get("percent") is not None else ""
    return f"{service}{percent}{of}; asked again {_in(at)}" if clip["step"] != Step.DOWNLOAD else f"the download from {service}{of}"


def _unclear(document: Mapping[str, Any]) -> tuple[str, str]:
    orders = [*document["clips"], *document.get("sounds", ())]
    open_calls = [order["intent"] for order in orders if order.get("intent")]
    call = f" ({open_calls[0]['step']}, {shown(usd(open_calls[0]['usd']))})" if open_calls else ""
    why = next((call["unclear"] for call in open_calls if call.get("unclear")), "")
    return (
        f"you: was this paid call{call} accepted? {masked_id(why) or ''}".rstrip(),
        f"manage_jobs.py resolve {document['content_id']} --adopt JOB_ID | --never-sent | --write-off",
    )


def _over_budget(document: Mapping[str, Any]) -> tuple[str, str | None]:
    errors = [clip.get("error") or "" for clip in [*document["clips"], *document.get("sounds", ())] if clip.get("hold") == "budget"]
    told = next((error for error in [*errors, document.get("error") or "", _last_detail(document, "over_budget")] if error), "")
    if "max_cost_usd" in told:
        return (
            f"its own budget, max_cost_usd: {told.split('. ')[0].split(': ')[-1]}",
            f"manage_jobs.py cancel {document['content_id']}",
        )
    if "rehearsals" in told:
        return "the day's budget for rehearsals (DAILY_BUDGET_USD); goes on by itself tomorrow (UTC)", None
    return "the day's budget (DAILY_BUDGET_USD); goes on by itself tomorrow (UTC)", None


def _needs_decision(document: Mapping[str, Any]) -> tuple[str, str]:
    asked = document.get("approval")
    if asked and not asked.get("given_at"):
        clips = f"{asked.get('clips', 0)} clip{'s' * (asked.get('clips') != 1)}, {asked.get('seconds', 0):g} s"
        plan, price = file_names.plan(document["content_id"]), shown(usd(asked["usd"]))
        return (
            f"you: is this plan good? {clips}, about {price}; it lies in completed_videos/{plan} and may be edited",
            f"manage_jobs.py approve {document['content_id']}",
        )
    clip: Mapping[str, Any] = next((clip for clip in document["clips"] if clip.get("hold") == DECISION), {})
    if not (clip.get("refusal") or {}).get("file"):
        return (
            f"you: is this clip to be given up? It is fetched again every hour: {masked_id(clip.get('error') or '')}",
            f"manage_jobs.py resolve {document['content_id']} --write-off",
        )
    return (
        f"you: is this clip good enough? {masked_id(clip.get('error') or '')}".rstrip(),
        f"manage_jobs.py resolve {document['content_id']} --take-as-is | --write-off",
    )


def _last_detail(document: Mapping[str, Any], event: str) -> str:
    return next((str(entry.get("detail", "")) for entry in reversed(document.get("history", [])) if entry["event"] == event), "")


_DECISIONS: dict[str, Callable[[Mapping[str, Any]], tuple[str, str | None]]] = {
    UNCLEAR: _unclear,
    BUDGET: _over_budget,
    REFUSED: _needs_decision,
    JobState.CANCELLED.value: lambda _: ("what was ordered before it was cancelled", None),
}
"""What a job waits for in the states that say so themselves."""


def _at(moment: str) -> str:
    """Return when something happens that may be days away."""
    found = clock.parse(moment)
    seconds = clock.seconds_until(moment)
    words = f"{seconds / 3600:.0f} hours" if seconds >= 2 * 3600 else f"{math.ceil(seconds / 60)} min"
    return f"{clock.stamp(found)[:16].replace('T', ' ')} UTC, in {f'{seconds / 86400:.0f} days' if seconds >= 2 * 86400 else words}"


def _in(moment: str | None) -> str:
    """Return when something happens that waits for a time."""
    seconds = clock.seconds_until(moment) if moment else 0.0
    if seconds < 1:
        return "with the next tick"
    return f"in {math.ceil(seconds)} s" if seconds < 120 else f"in {math.ceil(seconds / 60)} min"
