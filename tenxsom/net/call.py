"""One HTTP call: how far it has come, and how long it may still take.

urllib3 reports a broken TLS handshake and a broken answer by the same exceptions, and for a call that costs money the
difference is everything: after the first the request was certainly not sent, after the second nobody knows. So our
connections keep the record themselves, in a `Call` that belongs to the calling thread. The same record carries the
deadline, because urllib3's time-outs start anew with every byte: a service that drips could hold a call for hours.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tenxsom import clock
from tenxsom.clock import Deadline
from tenxsom.errors import TryAgainLater

CONNECT_SECONDS = 5.0
"""How long making a connection may take, per address of the host; the TLS handshake has the same time."""

LONGEST_WAIT_SECONDS = 60.0
"""How long a free call waits for those before it at most."""


RETRY_AFTER_CAP_SECONDS = 30.0
"""A call waits this long at most because a service asked it to; a longer wait is the caller's to plan."""

_FIRST_PAUSE_SECONDS = 0.5


class NoTurn(Exception):
    """A call whose turn did not come in time: it was not sent, and says nothing about the service."""


class Phase(enum.Enum):
    """How far a call has come. Only CONNECTED means that bytes of the request may have left."""

    UNSEEN = "no connection of ours was asked for"
    CONNECTING = "a connection was being made, with its TLS handshake and its proxy tunnel"
    CONNECTED = "the connection stood, the request was on its way"


class Call:
    """One HTTP call of one thread: how far it came, how long it may hear nothing, and when it must be over."""

    def __init__(self, silence_seconds: float, deadline: Deadline, most: Deadline | None = None) -> None:
        """`most` is the caller's own limit, which no waiting for a turn moves."""
        self.phase = Phase.UNSEEN
        self._most = most
        self._silence_seconds = silence_seconds
        self._deadline = deadline

    def connecting(self) -> None:
        if self.phase is Phase.UNSEEN:
            self.phase = Phase.CONNECTING

    def connected(self) -> None:
        self.phase = Phase.CONNECTED

    def patience(self) -> float:
        """Seconds that it may wait for its turn, which comes when one before it has ended."""
        return LONGEST_WAIT_SECONDS if self._most is None else min(LONGEST_WAIT_SECONDS, self._most.left())

    def left(self) -> float:
        """Seconds until it must be over."""
        return self._deadline.left()

    def resume(self, seconds: float) -> None:
        """Its turn came only now, and it has so many seconds left, as before it waited: that time is not the service's."""
        self._deadline = Deadline(seconds if self._most is None else min(seconds, self._most.left()))

    def time_to_send(self) -> float:
        """Seconds in which the request has to be out. Raises TimeoutError when there are none left."""
        left = self._deadline.left()
        if left <= 0:
            raise TimeoutError("the time of this call is used up")
        return left

    def time_to_read(self) -> float:
        """Seconds in which the next bytes have to come. Raises TimeoutError when there are none left."""
        return min(self.time_to_send(), self._silence_seconds)


def call_of(timeout: float, deadline: Deadline | None) -> Call:
    """A call that hears nothing for `timeout` seconds at most, and is over by its caller's `deadline`."""
    seconds = min(CONNECT_SECONDS, timeout) + timeout
    return Call(timeout, Deadline(seconds if deadline is None else min(seconds, deadline.left())), deadline)


def pause_after(trouble: TryAgainLater, number: int) -> float:
    """Seconds to wait after failed attempt `number`, from 0: what the service asked for, or full jitter over a span that doubles
    (https://aws.amazon.com/builders-library/, "Timeouts, retries, and backoff with jitter"): many clients that fail together
    must not come back together."""
    if trouble.retry_after is not None:
        return trouble.retry_after
    return clock.chance(0, min(RETRY_AFTER_CAP_SECONDS, _FIRST_PAUSE_SECONDS * 2**number))


class Places:
    """So many calls at once; those who come later wait for their turn."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def one(self, call: Call) -> Iterator[None]:
        """Hold a place for a block. Raises NoTurn when none becomes free in time, Interrupted when the turn comes after a stop."""
        waited = not self._free.acquire(blocking=False)
        if waited:
            left = call.left()
            if not self._free.acquire(timeout=call.patience()):
                raise NoTurn
            call.resume(left)
        try:
            if waited:
                clock.check_stop()
            yield
        finally:
            self._free.release()


_thread = threading.local()


class running:  # noqa: N801  # used as `with running(call):`
    """Make `call` the one that this thread's connections report to and take their time limits from."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> Call:
        _thread.call = self._call
        return self._call

    def __exit__(self, *error: object) -> None:
        _thread.call = None


def running_call() -> Call | None:
    """The call of this thread, if one is running."""
    return getattr(_thread, "call", None)
