"""Everything about one job, on the queue or ended, as a page and a program want it: one reading of its state or its report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from tenxsom.dashboard.board import Board, Missing
from tenxsom.errors import BadInput
from tenxsom.model import file_names
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.clip import DECISION
from tenxsom.model.job import JobState
from tenxsom.pipeline import job_story, queue_view
from tenxsom.pipeline.job_story import Next, StoryLine
from tenxsom.pipeline.queue_view import QueuedJob
from tenxsom.safe_files import read_file
from tenxsom.store.base import Artifacts

MOST_PLAN_BYTES = 1024 * 1024


class LeftFile(NamedTuple):
    """A file that a job has left."""

    name: str
    bytes: int


class JobFacts(NamedTuple):
    """One job."""

    stem: str
    document: dict[str, Any]
    """Its state while it is on the queue, its final report afterwards."""
    queued: QueuedJob | None
    """The job as the queue shows it; None when it has ended."""
    story: list[StoryLine]
    next: Next | None
    plan: Blueprint | None
    files: list[LeftFile]

    @property
    def content_id(self) -> str:
        return str(self.document["content_id"])

    @property
    def state(self) -> str:
        return str(self.document["state"])

    @property
    def is_film(self) -> bool:
        return self.state == JobState.COMPLETED

    @property
    def is_last_run(self) -> bool:
        return self.stem == self.content_id

    @property
    def clips(self) -> Sequence[Mapping[str, Any]]:
        return list(self.document.get("clips") or [])

    @property
    def definition(self) -> dict[str, Any]:
        """Return the definition that the job was made from; of a report that does not hold it, what is known of it."""
        for holder in (self.document, self.document.get("job"), self.document.get("assembly")):
            if isinstance(holder, dict) and isinstance(holder.get("definition"), dict):
                return dict(holder["definition"])
        known = ("content_id", "title", "archetype", "tier", "platform", "metadata")
        return {name: self.document[name] for name in known if self.document.get(name)}

    @property
    def has_open_call(self) -> bool:
        """Return whether a person must say what became of a paid call."""
        return self.state == JobState.SUBMIT_UNKNOWN

    @property
    def waits_for_approval(self) -> bool:
        """Return whether a person must say whether the plan is good."""
        asked = self.document.get("approval")
        return self.queued is not None and isinstance(asked, dict) and not asked.get("given_at")

    @property
    def has_refused_clip(self) -> bool:
        """Return whether a person must say whether a clip is good enough."""
        held = any(clip.get("hold") == DECISION for clip in self.clips)
        return not self.waits_for_approval and (held or self.document.get("decision") is not None)

    @property
    def can_be_cancelled(self) -> bool:
        return self.queued is not None and self.state != JobState.CANCELLED and not self.has_open_call

    @property
    def can_be_retried(self) -> bool:
        return self.queued is None and self.is_last_run and "job" in self.document


def facts_of(board: Board, stem: str) -> JobFacts:
    """Return a job by its content_id, or an earlier run of it (`lake~1`). Raises Missing, BrokenState, DiskError."""
    if not is_name(stem):
        raise Missing(f"There is no job {stem[:120]!r}.")
    job = board.app.store.load(stem) if "~" not in stem else None
    artifacts = board.app.artifacts
    document = job.as_dict() if job else artifacts.final_report(stem)
    if document is None:
        raise Missing(str(board.app.results.unknown(stem)))
    queued = queue_view.queued_job(document) if job else None
    return JobFacts(
        stem,
        document,
        queued,
        job_story.lines(document),
        job_story.next_of(document),
        _plan(artifacts, stem, document),
        [LeftFile(name, artifacts.size(name) or 0) for name in artifacts.files_of(stem)],
    )


def check_known(board: Board, content_id: str) -> str:
    """Return the id of a job on the queue or an ended one. Raises Missing for one that is neither."""
    if not is_name(content_id):
        raise Missing(f"There is no job {content_id[:120]!r}.")
    if board.app.store.load(content_id) is None and not board.app.artifacts.has_report(content_id):
        raise Missing(str(board.app.results.unknown(content_id)))
    return content_id


def is_name(stem: str) -> bool:
    """Return whether a text may be the beginning of files' names, and leads nowhere else."""
    return bool(stem) and stem[0] != "." and "/" not in stem and "\0" not in stem and len(stem.encode("utf-8", "replace")) < 200


def _plan(artifacts: Artifacts, stem: str, document: Mapping[str, Any]) -> Blueprint | None:
    """Return the plan: of the state, else the one that lies beside the film; None where there is none, or it cannot be read."""
    holders = (document, document.get("job"), document.get("assembly"))
    found = next((holder["blueprint"] for holder in holders if isinstance(holder, dict) and holder.get("blueprint")), None)
    try:
        if found is None:
            found = json.loads(read_file(artifacts.local(file_names.blueprint(stem)), MOST_PLAN_BYTES))
        return Blueprint.model_validate(found)
    except (OSError, ValueError, ValidationError, BadInput):
        return None
