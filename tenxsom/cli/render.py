"""Renders results and estimates as tables for people and as documents for programs."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tenxsom import clock
from tenxsom.cli.layout import joined_blocks, width, wrapped
from tenxsom.cli.run import Result, table
from tenxsom.model import money
from tenxsom.model.clip import DECISION, Clip
from tenxsom.model.ids import masked_id
from tenxsom.model.job import JobState
from tenxsom.model.parts import UnexpectedRecord
from tenxsom.pipeline import job_story
from tenxsom.pipeline.intake import SubmissionCheck
from tenxsom.pipeline.job_story import Next, StoryLine
from tenxsom.pipeline.orders import PaidCall
from tenxsom.pipeline.results import ALREADY_KNOWN, JobResult, worst
from tenxsom.pipeline.run_budget import NOT_STARTED
from tenxsom.quantities import duration
from tenxsom.text import shortened

if TYPE_CHECKING:
    from tenxsom.pipeline.estimate import Estimate, Offer

WORDS = {
    "accepted": "accepted, goes on with the next tick",
    "submitting": "on its way, goes on with the next tick",
    "waiting": "at the service, collected by the next ticks",
    "over_budget": "waits for the budget",
    "submit_unknown": "waits for your decision",
    "needs_decision": "waits for your decision",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "refused": "refused, see below",
    NOT_STARTED: NOT_STARTED,
}
"""The states of a job in the words of the tables."""

LEAST_REPEATS = 3
"""Of so many jobs what is the same is said once."""

HELD = "accepted, waits for its time (not_before)"

LONG_BATCH = 10
"""With more jobs a run tells of those only that need attention."""

MOST_NAMES = 6
"""How many jobs are named of which the same is said; of more only the first and the last."""


def job_results(results: Sequence[JobResult], left_out: Sequence[str] = (), *, of_a_batch: bool = False) -> Result:
    """Render the results of a run: one row per job, their messages, and the paths of the files.

    `left_out` has a sentence for each skipped file, for the document; people have seen them as notices. A batch ends with a table
    of what became of how many; a long one tells no paths, and says of known jobs only in the tables that they were known.
    """
    is_long = of_a_batch and len(results) > LONG_BATCH
    code = worst(result.exit_code for result in results)
    rows = [
        (
            result.content_id,
            _state(result),
            _maker(result.service, result.rehearsal),
            _seconds(result.seconds),
            _cost(result.cost_usd),
        )
        for result in results
    ]
    lines = [table(("JOB", "STATE", "SERVICE", "SECONDS", "COST"), rows, right=(3, 4))]
    told = [result for result in results if (_is_notable(result) if is_long else result.message or result.file or result.report)]
    lines += map(_folded, _grouped(told) if is_long else _details_of(told))
    if len(results) > 1 and of_a_batch:
        lines.append(_summary(results))
    elif len(results) > 1:
        counts = Counter(result.state for result in results)
        total = sum((money.usd(result.cost_usd) for result in results if result.cost_usd), money.ZERO)
        lines.append(
            f"{len(results)} jobs: {', '.join(f'{count} {state}' for state, count in counts.items())}; {money.shown(total)} in all."
        )
    document = {"jobs": [result.as_dict() for result in results], **({"left_out": list(left_out)} if left_out else {})}
    return Result(code, lambda: document, "\n\n".join(lines))


def _state(result: JobResult) -> str:
    return HELD if result.held_until else WORDS.get(result.state, result.state)


NOTE_COLUMNS = len("  note    ")
"""Where the text of a note begins."""


def _is_notable(result: JobResult) -> bool:
    """Return whether a job of a long batch needs more than its row."""
    is_known_and_well = result.standing in ALREADY_KNOWN and not result.exit_code
    return bool(result.exit_code or result.warnings or (result.message and not is_known_and_well))


def _details_of(results: Sequence[JobResult]) -> list[str]:
    """Return what is to be said about each job; what is the same for several that are on their way, once for all of them."""
    said = Counter(_said(result) for result in results if result.is_on_its_way and result.message)
    same = {words for words, count in said.items() if count >= LEAST_REPEATS}
    alike = [result for result in results if result.is_on_its_way and _said(result) in same]
    return [*(_details(result) for result in results if result not in alike), *_grouped(alike)]


def _folded(text: str) -> str:
    """Return the text with long lines folded at words, below where they begin, to the width of the terminal."""
    lines = []
    for line in text.splitlines():
        label = line[:NOTE_COLUMNS] if line.startswith("  note ") else line[: len(line) - len(line.lstrip())]
        first, *rest = wrapped(line[len(label) :], width(), " " * len(label)) or [""]
        lines += [label + first.lstrip(), *rest]
    return "\n".join(lines)


def _said(result: JobResult) -> tuple[str, ...]:
    return (result.message.replace(result.content_id, "CONTENT_ID"), *result.warnings)


def _grouped(results: Sequence[JobResult]) -> list[str]:
    """Return what is to be said about the jobs of a long batch, once for all of which the same is to be said."""
    groups: dict[str, list[str]] = {}
    for result in results:
        first, *rest = _details(result, with_places=False).splitlines()
        groups.setdefault("\n".join(rest).replace(result.content_id, "\0"), []).append(first)
    return [
        f"{_several(names)}\n{said.replace(chr(0), names[0] if len(names) == 1 else 'CONTENT_ID')}"
        for said, names in groups.items()
    ]


def _several(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{', '.join(names[:3])}, … {names[-1]} ({len(names)} jobs)"


def _summary(results: Sequence[JobResult]) -> str:
    """Render what became of how many jobs of a batch, and what they cost."""
    outcomes: dict[str, list[JobResult]] = {}
    for result in results:
        known = " (already known)" if result.standing in (*ALREADY_KNOWN, SubmissionCheck.FAILED) else ""
        words = _state(result).removesuffix(", see below")
        outcomes.setdefault(f"{words}{known}", []).append(result)
    rows = [_sums(words, members) for words, members in outcomes.items()]
    return table(("OUTCOME", "JOBS", "SECONDS", "COST"), [*rows, _sums("all", results)] if len(rows) > 1 else rows, right=(1, 2, 3))


def _sums(words: str, results: Sequence[JobResult]) -> tuple[str, str, str, str]:
    total = sum((money.usd(result.cost_usd) for result in results if result.cost_usd), money.ZERO)
    return words, str(len(results)), _seconds(sum(result.seconds or 0.0 for result in results) or None), money.shown(total)


def tick(results: Sequence[JobResult], left: int, paid: Sequence[PaidCall] = ()) -> Result:
    """Render the result of a tick: a row for each job that ended or needs attention, what it paid for, and the pending jobs."""
    notable = [result for result in results if result.message or not result.is_on_its_way]
    code = worst(result.exit_code for result in results)
    done = sum(result.state == JobState.COMPLETED for result in results)
    summary = f"{len(results)} checked, {done} done, {left} pending."
    text = job_results(notable).text if notable else ""

    def document() -> dict[str, Any]:
        return {
            "jobs": [result.as_dict() for result in results],
            "checked": len(results),
            "completed": done,
            "pending": left,
        } | paid_for

    paid_for = {"paid_for": [call._asdict() for call in paid]}
    spent = f"Paid for: {'; '.join(f'{call.content_id}, {call.what}' for call in paid)}." if paid else ""
    return Result(code, document, joined_blocks([text, spent, summary]))


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


def job(document: dict[str, Any], result: JobResult, clips: Sequence[Clip]) -> Result:
    """Render one job: its facts, cost and files, the progress of `clips`, and the audit trail."""
    heads = (
        "content_id",
        "title",
        "state",
        "service",
        "rehearsal",
        "job_id",
        "submit_time",
        "status_endpoint",
        "expected_file_path",
        "reason",
        "error",
    )
    facts = [(name, masked_id(str(document[name]))) for name in heads if document.get(name)]
    facts += [("cost", _cost(result.cost_usd)), *((f"{label}_file", place) for label, place in _places(result))]
    facts += [("open_call", _open_call(clip)) for clip in clips if clip.intent]
    kept = [(clip["index"], answer) for clip in document.get("clips", []) for answer in clip.get("answers", [])[-1:]]
    facts += [("answered", _answered(index, answer)) for index, answer in kept]
    facts += [("clip_error", f"clip {clip.index + 1}: {masked_id(clip.error)}") for clip in clips if clip.error]
    if unexpected := document.get("unexpected"):
        facts.append(("unexpected", _unexpected(UnexpectedRecord.from_dict(unexpected))))
    listing = table(
        ("CLIP", "SERVICE", "NEXT STEP", "DONE", "CHECKS", "NEXT LOOK"),
        [
            (
                str(clip.index + 1),
                clip.service or document["service"],
                clip.step,
                "" if clip.percent is None else f"{clip.percent:.0f} %",
                str(clip.checks),
                _next_look(clip),
            )
            for clip in clips
        ],
        right=(0, 3, 4),
    )
    story, coming = job_story.lines(document), job_story.next_of(document)
    head = "\n".join(f"{name:<20}{value}" for name, value in facts)
    texts = [head, listing if clips else "", _planned(document), _story(story), _next(coming)]

    def whole() -> dict[str, Any]:
        next_step = coming._asdict() if coming else None
        return {"job": document, "timeline": [line._asdict() for line in story], "next": next_step}

    return Result(0, whole, joined_blocks(texts))


def _planned(document: dict[str, Any]) -> str:
    """Render the plan of a job that waits for its approval; empty for others."""
    asked = document.get("approval")
    if not asked or asked["given_at"]:
        return ""
    segments = document["blueprint"]["video_plan"]["script_segments"]
    rows = [(part["time"], part["segment_type"], _short(part["content"], 90), _short(part["visual_cue"], 90)) for part in segments]
    return table(("TIME", "SEGMENT", "WORDS", "PICTURE"), rows)


def _story(story: Sequence[StoryLine]) -> str:
    """Render the timeline of a job: each event with the wait before it, and what it cost."""
    rows = []
    for line in story:
        detail = _short(line.detail, 90)
        if line.times > 1:
            detail = f"{detail} ({line.times} times, last at {line.until})".lstrip()
        rows.append(
            (line.time, "" if line.waited_seconds < 1 else duration(line.waited_seconds), line.event, _cost(line.usd), detail)
        )
    return table(("TIME", "AFTER", "EVENT", "COST", "DETAIL"), rows, right=(1, 3))


def _next(coming: Next | None) -> str:
    if coming is None:
        return ""
    typed = f"\n    → {coming.command}" if coming.command else ""
    words = coming.sentence.removeprefix("you: ")
    return "\n".join(wrapped(f"Waits for {'you: ' if coming.command else ''}{words}", width())) + typed


def _unexpected(found: UnexpectedRecord) -> str:
    return f"{found.count} times while {found.during}, last at {found.at}: {found.error} at {found.place}"


def _answered(index: int, answer: dict[str, Any]) -> str:
    """Describe the service's response to a paid call that was not clearly accepted."""
    ids = f", ids {', '.join(answer['ids'])}" if answer["ids"] else ""
    return f"{answer['step']} of clip {index + 1}: HTTP {answer['status']}{ids}: {_short(' '.join(answer['text'].split()), 300)}"


