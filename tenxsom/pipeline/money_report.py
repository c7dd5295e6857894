"""What was spent, on what, against the budget: one reading of the ledger for every screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.errors import BadInput, BrokenState, DiskError
from tenxsom.model import money
from tenxsom.model.money import ZERO
from tenxsom.pipeline.ended import tags_of
from tenxsom.spelling import did_you_mean
from tenxsom.store.base import RELEASED, RESERVED, SUMMED, UNKNOWN, Artifacts, DayTotals, JobStore, SpendLedger

GROUPS = ("day", "month", "service", "step", "archetype", "tag")
NOT_KNOWN = "(not known)"
"""The key of what a group cannot tell: a job whose report is gone; a sum without steps."""
NO_TAG = "(no tag)"


class JobTraits(NamedTuple):
    """What a job's costs are grouped by beside the ledger's own facts."""

    archetype: str | None
    tags: tuple[str, ...]


class CostRow(NamedTuple):
    """The cost of one group."""

    key: str
    usd: Decimal
    """Everything that counts: spent, reserved and unknown."""
    unsettled_usd: Decimal
    """The part of it that is reserved or unknown."""
    calls: int

    def as_dict(self, by: str) -> dict[str, Any]:
        usd = {"usd": money.text(self.usd), "unsettled_usd": money.text(self.unsettled_usd)}
        return {"key": self.key, by: self.key, **usd, "calls": self.calls}


class Costs(NamedTuple):
    """The costs of a period, by one group."""

    by: str
    since: str
    """The first day, in UTC."""
    rows: list[CostRow]
    total_usd: Decimal
    """The sum of all calls. With `tag` a job counts in each of its tags, so the rows may be more."""
    budget_usd: Decimal | None
    rehearsal: bool
    """Whether these are rehearsals, which nobody bills."""
    series: dict[str, dict[str, Decimal]]
    """By day and service, for plots."""


class Today(NamedTuple):
    """The money of this UTC day against the budget."""

    day: str
    budget_usd: Decimal | None
    totals: DayTotals
    rehearsal: DayTotals

    def as_dict(self) -> dict[str, Any]:
        parts = {f"{name}_usd": money.text(amount) for name, amount in self.totals._asdict().items()}
        budget = None if self.budget_usd is None else money.text(self.budget_usd)
        return {"day": self.day, "budget_usd": budget, **parts, "rehearsal_usd": money.text(self.rehearsal.used)}


class _Line(NamedTuple):
    """What the costs need of the last line of a call."""

    day: str
    service: str
    step: str
    content_id: str
    usd: Decimal
    is_settled: bool
    calls: int


def today(ledger: SpendLedger) -> Today:
    """Return today's money."""
    day = clock.day()
    return Today(day, ledger.daily_budget, ledger.totals(day), ledger.totals(day, rehearsal=True))


def costs(
    ledger: SpendLedger,
    traits_of: Callable[[str], JobTraits],
    since: datetime,
    *,
    by: str = "day",
    tag: str | None = None,
    rehearsals: bool | None = None,
) -> Costs:
    """Return the costs since a day, by a group of GROUPS, optionally only of jobs with a tag.

    Without `rehearsals` they are the real money, and those of rehearsals where nothing else was made. Raises BadInput for a tag
    that no job of the period has.
    """
    first = since.date().isoformat()
    real, rehearsed = _last_lines(ledger.lines(first))
    is_rehearsal = bool(rehearsed) and not real if rehearsals is None else rehearsals
    lines = list((rehearsed if is_rehearsal else real).values())
    if tag is not None:
        lines = _with_tag(lines, tag, traits_of)
    rows: dict[str, list[_Line]] = {}
    series: dict[str, dict[str, Decimal]] = {}
    for line in lines:
        for key in _keys(line, by, traits_of):
            rows.setdefault(key, []).append(line)
        of_day = series.setdefault(line.day, {})
        of_day[line.service] = of_day.get(line.service, ZERO) + line.usd
    made = [_row(key, members) for key, members in rows.items()]
    made.sort(key=(lambda row: row.key) if by in ("day", "month") else (lambda row: (-row.usd, row.key)))
    return Costs(by, first, made, sum((line.usd for line in lines), ZERO), ledger.daily_budget, is_rehearsal, series)


def traits(store: JobStore, artifacts: Artifacts) -> Callable[[str], JobTraits]:
    """Return a function that looks up a job's traits, on the queue or ended, once for each job."""
    known: dict[str, JobTraits] = {}

    def traits_of(content_id: str) -> JobTraits:
        if content_id not in known:
            known[content_id] = _traits(store, artifacts, content_id)
        return known[content_id]

    return traits_of


def _traits(store: JobStore, artifacts: Artifacts, content_id: str) -> JobTraits:
    try:
        job = store.load(content_id)
        if job:
            return JobTraits(job.definition.archetype or None, tags_of(job.definition.metadata))
        report = artifacts.final_report(content_id)
    except (BrokenState, DiskError, BadInput):  # an unreadable job, or a line that another program wrote
        report = None
    return JobTraits(report.get("archetype"), tags_of(report.get("metadata"))) if report else JobTraits(None, ())


def _last_lines(lines: Iterable[Mapping[str, Any]]) -> tuple[dict[str, _Line], dict[str, _Line]]:
    """Return the calls that count, by reference: those of real money, and those of rehearsals."""
    found: tuple[dict[str, _Line], dict[str, _Line]] = ({}, {})
    for line in lines:
        calls = found[line.get("rehearsal") is True]
        calls.pop(line["reference"], None)
        if line["entry"] != RELEASED:
            calls[line["reference"]] = _line(line)
    return found


def _line(line: Mapping[str, Any]) -> _Line:
    is_sum = line["entry"] == SUMMED
    return _Line(
        line["day"],
        str(line.get("service") or NOT_KNOWN),
        NOT_KNOWN if is_sum else str(line.get("step") or NOT_KNOWN),
        str(line.get("content_id") or ""),
        money.stored(line["usd"]),
        line["entry"] not in (RESERVED, UNKNOWN),
        int(line.get("calls", 0)) if is_sum else 1,
    )


def _keys(line: _Line, by: str, traits_of: Callable[[str], JobTraits]) -> tuple[str, ...]:
    if by in ("day", "service", "step"):
        return (getattr(line, by),)
    if by == "month":
        return (line.day[:7],)
    found = traits_of(line.content_id) if line.content_id else JobTraits(None, ())
    if by == "archetype":
        return (found.archetype or NOT_KNOWN,)
    return found.tags or (NO_TAG if found.archetype else NOT_KNOWN,)


def _with_tag(lines: list[_Line], tag: str, traits_of: Callable[[str], JobTraits]) -> list[_Line]:
    tags_of_line = [traits_of(line.content_id).tags if line.content_id else () for line in lines]
    known = sorted({each for tags in tags_of_line for each in tags})
    if tag not in known:
        there = f" Known are {', '.join(known[:20])}." if known else " No job of this period has tags (metadata.tags)."
        raise BadInput(f"No job of this period has the tag {tag[:60]!r}.{did_you_mean(tag, known)}{there}")
    return [line for line, tags in zip(lines, tags_of_line, strict=True) if tag in tags]


def _row(key: str, lines: list[_Line]) -> CostRow:
    usd = sum((line.usd for line in lines), ZERO)
    unsettled = sum((line.usd for line in lines if not line.is_settled), ZERO)
    return CostRow(key, usd, unsettled, sum(line.calls for line in lines))
