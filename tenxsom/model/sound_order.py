"""A paid call whose response is a sound: a spoken segment, or music. No I/O, no vendor.

It is paid for as a clip is (`tenxsom.pipeline.payment`), but there is nothing to wait for: the sound comes with the response, and
is stored before the call counts as accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator

from tenxsom import clock
from tenxsom.model.clip import MOST_ANSWERS, Intent
from tenxsom.model.stored import Moment, StoredModel, broken


class SoundStep(StrEnum):
    """What a paid call for a sound is waiting for."""

    SPEAK = "speak"
    """The voice of a segment is to be ordered."""
    COMPOSE = "compose"
    """The music is to be ordered."""
    DONE = "done"
    """The sound is paid for, and stored under the order's `reference`."""
    FAILED = "failed"
    """It is not ordered any more; the reason is in `error`."""


ORDERS = (SoundStep.SPEAK, SoundStep.COMPOSE)


class SoundOrder(StoredModel):
    """One sound that is paid for."""

    index: int
    """The number of the segment in the blueprint; 0 for music."""
    kind: str
    """The step that orders it: `speak` or `compose`."""
    service: str
    """Who bills it, as prices and the ledger name it."""
    model: str = ""
    step: str
    reference: str | None = None
    """Our reference of the accepted call, under which the sound is stored."""
    attempts: dict[str, int] = Field(default_factory=dict)
    intent: Intent | None = None
    hold: str | None = None
    """`budget` while it waits for a budget; None otherwise."""
    next_check_at: Moment | None = None
    answers: list[dict[str, Any]] = Field(default_factory=list)
    error: str | None = None

    @field_validator("kind")
    @classmethod
    def _is_an_order(cls, kind: str) -> str:
        if kind not in ORDERS:
            raise broken(f"{kind[:40]!r} is no sound that can be ordered")
        return kind

    @property
    def label(self) -> str:
        """Return how messages name it."""
        return "the music" if self.kind == SoundStep.COMPOSE else f"the voice of segment {self.index + 1}"

    @property
    def is_final(self) -> bool:
        return self.step in (SoundStep.DONE, SoundStep.FAILED)

    def pays_for(self, step: str) -> bool:
        """Return whether a step of the ledger's is its paid call."""
        return step == self.kind

    def accept(self, ids: Mapping[str, str | None], endpoint: str | None) -> str:  # noqa: ARG002  (there is nothing to ask for)
        """Take the result of the paid call; return the event for the history."""
        self.reference = ids["job_id"]
        event = "music_made" if self.kind == SoundStep.COMPOSE else "voice_made"
        self.step = SoundStep.DONE
        return event

    def write_off(self) -> None:
        """Give the sound up, as a user has decided."""
        self.step, self.error = SoundStep.FAILED, "its paid call was written off"

    def order_from(self, service: str, model: str) -> None:
        """Order it (again) from a service. References of earlier calls are not used again."""
        self.service, self.model, self.step = service, model, SoundStep(self.kind)
        self.reference = None
        self.error = self.next_check_at = self.hold = None

    def keep_answer(self, reference: str, answer: Mapping[str, Any]) -> None:
        """Keep the response to a paid call that was not clearly accepted; only the last few are kept."""
        kept = {"step": self.step, "at": clock.stamp(), "reference": reference, **answer}
        self.answers = [*self.answers, kept][-MOST_ANSWERS:]

    def count_attempt(self) -> int:
        """Count an attempt of the current step and return its number, from 1."""
        return self.count(self.step)

    def count(self, what: str) -> int:
        """Increment the counter `what` and return it."""
        self.attempts[what] = self.attempts.get(what, 0) + 1
        return self.attempts[what]
