"""How often and how long a job is tried before it ends: the same limits in every state.

Over budget and `submit_unknown` are the two states without a deadline: a new day, or somebody's decision, brings them further.
"""

from __future__ import annotations

from tenxsom import clock
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob

TRIES = 5
"""How often work that fails is tried."""
PAUSES = (60.0, 300.0, 900.0, 3600.0)
"""Seconds between two tries, so that five of them take more than an hour."""
TAKING_IN = "taking_in"
"""What is counted while a clip is downloaded and verified; a count that is found later means that the program ended in it."""
OVERDUE_PAUSE_SECONDS = 600.0
OVERDUE_LOOKS = 5
"""After its deadline a clip is still looked at so many times: the clock may have jumped, or the machine slept for two days."""


def pause_after(tries: int) -> float:
    """Seconds until the next try, after so many that failed."""
    return PAUSES[min(max(tries, 1), len(PAUSES)) - 1]


def has_had_its_tries(job: VideoJob, tries: int, deadline_hours: float) -> bool:
    """Whether work of the whole job that failed is not tried again: after five times, or the second time past the deadline."""
    is_overdue = clock.age_seconds(job.submit_time) > deadline_hours * 3600
    return tries >= TRIES or (tries >= 2 and is_overdue)


def count_overdue_look(job: VideoJob, clip: Clip, deadline_hours: float) -> bool:
    """Count a look at a clip that is past its deadline; returns whether there was one to count, which is saved before the look.

    The looks that count are some minutes apart: a short outage of the service must not use them up.
    """
    if not is_overdue(job, clip, deadline_hours) or not clock.is_due(clip.overdue_at, OVERDUE_PAUSE_SECONDS):
        return False
    clip.overdue_at = clock.later(OVERDUE_PAUSE_SECONDS)
    clip.count("overdue")
    return True


def give_up_overdue(job: VideoJob, clip: Clip, deadline_hours: float, *, before_the_look: bool = False) -> bool:
    """Give a clip up that is still not there after its deadline and five looks in vain; returns whether it was.

    `before_the_look` is for a look that has just been counted: one more than five means that the last one never returned.
    """
    looks = clip.attempts.get("overdue", 0) - before_the_look
    if looks < OVERDUE_LOOKS or not is_overdue(job, clip, deadline_hours):
        return False
    last = f" (last: {clip.error})" if clip.error else ""
    since = "it was ordered" if clip.submitted_at else "its job was accepted"
    give_up(job, clip, f"it was not there {deadline_hours:g} hours after {since}{last}")
    return True


def is_overdue(job: VideoJob, clip: Clip, deadline_hours: float) -> bool:
    """Whether a clip is past its deadline, which is counted from its order, or from its job's acceptance while it has none.

    A clip that waits for a budget has none.
    """
    return not clip.hold and clock.age_seconds(max(job.submit_time, clip.submitted_at or "")) > deadline_hours * 3600


def give_up(job: VideoJob, clip: Clip, reason: str) -> None:
    """A clip that will not come: its job ends with a failure report once its other clips have ended."""
    clip.step, clip.error, clip.hold = Step.FAILED, reason, None
    job.record("clip_failed", f"clip {clip.index + 1}: {reason}")
