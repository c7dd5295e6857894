"""Takes a delivered clip: downloads it, verifies it, cuts it to fit, and publishes it.

A file counts as downloaded before its verification, so that a verification that exceeds a tick is repeated without a download. A
file that is refused three times for the same reason is kept beside its job for a user's decision; it is downloaded again at
intervals, because the service may repair it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from tenxsom import atomic, clock, threads
from tenxsom.disk import disk_errors, is_there
from tenxsom.errors import BadInput, BrokenMedia, NeedsDecision, NoTurn, OutOfTime, TryAgainLater
from tenxsom.model import file_names
from tenxsom.model.clip import DECISION, Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import LONG_SOUND_SECONDS, FetchedFile, MediaFacts, RefusedFile
from tenxsom.pipeline.limits import TAKING_IN, pause_after
from tenxsom.pipeline.reports import is_of_shape, rounding_seconds
from tenxsom.safe_files import sha256_of
from tenxsom.services.base import GenerationStatus, VideoService
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts, Claim

MAX_VIDEO_BYTES = 8_000_000_000
DOWNLOADS_AT_ONCE = 4
REFUSALS_BEFORE_ASKING = 3
TRIES_BEFORE_ASKING = 3
"""Verifications of a file that may exceed a tick before a user must decide."""
MOST_OF_A_TICK = 0.5
"""The least share of a tick after which work that did not end counts as too long for a tick."""
SHORT_SECONDS = 0.5
"""The seconds by which a film may be too short; a shorter one needs a user's decision."""
UNDECIDED_LOOKS = 5
LEAST_LEFT = Fraction(1, 2)
"""The least share of a picture that must remain when a clip of another shape is cropped."""
SIDES = {"720p": 720, "1080p": 1080, "1440p": 1440, "4K": 2160}
"""The shorter side of a picture in pixels, by resolution."""

_media_work = threading.BoundedSemaphore(2)
"""Limits decoding and encoding to one per core; more at once would only use more memory."""


@contextmanager
def media_work(deadline: clock.Deadline | None = None) -> Iterator[None]:
    """Wait for a free core for a block. Raises NoTurn when none is free before `deadline`, Interrupted.

    The block raises OutOfTime only when it had most of a tick; with less it raises NoTurn, which says nothing about the work.
    """
    deadline = deadline or clock.Deadline(math.inf)
    with threads.turn(_media_work, deadline) as is_our_turn:
        if not is_our_turn:
            raise NoTurn("Other videos are being decoded; this one's turn comes with the next tick.", retry_after=1)
        left = deadline.left()
        try:
            yield
        except OutOfTime as error:
            if left >= MOST_OF_A_TICK * deadline.seconds:
                raise
            raise NoTurn(str(error), retry_after=1) from None


def has_free_core() -> bool:
    """Return whether `media_work` would not have to wait now."""
    if not _media_work.acquire(blocking=False):
        return False
    _media_work.release()
    return True


