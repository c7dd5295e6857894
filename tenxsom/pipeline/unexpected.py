"""Errors that no code expected: they are saved in the job's state, with their place in the code, and they have an end."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from tenxsom import clock
from tenxsom.errors import DiskTrouble, RevisionIsStale, TenxsomError, UnexpectedError
from tenxsom.log import mask
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import UnexpectedRecord
from tenxsom.pipeline import limits
from tenxsom.store.base import Claim

log = logging.getLogger(__name__)

SUBMITTING, COLLECTING, FINISHING = "submitting", "collecting", "finishing"
LONGEST_MESSAGE = 160
LONGEST_QUOTE = 40
"""An error may quote what it read; a longer quotation than this is a piece of somebody's file."""


class UnexpectedErrors:
    """Keeps a job's unexpected errors, puts the job off, and ends what keeps failing.

    A clip at the service is asked for until its deadline, as after every other trouble. What is not ordered yet is given up
    after `limits.TRIES` errors, minutes and hours apart; the clips that are there are kept.
    """

    def __init__(self, deadline_hours: float, fail: Callable[[Claim, str], Any]) -> None:
        """`fail` ends a job that has no clips yet."""
        self._deadline_hours = deadline_hours
        self._fail = fail

    def record(self, claim: Claim, during: str, error: Exception) -> TenxsomError:
        """Save an unexpected error with its job, as the job is on the disk; returns the error to tell of it.

        That is UnexpectedError, or what kept the state from being saved.
        """
        log.error("Unexpected error", exc_info=error, extra={"content_id": claim.job.content_id})
        if claim.finished:
            return UnexpectedError(_describe(during, error), repeated=False)
        try:
            claim.reload()
            told = note(claim.job, during, error)
            self._put_off(claim, during)
            return told
        except (DiskTrouble, RevisionIsStale) as trouble:
            return trouble

    def forget(self, claim: Claim, during: str) -> None:
        """What failed has succeeded: the next unexpected error is a first one again."""
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
    """Write an unexpected error into a job's state, which the caller saves; returns the error to tell of it."""
    same = job.unexpected if job.unexpected and job.unexpected.during == during else None
    before = same or UnexpectedRecord()
    what, where = describe(error), place_of(error)
    count = before.count + 1
    job.unexpected = UnexpectedRecord(at=clock.stamp(), during=during, error=what, place=where, count=count)
    if (before.error, before.place) != (what, where):
        job.record("unexpected_error", _sentence(job.unexpected))
    return UnexpectedError(_describe(during, error), repeated=count > 1)


def describe(error: BaseException) -> str:
    """An exception's type and message in one line, without secrets, e-mail addresses and pieces of files."""
    line = " ".join(mask(str(error)).split())
    line = re.sub(rf"(['\"]).{{{LONGEST_QUOTE},}}\1", r"\1…\1", line)
    return f"{type(error).__name__}: {line[:LONGEST_MESSAGE]}".rstrip(": ")


def place_of(error: BaseException) -> str:
    """Where in the program an exception came from: `tenxsom/media/join.py:57`; the innermost line of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "tenxsom" in PurePath(frame.filename).parts]
    frame = next(reversed(ours or frames), None)
    if frame is None:
        return "an unknown place"
    parts = PurePath(frame.filename).parts
    start = len(parts) - 1 - parts[::-1].index("tenxsom") if "tenxsom" in parts else len(parts) - 1
    return f"{'/'.join(parts[start:])}:{frame.lineno}"


def _sentence(found: UnexpectedRecord) -> str:
    return f"{found.error} ({found.place}, while {found.during})"


def _describe(during: str, error: Exception) -> str:
    found = f"{describe(error)} ({place_of(error)})"
    return f"An unexpected error while {during}: {found}. It is tried again, a few times and with pauses; please report it."
