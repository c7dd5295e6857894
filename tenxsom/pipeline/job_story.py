"""The story of one job: what happened when, what it cost, how long it waited, and what happens next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.model.ids import masked_id
from tenxsom.pipeline.queue_view import queued_job
from tenxsom.store.base import RELEASED


class StoryLine(NamedTuple):
    """One event of a job, or several alike in a row."""

    time: str
    """UTC, ISO 8601: of the first one."""
    event: str
    detail: str
    waited_seconds: float
    """The seconds since the event before."""
    usd: str | None
    """What a paid call costs that begins here, in US dollars."""
    times: int = 1
    """How often it happened in a row, with nothing in between."""
    until: str | None = None
    """When it happened last, if it happened several times."""


class Next(NamedTuple):
    """What happens next to a job on the queue."""

    sentence: str
    command: str | None
    at: str | None


def lines(document: Mapping[str, Any]) -> list[StoryLine]:
    """Return the story of a job's document: its state, or its final report. Repeated events are told once, with a count."""
    prices = {line["reference"]: line for line in _spend(document) if line.get("reference")}
    told: list[StoryLine] = []
    before = document.get("submit_time") or (document.get("times") or {}).get("accepted")
    for entry in document.get("history", []):
        line = _line(entry, before, prices)
        before = entry["time"]
        place = next((place for place in (-1, -2) if len(told) >= -place and _is_again(line, told[place])), None)
        if place is None:
            told.append(line)
        else:
            told[place] = told[place]._replace(times=told[place].times + 1, until=line.time)
    return told


def _is_again(line: StoryLine, before: StoryLine) -> bool:
    """Return whether a line says what was said before. A call that was tried and refused again and again are two such lines."""
    return (before.event, before.detail, before.usd, line.usd) == (line.event, line.detail, None, None)


def next_of(document: Mapping[str, Any]) -> Next | None:
    """Return what happens next; None for a job that has ended."""
    if "submit_time" not in document:
        return None
    job = queued_job(document)
    return Next(job.waits_for, job.command, job.next_at)


def _line(entry: Mapping[str, Any], before: str | None, prices: Mapping[str, Mapping[str, Any]]) -> StoryLine:
    waited = max(0.0, (clock.parse(entry["time"]) - clock.parse(before)).total_seconds()) if before else 0.0
    call = prices.get(entry.get("reference", "")) if entry["event"] == "intent" else None
    usd = call["usd"] if call and call["entry"] != RELEASED else None
    return StoryLine(entry["time"], entry["event"], masked_id(str(entry.get("detail", ""))) or "", round(waited, 3), usd)


def _spend(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the costs of a job: of its state, or of its report."""
    return list(document.get("spend") or (document.get("cost") or {}).get("items", []))
