"""The video job: one definition on its way, as it lies in pending_video_jobs/. No I/O, no vendor, no heavy imports.

A job has clips; a clip walks through steps, one saved before the next:

    request_image → await_image → fetch_image → upload_asset → request_video → await_video → download → done
        paid           free          free           free            paid           free         free

`request_image` and `request_video` cost money. Before such a call its intent is saved with the clip; after it the vendor's ids
replace the intent. An intent that is found on disk later is a paid call whose outcome nobody knows: `submit_unknown`.

Fields that this version does not know are kept and written back (`extra`), so that a newer version's notes survive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from tenxsom import clock
from tenxsom.errors import BrokenState, NewerState
from tenxsom.model import money
from tenxsom.model.record import Record
from tenxsom.model.shape import check_length, check_moment, check_text

SCHEMA_VERSION = 1


LONGEST_PAUSE_SECONDS = 3600.0
"""No clip is ever put off for longer; a moment further away comes from a clock that jumped."""


class State(StrEnum):
    """Where a job stands, in the words that users see."""

    ACCEPTED = "accepted"
    """On disk; planning or its first step comes next."""
    SUBMITTING = "submitting"
    """At least one clip has not been submitted yet."""
    WAITING = "waiting"
    """Every clip is at the service; the poller collects them."""
    OVER_BUDGET = "over_budget"
    """The next paid call would pass a budget; goes on by itself when the budget allows it."""
    SUBMIT_UNKNOWN = "submit_unknown"
    """A paid call's outcome is unknown; somebody must decide (manage_jobs.py resolve)."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """The next step of a clip."""

    REQUEST_IMAGE = "request_image"
    AWAIT_IMAGE = "await_image"
    FETCH_IMAGE = "fetch_image"
    UPLOAD_ASSET = "upload_asset"
    REQUEST_VIDEO = "request_video"
    AWAIT_VIDEO = "await_video"
    DOWNLOAD = "download"
    DONE = "done"
    FAILED = "failed"


SUBMISSION_STEPS = (Step.REQUEST_IMAGE, Step.AWAIT_IMAGE, Step.FETCH_IMAGE, Step.UPLOAD_ASSET, Step.REQUEST_VIDEO)
FINAL_STEPS = frozenset({Step.DONE, Step.FAILED})

NEEDED_AT = {
    Step.AWAIT_IMAGE: ("image", "job_id"),
    Step.FETCH_IMAGE: ("image", "url"),
    Step.UPLOAD_ASSET: ("image", "mime_type"),
    Step.REQUEST_VIDEO: ("asset", "file_id"),
    Step.AWAIT_VIDEO: ("video", "job_id"),
    Step.DOWNLOAD: ("video", "job_id"),
}
"""What a step works with: it must be in the file, or the step could never be taken."""


@dataclass
class Intent(Record):
    """The record, on disk before a paid call, that the call is about to be made."""

    step: str
    attempt: int
    reference: str
    """Ours; the service gets it as `replyRef` where it takes one."""
    usd: str
    at: str
    unclear: str | None = None
    """Why nobody knows what became of the call; None while it is being made."""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Clip(Record):
    """One vendor generation."""

    index: int
    prompt: str
    image_prompt: str
    asked_seconds: float
    """What the blueprint gives this clip."""
    seconds: float
    """What the service makes: the nearest length it offers that is not shorter."""
    aspect_ratio: str
    seed: int | None = None
    style: str | None = None
    cues: list[dict[str, Any]] = field(default_factory=list)
    """The words that belong to this clip: start, end (seconds within it) and text."""
    step: str = Step.REQUEST_IMAGE
    image: dict[str, Any] = field(default_factory=dict)
    """Ids, URL and local file of the still."""
    asset: dict[str, Any] = field(default_factory=dict)
    """The uploaded start frame: file_id, mime_type."""
    video: dict[str, Any] = field(default_factory=dict)
    """The service's ids of the clip: job_id, generation_id."""
    status_endpoint: str | None = None
    submitted_at: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    checks: int = 0
    percent: float | None = None
    """How far the service says it is."""
    next_check_at: str | None = None
    overdue_at: str | None = None
    """From when on the next look in vain after its deadline counts."""
    refused: bool = False
    """Whether the service itself said that it could not make it: asking once more is no use then."""
    intent: Intent | None = None
    hold: str | None = None
    """Why it waits although its time has come: `budget`; None otherwise."""
    error: str | None = None
    file: str | None = None
    """Name of the downloaded clip in completed_videos/."""
    facts: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        clip = super().from_dict(document)
        if isinstance(clip.intent, Mapping):
            clip.intent = Intent.from_dict(clip.intent)
            money.stored(clip.intent.usd)
        clip._check()
        return clip

    def _check(self) -> None:
        """Raise BrokenState, or ValueError, when the belt could not work with what the file says."""
        step = Step(self.step)
        if step in NEEDED_AT:
            group, name = NEEDED_AT[step]
            check_text(getattr(self, group).get(name), f"{group}.{name}, which {step} needs,")
        for name in ("next_check_at", "submitted_at"):
            if getattr(self, name) is not None:
                check_moment(getattr(self, name), name)
        check_length(self.seconds, "seconds")
        check_length(self.asked_seconds, "asked_seconds")

    @property
    def is_final(self) -> bool:
        return self.step in FINAL_STEPS

    @property
    def is_submitted(self) -> bool:
        return self.step not in SUBMISSION_STEPS

    def is_due(self) -> bool:
        """Whether its time has come."""
        return clock.is_due(self.next_check_at, LONGEST_PAUSE_SECONDS)

    def retry(self) -> None:
        """Start over after a failure, at the first step that is missing.

        A clip that was ordered and not refused is asked for once more, which is free: it may be there by now.
        """
        ordered = bool(self.video) and not self.refused
        self.step = Step.AWAIT_VIDEO if ordered else Step.REQUEST_VIDEO if self.asset else Step.REQUEST_IMAGE
        if not ordered:
            self.video, self.status_endpoint, self.submitted_at = {}, None, None
        self.error = self.next_check_at = self.overdue_at = self.hold = self.percent = self.facts = None
        self.checks, self.attempts, self.refused = 0, {}, False

    def count_attempt(self) -> int:
        """Count one more attempt of the current step; returns its number, from 1."""
        return self.count(str(self.step))

    def count(self, what: str) -> int:
        """Count one more of something that happens to it; returns how many it makes."""
        self.attempts[what] = self.attempts.get(what, 0) + 1
        return self.attempts[what]


