#!/usr/bin/env python3
"""Orchestrate: job definitions go in, video jobs on their way come out.

    master_orchestrator_v3.py [--dry-run] [--wait] [--service NAME | --route] [--again] [--json] JOB [JOB ...]

JOB is a definition's file, a folder of them, or - for standard input. All of them are validated before anything starts.
Then each is planned (Claude on Vertex AI, or local archetype templates), its still and its clips are ordered, and its state
lies in pending_video_jobs/ for poll_video_status.py to collect. Exit codes: README.md.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from claude_video_service import ClaudeVideoService
from production_video_generator import ProductionVideoGenerator
from tenxsom import clock, terminal, views
from tenxsom.belt import clips, intake
from tenxsom.belt.choosing import USEAPI_CONTRACT, route_of
from tenxsom.belt.estimating import Estimate, estimate
from tenxsom.belt.finish import all_final
from tenxsom.belt.intake import Order, Standing
from tenxsom.errors import BadInput, BadInputs, TenxsomError
from tenxsom.model import money
from tenxsom.model.definition import check_definition, parse_definition
from tenxsom.model.job import State, VideoJob

if TYPE_CHECKING:
    from tenxsom.belt.outcome import Outcome
    from tenxsom.model.blueprint import Blueprint
    from tenxsom.model.definition import JobDefinition
    from tenxsom.settings import Settings
    from tenxsom.store.queue import Claim
    from tenxsom.wiring import Suite

log = logging.getLogger("orchestrate")

NOT_THERE_YET = "The wait was ended before the video was there; the poller collects it, or the same command goes on waiting."


class MasterOrchestrator:
    """The conveyor belt's first stage: plan → make → pending job."""

    def __init__(
        self, suite: Suite, *, service: str | None = None, by_tier: bool = False, again: bool = False, dry_run: bool = False
    ) -> None:
        self._suite = suite
        self._dry_run = dry_run
        self._service = service
        self._by_tier = by_tier
        self._again = again
        self.planner = ClaudeVideoService(suite.settings, suite.templates, local_only=dry_run)
        self.generator = ProductionVideoGenerator(suite)

    def read(self, names: Sequence[str]) -> list[Order]:
        """Read and validate every definition. Raises BadInput with the problems of all files; nothing has happened then."""
        orders, problems = [], []
        for source, read in intake.sources(names):
            try:
                orders.append(self._order(source, read()))
            except BadInput as error:
                problems.append(error)
        problems += intake.same_id_twice(orders)
        if problems:
            raise problems[0] if len(problems) == 1 else BadInputs(problems)
        return orders

    def submit_all(self, orders: Sequence[Order], blueprint: Blueprint | None = None) -> list[Outcome]:
        """Submit the orders side by side, as many at once as their services like; one outcome each, in the same order."""
        if not orders:
            return []
        side_by_side = min(order.route.capabilities.concurrent_submissions for order in orders)
        with ThreadPoolExecutor(max(1, min(side_by_side, len(orders)))) as pool:
            return list(pool.map(lambda order: self._outcome(order, blueprint), orders))

    def submit(self, order: Order, blueprint: Blueprint | None = None) -> VideoJob | None:
        """Put one definition on the belt and carry it as far as it goes; None if it has been made already."""
        with self._owned(order) as claim:
            if claim:
                self.carry_on(claim, blueprint)
            return claim.job if claim else None

    def carry_on(self, claim: Claim, blueprint: Blueprint | None = None) -> None:
        """Everything a job needs until its clips are at the service; whatever is done already is not done again."""
        job = claim.job
        self._suite.finisher.make_way(job)
        if job.blueprint is None:
            self.plan(claim, blueprint)
        if not job.clips:
            self.cut(claim)
        if self._by_tier:
            self.generator.generate_video(claim)
        elif job.service in USEAPI_CONTRACT:
            self.generator.generate_with_useapi(claim)
        else:
            self.generator.generate(claim)
        if all_final(job):
            self._suite.finisher.end(claim)

    def plan(self, claim: Claim, blueprint: Blueprint | None = None) -> None:
        """The blueprint: Claude's, or the archetype templates', or the one that was handed in."""
        job = claim.job
        definition = check_definition(job.definition, job.content_id, self._suite.vocabulary)
        made = blueprint or self._suite.planning_costs.pay(claim, self.planner.most_usd(), lambda: self._planned(definition))
        job.blueprint = made.as_dict()
        job.record(
            "planned", made.planner.name + (f" ({made.planner.reason})" if made.planner.reason else ""), usd=made.planner.cost_usd
        )
        for warning in made.warnings:
            job.warn(warning)
        claim.save()

    def _planned(self, definition: JobDefinition) -> tuple[Blueprint, Decimal]:
        made = self.planner.plan(definition)
        return made, money.usd(made.planner.cost_usd or 0)

    def cut(self, claim: Claim) -> None:
        """The clips of the blueprint, in lengths that the service makes."""
        job = claim.job
        definition = check_definition(job.definition, job.content_id, self._suite.vocabulary)
        shape = definition.shape(self._suite.vocabulary)
        job.clips = clips.clips_for(job.definition, job.blueprint or {}, shape, route_of(job))
        for sentence in clips.differences(job):
            job.warn(sentence)
        job.settle_state()
        claim.save()

    def estimate(self, order: Order) -> Estimate:
        """Plan an order from the local templates and cut it into clips: nothing is written, called or paid."""
        blueprint = self.planner.plan(order.definition)
        return estimate(order, blueprint, self._suite.chooser, self._suite.prices)

    def _order(self, source: str, data: bytes) -> Order:
        suite = self._suite
        definition = parse_definition(data, source, suite.vocabulary)
        picture, usable = intake.with_its_picture(definition, source), not self._dry_run
        if self._by_tier:
            route = suite.chooser.by_tier(definition.tier, picture, usable=usable)
        else:
            route = suite.chooser.choose(definition, self._service, usable=usable)._replace(start_image=picture)
        shape = definition.shape(suite.vocabulary)
        clips.check_feasible(definition.model_dump(), shape, route, source)
        known = intake.look_up(definition, suite.queue, suite.shelf, self._again)
        return Order(definition, source, known.route or route, shape, known.standing)

    @contextmanager
    def _owned(self, order: Order) -> Iterator[Claim | None]:
        """The job of an order, owned by us: accepted now, or found on the queue and carried on; None if it is done."""
        suite, content_id = self._suite, order.definition.content_id
        known = intake.look_up(order.definition, suite.queue, suite.shelf, self._again)
        if known.standing in (Standing.COMPLETED, Standing.FAILED):
            yield None
            return
        if known.standing == Standing.ON_ITS_WAY:
            with suite.queue.claim(content_id) as claim:
                yield None if claim and suite.finisher.left_already(claim) else claim
            return
        expected = suite.shelf.video(content_id).relative_to(suite.settings.home)
        job = intake.new_job(order.definition, order.route, str(expected))
        is_taken = None if self._again else partial(intake.is_taken, content_id, suite.queue, suite.shelf)
        with suite.queue.accept(job, unless=is_taken) as claim:
            yield claim

    def _outcome(self, order: Order, blueprint: Blueprint | None) -> Outcome:
        content_id = order.definition.content_id
        try:
            clock.check_stop()
            job = self.submit(order, blueprint)
        except TenxsomError as error:
            log.info("%s", error, extra={"content_id": content_id})
            return self._suite.standing(content_id, str(error), error.exit_code)
        except Exception as error:  # a mistake of ours with one job must not keep the others from being submitted
            log.exception("Unexpected error", extra={"content_id": content_id})
            return self._suite.standing(content_id, f"an unexpected error, please report it: {error!r}", 75)
        return (
            self._suite.standing(content_id, "", 0)
            if job is None
            else self._suite.standing(content_id, job.error or "", 1 if job.state == State.FAILED else 0)
        )


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
    from tenxsom.wiring import Suite

    with Suite(settings) as suite:
        orchestrator = MasterOrchestrator(
            suite, service=arguments.service, by_tier=arguments.route, again=arguments.again, dry_run=arguments.dry_run
        )
        orders = orchestrator.read(arguments.jobs)
        if arguments.dry_run:
            return views.estimates([orchestrator.estimate(order) for order in orders])
        say_who_makes_it(orders)
        outcomes = orchestrator.submit_all(orders)
        return views.outcomes(wait_for(suite, outcomes, arguments.json) if arguments.wait else outcomes)


