"""The lifecycle of a job: accepted, checked a few times, finished.

Progress is a table of transitions, at most one per status call, so that a client that never polls twice fails.
`completed` without a file, once per job, is the vendor's documented quirk: status and file "can be out of sync"
(https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenxsom import clock
from tenxsom.errors import BrokenMedia, DiskError
from tenxsom_studio import ids
from tenxsom_studio.answers import Refusal
from tenxsom_studio.making import artifact, fail, paint_still
from tenxsom_studio.records import Account, Job, Kind, Order, Stage
from tenxsom_studio.renders import Renders
from tenxsom_studio.world import World

BUSY_RETRY_SECONDS = 5


@dataclass(frozen=True)
class Move:
    """A transition to `to`, on a status call when `when` is true; `when` may do the work itself."""

    to: Stage
    when: Callable[[Jobs, Job], bool]


class Jobs:
    """Accepts, checks and lists the jobs of a world."""

    def __init__(self, world: World, renders: Renders) -> None:
        self.world = world
        self.renders = renders

    def accept(self, kind: Kind, order: Order, account: Account, max_jobs: int, **details: Any) -> Job:
        """Store a job and charge for it. Raises Refusal (429) when `max_jobs` of the account's jobs are running."""
        job = Job(ids.new_key(), kind, account.email, clock.stamp(), order, **details)
        with self.world.locks.hold("accept"):
            executing = self.world.count_executing(account.email)
            if executing >= max_jobs:
                text = f"Account {account.email} already executes {executing} of {max_jobs} jobs"
                raise Refusal(429, text, retry_after=BUSY_RETRY_SECONDS)
            self.world.mark_executing(job)
        self._save_and_charge(job)
        return job

    def find(self, key: str | None, full_id: str | None = None) -> Job:
        """Return the job of a key; with `full_id`, only if that is its complete id. Raises Refusal (404)."""
        job = self.world.load_job(key) if key else None
        if job is None or (full_id is not None and job.id != full_id):
            raise Refusal(404, "Job not found or has expired.")
        return job

    def check(self, job: Job) -> Job:
        """Advance a job by one step, if it is ready, and return it."""
        if job.is_over:
            return job
        with self.world.locks.hold(f"job:{job.key}"):
            job = self.find(job.key)
            if job.is_over:
                return job
            if job.stage == "accepted":
                self.world.charge(job)  # a process killed between accepting and charging must still charge
            return self._step(job)

    def advance(self, job: Job) -> Job:
        """Advance a job as far as it is ready: at most vendors work continues without status calls."""
        while (now := self.check(job)).stage != job.stage:
            job = now
        return now

    def let_end(self, service: str) -> None:
        """Release the slots of a service's jobs that are finished but were not checked."""
        for job in self.world.executing():
            if job.service == service:
                self.advance(job)

    def fail(self, job: Job, message: str, failure: str = "") -> Job:
        """End a job as failed and return it."""
        fail(self.world, job.key, message, failure)
        return self.find(job.key)

    def untrack(self, job: Job) -> Job:
        """Remove a job from the scheduler's list; it still runs."""
        with self.world.locks.hold(f"job:{job.key}"):
            job = self.find(job.key)
            job.tracked = False
            self.world.save_job(job)
        return job

    def _save_and_charge(self, job: Job) -> None:
        """Save and charge a job, or neither, so that a full disk is a refusal and not free work."""
        try:
            self.world.save_job(job)
            self.world.charge(job)
        except DiskError:
            self.world.forget(job)
            raise

    def _step(self, job: Job) -> Job:
        if job.doomed and job.stage == "active":
            return self._enter(job, "failed", job.doomed)
        move = MOVES[job.kind, job.stage]
        try:
            ready = move.when(self, job)
        except BrokenMedia as error:
            return self._enter(job, "failed", str(error))
        return self._enter(job, move.to) if ready else job

    def _enter(self, job: Job, stage: Stage, message: str | None = None) -> Job:
        if stage == "complete":
            self.world.save_asset(artifact(job))
        job.enter(stage, message)
        self.world.save_job(job)
        if job.is_over:
            self.world.mark_over(job)
        return job

    def now(self, _job: Job) -> bool:
        return True

    def still_is_painted(self, job: Job) -> bool:
        paint_still(self.world, job)
        return True

    def clip_is_ordered(self, job: Job) -> bool:
        if not job.doomed:
            self.renders.want(job.key)
        return True

    def clip_is_rendered(self, job: Job) -> bool:
        if self.world.media(artifact(job)).exists():
            return True
        self.renders.want(job.key)  # again: the rendering process may have been killed
        return False


MOVES: dict[tuple[Kind, Stage], Move] = {
    ("image", "accepted"): Move("active", Jobs.now),
    ("image", "active"): Move("announced", Jobs.still_is_painted),
    ("image", "announced"): Move("complete", Jobs.now),
    ("video", "accepted"): Move("active", Jobs.clip_is_ordered),
    ("video", "active"): Move("announced", Jobs.clip_is_rendered),
    ("video", "announced"): Move("complete", Jobs.now),
}
"""The transitions of status calls, by kind and stage. `announced` is `completed` without its file."""
