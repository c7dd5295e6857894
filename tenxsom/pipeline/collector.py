"""Collects a clip: asks for its status and acts on it. Status calls are free, and no error makes a paid clip again.

running      check again: new clips soon, old ones rarely
ready        download → verify → publish; after an error the clip is downloaded again
failed       the service's own status: the clip is lost
not found    lost only after several such responses in a row
no response  check again
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from tenxsom import clock
from tenxsom.errors import (
    AccountError,
    BadSettings,
    BrokenMedia,
    Interrupted,
    NeedsDecision,
    NotFound,
    ServiceRefused,
    TenxsomError,
    TryAgainLater,
)
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.pipeline import limits
from tenxsom.pipeline.delivery import ClipDelivery
from tenxsom.pipeline.limits import TAKING_IN
from tenxsom.services.base import Capabilities, GenerationState, GenerationStatus, Variant, VideoService
from tenxsom.settings import Settings
from tenxsom.store.base import Claim

log = logging.getLogger(__name__)

DECISION_PAUSE_SECONDS = 3600.0
ACCOUNT_PAUSE_SECONDS = 900.0
LOST_AFTER_CHECKS = 5
"""Consecutive 404 responses after which a job counts as gone: a single one may be transient."""
UNEXPLAINED_LOOKS, UNEXPLAINED_PAUSE = 2, 60.0
"""Status checks after which a failure without a reason counts."""
DANGEROUS_GAP = 0.25
"""A gap between checks of this share of a result's lifetime means that cron does not run as it should."""


