"""Estimates the clips and the cost of a definition on every service, without writing, calling or paying anything."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tenxsom.errors import BadSettings
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.job import VideoJob
from tenxsom.model.money import ZERO, shown, usd
from tenxsom.pipeline import clips, intake
from tenxsom.pipeline.intake import Order
from tenxsom.pipeline.lookup import SubmissionCheck
from tenxsom.pipeline.prices import Prices
from tenxsom.pipeline.routing import Chooser, Route

if TYPE_CHECKING:
    from tenxsom.pipeline.cutting import Cutter


class Offer(NamedTuple):
    """The estimate of an order on one service."""

    service: str
    job: VideoJob | None
    """The planned job; None when the service cannot make it."""
    usd: Decimal | None
    obstacle: str
    """Why the service cannot make it, or what is missing; empty when it can."""


class Estimate(NamedTuple):
    """A plan, cut into clips for the chosen service, with the estimates of all services."""

    order: Order
    blueprint: Blueprint
    job: VideoJob
    usd: Decimal
    offers: list[Offer]
    notes: list[str]
    """Sentences about differences from the request."""


MADE_BEFORE = {
    SubmissionCheck.ON_ITS_WAY: "It is on its way already: submitting it carries on with that job and orders nothing twice.",
    SubmissionCheck.COMPLETED: "It has been made already: submitting it orders nothing. --again makes it a second time.",
    SubmissionCheck.FAILED: (
        "It has ended without a video: submitting it orders nothing. manage_jobs.py retry makes what is missing."
    ),
}
"""The effect of a submission whose id is not new."""


STOCK_WORDS = (
    "The definition has no words of its own, so the film speaks those of its archetype, which know only the title. Add `prompt`,"
    " whose sentences are spoken, or `script`."
)
"""What is said of a definition that the local templates plan with nothing but its title."""


def estimate(
    order: Order, blueprint: Blueprint, chooser: Chooser, prices: Prices, cutter: Cutter, *, voice_usd: Decimal = ZERO
) -> Estimate:
    """Estimate an order; `voice_usd` is about what its voice costs. Raises BadSettings when it has no price."""
    job = planned_job(order, blueprint, order.route, cutter)
    offers = [
        _offer(order, blueprint, name, route, chooser=chooser, prices=prices, cutter=cutter, voice_usd=voice_usd)
        for name, route in chooser.every(order.definition)
    ]
    choice = cutter.alternatives(job, order.route)
    start = f"It begins at {order.definition.not_before}, and waits until then." if job.is_held else ""
    stop = "It waits for your approval once it is planned." if order.definition.approve else ""
    notes = [*filter(None, [MADE_BEFORE.get(order.standing), start, stop, choice]), *clips.differences(job)]
    notes += [f"About {shown(voice_usd)} of it is the voice."] if voice_usd else []
    return Estimate(order, blueprint, job, prices.of_job(job) + voice_usd, offers, notes)


def money_notes(found: Sequence[Estimate], left_today: Decimal | None, max_usd: Decimal | None = None) -> list[list[str]]:
    """Return for each estimate what its price would pass: the job's own cap, what is left of today's budget, the run's limit.

    The estimates are ordered one after the other, except those that wait for their `not_before`. `left_today` is None without a
    budget, `max_usd` without a limit of the run.
    """
    notes: list[list[str]] = []
    before, today, has_stopped = ZERO, ZERO, False
    for one in found:
        told, cap = [], one.order.definition.max_cost_usd
        if cap is not None and one.usd > usd(cap):
            told.append(f"Warning: {shown(one.usd)} would pass its max_cost_usd, {shown(usd(cap))}.")
        if left_today is not None and one.usd and today + one.usd > left_today and not one.job.is_held:
            others = f", after {shown(today)} for the jobs before it," if today else ""
            told.append(
                f"Warning: {shown(one.usd)}{others} would pass what is left of today's budget, {shown(left_today)}; it waits."
            )
        has_stopped = has_stopped or (max_usd is not None and before + one.usd > max_usd)
        if has_stopped and max_usd is not None:
            told.append(f"Warning: it is not started, because the run would pass --max-cost, {shown(max_usd)}.")
        notes.append(told)
        before += one.usd
        today += ZERO if one.job.is_held else one.usd
    return notes


def _offer(
    order: Order,
    blueprint: Blueprint,
    name: str,
    route: Route | BadSettings,
    *,
    chooser: Chooser,
    prices: Prices,
    cutter: Cutter,
    voice_usd: Decimal,
) -> Offer:
    if isinstance(route, BadSettings):
        return Offer(name, None, None, str(route).rstrip("."))
    route = order.route if name == order.service else route._replace(start_image=order.route.start_image)
    if problems := clips.obstacles(order.definition, order.shape, route):
        return Offer(name, None, None, "; ".join(problem.message for problem in problems))
    try:
        job = planned_job(order, blueprint, route, cutter)
    except BadSettings as error:
        return Offer(name, None, None, str(error).rstrip("."))
    try:
        return Offer(name, job, prices.of_job(job) + voice_usd, chooser.missing_credentials(route) or "")
    except BadSettings as error:
        return Offer(name, job, None, str(error).rstrip("."))


def planned_job(order: Order, blueprint: Blueprint, route: Route, cutter: Cutter) -> VideoJob:
    """Return the job that an order becomes with a plan, cut into clips; it is stored nowhere."""
    job = intake.new_job(order.definition, route, "")
    job.blueprint = blueprint
    cutter.cut(job, route)
    return job
