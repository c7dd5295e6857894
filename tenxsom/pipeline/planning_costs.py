"""What planning costs. Its price is known only afterwards, so the most that it can cost is set aside before anything is asked."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from tenxsom import clock
from tenxsom.errors import OverBudget
from tenxsom.model.job import State
from tenxsom.model.money import ZERO, text
from tenxsom.pipeline.spend import check_cap
from tenxsom.store.base import RELEASED, SPENT, Claim, Purchase, SpendLedger

Plan = TypeVar("Plan")


class PlanningCosts:
    """Books plans in the ledger, within the job's own cap and the day's budget."""

    def __init__(self, ledger: SpendLedger, rehearsal: bool = False) -> None:
        """`rehearsal` says that the planner costs nobody anything: its address is not the vendor's own."""
        self._ledger = ledger
        self._rehearsal = rehearsal

    def pay(self, claim: Claim, most: Decimal, plan: Callable[[], tuple[Plan, Decimal]]) -> Plan:
        """Plan: `plan()` returns the plan and what it has cost, at most `most`.

        Each time under a reference of its own: planning that a crash made necessary twice has cost twice. Raises OverBudget
        before anything is asked when the job's cap or today's budget does not hold it; the job then waits on the queue.
        """
        job = claim.job
        reference = f"{job.run_id}.plan.{uuid.uuid4().hex[:8]}"
        purchase = Purchase(reference, job.content_id, "planner", "plan", 0, most, self._rehearsal)
        if most > ZERO:
            self._reserve(claim, purchase)
        try:
            made, cost = plan()
        except BaseException:  # whatever it was: nothing that is known was spent, and the caller gets to see it
            if most > ZERO:
                self._ledger.settle(purchase, RELEASED)
            raise
        if cost > ZERO:
            job.spend.append({"reference": purchase.reference, "step": "plan", "clip": None, "usd": text(cost), "entry": SPENT})
            self._ledger.settle(purchase._replace(usd=cost), SPENT, day=clock.day())
        elif most > ZERO:
            self._ledger.settle(purchase, RELEASED)
        return made

    def _reserve(self, claim: Claim, purchase: Purchase) -> None:
        job = claim.job
        try:
            check_cap(job, purchase)
            self._ledger.reserve(purchase)
        except OverBudget as error:
            if job.state != State.OVER_BUDGET:
                job.state = State.OVER_BUDGET
                job.record("over_budget", str(error))
                claim.save()
            raise
        job.state = State.ACCEPTED
