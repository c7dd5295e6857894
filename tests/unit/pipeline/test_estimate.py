"""A dry run warns of budgets before anything is ordered."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from tenxsom.pipeline.estimate import money_notes


def estimated(price: str, cap: str | None = None, is_held: bool = False) -> Any:
    definition = SimpleNamespace(max_cost_usd=cap)
    return SimpleNamespace(usd=Decimal(price), order=SimpleNamespace(definition=definition), job=SimpleNamespace(is_held=is_held))


def test_a_price_above_the_jobs_own_cap_is_warned_of():
    ((told,), nothing) = money_notes([estimated("2.50", "2"), estimated("2", "2")], None)
    assert "$2.50 would pass its max_cost_usd, $2.00" in told
    assert nothing == []


def test_a_batch_that_passes_what_is_left_of_the_day_is_warned_of_job_by_job():
    first, second, third = money_notes([estimated("4"), estimated("7"), estimated("0")], Decimal(10))
    assert (first, third) == ([], [])
    assert "$7.00, after $4.00 for the jobs before it, would pass what is left of today's budget, $10.00" in second[0]


def test_a_job_of_another_day_is_not_paid_out_of_this_days_budget():
    held, last = money_notes([estimated("9", is_held=True), estimated("7")], Decimal(8))
    assert held == last == []


def test_without_a_budget_nothing_is_warned_of():
    assert money_notes([estimated("1000")], None) == [[]]
