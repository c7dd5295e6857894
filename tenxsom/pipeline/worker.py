"""Works on due jobs until it is stopped: what a fleet of machines runs in place of a tick every two minutes.

Each visit is by itself, so that a long download or film holds up no other job. What a worker must not keep to itself, the queue
keeps: a job belongs to it only while it visits it, and is free at once when the worker dies.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tenxsom import clock
from tenxsom.errors import BadSettings, Interrupted, NoTurn, TenxsomError
from tenxsom.log import describe
from tenxsom.pipeline.results import JobResult
from tenxsom.pipeline.visits import JobVisitor, Look
from tenxsom.store.base import JobStore

log = logging.getLogger("worker")

LOOK_SECONDS = 1.0
"""How often the queue is asked what is due."""
REST_SECONDS = 1.0
"""For how long a job that was visited is left alone; twice as long after each visit in a row in which nothing could be done, so
that jobs that another process holds do not take the turn of others."""
CORE_SECONDS = 5.0
"""For how long a film is left alone that found no free core."""
LONGEST_PAUSE_SECONDS = 30.0
"""The longest pause before a queue that is out of reach is asked again."""
ROUND_SECONDS = 30.0
"""How often a round is made: messages are delivered, metrics written, pauses of services shared."""
ALIVE_SECONDS = 3 * LONGEST_PAUSE_SECONDS
"""A worker that has not looked for so long hangs."""


class Condition(NamedTuple):
    """The condition of a worker, for probes and metrics."""

    is_alive: bool
    """It looks at the queue as often as it should, whether the queue answers or not."""
    is_ready: bool
    """The queue answered the last look."""
    problem: str
    """Why it is not; empty when it is."""
    in_hand: int
    """How many jobs it visits at this moment."""
    visits: dict[str, int]
    """How many visits have ended since its start, by the state of their job."""


class Worker:
    """Visits what is due, at most `concurrency` jobs at once."""

    def __init__(
        self,
        *,
        store: JobStore,
        visitor: JobVisitor,
        concurrency: int,
        visit_seconds: float,
        make_round: Callable[[list[JobResult]], object],
    ) -> None:
        """A visit lasts at most `visit_seconds`. `make_round` gets the results of all visits since the last round."""
        self._store = store
        self._visitor = visitor
        self._concurrency = concurrency
        self._visit_seconds = visit_seconds
        self._make_round = make_round
        self._guard = threading.Lock()
        self._has_room = threading.Event()
        self._in_hand: set[str] = set()
        self._resting: dict[str, float] = {}
        self._fruitless: Counter[str] = Counter()
        self._results: list[JobResult] = []
        self._counts: Counter[str] = Counter()
        self._looked_at = clock.monotonic()
        self._problem = ""
        self._failed_looks = 0

    def condition(self) -> Condition:
        """Return how the worker is. It may be called from any thread."""
        with self._guard:
            is_alive = clock.monotonic() - self._looked_at < ALIVE_SECONDS
            return Condition(is_alive, not self._problem, self._problem, len(self._in_hand), dict(self._counts))

    def run(self) -> None:
        """Work until a stop is requested; then finish the steps in hand. Raises BadSettings of the queue."""
        rounds = threading.Thread(target=self._make_rounds, name="rounds")
        rounds.start()
        try:
            with ThreadPoolExecutor(self._concurrency, thread_name_prefix="visit") as pool:
                while not clock.stop_requested():
                    pause = self._look(pool)
                    with contextlib.suppress(Interrupted):
                        self._wait(pause)
        finally:
            clock.request_stop()
            rounds.join()
            self._end_round()

    def _look(self, pool: ThreadPoolExecutor) -> float:
        """Start visits of what is due, as far as there is room; return the seconds until the next look."""
        with self._guard:
            self._looked_at = clock.monotonic()
            self._resting = {content_id: until for content_id, until in self._resting.items() if until > self._looked_at}
            left_alone = {*self._in_hand, *self._resting}
            room = self._concurrency - len(self._in_hand)
        if not room:
            return LOOK_SECONDS
        try:
            due = self._store.due(room + len(left_alone))
        except BadSettings:
            raise
        except TenxsomError as error:
            return self._out_of_reach(error)
        self._within_reach()
        for content_id in [each for each in due if each not in left_alone][:room]:
            with self._guard:
                self._in_hand.add(content_id)
            pool.submit(self._visit, content_id)
        return LOOK_SECONDS

    def _wait(self, seconds: float) -> None:
        """Wait, at most until a visit ends. Raises Interrupted after a stop request."""
        deadline = clock.Deadline(seconds)
        while not deadline.passed() and not self._has_room.is_set():
            clock.sleep(min(deadline.left(), 0.05))
        self._has_room.clear()

    def _visit(self, content_id: str) -> None:
        result, lacks_core = None, False
        try:
            result = self._visitor.visit(content_id, Look(clock.Deadline(self._visit_seconds), only_with_core=True))
        except NoTurn:
            lacks_core = True
        except Exception:  # a bug with one job must not stop the others
            log.exception("Unexpected error", extra={"content_id": content_id})
        if result and not result.is_on_its_way:
            log.info("%s%s", result.state, f": {result.message}" if result.message else "", extra={"content_id": content_id})
        with self._guard:
            self._in_hand.discard(content_id)
            self._resting[content_id] = clock.monotonic() + (CORE_SECONDS if lacks_core else self._rest(content_id, result))
            if result:
                self._results.append(result)
                self._counts[result.state] += 1
                self._has_room.set()

    def _rest(self, content_id: str, result: JobResult | None) -> float:
        """Return for how many seconds a job is left alone after a visit; None is the result of a fruitless one."""
        if result:
            self._fruitless.pop(content_id, None)
            return REST_SECONDS
        self._fruitless[content_id] += 1
        return float(min(LONGEST_PAUSE_SECONDS, REST_SECONDS * 2 ** min(self._fruitless[content_id], 10)))

    def _out_of_reach(self, error: TenxsomError) -> float:
        """Note that the queue did not answer; tell it once."""
        if not self._problem:
            log.warning("The queue does not answer (%s) The worker waits for it.", error)
        self._failed_looks += 1
        with self._guard:
            self._problem = str(error)
        return clock.backoff_seconds(self._failed_looks, first=LOOK_SECONDS, most=LONGEST_PAUSE_SECONDS)

    def _within_reach(self) -> None:
        if self._problem:
            log.info("The queue answers again.")
        self._failed_looks = 0
        with self._guard:
            self._problem = ""

    def _make_rounds(self) -> None:
        while not clock.stop_requested():
            self._end_round()
            with contextlib.suppress(Interrupted):
                clock.sleep(ROUND_SECONDS)

    def _end_round(self) -> None:
        """Make a round with the results since the last one. A round that fails ends nothing."""
        with self._guard:
            results, self._results = self._results, []
        try:
            self._make_round(results)
        except Exception as error:  # noqa: BLE001  (who looks on ends nothing: promise 14)
            log.warning("Messages or metrics are behind: %s", describe(error))
