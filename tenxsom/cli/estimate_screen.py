"""Renders a dry run: what jobs would be, and cost, on every service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenxsom.cli.run import Result, table
from tenxsom.model import money
from tenxsom.pipeline.estimate import Estimate, Offer
from tenxsom.text import shortened


def estimates(found: Sequence[Estimate]) -> Result:
    """Render a dry run: the segments of every plan, their clips, and the cost on every service."""
    total = sum((one.usd for one in found), money.ZERO)
    missing = _same_obstacles(found)
    texts = [_estimate_text(one, missing) for one in found]
    if len(found) > 1:
        texts += ["\n".join(missing)] if missing else []
        texts.append(f"{len(found)} jobs, {money.shown(total)} for the clips in all. Nothing was written or ordered.")
    return Result(
        0,
        lambda: {"dry_run": True, "estimated_usd": money.text(total), "jobs": [_estimate_document(one) for one in found]},
        "\n\n".join(texts),
    )


def _same_obstacles(found: Sequence[Estimate]) -> list[str]:
    """Return why services cannot make any of several jobs, such as a missing key: it is said once for all of them."""
    reasons = [{_reason(offer) for offer in one.offers if offer.obstacle} for one in found]
    return sorted(set.intersection(*reasons)) if len(reasons) > 1 else []


def _estimate_text(one: Estimate, said_elsewhere: Sequence[str]) -> str:
    order, blueprint, job = one.order, one.blueprint, one.job
    made = sum(clip.seconds for clip in job.clips)
    count = f"{len(job.clips)} clip{'s' * (len(job.clips) != 1)}"
    lines = [f"{job.content_id}: {job.title}"]
    lines.append(f"{order.route.describe()}, {order.shape}, {count}, {made:g} s, {money.shown(one.usd)}")
    lines += [*one.notes, *blueprint.warnings]
    lines.append(f"planned {blueprint.planner.words}" + (f" ({blueprint.planner.reason})" if blueprint.planner.reason else ""))
    segments = blueprint.video_plan.script_segments
    rows = [(part.time, part.segment_type, f"{part.duration:g}", shortened(part.content, 70)) for part in segments]
    plan = table(("TIME", "SEGMENT", "SECONDS", "WORDS"), rows, right=(2,))
    return "\n\n".join(["\n".join(lines), plan, _offers_text(one, said_elsewhere)])


def _offers_text(one: Estimate, said_elsewhere: Sequence[str]) -> str:
    """Render the job on every service: its clips and cost there, or the reason why it is impossible."""
    rows = []
    for offer in one.offers:
        made = offer.job.clips if offer.job else []
        clips = f"{len(made)} × {made[0].aspect_ratio}" if made else "–"
        seconds = f"{sum(clip.seconds for clip in made):g}" if made else "–"
        words = " ".join(filter(None, (made[0].model, made[0].resolution))) if made else ""
        cost = "–" if offer.usd is None else money.shown(offer.usd)
        can = "" if made and not offer.obstacle else "not now" if made else "no"
        note = ", ".join(filter(None, ("chosen" if offer.service == one.order.service else "", can)))
        rows.append((offer.service, words, made[0].start_frame if made else "–", clips, seconds, cost, note))
    listing = table(("SERVICE", "MODEL", "START FRAME", "CLIPS", "SECONDS", "COST", ""), rows, right=(4, 5))
    reasons = [reason for offer in one.offers if offer.obstacle and (reason := _reason(offer)) not in said_elsewhere]
    return "\n\n".join([listing, *(["\n".join(reasons)] if reasons else [])])


def _estimate_document(one: Estimate) -> dict[str, Any]:
    order, job = one.order, one.job
    return {
        "content_id": job.content_id,
        "service": order.service,
        "route": job.route.as_dict(),
        "aspect_ratio": order.shape,
        "estimated_usd": money.text(one.usd),
        "planning_usd": one.blueprint.planner.cost_usd,
        "notes": one.notes,
        "clips": [{"asked_seconds": clip.asked_seconds, "seconds": clip.seconds, "prompt": clip.prompt} for clip in job.clips],
        "services": [_offer_document(offer) for offer in one.offers],
        "blueprint": one.blueprint.as_dict(),
    }


def _reason(offer: Offer) -> str:
    """Return a sentence about why a service cannot make the job, after the name of the service."""
    words = offer.obstacle.rstrip(".")
    named = words.removeprefix(f"{offer.service} ")
    return f"{offer.service}: {words if named == words else f'it {named}'}."


def _offer_document(offer: Offer) -> dict[str, Any]:
    made = offer.job.clips if offer.job else []
    return {
        "service": offer.service,
        "clips": len(made),
        "seconds": sum(clip.seconds for clip in made) if made else None,
        "aspect_ratio": made[0].aspect_ratio if made else None,
        "estimated_usd": None if offer.usd is None else money.text(offer.usd),
        "obstacle": offer.obstacle or None,
    }
