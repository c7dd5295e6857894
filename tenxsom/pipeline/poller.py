"""Collects jobs: a tick visits every due job, downloads and verifies finished clips, writes reports and empties the queue."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Sequence
from functools import partial

from tenxsom import clock
from tenxsom.errors import Interrupted
from tenxsom.pipeline.kept_parts import KeptParts
from tenxsom.pipeline.results import JobResult, JobResults, ShowsProgress
from tenxsom.pipeline.visits import JobVisitor, Look
from tenxsom.settings import Settings
from tenxsom.store.base import JobStore
from tenxsom.threads import side_by_side

_DESCRIPTORS_OF_A_JOB = 5
"""The highest number of open files of a job: lock, state, status connection, download connection, downloaded file."""
_DESCRIPTORS_BESIDE = 64
"""Open files of the rest of the process: libraries, logs, the ledger, idle connections."""


class VideoStatusPoller:
    """The second stage: pending job → verified video with its report."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        visitor: JobVisitor,
        results: JobResults,
        kept_parts: KeptParts,
        settle_services: Callable[[float], None],
        time_limit_seconds: float | None = None,
    ) -> None:
        """`settle_services` waits for work in this process."""
        self._settings = settings
        self._store = store
        self._visitor = visitor
        self._results = results
        self._kept_parts = kept_parts
        self._settle_services = settle_services
        self._time_limit = time_limit_seconds or settings.poll_time_limit_seconds

    def tick(self, only: Sequence[str] = (), at_once: bool = False, settle_seconds: float | None = None) -> list[JobResult]:
        """Work on every due job once, concurrently, within the time limit; return one result for each job worked on.

        `at_once` includes jobs that are not due yet, for a user who names a job. `settle_seconds` is the wait for work inside
        this process (the local studio's rendering); by default the rest of the tick.
        """
        look = Look(clock.Deadline(self._time_limit), at_once)
        ids = list(dict.fromkeys(only)) or self._store.due()
        by_id = self._visit_all(ids, look)
        results = [by_id[content_id] for content_id in ids if content_id in by_id]
        if not only:
            self._kept_parts.sweep()
        self._settle_services(look.deadline.left() if settle_seconds is None else settle_seconds)
        return results

    def wait_for(self, content_ids: Sequence[str], progress: ShowsProgress) -> dict[str, JobResult]:
        """Tick until each of these jobs has ended or needs a decision, or a stop is requested; return their last results.

        Jobs that wait for their `not_before` are not waited for.
        """
        last: dict[str, JobResult] = {}
        waiting = {content_id for content_id in content_ids if not self._results.of(content_id).held_until}
        for content_id in sorted(waiting):
            progress.show(content_id, "at the service", 0.1)
        while waiting and not clock.stop_requested():
            for result in self.tick(sorted(waiting), settle_seconds=0.25):
                last[result.content_id] = result
                progress.show(result.content_id, result.progress_text(), result.fraction)
                if not result.is_on_its_way or result.exit_code in (2, 3):
                    waiting.discard(result.content_id)
            waiting.intersection_update(self._store.ids())  # another process may have ended some of them
            if waiting:
                with contextlib.suppress(Interrupted):
                    clock.sleep(0.1)
        return last

    def _visit_all(self, ids: Sequence[str], look: Look) -> dict[str, JobResult]:
        """Visit jobs concurrently. A thread takes the next id when it has finished with one: a long queue costs no memory."""
        threads, left = min(jobs_at_once(self._settings.poll_concurrency), max(1, len(ids))), iter(ids)
        visit = partial(self._visitor.visit, look=look)
        visits = side_by_side(lambda: [*filter(None, map(visit, left))], threads, "poll")
        return {result.content_id: result for of_thread in visits for result in of_thread}


def jobs_at_once(wanted: int) -> int:
    """Return the number of concurrent jobs: `wanted`, within the limit of open files (macOS: 256)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (limit - _DESCRIPTORS_BESIDE) // _DESCRIPTORS_OF_A_JOB))
