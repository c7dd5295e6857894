"""Renders the results of jobs as tables for people and as documents for programs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tenxsom.cli.layout import joined_blocks, width, wrapped
from tenxsom.cli.run import Result, table
from tenxsom.model import money
from tenxsom.model.job import JobState
from tenxsom.pipeline.lookup import SubmissionCheck
from tenxsom.pipeline.orders import PaidCall
from tenxsom.pipeline.results import ALREADY_KNOWN, NOT_STARTED, JobResult, worst

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
            cost(result.cost_usd),
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
        f"{_several(names)}\n{_of_all(said) if len(names) > 1 else said.replace(chr(0), names[0])}"
        for said, names in groups.items()
    ]


def _of_all(said: str) -> str:
    """Return what is said of several jobs, whose ids are NUL: `Each is being worked on`, `manage_jobs.py retry CONTENT_ID`."""
    return re.sub("(?m)^( *)\0(?= (?:is|has|was|waits) )", r"\1Each", said).replace("\0", "CONTENT_ID")


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
    waiting = "; none is due yet, or others work on it (manage_jobs.py status tells)" if left and not results else ""
    summary = f"{len(results)} checked, {done} done, {left} pending{waiting}."
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


def sentence(content_id: str, words: str) -> Result:
    """Render the message of a command about one job."""
    return Result(0, lambda: {"content_id": content_id, "message": words}, words)


def raw(document: dict[str, Any]) -> Result:
    """Render a document that is itself the result."""
    return Result(0, lambda: document, json.dumps(document, ensure_ascii=False, indent=2), is_json=True)


def _details(result: JobResult, *, with_places: bool = True) -> str:
    lines = [result.content_id, *(f"  {label:<8}{place}" for label, place in places(result) if with_places)]
    if result.message:
        lines.append(f"  {result.message.removeprefix(result.content_id + ': ')}")
    lines += [f"  {'note':<8}{warning}" for warning in result.warnings]
    return "\n".join(lines)


def places(result: JobResult) -> list[tuple[str, str]]:
    """Return the paths of a job's files: video and report after its end, the state file before."""
    places = (("video", result.file), ("report", result.report)) if result.report else (("state", result.file),)
    return [(label, place) for label, place in places if place]


def _maker(service: str | None, rehearsal: bool) -> str:
    """Return the service of a job, marked if it is a rehearsal; the local studio's jobs always are rehearsals."""
    return f"{service} (rehearsal)" if rehearsal and service != "local_studio" else service or ""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def cost(value: str | None) -> str:
    return "" if value is None else money.shown(money.usd(value))
