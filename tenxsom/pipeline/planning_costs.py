"""Books the cost of planning. It is known only afterwards, so the highest possible cost is reserved first."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from tenxsom import clock
from tenxsom.errors import BadInput, OverBudget, PlanFailed
from tenxsom.model.job import JobState
from tenxsom.model.money import ZERO, text, usd
from tenxsom.pipeline.spend import check_cap
from tenxsom.planning.model_service import ServiceFailed
from tenxsom.store.base import RELEASED, SPENT, UNKNOWN, Claim, Purchase, SpendLedger

Plan = TypeVar("Plan")


class PlanningCosts:
    """Books plans in the ledger, within the job's own cap and the day's budget."""

    def __init__(self, ledger: SpendLedger, rehearsal: bool = False) -> None:
        """`rehearsal`: the planner costs nothing, because its address is not the vendor's own."""
        self._ledger = ledger
        self._rehearsal = rehearsal

    def pay(self, claim: Claim, most: Decimal, plan: Callable[[], tuple[Plan, Decimal]]) -> Plan:
        """Call `plan()`, which returns the plan and its cost, at most `most`, and book the cost.

        Each call has its own reference: planning repeated after a crash costs twice. Raises OverBudget before the call when the
        job's cap or today's budget does not cover it; the job then waits on the queue. A failed call is booked with what it
        cost, and one that was interrupted as unknown, because it may be billed.
        """
        job = claim.job
        reference = f"{job.run_id}.plan.{uuid.uuid4().hex[:8]}"
        purchase = Purchase(reference, job.content_id, "planner", "plan", 0, most, self._rehearsal)
        if most > ZERO:
            self._reserve(claim, purchase)
        try:
            made, cost = plan()
        except ServiceFailed as failure:
            self._book(claim, purchase, usd(failure.record.cost_usd))
            raise
        except (BadInput, PlanFailed):
            self._book(claim, purchase, ZERO)
            raise
        except BaseException:  # the service may bill what was interrupted
            if most > ZERO:
                self._ledger.settle(purchase, UNKNOWN)
            raise
        self._book(claim, purchase, cost)
        return made

    def _book(self, claim: Claim, purchase: Purchase, cost: Decimal) -> None:
        if cost > ZERO:
            line = {"reference": purchase.reference, "step": "plan", "clip": None, "usd": text(cost), "entry": SPENT}
            claim.job.spend.append(line | ({"rehearsal": True} if self._rehearsal else {}))
            self._ledger.settle(purchase._replace(usd=cost), SPENT, day=clock.day())
        elif purchase.usd > ZERO:
            self._ledger.settle(purchase, RELEASED)

    def _reserve(self, claim: Claim, purchase: Purchase) -> None:
        job = claim.job
        try:
            check_cap(job, purchase)
            self._ledger.reserve(purchase)
        except OverBudget as error:
            if job.state != JobState.OVER_BUDGET:
                job.state = JobState.OVER_BUDGET
                job.record("over_budget", str(error))
                claim.save()
            raise
        job.state = JobState.ACCEPTED
