"""The steps of a whole job after its clips: each attempt is counted and saved before it begins, and attempts are limited.

A step that the film needs has five attempts, with growing pauses; then the job ends with a failure report, and every clip is
kept. A side file that cannot be made is a warning, and the film is published without it. Transient errors (a full disk, a tick with
too little time left) do not count before the job's deadline, and a step that advances with each tick has none. A step that killed
the program counts, and so does one that did not end within most of a tick: a third such tick ends the job, because no other would
do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from tenxsom import clock
from tenxsom.errors import DiskRefused, GoesOn, Interrupted, NoTurn, OutOfTime, TenxsomError, TryAgainLater
from tenxsom.log import describe, place_of
from tenxsom.model.job import VideoJob
from tenxsom.pipeline import limits
from tenxsom.pipeline.unexpected import FINISHING, note
from tenxsom.store.base import Claim

log = logging.getLogger(__name__)

TRIES_OF_A_SIDE_FILE = 3
TRIES_OF_LONG_WORK = 3
"""The ticks in which a step may run out of time."""
TURNS = 50
"""The ticks that may have too little time left for a step of a job that is past its deadline."""
LONGEST_WAIT_SECONDS = 900.0


class CannotFinish(TenxsomError):
    """A step that the film needs has failed too often. The message is the reason."""


class FilmStep(NamedTuple):
    """One step of a whole job."""

    name: str
    """The step's name in states: a verb and its object."""
    work: Callable[[Claim, clock.Deadline], None]
    """Takes the step; it can be repeated after any interruption."""
    side_file: str | None = None
    """The side file that the step makes; None for a step that the film needs."""
    is_in_film: bool = False
    """Whether the side file becomes a part of the film: room for it on the disk is waited for until the job's deadline."""


