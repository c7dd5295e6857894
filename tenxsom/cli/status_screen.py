"""The screen of `manage_jobs.py status`: what is on its way, what waits for somebody, what has ended, and today's money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tenxsom.cli.layout import FILE_COLUMNS, bar, joined_blocks, width, wrapped
from tenxsom.cli.run import Result, table
from tenxsom.model import money
from tenxsom.pipeline.ended import EndedFilm
from tenxsom.pipeline.money_report import Today
from tenxsom.pipeline.overview import Overview
from tenxsom.pipeline.queue_view import QueuedJob, in_states
from tenxsom.quantities import age, counted
from tenxsom.text import shortened

MOST_ENDED = 10
"""How many ended jobs are listed; `history` lists all."""
LONGEST_TITLE = 50


def result(status: Overview) -> Result:
    """Return the result of the command."""
    return Result(0, lambda: document(status), text(status))


def document(status: Overview) -> dict[str, Any]:
    """Return the screen for programs: the stored documents as `jobs`, and what the screen says of each as `queue`."""
    return {
        "jobs": status.queue.documents,
        "queue": [job.as_dict() for job in status.queue.jobs],
        "pending": status.queue.on_queue,
        "unreadable": list(status.queue.unreadable),
        "set_aside": list(status.set_aside),
        "ended": [film.as_dict() for film in status.ended],
        "money": status.today.as_dict(),
    }


def text(status: Overview, columns: int | None = None, most_jobs: int | None = None) -> str:
    """Return the screen for people, in `columns` columns (default: those of the terminal), with at most so many jobs."""
    across = columns or width()
    jobs = status.queue.jobs
    waiting = [job for job in jobs if job.command]
    others = [job for job in jobs if not job.command]
    shown = others if most_jobs is None else others[: max(0, most_jobs - len(waiting))]
    left_out = len(others) - len(shown)
    blocks = [_decisions(waiting, across), _listing(shown, across)]
    if left_out:
        blocks.append(f"… and {counted(left_out, 'more job')} on the way.")
    if not jobs:
        blocks.append("No job on the queue is of this kind." if status.is_filtered else "No job is on its way.")
    blocks += [_aside(status, across), _ended(status.ended, across), _summary(status, across)]
    return joined_blocks(blocks)


def _decisions(jobs: Sequence[QueuedJob], across: int) -> str:
    """List what waits for somebody, each with what to type."""
    if not jobs:
        return ""
    lines = [f"{counted(len(jobs), 'job')} wait{'s' * (len(jobs) == 1)} for you:"]
    for job in jobs:
        head = f"{job.content_id}  {job.state}  {_maker(job)}  {age(job.submit_time)}  {money.shown(job.usd)}"
        lines += ["", *wrapped(head, across, "  "), *wrapped(_title(job), across, "    ")]
        lines += [*wrapped(job.waits_for.removeprefix("you: "), across, "    "), f"    → {job.command}"]
    return "\n".join(lines)


def _listing(jobs: Sequence[QueuedJob], across: int) -> str:
    if not jobs:
        return ""
    heads = ("JOB", "STATE", "SERVICE", "DONE", "AGE", "COST")
    rows = [
        (job.content_id, job.state, _maker(job), f"{job.percent} %", age(job.submit_time), money.shown(job.usd)) for job in jobs
    ]
    if across >= FILE_COLUMNS:
        rows = [(*row, _title(job), job.waits_for) for row, job in zip(rows, jobs, strict=True)]  # type: ignore[misc]
        return table((*heads, "TITLE", "WAITS FOR"), rows, right=(3, 4, 5), width=FILE_COLUMNS)
    lines = table(heads, rows, right=(3, 4, 5), width=FILE_COLUMNS).splitlines()
    shown = lines[:2]
    for line, job in zip(lines[2:], jobs, strict=True):
        shown += [line, *wrapped(_title(job), across, "  "), *wrapped(f"waits for {job.waits_for}", across, "  ")]
    return "\n".join(shown)


def _aside(status: Overview, across: int) -> str:
    lines = [line for content_id, reason in status.queue.unreadable.items() for line in wrapped(f"{content_id}: {reason}", across)]
    if status.set_aside:
        names = ", ".join(status.set_aside)
        said = f"Set aside, because they cannot be read: {names}. pending_video_jobs/quarantine/ holds them, and why."
        lines += wrapped(f"{said} Once one is mended:", across)
        lines.append(f"    → manage_jobs.py requeue {status.set_aside[0]}")
    return "\n".join(lines)


def _ended(films: Sequence[EndedFilm], across: int) -> str:
    if not films:
        return ""
    counts = Counter(film.state for film in films)
    head = f"Ended in the last day: {', '.join(f'{count} {state}' for state, count in counts.items())}."
    narrow = across < FILE_COLUMNS
    rows = [
        (film.content_id, film.state, f"{age(film.ended)} ago", money.shown(film.usd), _what_became(film, narrow))
        for film in films[:MOST_ENDED]
    ]
    more = [f"… manage_jobs.py history --since 24h lists all {len(films)}."] if len(films) > MOST_ENDED else []
    listing = table(("JOB", "STATE", "ENDED", "COST", "FILM, OR WHY NOT"), rows, right=(2, 3), width=across)
    return "\n".join([head, "", listing, *more])


def _what_became(film: EndedFilm, narrow: bool) -> str:
    what = film.reason if film.reason else film.file if film.file else f"{film.title} (moved or deleted)"
    name = what.rpartition("/")[2] if narrow and film.file == what else what
    return shortened(name, 160)


def _summary(status: Overview, across: int) -> str:
    states = in_states(status.queue.jobs)
    lines = [", ".join(f"{jobs.number} {state}" for state, jobs in states.items()) + "."] if states else []
    hidden = status.queue.on_queue - len(status.queue.jobs) - len(status.queue.unreadable)
    if status.is_filtered and hidden:
        lines.append(f"{counted(hidden, 'other job')} on the queue.")
    return "\n".join([*lines, *money_lines(status.today, across)])


def money_lines(today: Today, across: int) -> list[str]:
    """Return today's money against the budget, with a bar."""
    totals, budget = today.totals, today.budget_usd
    parts = [
        f"{money.shown(amount)} {name}" for name, amount in (("reserved", totals.reserved), ("unclear", totals.unknown)) if amount
    ]
    detail = f" ({', '.join(parts)})" if parts else ""
    if budget is None:
        lines = [f"Today (UTC): {money.shown(totals.used)}{detail}; no DAILY_BUDGET_USD is set."]
    else:
        share = f", {totals.used * 100 / budget:.0f} %" if budget else ""
        full = "█" if totals.used >= budget else ""
        drawn = bar(min(totals.used, budget), budget, 20)
        lines = [f"Today (UTC): {money.shown(totals.used)} of {money.shown(budget)}{share}{detail}"]
        lines[0] += f"  ▕{(drawn if not full else full * 20):<20}▏" if across < FILE_COLUMNS else ""
    if today.rehearsal.used:
        lines.append(f"Rehearsals today, which nobody bills: {money.shown(today.rehearsal.used)}.")
    return lines


def _maker(job: QueuedJob) -> str:
    return f"{job.service} (rehearsal)" if job.rehearsal and job.service != "local_studio" else job.service


def _title(job: QueuedJob) -> str:
    return shortened(job.title, LONGEST_TITLE) if len(job.title) > LONGEST_TITLE else job.title
