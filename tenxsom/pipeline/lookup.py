"""Looks up the id of a definition: whether it is new, on its way, or has ended. Duplicates are found here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from tenxsom.errors import BrokenState, Conflict, SetAside, TenxsomError
from tenxsom.model.job import JobState
from tenxsom.pipeline.routing import Route, kept_route, route_of
from tenxsom.services import registry as services
from tenxsom.store.base import Artifacts, JobStore

if TYPE_CHECKING:
    from tenxsom.model.definition import JobDefinition


class SubmissionCheck(StrEnum):
    """The result of the lookup of a content_id before its submission."""

    NEW = "new"
    ON_ITS_WAY = "on_its_way"
    COMPLETED = "completed"
    FAILED = "failed"


class Lookup(NamedTuple):
    """The result of the lookup of an id."""

    standing: SubmissionCheck
    report: dict[str, Any] | None = None
    route: Route | None = None
    """The route of a known job, which was decided at its acceptance."""

    @property
    def ended_run(self) -> str | None:
        return self.report["run_id"] if self.report else None


def look_up(definition: JobDefinition, store: JobStore, artifacts: Artifacts, again: bool, *, for_real: bool = False) -> Lookup:
    """Look up a definition's id. The same id with the same definition is the same job.

    A rehearsal is not the same job as one made `for_real`, at a vendor.

    Raises Conflict when the id belongs to another definition, or with `again` while the first job is still on its way; SetAside
    when its state cannot be read. All before anything is written.
    """
    try:
        pending = store.load(definition.content_id)
    except BrokenState as error:
        raise SetAside(
            f"{definition.content_id} is on its way, but its state cannot be read because {error}. manage_jobs.py status names it,"
            " and says what to do once a tick has set it aside."
        ) from None
    if pending and for_real and pending.rehearsal:
        raise Conflict(
            f"{definition.content_id} is on its way as a rehearsal. Let that end, or cancel it (manage_jobs.py cancel"
            f" {definition.content_id}); its files are kept under a numbered stem when this one is made."
        )
    if pending:
        _same(definition, pending.fingerprint, "is on its way")
        if again:
            raise Conflict(f"{definition.content_id} is still on its way; carry on without --again, which is for ended jobs.")
        return Lookup(SubmissionCheck.ON_ITS_WAY, route=route_of(pending))
    report = artifacts.final_report(definition.content_id)
    if report is None and not again and is_set_aside(definition.content_id, store):
        what_to_do = store.remedy(definition.content_id)
        raise SetAside(f"{definition.content_id} is on its way, but its state cannot be read. {what_to_do}")
    if report is None or again or (for_real and is_rehearsed(report)):
        return Lookup(SubmissionCheck.NEW, report)
    _same(definition, report.get("fingerprint", ""), "has been made")
    route = kept_route(report["service"], report.get("route") or {})
    return Lookup(SubmissionCheck.COMPLETED if report["state"] == JobState.COMPLETED else SubmissionCheck.FAILED, report, route)


def known_definition(data: bytes, source: str, store: JobStore, artifacts: Artifacts) -> JobDefinition | None:
    """Return the definition in `data` if it was accepted before, even if it is not valid any more.

    An archetype or a platform may have been removed since: the finished job stays known, and blocks no other definition.
    """
    from tenxsom.model.definition import written_definition  # results are looked up without it

    definition = written_definition(data, source)
    try:
        is_known = definition and look_up(definition, store, artifacts, again=False).standing != SubmissionCheck.NEW
    except TenxsomError:
        return None
    return definition if is_known else None


def is_set_aside(content_id: str, store: JobStore) -> bool:
    """Return whether the state of this id is in quarantine: its orders are repeated only on a user's request."""
    return any(name.partition("~")[0] == content_id for name in store.set_aside())


def is_rehearsed(report: Mapping[str, Any]) -> bool:
    """Return whether a report is about a rehearsal; in earlier versions only the service shows it."""
    return bool(report.get("rehearsal", report["service"] == services.PREVIEW))


def has_moved_on(content_id: str, artifacts: Artifacts, ended_run: str | None) -> bool:
    """Return whether another run of an id has ended since `ended_run` (None: no run had ended)."""
    report = artifacts.final_report(content_id)
    return (report["run_id"] if report else None) != ended_run


def _same(definition: JobDefinition, fingerprint: str, what: str) -> None:
    if fingerprint and fingerprint != definition.fingerprint():
        raise Conflict(
            f"{definition.content_id} {what} with another definition. Give this one its own content_id"
            " (or run it with --again once the first has ended, which keeps the first one's files)."
        )
