"""Visits side by side: begun in turn, never too many at once, gone on with when what they wait for is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tenxsom.pipeline.side_by_side import Visit, Wait, _Crew, side_by_side


class Somebody:
    """Who counts how many visits have begun and not ended."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.begun = self.ended = self.most_begun = 0

    def begin(self) -> None:
        with self._guard:
            self.begun += 1
            self.most_begun = max(self.most_begun, self.begun - self.ended)

    def end(self) -> None:
        with self._guard:
            self.ended += 1


def later(go_on: Callable[[], object]) -> None:
    threading.Timer(0.01, go_on).start()


def at_once(go_on: Callable[[], object]) -> None:
    go_on()


def waiting(number: int, somebody: Somebody, *waits: Wait) -> Visit[int]:
    somebody.begin()
    yield from waits
    somebody.end()
    return number


@pytest.mark.parametrize("waits", [(), (later,), (at_once,), (later, at_once, later)], ids=["none", "later", "at once", "three"])
def test_every_visit_ends_and_what_it_returns_is_returned(waits: tuple[Wait, ...]) -> None:
    somebody = Somebody()
    visits = (waiting(number, somebody, *waits) for number in range(40))
    assert sorted(side_by_side(visits, 7)) == list(range(40))
    assert somebody.most_begun <= 7


def test_one_at_a_time_is_one_at_a_time() -> None:
    somebody = Somebody()
    assert side_by_side((waiting(number, somebody, later) for number in range(5)), 1) == list(range(5))
    assert somebody.most_begun == 1


def test_nothing_to_visit_is_nothing_to_return() -> None:
    assert side_by_side([], 5) == []


class Meanwhile:
    """Something to do while visits wait `until_then`, which remembers how many had begun."""

    def __init__(self, somebody: Somebody) -> None:
        self._somebody, self._over = somebody, threading.Event()
        self.begun: list[int] = []

    def __call__(self) -> None:
        self.begun.append(self._somebody.begun)
        self._over.set()

    def until_then(self, go_on: Callable[[], object]) -> None:
        threading.Thread(target=lambda: (self._over.wait(10), go_on())).start()


@pytest.mark.parametrize(
    ("at_once", "waiting_ones", "begun"), [(0, 2, 2), (0, 3, 3), (0, 9, 3), (9, 9, 12)], ids=["few", "most", "more", "some at once"]
)
def test_what_is_done_meanwhile_is_done_once_when_as_many_wait_as_may(at_once: int, waiting_ones: int, begun: int) -> None:
    somebody = Somebody()
    meanwhile = Meanwhile(somebody)
    visits = [waiting(number, somebody) for number in range(at_once)]
    visits += [waiting(number, somebody, meanwhile.until_then) for number in range(waiting_ones)]
    assert len(side_by_side(visits, 3, meanwhile)) == at_once + waiting_ones
    assert meanwhile.begun == [begun]


def test_somebody_who_wants_the_process_to_end_does_not_wait_for_the_meanwhile() -> None:
    def stops() -> Visit[int]:
        raise KeyboardInterrupt
        yield later

    meanwhile = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        side_by_side([waiting(1, Somebody(), later), stops()], 3, meanwhile.set)
    assert not meanwhile.is_set()


def test_where_nobody_waits_there_is_no_meanwhile() -> None:
    meanwhile = threading.Event()
    assert side_by_side((waiting(number, Somebody()) for number in range(9)), 3, meanwhile.set) == list(range(9))
    assert not meanwhile.is_set()


@pytest.mark.parametrize("waits", [(), (later,)], ids=["at its beginning", "after its wait"])
def test_the_mistake_of_one_visit_is_raised_when_all_others_have_ended(waits: tuple[Wait, ...]) -> None:
    somebody = Somebody()

    def mistaken() -> Visit[int]:
        yield from waits
        raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="a mistake of ours"):
        side_by_side([mistaken(), *(waiting(number, somebody, later) for number in range(20))], 4)
    assert somebody.ended == 20


@pytest.mark.parametrize("waits", [(), (later,)], ids=["in the caller's thread", "in one of the crew's"])
def test_what_is_to_end_the_process_ends_the_visits_that_were_begun_and_begins_no_more(waits: tuple[Wait, ...]) -> None:
    somebody = Somebody()

    def struck() -> Visit[int]:
        yield from waits
        raise SystemExit

    with pytest.raises(SystemExit):
        side_by_side([struck(), *(waiting(number, somebody, later) for number in range(200))], 2)
    assert somebody.begun == somebody.ended < 200


def test_without_a_single_thread_to_be_had_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot_start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    somebody = Somebody()
    monkeypatch.setattr(threading.Thread, "start", cannot_start)
    with pytest.raises(RuntimeError):
        side_by_side([waiting(1, somebody, at_once)], 3)
    assert somebody.begun == 0


def test_one_thread_does_it_where_there_are_no_more_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def starts_one(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starts_one)
    assert sorted(side_by_side((waiting(number, Somebody(), at_once, at_once) for number in range(30)), 9)) == list(range(30))


def test_visits_that_sleep_are_closed_when_everything_ends_before_its_time() -> None:
    closed = []

    def sleeps(number: int) -> Visit[int]:
        try:
            yield lambda _: None
        finally:
            closed.append(number)
        return number

    def visits() -> Iterator[Visit[int]]:
        yield sleeps(1)
        yield sleeps(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(visits(), 5)
    assert sorted(closed) == [1, 2]


def test_nobody_is_hired_any_more_when_everybody_has_gone_home() -> None:
    crew, somebody = _Crew[int](1), Somebody()
    crew.go_home()
    for number in range(3):
        crew._wake(waiting(number, somebody))
    assert not any(thread.name == "visits" for thread in threading.enumerate())
