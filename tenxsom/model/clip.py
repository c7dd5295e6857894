"""A clip of a video job: one generation of a service, as stored in the job's state file. No I/O, no vendor.

A clip goes through steps; each is saved before the next begins:

    request_image → await_image → fetch_image → upload_asset → request_video → await_video → download → done
        paid           free          free           free            paid           free         free

`request_image` and `request_video` cost money. Before such a call its intent is saved with the clip; after it the vendor's ids
replace the intent. An intent found on disk later is a paid call whose outcome is unknown: `submit_unknown`.
A clip that starts from the user's own picture begins with `fetch_image`, one without a start frame with `request_video`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from tenxsom import clock
from tenxsom.model import money
from tenxsom.model.parts import Cue, FetchedFile, Generation, MediaFacts, RefusedFile, Still, Upload
from tenxsom.model.stored import Moment, Seconds, StoredModel, broken, check_text, shown

MOST_ANSWERS = 5
"""How many responses to paid calls are kept with a clip."""

LONGEST_PAUSE_SECONDS = 3600.0
"""The longest pause of a clip; a time further away comes from a clock that jumped."""


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

DECISION = "decision"
"""The `hold` of a clip that waits for a user's decision."""

START_FRAME_OF_OLD = "flux"
"""The source of start frames before there was a choice."""

FIRST_STEPS = {"none": Step.REQUEST_VIDEO, "own_picture": Step.FETCH_IMAGE}
"""The first step by the source of the start frame; every other source begins with REQUEST_IMAGE."""

STEPS = frozenset(step.value for step in Step)

NEEDED_AT: dict[str, tuple[str, str, str]] = {
    step: (group, name, f"{group}.{name}, which {step} needs,")
    for step, group, name in (
        (Step.AWAIT_IMAGE, "image", "job_id"),
        (Step.FETCH_IMAGE, "image", "url"),
        (Step.UPLOAD_ASSET, "image", "mime_type"),
        (Step.REQUEST_VIDEO, "asset", "file_id"),
        (Step.AWAIT_VIDEO, "video", "job_id"),
        (Step.DOWNLOAD, "video", "job_id"),
    )
}
"""The data that a step needs, which must be in the file, and its name in messages."""


class Intent(StoredModel):
    """The record, on disk before a paid call, that the call is about to be made."""

    step: str
    attempt: int
    reference: str
    """Our reference, sent to the service as `replyRef` where it takes one."""
    usd: str
    at: str
    unclear: str | None = None
    """Why the call's outcome is unknown; None while the call is in progress."""
    doubt: str | None = None
    """Why a refused call (a 503) may have been accepted all the same: the service is asked for it before a retry."""

    @field_validator("usd")
    @classmethod
    def _is_money(cls, usd: str) -> str:
        money.stored(usd)
        return usd


