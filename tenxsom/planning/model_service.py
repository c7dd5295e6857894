"""What every planning service has in common: the protocol, the bill, the deadline, and how a failure is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar

from tenxsom import clock
from tenxsom.errors import PlanFailed
from tenxsom.model.blueprint import PlannerRecord

ServiceName = Literal["claude_on_vertex", "anthropic", "gemini_on_vertex", "openai_compatible"]
Result = TypeVar("Result")
Turn = Mapping[str, str]
PriceEntry = dict[str, Any]
"""The published prices of a model: an entry of `planners` in templates/prices.json."""
"""One message of a conversation: its `role` (user or assistant) and its `content`."""

MAX_TOKENS = 16_000
"""Enough for 60 segments and for a model's thinking; Claude's library requires streaming above 21,333."""
MOST_PROMPT_TOKENS = 40_000
"""More than the longest request, which contains a refused plan."""

TRIES = 2
"""Requests for one response. The local planner can replace a plan, so a busy service is not waited for longer."""
PAUSE_SECONDS = 1.0
LEAST_SECONDS = 5.0
"""The least remaining time for another attempt."""

_STOP_CHECK_SECONDS = 0.25
MOST_COUNTED_TOKENS = 10_000_000
"""A service that counts more tokens in one response, or fewer than none, has miscounted: the most that is possible is booked."""
_MOST = {"input_tokens": MOST_PROMPT_TOKENS, "output_tokens": MAX_TOKENS}
_USAGE = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class ServiceFailed(PlanFailed):
    """A planning service has no plan. `record` has the cost of the attempt.

    `about_the_job` is true when the service responded with an unusable plan, so that the next job may succeed. Otherwise the next
    job will get the same error.
    """

    def __init__(self, message: str, record: PlannerRecord, warnings: Sequence[str] = (), about_the_job: bool = False) -> None:
        super().__init__(message)
        self.record, self.warnings, self.about_the_job = record, list(warnings), about_the_job


class AnswerUnusable(PlanFailed):
    """A planning service responded without a plan."""


class Bill:
    """The usage of one plan's requests so far; written by the requesting thread, read by the waiting one."""

    def __init__(self) -> None:
        self.requests = 0
        self.answers = 0
        self.usage = dict.fromkeys(_USAGE, 0)

    def add(self, usage: Any) -> None:
        """Add the tokens of a response, by their names in Claude's API."""
        for name in _USAGE:
            tokens = usage.get(name) if isinstance(usage, dict) else None
            if isinstance(tokens, int) and not isinstance(tokens, bool):
                self.usage[name] += tokens if 0 <= tokens <= MOST_COUNTED_TOKENS else _MOST.get(name, 0)


class ModelService(Protocol):
    """A language model that answers in JSON. Thread-safe, and reusable."""

    name: ServiceName
    title: str
    """Its name in messages, such as `Claude on Vertex AI`."""
    model: str
    stronger: str
    """What to do when the model's plans are unusable: the end of a sentence."""

    def answer(self, system: str, talk: Sequence[Turn], schema: dict[str, Any], bill: Bill, deadline: clock.Deadline) -> str:
        """Return the text of one complete response, JSON by `schema`. Transient errors are retried until the deadline.

        Counts every request in `bill`, and the tokens of every response. Raises AnswerUnusable for a response that was refused
        or cut, and PlanFailed, AccountError or NotSent with the remedy for every other failure.
        """
        ...

    def cost(self, usage: Mapping[str, int]) -> Decimal | None:
        """Return what `usage` costs in US dollars; None where the model's price is unknown."""
        ...

    def warnings(self) -> list[str]:
        """Return what a user should know about the responses so far."""
        ...


def within(deadline: clock.Deadline, title: str, work: Callable[[], Result]) -> Result:
    """Return the result of `work`; raise PlanFailed when the deadline passes first.

    The libraries' timeouts bound silence, not duration: name look-ups have none, and a server may send a byte per second. So the
    work runs in a daemon thread, which is abandoned at the deadline and ends by its own timeouts. A stop request (TERM, INT)
    does not wait for it either: the next run plans again.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - carried over to the waiting thread, which lets it pass
            future.set_exception(error)

    threading.Thread(target=run, name="planner", daemon=True).start()
    while not deadline.passed():
        wait([future], timeout=min(deadline.left(), _STOP_CHECK_SECONDS))
        if future.done():
            return future.result()
        clock.check_stop()
    raise PlanFailed(out_of_time(title))


def free_form_rules(schema: dict[str, Any]) -> str:
    """Return the addition to the brief for a service without structured outputs."""
    return f"\n\n# The answer\nAnswer with one JSON object and nothing else. It must fit this JSON Schema:\n{json.dumps(schema)}"


def out_of_time(title: str) -> str:
    return f"{title} gave no plan in the time it has; try again later, or choose a faster model."


def time_left(deadline: clock.Deadline, title: str) -> float:
    """Return the remaining seconds; raise PlanFailed when there are none."""
    left = deadline.left()
    if left <= 0:
        raise PlanFailed(out_of_time(title))
    return left


def pause_before_retry(status: int | None, retry_after: str | None, tries: int, deadline: clock.Deadline) -> float | None:
    """Return the seconds before another attempt; None for no further attempt. `status` is None where there was no response."""
    passing = status is None or status in (408, 429) or status >= 500
    if not passing or tries >= TRIES:
        return None
    asked = retry_after or "0"
    if not asked.isdecimal():  # a date means a long pause
        return None
    pause = max(PAUSE_SECONDS, float(asked))
    return pause if pause + LEAST_SECONDS <= deadline.left() else None
