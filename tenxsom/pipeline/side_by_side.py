"""Many visits at once: each is begun in its turn, sleeps without a thread while what it waits for is under way, and is ended.

A visit is a generator. What it yields begins something that takes its time (a question to a service), and calls back from
whatever thread when the visit may go on. So a thousand questions are asked by one thread, and what comes of them is worked
out by the few threads that this takes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

Found = TypeVar("Found")

Wait = Callable[[Callable[[], None]], None]
"""Begins what a visit waits for, and calls what it is given, once, when that is over. Must not raise."""

Visit = Generator[Wait, None, Found]


def side_by_side(visits: Iterable[Visit[Found]], most: int, meanwhile: Callable[[], object] | None = None) -> list[Found]:
    """Go through all visits, at most `most` of them begun and not ended; returns what they return, in no order.

    This thread begins them, up to the first wait of each; a crew of threads goes on with them. If any visit has to wait,
    `meanwhile` is called once, as soon as this thread would wait, too: for what their ends need and what takes its time. Raises
    what a visit has raised, when all others have ended; RuntimeError, with nothing begun, when there is no thread to be had.
    """
    crew = _Crew[Found](most, meanwhile)
    try:
        for visit in visits:
            crew.begin(visit)
            if any(not isinstance(mistake, Exception) for mistake in crew.mistakes):
                break  # somebody wants the process to end
        else:
            crew.use_the_time()
        crew.wait()
    finally:
        crew.go_home()
    if crew.mistakes:
        raise crew.mistakes[0]
    return crew.found


class _Crew(Generic[Found]):
    """Threads that go on with visits: as many as there are visits to go on with at the same time."""

    def __init__(self, most: int, meanwhile: Callable[[], object] | None = None) -> None:
        self._most = most
        self._meanwhile = meanwhile
        self._have_slept = False
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

    def begin(self, visit: Visit[Found]) -> None:
        """Begin a visit when there is room for it."""
        if not self._room.acquire(blocking=False):
            self.use_the_time()
            self._room.acquire()
        self._go_on(visit)

    def use_the_time(self) -> None:
        """Do what is to be done while visits wait, unless it is done, or none has had to."""
        if self._meanwhile and self._have_slept:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()

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
            self._have_slept = True
            wait(partial(self._wake, visit))

    def _wake(self, visit: Visit[Found]) -> None:
        self._awake.put(visit)
        if not self._idle.acquire(blocking=False):
            with contextlib.suppress(RuntimeError):  # no more threads to be had: those there are come to it
                self._hire()