@dataclass
class VideoJob(Record):
    """One definition on its way. `schema_version` to `expected_file_path` are the original system's fields and their kin."""

    schema_version: int
    revision: int
    content_id: str
    job_id: str | None
    title: str
    state: str
    service: str
    submit_time: str
    status_endpoint: str | None
    expected_file_path: str
    run_id: str
    """Tells two deliberate runs of the same content_id (`--again`) apart in references and in the ledger."""
    definition: dict[str, Any]
    fingerprint: str
    blueprint: dict[str, Any] | None = None
    clips: list[Clip] = field(default_factory=list)
    spend: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    cancelled: bool = False
    """Nothing further is ordered for it; what is paid for already is still collected and kept."""
    error: str | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Raises NewerState for a file of a newer version, BrokenState for one that is no job."""
        version = document.get("schema_version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise BrokenState(f"its schema_version {version!r} is none that ever was")
        if version > SCHEMA_VERSION:
            raise NewerState(
                f"it was written by a newer version (schema {version}, this one reads up to {SCHEMA_VERSION});"
                " update this installation"
            )
        try:
            job = super().from_dict(document)
            job.clips = [Clip.from_dict(clip) for clip in document.get("clips", [])]
            job._check()
        except (TypeError, AttributeError, ValueError) as error:
            raise BrokenState(f"it is no video job: {error}") from None
        return job

    def _check(self) -> None:
        """Raise BrokenState, or ValueError, when the belt could not work with what the file says."""
        check_text(self.content_id, "content_id")
        check_moment(self.submit_time, "submit_time")
        if [clip.index for clip in self.clips] != list(range(len(self.clips))):
            raise BrokenState("its clips are not numbered from 0 in their order")
        for line in self.spend:
            check_text(line.get("reference"), "spend.reference")
            check_text(line.get("entry"), "spend.entry")
            money.stored(line.get("usd"))
        for entry in self.history:
            check_text(entry.get("event"), "history.event")
            check_moment(entry.get("time"), "history.time")

    def record(self, event: str, detail: str = "", **facts: Any) -> None:
        """Add to the audit trail. It is saved with the next save."""
        self.history.append({"time": clock.stamp(), "event": event, **({"detail": detail} if detail else {}), **facts})

    def warn(self, sentence: str) -> bool:
        """Keep a warning for the report; returns whether it is new."""
        if sentence in self.warnings:
            return False
        self.warnings.append(sentence)
        return True

    def settle_state(self) -> None:
        """Derive the job's state, id and endpoint from its clips."""
        if self.cancelled:
            self.state = State.CANCELLED
        elif any(clip.intent and clip.intent.unclear for clip in self.clips):
            self.state = State.SUBMIT_UNKNOWN
        elif any(clip.hold == "budget" for clip in self.clips):
            self.state = State.OVER_BUDGET
        elif self.clips:
            self.state = State.WAITING if all(clip.is_submitted for clip in self.clips) else State.SUBMITTING
        first = next((clip for clip in self.clips if clip.video), None)
        if first:
            self.job_id, self.status_endpoint = first.video.get("job_id"), first.status_endpoint

    def is_due(self) -> bool:
        """Whether any of its clips wants attention now (a job without clips does)."""
        waiting = [clip for clip in self.clips if not clip.is_final]
        return not waiting or any(clip.is_due() for clip in waiting)
