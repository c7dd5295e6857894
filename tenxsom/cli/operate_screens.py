"""The screens of an operator's year: history, costs, doctor, prune, ledger."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tenxsom import clock
from tenxsom.cli.layout import FILE_COLUMNS, bar, joined_blocks, width, wrapped
from tenxsom.cli.run import Result, table
from tenxsom.errors import TenxsomError
from tenxsom.model import money
from tenxsom.pipeline.approval import Approved
from tenxsom.pipeline.doctor import Finding
from tenxsom.pipeline.ended import EndedFilm
from tenxsom.pipeline.money_report import Costs
from tenxsom.pipeline.pruning import Leftover
from tenxsom.pipeline.results import worst
from tenxsom.program import typed_document
from tenxsom.quantities import counted, size
from tenxsom.store.base import Compaction
from tenxsom.text import shortened

BAR_COLUMNS = 30
_KINDS = {
    "part": "parts of finished films",
    "scratch": "abandoned scratch files",
    "studio": "files of the local studio",
    "log": "old logs",
}


def history(films: Sequence[EndedFilm], since: datetime, *, as_csv: bool) -> Result:
    """Render the films and failures of a period, the last one first."""

    def document() -> dict[str, object]:
        return {"since": clock.stamp(since), "films": [film.as_dict() for film in films]}

    if as_csv:
        return Result(
            0,
            document,
            _csv(typed_document(film.as_dict()) | {"tags": ";".join(film.tags)} for film in films) or _csv_head(),
            is_json=True,
        )
    if not films:
        return Result(0, document, f"Nothing has ended since {clock.stamp(since)[:16]} UTC.")
    across = width()
    narrow = across < FILE_COLUMNS
    rows = [
        (
            film.ended[:16].replace("T", " "),
            film.content_id + (f" (run {film.run})" if film.run else ""),
            film.state,
            "" if film.seconds is None else f"{film.seconds:.1f}",
            money.shown(film.usd),
            _title_and_file(film, narrow),
        )
        for film in films
    ]
    listing = table(
        ("ENDED (UTC)", "JOB", "STATE", "SECONDS", "COST", "TITLE, AND FILM OR REASON"), rows, right=(3, 4), width=across
    )
    counts = Counter(film.state for film in films)
    seconds = sum(film.seconds or 0.0 for film in films)
    usd = sum((film.usd for film in films if not film.rehearsal), money.ZERO)
    total = f"{', '.join(f'{count} {state}' for state, count in counts.items())}; {seconds:.0f} s of film, {money.shown(usd)}."
    rehearsals = sum(film.rehearsal for film in films)
    return Result(0, document, joined_blocks([listing, f"{total}{f' Rehearsals: {rehearsals}.' if rehearsals else ''}"]))


def _title_and_file(film: EndedFilm, narrow: bool) -> str:
    where = film.reason or (film.file.rpartition("/")[2] if narrow and film.file else film.file) or "moved or deleted"
    platform = f" ({film.platform})" if film.platform else ""
    return f"{shortened(film.title, 60)}{platform}: {shortened(where, 160)}"


def _csv_head() -> str:
    return ",".join(EndedFilm._fields)


def costs(found: Costs, *, as_csv: bool, html: str | None = None) -> Result:
    """Render costs as a bar chart; `html` is the path of the page that was written."""

    def document() -> dict[str, object]:
        return {
            "since": found.since,
            "by": found.by,
            "rehearsal": found.rehearsal,
            "total_usd": money.text(found.total_usd),
            "budget_usd": None if found.budget_usd is None else money.text(found.budget_usd),
            "rows": [row.as_dict(found.by) for row in found.rows],
            **({"html": html} if html else {}),
        }

    if as_csv:
        rows = [row.as_dict(found.by) for row in found.rows]
        head = f"key,{found.by},usd,unsettled_usd,calls"
        return Result(0, document, _csv(rows) or head, is_json=True)
    blocks = [_chart(found)] if found.rows else []
    what = "Rehearsals, which nobody bills," if found.rehearsal else "Costs"
    calls = f"{sum(row.calls for row in found.rows)} calls" if found.by != "tag" else "a job counts in each of its tags"
    summary = f"{what} since {found.since}: {money.shown(found.total_usd)} ({calls}).{_against_budget(found)}"
    blocks.append("\n".join(wrapped(summary, width())))
    if html:
        blocks.append(f"The page with the plots is {html}.")
    return Result(0, document, joined_blocks(blocks))


def _chart(found: Costs) -> str:
    most = max(row.usd for row in found.rows)
    budget = found.budget_usd if found.by == "day" else None
    heads = [found.by.upper(), "CALLS", "COST", *(["OF BUDGET"] if budget else []), ""]
    across = BAR_COLUMNS if width() >= 100 else 20
    rows = []
    for row in found.rows:
        share = [f"{row.usd * 100 / budget:.0f} %"] if budget else []
        rows.append((row.key, str(row.calls), money.shown(row.usd), *share, bar(row.usd, most, across)))
    return table(heads, rows, right=(1, 2, 3) if budget else (1, 2), width=width())


def _against_budget(found: Costs) -> str:
    if found.budget_usd is None or found.by != "day" or not found.rows:
        return ""
    full = sum(row.usd >= found.budget_usd for row in found.rows)
    return f" The budget is {money.shown(found.budget_usd)} a day" + (
        f"; it was used up on {counted(full, 'day')}." if full else "."
    )


def doctor(findings: Sequence[Finding]) -> Result:
    """Render the checks: exit code 1 if one of them is not ok."""
    across = min(width(), 120)
    lines: list[str] = []
    before = ""
    for finding in findings:
        name = finding.check if finding.check != before else ""
        before = finding.check
        lines += _hanging(f"{'✓' if finding.ok else '✗'} {name:<18}", finding.message, across)
        if finding.remedy:
            remedy, *to_copy = finding.remedy.split("\n")
            lines += [*_hanging(f"{'→':>20}", remedy, across), *to_copy]
    bad = sum(not finding.ok for finding in findings)
    lines += ["", f"{counted(bad, 'finding')} to mend." if bad else "All is well."]
    return Result(1 if bad else 0, lambda: {"findings": [finding._asdict() for finding in findings]}, "\n".join(lines))


def _hanging(start: str, text: str, across: int) -> list[str]:
    first, *rest = wrapped(text, across, " " * 21)
    return [f"{start:<20} {first.strip()}", *rest]


def approved(jobs: Sequence[Approved], problems: Mapping[str, TenxsomError]) -> Result:
    """Render approvals, and why others were not possible."""
    rows = [
        (
            f"{job.content_id}{' (edited)' if job.is_edited else ''}",
            str(job.costs.clips),
            f"{job.costs.seconds:g}",
            money.shown(job.costs.usd),
        )
        for job in jobs
    ]
    listing = table(("APPROVED", "CLIPS", "SECONDS", "ABOUT"), rows, right=(1, 2, 3)) if jobs else ""
    total = sum((job.costs.usd for job in jobs), money.ZERO)
    said = f"{counted(len(jobs), 'plan')} approved, about {money.shown(total)}; the next tick goes on." if jobs else ""
    nothing = "" if jobs or problems else "No plan waits for an approval."

    def document() -> dict[str, object]:
        return {
            "approved": [
                {"content_id": job.content_id, "edited": job.is_edited, **job.costs._asdict(), "usd": money.text(job.costs.usd)}
                for job in jobs
            ],
            "problems": [{"content_id": content_id, "message": str(error)} for content_id, error in problems.items()],
        }

    texts = [listing, *(f"{content_id}: {error}" for content_id, error in problems.items()), said, nothing]
    return Result(worst(error.exit_code for error in problems.values()), document, joined_blocks(texts))


def prune(leftovers: Sequence[Leftover], failures: Sequence[str], *, dry_run: bool) -> Result:
    """Render what was, or would be, removed."""
    total = sum(leftover.bytes for leftover in leftovers)
    kinds = Counter(leftover.kind for leftover in leftovers)
    parts = ", ".join(f"{count} {_KINDS[kind]}" for kind, count in kinds.items())
    did = "would be removed; nothing was" if dry_run else "removed"
    summary = f"{parts}: {size(total)} {did}." if leftovers else "There is nothing to remove."
    rows = [(leftover.kind, size(leftover.bytes), leftover.name) for leftover in leftovers]
    listing = table(("KIND", "SIZE", "FILE"), rows, right=(1,), width=width()) if rows and dry_run else ""

    def document() -> dict[str, object]:
        return {
            "dry_run": dry_run,
            "files": [leftover._asdict() for leftover in leftovers],
            "bytes": total,
            "failures": list(failures),
        }

    return Result(75 if failures else 0, document, joined_blocks([listing, *failures, summary]))


def compacted(found: Compaction) -> Result:
    """Render a compaction of the ledger."""
    if not found.lines:
        words = "There is nothing to sum up: lines of the last week, and of open calls, stay as they are."
    else:
        saved = f"{size(found.bytes_before)} became {size(found.bytes_after)}"
        words = f"{counted(found.lines, 'line')} of {counted(found.days, 'day')} are summed up, {saved}. They are kept in:"
        words = "\n".join([words, *(f"  {place}" for place in found.archives)])
    return Result(0, lambda: {"message": words.split("\n")[0], **found._asdict()}, words)


def _csv(rows: Iterable[dict[str, object]]) -> str:
    """Return rows as CSV with a header (RFC 4180, with line feeds); empty without rows.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    listed = list(rows)
    if not listed:
        return ""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    for row in listed:
        writer.writerow({name: _plain(value) for name, value in row.items()})
    return written.getvalue().rstrip("\n")


def _plain(value: object) -> object:
    if isinstance(value, str):
        value = " ".join(value.split())
        return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
    return "" if value is None else value
