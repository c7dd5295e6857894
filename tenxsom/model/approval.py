"""A user's approval of a job's plan, as stored in the job's state. No I/O, no vendor."""

from __future__ import annotations

from pydantic import field_validator

from tenxsom.model import money
from tenxsom.model.stored import Moment, StoredModel


class Approval(StoredModel):
    """The question whether a plan is good, and its answer."""

    asked_at: Moment
    usd: str
    """About what the plan costs, in US dollars: when it was asked, later when it was approved."""
    clips: int = 0
    seconds: float = 0.0
    given_at: Moment | None = None
    """When a user approved it; None while it waits."""

    @field_validator("usd")
    @classmethod
    def _is_money(cls, usd: str) -> str:
        money.stored(usd)
        return usd
