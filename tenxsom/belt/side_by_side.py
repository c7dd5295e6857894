"""Many visits at once: each is begun in its turn, sleeps without a thread while what it waits for is under way, and is ended.

A visit is a generator. What it yields begins something that takes its time (a question to a service), and calls back from
whatever thread when the visit may go on. So a thousand questions are asked by one thread, and what comes of them is worked
out by the few threads that this takes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import Generic, TypeVar

Found = TypeVar("Found")

Wait = Callable[[Callable[[], None]], None]
"""Begins what a visit waits for, and calls what it is given, once, when that is over. Must not raise."""

Visit = Generator[Wait, None, Found]


def side_by_side(visits: Iterable[Visit[Found]], most: int, meanwhile: Callable[[], object] | None = None) -> list[Found]:
    """Go through all visits, at most `most` of them begun and not ended; returns what they return, in no order.

    This thread begins them, up to the first wait of each; a crew of threads goes on with them. `meanwhile` is called once, when
    as many wait as may: to get ready for what comes after a wait. Raises what a visit has raised, when all others have ended;
    RuntimeError, with nothing begun, when there is not a single thread to be had.
    """
    to_begin = iter(visits)
    crew = _Crew[Found](most)
    try:
        crew.begin(islice(to_begin, most))
        if meanwhile and crew.has_work_left():
            meanwhile()
        crew.begin(to_begin)
        crew.wait()
    finally:
        crew.go_home()
    if crew.mistakes:
        raise crew.mistakes[0]
    return crew.found


class _Crew(Generic[Found]):
    """Threads that go on with visits: as many as there are visits to go on with at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._room = threading.Semaphore(most)
        self._asleep: set[Visit[Found]] = set()
        self._awake: SimpleQueue[Visit[Found] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(1)
        self._hiring = threading.Lock()
        self._is_over = False
        self.found: list[Found] = []
        self.mistakes: list[BaseException] = []
        self._hire()

    def begin(self, visits: Iterator[Visit[Found]]) -> None:
        """Begin visits, each when there is room for it; no more of them when somebody wants the process to end."""
        while all(isinstance(mistake, Exception) for mistake in self.mistakes) and (visit := next(visits, None)):
            self._room.acquire()
            self._go_on(visit)

    def has_work_left(self) -> bool:
        """Whether there are visits that have begun and not ended."""
        return bool(self._asleep) or not self._awake.empty()

    def wait(self) -> None:
        """Wait until all that were begun have ended."""
        for _ in range(self._most):
            self._room.acquire()

    def go_home(self) -> None:
        """End the threads. What still sleeps, because this ends before its time, is closed: it must not own anything any more."""
        while self._asleep:
            self._asleep.pop().close()
        with self._hiring:
            self._is_over = True  # who wakes a visit now comes too late to hire: somebody else has done its work already
        for _ in self._threads:
            self._awake.put(None)
        for thread in self._threads:
            thread.join()

    def _hire(self) -> None:
        with self._hiring:
            if self._is_over:
                return
            thread = threading.Thread(target=self._work, name="visits")
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while (visit := self._awake.get()) is not None:
            self._go_on(visit)
            self._idle.release()

    def _go_on(self, visit: Visit[Found]) -> None:
        self._asleep.discard(visit)
        try:
            wait = next(visit)
        except StopIteration as end:
            self.found.append(end.value)
            self._room.release()
        except BaseException as mistake:  # noqa: BLE001  (it is raised when all others have ended)
            self.mistakes.append(mistake)
            self._room.release()
        else:
            self._asleep.add(visit)
            wait(partial(self._wake, visit))

    def _wake(self, visit: Visit[Found]) -> None:
        self._awake.put(visit)
        if not self._idle.acquire(blocking=False):
            with contextlib.suppress(RuntimeError):  # no more threads to be had: those there are come to it
                self._hire()
