#!/usr/bin/env python3
"""Operate: look at jobs, and make the decisions that the belt leaves to people.

    manage_jobs.py status [--json]                      every job on the queue
    manage_jobs.py show CONTENT_ID [--json]             everything about one job
    manage_jobs.py retry CONTENT_ID [--yes]             make what a failed job misses once more; says first what it costs
    manage_jobs.py cancel CONTENT_ID                    order nothing further; what is paid for is still kept
    manage_jobs.py resolve CONTENT_ID --adopt JOB_ID | --never-sent | --write-off [--clip NUMBER]
                                                        decide about a paid call whose outcome nobody knows
    manage_jobs.py schema                               the JSON Schema of job definitions, for editors
    manage_jobs.py studio [--port NUMBER]               serve the local studio to other programs, until interrupted

Exit codes: README.md.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenxsom import clock, terminal, views
from tenxsom.belt import adoption
from tenxsom.belt.collect import give_up
from tenxsom.belt.finish import all_final
from tenxsom.errors import BadInput, BrokenState
from tenxsom.model import money
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.services import registry as services
from tenxsom.services.base import INLINE, Variant

if TYPE_CHECKING:
    from tenxsom.settings import Settings
    from tenxsom.store.queue import Claim
    from tenxsom.wiring import Suite


STUDIO_ADDRESSES = """\
The studio answers at {url}
  USEAPI_BASE_URL={url}/v1
  LTX_API_BASE_URL={url}
  VERTEX_GENAI_BASE_URL={url}"""


class JobManager:
    """What an operator can do with jobs. Nothing here orders anything: the belt does, with its next tick."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def jobs(self) -> tuple[list[VideoJob], list[str]]:
        """All jobs on the queue, oldest first, and the ids of those that cannot be read: the poller's to set aside."""
        found, unreadable = [], []
        for content_id in self._suite.queue.ids():
            try:
                job = self._suite.queue.load(content_id)
            except BrokenState as error:
                terminal.notice(f"{content_id}: its state file cannot be used because {error}.")
                unreadable.append(content_id)
                continue
            if job:
                found.append(job)
        return sorted(found, key=lambda job: job.submit_time), unreadable

    def show(self, content_id: str) -> terminal.Result:
        """Everything about one job: its state while it is on the queue, its final report afterwards. Raises BadInput."""
        job = self._suite.queue.load(content_id)
        found = job.as_dict() if job else self._suite.shelf.final_report(content_id)
        if found is None:
            raise self._suite.unknown(content_id)
        standing = self._suite.outcome(job) if job else self._suite.standing(content_id)
        return views.job(found, standing, job.clips if job else [])

    def retry_cost(self, content_id: str) -> tuple[VideoJob, str]:
        """The job that a retry would put on the queue, and what it would cost, in words. Raises BadInput."""
        report = self._suite.shelf.final_report(content_id)
        if self._suite.queue.load(content_id):
            raise BadInput(f"{content_id!r} has not ended yet: what was ordered is still collected. Try again once it has.")
        if report is None:
            raise self._suite.unknown(content_id)
        if "job" not in report:
            raise BadInput(f"{content_id!r} is no failed or cancelled job, so there is nothing to make once more.")
        job = VideoJob.from_dict(report["job"])
        prices, total = self._suite.prices, money.ZERO
        for clip in job.clips:
            if clip.step == Step.FAILED:
                kept = services.pace(job.service_of(clip), Variant())
                clip.retry(keep_asset=kept.upload_hours is None and clip.asset.get("file_id") != INLINE)
                if clip.step != Step.AWAIT_VIDEO:
                    total += prices.of_clip(job, clip) + (money.ZERO if clip.asset else prices.of_still(job, clip))
        if not job.clips:
            return job, f"{job.service} will make all of it; what that costs is known when it has been planned"
        return job, f"{job.service} will make what is missing for {money.shown(total)}"

    def retry(self, job: VideoJob) -> None:
        """Put a failed job back on the queue, as a new run: its earlier report is kept under a numbered stem."""
        job.run_id, job.submit_time = f"tx-{uuid.uuid4().hex[:16]}", clock.stamp()
        job.cancelled, job.error = False, None
        job.record("retried")
        job.settle_state()
        with self._suite.queue.accept(job) as claim:
            if claim is None:
                raise BadInput(f"{job.content_id} is on the queue already.")
            self._suite.finisher.make_way(job)
            claim.save()

    def cancel(self, content_id: str) -> str:
        """Order nothing further for a job. Returns a sentence about what happens to what is paid for already."""
        with self._claimed(content_id) as claim:
            job = claim.job
            if self._suite.finisher.left_already(claim):
                return f"{content_id} has ended already."
            if any(clip.intent for clip in job.clips):
                raise BadInput(
                    f"{content_id} has a paid call whose outcome is unknown; resolve that first (manage_jobs.py resolve)."
                )
            job.cancelled = True
            for clip in job.clips:
                if not clip.is_submitted:
                    give_up(job, clip, "cancelled before it was ordered")
            job.settle_state()
            claim.save()
            if not job.clips or all_final(job):
                self._suite.finisher.end(claim)
                return f"{content_id} is cancelled; nothing was at the service."
            job.record("cancelled", "what is at the service is still collected")
            claim.save()
            return f"{content_id} is cancelled; what is already paid for is still collected and kept."

    def resolve(self, content_id: str, arguments: argparse.Namespace) -> str:
        """Decide about the paid calls of a job whose outcome nobody knows. Returns a sentence about what happens now."""
        with self._claimed(content_id) as claim:
            clip = self._open_clip(claim, arguments.clip)
            if arguments.adopt is not None:  # an unset variable in the command must not write anything off
                adoption.check_free(arguments.adopt, claim.job, clip, self._suite.queue, self._suite.shelf)
                adoption.check_known(arguments.adopt, claim.job, clip, self._suite.service, self._suite.source)
                self._suite.paid_calls.adopt(claim, clip, arguments.adopt)
                return f"Clip {clip.index + 1} of {content_id} is {arguments.adopt} now; the next tick goes on with it."
            if arguments.never_sent:
                self._suite.paid_calls.never_sent(claim, clip)
                return f"Clip {clip.index + 1} of {content_id} is ordered again by the next tick."
            self._suite.paid_calls.write_off(claim, clip)
            if all_final(claim.job):
                self._suite.finisher.end(claim)
            return f"Clip {clip.index + 1} of {content_id} is written off; its price counts as spent."

    @contextmanager
    def _claimed(self, content_id: str) -> Iterator[Claim]:
        with self._suite.queue.claim(content_id) as claim:
            if claim is None and (report := self._suite.shelf.final_report(content_id)):
                raise BadInput(f"{content_id!r} has ended already ({report['state']}).")
            if claim is None:
                raise self._suite.unknown(content_id)
            yield claim

    @staticmethod
    def _open_clip(claim: Claim, number: int | None) -> Clip:
        open_clips = [clip for clip in claim.job.clips if clip.intent and number in (None, clip.index + 1)]
        if not open_clips:
            raise BadInput(f"{claim.job.content_id} has no paid call whose outcome is unknown.")
        if len(open_clips) > 1:
            numbers = ", ".join(str(clip.index + 1) for clip in open_clips)
            raise BadInput(f"{claim.job.content_id} has several unclear calls; say which with --clip (one of {numbers}).")
        return open_clips[0]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="manage_jobs.py", description="Look at jobs, and decide what the belt leaves to people.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    made = {
        "status": commands.add_parser("status", help="every job on the queue"),
        "show": commands.add_parser("show", help="everything about one job"),
        "retry": commands.add_parser("retry", help="make what a failed job misses once more"),
        "cancel": commands.add_parser("cancel", help="order nothing further for a job"),
        "resolve": commands.add_parser("resolve", help="decide about an unclear paid call"),
        "schema": commands.add_parser("schema", help="the JSON Schema of job definitions"),
        "studio": commands.add_parser("studio", help="serve the local studio to other programs"),
    }
    for name, command in made.items():
        command.add_argument("--json", action="store_true", help="print one JSON document")
        if name not in ("status", "schema", "studio"):
            command.add_argument("content_id", metavar="CONTENT_ID")
    made["retry"].add_argument("--yes", action="store_true", help="do it; without this the price is only named")
    made["resolve"].add_argument("--clip", metavar="NUMBER", type=int, help="which clip, if several are unclear (from 1)")
    decision = made["resolve"].add_mutually_exclusive_group(required=True)
    decision.add_argument("--adopt", metavar="JOB_ID", help="it was accepted: this is the service's id")
    decision.add_argument("--never-sent", action="store_true", help="the service never got it: order it again")
    decision.add_argument("--write-off", action="store_true", help="give it up: count it as spent, fail the clip")
    made["studio"].add_argument(
        "--port",
        metavar="NUMBER",
        type=terminal.port,
        default=8765,
        help="where to listen on this machine (default: 8765)",
    )
    return terminal.run("manage", parser, manage, argv)


