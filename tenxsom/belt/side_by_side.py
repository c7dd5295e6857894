"""Many visits at once: each is begun in its turn, sleeps without a thread while what it waits for is under way, and is ended.

A visit is a generator. What it yields begins something that takes its time (a question to a service), and calls back from
whatever thread when the visit may go on. So a thousand questions are asked by one thread, and what comes of them is worked
out by the few threads that this takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

Found = TypeVar("Found")

Wait = Callable[[Callable[[], None]], None]
"""Begins what a visit waits for, and calls what it is given, once, when that is over. Must not raise."""

Visit = Generator[Wait, None, Found]


def side_by_side(visits: Iterable[Visit[Found]], most: int) -> list[Found]:
    """Go through all visits, at most `most` of them begun and not ended; returns what they return, in no order.

    This thread begins them, up to the first wait of each; a pool's threads go on with them. Raises what a visit has raised,
    when all others have ended; RuntimeError, with nothing begun, when there is not a single thread to be had.
    """
    with ThreadPoolExecutor(most) as pool:
        pool.submit(int).result()  # a thread that lives: it takes what no thread of its own can be had for
        crew = _Crew[Found](pool, most)
        try:
            for visit in visits:
                crew.begin(visit)
            crew.wait()
        finally:
            crew.send_home()
    if crew.mistakes:
        raise crew.mistakes[0]
    return crew.found


class _Crew(Generic[Found]):
    def __init__(self, pool: ThreadPoolExecutor, most: int) -> None:
        self._pool = pool
        self._most = most
        self._room = threading.Semaphore(most)
        self._asleep: set[Visit[Found]] = set()
        self.found: list[Found] = []
        self.mistakes: list[Exception] = []

    def begin(self, visit: Visit[Found]) -> None:
        """Begin a visit when there is room for it."""
        self._room.acquire()
        self._go_on(visit)

    def wait(self) -> None:
        """Wait until all that were begun have ended."""
        for _ in range(self._most):
            self._room.acquire()

    def send_home(self) -> None:
        """Close what still sleeps because this ends before its time: what it owns must not stay owned."""
        while self._asleep:
            self._asleep.pop().close()

    def _go_on(self, visit: Visit[Found]) -> None:
        self._asleep.discard(visit)
        try:
            wait = next(visit)
        except StopIteration as end:
            self.found.append(end.value)
            self._room.release()
        except Exception as mistake:  # noqa: BLE001  (it is raised when all others have ended)
            self.mistakes.append(mistake)
            self._room.release()
        else:
            self._asleep.add(visit)
            wait(partial(self._wake, visit))

    def _wake(self, visit: Visit[Found]) -> None:
        try:
            self._pool.submit(self._go_on, visit)
        except RuntimeError:
            pass  # no more threads to be had: those there are take it from the queue, where it lies already; or all have gone home
