"""The clock, sleeping and stop requests: the only module that reads the time.

There are two clocks: `now` is the wall clock, which is stored and may jump; `monotonic` never jumps, but is valid only on this
machine, for measuring waits. A stop request (TERM, INT, HUP) ends every sleep at once.
"""

from __future__ import annotations

import contextlib
import signal
import time
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from types import FrameType

from tenxsom.errors import Interrupted, OutOfTime

_GOES_ON_IN_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The monotonic clock that a suspended machine does not stop. Linux stops CLOCK_MONOTONIC then, macOS does not:
https://man7.org/linux/man-pages/man2/clock_gettime.2.html"""

_stop_is_requested = False
_wake_up: SimpleQueue[None] = SimpleQueue()
"""Filled when a stop is requested; each sleep that it ends fills it again for the next one. A `threading.Event` would not do: a
signal that comes while the main thread has the event's lock, to begin or to end a wait, would wait for that lock for ever in
`set`. A SimpleQueue may be filled at any moment: https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put"""

_ahead = timedelta()
SAME_SECONDS = 1.0
"""Clocks that differ by less are the same."""


def monotonic() -> float:
    """Return the seconds since some moment; they count on while the machine is suspended."""
    return time.clock_gettime(_GOES_ON_IN_SLEEP)


def now() -> datetime:
    """Return the wall-clock time in UTC: this machine's, or that of the clock which it follows."""
    return datetime.now(UTC) + _ahead


def follow(epoch_seconds: float) -> None:
    """Follow another clock, which tells this time now, so that machines that share a queue agree on what is due and on the day."""
    global _ahead
    ahead = datetime.fromtimestamp(epoch_seconds, UTC) - datetime.now(UTC)
    _ahead = ahead if abs(ahead.total_seconds()) > SAME_SECONDS else timedelta()


def stamp(moment: datetime | None = None) -> str:
    """Return `moment` (default: now) as ISO 8601 in UTC with milliseconds, the format of all our files."""
    return (moment or now()).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """Parse a stored stamp. Raises ValueError for a text that is not an ISO 8601 time."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp_of_epoch(seconds: float) -> str:
    """Return the stamp of a time in seconds since 1970."""
    return stamp(datetime.fromtimestamp(seconds, UTC))


def day() -> str:
    """Return today's date in UTC, the day of budgets."""
    return now().date().isoformat()


def epoch_age_seconds(seconds: float) -> float:
    """Return how long ago a moment was that a file system tells, in seconds since 1970."""
    return (now() - _ahead).timestamp() - seconds


def age_seconds(text: str) -> float:
    """Return the seconds since a stored stamp; 0 for a stamp in the future, after the clock was set back."""
    return max(0.0, (now() - parse(text)).total_seconds())


def seconds_until(text: str) -> float:
    """Return the seconds until a stored stamp; 0 after it."""
    return max(0.0, (parse(text) - now()).total_seconds())


def later(seconds: float) -> str:
    """Return the stamp of the time `seconds` from now."""
    return stamp(now() + timedelta(seconds=seconds))


def is_due(text: str | None, horizon_seconds: float) -> bool:
    """Return whether a stored time has come.

    A time further away than `horizon_seconds` comes from a clock that jumped: it counts as due, so that no job waits for a year
    because the clock was wrong for a minute.
    """
    if not text:
        return True
    wait = (parse(text) - now()).total_seconds()
    return wait <= 0 or wait > horizon_seconds


def request_stop() -> None:
    """Request that this process finishes its current step and ends. A signal handler may call it."""
    global _stop_is_requested
    _stop_is_requested = True
    _wake_up.put(None)


def stop_on_signals() -> None:
    """Make TERM, INT and HUP request a stop; a second TERM or INT ends the process at once, as users expect.

    A closed terminal often sends HUP twice; the current call is finished all the same. What is ignored stays so: HUP under `nohup`,
    INT for what a script runs in the background, which Ctrl-C of the script must not end.
    """

    def handler(signum: int, _frame: FrameType | None) -> None:
        if signum != signal.SIGHUP:
            signal.signal(signum, signal.SIG_DFL)
        request_stop()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signum == signal.SIGTERM or signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, handler)


def stop_requested() -> bool:
    return _stop_is_requested


def forget_stop() -> None:
    """Clear a stop request (for programs that run several commands in one process, and for tests)."""
    global _stop_is_requested
    _stop_is_requested = False
    with contextlib.suppress(Empty):
        while True:
            _wake_up.get_nowait()


def check_stop() -> None:
    """Raise Interrupted after a stop request. It is called between steps, never inside one."""
    if _stop_is_requested:
        raise Interrupted("Stopped on request; everything is saved. The poller carries on, or the same command (without --again).")


def sleep(seconds: float) -> None:
    """Sleep; raise Interrupted at once when a stop is requested."""
    end = monotonic() + seconds
    with contextlib.suppress(Empty):
        while True:
            _wake_up.get(timeout=max(0.0, end - monotonic()))
            if _stop_is_requested:
                _wake_up.put(None)
            check_stop()  # a stop that was forgotten since then ends no sleep


def nap(seconds: float) -> None:
    """Sleep for at most a tenth of a second, also after a stop request: for waits with their own limit."""
    time.sleep(min(seconds, 0.1))


class Deadline:
    """A time limit, on this process's monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; 0.0 after the deadline."""
        return max(0.0, self._end - monotonic())

    def passed(self) -> bool:
        return self.left() <= 0.0

    def check(self, what: str) -> None:
        """Raise OutOfTime, naming `what`, when the deadline has passed."""
        if self.passed():
            raise OutOfTime(f"{what} ran out of time; nothing is lost, it will be tried again.")


def backoff_seconds(attempt: int, first: float = 15.0, most: float = 600.0) -> float:
    """Return the seconds before attempt number `attempt` + 1: exponential backoff with jitter."""
    doubled: float = first * 2 ** min(attempt - 1, 16)
    return min(most, doubled) * chance(0.75, 1.25)


def chance(least: float, most: float) -> float:
    """Return a random number between the two, for jitter."""
    import random  # imported on first use: most processes never wait

    return random.uniform(least, most)
