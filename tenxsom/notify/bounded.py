"""Bounds a call to the outside in time, whatever it waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tenxsom import clock


class OutOfTimeError(Exception):
    """The work is not done yet. Its thread ends with the process at the latest."""


class Background:
    """Work in a thread of its own, which never keeps the process from ending."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._began = clock.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True, name="notify")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001  (it is raised again where the work is waited for)
            self._error = error

    def age_seconds(self) -> float:
        """Return the seconds since the work began."""
        return clock.monotonic() - self._began

    def wait(self, seconds: float) -> None:
        """Wait for the work, and raise its error. Raises OutOfTimeError when it takes longer than `seconds`."""
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            raise OutOfTimeError
        if self._error is not None:
            raise self._error


def within(seconds: float, work: Callable[[], object]) -> None:
    """Do some work, and stop waiting for it after `seconds`. Raises its error, or OutOfTimeError."""
    Background(work).wait(seconds)
