"""Renders clips in a few threads that never prevent the program from ending.

The threads are not daemons, because a daemon thread inside an encoder can crash the interpreter's shutdown. A thread lives only
while there is work, and a render calls `is_ending` many times a second: after a stop request, after `close`, or after the end of
the main thread, waiting renders are dropped and running ones stop. Nothing is lost: the next status call, in any process,
restarts the clip.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from tenxsom import clock

log = logging.getLogger(__name__)


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
        """Queue a clip for rendering, unless it is waiting or running; return at once."""
        with self._changed:
            if self.is_ending() or key in self._waiting or key in self._running:
                return
            self._waiting.append(key)
            if self._threads < self._workers:
                self._start_thread()

    def _start_thread(self) -> None:
        """Start a thread; where the machine gives none, those there are go on, or the next status call asks for the clips again."""
        self._threads += 1
        try:
            threading.Thread(target=self._work, name="studio-render").start()
        except RuntimeError as error:  # a limit of processes: nobody may wait for a thread that never began
            self._leave()
            if not self._threads:
                self._waiting.clear()
            log.warning("A clip waits to be rendered: %s. Raise this machine's limit of processes (ulimit -u).", error)

    def is_ending(self) -> bool:
        """Return whether renders must stop, so that the program can end."""
        return self._closed or clock.stop_requested() or not threading.main_thread().is_alive()

    def drain(self, seconds: float) -> bool:
        """Wait until all renders of this process are finished; return False after the timeout or a stop request."""
        deadline = clock.Deadline(seconds)
        with self._changed:
            while self._threads:
                if deadline.passed() or self.is_ending():
                    return False
                self._changed.wait(min(0.1, deadline.left()))
        return True

    def close(self) -> None:
        """Drop waiting renders, stop running ones, and wait for the threads to end."""
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
        except BaseException:  # after any error no caller may wait for an ended thread
            self._leave()
            raise

    def _next(self) -> str | None:
        """Return the next key to render, or None to end this thread; one lock covers both, so that no key is overlooked."""
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
