"""A clip of a video job: one generation of a service, as it lies within the job's state file. No I/O, no vendor.

A clip walks through steps, one saved before the next:

    request_image → await_image → fetch_image → upload_asset → request_video → await_video → download → done
        paid           free          free           free            paid           free         free

`request_image` and `request_video` cost money. Before such a call its intent is saved with the clip; after it the vendor's ids
replace the intent. An intent that is found on disk later is a paid call whose outcome nobody knows: `submit_unknown`.
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
"""How many answers of a service to paid calls are kept with a clip."""

LONGEST_PAUSE_SECONDS = 3600.0
"""No clip is ever put off for longer; a moment further away comes from a clock that jumped."""


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
"""Why a clip is held about which somebody must decide."""

START_FRAME_OF_OLD = "flux"
"""Where the start frames came from before there was a choice."""

FIRST_STEPS = {"none": Step.REQUEST_VIDEO, "own_picture": Step.FETCH_IMAGE}
"""The first step by the source of the start frame; every other source is asked for a still first."""

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
"""What a step works with, and its name in a message: it must be in the file, or the step could never be taken."""


class Intent(StoredModel):
    """The record, on disk before a paid call, that the call is about to be made."""

    step: str
    attempt: int
    reference: str
    """Ours; the service gets it as `replyRef` where it takes one."""
    usd: str
    at: str
    unclear: str | None = None
    """Why nobody knows what became of the call; None while it is being made."""
    doubt: str | None = None
    """Why the call may have been accepted although the service refused it (a 503): it is asked before anything is sent again."""

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
    """What the blueprint gives this clip."""
    seconds: Seconds
    """What the service makes: the nearest length it offers that is not shorter."""
    aspect_ratio: str
    """What the service makes."""
    asked_aspect_ratio: str | None = None
    """What is asked for, where that is cut out of what the service makes; None where it is the same."""
    trim: bool = False
    """Whether what the service makes too long is cut off."""
    service: str = ""
    """Who makes it; empty in files of earlier versions, where the job's own service makes every clip."""
    model: str = ""
    resolution: str = ""
    start_frame: str = START_FRAME_OF_OLD
    """Where its start frame comes from: the name of a source in `tenxsom.services.images.base`."""
    down_since: str | None = None
    """Since when its service has given no sign of life, as far as this clip has tried."""
    tried: list[str] = Field(default_factory=list)
    """The services that could not be used for it."""
    seed: int | None = None
    style: str | None = None
    cues: list[Cue] = Field(default_factory=list)
    """The words that belong to this clip."""
    step: str = Step.REQUEST_IMAGE
    image: Still = Field(default_factory=Still)
    asset: Upload = Field(default_factory=Upload)
    video: Generation = Field(default_factory=Generation)
    status_endpoint: str | None = None
    submitted_at: Moment | None = None
    attempts: dict[str, int] = Field(default_factory=dict)
    checks: int = 0
    percent: float | None = None
    """How far the service says it is."""
    next_check_at: Moment | None = None
    overdue_at: str | None = None
    """From when on the next look in vain after its deadline counts."""
    refused: bool = False
    """Whether the service itself said that it could not make it: asking once more is no use then."""
    intent: Intent | None = None
    answers: list[dict[str, Any]] = Field(default_factory=list)
    """What the service answered to the last paid calls that it did not plainly accept: step, at, reference, status, text, ids."""
    unknown_status: str | None = None
    """The last status of the service's that no table of ours knows."""
    hold: str | None = None
    """Why it waits although its time has come: `budget`, or `decision` for somebody's word; None otherwise."""
    error: str | None = None
    file: str | None = None
    """Name of the downloaded clip in completed_videos/."""
    facts: MediaFacts | None = None
    """What is in it."""
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
        """Where its way begins: not every start frame has to be made, and not every clip has one."""
        return FIRST_STEPS.get(self.start_frame, Step.REQUEST_IMAGE)

    @property
    def delivered_seconds(self) -> float:
        """How long the delivered file is; 0 while there is none."""
        return self.facts.seconds if self.facts else 0.0

    @property
    def was_taken_as_is(self) -> bool:
        """Whether its file had been refused, and somebody took it as it is."""
        return bool(self.facts and self.facts.taken_as_is)

    @property
    def is_final(self) -> bool:
        return self.step in FINAL_STEPS

    @property
    def is_submitted(self) -> bool:
        return self.step not in SUBMISSION_STEPS

    def is_due(self) -> bool:
        """Whether its time has come."""
        return clock.is_due(self.next_check_at, LONGEST_PAUSE_SECONDS)

    def retry(self, keep_asset: bool = True) -> None:
        """Start over after a failure, at the first step that is missing; without the start frame if that cannot be used any more.

        A clip that was ordered and not refused is asked for once more, which is free: it may be there by now.
        """
        if not keep_asset and self.asset.file_id:
            self.asset = Upload()
            self.image = Still() if self.first_step != Step.FETCH_IMAGE else self.image
        ordered = self.video.job_id is not None and not self.refused
        paid_still = self.start_frame == START_FRAME_OF_OLD and self.image.job_id  # asking for it once more is free
        first = Step.AWAIT_IMAGE if paid_still else self.first_step
        self.step = Step.AWAIT_VIDEO if ordered else Step.REQUEST_VIDEO if self.asset.file_id else first
        if not ordered:
            self.video, self.status_endpoint, self.submitted_at = Generation(), None, None
        self.error = self.next_check_at = self.overdue_at = self.hold = self.percent = None
        self.facts = self.fetched = self.refusal = None
        self.checks, self.attempts, self.refused = 0, {}, False

    def keep_answer(self, reference: str, answer: Mapping[str, Any]) -> None:
        """Keep what the service answered to a paid call, with the call's step and time; the last few are enough."""
        kept = {"step": str(self.step), "at": clock.stamp(), "reference": reference, **answer}
        self.answers = [*self.answers, kept][-MOST_ANSWERS:]

    def count_attempt(self) -> int:
        """Count one more attempt of the current step; returns its number, from 1."""
        return self.count(str(self.step))

    def count(self, what: str) -> int:
        """Count one more of something that happens to it; returns how many it makes."""
        self.attempts[what] = self.attempts.get(what, 0) + 1
        return self.attempts[what]
