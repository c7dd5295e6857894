"""Makes a finished film again from its kept clips, voice and music: with other captions, music, brand or title, in another shape.

Nothing is ordered and nothing is paid. The film that is there keeps its name with a number, as with `--again`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from tenxsom import clock
from tenxsom.errors import BadInput
from tenxsom.model import file_names
from tenxsom.model.definition import JobDefinition, check_definition
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline.brand_kits import BrandKits
from tenxsom.pipeline.cutting import Cutter, chosen_film
from tenxsom.pipeline.finisher import Finisher
from tenxsom.pipeline.lookup import has_moved_on
from tenxsom.services.music.registry import MUSIC
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts, JobStore, SpendLedger


class Reassembler:
    """Makes finished films again."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        artifacts: Artifacts,
        brands: BrandKits,
        ledger: SpendLedger,
        vocabulary: Vocabulary,
        cutter: Cutter,
        finisher: Finisher,
    ) -> None:
        self._settings = settings
        self._store = store
        self._artifacts = artifacts
        self._brands = brands
        self._ledger = ledger
        self._vocabulary = vocabulary
        self._cutter = cutter
        self._finisher = finisher

    def reassemble(self, content_id: str, changes: Mapping[str, Any]) -> None:
        """Make a finished film again with changed fields of its definition.

        Raises BadInput when there is no finished film of this id, when its parts are not kept any more, or when a change would
        have to be paid; BadDefinition for a value that a field cannot have.
        """
        job = self.kept_job(content_id)
        definition = self._changed(job, changes)
        self._change(job, definition, changes)
        ended_run = job.run_id
        job.run_id, job.submit_time, job.ledger_mark = f"tx-{uuid.uuid4().hex[:16]}", clock.stamp(), self._ledger.mark()
        job.begin_anew()
        job.record("reassembled", ", ".join(f"{name}: {value}" for name, value in sorted(changes.items())) or "as it was")
        job.settle_state()
        with self._store.accept(job, unless=partial(has_moved_on, content_id, self._artifacts, ended_run)) as claim:
            if claim is None:
                raise BadInput(f"{content_id} is being made by another command; see what became of it.")
            self._finisher.archive_previous_run(claim)
            self._artifacts.remove(file_names.music(content_id))
            claim.save()
            self._finisher.complete(claim)

    def kept_job(self, content_id: str) -> VideoJob:
        """Return a finished job with all its kept parts. Raises BadInput when something is not there any more."""
        if self._store.load(content_id):
            raise BadInput(f"{content_id} is still on its way; its film can be made again when it is done.")
        report = self._artifacts.final_report(content_id)
        if report is None:
            raise BadInput(f"There is no finished film {content_id!r}.")
        if report["state"] != JobState.COMPLETED:
            raise BadInput(f"{content_id} ended without a film; manage_jobs.py retry {content_id} makes what is missing.")
        if not report.get("assembly"):
            raise BadInput(
                f"The parts of {content_id} were not kept: it was joined from its clips, or KEEP_CLIPS_DAYS was 0. --again makes it"
                " once more, and pays for it."
            )
        job = VideoJob.from_dict({**report["assembly"], "history": report["history"]})
        files = [job.file_of(clip) for clip in job.clips]
        files += [segment.file for segment in job.narration.segments if segment.file] if job.narration else []
        if gone := [name for name in files if not self._artifacts.exists(name)]:
            raise BadInput(
                f"{content_id} cannot be made again: {gone[0]} is not kept any more (KEEP_CLIPS_DAYS is"
                f" {self._settings.keep_clips_days:g}). --again orders everything once more, and pays for it."
            )
        return job

    def _changed(self, job: VideoJob, changes: Mapping[str, Any]) -> JobDefinition:
        """Return the definition with its changes. Raises BadDefinition with all problems."""
        document = {**job.definition.as_dict(), **changes}
        return check_definition(document, job.content_id, self._vocabulary)

    def _change(self, job: VideoJob, definition: JobDefinition, changes: Mapping[str, Any]) -> None:
        """Change the plan of the film, and put it together anew."""
        before = job.film
        is_new = "brand" in changes or job.brand_kit is None
        brand = self._brands.named_by(definition) if is_new else self._brands.of(job)
        if not is_new and (gone := self._brands.missing_file(job)):
            raise BadInput(f"{gone}, a file of the brand, is not kept any more: {job.content_id} can be made again with --brand.")
        film = chosen_film(definition, self._settings, definition.shape(self._vocabulary), brand)
        film.mood = before.mood if before else ""
        kept = file_names.music_source(job.content_id)
        if film.music in (*MUSIC, "file") and not self._artifacts.exists(kept):
            wanted = (
                f"Music {changes['music']!r} would have to be ordered or read anew" if "music" in changes else "Its music is gone"
            )
            raise BadInput(f"{wanted}: {job.content_id} can be made again with --music auto or none.")
        if is_new:
            self._brands.keep(job, brand, job.content_id)
        job.film, job.media, job.title = film, None, definition.title
        self._cutter.recut(job)
