"""A vendor in memory: the protocols of a service and of a source of stills, with a count of charges, and every way in which a
paid call can go wrong."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from tenxsom import clock, settings
from tenxsom.app import App
from tenxsom.errors import AccountError, NotFound, NotSent, ServiceBusy, ServiceDown, ServiceRefused, SubmitUnclear
from tenxsom.http.downloads import Download
from tenxsom.model.parts import MediaFacts
from tenxsom.pipeline.delivery import ClipDelivery
from tenxsom.pipeline.finisher import Finisher
from tenxsom.services.base import GenerationState, GenerationStatus, Submitted, VideoOrder
from tenxsom.services.images.base import ImageOrder, PollPolicy
from tests.belt import PLAIN_FILMS, TOKEN

ACCEPTING = ("accept", "accept_then_unclear", "accept_then_down", "accept_then_death")
REFUSING = ("refuse", "busy", "not_sent", "account", "lost", "death")
CHECKS = ("ready", "running", "down", "failed", "unknown")


def a_picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (16, 9), "navy").save(data, "PNG")
    return data.getvalue()


PICTURE = a_picture()


class PaperVendor:
    """Implements VideoService and StillSource. `mood` is how the next paid call goes, `check` how the next status calls go."""

    name = "useapi_ltx"
    poll_policy = PollPolicy(check_seconds=3, wait_seconds=0)
    can_reconcile = True

    def __init__(self) -> None:
        self.charges: list[dict[str, str]] = []
        self.mood, self.check = "accept", "ready"
        self.remembers = True
        self.die: Callable[[], None] = lambda: None

    def request_image(self, order: ImageOrder, reference: str) -> Submitted:
        return self._paid("image", reference)

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        return self._paid("video", reference)._replace(endpoint=f"/ltxstudio/assets/job-{reference}")

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        return self._status()

    def video_status(self, video: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        return self._status()._replace(endpoint=f"/ltxstudio/assets/{video['job_id']}")

    def upload_image(self, picture: Path, mime_type: str) -> str:
        return f"asset-of-{len(picture.read_bytes())}"

    def find_submission(self, reference: str) -> Submitted | None:
        if not self.remembers:
            return None
        return next((Submitted(f"job-{reference}") for charge in self.charges if charge["replyRef"] == reference), None)

    def fetch(self, status: GenerationStatus, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        return self.fetch_image(str(status.url), part, max_bytes, deadline_seconds)

    def fetch_image(self, url: str, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        part.write_bytes(PICTURE)
        return Download(part, len(PICTURE), "0" * 64, "image/png")

    def ping(self) -> None:
        """It is there."""

    def discard(self, job_id: str) -> None:
        """It keeps nothing."""

    def settle(self, seconds: float) -> None:
        """Nothing of it runs anywhere."""

    def close(self) -> None:
        """It has no connections."""

    def knows(self, reference: str) -> bool:
        """The truth, which the program cannot ask for: whether the call was accepted."""
        return any(charge["replyRef"] == reference for charge in self.charges)

    def _paid(self, kind: str, reference: str) -> Submitted:
        mood, self.mood = self.mood, "accept"
        if mood in ACCEPTING:
            self.charges.append({"replyRef": reference, "kind": kind, "day": clock.day()})
        match mood:
            case "refuse":
                raise ServiceRefused("422: moderated", 422)
            case "busy":
                raise ServiceBusy("429", 5)
            case "not_sent":
                raise NotSent("connection refused")
            case "account":
                raise AccountError("402: no credits", 402)
            case "lost" | "accept_then_unclear":
                raise SubmitUnclear("the connection broke")
            case "accept_then_down":
                raise ServiceDown("an error that no paid call should raise")
            case "death" | "accept_then_death":
                self.die()
        return Submitted(f"job-{reference}")

    def _status(self) -> GenerationStatus:
        match self.check:
            case "down":
                raise ServiceDown("502")
            case "unknown":
                raise NotFound("404", 404)
            case "running":
                return GenerationStatus(GenerationState.RUNNING, percent=10)
            case "failed":
                return GenerationStatus(GenerationState.FAILED, message="out of paint")
            case "unexplained":
                return GenerationStatus(GenerationState.FAILED, message="the service gave no reason", explained=False)
            case "odd":
                return GenerationStatus(GenerationState.RUNNING, message="'daydreaming' in {}", unknown="'daydreaming' in {}")
        return GenerationStatus(GenerationState.READY, url="https://storage.example.com/result")


class PaperDelivery(ClipDelivery):
    """Takes clips in as the real one does, without looking into videos: there are none here."""

    def verify(self, part, deadline=None):
        return MediaFacts(seconds=3.0, width=16, height=9, size_bytes=part.stat().st_size)

    def into_mp4(self, part, target, deadline=None):
        return ""


class PaperFinisher(Finisher):
    """Finishes as the real one does, without videos."""

    def _join(self, claim, deadline):
        """None: there is nothing that could be joined."""

    def _publish_video(self, job, deadline):
        return MediaFacts.from_dict({"seconds": 3.0, "width": 16, "height": 9, "sha256": "0" * 64})

    def _make_thumbnail(self, claim, deadline):
        """None: it comes from the video."""


def paper_suite(home: Path, vendor: PaperVendor, **changes: str) -> App:
    """The real suite, but for its vendor and for looking into videos."""
    environment = {"TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": TOKEN}
    suite = App(settings.load(PLAIN_FILMS | environment | changes))
    suite._services["useapi_ltx"] = suite._sources["flux", "useapi_ltx"] = vendor
    suite.delivery = PaperDelivery(suite.service, suite.artifacts, suite.settings)
    suite.finisher = PaperFinisher(suite.artifacts, suite.delivery, release=suite.release)
    return suite
