"""Makes a finished film in another language over the same clips: translated words, a new voice, new captions."""

from __future__ import annotations

import uuid

from tenxsom import clock
from tenxsom.disk import disk_errors
from tenxsom.errors import BadInput, Conflict
from tenxsom.model import file_names
from tenxsom.model.accepted import AcceptedDefinition
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.clip import Clip
from tenxsom.model.definition import check_definition
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline.brand_kits import BrandKits
from tenxsom.safe_files import copy_file
from tenxsom.store.base import Artifacts, JobStore, SpendLedger

OWN_WORDS = ("script", "pronunciations", "voice", "thumbnail_title")
"""The fields of a definition that belong to its language."""


class Translations:
    """Begins translations, and hands out what they take over from the films that they translate."""

    def __init__(
        self, store: JobStore, artifacts: Artifacts, brands: BrandKits, ledger: SpendLedger, vocabulary: Vocabulary
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._brands = brands
        self._ledger = ledger
        self._vocabulary = vocabulary

    def new_job(self, source: VideoJob, language: str) -> VideoJob:
        """Return the job of a translation, which is not stored yet.

        Raises BadDefinition for a language tag that is none, Conflict when the translation is there or on its way.
        """
        content_id = f"{source.content_id}-{language}"
        if language.lower() == (source.film.language if source.film else "").lower():
            raise BadInput(f"{source.content_id} is in {language} already; name another language.")
        document = {name: value for name, value in source.definition.as_dict().items() if name not in OWN_WORDS}
        definition = check_definition({**document, "content_id": content_id, "language": language}, content_id, self._vocabulary)
        report = self._artifacts.final_report(content_id)
        if self._store.load(content_id):
            raise Conflict(f"{content_id} is on its way already; the next ticks go on with it.")
        if report and report["state"] == JobState.COMPLETED:
            raise Conflict(f"{content_id} has been made already; move its files away to make it once more.")
        job = source.model_copy(deep=True)
        job.content_id, job.clips_of = content_id, source.content_id
        job.run_id, job.submit_time, job.ledger_mark = f"tx-{uuid.uuid4().hex[:16]}", clock.stamp(), self._ledger.mark()
        job.definition = AcceptedDefinition.from_dict(definition.as_dict())
        job.fingerprint, job.expected_file_path = definition.fingerprint(), source.expected_file_path.replace(
            file_names.video(source.content_id), file_names.video(content_id)
        )  # fmt: skip
        job.blueprint = job.narration = job.film = job.media = None
        job.clips, job.sounds, job.spend, job.warnings, job.history = [], [], [], [], []
        self._brands.take_over(job, source)
        job.begin_anew()
        job.state = JobState.ACCEPTED
        job.record("accepted", f"as a translation of {source.content_id} into {language}")
        return job

    def blueprint_of(self, content_id: str) -> Blueprint:
        """Return the plan of a finished film. Raises BadInput when it is not kept."""
        blueprint = self._source(content_id).blueprint
        if blueprint is None:
            raise BadInput(f"{content_id} has no plan that could be translated.")
        return blueprint

    def take_over(self, job: VideoJob) -> list[Clip]:
        """Return the clips of the film that a job translates, with files of the job's own. Raises BadInput when one is gone."""
        source = self._source(job.clips_of or "")
        clips = [clip.model_copy(deep=True) for clip in source.clips]
        for clip in clips:
            theirs, ours = source.file_of(clip), file_names.clip(job.content_id, clip.index)
            if not self._artifacts.exists(ours):
                self._copy(theirs, ours)
            clip.file, clip.cues = ours, []
        return clips

    def _source(self, content_id: str) -> VideoJob:
        report = self._artifacts.final_report(content_id)
        if not report or not report.get("assembly"):
            raise BadInput(f"The parts of {content_id}, which is translated, are not kept any more.")
        return VideoJob.from_dict({**report["assembly"], "history": []})

    def _copy(self, name: str, new: str) -> None:
        if not self._artifacts.exists(name):
            raise BadInput(f"{name} is not kept any more; a film is translated over the clips that it was made of.")
        part = self._artifacts.scratch(new)
        with disk_errors(part):
            copy_file(self._artifacts.local(name), part)
        self._artifacts.publish(part, new)
