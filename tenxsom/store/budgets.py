"""What all ledgers have alike: the line that counts for a reference, and what is said about a budget that is too small."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tenxsom.errors import OverBudget
from tenxsom.model.money import ZERO, shown
from tenxsom.store.base import RELEASED, Purchase


class LastLine(NamedTuple):
    """The last line of a reference, which is the one that counts."""

    day: str
    entry: str
    usd: Decimal
    rehearsal: bool

    @property
    def counted(self) -> Decimal:
        """Return the amount that counts against the budget of its day."""
        return ZERO if self.entry == RELEASED else self.usd


def over_budget(wanted: Sequence[Purchase], used: Decimal, budget: Decimal) -> OverBudget:
    """Return the error of purchases that would pass the day's budget, of which so much is used."""
    return OverBudget(
        f"{' and '.join(f'{shown(each.usd)} for {each.step}' for each in wanted)} would pass today's budget"
        f"{' for rehearsals' if wanted[0].rehearsal else ''}: {shown(used)} of {shown(budget)} are used."
        " The job is queued and goes on by itself tomorrow (UTC), or as soon as DAILY_BUDGET_USD allows it."
    )
