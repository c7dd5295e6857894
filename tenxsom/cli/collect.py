"""The command behind poll_video_status.py: one tick, or one every few seconds with --watch."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from functools import partial

from tenxsom import clock, log
from tenxsom.app import App
from tenxsom.cli import render, run
from tenxsom.empty_tick import as_log
from tenxsom.errors import Interrupted
from tenxsom.pipeline import last_tick, patience
from tenxsom.pipeline.orders import PaidOrders
from tenxsom.pipeline.results import JobResult
from tenxsom.settings import Settings

PROG = "poll_video_status.py"

EXAMPLES = (
    ("", "one tick, as cron runs it"),
    ("lake", "ask about one job, and at once"),
    ("--watch 30", "a tick every 30 seconds, until Ctrl-C"),
)


def main(argv: Sequence[str] | None = None, prog: str = PROG) -> int:
    return run.run("poll", command_line(prog), poll, argv)


def command_line(prog: str = PROG) -> argparse.ArgumentParser:
    parser = run.command_line(prog, "Collect finished videos: one tick over all due jobs.", EXAMPLES)
    parser.add_argument("content_ids", metavar="CONTENT_ID", nargs="*", help="only these, and at once (default: all that are due)")
    parser.add_argument("--watch", metavar="SECONDS", type=run.positive, help="tick again and again, this many seconds apart")
    parser.add_argument(
        "--time-limit",
        metavar="SECONDS",
        type=run.positive,
        help="how long a tick may take (POLL_TIME_LIMIT_SECONDS)",
    )
    parser.add_argument(
        "--patience",
        metavar="MINUTES",
        type=run.positive,
        help="exit with 75 only for a trouble that has lasted this long, with 0 before: for an alert in the crontab",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def poll(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    with App(settings) as app:
        app.connect()
        check_known(app, arguments.content_ids)
        orders = PaidOrders()
        app.events.subscribe(orders.hear)
        poller = app.poller(arguments.time_limit)
        last: dict[str, JobResult] = {}
        is_first = True
        while True:
            with app.observers.tick() as tick:
                if is_first:
                    app.artifacts.check()  # a wrong store of files ends the command; one that goes away later is waited for
                is_first = False
                app.share_pauses()
                job_results = poller.tick(arguments.content_ids, at_once=bool(arguments.content_ids))
                last |= {job_result.content_id: job_result for job_result in job_results}
                app.share_pauses()
                last_tick.note(app.settings.pending_folder)
                left = len(app.store.ids())
                is_last = not arguments.watch or clock.stop_requested()
                shown = list(last.values()) if is_last else job_results
                paid = orders.calls() if is_last else orders.new_calls()
                result = with_patience(app, render.tick(shown, left, paid), shown, arguments.patience)
                tick.ended(job_results, result.exit_code)
            result = result._replace(text=as_log(result.text, clock.stamp()))
            if is_last:
                return result
            log.tell_repeats()
            (run.notice if arguments.json else partial(print, flush=True))(result.text)
            with contextlib.suppress(Interrupted):
                clock.sleep(arguments.watch)


def with_patience(app: App, result: run.Result, job_results: Sequence[JobResult], minutes: float | None) -> run.Result:
    """Return the result of a tick, with 0 instead of 75 while no transient error has lasted for `minutes`."""
    if minutes is None:
        return result
    lasts = patience.has_lasted(app.settings.pending_folder, job_results, app.store.ids(), minutes)
    return result._replace(exit_code=0) if result.exit_code == patience.PASSING and not lasts else result


def check_known(app: App, content_ids: Sequence[str]) -> None:
    """Raise BadInput for an id of a job that was never accepted."""
    for content_id in content_ids:
        if content_id not in app.store.ids() and app.artifacts.final_report(content_id) is None:
            raise app.results.unknown(content_id)
