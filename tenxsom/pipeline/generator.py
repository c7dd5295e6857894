"""Orders the clips of a job: selects the next step, and handles the failure of a step."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import NoReturn

from tenxsom import clock
from tenxsom.errors import (
    AccountError,
    BadSettings,
    BrokenMedia,
    DiskError,
    Interrupted,
    NeedsDecision,
    NotFound,
    NotSent,
    OverBudget,
    RevisionIsStale,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
    ServiceRefused,
    ServiceRetired,
    TenxsomError,
    TryAgainLater,
)
from tenxsom.model.clip import SUBMISSION_STEPS, Clip, Step
from tenxsom.model.parts import Still
from tenxsom.pipeline import limits
from tenxsom.pipeline.collector import LOST_AFTER_CHECKS
from tenxsom.pipeline.rerouting import Rerouter, is_about_the_service
from tenxsom.pipeline.routing import Chooser, route_of
from tenxsom.pipeline.steps import BUSY_SECONDS, ClipSteps
from tenxsom.services.images.base import PollPolicy
from tenxsom.store.base import Claim

log = logging.getLogger("generate")

ACCOUNT_PAUSE_SECONDS = 900.0
"""The pause of a job after the account's token, plan or credits were refused, so that a user can fix it."""
MAX_BROKEN_STILLS = 5
FREE_STEPS = (Step.AWAIT_IMAGE, Step.FETCH_IMAGE, Step.UPLOAD_ASSET)
NO_LIMIT = clock.Deadline(math.inf)
"""The deadline of a submission that a user waits for: none."""
RETIRED_LOOKS, RETIRED_PAUSE_SECONDS = 3, 300.0
"""Checks, minutes apart, after which a service with a single 404 address counts as retired."""


class Closed:
    """The steps that cannot be taken for now, because a service is busy or a budget is used up, with the reasons."""

    def __init__(self) -> None:
        self._until: dict[Step, tuple[clock.Deadline, TenxsomError]] = {}

    def close(self, step: Step, error: ServiceBusy | OverBudget) -> None:
        pause = (error.retry_after or BUSY_SECONDS) if isinstance(error, ServiceBusy) else math.inf
        self._until[step] = clock.Deadline(pause), error

    def open(self, step: Step) -> None:
        """Reopen a step that a busy service closed, but not one that a budget closed."""
        if isinstance(self._until.get(step, (None, None))[1], ServiceBusy):
            del self._until[step]

    def is_closed(self, step: Step) -> bool:
        return step in self._until and not self._until[step][0].passed()

    def raise_for(self, clips: Sequence[Clip]) -> None:
        """Raise the reason why one of these clips cannot be ordered, a budget before a busy service."""
        errors = [error for step, (_, error) in self._until.items() if any(clip.step == step for clip in clips)]
        for error in sorted(errors, key=lambda error: isinstance(error, ServiceBusy)):
            raise error


class Looks:
    """The times of the next status calls for stills in one run, with growing intervals."""

    def __init__(self) -> None:
        self._next: dict[int, tuple[clock.Deadline, float]] = {}
        self._last_came = clock.monotonic()

    def is_due(self, clip: Clip) -> bool:
        return clip.index not in self._next or self._next[clip.index][0].passed()

    def note(self, clip: Clip, poll_policy: PollPolicy) -> None:
        """Record an unsuccessful check of a still."""
        before = self._next[clip.index][1] if clip.index in self._next else 0.0
        pause = min(poll_policy.check_seconds, before * 1.5 or poll_policy.check_seconds / 12)
        self._next[clip.index] = clock.Deadline(pause), pause

    def something_came(self) -> None:
        self._last_came = clock.monotonic()

    def wait(self, clips: Sequence[Clip], poll_policy: PollPolicy, most_seconds: float) -> bool:
        """Sleep until the next check of any of these; return False at once when nothing came within the time limit."""
        if clock.monotonic() - self._last_came >= poll_policy.wait_seconds:
            return False
        clock.sleep(min(most_seconds, *(self._next[clip.index][0].left() for clip in clips if clip.index in self._next), 60.0))
        return True


