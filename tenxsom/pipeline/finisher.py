"""The end of a job: join its clips, verify, thumbnail, subtitles, publish, report, and only then empty the queue.

Every file is published under its final name whole; the report is written last; the pending file goes after it. A crash in
between is repaired by running the same steps again: each one is skipped or repeated without harm.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.disk import disk_errors
from tenxsom.errors import TryAgainLater
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import State, VideoJob
from tenxsom.model.strict_json import pretty
from tenxsom.pipeline import reports
from tenxsom.pipeline.reports import Shelf
from tenxsom.store.queue import Claim

log = logging.getLogger(__name__)

UNFINISHED = (".part", ".part.resume", ".part.fit", ".part.crop")
"""What an interrupted download leaves beside its target, for the next one to carry on with."""

_media_work = threading.BoundedSemaphore(2)
"""Decoding and joining keep a core busy each; more of them at once would only use more memory."""


class Finisher:
    """Ends jobs: `complete` and `fail` are the only two ways off the belt, besides `cancel`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def make_way(self, job: VideoJob) -> None:
        """Keep the files of an earlier run of the same id under a numbered stem, before this run makes its own.

        Also a video whose report is gone: a run without clips has made none yet.
        """
        report = self._shelf.final_report(job.content_id)
        is_anothers = report.get("run_id") != job.run_id if report else not job.clips and self._shelf.video(job.content_id).exists()
        ours = [clip.file for clip in job.clips if clip.file]  # a retry goes on with the clips that were made
        if is_anothers and (number := self._shelf.set_aside(job.content_id, ours)):
            job.record("again", f"the files of the run before are kept as {job.content_id}~{number}")

    def verify_clip(self, part: Path, at_least_seconds: float) -> dict[str, Any]:
        """What is in a downloaded clip. Raises BrokenMedia when it is not a whole, playable video of that length."""
        from tenxsom.media.check import check_video

        with _media_work:
            return dict(check_video(part, at_least_seconds).as_dict())

    def refit(self, job: VideoJob, clip: Clip, part: Path, facts: dict[str, Any]) -> dict[str, Any]:
        """Cut a clip to the length and the shape that were asked for, where the service makes others; returns its new facts.

        Raises BrokenMedia when it cannot be done, DiskTrouble; the part is then as it was.
        """
        if not clip.trim and not clip.asked_aspect_ratio:
            return facts
        from tenxsom.media.refit import refit

        target = part.with_name(part.name + ".fit")
        with _media_work, disk_errors(target):
            how = refit(part, target, seconds=clip.asked_seconds if clip.trim else None, aspect_ratio=clip.asked_aspect_ratio)
        if not how:
            return facts  # the service made what was asked for after all
        atomic.publish(target, part)
        job.record("refitted", f"clip {clip.index + 1} {how}")
        return {**self.verify_clip(part, clip.asked_seconds), "sha256": _sha256(part), "refitted": how}

    def complete(self, claim: Claim) -> dict[str, Any]:
        """Publish a job whose clips are all there; returns the completion report. Raises BrokenMedia, DiskTrouble."""
        job = claim.job
        self._refetch_missing(claim)
        with _media_work:
            facts = self._publish_video(job)
            self._publish_sidecars(job)
        job.record("verified", f"{facts['seconds']:.2f} s, {facts['width']}x{facts['height']}")
        job.record("completed")
        job.state = State.COMPLETED
        report = reports.completion_report(job, facts, self._file_names(job.content_id))
        reports.write(self._shelf.completion_report(job.content_id), report)
        self._leave(claim)
        return report

    def fail(self, claim: Claim, reason: str, state: State = State.FAILED) -> dict[str, Any]:
        """End a job without a video; what was paid for and fetched is kept. Returns the failure report."""
        job = claim.job
        job.error, job.state = reason, state
        job.record(state.value, reason)
        if job.blueprint:
            atomic.write(self._shelf.blueprint(job.content_id), pretty(job.blueprint))
        report = reports.failure_report(job, reason, self._file_names(job.content_id, job), state)
        reports.write(self._shelf.failure_report(job.content_id), report)
        self._leave(claim, keep_clips=True)
        return report

    def end(self, claim: Claim) -> dict[str, Any]:
        """End a job whose clips are all final, the way it deserves; returns its report."""
        reason = failed_reason(claim.job)
        if claim.job.cancelled:
            return self.fail(claim, "it was cancelled", State.CANCELLED)
        return self.fail(claim, reason) if reason else self.complete(claim)

    def left_already(self, claim: Claim) -> bool:
        """Whether this run's final report exists; the queue is emptied then: after a crash in between, the report wins."""
        if not may_be_reported(claim.job) or not self._shelf.has_report(claim.job.content_id):
            return False
        report = self._shelf.final_report(claim.job.content_id)
        if report is None or report.get("run_id") != claim.job.run_id:
            return False
        self._leave(claim, keep_clips=report["state"] != State.COMPLETED)
        return True

    def _refetch_missing(self, claim: Claim) -> None:
        """A clip that was fetched and whose file is gone is fetched once more, which is free. Raises TryAgainLater then."""
        job = claim.job
        if len(job.clips) > 1 and self._shelf.video(job.content_id).exists():
            return  # joined already
        targets = {clip.index: self._shelf.clip_target(job.content_id, clip.index, len(job.clips)) for clip in job.clips}
        missing = [clip for clip in job.clips if not targets[clip.index].exists()]
        for clip in missing:
            clip.step, clip.file, clip.facts, clip.next_check_at = Step.AWAIT_VIDEO, None, None, None
            job.record("file_missing", f"clip {clip.index + 1} is fetched again")
        if missing:
            job.settle_state()
            claim.save()
            raise TryAgainLater("A clip that was downloaded is gone from the disk; it is fetched again.", retry_after=1)

    def _publish_video(self, job: VideoJob) -> dict[str, Any]:
        """Make `<content_id>.mp4` from the clips and return its verified facts."""
        from tenxsom.media.check import check_video

        target = self._shelf.video(job.content_id)
        asked = {"asked_seconds": round(sum(clip.asked_seconds for clip in job.clips), 3)}
        verified = job.clips[0].facts
        if len(job.clips) == 1 and verified and target.exists() and target.stat().st_size == verified["size_bytes"]:
            return verified | asked  # it was checked and hashed when it came in
        if len(job.clips) > 1:
            self._join(job, target)
        facts = check_video(target, at_least_seconds=asked["asked_seconds"]).as_dict()
        return {**facts, "sha256": _sha256(target), **asked}

    def _join(self, job: VideoJob, target: Path) -> None:
        from tenxsom.media.join import join_clips

        clips = [self._shelf.clip(job.content_id, clip.index) for clip in job.clips]
        if not all(clip.exists() for clip in clips) and target.exists():
            return  # joined before a crash that came between publishing and reporting
        part = target.with_name(target.name + ".part")
        with disk_errors(target):
            how = join_clips(clips, part)
        job.record("joined", f"{len(clips)} clips, {how}")
        atomic.publish(part, target)

    def _publish_sidecars(self, job: VideoJob) -> None:
        from tenxsom.media.thumbnail import make_thumbnail

        thumbnail = self._shelf.thumbnail(job.content_id)
        part = thumbnail.with_name(thumbnail.name + ".part")
        with disk_errors(thumbnail):
            make_thumbnail(self._shelf.video(job.content_id), part)
        atomic.publish(part, thumbnail)
        if job.blueprint:
            atomic.write(self._shelf.blueprint(job.content_id), pretty(job.blueprint))
        if job.definition.get("captions", True) and (text := subtitles_of(job)):
            atomic.write(self._shelf.subtitles(job.content_id), text.encode())

    def _leave(self, claim: Claim, keep_clips: bool = False) -> None:
        """Empty the queue, then sweep what only the job's way needed."""
        claim.finish()
        for clip in claim.job.clips:
            target = self._shelf.clip_target(claim.job.content_id, clip.index, len(claim.job.clips))
            leftovers = [self._shelf.still(claim.job.content_id, clip.index)]
            leftovers += [] if keep_clips else [self._shelf.clip(claim.job.content_id, clip.index)]
            for path in (*leftovers, *(path.with_name(path.name + end) for path in (target, *leftovers) for end in UNFINISHED)):
                path.unlink(missing_ok=True)

    def _file_names(self, content_id: str, job: VideoJob | None = None) -> Mapping[str, str]:
        """The job's files that exist, by what they are; names only, because folders move."""
        shelf = self._shelf
        files = {
            "video": shelf.video(content_id),
            "thumbnail": shelf.thumbnail(content_id),
            "subtitles": shelf.subtitles(content_id),
            "blueprint": shelf.blueprint(content_id),
        }
        files |= {f"clip_{clip.index + 1}": shelf.clip(content_id, clip.index) for clip in (job.clips if job else [])}
        return {kind: path.name for kind, path in files.items() if path.exists()}


