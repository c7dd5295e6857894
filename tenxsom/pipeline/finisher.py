"""Ends a job: joins and verifies its clips, makes thumbnail and subtitles, writes the report, and then empties the queue.

Every file gets its final name when it is complete; the report is written last, and the pending file is removed after it. After
a crash the saved step is skipped or repeated without harm. `tenxsom.pipeline.film_steps` limits the attempts of a step.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tenxsom import clock
from tenxsom.disk import disk_errors
from tenxsom.errors import BadSettings, BrokenState, DiskError, NeedsDecision, TryAgainLater
from tenxsom.log import describe
from tenxsom.model import file_names
from tenxsom.model.choices import is_sound_file
from tenxsom.model.clip import Step
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.parts import MediaFacts
from tenxsom.model.strict_json import pretty
from tenxsom.pipeline import limits, reports
from tenxsom.pipeline.delivery import ClipDelivery, media_work, what_to_do
from tenxsom.pipeline.film_steps import CannotFinish, FilmStep, FilmSteps
from tenxsom.pipeline.film_stretches import remove_stretches
from tenxsom.safe_files import sha256_of
from tenxsom.store.base import Artifacts, Claim

if TYPE_CHECKING:
    from tenxsom.pipeline.film_maker import FilmMaker

log = logging.getLogger(__name__)

GO_ON = "Every clip is kept. manage_jobs.py retry {content_id} goes on from there, free of charge."
"""The advice for a job whose clips are complete, but whose film could not be finished."""


PUBLISHED = (
    file_names.video,
    file_names.thumbnail,
    file_names.contact_sheet,
    file_names.subtitles,
    file_names.web_subtitles,
    file_names.blueprint,
)
"""The names of a film's own files: what is left of an interrupted write of one is removed with the job."""


