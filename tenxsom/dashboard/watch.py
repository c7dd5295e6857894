"""Watches the queue for all pages together: one look at the marks of its jobs, and one reading of those that have changed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple

from tenxsom.errors import TenxsomError
from tenxsom.pipeline import queue_view
from tenxsom.pipeline.queue_view import InState, QueuedJob, in_states
from tenxsom.store.base import JobStore

log = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """The queue at one moment."""

    number: int
    """Another one after each change."""
    jobs: Mapping[str, QueuedJob]
    order: tuple[str, ...]
    """The ids of the jobs, the oldest first."""
    unreadable: Mapping[str, str]
    """By id, why a state cannot be used."""
    set_aside: tuple[str, ...]
    states: Mapping[str, InState]
    """How many jobs are in each state."""
    trouble: str = ""
    """Why the queue cannot be looked at now; what is shown is as it was before."""

    @property
    def on_queue(self) -> int:
        return len(self.jobs) + len(self.unreadable)


class Change(NamedTuple):
    """What has changed between two snapshots."""

    jobs: list[QueuedJob]
    """Jobs that are new, or were saved."""
    gone: list[str]
    """The ids of jobs that have left the queue."""


EMPTY = Snapshot(0, {}, (), {}, (), {})


class Watcher:
    """Keeps a snapshot of the queue up to date. `look` may be called in any thread; readers take `now`."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._marks: dict[str, Hashable] = {}
        self._found_marks: Mapping[str, Hashable] | None = None
        self._looking = threading.Lock()
        self.looks = 0
        """How often the queue was looked at."""
        self.now = EMPTY

    def look(self) -> Change | None:
        """Look at the queue; return what has changed, or None. Errors of the disk are told in the snapshot, not raised."""
        with self._looking:
            self.looks += 1
            try:
                return self._look()
            except TenxsomError as error:
                if self.now.trouble != str(error):
                    log.warning("The queue cannot be looked at: %s", error)
                    self.now = self.now._replace(number=self.now.number + 1, trouble=str(error))
                    return Change([], [])
                return None

    def _look(self) -> Change | None:
        found_marks, before = self._store.marks(), self._marks
        if found_marks is self._found_marks:
            changed, gone = [], []
        else:
            changed = [content_id for content_id, mark in found_marks.items() if before.get(content_id) != mark]
            gone = [content_id for content_id in before if content_id not in found_marks]
        set_aside = tuple(self._store.set_aside())
        if not changed and not gone and set_aside == self.now.set_aside and not self.now.trouble and self.now.number:
            self._found_marks = found_marks
            return None
        marks = dict(found_marks)
        jobs, unreadable = dict(self.now.jobs), dict(self.now.unreadable)
        for content_id in (*gone, *changed):
            jobs.pop(content_id, None)
            unreadable.pop(content_id, None)
        found = self._read(changed)
        for content_id, job in found.items():
            if isinstance(job, str):
                unreadable[content_id] = job
            else:
                jobs[content_id] = job
        for content_id in changed:
            if content_id not in found:  # it has left the queue since the marks were taken
                del marks[content_id]
                gone += [content_id] * (content_id in before)
        self._marks, self._found_marks = marks, found_marks
        self.now = Snapshot(
            self.now.number + 1,
            jobs,
            tuple(job.content_id for job in sorted(jobs.values(), key=lambda job: job.submit_time)),
            unreadable,
            set_aside,
            in_states(jobs.values()),
        )
        return Change([job for job in found.values() if isinstance(job, QueuedJob)], gone)

    def fresh(self, content_ids: Collection[str]) -> list[QueuedJob]:
        """Return jobs as they are told now, in this order: what they wait for is said with the time that is left.

        Jobs that have left the queue meanwhile are left out.
        """
        found = self._read(content_ids)
        return [job for content_id in content_ids if isinstance(job := found.get(content_id), QueuedJob)]

    def _read(self, content_ids: Collection[str]) -> dict[str, QueuedJob | str]:
        told = ((name, queue_view.seen(self._store, name, document)) for name, document in self._store.documents(content_ids))
        return {name: job for name, job in told if job is not None}