def subtitles_of(job: VideoJob) -> str:
    """The script as SubRip text, on the time line of the clips as they were delivered: no cue leaves its clip."""
    from tenxsom.media.subtitles import Cue, set_cues, to_srt

    cues, start = [], 0.0
    for clip in job.clips:
        ordered = clip.asked_seconds if clip.trim else clip.seconds
        delivered = (clip.facts or {}).get("seconds", ordered)
        pace = min(1.0, delivered / ordered)  # a clip that came out shorter is spoken faster
        script = [Cue(start + cue["start"] * pace, start + cue["end"] * pace, cue["text"]) for cue in clip.cues]
        cues += set_cues(script, start, start + delivered)
        start += delivered
    return to_srt(cues)


def may_be_reported(job: VideoJob) -> bool:
    """Whether the job, as it was saved, can have come to its report: its clips are final, it was cancelled, or it has none yet."""
    return job.cancelled or all(clip.is_final for clip in job.clips)


def all_final(job: VideoJob) -> bool:
    return bool(job.clips) and all(clip.is_final for clip in job.clips)


def failed_reason(job: VideoJob) -> str | None:
    """Why the job cannot become a video any more; None if every clip was made."""
    failed = [clip for clip in job.clips if clip.step == Step.FAILED]
    return "; ".join(f"clip {clip.index + 1}: {clip.error}" for clip in failed) or None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
