"""The commands of an operator's year: status, history, costs, doctor, requeue, prune and the ledger."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenxsom import atomic, clock
from tenxsom.app import App
from tenxsom.cli import new, operate_screens, render, run, status_screen
from tenxsom.errors import BadInput, Interrupted, TenxsomError
from tenxsom.pipeline import ended, money_report, overview, periods, queue_view
from tenxsom.safe_files import is_no_file
from tenxsom.settings import SERVICES
from tenxsom.spelling import did_you_mean

WATCH_SECONDS = 2.0
DEFAULT_PERIOD = "30d"
Subparsers = Any
"""argparse's `_SubParsersAction`, whose type is private."""


def add_commands(commands: Subparsers) -> dict[str, argparse.ArgumentParser]:
    """Add the parsers of the commands; return them by name."""
    status = commands.add_parser("status", help="what is on its way, what waits for you, what has ended")
    status.add_argument("--watch", action="store_true", help="draw it anew every two seconds, until Ctrl-C")
    status.add_argument("--state", metavar="STATE", action="append", default=[], help="only jobs in this state; may be repeated")
    status.add_argument("--service", metavar="NAME", action="append", default=[], help="only jobs of this service; may be repeated")
    status.add_argument("--since", metavar="PERIOD", help="only jobs accepted since: 24h, 7d, today, 2026-11-29")
    history = commands.add_parser("history", help="films and failures of a period")
    history.add_argument("--since", metavar="PERIOD", default=DEFAULT_PERIOD, help="24h, 7d, today, 2026-11-29 (default: 30d)")
    history.add_argument("--csv", action="store_true", help="print CSV with a header")
    costs = commands.add_parser("costs", help="what was spent, on what, against the budget")
    costs.add_argument("--since", metavar="PERIOD", default=DEFAULT_PERIOD, help="7d, 12w, 2026-11 (default: 30d); whole days, UTC")
    costs.add_argument("--by", metavar="GROUP", default="day", help=f"{', '.join(money_report.GROUPS)} (default: day)")
    costs.add_argument("--tag", metavar="TAG", help="only jobs with this tag (metadata.tags of their definitions)")
    costs.add_argument("--rehearsals", action="store_true", help="the costs of rehearsals, which nobody bills")
    costs.add_argument("--csv", action="store_true", help="print CSV with a header")
    costs.add_argument("--html", metavar="FILE", type=Path, help="also write a page with plots, which needs no other file")
    make_new = commands.add_parser("new", help="write a definition, or a batch from a table")
    new.add_options(make_new)
    approve = commands.add_parser("approve", help="go on with jobs whose plans wait for you")
    approve.add_argument("content_ids", metavar="CONTENT_ID", nargs="*", help="the jobs whose plans are good")
    approve.add_argument("--all", action="store_true", help="every job that waits for an approval")
    doctor = commands.add_parser("doctor", help="look whether this installation is fit to run, free of charge")
    requeue = commands.add_parser("requeue", help="put a mended state back on the queue, from quarantine")
    requeue.add_argument("name", metavar="NAME", help="the name that status shows, such as lake or lake~2")
    prune = commands.add_parser("prune", help="remove what no job needs any more")
    prune.add_argument("--older-than", metavar="LENGTH", required=True, help="how old it must be: 30d, 8w")
    prune.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    ledger = commands.add_parser("ledger", help="work on the ledger: compact")
    ledger.add_argument("action", metavar="ACTION", choices=("compact",), help="compact: sum up closed days, archive their lines")
    made = {"status": status, "history": history, "costs": costs, "doctor": doctor}
    return made | {"new": make_new, "approve": approve, "requeue": requeue, "prune": prune, "ledger": ledger}


def status(app: App, arguments: argparse.Namespace) -> run.Result:
    """Show the queue; with --watch draw it until a stop is requested."""
    states, services = queue_view.checked(arguments.state, arguments.service, SERVICES)
    since = periods.since(arguments.since) if arguments.since else None
    wanted = queue_view.Wanted(states, services, since, documents=arguments.json)
    if arguments.watch:
        if arguments.json:
            raise BadInput("--watch draws for people; leave --json out, or run status --json again and again.")
        return _watched(app, wanted)
    found = current(app, wanted)
    if arguments.json:  # the screen has them itself
        for content_id, reason in found.queue.unreadable.items():
            run.notice(f"{content_id}: {reason}")
    return status_screen.result(found)


def current(app: App, wanted: queue_view.Wanted) -> overview.Overview:
    """Return what the screen shows now."""
    return overview.read(app.store, app.artifacts, app.ledger, wanted)