class ClipCollector:
    """Collects the clips of jobs from their services."""

    def __init__(
        self,
        service_of: Callable[[str], VideoService],
        capabilities_of: Callable[[str, Variant], Capabilities],
        delivery: ClipDelivery,
        settings: Settings,
    ) -> None:
        self._service_of = service_of
        self._capabilities_of = capabilities_of
        self._delivery = delivery
        self._settings = settings

    def collect(self, claim: Claim, clip: Clip, deadline: clock.Deadline) -> None:
        """Check one clip. Raises the error that prevents its collection, after saving the time of the next check."""
        clip.checks += 1
        self._warn_of_gap(claim, clip)
        if self._is_given_up(claim, clip):
            return
        try:
            if self._delivery.is_fetched(claim.job, clip):
                self._take_in(claim, clip, partial(self._delivery.resume, claim, clip, deadline))
                return
            status = self._service(claim, clip).video_status(clip.video.as_dict(), clip.status_endpoint)
            clip.attempts.pop("not_found", None)
            clip.status_endpoint = status.endpoint or clip.status_endpoint
            self._answered(claim, clip, status, deadline)
        except Interrupted:
            raise
        except NotFound as error:
            self._not_found(claim, clip, error)
        except NeedsDecision as error:
            self._ask(claim, clip)
            raise error from None
        except AccountError as error:
            self._postpone(claim, clip, ACCOUNT_PAUSE_SECONDS, error)
            raise
        except TryAgainLater as error:
            self._postpone(claim, clip, error.retry_after or self._pace(claim, clip), error)
            raise
        except ServiceRefused as error:
            self._postpone(claim, clip, self._pace(claim, clip), error)
            raise TryAgainLater(f"{error} The clip is asked for again until its deadline.") from error
        except BadSettings as error:
            self._postpone(claim, clip, ACCOUNT_PAUSE_SECONDS, error)
            raise

    def _is_given_up(self, claim: Claim, clip: Clip) -> bool:
        """Return whether a clip past its deadline has had its last check, including one that killed the program."""
        hours = self._settings.job_deadline_hours
        if not limits.count_overdue_look(claim.job, clip, hours):
            return False
        is_given_up = limits.give_up_overdue(claim.job, clip, hours, before_the_look=True)
        claim.save()
        return is_given_up

    def _answered(self, claim: Claim, clip: Clip, status: GenerationStatus, deadline: clock.Deadline) -> None:
        note_unknown_status(claim.job, clip, status)
        if status.progress == GenerationState.FAILED:
            self._has_failed(claim, clip, status)
        elif status.progress == GenerationState.READY and status.url:
            self._ready(claim, clip, status, deadline)
        else:
            clip.percent = status.percent
            self._still_running(claim, clip, status)

    def _has_failed(self, claim: Claim, clip: Clip, status: GenerationStatus) -> None:
        """Fail the clip with the service's reason. A first failure without a reason is checked again."""
        service = claim.job.service_of(clip)
        if not status.explained and clip.count("unexplained") < UNEXPLAINED_LOOKS:
            raise TryAgainLater(
                f"{service} says that the clip has failed ({status.message}); it is asked once more.", UNEXPLAINED_PAUSE
            )
        clip.refused = True
        self._fail(claim, clip, f"{service} could not make it: {status.message}")

    def _ready(self, claim: Claim, clip: Clip, status: GenerationStatus, deadline: clock.Deadline) -> None:
        if clip.step != Step.DOWNLOAD:
            clip.step = Step.DOWNLOAD
            claim.job.record("video_ready", f"clip {clip.index + 1} after {clip.checks} checks")
        self._take_in(claim, clip, partial(self._delivery.receive, claim, clip, status, deadline))

    def _take_in(self, claim: Claim, clip: Clip, work: Callable[[], None]) -> None:
        """Verify and publish a clip. A wrong or missing file is a transient error: it is downloaded again."""
        if not self._may_take_in(claim, clip):
            return
        try:
            work()
        except Interrupted:
            clip.attempts.pop(TAKING_IN, None)  # a stop is not an error of the clip
            clip.next_check_at = None
            claim.save()
            raise
        except (NotFound, BrokenMedia) as error:
            pause = clock.backoff_seconds(clip.attempts[clip.step], first=5)
            raise TryAgainLater(f"The download did not succeed ({error}) It is fetched again.", retry_after=pause) from error

    def _may_take_in(self, claim: Claim, clip: Clip) -> bool:
        """Count the attempt in the state, so that a file that kills the program does so at most five times."""
        deaths = clip.count(TAKING_IN) - 1
        if deaths >= limits.TRIES:
            self._fail(claim, clip, f"the program ended {deaths} times while it took the clip in; look at it at the service")
            return False
        clip.next_check_at = clock.later(limits.pause_after(deaths)) if deaths else clock.later(1)
        claim.save()
        return True

    def _still_running(self, claim: Claim, clip: Clip, status: GenerationStatus) -> None:
        said = f"The service says {status.message}, which counts as running." if status.message else None
        clip.next_check_at, clip.error = clock.later(self._pace(claim, clip)), said
        limits.give_up_overdue(claim.job, clip, self._settings.job_deadline_hours)
        claim.save(durable=False)

    def _not_found(self, claim: Claim, clip: Clip, error: NotFound) -> None:
        if clip.count("not_found") >= LOST_AFTER_CHECKS:
            hours = self._capabilities(claim, clip).result_hours
            clip.refused = hours is not None and clock.age_seconds(clip.submitted_at or claim.job.submit_time) > hours * 3600
            self._fail(claim, clip, f"{error} It was asked for {LOST_AFTER_CHECKS} times in a row")
            return
        self._postpone(claim, clip, self._pace(claim, clip), error)
        raise TryAgainLater(f"{error} It is asked for again before it counts as lost.")

    def _postpone(self, claim: Claim, clip: Clip, seconds: float, error: TenxsomError) -> None:
        clip.attempts.pop(TAKING_IN, None)
        clip.next_check_at, clip.error = clock.later(seconds), str(error)
        limits.give_up_overdue(claim.job, clip, self._settings.job_deadline_hours)
        claim.save()

    def _ask(self, claim: Claim, clip: Clip) -> None:
        """Leave a clip to a user's decision; it is downloaded again at intervals, in case the service repairs it."""
        clip.attempts.pop(TAKING_IN, None)
        clip.next_check_at = clock.later(DECISION_PAUSE_SECONDS)
        self._delivery.give_up_undecided(claim.job, clip)
        claim.job.settle_state()
        claim.save()

    def _fail(self, claim: Claim, clip: Clip, reason: str) -> None:
        limits.give_up(claim.job, clip, reason)
        claim.save()

    def _pace(self, claim: Claim, clip: Clip) -> float:
        """Return the seconds until the next check: a quarter of the clip's age, so that new clips are checked often."""
        capabilities = self._capabilities(claim, clip)
        age = clock.age_seconds(clip.submitted_at or claim.job.submit_time)
        return min(capabilities.longest_check_seconds, max(capabilities.first_check_seconds, age / 4))

    def _warn_of_gap(self, claim: Claim, clip: Clip) -> None:
        """Warn when the clip was not checked for so long that the service may have deleted it."""
        hours = self._capabilities(claim, clip).result_hours
        if hours is None or clip.next_check_at is None:
            return
        late = clock.age_seconds(clip.next_check_at) / 3600
        if late < hours * DANGEROUS_GAP:
            return
        name = claim.job.service_of(clip)
        sentence = f"Nobody looked for clip {clip.index + 1} for {late:.0f} hours; {name} keeps results for {hours:g} hours only."
        if claim.job.warn(f"{sentence} Check that cron runs poll_video_status.py."):
            log.warning("%s Check that cron runs.", sentence, extra={"content_id": claim.job.content_id})

    def _service(self, claim: Claim, clip: Clip) -> VideoService:
        return self._service_of(claim.job.service_of(clip))

    def _capabilities(self, claim: Claim, clip: Clip) -> Capabilities:
        return self._capabilities_of(claim.job.service_of(clip), Variant(clip.model, clip.resolution))


def note_unknown_status(job: VideoJob, clip: Clip, status: GenerationStatus) -> None:
    """Record an unknown status once in the audit trail and in the log. The clip counts as running."""
    if status.unknown and status.unknown != clip.unknown_status:
        clip.unknown_status = status.unknown
        job.record("unknown_status", f"clip {clip.index + 1}: {status.unknown}")
        log.warning("The service says %s, which counts as running.", status.unknown, extra={"content_id": job.content_id})
