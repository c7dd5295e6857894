"""Reads final reports: what every store must find in a report before commands use it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from tenxsom.errors import BrokenState
from tenxsom.model import money
from tenxsom.model.stored import Moment, StoredModel

MAX_REPORT_BYTES = 16 * 1024 * 1024


def _amount(value: str) -> str:
    money.stored(value)
    return value


Amount = Annotated[str, AfterValidator(_amount)]
"""Money as text."""


class _Times(StoredModel):
    accepted: Moment | None = None
    ended: Moment | None = None


class _Item(StoredModel):
    usd: Amount


class _Cost(StoredModel):
    total_usd: Amount
    items: list[_Item] = Field(default_factory=list)


class _ReportedClip(StoredModel):
    answers: list[dict[str, Any]] = Field(default_factory=list)


class _Media(StoredModel):
    seconds: float | None = None


class _Report(StoredModel):
    """The fields that commands read, so that a report which somebody has edited is named, and hides no other."""

    content_id: str
    state: str
    run_id: str | None
    fingerprint: str | None
    service: str
    planner: dict[str, Any]
    clips: list[_ReportedClip]
    cost: _Cost
    warnings: list[str]
    route: dict[str, Any] | None = None
    times: _Times | None = None
    media: _Media = _Media()
    history: list[dict[str, Any]] = Field(default_factory=list)
    job: dict[str, Any] = Field(default_factory=dict)
    assembly: dict[str, Any] | None = None


def parsed_report(data: bytes) -> dict[str, Any]:
    """Return the report in a file's content. Raises ValueError for content that is no report."""
    try:
        report: dict[str, Any] = json.loads(data)
        _Report.from_dict(report)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except BrokenState as error:
        raise ValueError(f"it is no report of ours: {error}") from None
    if report.get("job") and report["job"].get("content_id") != report["content_id"]:
        raise ValueError("its field job is the state of another job")
    if report["state"] != "completed" and not all(isinstance(report.get(name), str) for name in ("reason", "advice")):
        raise ValueError("it is the report of a failed job without a reason")
    return report