def _watched(app: App, wanted: queue_view.Wanted) -> run.Result:
    """Draw the status on the terminal until a stop is requested; elsewhere print it each time."""
    with run.redrawn() as draw:
        while not clock.stop_requested():
            size = shutil.get_terminal_size()
            columns, most = (size.columns, max(3, (size.lines - 14) // 3)) if sys.stdout.isatty() else (None, None)
            draw(f"{clock.stamp()[:19]}Z\n\n{status_screen.text(current(app, wanted), columns, most)}")
            with contextlib.suppress(Interrupted):
                clock.sleep(WATCH_SECONDS)
    return run.Result(0, dict, "")


def history(app: App, arguments: argparse.Namespace) -> run.Result:
    """List what has ended in a period."""
    since = periods.since(arguments.since)
    return operate_screens.history(ended.since(app.artifacts, since), since, as_csv=arguments.csv)


def costs(app: App, arguments: argparse.Namespace) -> run.Result:
    """Show costs by a group; with --html also write the page of all groups."""
    if arguments.by not in money_report.GROUPS:
        hint = did_you_mean(arguments.by, money_report.GROUPS)
        raise BadInput(f"Costs have no group {arguments.by[:40]!r}.{hint} Known are {', '.join(money_report.GROUPS)}.")
    since = periods.since(arguments.since)
    traits_of = money_report.traits(app.store, app.artifacts)

    def by(group: str) -> money_report.Costs:
        kind = arguments.rehearsals or None
        return money_report.costs(app.ledger, traits_of, since, by=group, tag=arguments.tag, rehearsals=kind)

    found = by(arguments.by)
    if arguments.html:
        _write_page([found, *(by(group) for group in money_report.GROUPS if group != arguments.by)], arguments.html)
    return operate_screens.costs(found, as_csv=arguments.csv, html=str(arguments.html) if arguments.html else None)


def _write_page(by_group: list[money_report.Costs], path: Path) -> None:
    from tenxsom import plots

    if path.name == "-":
        raise BadInput("--html writes a file, not to standard output; name it, such as costs.html.")
    if not os.path.isdir(path.parent):
        raise BadInput(f"--html names {path}, but there is no folder {path.parent}; make it first.")
    if is_no_file(path):
        raise BadInput(f"--html names {path}, which is a folder or a device; name a file, such as costs.html.")
    atomic.write(path, plots.page(by_group, clock.stamp()[:16] + "Z").encode())


def doctor(app: App, _: argparse.Namespace) -> run.Result:
    """Check the installation."""
    from tenxsom.pipeline.doctor import Doctor

    return operate_screens.doctor(Doctor(app.settings, app.store, app.artifacts).findings())


def approve(app: App, arguments: argparse.Namespace) -> run.Result:
    """Approve plans, each as it stands in its file now; one that cannot be made stops no other."""
    if bool(arguments.content_ids) == arguments.all:
        raise BadInput("Name the jobs whose plans you approve, or --all; manage_jobs.py status shows what waits.")
    approved, problems = [], {}
    for content_id in dict.fromkeys(app.approvals.waiting() if arguments.all else arguments.content_ids):
        clock.check_stop()
        try:
            approved.append(app.approvals.approve(content_id))
        except TenxsomError as error:
            problems[content_id] = error
    if len(problems) == 1 and not approved:
        raise next(iter(problems.values()))
    return operate_screens.approved(approved, problems)


def requeue(app: App, arguments: argparse.Namespace) -> run.Result:
    """Put a state back on the queue."""
    job = app.manager().requeue(arguments.name)
    return render.sentence(job.content_id, f"{job.content_id} is on the queue again, {job.state}; the next tick goes on with it.")


def prune(app: App, arguments: argparse.Namespace) -> run.Result:
    """Remove, or with --dry-run list, what no job needs any more."""
    from tenxsom.pipeline.pruning import Pruner

    pruner = Pruner(app.store, app.artifacts, app.settings)
    leftovers = pruner.leftovers(periods.length(arguments.older_than))
    failures = []
    for leftover in () if arguments.dry_run else leftovers:
        clock.check_stop()
        try:
            pruner.remove(leftover)
        except TenxsomError as error:
            failures.append(str(error))
    return operate_screens.prune(leftovers, failures, dry_run=arguments.dry_run)


def ledger(app: App, _: argparse.Namespace) -> run.Result:
    """Sum up the closed days of the ledger; calls of jobs that may go on stay as they are."""
    keep = {*app.store.ids(), *(name.partition("~")[0] for name in app.store.set_aside())}
    return operate_screens.compacted(app.ledger.compact(keep))


COMMANDS: dict[str, Callable[[App, argparse.Namespace], run.Result]] = {
    "status": status,
    "history": history,
    "costs": costs,
    "doctor": doctor,
    "new": new.new,
    "approve": approve,
    "requeue": requeue,
    "prune": prune,
    "ledger": ledger,
}
