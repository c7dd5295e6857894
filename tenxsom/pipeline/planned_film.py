"""The steps of a planned film after its clips are there: music, sound, the film, its check, and its side files."""

from __future__ import annotations

from tenxsom import clock
from tenxsom.errors import BrokenMedia
from tenxsom.model import file_names
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import MediaFacts
from tenxsom.pipeline.film_maker import FilmMaker, rate_of
from tenxsom.pipeline.film_steps import FilmStep
from tenxsom.pipeline.film_stretches import remove_stretches
from tenxsom.safe_files import sha256_of
from tenxsom.store.base import Artifacts, Claim

LEAST_ABOVE_BED_DB = 6.0
"""A voice that is less above music and clips' sound is hard to understand on a phone."""


class PlannedFilm:
    """Finishes planned films."""

    def __init__(self, artifacts: Artifacts, maker: FilmMaker) -> None:
        self._artifacts = artifacts
        self._maker = maker
        self.steps = (
            FilmStep("make_music", self._make_music, side_file="music", is_in_film=True),
            FilmStep("mix_sound", self._mix_sound),
            FilmStep("assemble_film", self._assemble),
            FilmStep("check_film", self._check),
            FilmStep("measure_sound", self._measure),
            FilmStep("make_thumbnail", lambda claim, deadline: maker.make_thumbnail(claim.job, deadline), side_file="thumbnail"),
            FilmStep(
                "make_contact_sheet",
                lambda claim, deadline: maker.make_contact_sheet(claim.job, deadline),
                side_file="contact sheet",
            ),
            FilmStep("write_subtitles", lambda claim, _: maker.write_subtitles(claim.job), side_file="subtitles"),
        )

    def _make_music(self, claim: Claim, deadline: clock.Deadline) -> None:
        self._maker.make_music(claim.job, deadline)

    def _mix_sound(self, claim: Claim, deadline: clock.Deadline) -> None:
        """Mix the sound of the film, and warn of a voice that is hard to understand."""
        job = claim.job
        name, film = file_names.film_sound(job.content_id), job.film
        if film is None or self._is_assembled(job) or (film.is_mixed and self._artifacts.exists(name)):
            return
        facts = self._maker.mix_sound(job, deadline)
        if facts is None:
            return
        film.is_mixed, film.voice_above_bed_db = True, facts.voice_above_bed_db
        above = film.voice_above_bed_db
        if above is not None and above < LEAST_ABOVE_BED_DB:
            job.warn(f"The voice is only {above:.1f} dB above music and clips; below {LEAST_ABOVE_BED_DB:g} dB it is hard to hear.")

    def _assemble(self, claim: Claim, deadline: clock.Deadline) -> None:
        """Make the film, or the part of it for which the tick has time, unless an earlier run has made it."""
        job = claim.job
        if self._is_assembled(job) or job.film is None:
            return
        try:
            self._maker.assemble(job, deadline, claim.save)
        except BrokenMedia:  # a stretch, too, may be what is broken
            job.film.forget_unfinished()
            raise
        job.media = MediaFacts(size_bytes=self._artifacts.size(file_names.video(job.content_id)) or 0)
        job.record("assembled", f"{len(job.clips)} clips, {job.film.seconds:g} s")
        job.film.forget_unfinished()
        claim.save()
        remove_stretches(self._artifacts, job.content_id)

    def _is_assembled(self, job: VideoJob) -> bool:
        return job.media is not None and job.media.size_bytes == self._artifacts.size(file_names.video(job.content_id))

    def _check(self, claim: Claim, deadline: clock.Deadline) -> None:
        """Verify the film, and keep its facts. A film that is broken, or not as long as planned, is made again."""
        job = claim.job
        try:
            found = self._maker.check(job, deadline)
            facts = MediaFacts.from_dict(found.facts.as_dict())
            _check_length(job, facts)
        except BrokenMedia:
            job.media = None
            if job.film:
                job.film.checked = None
            raise
        digest = sha256_of(self._artifacts.local(file_names.video(job.content_id)))
        job.media = facts.model_copy(update={"sha256": digest, "asked_seconds": job.film.seconds if job.film else 0.0})
        if job.film:
            job.film.checked = None
        for sentence in found.warnings:
            job.warn(sentence)
        job.record("verified", f"{facts.seconds:.2f} s, {facts.width}x{facts.height}")

    def _measure(self, claim: Claim, deadline: clock.Deadline) -> None:
        """Keep how loud the verified film is."""
        media, film = claim.job.media, claim.job.film
        if media is None or film is None or not media.audio_codec:
            return
        sound = self._maker.measure(claim.job, deadline)
        known = {"loudness_lufs": sound.loudness_lufs, "true_peak_dbtp": sound.true_peak_dbtp}
        if film.voice_above_bed_db is not None:
            known["voice_above_bed_db"] = film.voice_above_bed_db
        claim.job.media = media.model_copy(update=known)


def _check_length(job: VideoJob, facts: MediaFacts) -> None:
    """Raise BrokenMedia for a film that is more than a frame longer or shorter than planned."""
    planned = job.film.seconds if job.film else facts.seconds
    if abs(facts.seconds - planned) > 1 / float(rate_of(job)) + 0.005:
        raise BrokenMedia(f"The film is {facts.seconds:.3f} s long; {planned:g} s were planned.")
