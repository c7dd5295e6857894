"""Runs work in several threads, or in fewer where the machine gives no more, and lets threads wait for each other."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tenxsom import clock

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


_STOP_CHECK_SECONDS = 0.1


@contextlib.contextmanager
def turn(places: threading.Lock | threading.Semaphore, deadline: clock.Deadline | None = None) -> Iterator[bool]:
    """Wait for one of the places for a block; give False, without a place, where none is free before `deadline`.

    Raises Interrupted when a stop was requested: what a thread waited to begin is not begun after it. Not within a paid call, whose
    outcome would be unclear.
    """
    while not places.acquire(timeout=_STOP_CHECK_SECONDS if deadline is None else min(_STOP_CHECK_SECONDS, deadline.left())):
        clock.check_stop()
        if deadline and deadline.passed():
            yield False
            return
    try:
        clock.check_stop()
        yield True
    finally:
        places.release()