class FilmSteps:
    """Takes a job through a list of steps, from the one in its state."""

    def __init__(self, steps: Sequence[FilmStep], deadline_hours: float) -> None:
        self._steps = steps
        self._deadline_hours = deadline_hours

    def take(self, claim: Claim, deadline: clock.Deadline) -> bool:
        """Take the remaining steps; return True when all are taken, and False when the next tick continues.

        Raises CannotFinish after the last attempt, and a step's error before it.
        """
        names = [step.name for step in self._steps]
        first = names.index(claim.job.step) if claim.job.step in names and claim.job.media else 0
        for step in self._steps[first:]:
            if deadline.passed() or clock.stop_requested():
                self._leave_to_the_next_run(step, claim)
                clock.check_stop()
                return False
            try:
                self._take(step, claim, deadline)
            except GoesOn as told:
                log.info("%s", told, extra={"content_id": claim.job.content_id})
                return False
        return True

    @staticmethod
    def _leave_to_the_next_run(step: FilmStep, claim: Claim) -> None:
        if claim.job.step not in (None, step.name):  # the previous step was taken in this run
            claim.job.step = step.name
            claim.save()

    def _take(self, step: FilmStep, claim: Claim, deadline: clock.Deadline) -> None:
        tries = self._begin(step, claim)
        try:
            if tries > (TRIES_OF_A_SIDE_FILE if step.side_file else limits.TRIES):
                raise CannotFinish(f"the program ended {tries - 1} times while it did that")
            step.work(claim, deadline)
        except (Interrupted, GoesOn):
            self._give_back(step, claim)
            raise
        except Exception as error:  # noqa: BLE001  (any error of a library or of ours is counted and reported)
            self._after(step, claim, error, tries, deadline)
        else:
            for counter in _counters(step):
                claim.job.attempts.pop(counter, None)
            if claim.job.unexpected and claim.job.unexpected.during == _during(step):
                claim.job.unexpected = None
        _forget_try(claim.job, step)

    def _begin(self, step: FilmStep, claim: Claim) -> int:
        """Count an attempt in the state before it begins; return its number."""
        job = claim.job
        job.step = step.name
        tries = job.count(step.name)
        job.next_check_at = clock.later(limits.pause_after(tries))
        claim.save()
        return tries

    def _give_back(self, step: FilmStep, claim: Claim) -> None:
        """Do not count an attempt that a stop ended, or the end of a tick after some progress: the next run goes on at once."""
        for counter in _counters(step):
            claim.job.attempts.pop(counter, None)
        _forget_try(claim.job, step)
        claim.save()

    def _after(self, step: FilmStep, claim: Claim, error: Exception, tries: int, deadline: clock.Deadline) -> None:
        """Handle a failure. Returns for a side file that is omitted."""
        if not all(clip.is_final for clip in claim.job.clips):
            _start_over(claim)
            raise error
        if isinstance(error, OutOfTime):
            error = self._as_too_long(step, claim, error, deadline)
        if isinstance(error, TryAgainLater) and not isinstance(error, DiskRefused):
            self._wait(step, claim, error)
        elif step.side_file is None:
            self._try_again(step, claim, error, tries)
        self._do_without(step, claim.job, error)

    @staticmethod
    def _as_too_long(step: FilmStep, claim: Claim, error: OutOfTime, deadline: clock.Deadline) -> CannotFinish:
        """Count a tick that was too short for a step, and leave the step to the next one; return the error after the last."""
        job = claim.job
        if job.count(f"{step.name}_too_long") < TRIES_OF_LONG_WORK:
            _forget_try(job, step)
            claim.save()
            raise error
        lasts = f"{deadline.seconds:g} s"
        return CannotFinish(f"it takes longer than a tick lasts ({lasts}); set POLL_TIME_LIMIT_SECONDS higher")

    def _wait(self, step: FilmStep, claim: Claim, error: TryAgainLater) -> None:
        """Postpone a step after a transient error. Returns when the wait has been long enough."""
        job = claim.job
        waits, is_queued = job.count(f"{step.name}_waits"), isinstance(error, NoTurn)
        is_overdue = waits >= (TURNS if is_queued else 2) and limits.has_had_its_tries(job, 2, self._deadline_hours)
        if step.side_file and (is_overdue or (waits >= TRIES_OF_A_SIDE_FILE and not is_queued and not step.is_in_film)):
            return
        if is_overdue:
            raise CannotFinish(_reason(step, error, waits)) from error
        _forget_try(job, step)
        job.next_check_at = clock.later(error.retry_after or min(LONGEST_WAIT_SECONDS, limits.pause_after(waits)))
        claim.save()
        raise error

    def _try_again(self, step: FilmStep, claim: Claim, error: Exception, tries: int) -> NoReturn:
        """Save the failure of a step, for another attempt after a pause. Raises CannotFinish after the last attempt."""
        if isinstance(error, CannotFinish):
            raise CannotFinish(f"{step.name}: {error}")
        if isinstance(error, TenxsomError):
            told: TenxsomError = TryAgainLater(f"The film could not be finished ({step.name}: {error}) It is tried again.")
            claim.job.error = str(error)
        else:
            log.error("Unexpected error", exc_info=error, extra={"content_id": claim.job.content_id})
            claim.reload()
            told = note(claim.job, _during(step), error)
        if limits.has_had_its_tries(claim.job, tries, self._deadline_hours):
            raise CannotFinish(_reason(step, error, tries)) from error
        claim.save()
        raise told from error

    @staticmethod
    def _do_without(step: FilmStep, job: VideoJob, error: Exception) -> None:
        why = _words(error)
        job.warn(f"The video was published without its {step.side_file}: {why}.")
        job.record("side_file_missing", f"{step.side_file}: {why}")
        log.warning("The %s could not be made: %s.", step.side_file, why, extra={"content_id": job.content_id})


def _counters(step: FilmStep) -> tuple[str, str]:
    """Return the counters of a step's ticks without a result, which a step that has advanced forgets."""
    return f"{step.name}_waits", f"{step.name}_too_long"


def _during(step: FilmStep) -> str:
    return f"{FINISHING} ({step.name})"


def _forget_try(job: VideoJob, step: FilmStep) -> None:
    job.attempts.pop(step.name, None)
    job.next_check_at = None


def _start_over(claim: Claim) -> None:
    """Restart the steps for a clip that must be downloaded again."""
    claim.job.step, claim.job.next_check_at, claim.job.attempts = None, None, {"file_missing": claim.job.attempts["file_missing"]}
    claim.save()


def _reason(step: FilmStep, error: Exception, tries: int) -> str:
    return f"{step.name} failed {tries} times, at last with {_words(error)}"


def _words(error: Exception) -> str:
    if isinstance(error, TenxsomError):
        return str(error).rstrip(".")
    return f"{describe(error)} ({place_of(error)})"
