"""Visits jobs: owns one, takes it as far as possible, and tells what has become of it.

A tick visits every due job once (`poller`); a worker visits whatever is due until it is stopped (`worker`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from tenxsom import clock, threads
from tenxsom.errors import (
    BadDefinition,
    BadSettings,
    Interrupted,
    JobIsBusy,
    NeedsDecision,
    NotApproved,
    NoTurn,
    RevisionIsStale,
    ServiceBusy,
    TenxsomError,
    UnexpectedError,
)
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.pipeline import delivery, limits
from tenxsom.pipeline.collector import ClipCollector
from tenxsom.pipeline.finisher import Finisher, all_final
from tenxsom.pipeline.results import JobResult, JobResults, exit_code_of
from tenxsom.pipeline.routing import Route, route_of
from tenxsom.pipeline.unexpected import COLLECTING, FINISHING, SUBMITTING, UnexpectedErrors
from tenxsom.settings import Settings
from tenxsom.store.base import Claim, JobStore

log = logging.getLogger("poll")


class Submitter(Protocol):
    """Continues a submission that was interrupted: the orchestrator, which a tick without such a job does not need."""

    def carry_on(self, claim: Claim, *, deadline: clock.Deadline) -> None: ...


class Look(NamedTuple):
    """How a job is visited."""

    deadline: clock.Deadline
    at_once: bool = False
    """Work on the job although it is not due yet, for a user who names it."""
    only_with_core: bool = False
    """Leave a film that is to be made alone while no core is free, so that another machine takes it."""


class JobVisitor:
    """Visits one job at a time, in any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        collector: ClipCollector,
        finisher: Finisher,
        unexpected_errors: UnexpectedErrors,
        results: JobResults,
        open_submitter: Callable[[], Submitter],
    ) -> None:
        """`open_submitter` is called when a submission must continue."""
        self._settings = settings
        self._store = store
        self._collector = collector
        self._finisher = finisher
        self._unexpected_errors = unexpected_errors
        self._results = results
        self._open_submitter = open_submitter
        self._carrying_on = threading.Lock()
        self._submitter: Submitter | None = None
        self._limits: dict[str, threading.BoundedSemaphore] = {}

    def visit(self, content_id: str, look: Look) -> JobResult | None:
        """Visit a job; return None for one that is not due, gone, or owned elsewhere, unless `at_once`.

        Raises NoTurn for a film that was left alone because no core is free.
        """
        if look.deadline.passed() or clock.stop_requested():
            return None
        try:
            return self._seen(content_id, look)
        except NoTurn:
            raise
        except JobIsBusy as busy:
            return self._results.of(content_id, str(busy), busy.exit_code) if look.at_once else None
        except TenxsomError as error:
            return JobResult(content_id, "unreadable", error.exit_code, str(error))
        except Exception as error:  # a bug with one file must not stop the others
            log.exception("Unexpected error", extra={"content_id": content_id})
            return JobResult(content_id, "unreadable", 75, f"an unexpected error, please report it: {error!r}")

    def _seen(self, content_id: str, look: Look) -> JobResult | None:
        """Own a due job and work on it."""
        with self._store.claim(content_id) as claim:
            if claim and (look.at_once or claim.job.is_due()):
                if look.only_with_core and all_final(claim.job) and not delivery.has_free_core():
                    raise NoTurn("Every core is making a film; this one's turn comes.", retry_after=1)
                return self._worked_on(claim, look)
        return self._results.of(content_id) if look.at_once else None

    def _worked_on(self, claim: Claim, look: Look) -> JobResult:
        """Work on a job and return its result, also after an error."""
        message, code, about, decides = "", 0, {"content_id": claim.job.content_id}, False
        try:
            if not self._finisher.already_reported(claim):
                self.collect(claim, look)
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

    def collect(self, claim: Claim, look: Look) -> None:
        """Take one job as far as possible. Raises the error that stops it; everything before is saved."""
        troubles = [self._trouble_with(claim, SUBMITTING, partial(self.carry_on, look=look))]
        if not claim.job.clips and not claim.finished:
            self._put_off_planning(claim, troubles[0])
        for index in self._due_clips(claim.job, look):  # they are collected even if the submission of others is stuck
            clock.check_stop()
            collect = partial(self._collect_clip, index=index, look=look)
            troubles.append(self._trouble_with(claim, f"{COLLECTING} clip {index + 1}", collect))
        if all_final(claim.job) and not claim.finished and (look.at_once or claim.job.is_due()):
            troubles.append(self._trouble_with(claim, FINISHING, partial(self._finisher.end, deadline=look.deadline)))
        self._warn_of_age(claim)
        for trouble in filter(None, troubles):
            raise trouble

    def _collect_clip(self, claim: Claim, index: int, look: Look) -> None:
        self._collector.collect(claim, claim.job.clips[index], look.deadline)
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

    def _due_clips(self, job: VideoJob, look: Look) -> list[int]:
        """Return the indexes of a job's clips that are due."""
        at_service = [clip for clip in job.clips if clip.step in (Step.AWAIT_VIDEO, Step.DOWNLOAD)]
        return [clip.index for clip in at_service if look.at_once or clip.is_due()]

    def carry_on(self, claim: Claim, look: Look) -> None:
        """Continue a submission that was interrupted, refused for a while, or waiting for its still."""
        unsubmitted = [clip for clip in claim.job.clips if not clip.is_submitted]
        is_due = any(map(Clip.is_due, unsubmitted)) if claim.job.clips else claim.job.is_due()
        if (claim.job.clips and not unsubmitted) or not (look.at_once or is_due):
            return
        route = route_of(claim.job)
        submitter, side_by_side = self._submission(route)
        with threads.turn(side_by_side, look.deadline) as is_our_turn, contextlib.ExitStack() as place:
            if not is_our_turn:
                return  # the tick is over; the next one continues
            try:
                place.enter_context(self._store.slot(route.service, route.capabilities.concurrent_submissions))
            except ServiceBusy as busy:
                log.info("%s", busy, extra={"content_id": claim.job.content_id})
                return  # the next tick continues
            submitter.carry_on(claim, deadline=look.deadline)
            place.close()
            self._unexpected_errors.forget(claim, SUBMITTING)

    def _submission(self, route: Route) -> tuple[Submitter, threading.BoundedSemaphore]:
        """Return the submitter, created on first use, and the service's limit for the threads of this process, which
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
