"""Unexpected errors: saved in the job's state with their place in the code, and limited in number."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tenxsom import clock
from tenxsom.errors import DiskError, RevisionIsStale, TenxsomError, UnexpectedError
from tenxsom.log import describe, place_of
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import UnexpectedRecord
from tenxsom.pipeline import limits
from tenxsom.store.base import Claim

log = logging.getLogger(__name__)

SUBMITTING, COLLECTING, FINISHING = "submitting", "collecting", "finishing"


class UnexpectedErrors:
    """Saves a job's unexpected errors, postpones the job, and ends it after repeated errors.

    A clip at the service is checked until its deadline, as after any other error. A clip that is not ordered is given up after
    `limits.TRIES` errors, minutes and hours apart; delivered clips are kept.
    """

    def __init__(self, deadline_hours: float, fail: Callable[[Claim, str], Any]) -> None:
        """`fail` ends a job without clips."""
        self._deadline_hours = deadline_hours
        self._fail = fail

    def record(self, claim: Claim, during: str, error: Exception) -> TenxsomError:
        """Save an unexpected error with its stored job; return the error to report.

        That is UnexpectedError, or the error that prevented the save.
        """
        log.error("Unexpected error", exc_info=error, extra={"content_id": claim.job.content_id})
        if claim.finished:
            return UnexpectedError(_message(during, error), repeated=False)
        try:
            claim.reload()
            told = note(claim.job, during, error)
            self._put_off(claim, during)
            return told
        except (DiskError, RevisionIsStale) as trouble:
            return trouble

    def forget(self, claim: Claim, during: str) -> None:
        """Reset the count of unexpected errors after a success."""
        if claim.job.unexpected and claim.job.unexpected.during == during and not claim.finished:
            claim.job.unexpected = None
            claim.save()

    def _put_off(self, claim: Claim, during: str) -> None:
        job, found = claim.job, claim.job.unexpected or UnexpectedRecord()
        is_over = limits.has_had_its_tries(job, found.count, self._deadline_hours)
        reason = f"an unexpected error repeated itself: {_sentence(found)}"
        if not job.clips and is_over:
            self._fail(claim, reason)
            return
        next_check_at = clock.later(limits.pause_after(found.count))
        if not job.clips or during == FINISHING:
            job.next_check_at = next_check_at
        for clip in job.clips:
            is_meant = during == f"{COLLECTING} clip {clip.index + 1}" if clip.is_submitted else during == SUBMITTING
            if clip.is_final or not is_meant:
                continue
            clip.next_check_at, clip.error = next_check_at, _sentence(found)
            clip.attempts.pop(limits.TAKING_IN, None)
            if clip.is_submitted:
                limits.give_up_overdue(job, clip, self._deadline_hours)
            elif is_over and clip.intent is None:
                limits.give_up(job, clip, reason)
        job.settle_state()
        claim.save()


def note(job: VideoJob, during: str, error: Exception) -> UnexpectedError:
    """Write an unexpected error into a job's state, which the caller saves; return the error to report."""
    same = job.unexpected if job.unexpected and job.unexpected.during == during else None
    before = same or UnexpectedRecord()
    what, where = describe(error), place_of(error)
    count = before.count + 1
    job.unexpected = UnexpectedRecord(at=clock.stamp(), during=during, error=what, place=where, count=count)
    if (before.error, before.place) != (what, where):
        job.record("unexpected_error", _sentence(job.unexpected))
    return UnexpectedError(_message(during, error), repeated=count > 1)


def _sentence(found: UnexpectedRecord) -> str:
    return f"{found.error} ({found.place}, while {found.during})"


def _message(during: str, error: Exception) -> str:
    found = f"{describe(error)} ({place_of(error)})"
    return f"An unexpected error while {during}: {found}. It is tried again, a few times and with pauses; please report it."
