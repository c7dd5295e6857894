"""The clock, and sleeping: the one place that knows what time it is.

Two clocks, on purpose. `now` is the wall clock: it is what gets stored, and it may jump. `monotonic` never jumps but means
nothing to another process: it measures waits inside this one. A stop request (TERM, INT, HUP) ends every sleep at once.
"""

from __future__ import annotations

import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from types import FrameType

from tenxsom.errors import Interrupted, TryAgainLater

monotonic = time.monotonic

_stop = threading.Event()


def now() -> datetime:
    """The wall-clock time, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime | None = None) -> str:
    """`moment` (default: now) as ISO 8601 in UTC with milliseconds, the form all our files use."""
    return (moment or now()).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """The moment a stored stamp stands for. Raises ValueError for anything that is no ISO 8601 time."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp_of_epoch(seconds: float) -> str:
    """The stamp of a moment given in seconds since 1970."""
    return stamp(datetime.fromtimestamp(seconds, UTC))


def day() -> str:
    """Today's date in UTC, the day that budgets count."""
    return now().date().isoformat()


def age_seconds(text: str) -> float:
    """Seconds since a stored stamp; never negative, because a clock that was set back must not make anything young."""
    return max(0.0, (now() - parse(text)).total_seconds())


def seconds_until(text: str) -> float:
    """Seconds to a stored stamp; 0 when it has come."""
    return max(0.0, (parse(text) - now()).total_seconds())


def later(seconds: float) -> str:
    """The stamp of the moment `seconds` from now."""
    return stamp(now() + timedelta(seconds=seconds))


def is_due(text: str | None, horizon_seconds: float) -> bool:
    """Whether a stored moment has come.

    A moment further away than `horizon_seconds` can only come from a clock that jumped: it counts as due, so that no job
    sleeps for a year because the clock was wrong for a minute.
    """
    if not text:
        return True
    wait = (parse(text) - now()).total_seconds()
    return wait <= 0 or wait > horizon_seconds


def request_stop() -> None:
    """Ask everything in this process to finish the step in hand and end."""
    _stop.set()


def stop_on_signals() -> None:
    """Let TERM, INT and HUP request a stop; a second TERM or INT ends the process at once, as a person at a keyboard expects.

    A closed terminal sends HUP, and often twice: the call in hand is finished all the same. `nohup` has HUP ignored.
    """

    def handler(signum: int, _frame: FrameType | None) -> None:
        if signum != signal.SIGHUP:
            signal.signal(signum, signal.SIG_DFL)
        request_stop()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, handler)


def stop_requested() -> bool:
    return _stop.is_set()


def forget_stop() -> None:
    """Take a stop request back (for programs that run several belts in one process, and for tests)."""
    _stop.clear()


def check_stop() -> None:
    """Raise Interrupted when somebody asked this process to stop. Called between steps, never inside one."""
    if _stop.is_set():
        raise Interrupted("Stopped on request; everything is saved. The poller carries on, or the same command (without --again).")


def sleep(seconds: float) -> None:
    """Sleep, but wake up and raise Interrupted at once when a stop is requested."""
    if _stop.wait(max(0.0, seconds)):
        check_stop()


def nap(seconds: float) -> None:
    """Sleep for a moment (at most a tenth of a second), also after a stop request: for waits with a limit of their own."""
    time.sleep(min(seconds, 0.1))


class Deadline:
    """A point in this process's monotonic time by which something must be over."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds left; 0.0 when it has passed."""
        return max(0.0, self._end - monotonic())

    def passed(self) -> bool:
        return self.left() <= 0.0

    def check(self, what: str) -> None:
        """Raise TryAgainLater, naming `what`, when the deadline has passed."""
        if self.passed():
            raise TryAgainLater(f"{what} ran out of time; nothing is lost, it will be tried again.")


def backoff_seconds(attempt: int, first: float = 15.0, most: float = 600.0) -> float:
    """How long to wait before attempt number `attempt` + 1: doubling, with jitter, so that many jobs do not come back together."""
    doubled: float = first * 2 ** min(attempt - 1, 16)
    return min(most, doubled) * chance(0.75, 1.25)


def chance(least: float, most: float) -> float:
    """Any number between the two, so that those who wait for the same thing do not all come back at the same moment."""
    import random  # with the first wait: most processes end without one

    return random.uniform(least, most)
