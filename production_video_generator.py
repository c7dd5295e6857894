#!/usr/bin/env python3
"""Make: a Flux still, uploaded again as an asset of type=image, becomes the start frame of an LTX clip.

    production_video_generator.py [--json] JOB --blueprint FILE

Submits the definition JOB with a blueprint that exists already (claude_video_service.py --json prints one). Every step is
saved before the next, so a run that was cut off anywhere goes on where it stopped. Exit codes: README.md.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tenxsom import atomic, clock, terminal, views
from tenxsom.belt.collect import LOST_AFTER_CHECKS, give_up, give_up_overdue
from tenxsom.errors import (
    AccountTrouble,
    BadInput,
    BadSettings,
    BrokenMedia,
    Interrupted,
    NeedsDecision,
    NotFound,
    ServiceRefused,
    TryAgainLater,
)
from tenxsom.model.job import SUBMISSION_STEPS, Step
from tenxsom.services.base import ImageOrder, Progress, Submitted, VideoOrder

if TYPE_CHECKING:
    from tenxsom.model.job import Clip
    from tenxsom.services.base import VideoService
    from tenxsom.settings import Settings
    from tenxsom.store.queue import Claim
    from tenxsom.wiring import Suite

log = logging.getLogger("generate")

MAX_IMAGE_BYTES = 50_000_000
IMAGE_DOWNLOAD_SECONDS = 60.0
ACCOUNT_PAUSE_SECONDS = 900.0
"""How long a job waits after the account's token, plan or credits were refused, so that somebody can repair it."""
MAX_BROKEN_STILLS = 5


