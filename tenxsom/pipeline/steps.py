"""The steps of a clip's submission, one function each, which saves its result before it returns.

`tenxsom.pipeline.generator` decides their order and handles their failures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors
from tenxsom.errors import NotFound, ServiceBusy, ServiceDown, ServiceRefused, TryAgainLater
from tenxsom.model import file_names
from tenxsom.model.clip import Clip, Step
from tenxsom.model.parts import Upload
from tenxsom.pipeline import limits
from tenxsom.pipeline.clips import picture_number
from tenxsom.pipeline.collector import UNEXPLAINED_LOOKS, note_unknown_status
from tenxsom.pipeline.means import check_cap_of_rest, is_unpaid
from tenxsom.pipeline.payment import PaidCalls, sends
from tenxsom.pipeline.prices import Prices
from tenxsom.services.base import Capabilities, GenerationState, GenerationStatus, Variant, VideoOrder, VideoService
from tenxsom.services.images.base import NONE, OWN_PICTURE, ImageOrder, PollPolicy, StillSource
from tenxsom.store.base import Artifacts, Claim

MAX_IMAGE_BYTES = 50_000_000
IMAGE_DOWNLOAD_SECONDS = 60.0
LINK_DOWN = "link_down"
"""The counter of failures of the host that a still is fetched from."""
TRIES_OF_A_LINK = 2
"""After so many of them each further one asks for a fresh link."""
BUSY_SECONDS = 20.0
"""The pause after a service was busy and named no pause."""


class ClipSteps:
    """Takes clips one step further."""

    def __init__(
        self,
        *,
        service_of: Callable[[str], VideoService],
        source_of: Callable[[str, str], StillSource],
        capabilities_of: Callable[[str, Variant], Capabilities],
        artifacts: Artifacts,
        paid_calls: PaidCalls,
        prices: Prices,
        deadline_hours: float,
        has_fallback: bool = False,
    ) -> None:
        """With `has_fallback`, a service is pinged before its first paid call: if it is down, no call is left unclear, and another
        service can take over.
        """
        self._service_of = service_of
        self._source_of = source_of
        self._capabilities_of = capabilities_of
        self._artifacts = artifacts
        self._paid_calls = paid_calls
        self._prices = prices
        self._deadline_hours = deadline_hours
        self._has_fallback = has_fallback
        self._alive: set[str] = set()
        self._full_until: dict[str, clock.Deadline] = {}

    def take(self, step: Step, claim: Claim, clip: Clip) -> None:
        """Take one step of a submission. Raises the step's error."""
        getattr(self, step.value)(claim, clip)

    def reconcile(self, claim: Claim) -> None:
        """Look up paid calls without a response. Raises SubmitUnclear when a user must decide."""
        if any(clip.intent for clip in claim.job.clips):
            self._paid_calls.reconcile_all(claim, lambda clip: self._finder(claim, clip))

    def release_unused(self, claim: Claim) -> None:
        """Release the reservations of final clips. The caller saves."""
        self._paid_calls.release_unused(claim)

    def check_cap(self, claim: Claim) -> None:
        """Check that the job's own cap covers all its remaining calls. Raises OverBudget before anything begins."""
        unpaid = [clip for clip in claim.job.clips if is_unpaid(clip)]
        if unpaid:
            check_cap_of_rest(claim, self._prices.of_rest(claim.job, unpaid))

    def request_image(self, claim: Claim, clip: Clip) -> None:
        """Order the still. Paid."""
        archetype = claim.job.definition.archetype
        number = picture_number(claim.job.clips, clip.index)
        order = ImageOrder(clip.image_prompt, clip.aspect_ratio, clip.style, clip.seed, archetype=archetype, number=number)
        source, price = self._source(claim, clip), self._prices.of_still(claim.job, clip)
        self._check_alive(clip, source)
        clip_price = self._prices.of_clip(claim.job, clip)
        self._paid_calls.pay(
            claim,
            clip,
            price,
            lambda reference: source.request_image(order, reference),
            clip_price=clip_price,
            can_be_asked=source.can_reconcile,
        )

    def poll_policy(self, claim: Claim, clip: Clip) -> PollPolicy:
        """Return the polling policy for the still of a clip."""
        return self._source(claim, clip).poll_policy

    def await_image(self, claim: Claim, clip: Clip) -> None:
        """Check the still once; the step stays the same while it is being made."""
        source = self._source(claim, clip)
        status = self._asked_for_still(claim, clip, source)
        if status.progress == GenerationState.RUNNING:
            return
        if status.progress == GenerationState.FAILED:
            if not status.explained and clip.count("unexplained") < UNEXPLAINED_LOOKS:
                raise TryAgainLater(f"{source.name} says that the still has failed, and gives no reason; it is asked once more.")
            raise ServiceRefused(f"{source.name} could not make the still: {status.message}.")
        clip.image.url = status.url
        clip.attempts.pop("not_found", None)
        self._done(claim, clip, Step.FETCH_IMAGE, "image_ready")

    def _asked_for_still(self, claim: Claim, clip: Clip, source: StillSource) -> GenerationStatus:
        status = source.image_status(clip.image.as_dict(), clip.image.status_endpoint)
        clip.image.status_endpoint = status.endpoint or clip.image.status_endpoint
        note_unknown_status(claim.job, clip, status)
        return status

    def fetch_image(self, claim: Claim, clip: Clip) -> None:
        """Download the still and verify it; after an expired link return to AWAIT_IMAGE for a new one."""
        from tenxsom.media.check import check_picture

        source, still = self._source(claim, clip), file_names.still(claim.job.content_id, clip.index)
        part = self._artifacts.scratch(still)
        try:
            source.fetch_image(clip.image.url or "", part, MAX_IMAGE_BYTES, IMAGE_DOWNLOAD_SECONDS)
        except NotFound as error:
            if clip.start_frame == OWN_PICTURE:
                raise  # the user's own picture has no service that could return a new link
            clip.step = Step.AWAIT_IMAGE
            raise TryAgainLater(f"The still cannot be fetched ({error}); a fresh link is asked for.", retry_after=5) from None
        except ServiceDown:
            if clip.start_frame != OWN_PICTURE and clip.count(LINK_DOWN) > TRIES_OF_A_LINK:
                clip.step = Step.AWAIT_IMAGE  # its host may be gone for good, and a fresh link may lead to another one
            raise
        clip.attempts.pop(LINK_DOWN, None)
        self._make_plain(claim, clip, part)
        facts = check_picture(part)
        self._artifacts.publish(part, still)
        clip.image.mime_type = facts.mime_type
        self._done(claim, clip, Step.UPLOAD_ASSET, "image_fetched", f"{facts.width}x{facts.height} {facts.mime_type}")
        source.discard(clip.image.job_id or "")

    def upload_asset(self, claim: Claim, clip: Clip) -> None:
        """Upload the still: the service accepts only uploads, not even its own generated pictures."""
        still = file_names.still(claim.job.content_id, clip.index)
        if not self._artifacts.exists(still):
            clip.step = Step.AWAIT_IMAGE
            raise TryAgainLater("The downloaded still is gone from the disk; it is fetched again.", retry_after=1)
        mime_type = clip.image.mime_type or ""
        file_id = self._service(claim, clip).upload_image(self._artifacts.local(still), mime_type)
        clip.asset = Upload(file_id=file_id, mime_type=mime_type, uploaded_at=clock.stamp())
        self._done(claim, clip, Step.REQUEST_VIDEO, "asset_uploaded")

    def request_video(self, claim: Claim, clip: Clip) -> None:
        """Order the clip. Paid."""
        job, service, capabilities = claim.job, self._service(claim, clip), self._capabilities(claim, clip)
        self._check_asset(claim, clip, capabilities)
        order = self._video_order(claim, clip)
        self._check_alive(clip, service)
        self._wait_for_a_place(service.name)
        try:
            price = self._prices.of_clip(job, clip)
            self._paid_calls.pay(
                claim,
                clip,
                price,
                lambda reference: service.request_video(order, reference),
                can_be_asked=capabilities.can_reconcile,
            )
        except ServiceBusy as error:
            self._full_until[service.name] = clock.Deadline(error.retry_after or BUSY_SECONDS)
            raise
        clip.next_check_at, clip.overdue_at = clock.later(capabilities.first_check_seconds), None
        clip.attempts.pop("overdue", None)  # from now on the clip has its own deadline
        job.settle_state()
        claim.save()

    def postpone(self, claim: Claim, clip: Clip, seconds: float, error: Exception) -> None:
        """Set the next check of a clip in `seconds`, with the reason."""
        clip.next_check_at, clip.error = clock.later(seconds), str(error)
        limits.give_up_overdue(claim.job, clip, self._deadline_hours)
        claim.job.settle_state()
        claim.save()

    def _video_order(self, claim: Claim, clip: Clip) -> VideoOrder:
        still = file_names.still(claim.job.content_id, clip.index)
        has_picture = clip.asset.file_id is not None and self._artifacts.exists(still)
        return VideoOrder(
            clip.prompt,
            clip.aspect_ratio,
            clip.seconds,
            clip.asset.file_id,
            clip.seed,
            archetype=claim.job.definition.archetype,
            cues=tuple(cue.as_dict() for cue in clip.cues),
            variant=Variant(clip.model, clip.resolution),
            start_picture=self._artifacts.local(still) if has_picture else None,
        )

    def _check_asset(self, claim: Claim, clip: Clip, capabilities: Capabilities) -> None:
        """Repeat an upload that may have expired, which is free. Raises TryAgainLater then."""
        if clip.start_frame == NONE or capabilities.upload_hours is None:
            return
        age = clock.age_seconds(clip.asset.uploaded_at or claim.job.submit_time)
        if age > capabilities.upload_hours * 3600:
            clip.step = Step.UPLOAD_ASSET
            raise TryAgainLater("The uploaded start frame may have expired; it is uploaded again.", retry_after=1)

    def _check_alive(self, clip: Clip, service: VideoService | StillSource) -> None:
        """Ping a service before a repeated paid call, or before one that another service could take.

        Raises ServiceDown, AccountError; nothing has been sent then.
        """
        was_sent = sends(clip) > 0
        if was_sent or (self._has_fallback and service.name not in self._alive):
            service.ping()
            self._alive.add(service.name)

    def _wait_for_a_place(self, service: str) -> None:
        """Raise ServiceBusy during the pause of a busy service, so that waiting jobs do not all call it."""
        full = self._full_until.get(service)
        if full and not full.passed():
            raise ServiceBusy(
                f"{service} makes as many clips at once as it does for one account; this one waits its turn.", full.left()
            )

    def _make_plain(self, claim: Claim, clip: Clip, picture: Path) -> None:
        """Convert a picture to an upright one that every service reads; crop the user's own picture to the video's shape.

        Services would convert it in different ways, or not at all. Raises BrokenMedia for a file that is not a picture.
        """
        from tenxsom.media.refit import crop_picture

        target = picture.with_name(picture.name + ".crop")
        with disk_errors(target):
            words = crop_picture(picture, target, clip.aspect_ratio if clip.start_frame == OWN_PICTURE else None)
        if words:
            atomic.publish(target, picture)
            claim.job.warn(f"The start frame of clip {clip.index + 1} was {words}.")

    def _done(self, claim: Claim, clip: Clip, following: Step, event: str, detail: str = "") -> None:
        clip.step, clip.error, clip.next_check_at = following, None, None
        clip.attempts.pop("not_found", None)
        claim.job.record(event, f"clip {clip.index + 1}{', ' if detail else ''}{detail}")
        claim.save()

    def _service(self, claim: Claim, clip: Clip) -> VideoService:
        return self._service_of(claim.job.service_of(clip))

    def _source(self, claim: Claim, clip: Clip) -> StillSource:
        return self._source_of(clip.start_frame, claim.job.service_of(clip))

    def _capabilities(self, claim: Claim, clip: Clip) -> Capabilities:
        return self._capabilities_of(claim.job.service_of(clip), Variant(clip.model, clip.resolution))

    def _finder(self, claim: Claim, clip: Clip) -> VideoService | StillSource:
        """Return the service or source that can look up the clip's open call."""
        is_image = clip.intent is not None and clip.intent.step == Step.REQUEST_IMAGE
        return self._source(claim, clip) if is_image else self._service(claim, clip)