class Clip(StoredModel):
    """One vendor generation."""

    index: int
    prompt: str
    image_prompt: str
    asked_seconds: Seconds
    """The duration in the blueprint."""
    seconds: Seconds
    """The ordered duration: the service's nearest one that is not shorter."""
    aspect_ratio: str
    """The ordered aspect ratio."""
    asked_aspect_ratio: str | None = None
    """The aspect ratio to crop to; None where it is the ordered one."""
    trim: bool = False
    """Whether the clip is cut to `asked_seconds`."""
    service: str = ""
    """The clip's service; empty in files of earlier versions, where the job's service makes every clip."""
    model: str = ""
    resolution: str = ""
    start_frame: str = START_FRAME_OF_OLD
    """The source of its start frame, by its name in `tenxsom.services.images.base`."""
    down_since: str | None = None
    """The time of the first of consecutive connection failures with its service."""
    tried: list[str] = Field(default_factory=list)
    """The services that failed for this clip."""
    seed: int | None = None
    style: str | None = None
    cues: list[Cue] = Field(default_factory=list)
    """The clip's captions."""
    step: str = Step.REQUEST_IMAGE
    image: Still = Field(default_factory=Still)
    asset: Upload = Field(default_factory=Upload)
    video: Generation = Field(default_factory=Generation)
    status_endpoint: str | None = None
    submitted_at: Moment | None = None
    attempts: dict[str, int] = Field(default_factory=dict)
    checks: int = 0
    percent: float | None = None
    """The progress that the service reports."""
    next_check_at: Moment | None = None
    overdue_at: str | None = None
    """The earliest time at which another unsuccessful check after the deadline counts."""
    refused: bool = False
    """Whether the service refused to make the clip, so that a further status check is useless."""
    intent: Intent | None = None
    answers: list[dict[str, Any]] = Field(default_factory=list)
    """The service's responses to the last paid calls that it did not clearly accept: step, at, reference, status, text, ids."""
    unknown_status: str | None = None
    """The service's last status that our table does not know."""
    hold: str | None = None
    """Why a due clip waits: `budget`, or `decision` for a user's decision; None otherwise."""
    error: str | None = None
    file: str | None = None
    """Name of the downloaded clip in completed_videos/."""
    facts: MediaFacts | None = None
    """The facts of the downloaded clip."""
    fetched: FetchedFile | None = None
    refusal: RefusedFile | None = None

    @field_validator("step")
    @classmethod
    def _is_a_step(cls, step: str) -> str:
        if step not in STEPS:
            raise broken(f"its step {shown(step)} is none of ours")
        return step

    @model_validator(mode="after")
    def _has_what_its_step_needs(self) -> Self:
        needed = NEEDED_AT.get(self.step)
        if needed and (self.step != Step.REQUEST_VIDEO or self.first_step != self.step):
            group, name, words = needed
            check_text(getattr(getattr(self, group), name), words)
        return self

    @property
    def first_step(self) -> Step:
        """Return the first step, which depends on the source of the start frame."""
        return FIRST_STEPS.get(self.start_frame, Step.REQUEST_IMAGE)

    @property
    def delivered_seconds(self) -> float:
        """Return the duration of the delivered file; 0 without a file."""
        return self.facts.seconds if self.facts else 0.0

    @property
    def was_taken_as_is(self) -> bool:
        """Return whether its file was refused and a user accepted it."""
        return bool(self.facts and self.facts.taken_as_is)

    @property
    def is_final(self) -> bool:
        return self.step in FINAL_STEPS

    @property
    def is_submitted(self) -> bool:
        return self.step not in SUBMISSION_STEPS

    @property
    def label(self) -> str:
        """Return how messages name it."""
        return f"clip {self.index + 1}"

    def pays_for(self, step: str) -> bool:
        """Return whether a step of the ledger's is one of its paid calls."""
        return step in (Step.REQUEST_IMAGE, Step.REQUEST_VIDEO)

    def accept(self, ids: Mapping[str, str | None], endpoint: str | None) -> str:
        """Take the ids of the paid call of the current step, and go on to the next; return the event for the history.

        The error of an earlier attempt is not what the clip waits for any more.
        """
        self.error = None
        if self.step == Step.REQUEST_IMAGE:
            self.image, self.step = Still(**ids), Step.AWAIT_IMAGE
            return "image_requested"
        self.video, self.submitted_at, self.step = Generation(**ids), clock.stamp(), Step.AWAIT_VIDEO
        self.status_endpoint, self.percent = endpoint, None  # those of an earlier order do not apply
        return "video_requested"

    def write_off(self) -> None:
        """Fail the clip, whose paid call a user has written off."""
        self.step, self.error = Step.FAILED, "its paid call was written off, because nobody could say what became of it"

    def is_due(self) -> bool:
        """Return whether its next check is due."""
        return clock.is_due(self.next_check_at, LONGEST_PAUSE_SECONDS)

    def retry(self, keep_asset: bool = True, has_still: bool = False) -> None:
        """Restart after a failure, at the first missing step; without the uploaded start frame if that is no longer usable.

        A clip that was ordered and not refused is checked again, which is free: it may be finished by now. `has_still` tells that
        the fetched still is kept, so that it is uploaded again and not paid again.
        """
        has_still = has_still and self.first_step == Step.REQUEST_IMAGE and self.image.mime_type is not None
        if not keep_asset and self.asset.file_id:
            self.asset = Upload()
            self.image = self.image if has_still or self.first_step == Step.FETCH_IMAGE else Still()
        ordered = self.video.job_id is not None and not self.refused
        paid_still = self.start_frame == START_FRAME_OF_OLD and self.image.job_id  # a status check is free
        first = Step.UPLOAD_ASSET if has_still else Step.AWAIT_IMAGE if paid_still else self.first_step
        self.step = Step.AWAIT_VIDEO if ordered else Step.REQUEST_VIDEO if self.asset.file_id else first
        if not ordered:
            self.video, self.status_endpoint, self.submitted_at = Generation(), None, None
        self.error = self.next_check_at = self.overdue_at = self.hold = self.percent = None
        self.facts = self.fetched = self.refusal = None
        self.checks, self.attempts, self.refused = 0, {}, False

    def keep_answer(self, reference: str, answer: Mapping[str, Any]) -> None:
        """Keep the response to a paid call, with the call's step and time; only the last few are kept."""
        kept = {"step": str(self.step), "at": clock.stamp(), "reference": reference, **answer}
        self.answers = [*self.answers, kept][-MOST_ANSWERS:]

    def count_attempt(self) -> int:
        """Count an attempt of the current step and return its number, from 1."""
        return self.count(str(self.step))

    def count(self, what: str) -> int:
        """Increment the counter `what` and return it."""
        self.attempts[what] = self.attempts.get(what, 0) + 1
        return self.attempts[what]
