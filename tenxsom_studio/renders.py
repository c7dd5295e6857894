"""A few threads that render clips beside the requests, and that never keep a program from ending.

The threads are no daemons, because a daemon thread inside an encoder can crash the interpreter's shutdown. Instead a thread lives
only while there is something to render, and whatever it renders asks `is_ending` many times a second: after a stop request,
after `close`, or once the main thread has ended, what waits is dropped and what runs breaks off. Nothing is lost by that: the next
status call, in whatever process, begins the clip anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from tenxsom import clock


class Renders:
    """Renders jobs by key with `make`, at most `workers` at a time in this process."""

    def __init__(self, make: Callable[[str], None], workers: int | None = None) -> None:
        self._make = make
        self._workers = workers or max(1, min(2, os.cpu_count() or 1))
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._running: set[str] = set()
        self._threads = 0
        self._closed = False

    def want(self, key: str) -> None:
        """See to it that this clip gets rendered; returns at once. Wanting it again while it waits or runs changes nothing."""
        with self._changed:
            if self.is_ending() or key in self._waiting or key in self._running:
                return
            self._waiting.append(key)
            if self._threads < self._workers:
                self._threads += 1
                threading.Thread(target=self._work, name="studio-render").start()

    def is_ending(self) -> bool:
        """Whether renders must break off, so that the program can end."""
        return self._closed or clock.stop_requested() or not threading.main_thread().is_alive()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing waits and nothing runs in this process; False when the time or a stop request came first."""
        deadline = clock.Deadline(seconds)
        with self._changed:
            while self._threads:
                if deadline.passed() or self.is_ending():
                    return False
                self._changed.wait(min(0.1, deadline.left()))
        return True

    def close(self) -> None:
        """Drop what waits, break off what runs, and wait for the threads to end."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            while self._threads:
                self._changed.wait(0.1)

    def _work(self) -> None:
        try:
            while (key := self._next()) is not None:
                try:
                    self._make(key)
                finally:
                    with self._changed:
                        self._running.discard(key)
        except BaseException:  # whatever it was, nobody may wait for a thread that is gone
            self._leave()
            raise

    def _next(self) -> str | None:
        """The next key to render; None when this thread shall end. Both decisions under one lock, so that no wish is overlooked."""
        with self._changed:
            if self._waiting and not self.is_ending():
                key = self._waiting.pop(0)
                self._running.add(key)
                return key
            self._waiting.clear()
            self._leave()
            return None

    def _leave(self) -> None:
        with self._changed:
            self._threads -= 1
            self._changed.notify_all()