class ClipDelivery:
    """Downloads, verifies, fits and publishes delivered clips."""

    def __init__(self, service_of: Callable[[str], VideoService], artifacts: Artifacts, settings: Settings) -> None:
        self._service_of = service_of
        self._artifacts = artifacts
        self._settings = settings
        self._downloads = threading.BoundedSemaphore(DOWNLOADS_AT_ONCE)

    def receive(self, claim: Claim, clip: Clip, status: GenerationStatus, deadline: clock.Deadline) -> None:
        """Download a finished clip, verify it and publish it.

        Raises NotFound for an expired link, BrokenMedia and TryAgainLater for a wrong file, which is downloaded again, and
        NeedsDecision when that file has come often enough.
        """
        part = self._part(claim.job, clip)
        clip.count_attempt()
        with threads.turn(self._downloads):
            service = self._service_of(claim.job.service_of(clip))
            try:
                loaded = service.fetch(status, part, MAX_VIDEO_BYTES, max(1.0, deadline.left()))
            except BrokenMedia as error:
                raise self._nothing_usable(claim.job, clip, status.url, error) from error
        clip.fetched = FetchedFile(sha256=loaded.sha256, size_bytes=loaded.size_bytes, url=status.url)
        claim.save()
        self._take_in(claim, clip, deadline)

    def is_fetched(self, job: VideoJob, clip: Clip) -> bool:
        """Return whether a downloaded file is not completely verified yet. Raises DiskError."""
        if not clip.fetched:
            return False
        part = self._part(job, clip)
        with disk_errors(part, "read"):
            if is_there(part) and part.stat().st_size == clip.fetched.size_bytes:
                return True
        clip.fetched = None
        return False

    def resume(self, claim: Claim, clip: Clip, deadline: clock.Deadline) -> None:
        """Verify and publish a file that was downloaded before. Raises like `receive`."""
        try:
            self._take_in(claim, clip, deadline)
        except OutOfTime as error:
            if clip.count("verify") >= TRIES_BEFORE_ASKING:
                name, limit = self._part(claim.job, clip).name, f"{deadline.seconds:g} s"
                sentence = (
                    f"{name} takes longer to decode, or to cut to fit, than a tick lasts ({limit}, POLL_TIME_LIMIT_SECONDS). Set"
                )
                sentence += " it higher, and the clip is looked at again within the hour."
                raise self._asked(claim, clip, sentence) from error
            raise

    def take_as_is(self, claim: Claim, clip: Clip) -> None:
        """Publish a refused file on a user's decision. Raises BadInput."""
        job, reason = claim.job, clip.refusal.reason if clip.refusal else str(clip.error)
        self._take_refused(job, clip)
        clip.facts = (clip.facts or MediaFacts()).model_copy(update={"taken_as_is": reason})
        clip.error, clip.hold, clip.refusal, clip.refused = None, None, None, False
        job.warn(f"Clip {clip.index + 1} was taken as it is: {reason}")
        job.record("taken_as_is", f"clip {clip.index + 1}: {reason}")
        job.settle_state()
        claim.save()

    def refuse_short_film(self, job: VideoJob) -> str | None:
        """Check the total duration of the clips before they are joined.

        When the film is more than half a second too short, its short clips fail: their files are kept as refused ones, to be
        accepted or made again. Returns the reason; None when the film is long enough.
        """
        made = [clip for clip in job.clips if clip.step == Step.DONE and not clip.was_taken_as_is]
        lacking = {clip.index: clip.asked_seconds - (clip.delivered_seconds or clip.asked_seconds) for clip in made}
        if sum(lacking.values()) <= SHORT_SECONDS:
            return None
        asked = sum(clip.asked_seconds for clip in job.clips)
        reason = f"The film would be {asked - sum(lacking.values()):.2f} s long; {asked:g} s were asked for"
        for clip in made:
            if lacking[clip.index] > 0:
                self._refuse_short(job, clip)
        job.record("too_short", reason)
        return reason

    def _refuse_short(self, job: VideoJob, clip: Clip) -> None:
        target, kept = _target(job, clip), file_names.refused(job.content_id, clip.index)
        facts = clip.facts or MediaFacts()
        if self._artifacts.exists(target):  # otherwise it was moved before a crash that prevented the report
            self._artifacts.rename(target, kept)
        reason = f"{facts.seconds:g} s long where {clip.asked_seconds:g} s were asked for"
        clip.refusal = RefusedFile(reason=reason, file=kept, sha256=facts.sha256)
        clip.file, clip.refused = kept, True
        clip.step, clip.error = Step.FAILED, reason

    def give_up_undecided(self, job: VideoJob, clip: Clip) -> bool:
        """Fail a clip that is undecided at its deadline, and keep its file. Returns whether it failed."""
        if not self._is_overdue(clip):
            return False
        clip.step, clip.error, clip.hold = Step.FAILED, f"{(clip.error or '').rstrip('.')}. Nobody decided about it", None
        job.record("clip_failed", f"clip {clip.index + 1}: {clip.error}")
        return True

    def verify(self, part: Path, deadline: clock.Deadline | None = None) -> MediaFacts:
        """Decode every picture and the sound of a video, within `media_work`; return its facts. Raises BrokenMedia, OutOfTime."""
        from tenxsom.media.check import check_video

        facts = check_video(part, max_pixels=self._settings.max_video_pixels, deadline=deadline)
        return MediaFacts.from_dict(facts.as_dict())

    def into_mp4(self, part: Path, target: Path, deadline: clock.Deadline | None = None) -> str:
        """Write a clip that is no MP4 as one; return how, and "" for one that is. Raises BrokenMedia, OutOfTime."""
        from tenxsom.media.join import join_clips, plays_as_mp4

        return "" if plays_as_mp4(part) else f"{join_clips([part], target, deadline)} into an MP4"

    def describe(self, video: Path) -> MediaFacts:
        """Return the facts in the headers of a video that a user accepted. Raises BrokenMedia for an unplayable one."""
        from tenxsom.media.video_check import describe_video

        return MediaFacts.from_dict(describe_video(video, self._settings.max_video_pixels).as_dict())

    def _take_in(self, claim: Claim, clip: Clip, deadline: clock.Deadline) -> None:
        """Verify, fit and publish a downloaded clip."""
        job, part, fetched = claim.job, self._part(claim.job, clip), clip.fetched or FetchedFile()
        try:
            with media_work(deadline):
                facts = self.verify(part, deadline)
                facts = self._fit(job, clip, part, facts.model_copy(update={"sha256": fetched.sha256}), deadline)
        except BrokenMedia as error:
            raise self._refused(claim, clip, part, error) from error
        target = _target(job, clip)
        self._artifacts.publish(part, target)
        self._artifacts.remove(file_names.refused(job.content_id, clip.index))
        clip.facts, clip.fetched, clip.refusal, clip.hold = facts, None, None, None
        clip.step, clip.file, clip.error = Step.DONE, target, None
        clip.attempts.pop(TAKING_IN, None)
        job.record("downloaded", f"clip {clip.index + 1}, {fetched.size_bytes} bytes", bytes=fetched.size_bytes)
        job.settle_state()
        claim.save()

    def _fit(self, job: VideoJob, clip: Clip, part: Path, facts: MediaFacts, deadline: clock.Deadline) -> MediaFacts:
        """Cut a clip to the requested duration and shape, and make an MP4 of one that is the film; return its new facts.

        A difference from the order is a warning of the job. Raises BrokenMedia when it cannot be cut, DiskError; the part is
        then unchanged.
        """
        from tenxsom.media.refit import refit

        trims = clip.trim or job.definition.fit == "trim"
        shape = clip.asked_aspect_ratio or self._unexpected_shape(job, clip, facts)
        self._warn_of_differences(job, clip, facts)
        is_film = _target(job, clip) == file_names.video(job.content_id)
        target, how = part.with_name(part.name + ".fit"), ""
        with disk_errors(target):
            if shape or (trims and max(facts.seconds, facts.file_seconds) > clip.asked_seconds):
                seconds, start = clip.asked_seconds if trims else None, sum(one.asked_seconds for one in job.clips[: clip.index])
                how = refit(part, target, seconds=seconds, aspect_ratio=shape, start=start, deadline=deadline)
            if not how and is_film:
                how = self.into_mp4(part, target, deadline)
        if not how:
            if is_film and facts.file_seconds - facts.seconds > LONG_SOUND_SECONDS:
                job.warn(
                    f"Clip {clip.index + 1} plays for {facts.file_seconds:.2f} s, of which {facts.seconds:.2f} s have pictures."
                )
            return facts  # nothing was to be changed
        delivered = {"width": facts.width, "height": facts.height, "seconds": facts.seconds}
        known = {"sha256": sha256_of(target), "refitted": how, "came_as": delivered}
        facts = self.verify(target, deadline).model_copy(update=known)
        atomic.publish(target, part)
        job.record("refitted", f"clip {clip.index + 1} {how}")
        return facts

    @staticmethod
    def _unexpected_shape(job: VideoJob, clip: Clip, facts: MediaFacts) -> str | None:
        """Return the shape to crop a clip of another shape to; None where it is right, or too little would remain."""
        if is_of_shape(facts, clip.aspect_ratio):
            return None
        across, down = (int(side) for side in clip.aspect_ratio.split(":"))
        off = Fraction(facts.width, facts.height) / Fraction(across, down)
        came = f"Clip {clip.index + 1} came as {facts.width}x{facts.height} where {clip.aspect_ratio} was asked for"
        if min(off, 1 / off) < LEAST_LEFT:
            job.warn(f"{came}; it is kept whole, because too little of it would be left.")
            return None
        job.warn(f"{came}; the middle was cut out of it.")
        return clip.aspect_ratio

    @staticmethod
    def _warn_of_differences(job: VideoJob, clip: Clip, facts: MediaFacts) -> None:
        """Add a warning about a clip that is shorter, or smaller, than requested."""
        if facts.seconds < clip.asked_seconds - rounding_seconds(facts):
            job.warn(f"Clip {clip.index + 1} is {facts.seconds:.2f} s long where {clip.asked_seconds:g} s were asked for.")
        side = SIDES.get(clip.resolution, 0)
        if min(facts.width, facts.height) < side * 0.95:
            size = f"{facts.width}x{facts.height}"
            job.warn(f"Clip {clip.index + 1} came as {size} where {clip.resolution} was asked for.")

    def _refused(self, claim: Claim, clip: Clip, part: Path, error: BrokenMedia) -> BrokenMedia | NeedsDecision:
        """Count a refusal and delete the file, unless it was refused often enough. Returns the error to raise."""
        before, fetched = clip.refusal or RefusedFile(), clip.fetched or FetchedFile()
        reason = str(error)
        is_alike = before.sha256 == fetched.sha256 or before.reason == reason
        times = before.times + 1 if is_alike else 1
        clip.refusal = before.model_copy(update={"reason": reason, "times": times, **fetched.as_dict()})
        if times >= REFUSALS_BEFORE_ASKING:
            return self._asked(claim, clip, reason)
        clip.fetched = None
        part.unlink(missing_ok=True)
        return error

    def _nothing_usable(self, job: VideoJob, clip: Clip, url: str | None, error: BrokenMedia) -> TryAgainLater | NeedsDecision:
        """Count a link whose first bytes are no video, and of which nothing is kept. Returns the error to raise."""
        before, reason = clip.refusal or RefusedFile(), str(error)
        times = before.times + 1 if before.reason == reason else 1
        clip.refusal = RefusedFile(reason=reason, times=times, url=url, at=before.at if before.reason == reason else None)
        if times < REFUSALS_BEFORE_ASKING:
            return TryAgainLater(f"The download did not succeed ({reason}) It is fetched again.", pause_after(times))
        clip.refusal.at = clip.refusal.at or clock.stamp()
        self._hold(job, clip, reason, "The service sends it each time")
        resolve = f"manage_jobs.py resolve {job.content_id}"
        return NeedsDecision(f"{reason} It is fetched again every hour. {resolve} --write-off gives the clip up.")

    @staticmethod
    def _hold(job: VideoJob, clip: Clip, reason: str, fact: str) -> None:
        """Leave a clip to a user's decision."""
        if clip.hold != DECISION:
            clip.hold = DECISION
            job.record("decision_needed", f"clip {clip.index + 1}: {reason} {fact}")
        clip.error = reason
        job.settle_state()

    def _asked(self, claim: Claim, clip: Clip, reason: str) -> NeedsDecision:
        """Keep a refused file for a user's decision. Returns the error to raise."""
        job, kept = claim.job, file_names.refused(claim.job.content_id, clip.index)
        self._artifacts.publish(self._part(job, clip), kept)
        fetched, refused = clip.fetched or FetchedFile(), clip.refusal or RefusedFile()
        known = {"at": clock.stamp(), **fetched.as_dict(), **refused.as_dict(), "reason": reason, "file": kept}
        clip.refusal, clip.fetched = RefusedFile.from_dict(known), None
        self._hold(job, clip, reason, f"It is kept as {kept}")
        clip.file = kept
        resolve = f"manage_jobs.py resolve {job.content_id}"
        place = self._artifacts.location(kept)
        return NeedsDecision(f"{reason} The file is kept as {place}. {resolve} --take-as-is publishes it, --write-off gives it up.")

    def _take_refused(self, job: VideoJob, clip: Clip) -> None:
        """Publish the refused file. Raises BadInput when it is gone, or not a video."""
        kept = file_names.refused(job.content_id, clip.index)
        if not (clip.refusal and clip.refusal.file):
            raise BadInput(
                f"There is no file of clip {clip.index + 1} to be taken: its link brings no video. It is fetched again every hour;"
                f" manage_jobs.py resolve {job.content_id} --write-off gives it up."
            )
        if not self._artifacts.exists(kept):
            raise BadInput(f"{self._artifacts.location(kept)} is not there any more; the next tick fetches it again.")
        file = self._artifacts.local(kept)
        try:
            facts = self.describe(file)
        except BrokenMedia as error:
            raise BadInput(f"It cannot be taken as it is, because nothing can play it: {error}") from error
        clip.facts = facts.model_copy(update={"sha256": sha256_of(file)})
        self._artifacts.rename(kept, _target(job, clip))
        clip.step, clip.file = Step.DONE, _target(job, clip)

    def _is_overdue(self, clip: Clip) -> bool:
        """Return whether a clip is undecided after its deadline, at several checks, because the clock may have jumped."""
        if clip.hold != DECISION:
            return False
        asked_at, hours = (clip.refusal.at if clip.refusal else None) or clock.stamp(), self._settings.job_deadline_hours
        return clock.age_seconds(asked_at) > hours * 3600 and clip.count("undecided") >= UNDECIDED_LOOKS

    def _part(self, job: VideoJob, clip: Clip) -> Path:
        return self._artifacts.scratch(_target(job, clip))


def _target(job: VideoJob, clip: Clip) -> str:
    return job.file_of(clip)


def what_to_do(content_id: str) -> str:
    """Return the sentence that says how to decide about a film that is too short."""
    retry = f"manage_jobs.py retry {content_id} names the price of making it again"
    return f"manage_jobs.py resolve {content_id} --take-as-is publishes it as it is; {retry}."
