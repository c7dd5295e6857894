"""The circuit of one service: after repeated failures nobody waits for a dead host any more, until a probe gets through."""

from __future__ import annotations

import threading

from tenxsom import clock
from tenxsom.errors import ServiceDown


class CircuitOpen(ServiceDown):
    """The service was not asked, because it failed too often just now."""


class Circuit:
    """Opens after `failures` in a row for `open_seconds`; then one call goes through as a probe and decides. Thread-safe.

    A probe that never reports (its thread was stopped) is replaced by another one after `open_seconds`.
    """

    def __init__(self, failures: int = 5, open_seconds: float = 30) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._lock = threading.Lock()
        self._failures = 0
        self._shut_until: float | None = None
        self._held_until = 0.0

    def check(self, name: str) -> None:
        """Let the call through, or raise CircuitOpen at once with the wait as its `retry_after`."""
        if self._shut_until is None:
            return  # the everyday case, without the lock that all threads would meet at
        with self._lock:
            if self._shut_until is None:
                return
            wait = self._shut_until - clock.monotonic()
            if wait <= 0:
                self._shut_until = clock.monotonic() + self._open_seconds  # the others wait for this call, the probe
                return
            failures = self._failures
        raise CircuitOpen(f"{name} failed {failures} times in a row and is left alone for {wait:.0f} more seconds.", wait)

    def succeeded(self) -> None:
        """The service answered and is well: the circuit closes."""
        if not self._failures and self._shut_until is None:
            return
        with self._lock:
            self._failures, self._shut_until = 0, None

    def failed(self) -> None:
        """No connection, no answer, or a 5xx."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._limit:
                self._shut_until = clock.monotonic() + self._open_seconds

    def hold_back(self, seconds: float) -> None:
        """The service asked for a pause (429 with Retry-After): free calls wait, the circuit stays closed."""
        with self._lock:
            self._held_until = max(self._held_until, clock.monotonic() + seconds)

    def held_seconds(self) -> float:
        """How long free calls should still wait; 0.0 when they need not."""
        if not self._held_until:
            return 0.0
        with self._lock:
            return max(0.0, self._held_until - clock.monotonic())