def wait_for(suite: Suite, outcomes: Sequence[Outcome], quiet: bool) -> list[Outcome]:
    """Stay until every job that is on its way has ended or waits for somebody; the poller does the work."""
    from poll_video_status import VideoStatusPoller

    on_their_way = [outcome.content_id for outcome in outcomes if outcome.is_on_its_way]
    with terminal.Progress(quiet) as progress:
        last = VideoStatusPoller(suite).wait_for(on_their_way, progress)
    return [_after(suite, outcome, last) if outcome.content_id in on_their_way else outcome for outcome in outcomes]


def _after(suite: Suite, before: Outcome, last: dict[str, Outcome]) -> Outcome:
    """What a wait came to for one job: its end, what it waits for now, or that the wait was cut short."""
    now = suite.standing(before.content_id)
    seen = last.get(before.content_id, now)
    if not now.is_on_its_way:
        return now if now.exit_code or now.report else seen
    return seen if seen.exit_code else now._replace(exit_code=75, message=NOT_THERE_YET)


def say_who_makes_it(orders: Sequence[Order]) -> None:
    """Say which service makes the videos and why; and loudly, that a preview is not the real thing."""
    for told in sorted({order.route.told() for order in orders}):
        terminal.notice(f"Made by {told}.")
    if any(order.service == "local_studio" for order in orders):
        terminal.notice("The local studio makes previews, free of charge. Set a vendor's credentials for real videos (README.md).")


if __name__ == "__main__":
    sys.exit(main())
