"""Renders one job: its facts, its files, its clips, and what has happened to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tenxsom import clock
from tenxsom.cli.layout import joined_blocks, width, wrapped
from tenxsom.cli.render import cost, places
from tenxsom.cli.run import Result, table
from tenxsom.model.clip import DECISION, Clip
from tenxsom.model.ids import masked_id
from tenxsom.model.parts import UnexpectedRecord
from tenxsom.pipeline import job_story
from tenxsom.pipeline.job_story import Next, StoryLine
from tenxsom.pipeline.results import JobResult
from tenxsom.quantities import duration
from tenxsom.text import shortened


def job(document: dict[str, Any], result: JobResult, clips: Sequence[Clip]) -> Result:
    """Render one job: its facts, cost, files and notes, the progress of `clips`, and the audit trail."""
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
    facts += [("cost", cost(result.cost_usd)), *((f"{label}_file", place) for label, place in places(result))]
    facts += [("open_call", _open_call(clip)) for clip in clips if clip.intent]
    kept = [(clip["index"], answer) for clip in document.get("clips", []) for answer in clip.get("answers", [])[-1:]]
    facts += [("answered", _answered(index, answer)) for index, answer in kept]
    facts += [("clip_error", f"clip {clip.index + 1}: {masked_id(clip.error)}") for clip in clips if clip.error]
    if unexpected := document.get("unexpected"):
        facts.append(("unexpected", _unexpected(UnexpectedRecord.from_dict(unexpected))))
    facts += [("note", warning) for warning in result.warnings]
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
    rows = [
        (part["time"], part["segment_type"], shortened(part["content"], 90), shortened(part["visual_cue"], 90)) for part in segments
    ]
    return table(("TIME", "SEGMENT", "WORDS", "PICTURE"), rows)


def _story(story: Sequence[StoryLine]) -> str:
    """Render the timeline of a job: each event with the wait before it, and what it cost."""
    rows = []
    for line in story:
        detail = shortened(line.detail, 90)
        if line.times > 1:
            detail = f"{detail} ({line.times} times, last at {line.until})".lstrip()
        rows.append(
            (line.time, "" if line.waited_seconds < 1 else duration(line.waited_seconds), line.event, cost(line.usd), detail)
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
    return f"{answer['step']} of clip {index + 1}: HTTP {answer['status']}{ids}: {shortened(' '.join(answer['text'].split()), 300)}"


def _open_call(clip: Clip) -> str:
    """Describe a paid call of unknown outcome, so that it can be found in the service's own list."""
    call = clip.intent
    return f"{call.step} of clip {clip.index + 1}, {cost(call.usd)}, {call.at}, reference {call.reference}" if call else ""


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
