"""Visits side by side: begun in turn, never too many at once, gone on with when what they wait for is over."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tenxsom.belt.side_by_side import Visit, Wait, side_by_side


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


@pytest.mark.parametrize("waits", [(), (later,)], ids=["at its beginning", "after its wait"])
def test_the_mistake_of_one_visit_is_raised_when_all_others_have_ended(waits: tuple[Wait, ...]) -> None:
    somebody = Somebody()

    def mistaken() -> Visit[int]:
        yield from waits
        raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="a mistake of ours"):
        side_by_side([mistaken(), *(waiting(number, somebody, later) for number in range(20))], 4)
    assert somebody.ended == 20
