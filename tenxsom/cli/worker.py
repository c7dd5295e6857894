"""The command `tenxsom worker`: works on due jobs until it is stopped."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from tenxsom import clock, log
from tenxsom.app import App
from tenxsom.cli import run
from tenxsom.pipeline import last_tick
from tenxsom.pipeline.poller import jobs_at_once
from tenxsom.pipeline.results import JobResult, worst
from tenxsom.pipeline.worker import Worker
from tenxsom.settings import Settings

PROG = "tenxsom worker"
CONCURRENCY = 16
SWEEP_SECONDS = 3600.0
"""How often kept clips and voices that are too old are removed."""

EXAMPLES = (
    ("", "until Ctrl-C or TERM; what is in hand is ended cleanly"),
    ("--concurrency 32", "look after 32 jobs at once"),
    ("--listen 0.0.0.0:9090", "answer /healthz, /readyz and /metrics there"),
)


def main(argv: Sequence[str] | None = None, prog: str = PROG) -> int:
    return run.run("worker", command_line(prog), work, argv)


def command_line(prog: str = PROG) -> argparse.ArgumentParser:
    parser = run.command_line(prog, "Work on due jobs until stopped, in place of a tick every two minutes.", EXAMPLES)
    parser.add_argument(
        "--concurrency",
        metavar="JOBS",
        type=run.whole,
        default=CONCURRENCY,
        help=f"how many jobs to look after at once (default: {CONCURRENCY})",
    )
    parser.add_argument("--listen", metavar="HOST:PORT", type=run.address, help="where to answer /healthz, /readyz and /metrics")
    return parser


def work(arguments: argparse.Namespace, settings: Settings) -> run.Result:
    """Work until a stop is requested."""
    with App(settings) as app, ExitStack() as stack:
        app.connect()
        rounds = Rounds(app)
        worker = Worker(
            store=app.store,
            visitor=app.visitor,
            concurrency=jobs_at_once(arguments.concurrency),
            visit_seconds=settings.poll_time_limit_seconds,
            make_round=rounds.make,
        )
        where = ""
        if arguments.listen:
            from tenxsom.health import HealthPages, serving

            pages = HealthPages(worker, app.store, lambda: app.ledger)
            where = f" {stack.enter_context(serving(pages, *arguments.listen))}/healthz tells how it is."
        run.notice(f"The worker looks after up to {arguments.concurrency} jobs.{where} Ctrl-C ends it.")
        worker.run()
        ended = sum(worker.condition().visits.values())
    return run.Result(0, partial(dict, visits=ended), f"The worker has ended; it made {ended} visits.")


class Rounds:
    """What a worker does every half minute beside its visits: what a tick does at its beginning and end."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._sweep_at = clock.monotonic() + SWEEP_SECONDS

    def make(self, results: Sequence[JobResult]) -> None:
        """Tell observers of `results`, share the pauses of services, and sweep what is too old."""
        with self._app.observers.tick() as tick:
            self._app.share_pauses()
            last_tick.note(self._app.settings.pending_folder)
            log.tell_repeats()
            if clock.monotonic() >= self._sweep_at:
                self._sweep_at = clock.monotonic() + SWEEP_SECONDS
                self._app.kept_parts.sweep()
            by_id = {result.content_id: result for result in results}
            tick.ended(list(by_id.values()), worst(result.exit_code for result in by_id.values()))
