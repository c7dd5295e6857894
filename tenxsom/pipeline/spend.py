"""What a job has cost, line by line, as its state file and its report tell it."""

from __future__ import annotations

from decimal import Decimal

from tenxsom.model.job import VideoJob
from tenxsom.model.money import ZERO, text, usd
from tenxsom.store.ledger import RELEASED, Purchase


def book(job: VideoJob, purchase: Purchase, entry: str) -> None:
    """Note in the job's own spend what became of a purchase; one line a purchase."""
    for line in job.spend:
        if line["reference"] == purchase.reference:
            line["entry"] = entry
            return
    facts = {"reference": purchase.reference, "step": purchase.step, "clip": purchase.clip}
    job.spend.append({**facts, "usd": text(purchase.usd), "entry": entry})


def spent_usd(job: VideoJob, but: str = "") -> Decimal:
    """What a job has cost so far, unclear calls and open reservations included; without the reference `but`."""
    return sum((usd(line["usd"]) for line in job.spend if line["entry"] != RELEASED and line["reference"] != but), ZERO)
