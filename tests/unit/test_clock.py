"""Time that may jump, waits that are bounded, and stops that are heard at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenxsom import clock
from tenxsom.errors import Interrupted, TryAgainLater
from tests.processes import running, said

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    set_clock(NOON)
    return set_clock


@pytest.fixture
def stop() -> Iterator[Callable[[], None]]:
    yield clock.request_stop
    clock.forget_stop()


# stamps


def test_a_stamp_is_utc_with_milliseconds(at):
    assert clock.stamp() == "2026-11-22T12:00:00.000Z"


@given(some.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=some.just(UTC)))
def test_a_stamp_survives_being_read(moment):
    assert clock.parse(clock.stamp(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.mark.parametrize("text", ["2026-11-22T13:00:00+01:00", "2026-11-22T12:00:00Z", "2026-11-22 12:00:00", "20261122T120000Z"])
def test_other_spellings_of_a_moment_are_understood_and_without_a_zone_it_is_utc(text):
    assert clock.parse(text) == NOON


@pytest.mark.parametrize("text", ["", "soon", "12:00", "2026-13-01", "1e9"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        clock.parse(text)


def test_the_day_is_the_day_in_utc(at):
    at(datetime(2026, 11, 23, 0, 30, tzinfo=UTC).astimezone(tz=None))
    assert clock.day() == "2026-11-23"


def test_a_clock_that_was_set_back_makes_nothing_younger_than_new(at):
    assert clock.age_seconds("2026-11-22T11:00:00Z") == 3600
    assert clock.age_seconds("2026-11-23T12:00:00Z") == 0


# what is due, under clocks that jump

HORIZON = 3600.0


@pytest.mark.parametrize("text", [None, ""])
def test_what_has_no_time_is_due(text):
    assert clock.is_due(text, HORIZON)


@pytest.mark.parametrize(
    ("ahead", "due"), [(-1, True), (0, True), (0.001, False), (60, False), (HORIZON, False), (HORIZON + 1, True)]
)
def test_a_time_is_due_when_it_has_come_or_lies_further_ahead_than_any_pause(at, ahead, due):
    assert clock.is_due(clock.stamp(NOON + timedelta(seconds=ahead)), HORIZON) is due


@pytest.mark.parametrize(
    "wrong",
    [datetime(1970, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC), NOON - timedelta(days=1), NOON + timedelta(days=1)],
)
def test_what_was_put_off_while_the_clock_was_wrong_is_due_when_it_is_right_again(at, wrong):
    at(wrong)
    put_off = clock.later(HORIZON)
    at(NOON)
    assert clock.is_due(put_off, HORIZON)


@pytest.mark.parametrize("wrong", [datetime(1970, 1, 1, tzinfo=UTC), NOON - timedelta(days=1), NOON + timedelta(days=1)])
def test_what_was_put_off_while_the_clock_was_right_is_due_while_it_is_wrong(at, wrong):
    put_off = clock.later(600)
    at(wrong)
    assert clock.is_due(put_off, HORIZON)


@given(some.floats(0, HORIZON))
def test_every_pause_within_the_horizon_is_kept(pause):
    moment = clock.later(pause + 1)
    assert not clock.is_due(moment, HORIZON + 2)


# backing off


@given(some.integers(0, 10**9))
def test_a_pause_between_attempts_is_bounded_however_many_there_were(attempt):
    assert 0 < clock.backoff_seconds(attempt) <= 600 * 1.25


def test_pauses_double_with_a_quarter_of_jitter():
    for attempt, middle in ((1, 15), (2, 30), (3, 60), (6, 480), (7, 600), (50, 600)):
        pauses = [clock.backoff_seconds(attempt) for _ in range(200)]
        assert all(0.75 * middle <= pause <= 1.25 * middle for pause in pauses)
        assert len(set(pauses)) > 1


def test_no_pause_of_ours_is_longer_than_what_counts_as_a_jumping_clock():
    from tenxsom.http.answer import LONGEST_RETRY_AFTER_SECONDS
    from tenxsom.model.clip import LONGEST_PAUSE_SECONDS
    from tenxsom.pipeline.payment import BUDGET_PAUSE_SECONDS, RECONCILE_PAUSE_SECONDS

    pauses = (BUDGET_PAUSE_SECONDS, RECONCILE_PAUSE_SECONDS, LONGEST_RETRY_AFTER_SECONDS, 600 * 1.25)
    assert max(pauses) <= LONGEST_PAUSE_SECONDS


# deadlines


def test_a_deadline_counts_down_and_never_below_nothing(monkeypatch):
    moment = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: moment[0])
    deadline = clock.Deadline(10)
    moment[0] = 104
    assert (deadline.left(), deadline.passed()) == (6, False)
    deadline.check("It")
    moment[0] = 200
    assert (deadline.left(), deadline.passed()) == (0, True)
    with pytest.raises(TryAgainLater, match="It ran out of time"):
        deadline.check("It")


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has a clock that stops in sleep")
def test_a_deadline_passes_while_the_machine_is_suspended(monkeypatch):
    """A paid call that was about to begin is not made an hour later, when the laptop is opened again."""
    real, asleep = time.clock_gettime, {time.CLOCK_BOOTTIME: 0.0, time.CLOCK_REALTIME: 0.0}
    monkeypatch.setattr(time, "clock_gettime", lambda which: real(which) + asleep.get(which, 0.0))
    deadline = clock.Deadline(30)
    assert not deadline.passed()
    asleep |= dict.fromkeys(asleep, 3600.0)
    assert deadline.passed()


# stopping


def test_without_a_stop_request_nothing_is_interrupted():
    clock.check_stop()
    clock.sleep(0)
    clock.sleep(-5)
    assert not clock.stop_requested()


def test_a_stop_request_is_heard_between_steps_and_can_be_taken_back(stop):
    stop()
    assert clock.stop_requested()
    with pytest.raises(Interrupted) as caught:
        clock.check_stop()
    assert caught.value.exit_code == 75
    clock.forget_stop()
    clock.check_stop()


def test_a_stop_that_was_taken_back_makes_no_sleep_shorter(stop):
    stop()
    clock.forget_stop()
    clock._wake_up.put(None)  # of a thread that the stop has woken, and that comes to it only now
    for _ in range(2):
        begun = clock.monotonic()
        clock.sleep(0.05)
        assert clock.monotonic() - begun >= 0.049


def test_a_stop_request_ends_every_sleep_at_once(stop):
    interrupted = threading.Event()

    def sleeper() -> None:
        try:
            clock.sleep(3600)
        except Interrupted:
            interrupted.set()

    threads = [threading.Thread(target=sleeper, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    stop()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert interrupted.is_set()


SIGNAL_AT_EVERY_STEP = """
import signal, sys
from tenxsom import clock
from tenxsom.errors import Interrupted