def sentence(content_id: str, words: str) -> Result:
    """Render the message of a command about one job."""
    return Result(0, lambda: {"content_id": content_id, "message": words}, words)


def raw(document: dict[str, Any]) -> Result:
    """Render a document that is itself the result."""
    return Result(0, lambda: document, json.dumps(document, ensure_ascii=False, indent=2), is_json=True)


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
    rows = [(part.time, part.segment_type, f"{part.duration:g}", _short(part.content, 70)) for part in segments]
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
    """Return why a service cannot make the job, without its name and without the full stop."""
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


def _details(result: JobResult, *, with_places: bool = True) -> str:
    lines = [result.content_id, *(f"  {label:<8}{place}" for label, place in _places(result) if with_places)]
    if result.message:
        lines.append(f"  {result.message.removeprefix(result.content_id + ': ')}")
    lines += [f"  {'note':<8}{warning}" for warning in result.warnings]
    return "\n".join(lines)


def _places(result: JobResult) -> list[tuple[str, str]]:
    """Return the paths of a job's files: video and report after its end, the state file before."""
    places = (("video", result.file), ("report", result.report)) if result.report else (("state", result.file),)
    return [(label, place) for label, place in places if place]


def _open_call(clip: Clip) -> str:
    """Describe a paid call of unknown outcome, so that it can be found in the service's own list."""
    call = clip.intent
    return f"{call.step} of clip {clip.index + 1}, {_cost(call.usd)}, {call.at}, reference {call.reference}" if call else ""


def _next_look(clip: Clip) -> str:
    """Return the time of a clip's next check, or what it waits for."""
    if clip.is_final:
        return "never"
    if clip.intent and clip.intent.unclear:
        return "when you have decided"
    if clip.hold and clip.hold != DECISION:
        return "when the budget allows"
    if clip.is_due() or not clip.next_check_at:
        return "with the next tick"
    return f"in {math.ceil(clock.seconds_until(clip.next_check_at))} s"


def _maker(service: str | None, rehearsal: bool) -> str:
    """Return the service of a job, marked if it is a rehearsal; the local studio's jobs always are rehearsals."""
    return f"{service} (rehearsal)" if rehearsal and service != "local_studio" else service or ""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _cost(value: str | None) -> str:
    return "" if value is None else money.shown(money.usd(value))


def _short(text: str, limit: int) -> str:
    return shortened(text, limit)
