"""Work in several threads: all of it is done, however few threads the machine gives, and a stop ends the wait for a turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tenxsom import clock
from tenxsom.errors import Interrupted
from tenxsom.threads import side_by_side, turn


@pytest.fixture
def places() -> Iterator[threading.BoundedSemaphore]:
    yield threading.BoundedSemaphore(1)
    clock.forget_stop()


@pytest.mark.parametrize("given", [0, 1])
def test_work_is_done_by_as_many_threads_as_the_machine_gives(given, monkeypatch, caplog):
    """`ulimit -u` and containers refuse further ones."""
    start, left, refused = threading.Thread.start, iter(range(given)), threading.Event()

    def refuse(thread: threading.Thread) -> None:
        if next(left, None) is None:
            refused.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    items = iter(range(100))

    def work() -> list[int]:
        assert refused.wait(30)  # otherwise an idle thread could do all of it
        return list(items)

    done = side_by_side(work, 8, "work")
    assert sorted(item for of_call in done for item in of_call) == list(range(100))
    assert "fewer than 8 threads" in caplog.text


def test_the_error_of_a_call_is_raised():
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda: 1 // 0, 2, "work")


def test_a_stop_ends_the_wait_for_a_turn(places):
    ended = []

    def wait() -> None:
        with pytest.raises(Interrupted), turn(places):
            ended.append("the block ran")
        ended.append("interrupted")

    with turn(places):
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        clock.request_stop()
        waiting.join(30)
        assert ended == ["interrupted"]


def test_a_turn_that_comes_after_a_stop_is_given_back(places):
    clock.request_stop()
    with pytest.raises(Interrupted), turn(places):
        raise AssertionError("nothing begins after a stop")
    clock.forget_stop()
    with turn(places) as is_our_turn:
        assert is_our_turn


def test_a_turn_that_does_not_come_in_time_is_none(places):
    with turn(places), turn(places, clock.Deadline(0)) as is_our_turn:
        assert not is_our_turn
    with turn(places, clock.Deadline(0)) as is_our_turn:
        assert is_our_turn
