"""A worker: what it visits, what it leaves alone, how it waits for a queue, and how it ends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.errors import BadSettings, NoTurn, TryAgainLater
from tenxsom.pipeline import worker as module
from tenxsom.pipeline.results import JobResult
from tenxsom.pipeline.visits import Look
from tenxsom.pipeline.worker import Worker


class Queue:
    """A queue whose jobs are always due, until they are taken off it."""

    def __init__(self, *ids: str) -> None:
        self.waiting = list(ids)
        self.troubles: list[Exception] = []
        self.looks = 0

    def due(self, most: int) -> list[str]:
        self.looks += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return self.waiting[:most]


class Visitor:
    """Notes who visits what, and lets a test say what happens in a visit."""

    def __init__(self, queue: Queue, happens: Callable[[str], JobResult | None]) -> None:
        self._queue, self._happens = queue, happens
        self._guard = threading.Lock()
        self.visits: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0

    def visit(self, content_id: str, look: Look) -> JobResult | None:
        assert look.only_with_core
        assert not look.at_once
        with self._guard:
            self.visits[content_id] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self._happens(content_id)
        finally:
            with self._guard:
                self.at_once -= 1


@pytest.fixture(autouse=True)
def stop() -> Iterator[None]:
    clock.forget_stop()
    yield
    clock.forget_stop()


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "REST_SECONDS", 0.02)
    monkeypatch.setattr(module, "CORE_SECONDS", 0.02)


def worker_of(
    queue: Queue, visitor: Visitor, make_round: Callable[[list[JobResult]], object] = len, concurrency: int = 1
) -> Worker:
    store: Any = queue
    visits: Any = visitor
    return Worker(store=store, visitor=visits, concurrency=concurrency, visit_seconds=60.0, make_round=make_round)


def run(queue: Queue, visitor: Visitor, *, until: Callable[[], bool], concurrency: int = 4) -> tuple[Worker, list[JobResult]]:
    """Run a worker until a condition is true; return it, with the results that its rounds got."""
    told: list[JobResult] = []
    made = worker_of(queue, visitor, told.extend, concurrency)
    thread = threading.Thread(target=made.run)
    thread.start()
    deadline = clock.Deadline(30)
    while not until() and not deadline.passed():
        time.sleep(0.005)
    clock.request_stop()
    thread.join(30)
    assert not thread.is_alive()
    assert until()
    return made, told


def test_every_job_is_visited_and_its_result_told_once() -> None:
    queue = Queue(*"abcdefgh")

    def completed(content_id: str) -> JobResult:
        queue.waiting.remove(content_id)
        return JobResult(content_id, "completed")

    visitor = Visitor(queue, completed)
    made, told = run(queue, visitor, until=lambda: not queue.waiting)
    assert visitor.visits == Counter("abcdefgh")
    assert sorted(result.content_id for result in told) == list("abcdefgh")
    assert made.condition().visits == {"completed": 8}


def test_a_job_is_never_in_hand_twice_and_never_more_than_the_concurrency() -> None:
    queue, enough = Queue(*"abcdef"), threading.Event()
    running: Counter[str] = Counter()
    twice: list[str] = []

    def slow(content_id: str) -> None:
        running[content_id] += 1
        twice.extend([content_id] if running[content_id] > 1 else [])
        time.sleep(0.02)
        running[content_id] -= 1

    visitor = Visitor(queue, slow)
    run(queue, visitor, until=lambda: sum(visitor.visits.values()) > 20 or enough.is_set(), concurrency=3)
    assert not twice
    assert visitor.most_at_once == 3


def test_a_long_visit_holds_up_no_other_job() -> None:
    queue, may_end = Queue("long", *"abcdef"), threading.Event()

    def visit(content_id: str) -> JobResult | None:
        if content_id == "long":
            may_end.wait(30)
        queue.waiting.remove(content_id)
        if queue.waiting == ["long"]:
            may_end.set()
        return None

    run(queue, Visitor(queue, visit), until=lambda: not queue.waiting, concurrency=2)


def test_jobs_that_stay_due_do_not_keep_others_from_their_turn() -> None:
    queue = Queue(*"abcdefgh")
    visitor = Visitor(queue, lambda _: None)
    run(queue, visitor, until=lambda: len(visitor.visits) == 8, concurrency=2)


def test_a_film_without_a_free_core_is_left_alone_for_a_while_and_comes_again() -> None:
    queue = Queue("film", "clip")
    refused = Counter[str]()

    def visit(content_id: str) -> JobResult | None:
        if content_id == "film" and refused["film"] < 2:
            refused["film"] += 1
            raise NoTurn("Every core is making a film.", retry_after=1)
        queue.waiting.remove(content_id)
        return JobResult(content_id, "completed")

    run(queue, Visitor(queue, visit), until=lambda: not queue.waiting)
    assert refused["film"] == 2


def test_a_queue_out_of_reach_is_waited_for_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue("a")
    queue.troubles = [TryAgainLater("The database is not there.")] * 3

    def visit(content_id: str) -> JobResult:
        queue.waiting.remove(content_id)
        return JobResult(content_id, "completed")

    visitor = Visitor(queue, visit)
    made, _ = run(queue, visitor, until=lambda: not queue.waiting)
    assert [record.message for record in caplog.records if "does not answer" in record.message] == [
        "The queue does not answer (The database is not there.) The worker waits for it."
    ]
    assert made.condition().is_ready


def test_a_queue_that_can_never_be_used_ends_the_worker() -> None:
    queue = Queue()
    queue.troubles = [BadSettings("QUEUE_URL names a pooler.")]
    made = worker_of(queue, Visitor(queue, lambda _: None))
    with pytest.raises(BadSettings, match="a pooler"):
        made.run()


def test_an_error_of_a_visit_or_a_round_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue("bad", "good")

    def visit(content_id: str) -> JobResult:
        queue.waiting.remove(content_id)
        if content_id == "bad":
            raise ZeroDivisionError
        return JobResult(content_id, "completed")

    visitor = Visitor(queue, visit)
    made = worker_of(queue, visitor, lambda _: 1 // 0)
    thread = threading.Thread(target=made.run)
    thread.start()
    while queue.waiting and thread.is_alive():
        time.sleep(0.005)
    clock.request_stop()
    thread.join(30)
    assert visitor.visits == Counter(["bad", "good"])
    assert any("behind" in record.message for record in caplog.records)


def test_a_worker_that_stopped_looking_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue()
    made = worker_of(queue, Visitor(queue, lambda _: None))
    assert made.condition().is_alive
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now + module.ALIVE_SECONDS + 1)
    assert not made.condition().is_alive
