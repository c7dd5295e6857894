"""What every ledger says about a budget that does not cover a purchase."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tenxsom.errors import OverBudget
from tenxsom.model.money import shown
from tenxsom.store.base import Purchase


def over_budget(wanted: Sequence[Purchase], used: Decimal, budget: Decimal) -> OverBudget:
    """Return the error of purchases that would pass the day's budget, of which so much is used."""
    return OverBudget(
        f"{' and '.join(f'{shown(each.usd)} for {each.step}' for each in wanted)} would pass today's budget"
        f"{' for rehearsals' if wanted[0].rehearsal else ''}: {shown(used)} of {shown(budget)} are used."
        " The job is queued and goes on by itself tomorrow (UTC), or as soon as DAILY_BUDGET_USD allows it."
    )