class Finisher:
    """Ends jobs: besides `cancel`, only `complete` and `fail` remove a job from the queue."""

    def __init__(
        self,
        artifacts: Artifacts,
        delivery: ClipDelivery,
        deadline_hours: float = 24.0,
        release: Callable[[Claim], None] = lambda _: None,
        *,
        open_film_maker: Callable[[], FilmMaker] | None = None,
        keeps_parts: bool = False,
    ) -> None:
        """`release` frees the reserved money of a job that ends without a video. `open_film_maker` opens what makes
        planned films.

        With `keeps_parts` clips, voice and music stay when a film is done, so that it can be made again.
        """
        self._artifacts = artifacts
        self._open_film_maker = open_film_maker
        self._keeps_parts = keeps_parts
        self.release = release
        self._delivery = delivery
        last = (
            FilmStep("write_blueprint", self._write_blueprint, side_file="blueprint"),
            FilmStep("write_report", self._write_report),
        )
        joined = (
            FilmStep("gather_clips", self._gather_clips),
            FilmStep("assemble_film", self._assemble_film),
            FilmStep("make_thumbnail", self._make_thumbnail, side_file="thumbnail"),
            FilmStep("write_subtitles", self._write_subtitles, side_file="subtitles"),
        )
        self._steps_of_joined = FilmSteps((*joined, *last), deadline_hours)
        self._around = (joined[:1], last)
        self._deadline_hours = deadline_hours

    @cached_property
    def _steps_of_planned(self) -> FilmSteps:
        """Return the steps of planned films, whose modules are imported when the first one is finished."""
        from tenxsom.pipeline.planned_film import PlannedFilm

        if self._open_film_maker is None:
            raise BadSettings("Planned films cannot be made here.")
        (first, last), planned = self._around, PlannedFilm(self._artifacts, self._open_film_maker()).steps
        return FilmSteps((*first, *planned, *last), self._deadline_hours)

    def archive_previous_run(self, claim: Claim) -> None:
        """Rename the files of an earlier run of the same id to a numbered stem, before this run makes its own.

        This includes a video without a report: a run without clips has made no video yet.
        """
        job, report, video = claim.job, self._readable_report(claim), file_names.video(claim.job.content_id)
        is_anothers = report.get("run_id") != job.run_id if report else not job.clips and self._artifacts.exists(video)
        ours = [clip.file for clip in job.clips if clip.file]  # a retry continues with the finished clips, and with the stills
        ours += [file_names.still(job.content_id, clip.index) for clip in job.clips]
        ours += [name for name in self._sounds(job) if name != file_names.music(job.content_id)]
        has_new_music = self._artifacts.exists(file_names.given_music(job.content_id))
        ours += [file_names.music_source(job.content_id)] if is_sound_file(job.definition.music) and not has_new_music else []
        ours += [file_names.paid_sound(job.content_id, order.reference) for order in job.sounds if order.reference]
        if is_anothers and (number := self._artifacts.set_aside(job.content_id, ours)):
            job.record("again", f"the files of the run before are kept as {job.content_id}~{number}")
        if has_new_music:
            self._artifacts.rename(file_names.given_music(job.content_id), file_names.music_source(job.content_id))

    def complete(self, claim: Claim, deadline: clock.Deadline | None = None) -> None:
        """Publish a job whose clips are complete, step by step, or fail it when a required step fails for good.

        After `deadline` the next tick continues. Raises the error of a step that has another attempt.
        """
        try:
            steps = self._steps_of_planned if claim.job.film else self._steps_of_joined
            if steps.take(claim, deadline or clock.Deadline(math.inf)):
                self.remove_from_queue(claim)
        except CannotFinish as error:
            self.fail(claim, f"the film could not be finished: {error}", advice=GO_ON.format(content_id=claim.job.content_id))

    def fail(
        self, claim: Claim, reason: str, state: JobState = JobState.FAILED, advice: str | None = None, decision: str | None = None
    ) -> None:
        """End a job without a video; paid and downloaded clips are kept. Raises DiskError.

        `decision` names what a user may still decide about it.
        """
        job = claim.job
        self.release(claim)
        self._set_unreadable_report_aside(claim)
        job.error, job.state = reason, state
        job.record(state.value, reason)
        try:
            self._write_blueprint(claim)
        except Exception as error:  # noqa: BLE001  (an error about a side file must not prevent the report)
            job.warn(f"The blueprint could not be written beside the report: {describe(error)}.")
        report = reports.failure_report(job, reason, self._file_names(job.content_id, job), state, advice=advice, decision=decision)
        claim.report(file_names.failure_report(job.content_id), pretty(report))
        self.remove_from_queue(claim, keep_clips=True)

    def end(self, claim: Claim, deadline: clock.Deadline | None = None) -> None:
        """Complete a job whose clips are all final, or fail it if a clip failed.

        Raises NeedsDecision, after its failure report, for a film that is too short.
        """
        reason = failed_reason(claim.job)
        if claim.job.cancelled:
            self.fail(claim, "it was cancelled", JobState.CANCELLED)
        elif reason:
            self.fail(claim, reason)
        elif short := self._delivery.refuse_short_film(claim.job):
            self.fail(claim, short, advice=what_to_do(claim.job.content_id), decision="take_as_is")
            raise NeedsDecision(f"{short}. {what_to_do(claim.job.content_id)}")
        else:
            self.complete(claim, deadline)

    def already_reported(self, claim: Claim) -> bool:
        """Remove the job from the queue if this run has its final report, as after a crash in between; return whether it has."""
        if not may_be_reported(claim.job) or not self._artifacts.has_report(claim.job.content_id):
            return False
        report = self._readable_report(claim)
        if report is None or report.get("run_id") != claim.job.run_id:
            return False
        if isinstance(history := report.get("history"), list):
            claim.job.recall(history[len(claim.job.history) :])
        self.remove_from_queue(claim, keep_clips=report["state"] != JobState.COMPLETED)
        return True

    def _readable_report(self, claim: Claim) -> dict[str, Any] | None:
        """Return the final report of a job on the queue. An unreadable one is kept aside: the state has all that was paid."""
        try:
            return self._artifacts.final_report(claim.job.content_id)
        except BrokenState:
            if self._set_unreadable_report_aside(claim):
                claim.save()
        return self._artifacts.final_report(claim.job.content_id)

    def _set_unreadable_report_aside(self, claim: Claim) -> bool:
        """Keep an unreadable report from being overwritten; return whether there was one. The caller saves."""
        told = self._artifacts.quarantine_report(claim.job.content_id)
        if told:
            log.error("%s", told, extra={"content_id": claim.job.content_id})
            claim.job.warn(told)
            claim.job.record("report_set_aside", told)
        return told is not None

    def _gather_clips(self, claim: Claim, deadline: clock.Deadline) -> None:  # noqa: ARG002  (it takes no time)
        """Download a clip again whose file is gone, which is free. Raises TryAgainLater then."""
        job = claim.job
        if job.media if job.film else len(job.clips) > 1 and self._artifacts.exists(file_names.video(job.content_id)):
            return  # joined already
        targets = {clip.index: job.file_of(clip) for clip in job.clips}
        missing = [clip for clip in job.clips if not self._artifacts.exists(targets[clip.index])]
        if missing and job.count("file_missing") > limits.TRIES:
            raise CannotFinish(f"the file of clip {missing[0].index + 1} disappeared {limits.TRIES} times after it was downloaded")
        for clip in missing:
            clip.step, clip.file, clip.facts, clip.next_check_at = Step.AWAIT_VIDEO, None, None, None
            job.record("file_missing", f"clip {clip.index + 1} is fetched again")
        if missing:
            job.settle_state()
            claim.save()
            raise TryAgainLater("A clip that was downloaded is gone from the disk; it is fetched again.", retry_after=1)

    def _assemble_film(self, claim: Claim, deadline: clock.Deadline) -> None:
        """Make `<content_id>.mp4` from the clips, and keep its facts."""
        if len(claim.job.clips) > 1:
            self._join(claim, deadline)
        claim.job.media = facts = self._publish_video(claim.job, deadline)
        claim.job.record("verified", f"{facts.seconds:.2f} s, {facts.width}x{facts.height}")

    def _publish_video(self, job: VideoJob, deadline: clock.Deadline) -> MediaFacts:
        """Return the verified facts of `<content_id>.mp4`. A single clip was verified on delivery."""
        name = file_names.video(job.content_id)
        asked = {"asked_seconds": round(sum(clip.asked_seconds for clip in job.clips), 3)}
        verified: MediaFacts | None = job.clips[0].facts
        if len(job.clips) == 1 and verified and self._artifacts.size(name) == verified.size_bytes:
            return verified.model_copy(update=asked)
        is_taken_as_is = any(clip.was_taken_as_is for clip in job.clips)
        film = self._artifacts.local(name)
        with media_work(deadline):
            facts = self._delivery.describe(film) if is_taken_as_is else self._delivery.verify(film, deadline)
        return facts.model_copy(update={"sha256": sha256_of(film), **asked})

    def _join(self, claim: Claim, deadline: clock.Deadline) -> None:
        """Join the clips, unless an earlier run has joined them."""
        from tenxsom.media.join import join_clips

        job, target = claim.job, file_names.video(claim.job.content_id)
        clips = [file_names.clip(job.content_id, clip.index) for clip in job.clips]
        there = self._artifacts.size(target)
        is_joined = job.media is not None and there == job.media.size_bytes
        if there is not None and (is_joined or not all(self._artifacts.exists(clip) for clip in clips)):
            return
        part = self._artifacts.scratch(target)
        with media_work(deadline), disk_errors(part):
            how = join_clips([self._artifacts.local(clip) for clip in clips], part, deadline)
        size = part.stat().st_size
        job.record("joined", f"{len(clips)} clips, {how}")
        self._artifacts.publish(part, target)
        job.media = MediaFacts(size_bytes=size)
        claim.save()

    def _make_thumbnail(self, claim: Claim, deadline: clock.Deadline) -> None:
        from tenxsom.media.thumbnail import make_thumbnail

        film, thumbnail = file_names.video(claim.job.content_id), file_names.thumbnail(claim.job.content_id)
        part = self._artifacts.scratch(thumbnail)
        with media_work(deadline), disk_errors(part):
            make_thumbnail(self._artifacts.local(film), part, deadline=deadline)
        self._artifacts.publish(part, thumbnail)

    def _write_subtitles(self, claim: Claim, deadline: clock.Deadline) -> None:  # noqa: ARG002  (a few lines)
        from tenxsom.pipeline.film_subtitles import subtitles_of

        job = claim.job
        if job.definition.captions and (text := subtitles_of(job)):
            self._artifacts.write(file_names.subtitles(job.content_id), text.encode())

    def _write_blueprint(self, claim: Claim, deadline: clock.Deadline | None = None) -> None:  # noqa: ARG002  (a few lines)
        if claim.job.blueprint:
            self._artifacts.write(file_names.blueprint(claim.job.content_id), pretty(claim.job.blueprint.as_dict()))

    def _write_report(self, claim: Claim, deadline: clock.Deadline) -> None:  # noqa: ARG002  (a few lines)
        """Write the completion report. From then on the job counts as done."""
        job = claim.job
        self._set_unreadable_report_aside(claim)
        job.record("completed")
        job.state, job.error, job.unexpected = JobState.COMPLETED, None, None
        names = self._file_names(job.content_id, job if self._keeps_parts else None)
        report = reports.completion_report(job, job.media or MediaFacts(), names, keeps_parts=self._keeps_parts)
        claim.report(file_names.completion_report(job.content_id), pretty(report))

    def remove_from_queue(self, claim: Claim, keep_clips: bool = False) -> None:
        """Remove the temporary files of a job that has its report, then the job from the queue.

        In this order a kill in between leaves the job on the queue, and the next run removes the rest.
        """
        job, content_id = claim.job, claim.job.content_id
        if not keep_clips:
            self._sweep(self._artifacts.remove, file_names.start_picture(content_id))
            self._sweep(self._artifacts.remove, file_names.given_music(content_id))
        if job.approval:
            self._sweep(self._artifacts.remove, file_names.plan(content_id))
        remove_part = self._artifacts.discard if keep_clips or self._keeps_parts else self._artifacts.remove
        for clip in job.clips:
            is_still_needed = keep_clips and clip.step == Step.FAILED  # a retry uploads it again, and does not pay for another
            remove_still = self._artifacts.discard if is_still_needed else self._artifacts.remove
            self._sweep(remove_still, file_names.still(content_id, clip.index))
            self._sweep(remove_part, file_names.clip(content_id, clip.index))
        for name in (*self._sounds(job), *job.brand_files()):
            self._sweep(remove_part, name)
        self._sweep(self._artifacts.remove, file_names.film_sound(content_id))
        for name_of in PUBLISHED:
            self._sweep(self._artifacts.discard, name_of(content_id))
        if job.film:
            self._sweep(partial(remove_stretches, self._artifacts), content_id)
        claim.finish()

    @staticmethod
    def _sounds(job: VideoJob) -> list[str]:
        """Return the names of a job's voice and music."""
        voices = [segment.file for segment in job.narration.segments if segment.file] if job.narration else []
        return [*voices, file_names.music(job.content_id), file_names.music_source(job.content_id)] if job.film else voices

    @staticmethod
    def _sweep(remove: Callable[[str], None], name: str) -> None:
        """Remove a temporary file of a job that has its report; log a file that cannot be removed."""
        try:
            remove(name)
        except DiskError as error:
            log.warning("%s", error)

    def _file_names(self, content_id: str, job: VideoJob | None = None) -> Mapping[str, str]:
        """Return the names of the job's existing files, by kind; names without paths, because folders may move."""
        files = {
            "video": file_names.video(content_id),
            "thumbnail": file_names.thumbnail(content_id),
            "contact_sheet": file_names.contact_sheet(content_id),
            "subtitles": file_names.subtitles(content_id),
            "web_subtitles": file_names.web_subtitles(content_id),
            "blueprint": file_names.blueprint(content_id),
        }
        for number, name in enumerate(self._sounds(job), 1) if job else ():
            kind = "music" if name == file_names.music(content_id) else f"voice_{number}"
            files["music_source" if name == file_names.music_source(content_id) else kind] = name
        for clip in job.clips if job else []:
            files[f"clip_{clip.index + 1}"] = file_names.clip(content_id, clip.index)
            files[f"refused_{clip.index + 1}"] = file_names.refused(content_id, clip.index)
        there = self._artifacts.sizes([*files.values()])
        return {kind: name for kind, name in files.items() if name in there}


def may_be_reported(job: VideoJob) -> bool:
    """Return whether a saved job can have a report: its clips are final, it was cancelled, or it has no clips."""
    return job.cancelled or all(clip.is_final for clip in job.clips)


def all_final(job: VideoJob) -> bool:
    return bool(job.clips) and all(clip.is_final for clip in job.clips)


def failed_reason(job: VideoJob) -> str | None:
    """Return why the job cannot become a video; None if every clip was made."""
    failed = [clip for clip in job.clips if clip.step == Step.FAILED]
    return "; ".join(f"clip {clip.index + 1}: {clip.error}" for clip in failed) or None
