"""The command behind master_orchestrator_v3.py: submit job definitions, or estimate them, and wait for the videos if asked to."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from tenxsom.app import App
from tenxsom.cli import render as views
from tenxsom.cli import run as terminal
from tenxsom.pipeline import results
from tenxsom.pipeline.intake import Order, Standing
from tenxsom.pipeline.results import Outcome
from tenxsom.settings import Settings

NOT_THERE_YET = "The wait was ended before the video was there; the poller collects it, or the same command goes on waiting."


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="master_orchestrator_v3.py", description="Turn job definitions into video jobs on their way."
    )
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="a definition's file, a folder of them, or - for standard input")
    parser.add_argument(
        "--dry-run", action="store_true", help="plan and estimate only: no video service is called, nothing is written"
    )
    parser.add_argument("--wait", action="store_true", help="stay until the videos are there")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--service", metavar="NAME", help="the video service; overrides VIDEO_SERVICE and the definitions")
    chosen.add_argument("--route", action="store_true", help="let the tier choose the service (templates/tiers.json)")
    parser.add_argument("--again", action="store_true", help="make ended jobs once more, deliberately; their files are kept")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return terminal.run("submit", parser, orchestrate, argv)


def orchestrate(arguments: argparse.Namespace, settings: Settings) -> terminal.Result:
    with App(settings) as app:
        orchestrator = app.orchestrator(
            service=arguments.service, by_tier=arguments.route, again=arguments.again, dry_run=arguments.dry_run
        )
        batch = orchestrator.read_batch(arguments.jobs)
        refused = [results.refused(refusal) for refusal in batch.refused]
        for sentence in (*batch.left_out, *(outcome.message for outcome in refused if arguments.dry_run)):
            terminal.notice(sentence)
        if arguments.dry_run:
            estimated = views.estimates([orchestrator.estimate(order) for order in batch.orders])
            return estimated._replace(exit_code=results.worst(outcome.exit_code for outcome in refused))
        say_who_makes_it(batch.orders, app.is_rehearsal)
        outcomes = orchestrator.submit_all(batch.orders)
        waited = wait_for(app, outcomes, arguments.json) if arguments.wait else outcomes
        return views.outcomes([*refused, *waited], batch.left_out)


def wait_for(app: App, outcomes: Sequence[Outcome], quiet: bool) -> list[Outcome]:
    """Stay until every job that is on its way has ended or waits for somebody; the poller does the work."""
    on_their_way = [outcome.content_id for outcome in outcomes if outcome.is_on_its_way]
    with terminal.Progress(quiet) as progress:
        last = app.poller().wait_for(on_their_way, progress)
    return [_after(app, outcome, last) if outcome.content_id in on_their_way else outcome for outcome in outcomes]


def _after(app: App, before: Outcome, last: dict[str, Outcome]) -> Outcome:
    """What a wait came to for one job: its end, what it waits for now, or that the wait was cut short."""
    now = app.results.of(before.content_id)
    seen = last.get(before.content_id, now)
    if not now.is_on_its_way:
        return now if now.exit_code or now.report else seen
    return seen if seen.exit_code else now._replace(exit_code=75, message=NOT_THERE_YET)


def say_who_makes_it(orders: Sequence[Order], is_rehearsal: Callable[[str], bool]) -> None:
    """Say which service makes the videos and why; and loudly, that a preview is not the real thing."""
    made_now = [order for order in orders if order.standing in (Standing.NEW, Standing.ON_ITS_WAY)]
    for told in sorted({order.route.told() for order in made_now}):
        terminal.notice(f"Made by {told}.")
    made_by = sorted({order.service for order in made_now})
    if "local_studio" in made_by:
        terminal.notice("The local studio makes previews, free of charge. Set a vendor's credentials for real videos (README.md).")
    for service in made_by:
        if service != "local_studio" and is_rehearsal(service):
            terminal.notice(f"{service} is asked at an address that is not the vendor's own: this is a rehearsal, marked as one.")
