"""A circuit breaker per service: after repeated failures calls fail at once, until a probe succeeds."""

from __future__ import annotations

import threading

from tenxsom import clock
from tenxsom.errors import ServiceDown
from tenxsom.model.pause import Pause


class CircuitOpen(ServiceDown):
    """The request was not sent, because the circuit of its service is open."""


class Circuit:
    """Opens for `open_seconds` after `failures` in a row; then one call, the probe, decides whether it closes. Thread-safe.

    A probe without a result (its thread was stopped) is replaced by another one after `open_seconds`.
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
        """Record a success: the circuit closes."""
        with self._lock:
            self._failures, self._shut_until = 0, None

    def failed(self) -> None:
        """Record a failure: no connection, no response, or a 5xx."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._limit:
                self._shut_until = clock.monotonic() + self._open_seconds

    def hold_back(self, seconds: float) -> None:
        """Delay free calls by the pause that the service asked for (429 with Retry-After). The circuit stays closed."""
        with self._lock:
            self._held_until = max(self._held_until, clock.monotonic() + seconds)

    def pause(self) -> Pause:
        """Return what holds now."""
        until = self._shut_until
        return Pause(0.0 if until is None else max(0.0, until - clock.monotonic()), self.held_seconds())

    def take_over(self, pause: Pause) -> None:
        """Leave the service alone for as long as another process does that shares its pauses."""
        with self._lock:
            now = clock.monotonic()
            if pause.shut_seconds and (self._shut_until is None or self._shut_until < now):
                self._failures = max(self._failures, self._limit)
                self._shut_until = now + min(pause.shut_seconds, self._open_seconds)
            self._held_until = max(self._held_until, now + pause.held_seconds)

    def held_seconds(self) -> float:
        """Return the seconds that free calls must still wait; 0.0 for none."""
        return max(0.0, self._held_until - clock.monotonic())
