"""The limits of attempts and time of a job, the same in every state.

Only `over_budget` and `submit_unknown` have no deadline: a new day, or a user's decision, ends them.
"""

from __future__ import annotations

from tenxsom import clock
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob

TRIES = 5
"""The number of attempts."""
PAUSES = (60.0, 300.0, 900.0, 3600.0)
"""Seconds between two attempts; five attempts take more than an hour."""
TAKING_IN = "taking_in"
"""The counter of downloads and verifications in progress; a count found later means that the program ended during one."""
OVERDUE_PAUSE_SECONDS = 600.0
OVERDUE_LOOKS = 5
"""The checks of a clip after its deadline, because the clock may have jumped, or the machine slept for two days."""


def pause_after(tries: int) -> float:
    """Return the seconds until the next attempt, after `tries` failed ones."""
    return PAUSES[min(max(tries, 1), len(PAUSES)) - 1]


def has_had_its_tries(job: VideoJob, tries: int, deadline_hours: float) -> bool:
    """Return whether a job's failed step has no attempt left: after five, or after the second past the deadline."""
    is_overdue = clock.age_seconds(job.begins_at) > deadline_hours * 3600
    return tries >= TRIES or (tries >= 2 and is_overdue)


def count_overdue_look(job: VideoJob, clip: Clip, deadline_hours: float) -> bool:
    """Count a check of a clip past its deadline; return whether it counted, so that the caller saves it before the check.

    Counted checks are some minutes apart: a short outage of the service must not use them up.
    """
    if not is_overdue(job, clip, deadline_hours) or not clock.is_due(clip.overdue_at, OVERDUE_PAUSE_SECONDS):
        return False
    clip.overdue_at = clock.later(OVERDUE_PAUSE_SECONDS)
    clip.count("overdue")
    return True


def give_up_overdue(job: VideoJob, clip: Clip, deadline_hours: float, *, before_the_look: bool = False) -> bool:
    """Give a clip up after its deadline and five unsuccessful checks; return whether it was given up.

    `before_the_look` is for a check that was just counted: a sixth means that the fifth never returned.
    """
    looks = clip.attempts.get("overdue", 0) - before_the_look
    if looks < OVERDUE_LOOKS or not is_overdue(job, clip, deadline_hours):
        return False
    last = f" (last: {clip.error})" if clip.error else ""
    since = "it was ordered" if clip.submitted_at else "its job began" if job.definition.not_before else "its job was accepted"
    give_up(job, clip, f"it was not there {deadline_hours:g} hours after {since}{last}")
    return True


def is_overdue(job: VideoJob, clip: Clip, deadline_hours: float) -> bool:
    """Return whether a clip is past its deadline, counted from its order, or from its job's beginning before that.

    A clip that waits for a budget has no deadline.
    """
    return not clip.hold and clock.age_seconds(max(job.begins_at, clip.submitted_at or "")) > deadline_hours * 3600


def give_up(job: VideoJob, clip: Clip, reason: str) -> None:
    """Fail a clip; its job ends with a failure report once its other clips are final."""
    clip.step, clip.error, clip.hold = Step.FAILED, reason, None
    job.record("clip_failed", f"clip {clip.index + 1}: {reason}")