def strike_at(number):
    left = [number]
    def trace(frame, event, _):
        frame.f_trace_opcodes = True
        if event == "opcode":
            left[0] -= 1
            if left[0] == 0:
                sys.settrace(None)
                signal.raise_signal(signal.SIGTERM)
        return trace if left[0] > 0 else None
    return trace

for number in range(1, 1000):
    clock.stop_on_signals()
    clock.forget_stop()
    print(number, flush=True)
    try:
        sys.settrace(strike_at(number))
        clock.sleep(0.0)
        sys.settrace(None)
        if not clock.stop_requested():
            break  # a sleep has fewer steps
        clock.sleep(3600)
    except Interrupted:
        pass
print("ended")
"""


def test_a_signal_at_any_moment_of_a_sleep_ends_it():
    """The handler runs between two steps of the code that it comes upon, and must need no lock that this code may hold."""
    with running(SIGNAL_AT_EVERY_STEP) as (process,):
        steps = process.communicate(timeout=30)[0].split()
    assert steps[-1] == "ended"
    assert len(steps) > 10


STOPPING = """
from tenxsom import clock
from tenxsom.errors import Interrupted
clock.stop_on_signals()
print("ready", flush=True)
try:
    clock.sleep(3600)
except Interrupted:
    print("saved", flush=True)
import signal
while True:
    signal.pause()
"""


def test_a_closed_terminal_asks_for_an_end_and_never_makes_one():
    """A shell that ends sends HUP, and the kernel sends it once more. (Who runs the tests may have it ignored, as `nohup` does.)"""
    with running("import signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n" + STOPPING) as (process,):
        assert said(process) == "ready"
        os.kill(process.pid, signal.SIGHUP)
        assert said(process) == "saved"
        os.kill(process.pid, signal.SIGHUP)
        while process.poll() is None:  # the first one is answered, a later one ends it
            os.kill(process.pid, signal.SIGTERM)
        assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_is_ignored_stays_ignored(signum):
    """As `nohup` starts a program with HUP, and as a shell starts one in the background of a script with INT."""
    with running(f"import signal\nsignal.signal({signum:d}, signal.SIG_IGN)\n" + STOPPING) as (process,):
        assert said(process) == "ready"
        ignored = int(Path(f"/proc/{process.pid}/status").read_text().split("SigIgn:")[1].split()[0], 16)
        assert ignored & 1 << (signum - 1)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_for_an_end_and_the_second_one_makes_it(signum):
    with running(STOPPING) as (process,):
        assert said(process) == "ready"
        os.kill(process.pid, signum)
        assert said(process) == "saved"
        os.kill(process.pid, signum)
        assert process.wait(timeout=30) in (-signum, 1, 130)