class ProductionVideoGenerator:
    """Submits the clips of a job, one saved step after the other (`tenxsom.pipeline.steps` has the steps)."""

    def __init__(self, steps: ClipSteps, chooser: Chooser, rerouter: Rerouter, deadline_hours: float) -> None:
        self._steps = steps
        self._chooser = chooser
        self._rerouter = rerouter
        self._deadline_hours = deadline_hours

    def generate_with_useapi(self, claim: Claim, deadline: clock.Deadline = NO_LIMIT) -> None:
        """Submit every clip that is not submitted yet, to any service: start frame → upload → video, as far as it needs them.

        The name is the original system's, whose only service was behind the UseAPI contract. Stills are ordered as the service
        accepts them, and checked meanwhile. Raises NeedsDecision (unclear call, budget) or TryAgainLater; everything before is
        saved, and the same call continues. After `deadline` it returns.
        """
        try:
            self._steps.reconcile(claim)
            self._steps.check_cap(claim)
            while self._submit(claim, deadline):
                log.info("Going on by another way.", extra={"content_id": claim.job.content_id})
        except (Interrupted, DiskError, RevisionIsStale):
            raise
        except TenxsomError:
            if claim.job.pause_submission():
                claim.save()
            raise

    def generate_video(self, claim: Claim, tier: str | None = None) -> None:
        """Submit the job to the first usable service of its tier in templates/tiers.json, with its model and resolution.

        A job with a paid call keeps its service. Raises BadSettings when no service of the tier can be used.
        """
        route = self._chooser.by_tier(tier or claim.job.definition.tier, route_of(claim.job).start_image)
        self._rerouter.reroute(claim, route)
        self.generate_with_useapi(claim)

    def _submit(self, claim: Claim, deadline: clock.Deadline) -> bool:
        """Take every clip through its steps; return True when clips moved to another service, where they restart.

        Raises the reason why clips wait: a busy service, the budget, or a still that takes longer than the time limit.
        """
        closed, looks = Closed(), Looks()
        while not deadline.passed():
            before = [clip.step for clip in claim.job.clips]
            if self._went_round(claim, deadline, closed, looks):
                return True
            if [clip.step for clip in claim.job.clips] != before:
                looks.something_came()
            elif awaited := [clip for clip in claim.job.clips if clip.step == Step.AWAIT_IMAGE]:
                self._wait_for_stills(claim, awaited, looks, deadline)
            else:
                closed.raise_for(claim.job.clips)
                return False
        return False

    def _went_round(self, claim: Claim, deadline: clock.Deadline, closed: Closed, looks: Looks) -> bool:
        """Order one more still, and take every other clip one step further; return True when clips moved to another service.

        A busy service gets no order until a still has come, or the pause that it asked for is over; ordered stills continue.
        """
        is_ordered = False
        for step in SUBMISSION_STEPS:
            for clip in claim.job.clips:
                if deadline.passed():
                    return False
                if clip.step != step or closed.is_closed(step) or self._is_doomed(claim, clip):
                    continue
                if (step == Step.REQUEST_IMAGE and is_ordered) or (step == Step.AWAIT_IMAGE and not looks.is_due(clip)):
                    continue
                if self._took(step, claim, clip, closed):
                    return True
                is_ordered |= step == Step.REQUEST_IMAGE
                if step == clip.step == Step.AWAIT_IMAGE:
                    looks.note(clip, self._steps.poll_policy(claim, clip))
        return False

    def _took(self, step: Step, claim: Claim, clip: Clip, closed: Closed) -> bool:
        """Take one step; a busy service or a budget closes it for the other clips. Returns True when the clip moved."""
        try:
            if self._take(step, claim, clip):
                return True
        except ServiceClosed:
            raise
        except (ServiceBusy, OverBudget) as error:
            closed.close(step, error)
            return False
        if step == Step.AWAIT_IMAGE and clip.step != step:
            closed.open(Step.REQUEST_IMAGE)
        return False

    def _wait_for_stills(self, claim: Claim, clips: Sequence[Clip], looks: Looks, deadline: clock.Deadline) -> None:
        """Wait until the next check of the stills. Raises TryAgainLater, saved with the clip, when none came for too long."""
        clip = clips[0]
        if not looks.wait(clips, self._steps.poll_policy(claim, clip), deadline.left()):
            told = f"Waiting for the still of clip {clip.index + 1} ran out of time; nothing is lost, it will be tried again."
            self._try_again(claim, clip, TryAgainLater(told))

    def _take(self, step: Step, claim: Claim, clip: Clip) -> bool:
        """Take one step and handle its failure: another service, a decision, a later retry, or the end of this clip."""
        clock.check_stop()
        if self._has_had_its_last_look(claim, clip):
            return False
        try:
            self._steps.take(step, claim, clip)
            self._rerouter.record_success(clip)
        except (Interrupted, NeedsDecision):
            raise
        except (AccountError, BadSettings) as error:
            self._steps.postpone(claim, clip, ACCOUNT_PAUSE_SECONDS, error)
            raise
        except (NotSent, ServiceClosed, ServiceDown) as error:
            if (
                is_about_the_service(claim.job, clip)
                and self._rerouter.record_failure(clip)
                and self._rerouter.fall_back(claim, clip, str(error))
            ):
                return True
            self._try_again(claim, clip, error)
        except ServiceBusy as error:
            self._rerouter.record_success(clip)
            self._try_again(claim, clip, error)
        except TryAgainLater as error:
            self._try_again(claim, clip, error)
        except BrokenMedia as error:
            self._fetch_again(claim, clip, error)
        except ServiceRetired as error:
            self._check_retired(claim, clip, error)
            if is_about_the_service(claim.job, clip) and self._rerouter.fall_back(claim, clip, str(error).split(". ")[0]):
                return True
            self._give_up(claim, clip, str(error))
        except ServiceRefused as error:
            self._refused(claim, clip, error)
        return False

    def _has_had_its_last_look(self, claim: Claim, clip: Clip) -> bool:
        """Return whether a clip past its deadline is given up; a remaining check is counted before it begins."""
        hours = self._deadline_hours
        if not limits.count_overdue_look(claim.job, clip, hours):
            return False
        is_given_up = limits.give_up_overdue(claim.job, clip, hours, before_the_look=True)
        claim.job.settle_state()
        claim.save()
        return is_given_up

    def _try_again(self, claim: Claim, clip: Clip, error: TryAgainLater) -> NoReturn:
        self._steps.postpone(claim, clip, error.retry_after or clock.backoff_seconds(clip.count_attempt()), error)
        raise error

    def _refused(self, claim: Claim, clip: Clip, error: ServiceRefused) -> None:
        """Handle a refusal: the end of the clip, except for a single refusal of a free call."""
        is_odd = isinstance(error, NotFound) or (error.status is not None and clip.step in FREE_STEPS)
        if is_odd:
            self._ask_again(claim, clip, error)
        else:
            self._give_up(claim, clip, str(error))

    def _ask_again(self, claim: Claim, clip: Clip, error: ServiceRefused) -> None:
        """Check a paid still again after a refusal; only several refusals in a row mean that it is lost."""
        if clip.count("not_found") >= LOST_AFTER_CHECKS:
            self._give_up(claim, clip, str(error))
            return
        self._steps.postpone(claim, clip, clock.backoff_seconds(clip.attempts["not_found"]), error)
        raise TryAgainLater(f"{error} It is asked for again before it counts as lost.") from error

    def _check_retired(self, claim: Claim, clip: Clip, error: ServiceRetired) -> None:
        """Raise TryAgainLater until several checks agree that the service is retired; one may be transient."""
        if error.certain or clip.count("retired") >= RETIRED_LOOKS:
            return
        self._steps.postpone(claim, clip, RETIRED_PAUSE_SECONDS, error)
        raise TryAgainLater(f"{error} It is tried again before the service counts as gone.") from error

    def _fetch_again(self, claim: Claim, clip: Clip, error: BrokenMedia) -> None:
        """Download a broken still again, which is free; after several attempts the service's picture itself is broken."""
        if clip.count_attempt() >= MAX_BROKEN_STILLS:
            self._give_up(claim, clip, f"the still is broken: {error}")
            return
        clip.step = Step.AWAIT_IMAGE
        self._steps.postpone(claim, clip, 5, error)
        raise TryAgainLater(f"The still came broken ({error}); it is fetched again.") from error

    def _give_up(self, claim: Claim, clip: Clip, reason: str) -> None:
        if clip.step in (Step.AWAIT_IMAGE, Step.FETCH_IMAGE) and clip.first_step == Step.REQUEST_IMAGE:
            clip.image = Still()  # a retry needs another still
        limits.give_up(claim.job, clip, reason)
        self._steps.release_unused(claim)
        claim.job.settle_state()
        claim.save()

    def _is_doomed(self, claim: Claim, clip: Clip) -> bool:
        """Return whether another clip of the job has failed, so that nothing more is paid for this one."""
        lost = next((other for other in claim.job.clips if other.step == Step.FAILED), None)
        if lost:
            self._give_up(claim, clip, f"not made, because clip {lost.index + 1} failed")
        return lost is not None
