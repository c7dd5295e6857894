"""Collects jobs: a tick checks every due job, downloads and verifies finished clips, writes reports and empties the queue."""

from __future__ import annotations

import contextlib
import logging
import resource
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from tenxsom import clock
from tenxsom.errors import (
    BadDefinition,
    BadSettings,
    Interrupted,
    JobIsBusy,
    NeedsDecision,
    NotApproved,
    RevisionIsStale,
    ServiceBusy,
    TenxsomError,
    UnexpectedError,
)
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.pipeline import limits
from tenxsom.pipeline.collector import ClipCollector
from tenxsom.pipeline.finisher import Finisher, all_final
from tenxsom.pipeline.kept_parts import KeptParts
from tenxsom.pipeline.results import JobResult, JobResults, ShowsProgress, exit_code_of
from tenxsom.pipeline.routing import Route, route_of
from tenxsom.pipeline.unexpected import COLLECTING, FINISHING, SUBMITTING, UnexpectedErrors
from tenxsom.settings import Settings
from tenxsom.store.base import Claim, JobStore

log = logging.getLogger("poll")

_DESCRIPTORS_OF_A_JOB = 5
"""The highest number of open files of a job: lock, state, status connection, download connection, downloaded file."""
_DESCRIPTORS_BESIDE = 64
"""Open files of the rest of the process: libraries, logs, the ledger, idle connections."""


class Submitter(Protocol):
    """Continues a submission that was interrupted: the orchestrator, which a tick without such a job does not need."""

    def carry_on(self, claim: Claim, *, deadline: clock.Deadline) -> None: ...