class ProductionVideoGenerator:
    """Turns the clips of a job into submissions, one saved step after the other."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def generate_with_useapi(self, claim: Claim) -> None:
        """Submit every clip of the job that is not submitted yet, by the UseAPI contract: image → asset → video.

        Goes step by step through all clips, so that the service works on their stills side by side. Raises what stopped it;
        everything up to there is saved, and the same call carries on: NeedsDecision (unclear call, budget), TryAgainLater.
        """
        service = self._suite.service(claim.job.service)
        self._suite.paid_calls.reconcile_all(claim, service)
        for step in SUBMISSION_STEPS:
            for clip in claim.job.clips:
                if clip.step == step and not self._is_doomed(claim, clip):
                    self._take(step, claim, clip, service)

    def generate_video(self, claim: Claim, tier: str | None = None) -> None:
        """The architecture's legacy tier router: premium, standard and volume each reach a function that makes the video.

        The orchestrator does not use it: it calls `generate_with_useapi` directly, on purpose. templates/tiers.json says
        which function a tier reaches; raises BadSettings for a tier that is not there.
        """
        makers: dict[str, Callable[[Claim], None]] = {"generate_with_useapi": self.generate_with_useapi}
        tier = tier or str(claim.job.definition["tier"])
        route = self._suite.templates.tiers.get(tier, {}).get("maker")
        if route not in makers:
            raise BadSettings(f"templates/tiers.json gives the tier {tier!r} no maker that exists; known is generate_with_useapi.")
        makers[route](claim)

    def request_image(self, claim: Claim, clip: Clip, service: VideoService) -> None:
        """Order the still. Paid."""
        order = ImageOrder(
            clip.image_prompt, clip.aspect_ratio, clip.style, clip.seed, mood=claim.job.definition.get("archetype", "")
        )
        price = self._suite.price(claim.job.service).image
        self._suite.paid_calls.pay(claim, clip, price, lambda reference: service.request_image(order, reference))

    def await_image(self, claim: Claim, clip: Clip, service: VideoService) -> None:
        """Wait for the still, as long as the service allows; the poller waits on where this run stops."""
        deadline, pause = clock.Deadline(service.capabilities.image_wait_seconds), service.capabilities.image_check_seconds / 12
        while (status := service.image_status(clip.image["job_id"])).progress == Progress.RUNNING:
            deadline.check(f"Waiting for the still of clip {clip.index + 1}")
            clock.sleep(pause)
            pause = min(service.capabilities.image_check_seconds, pause * 1.5)
        if status.progress == Progress.FAILED:
            raise ServiceRefused(f"{service.name} could not make the still: {status.message}.")
        clip.image["url"] = status.url
        clip.attempts.pop("not_found", None)
        self._done(claim, clip, Step.FETCH_IMAGE, "image_ready")

    def fetch_image(self, claim: Claim, clip: Clip, service: VideoService) -> None:
        """Download the still and look whether it is a whole picture; an expired link means asking for a fresh one."""
        from tenxsom.media.check import check_picture

        still = self._suite.shelf.still(claim.job.content_id, clip.index)
        part = still.with_name(still.name + ".part")
        try:
            service.fetch(clip.image["url"], part, MAX_IMAGE_BYTES, IMAGE_DOWNLOAD_SECONDS, "image")
        except NotFound:
            clip.step = Step.AWAIT_IMAGE
            raise TryAgainLater("The link to the still has expired; a fresh one is asked for.", retry_after=5) from None
        facts = check_picture(part)
        atomic.publish(part, still)
        clip.image["mime_type"] = facts.mime_type
        self._done(claim, clip, Step.UPLOAD_ASSET, "image_fetched", f"{facts.width}x{facts.height} {facts.mime_type}")

    def upload_asset(self, claim: Claim, clip: Clip, service: VideoService) -> None:
        """Upload the still as an asset of type=image: the service refuses its own generated artifacts as start frames."""
        still = self._suite.shelf.still(claim.job.content_id, clip.index)
        if not still.exists():
            clip.step = Step.AWAIT_IMAGE
            raise TryAgainLater("The downloaded still is gone from the disk; it is fetched again.", retry_after=1)
        clip.asset = {"file_id": service.upload_image(still, clip.image["mime_type"]), "mime_type": clip.image["mime_type"]}
        self._done(claim, clip, Step.REQUEST_VIDEO, "asset_uploaded")
        still.unlink(missing_ok=True)

    def request_video(self, claim: Claim, clip: Clip, service: VideoService) -> None:
        """Order the clip with the uploaded still as its start frame. Paid."""
        mood = claim.job.definition.get("archetype", "")
        order = VideoOrder(
            clip.prompt, clip.aspect_ratio, clip.seconds, clip.asset["file_id"], clip.seed, mood=mood, cues=tuple(clip.cues)
        )
        price = self._suite.price(claim.job.service).of_clip(clip.seconds)
        self._suite.paid_calls.pay(claim, clip, price, lambda reference: service.request_video(order, reference))
        clip.status_endpoint = service.first_endpoint(Submitted(clip.video["job_id"], clip.video.get("generation_id")))
        clip.next_check_at = clock.later(service.capabilities.first_check_seconds)
        claim.job.settle_state()
        claim.save()

    def _take(self, step: Step, claim: Claim, clip: Clip, service: VideoService) -> None:
        """One step, and what its failure means: wait for somebody, wait for better times, or the end of this clip."""
        clock.check_stop()
        try:
            getattr(self, step.value)(claim, clip, service)
        except (Interrupted, NeedsDecision):
            raise
        except AccountTrouble as error:
            self._postpone(claim, clip, ACCOUNT_PAUSE_SECONDS, error)
            raise
        except TryAgainLater as error:
            self._postpone(claim, clip, error.retry_after or clock.backoff_seconds(clip.count_attempt()), error)
            raise
        except BrokenMedia as error:
            self._fetch_again(claim, clip, error)
        except NotFound as error:
            self._ask_again(claim, clip, error)
        except ServiceRefused as error:
            self._give_up(claim, clip, str(error))

    def _postpone(self, claim: Claim, clip: Clip, seconds: float, error: Exception) -> None:
        clip.next_check_at, clip.error = clock.later(seconds), str(error)
        give_up_overdue(claim.job, clip, self._suite.settings.job_deadline_hours)
        claim.job.settle_state()
        claim.save()

    def _ask_again(self, claim: Claim, clip: Clip, error: NotFound) -> None:
        """One 404 may be a hiccup; only several in a row mean that a still, which is paid for, is gone."""
        if clip.count("not_found") >= LOST_AFTER_CHECKS:
            self._give_up(claim, clip, str(error))
            return
        self._postpone(claim, clip, clock.backoff_seconds(clip.attempts["not_found"]), error)
        raise TryAgainLater(f"{error} It is asked for again before it counts as lost.") from error

    def _fetch_again(self, claim: Claim, clip: Clip, error: BrokenMedia) -> None:
        """A broken still costs nothing to fetch again; after a few tries the service's picture itself is broken."""
        if clip.count_attempt() >= MAX_BROKEN_STILLS:
            self._give_up(claim, clip, f"the still is broken: {error}")
            return
        clip.step = Step.AWAIT_IMAGE
        self._postpone(claim, clip, 5, error)
        raise TryAgainLater(f"The still came broken ({error}); it is fetched again.") from error

    def _give_up(self, claim: Claim, clip: Clip, reason: str) -> None:
        give_up(claim.job, clip, reason)
        claim.job.settle_state()
        claim.save()

    def _is_doomed(self, claim: Claim, clip: Clip) -> bool:
        """A clip of a job that cannot become whole any more: nothing further is paid for it."""
        lost = next((other for other in claim.job.clips if other.step == Step.FAILED), None)
        if lost:
            self._give_up(claim, clip, f"not made, because clip {lost.index + 1} failed")
        return lost is not None

    def _done(self, claim: Claim, clip: Clip, following: Step, event: str, detail: str = "") -> None:
        clip.step, clip.error, clip.next_check_at = following, None, None
        claim.job.record(event, f"clip {clip.index + 1}{', ' if detail else ''}{detail}")
        claim.save()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="production_video_generator.py", description="Submit a definition with a blueprint that exists already."
    )
    parser.add_argument("job", metavar="JOB", help="the job definition: a file, or - for standard input")
    parser.add_argument("--blueprint", metavar="FILE", required=True, help="the blueprint to make")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return terminal.run("generate", parser, submit, argv)


def submit(arguments: argparse.Namespace, settings: Settings) -> terminal.Result:
    """Accept the definition with the given blueprint and submit it, exactly as the orchestrator does after planning."""
    from master_orchestrator_v3 import MasterOrchestrator
    from tenxsom.belt.clips import check_feasible
    from tenxsom.model.blueprint import parse_blueprint
    from tenxsom.wiring import Suite

    with Suite(settings) as suite:
        orchestrator = MasterOrchestrator(suite)
        definitions = orchestrator.read([arguments.job])
        blueprint = parse_blueprint(terminal.read_input(arguments.blueprint), arguments.blueprint)
        check_length(definitions[0].definition.target_duration, blueprint.seconds)
        order = definitions[0]
        planned = order.definition.model_dump() | {"target_duration": blueprint.seconds}
        check_feasible(planned, order.shape, order.service, suite.capabilities(order.service), arguments.blueprint)
        return views.outcomes(orchestrator.submit_all(definitions, blueprint=blueprint))


def check_length(asked: float, planned: float) -> None:
    """Raise BadInput when a blueprint was made for another length: the video would be too short, or cost more than asked for."""
    if abs(asked - planned) > 0.5:
        raise BadInput(
            f"The blueprint lasts {planned:g} seconds, but the definition's target_duration is {asked:g}; change one of them."
        )


if __name__ == "__main__":
    sys.exit(main())