def manage(arguments: argparse.Namespace, settings: Settings) -> terminal.Result:
    from tenxsom.wiring import Suite

    with Suite(settings) as suite:
        manager = JobManager(suite)
        if arguments.command == "status":
            return views.status(*manager.jobs(), suite.queue.set_aside())
        if arguments.command == "studio":
            return serve_studio(settings, arguments.port)
        if arguments.command == "schema":
            from tenxsom.model.definition import definition_schema

            return views.raw(definition_schema(suite.vocabulary))
        if arguments.command == "show":
            return manager.show(arguments.content_id)
        if arguments.command == "retry":
            return retry(manager, arguments)
        sentence = (
            manager.cancel(arguments.content_id)
            if arguments.command == "cancel"
            else manager.resolve(arguments.content_id, arguments)
        )
        return views.sentence(arguments.content_id, sentence)


def serve_studio(settings: Settings, port: int) -> terminal.Result:
    """The local studio over a socket, with the same world as in process: a rehearsal vendor for anything that speaks HTTP."""
    from tenxsom.studio.server import serve

    try:
        serve(settings.studio_folder, port=port, ready=lambda url: terminal.notice(STUDIO_ADDRESSES.format(url=url)))
    except OSError as error:
        raise BadInput(f"Port {port} cannot be used ({error.strerror}); choose another with --port.") from error
    return views.sentence("", "The studio has ended.")


def retry(manager: JobManager, arguments: argparse.Namespace) -> terminal.Result:
    """Name the price; with --yes, do it."""
    job, cost = manager.retry_cost(arguments.content_id)
    if not arguments.yes:
        return views.sentence(job.content_id, f"{cost}. Run it again with --yes to do that; nothing has happened yet.")
    manager.retry(job)
    return views.sentence(job.content_id, f"{cost}. It is on the queue again; the next tick goes on with it.")


if __name__ == "__main__":
    sys.exit(main())
