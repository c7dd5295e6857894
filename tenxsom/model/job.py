"""The video job: one accepted definition, as stored in pending_video_jobs/. No I/O, no vendor.

A job has clips (`tenxsom.model.clip`), which go through their steps in parallel; the job's state is derived from theirs.
Unknown fields are kept and written back (`extra`), so that the data of a newer version survives.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PrivateAttr, field_validator

from tenxsom import clock
from tenxsom.errors import BrokenState, NewerState
from tenxsom.model import file_names, money
from tenxsom.model.accepted import AcceptedDefinition, KeptBrand
from tenxsom.model.approval import Approval
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.clip import DECISION, LONGEST_PAUSE_SECONDS, Clip
from tenxsom.model.film import FilmPlan
from tenxsom.model.narration import Narration
from tenxsom.model.parts import MediaFacts, RouteRecord, UnexpectedRecord
from tenxsom.model.sound_order import SoundOrder, SoundStep
from tenxsom.model.stored import Moment, StoredModel, broken, check_moment, check_text

NEVER_SECONDS = 10 * 365 * 86_400.0
"""The wait of a job that only a user ends: longer than any, and still a time that a calendar has."""

SCHEMA_VERSION = 2
"""2: a clip may be made by another service than its job's, with a model of its own, and from no start frame."""


class JobState(StrEnum):
    """The state of a job, in the words that users see."""

    ACCEPTED = "accepted"
    """On disk; planning or its first step comes next."""
    SUBMITTING = "submitting"
    """At least one clip has not been submitted yet."""
    WAITING = "waiting"
    """Every clip is at the service; the poller collects them."""
    OVER_BUDGET = "over_budget"
    """The next paid call would exceed a budget; the job continues when the budget allows it."""
    SUBMIT_UNKNOWN = "submit_unknown"
    """The outcome of a paid call is unknown; a user must decide (manage_jobs.py resolve)."""
    NEEDS_DECISION = "needs_decision"
    """A delivered clip was refused; a user must decide (manage_jobs.py resolve)."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS_WITHOUT_CLIPS = (JobState.NEEDS_DECISION, JobState.FAILED, JobState.CANCELLED)
"""The states that a job without clips leaves when its plan is approved, or when it is made once more."""


def _spend_line(line: dict[str, Any]) -> dict[str, Any]:
    check_text(line.get("reference"), "spend.reference")
    check_text(line.get("entry"), "spend.entry")
    money.stored(line.get("usd"))
    return line


def _history_entry(entry: dict[str, Any]) -> dict[str, Any]:
    check_text(entry.get("event"), "history.event")
    check_moment(entry.get("time"), "history.time")
    return entry


SpendLine = Annotated[dict[str, Any], AfterValidator(_spend_line)]
"""A movement of money: reference, step, clip, usd, entry."""

HistoryEntry = Annotated[dict[str, Any], AfterValidator(_history_entry)]
"""An entry of the audit trail: time, event, and the event's data."""


