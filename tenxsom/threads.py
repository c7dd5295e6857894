"""Runs work in several threads, or in fewer where the machine gives no more."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Found = TypeVar("Found")

log = logging.getLogger(__name__)


def side_by_side(work: Callable[[], Found], most: int, name: str) -> list[Found]:
    """Call `work` in up to `most` threads at once, and return the results. Raises the error of a call.

    `work` takes its items from one iterator that all calls share, so that fewer calls do the same. A limit of processes
    (`ulimit -u`, TasksMax of systemd, a container's) refuses threads; the work is then done by those there are, if need be by
    this one.
    """
    with ThreadPoolExecutor(most, thread_name_prefix=name) as pool:
        calls: list[Future[Found]] = []
        try:
            for _ in range(most):
                calls.append(pool.submit(work))
        except RuntimeError:
            log.warning(
                "This machine gives fewer than %d threads, so that the work takes longer. Raise its limit of processes "
                "(ulimit -u, TasksMax, --pids-limit); for ticks, POLL_CONCURRENCY may be lower.",
                most,
            )
        return [call.result() for call in calls] or [work()]
