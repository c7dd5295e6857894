"""Checks that a whole film can be paid before its voice and its music are: they are ordered first, and useless without clips."""

from __future__ import annotations

from decimal import Decimal
from typing import NoReturn

from tenxsom import clock
from tenxsom.errors import OverBudget
from tenxsom.model.clip import Clip
from tenxsom.model.job import JobState
from tenxsom.model.money import ZERO, shown, usd
from tenxsom.pipeline.payment import BUDGET_PAUSE_SECONDS
from tenxsom.pipeline.spend import set_aside, spent_usd
from tenxsom.store.base import Claim, SpendLedger


class Means:
    """The job's own cap and the day's budget, for everything that a film still needs."""

    def __init__(self, ledger: SpendLedger) -> None:
        self._ledger = ledger

    def check(self, claim: Claim, rest: Decimal) -> None:
        """Raise OverBudget, saved with the job, when `rest` for what is still to be made would pass its cap or today's budget.

        A film that costs more than a whole day's budget is made over several days, so only its own cap counts here.
        """
        job = claim.job
        check_cap_of_rest(claim, rest)
        self._check_day(claim, rest)
        if job.state == JobState.OVER_BUDGET and not job.clips:
            job.state = JobState.ACCEPTED

    def _check_day(self, claim: Claim, rest: Decimal) -> None:
        budget = self._ledger.daily_budget
        if budget is None or not budget >= rest > ZERO:
            return
        today = self._ledger.total(clock.day(), rehearsal=claim.job.rehearsal)
        if today + rest > budget:
            _wait(
                claim,
                f"{shown(rest)} for the whole film would pass today's budget: {shown(today)} of {shown(budget)} are used, and its"
                " voice and music are ordered only when its clips can be. The job is queued and goes on by itself tomorrow (UTC),"
                " or as soon as DAILY_BUDGET_USD allows it.",
            )


def check_cap_of_rest(claim: Claim, rest: Decimal) -> None:
    """Raise OverBudget, saved with the job, when `rest` for what is still to be made would pass the job's own cap."""
    job, cap = claim.job, claim.job.definition.max_cost_usd
    used = spent_usd(job, but=set_aside(job))
    if cap is not None and used + rest > usd(cap):
        _wait(
            claim,
            f"{shown(rest)} for what is still to be made would pass max_cost_usd: {shown(used)} of {shown(usd(cap))} is used, and"
            " nothing further is ordered. Cancel the job, raise max_cost_usd in the definition and run it again with --again.",
        )


def is_unpaid(clip: Clip) -> bool:
    """Return whether a clip is still to be ordered."""
    return not clip.is_submitted and not clip.is_final and clip.intent is None


def _wait(claim: Claim, sentence: str) -> NoReturn:
    """Leave everything that is not ordered yet to the budget's change."""
    job = claim.job
    waiting = [clip for clip in job.clips if is_unpaid(clip)]
    if any(clip.hold != "budget" for clip in waiting) or (not waiting and job.state != JobState.OVER_BUDGET):
        job.record("over_budget", sentence)
    for clip in waiting:
        clip.hold, clip.next_check_at = "budget", clock.later(BUDGET_PAUSE_SECONDS)
    if not job.clips:
        job.state = JobState.OVER_BUDGET
    job.settle_state()
    claim.save()
    raise OverBudget(sentence)