class VideoJob(StoredModel):
    """An accepted definition and its progress. `schema_version` to `expected_file_path` are mostly the original system's fields."""

    schema_version: int
    revision: int
    content_id: str
    job_id: str | None
    title: str
    state: str
    service: str
    submit_time: Moment
    status_endpoint: str | None
    expected_file_path: str
    run_id: str
    """Distinguishes deliberate runs of the same content_id (`--again`) in references and in the ledger."""
    definition: AcceptedDefinition
    fingerprint: str
    route: RouteRecord = Field(default_factory=RouteRecord)
    blueprint: Blueprint | None = None
    approval: Approval | None = None
    """A user's approval of the plan, once it is asked for."""
    clips: list[Clip] = Field(default_factory=list)
    sounds: list[SoundOrder] = Field(default_factory=list)
    """The paid calls for voices and music."""
    narration: Narration | None = None
    """The voice; None before it is made, and in states of earlier versions, which are finished without one."""
    clips_of: str | None = None
    """The job whose clips this film shows in another language; nothing is ordered for it then."""
    brand_kit: KeptBrand | None = None
    """The brand of the film, as it was at acceptance; None in states of earlier versions."""
    film: FilmPlan | None = None
    """How the film is put together; None where its clips are joined, as in states of earlier versions."""
    spend: list[SpendLine] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    rehearsal: bool = False
    """Whether the job is a rehearsal: at the local studio, or at an address that is not the vendor's own."""
    ledger_mark: str = ""
    """The end of the ledger when this run was accepted: all its lines come after it."""
    cancelled: bool = False
    """Whether nothing more is ordered; paid clips are still collected and kept."""
    step: str | None = None
    """The job's own step that is next or in progress (`tenxsom.pipeline.finisher`); None while its clips are made."""
    attempts: dict[str, int] = Field(default_factory=dict)
    """The attempts of the job's own steps, counted before each."""
    next_check_at: Moment | None = None
    """The earliest time of the next attempt of the job's own steps."""
    media: MediaFacts | None = None
    """The facts of the finished film, once it is verified."""
    unexpected: UnexpectedRecord | None = None
    error: str | None = None
    history: list[HistoryEntry] = Field(default_factory=list)
    _unheard: list[HistoryEntry] = PrivateAttr(default_factory=list)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Return the job of a document. Raises NewerState for a newer version, BrokenState for a document that is not a job."""
        version = document.get("schema_version")
        if version != SCHEMA_VERSION:
            _check_version(version)
        job = super().from_dict(document)
        job.schema_version = SCHEMA_VERSION
        return job

    @field_validator("clips")
    @classmethod
    def _are_numbered(cls, clips: list[Clip]) -> list[Clip]:
        if [clip.index for clip in clips] != list(range(len(clips))):
            raise broken("its clips are not numbered from 0 in their order")
        return clips

    def file_of(self, clip: Clip) -> str:
        """Return the name of a clip's file: the video's own where the job is nothing but this clip."""
        return file_names.clip_target(self.content_id, clip.index, 2 if self.film else len(self.clips))

    def brand_files(self) -> list[str]:
        """Return the names of the job's copies of its brand's files. Raises BadDefinition for a kit that is none."""
        if self.brand_kit is None or not self.brand_kit.name:
            return []
        from tenxsom.model.brand import check_brand  # jobs at their services are read without it

        return sorted(check_brand(self.brand_kit.kit, self.content_id).files())

    def service_of(self, clip: Clip) -> str:
        """Return the service of a clip."""
        return clip.service or self.service

    @property
    def orders(self) -> list[Clip | SoundOrder]:
        """Return everything that is paid for."""
        return [*self.clips, *self.sounds]

    def sound_order(self, kind: SoundStep, index: int, service: str, model: str) -> SoundOrder:
        """Return the order of a sound from a service, which is added when it is new.

        One that was another service's is ordered anew, unless the outcome of its call is open.
        """
        found = next((order for order in self.sounds if (order.kind, order.index) == (kind, index)), None)
        if found is None:
            found = SoundOrder(index=index, kind=kind, service=service, model=model, step=kind)
            self.sounds.append(found)
        elif found.intent is None and found.service != service:
            found.order_from(service, model)
        return found

    def record(self, event: str, detail: str = "", **facts: Any) -> None:
        """Add an entry to the audit trail; the next save stores it."""
        entry = {"time": clock.stamp(), "event": event, **({"detail": detail} if detail else {}), **facts}
        self.history.append(entry)
        self._unheard.append(entry)

    def recall(self, entries: Iterable[HistoryEntry]) -> None:
        """Add the report's entries that a crash kept out of this state, so that subscribers get them."""
        self._unheard.extend(entries)

    def unheard(self) -> tuple[HistoryEntry, ...]:
        """Return the entries that the next save stores."""
        return tuple(self._unheard)

    def take_unheard(self) -> list[HistoryEntry]:
        """Return the entries recorded since the last call; subscribers get them after the save."""
        entries, self._unheard = self._unheard, []
        return entries

    def warn(self, sentence: str) -> bool:
        """Keep a warning for the report; return whether it is new."""
        if sentence in self.warnings:
            return False
        self.warnings.append(sentence)
        return True

    def count(self, what: str) -> int:
        """Increment the job's counter `what` and return it."""
        self.attempts[what] = self.attempts.get(what, 0) + 1
        return self.attempts[what]

    def begin_anew(self) -> None:
        """Reset the attempts of the job's own steps, for a retry that a user wants; a plan that waited is asked for anew."""
        self.approval = None if self.waits_for_approval else self.approval
        self.step = self.next_check_at = self.media = self.unexpected = self.error = None
        self.attempts = {}
        self.sounds = [order for order in self.sounds if order.step == SoundStep.DONE]

    def pause_submission(self) -> bool:
        """Let the clips still to be ordered wait for the first postponed one; return whether there is one.

        A submission ends at the clip that cannot go on. If the others stayed due, it would begin anew at once and meet the same
        clip, without any pause.
        """
        open_clips = [clip for clip in self.clips if not clip.is_submitted]
        postponed = [clip.next_check_at for clip in open_clips if clip.next_check_at and not clip.is_due()]
        if not postponed:
            return False
        for clip in open_clips:
            if clip.is_due():
                clip.next_check_at = min(postponed)
        return True

    def settle_state(self) -> None:
        """Derive the job's state, id and endpoint from what is ordered."""
        if self.cancelled:
            self.state = JobState.CANCELLED
        elif any(order.intent and order.intent.unclear for order in self.orders):
            self.state = JobState.SUBMIT_UNKNOWN
        elif any(order.hold == "budget" for order in self.orders):
            self.state = JobState.OVER_BUDGET
        elif self.waits_for_approval or any(clip.hold == DECISION for clip in self.clips):
            self.state = JobState.NEEDS_DECISION
        elif self.clips:
            self.state = JobState.WAITING if all(clip.is_submitted for clip in self.clips) else JobState.SUBMITTING
        elif self.state in ENDS_WITHOUT_CLIPS or (self.state in (JobState.SUBMIT_UNKNOWN, JobState.OVER_BUDGET) and self.sounds):
            self.state = JobState.ACCEPTED
        first = next((clip for clip in self.clips if clip.video.job_id), None)
        if first:
            self.job_id, self.status_endpoint = first.video.job_id, first.status_endpoint

    def wait_seconds(self) -> float:
        """Return the seconds until the job is due; 0.0 for one that is."""
        if self.waits_for_approval:
            return NEVER_SECONDS
        if self.is_held:
            return clock.seconds_until(self.definition.not_before or "")
        waits = [0.0 if clock.is_due(at, LONGEST_PAUSE_SECONDS) else clock.seconds_until(at or "") for at in self._moments()]
        return min(waits)

    def due_for_seconds(self) -> float:
        """Return for how long a job is due; 0.0 for one that is not."""
        if not self.is_due():
            return 0.0
        moments = [at for at in self._moments() if at and clock.is_due(at, LONGEST_PAUSE_SECONDS)]
        return max(map(clock.age_seconds, moments), default=clock.age_seconds(self.begins_at))

    def _moments(self) -> list[str | None]:
        """Return the next moments of the clips that are not final, else the job's own; None is at once."""
        return [clip.next_check_at for clip in self.clips if not clip.is_final] or [self.next_check_at]

    @property
    def begins_at(self) -> str:
        """Return when work on it begins, from which its deadlines count: its acceptance, its `not_before`, its approval."""
        start, given = self.definition.not_before, self.approval.given_at if self.approval else None
        return max(self.submit_time, clock.stamp(clock.parse(start)) if start else "", given or "")

    @property
    def is_held(self) -> bool:
        """Return whether it waits for its `not_before`."""
        return self.definition.not_before is not None and clock.seconds_until(self.definition.not_before) > 0

    @property
    def waits_for_approval(self) -> bool:
        """Return whether it waits for a user's approval of its plan."""
        return self.approval is not None and self.approval.given_at is None

    def is_due(self) -> bool:
        """Return whether a clip is due, or the job itself: before it has clips, and when all clips are final."""
        if self.is_held or self.waits_for_approval:
            return False
        waiting = [clip for clip in self.clips if not clip.is_final]
        if waiting:
            return any(clip.is_due() for clip in waiting)
        return clock.is_due(self.next_check_at, LONGEST_PAUSE_SECONDS)


def _check_version(version: Any) -> None:
    """Raise NewerState for a newer version, BrokenState for a value that is not a version."""
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BrokenState(f"its schema_version {version!r} is none that ever was")
    if version > SCHEMA_VERSION:
        raise NewerState(
            f"it was written by a newer version (schema {version}, this one reads up to {SCHEMA_VERSION}); update this installation"
        )
