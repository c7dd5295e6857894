"""Moves clips to another service when theirs is down or retired, as long as nothing has been paid for them.

A clip with a paid call that was made, is open or is unclear never moves: paid clips are collected, and nothing is paid twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from tenxsom import clock
from tenxsom.errors import Interrupted, TenxsomError
from tenxsom.model.clip import Clip, Step
from tenxsom.model.definition import check_definition
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import Still, Upload
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline import clips as cutting
from tenxsom.pipeline.routing import Chooser, Route, route_of
from tenxsom.services import registry
from tenxsom.services.base import VideoService
from tenxsom.services.images import registry as stills
from tenxsom.store.base import RELEASED, Claim

if TYPE_CHECKING:
    from tenxsom.pipeline.cutting import Cutter

log = logging.getLogger(__name__)

DOWN_AFTER_ATTEMPTS, DOWN_AFTER_SECONDS = 3, 900.0
"""A service counts as down for a clip after this number of consecutive connection failures over this time, so that a short
outage, also of our own network, moves nothing to a service that may cost more."""


class Rerouter:
    """Moves clips and jobs from one route to another."""

    def __init__(self, chooser: Chooser, vocabulary: Vocabulary, cutter: Cutter, service_of: Callable[[str], VideoService]) -> None:
        self._chooser = chooser
        self._cutter = cutter
        self._vocabulary = vocabulary
        self._service_of = service_of

    def record_failure(self, clip: Clip) -> bool:
        """Count a connection failure of the service. Returns whether it counts as down for this clip now."""
        clip.down_since = clip.down_since or clock.stamp()
        return clip.count("down") >= DOWN_AFTER_ATTEMPTS and clock.age_seconds(clip.down_since) >= DOWN_AFTER_SECONDS

    @staticmethod
    def record_success(clip: Clip) -> None:
        """Reset the count of connection failures after any response."""
        clip.down_since = None
        clip.attempts.pop("down", None)

    def fall_back(self, claim: Claim, clip: Clip, why: str) -> bool:
        """Move a clip (or its whole job, where nothing has been paid) to the next service that can make it.

        A service that does not respond itself is skipped: our own network may be down, which must not move clips to a more
        expensive service. Returns whether the clip moved; the new route is then saved.
        """
        job = claim.job
        if not is_free(job, clip):
            return False
        left = job.service_of(clip)
        current = route_of(job)._replace(service=left)
        tried = {left, *clip.tried}
        for route in self._chooser.fallbacks(current):
            if route.service in tried or not self._answers(route.service):
                continue
            if self._recut(job, route) or self._moved(job, clip, route):
                for moved in job.clips:
                    self.record_success(moved)
                    if moved.service == route.service:
                        moved.tried = sorted(tried)
                self._tell(claim, route, f"{left} cannot be used: {why}")
                return True
        return False

    def _answers(self, service: str) -> bool:
        """Return whether a service responds to a free request now."""
        try:
            self._service_of(service).ping()
        except Interrupted:
            raise
        except TenxsomError as error:
            log.info("%s is no way out: %s", service, error)
            return False
        return True

    def reroute(self, claim: Claim, route: Route) -> None:
        """Move a whole job to another route, unless it is on it already or something has been paid."""
        if route_of(claim.job)[:3] != route[:3] and self._recut(claim.job, route):
            self._tell(claim, route, "")

    def _recut(self, job: VideoJob, route: Route) -> bool:
        """Cut an unpaid job into clips of the new service. Attempts continue to count, so that no reference is used twice."""
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        shape = definition.shape(self._vocabulary)
        if not all(is_free(job, clip) for clip in job.clips) or cutting.obstacles(definition, shape, route):
            return False
        if job.blueprint:
            attempts = {clip.index: clip.attempts for clip in job.clips}
            self._cutter.cut(job, route)
            for clip in job.clips:
                clip.attempts = attempts.get(clip.index, {})
        job.service, job.route = route.service, route.record()
        return True

    def _moved(self, job: VideoJob, clip: Clip, route: Route) -> bool:
        """Move one clip to another service, if that makes clips of its duration and shape."""
        capabilities, shape = registry.capabilities(route.service, route.variant), clip.asked_aspect_ratio or clip.aspect_ratio
        made_shape = cutting.made_aspect_ratio(shape, capabilities)
        if clip.asked_seconds > capabilities.durations[-1] + 1e-9 or made_shape not in capabilities.aspect_ratios:
            return False
        before = 1.0 if clip.trim else clip.seconds / clip.asked_seconds
        clip.seconds = cutting.made_seconds(clip.asked_seconds, capabilities.durations)
        clip.trim = job.definition.fit == "trim" and clip.seconds > clip.asked_seconds + 1e-9
        stretch = (1.0 if clip.trim else clip.seconds / clip.asked_seconds) / before
        clip.cues = [
            cue.model_copy(update={"start": round(cue.start * stretch, 3), "end": round(cue.end * stretch, 3)}) for cue in clip.cues
        ]
        clip.service, (clip.model, clip.resolution) = route.service, route.variant
        clip.aspect_ratio, clip.asked_aspect_ratio = made_shape, None if shape == made_shape else shape
        clip.start_frame, clip.image, clip.asset = route.start_frame, Still(), Upload()
        clip.error = clip.next_check_at = None
        cutting.begin(clip, route.start_image)
        return True

    @staticmethod
    def _tell(claim: Claim, route: Route, why: str) -> None:
        job = claim.job
        job.record("rerouted", f"to {route.describe()}{'; ' if why else ''}{why}")
        if why:
            job.warn(f"It is made by {route.service}, because {why.rstrip('.')}.")
        job.settle_state()
        claim.save()


def is_free(job: VideoJob, clip: Clip) -> bool:
    """Return whether a clip has no paid, open or unclear call."""
    return clip.intent is None and all(line["entry"] == RELEASED for line in job.spend if line.get("clip") == clip.index)


def is_about_the_service(job: VideoJob, clip: Clip) -> bool:
    """Return whether the clip's current step calls its own service, and not another source of start frames."""
    return clip.step in (Step.UPLOAD_ASSET, Step.REQUEST_VIDEO) or (stills.is_made_by(clip.start_frame, job.service_of(clip)))
