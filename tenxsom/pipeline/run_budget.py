"""Limits what one run orders: jobs are admitted in their order, until one would pass the limit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tenxsom.errors import TenxsomError
from tenxsom.model.job import JobState
from tenxsom.model.money import ZERO, shown, usd
from tenxsom.pipeline.intake import Order
from tenxsom.pipeline.results import NOT_STARTED, JobResult

ALL_ORDERED = frozenset({JobState.WAITING.value, JobState.COMPLETED.value, JobState.FAILED.value, JobState.CANCELLED.value})
"""The states of jobs that order nothing more, so that their real cost is known."""


class RunBudget:
    """The limit of a run. What a job will cost is its estimate until everything of it is ordered, then what it has cost.

    `admit` and `note` are called under one lock.
    """

    def __init__(self, limit: Decimal, price_of: Callable[[Order], Decimal], cost_before: Callable[[Order], Decimal]) -> None:
        """`price_of` tells what an order will cost from now on, `cost_before` what its job has cost in earlier runs."""
        self._limit, self._price_of, self._cost_before = limit, price_of, cost_before
        self._costs: dict[str, tuple[Decimal, Decimal]] = {}
        self._passed = ""

    def admit(self, order: Order) -> str:
        """Return why a job must not start; empty where it may. After the first that must not, no other job starts."""
        if self._passed:
            return f"It was not started, because {self._passed} before it would pass --max-cost."
        try:
            price, used = self._price_of(order), self._used()
        except TenxsomError as error:
            return f"It was not started, because nobody can say what it would cost: {error}"
        if used + price <= self._limit:
            self._costs[order.definition.content_id] = price, self._cost_before(order)
            return ""
        self._passed = order.definition.content_id
        return (
            f"It was not started: about {shown(price)} would pass --max-cost, {shown(used)} of {shown(self._limit)} is used."
            " Run the same again to go on from here."
        )

    def note(self, result: JobResult) -> None:
        """Take what an admitted job has cost in place of its estimate, once it orders nothing more."""
        price, before = self._costs.get(result.content_id, (ZERO, ZERO))
        cost = usd(result.cost_usd) - before if result.cost_usd else ZERO
        self._costs[result.content_id] = (cost if result.state in ALL_ORDERED else max(price, cost)), before

    def _used(self) -> Decimal:
        return sum((cost for cost, _ in self._costs.values()), ZERO)


def not_started(order: Order, why: str) -> JobResult:
    """Return the result of a job that was not admitted: somebody decides whether more is spent."""
    return JobResult(order.definition.content_id, NOT_STARTED, 3, why, service=order.service, standing=order.standing)
