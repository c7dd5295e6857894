"""The cost of a job, line by line, in its state file and its report."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from tenxsom.errors import OverBudget
from tenxsom.model.clip import Step
from tenxsom.model.job import VideoJob
from tenxsom.model.money import ZERO, shown, text, usd
from tenxsom.store.base import RELEASED, RESERVED, SPENT, Purchase


def book(job: VideoJob, purchase: Purchase, entry: str) -> None:
    """Record the state of a purchase in the job's own spend, one line per purchase."""
    line = next((line for line in job.spend if line["reference"] == purchase.reference), None)
    if line is None:
        line = {"reference": purchase.reference, "step": purchase.step, "clip": purchase.clip}
        job.spend.append(line)
    line |= {"usd": text(purchase.usd), "entry": entry}
    line.pop("rehearsal", None)
    if purchase.rehearsal:
        line["rehearsal"] = True


def spent_usd(job: VideoJob, but: Collection[str] = ()) -> Decimal:
    """Return the cost of a job so far, with unclear calls and reservations, except the references in `but`."""
    lines = (line for line in job.spend if line["entry"] != RELEASED and line["reference"] not in but)
    return sum((usd(line["usd"]) for line in lines), ZERO)


def note_rehearsal(job: VideoJob) -> None:
    """Set whether the job is a rehearsal: one rehearsed clip, still, voice or piece of music makes it one.

    A plan does not: nothing of it is seen or heard.
    """
    made = [line for line in job.spend if line["entry"] == SPENT and line.get("step") != "plan"]
    if any(line.get("rehearsal") for line in made):
        job.rehearsal = True
    elif any(line.get("step") == Step.REQUEST_VIDEO for line in made):
        job.rehearsal = False


def set_aside(job: VideoJob) -> set[str]:
    """Return the references of reservations whose call is not in progress."""
    open_calls = {clip.intent.reference for clip in job.orders if clip.intent}
    return {line["reference"] for line in job.spend if line["entry"] == RESERVED} - open_calls


def check_cap(job: VideoJob, *purchases: Purchase) -> None:
    """Raise OverBudget when these purchases would exceed the job's own cap, `max_cost_usd`."""
    cap = job.definition.max_cost_usd
    used = spent_usd(job, but={each.reference for each in purchases})
    if cap is not None and used + sum((each.usd for each in purchases), ZERO) > usd(cap):
        what = " and ".join(f"{shown(each.usd)} for {each.step}" for each in purchases)
        raise OverBudget(
            f"{what} would pass max_cost_usd: {shown(used)} of {shown(usd(cap))} is used."
            " Cancel the job, raise max_cost_usd in the definition and run it again with --again."
        )