class VideoStatusPoller:
    """The second stage: pending job → verified video with its report."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        collector: ClipCollector,
        finisher: Finisher,
        unexpected_errors: UnexpectedErrors,
        results: JobResults,
        kept_parts: KeptParts,
        open_submitter: Callable[[], Submitter],
        settle_services: Callable[[float], None],
        time_limit_seconds: float | None = None,
    ) -> None:
        """`open_submitter` is called when a submission must continue; `settle_services` waits for work in this process."""
        self._settings = settings
        self._store = store
        self._collector = collector
        self._finisher = finisher
        self._unexpected_errors = unexpected_errors
        self._results = results
        self._kept_parts = kept_parts
        self._open_submitter = open_submitter
        self._settle_services = settle_services
        self._time_limit = time_limit_seconds or settings.poll_time_limit_seconds
        self._deadline = clock.Deadline(self._time_limit)
        self._carrying_on = threading.Lock()
        self._at_once = False
        self._submitter: Submitter | None = None
        self._limits: dict[str, threading.BoundedSemaphore] = {}

    def tick(self, only: Sequence[str] = (), at_once: bool = False, settle_seconds: float | None = None) -> list[JobResult]:
        """Work on every due job once, concurrently, within the time limit; return one result for each job worked on.

        `at_once` includes jobs that are not due yet, for a user who names a job. `settle_seconds` is the wait for work inside
        this process (the local studio's rendering); by default the rest of the tick.
        """
        self._at_once = at_once
        self._deadline = clock.Deadline(self._time_limit)
        ids = list(dict.fromkeys(only)) or self._store.due()
        by_id = self._visit_all(ids)
        results = [by_id[content_id] for content_id in ids if content_id in by_id]
        if not only:
            self._kept_parts.sweep()
        self._settle_services(self._deadline.left() if settle_seconds is None else settle_seconds)
        return results

    def wait_for(self, content_ids: Sequence[str], progress: ShowsProgress) -> dict[str, JobResult]:
        """Tick until each of these jobs has ended or needs a decision, or a stop is requested; return their last results.

        Jobs that wait for their `not_before` are not waited for.
        """
        last: dict[str, JobResult] = {}
        waiting = {content_id for content_id in content_ids if not self._results.of(content_id).held_until}
        for content_id in sorted(waiting):
            progress.show(content_id, "at the service", 0.1)
        while waiting and not clock.stop_requested():
            for result in self.tick(sorted(waiting), settle_seconds=0.25):
                last[result.content_id] = result
                progress.show(result.content_id, result.progress_text(), result.fraction)
                if not result.is_on_its_way or result.exit_code in (2, 3):
                    waiting.discard(result.content_id)
            waiting.intersection_update(self._store.ids())  # another process may have ended some of them
            if waiting:
                with contextlib.suppress(Interrupted):
                    clock.sleep(0.1)
        return last

    def collect(self, claim: Claim) -> None:
        """Take one job as far as possible. Raises the error that stops it; everything before is saved."""
        troubles = [self._trouble_with(claim, SUBMITTING, self.carry_on)]
        if not claim.job.clips and not claim.finished:
            self._put_off_planning(claim, troubles[0])
        for index in self._due_clips(claim.job):  # clips at the service are collected even if the submission of others is stuck
            clock.check_stop()
            troubles.append(self._trouble_with(claim, f"{COLLECTING} clip {index + 1}", partial(self._collect_clip, index=index)))
        if all_final(claim.job) and not claim.finished and (self._at_once or claim.job.is_due()):
            troubles.append(self._trouble_with(claim, FINISHING, partial(self._finisher.end, deadline=self._deadline)))
        self._warn_of_age(claim)
        for trouble in filter(None, troubles):
            raise trouble

    def _collect_clip(self, claim: Claim, index: int) -> None:
        self._collector.collect(claim, claim.job.clips[index], self._deadline)
        self._unexpected_errors.forget(claim, f"{COLLECTING} clip {index + 1}")

    def _put_off_planning(self, claim: Claim, trouble: TenxsomError | None) -> None:
        """Postpone a job without clips: it waits for a budget, and for anything else until its deadline."""
        job = claim.job
        if trouble is None or isinstance(trouble, UnexpectedError | RevisionIsStale | NotApproved):
            return  # saved already, or another process owns the job
        if isinstance(trouble, BadDefinition):
            self._finisher.fail(claim, str(trouble))  # a template or setting was removed since its acceptance; nothing was paid
            return
        tries = job.count("planning")
        if not isinstance(trouble, NeedsDecision) and limits.has_had_its_tries(
            job, min(tries, 2), self._settings.job_deadline_hours
        ):
            self._finisher.fail(claim, f"it could not be planned before its deadline ({trouble})")
            return
        pause = getattr(trouble, "retry_after", None) or clock.backoff_seconds(tries)
        job.error, job.next_check_at = str(trouble), clock.later(pause)
        claim.save()

    def _warn_of_age(self, claim: Claim) -> None:
        """Warn once about a job that is on its way for a long time."""
        job, limit = claim.job, self._settings.job_age_warning_minutes
        minutes = clock.age_seconds(job.begins_at) / 60
        sentence = f"It took longer than {limit:g} minutes (JOB_AGE_WARNING_MINUTES)."
        if claim.finished or job.waits_for_approval or minutes <= limit or not job.warn(sentence):
            return
        waiting = ", ".join(sorted({str(clip.step) for clip in job.clips if not clip.is_final})) or job.step or "plan"
        log.warning("Not there after %.0f minutes; it is at %s.", minutes, waiting, extra={"content_id": job.content_id})
        claim.save()

    def _due_clips(self, job: VideoJob) -> list[int]:
        """Return the indexes of a job's clips that are due."""
        at_service = [clip for clip in job.clips if clip.step in (Step.AWAIT_VIDEO, Step.DOWNLOAD)]
        return [clip.index for clip in at_service if self._at_once or clip.is_due()]

    def carry_on(self, claim: Claim) -> None:
        """Continue a submission that was interrupted, refused for a while, or waiting for its still."""
        unsubmitted = [clip for clip in claim.job.clips if not clip.is_submitted]
        is_due = any(map(Clip.is_due, unsubmitted)) if claim.job.clips else claim.job.is_due()
        if (claim.job.clips and not unsubmitted) or not (self._at_once or is_due):
            return
        route = route_of(claim.job)
        submitter, side_by_side = self._submission(route)
        if not side_by_side.acquire(timeout=max(0.0, self._deadline.left())):
            return  # the tick is over; the next one continues
        try:
            with contextlib.ExitStack() as place:
                try:
                    place.enter_context(self._store.slot(route.service, route.capabilities.concurrent_submissions))
                except ServiceBusy as busy:
                    log.info("%s", busy, extra={"content_id": claim.job.content_id})
                    return  # the next tick continues
                submitter.carry_on(claim, deadline=self._deadline)
            self._unexpected_errors.forget(claim, SUBMITTING)
        finally:
            side_by_side.release()

    def _submission(self, route: Route) -> tuple[Submitter, threading.BoundedSemaphore]:
        """Return this poller's submitter, created on first use, and the service's limit for the threads of this process, which
        wait for each other; those of other processes are the store's `slot`.
        """
        with self._carrying_on:
            self._submitter = self._submitter or self._open_submitter()
            if route.service not in self._limits:
                self._limits[route.service] = threading.BoundedSemaphore(route.capabilities.concurrent_submissions)
            return self._submitter, self._limits[route.service]

    def _trouble_with(self, claim: Claim, during: str, work: Callable[[Claim], None]) -> TenxsomError | None:
        """Do some work on a job and return its error, or None. An unexpected error is saved with the job."""
        try:
            work(claim)
        except Interrupted:
            raise
        except TenxsomError as error:
            return error
        except Exception as error:  # noqa: BLE001  (a bug with one job must not stop the others)
            return self._unexpected_errors.record(claim, during, error)
        return None

    def _visit_all(self, ids: Sequence[str]) -> dict[str, JobResult]:
        """Visit jobs concurrently. A thread takes the next id when it has finished with one: a long queue costs no memory."""
        threads, left = min(_workers(self._settings.poll_concurrency), max(1, len(ids))), iter(ids)
        with ThreadPoolExecutor(threads, thread_name_prefix="poll") as pool:
            visits = pool.map(lambda _: [*filter(None, map(self._visit, left))], range(threads))
            return {content_id: result for of_thread in visits for content_id, result in of_thread}

    def _visit(self, content_id: str) -> tuple[str, JobResult] | None:
        """Visit one job of a tick; return None for a job that is not due, gone, or owned elsewhere, unless it was named."""
        if self._deadline.passed() or clock.stop_requested():
            return None
        try:
            result = self._seen(content_id)
        except JobIsBusy as busy:
            result = self._results.of(content_id, str(busy), busy.exit_code) if self._at_once else None
        except TenxsomError as error:
            result = JobResult(content_id, "unreadable", error.exit_code, str(error))
        except Exception as error:  # a bug with one file must not stop the others
            log.exception("Unexpected error", extra={"content_id": content_id})
            result = JobResult(content_id, "unreadable", 75, f"an unexpected error, please report it: {error!r}")
        return (content_id, result) if result else None

    def _seen(self, content_id: str) -> JobResult | None:
        """Own a due job and work on it."""
        with self._store.claim(content_id) as claim:
            if claim and (self._at_once or claim.job.is_due()):
                return self._worked_on(claim)
        return self._results.of(content_id) if self._at_once else None

    def _worked_on(self, claim: Claim) -> JobResult:
        """Work on a job and return its result, also after an error."""
        message, code, about, decides = "", 0, {"content_id": claim.job.content_id}, False
        try:
            if not self._finisher.already_reported(claim):
                self.collect(claim)
        except TenxsomError as error:
            message, code = str(error), 3 if isinstance(error, BadSettings) else exit_code_of(error)
            decides = isinstance(error, NeedsDecision)
            log.info("%s", error, extra=about)
        except Exception as error:  # a bug with one job must not stop the others
            message, code = f"an unexpected error, please report it: {error!r}", 75
            log.exception("Unexpected error", extra=about)
        if claim.finished and not decides:
            return self._results.of(claim.job.content_id)  # its report has the final result
        if claim.finished:
            return self._results.of(claim.job.content_id, message, code)
        return self._results.of_job(claim.job, message, code)


def _workers(wanted: int) -> int:
    """Return the number of concurrent jobs: `wanted`, within the limit of open files (macOS: 256)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (limit - _DESCRIPTORS_BESIDE) // _DESCRIPTORS_OF_A_JOB))
