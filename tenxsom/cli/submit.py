"""The command behind master_orchestrator_v3.py: submits or estimates job definitions, and optionally waits for the videos."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from decimal import Decimal

from tenxsom import clock
from tenxsom.app import App
from tenxsom.cli import estimate_screen, render, run
from tenxsom.model.money import ZERO
from tenxsom.pipeline import results
from tenxsom.pipeline.estimate import Estimate, money_notes
from tenxsom.pipeline.intake import Order
from tenxsom.pipeline.lookup import SubmissionCheck
from tenxsom.pipeline.results import JobResult
from tenxsom.settings import Settings

NOT_THERE_YET = "The wait was ended before the video was there; the poller collects it, or the same command goes on waiting."


EXAMPLES = (
    ("--dry-run jobs/", "what the films of a folder would cost; nothing is ordered"),
    ("jobs/lake.json", "back in seconds; the ticks collect the film"),
    ("--wait jobs/lake.json", "stay until the film is there"),
    ("--max-cost 20 films.csv", "a film for each row of a table, for at most 20 dollars"),
)


def main(argv: Sequence[str] | None = None, prog: str = "master_orchestrator_v3.py") -> int:
    return run.run("submit", command_line(prog), orchestrate, argv)


def command_line(prog: str) -> argparse.ArgumentParser:
    parser = run.command_line(prog, "Turn job definitions into video jobs on their way.", EXAMPLES)
    parser.add_argument(
        "jobs", metavar="JOB", nargs="+", help="a definition's file, a folder of them, a batch (.jsonl, .csv), or -"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="plan and estimate only: no video service is called, nothing is written"
    )
    parser.add_argument("--wait", action="store_true", help="stay until the videos are there")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--service", metavar="NAME", help="the video service; overrides VIDEO_SERVICE and the definitions")
    chosen.add_argument("--route", action="store_true", help="let the tier choose the service (templates/tiers.json)")
    parser.add_argument(
        "--max-cost", metavar="USD", type=run.dollars, help="stop before the job that would make this run cost more than this"
    )
    parser.add_argument("--again", action="store_true", help="make ended jobs once more, deliberately; their files are kept")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def orchestrate(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    with App(settings) as app:
        app.connect()
        orchestrator = app.orchestrator(
            service=arguments.service, by_tier=arguments.route, again=arguments.again, dry_run=arguments.dry_run
        )
        batch = orchestrator.read_batch(arguments.jobs)
        refused = [results.refused(*refusal) for refusal in batch.refused]
        for sentence in (*batch.left_out, *(job_result.message for job_result in refused if arguments.dry_run)):
            run.notice(sentence)
        if arguments.dry_run:
            found = with_money_notes(app, [orchestrator.estimate(order) for order in batch.orders], arguments.max_cost)
            estimated = estimate_screen.estimates(found)
            return estimated._replace(exit_code=results.worst(job_result.exit_code for job_result in refused))
        say_who_makes_it(batch.orders, app.is_rehearsal)
        job_results = orchestrator.submit_all(batch.orders, max_usd=arguments.max_cost)
        waited = wait_for(app, job_results, arguments.json) if arguments.wait else job_results
        return render.job_results([*refused, *waited], batch.left_out, of_a_batch=True)


def with_money_notes(app: App, found: Sequence[Estimate], max_usd: Decimal | None = None) -> list[Estimate]:
    """Return the estimates with warnings about budgets, which a rehearsal has of its own."""
    budget, day = app.ledger.daily_budget, clock.day()
    left = None if budget is None else max(ZERO, budget - app.ledger.total(day, rehearsal=any(map(_is_rehearsed(app), found))))
    notes = money_notes(found, left, max_usd)
    return [one._replace(notes=[*told, *one.notes]) for one, told in zip(found, notes, strict=True)]


def _is_rehearsed(app: App) -> Callable[[Estimate], bool]:
    return lambda one: app.is_rehearsal(one.order.service)


def wait_for(app: App, job_results: Sequence[JobResult], quiet: bool) -> list[JobResult]:
    """Poll until every job on its way has ended or needs a decision; a job that waits for its `not_before` is not waited for."""
    on_their_way = [job_result.content_id for job_result in job_results if job_result.is_on_its_way and not job_result.held_until]
    with run.Progress(quiet) as progress:
        last = app.poller().wait_for(on_their_way, progress)
    return [_after(app, job_result, last) if job_result.content_id in on_their_way else job_result for job_result in job_results]


def _after(app: App, before: JobResult, last: dict[str, JobResult]) -> JobResult:
    """Return a job's result after the wait: its end, what it waits for, or that the wait was interrupted."""
    now = app.results.of(before.content_id)
    seen = last.get(before.content_id, now)
    if not now.is_on_its_way:
        return now if now.exit_code or now.report else seen
    return seen if seen.exit_code else now._replace(exit_code=75, message=NOT_THERE_YET)


def say_who_makes_it(orders: Sequence[Order], is_rehearsal: Callable[[str], bool]) -> None:
    """Print which service makes the videos and why, and warn about previews and rehearsals."""
    made_now = [order for order in orders if order.standing in (SubmissionCheck.NEW, SubmissionCheck.ON_ITS_WAY)]
    for told in sorted({order.route.describe() for order in made_now}):
        run.notice(f"Made by {told}.")
    made_by = sorted({order.service for order in made_now})
    if "local_studio" in made_by:
        run.notice("The local studio makes previews, free of charge. For real videos see docs/how-to/choose-a-service.md.")
    for service in made_by:
        if service != "local_studio" and is_rehearsal(service):
            run.notice(f"{service} is asked at an address that is not the vendor's own: this is a rehearsal, marked as one.")
