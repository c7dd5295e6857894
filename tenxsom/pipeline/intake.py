"""Accepts job definitions: duplicate detection and creation of the job."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.errors import BadDefinition, BrokenMedia, BrokenState, Conflict, NotFound, Problem, TenxsomError
from tenxsom.model.definition import AcceptedDefinition, JobDefinition, written_definition
from tenxsom.model.job import SCHEMA_VERSION, JobState, VideoJob
from tenxsom.pipeline.routing import Route, kept_route, route_of
from tenxsom.pipeline.sources import folder_of
from tenxsom.services import registry as services
from tenxsom.services.images.picture_place import find_picture, is_address, read_picture
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts, JobStore

LEAST_PICTURE_SIDE = 32
"""The fewest pixels on a side of a start frame; a smaller picture is an icon or a mistake."""


class SubmissionCheck(StrEnum):
    """The result of the lookup of a content_id before its submission."""

    NEW = "new"
    ON_ITS_WAY = "on_its_way"
    COMPLETED = "completed"
    FAILED = "failed"


class Order(NamedTuple):
    """A validated definition, with its file, route, aspect ratio, and the lookup of its id."""

    definition: JobDefinition
    source: str
    route: Route
    shape: str
    standing: SubmissionCheck = SubmissionCheck.NEW
    ended_run: str | None = None
    """The run of this id that has a final report; None without one."""

    @property
    def service(self) -> str:
        return self.route.service


class Refusal(NamedTuple):
    """A refused definition; the other definitions of the run are submitted."""

    content_id: str
    source: str
    error: TenxsomError


class Batch(NamedTuple):
    """The orders and refusals of one run."""

    orders: list[Order]
    refused: list[Refusal]
    left_out: list[str]
    """A sentence for each duplicate file."""


class Intake(NamedTuple):
    standing: SubmissionCheck
    report: dict[str, Any] | None = None
    route: Route | None = None
    """The route of a known job, which was decided at its acceptance."""

    @property
    def ended_run(self) -> str | None:
        return self.report["run_id"] if self.report else None


def with_its_picture(definition: JobDefinition, source: str, settings: Settings) -> str | None:
    """Return the location of the definition's `start_image`: an https address, or an absolute path.

    Raises BadDefinition when the file cannot be a start frame.
    """
    place = definition.start_image
    if place is None or is_address(place):
        return place
    from tenxsom.media.check import check_picture

    try:
        path = find_picture(place, (folder_of(source), *settings.start_image_folders), settings.private_places)
        facts = check_picture(path, read_picture(path))
        if min(facts.width, facts.height) < LEAST_PICTURE_SIDE:
            size = f"{facts.width}x{facts.height}"
            raise BrokenMedia(f"{path.name} has {size} pixels; a start frame needs {LEAST_PICTURE_SIDE} at least on each side.")
    except (NotFound, BrokenMedia) as error:
        raise BadDefinition(source, [Problem("start_image", str(error).rstrip("."))]) from None
    return str(path)


def is_local_picture(route: Route) -> bool:
    """Return whether a route begins with a user's file that is not copied yet."""
    return route.start_image is not None and Path(route.start_image).is_absolute()


def kept_picture_route(route: Route, name: str) -> Route:
    """Return the route for a job's state, with the name of the copy of a user's file: states contain no local paths."""
    return route._replace(start_image=name) if is_local_picture(route) else route


def read_own_picture(order: Order) -> bytes:
    """Read the user's own picture. Raises BadDefinition when it is gone or not a picture any more."""
    try:
        return read_picture(Path(order.route.start_image or ""))
    except (NotFound, BrokenMedia) as error:
        raise BadDefinition(order.source, [Problem("start_image", str(error).rstrip("."))]) from None


def without_copies(orders: Sequence[Order]) -> tuple[list[Order], list[str]]:
    """Return the orders of one run without duplicates, and a sentence for each duplicate file."""
    first: dict[tuple[str, str], Order] = {}
    left_out = []
    for order in orders:
        other = first.setdefault((order.definition.content_id, order.definition.fingerprint()), order)
        if other is not order:
            left_out.append(f"{order.source}: the same definition as {other.source}; it is left out.")
    return list(first.values()), left_out


def same_id_twice(orders: Sequence[Order]) -> list[BadDefinition]:
    """Return an error for each definition whose id another definition of the run uses."""
    first: dict[str, Order] = {}
    problems = []
    for order in orders:
        other = first.setdefault(order.definition.content_id, order)
        if other is not order:
            sentence = f"{order.definition.content_id!r} is used by {other.source} too; give each its own"
            problems.append(BadDefinition(order.source, [Problem("content_id", sentence)]))
    return problems


def look_up(definition: JobDefinition, store: JobStore, artifacts: Artifacts, again: bool, *, for_real: bool = False) -> Intake:
    """Look up a definition's id. The same id with the same definition is the same job.

    A rehearsal is not the same job as one made `for_real`, at a vendor.

    Raises Conflict when the id belongs to another definition, or with `again` while the first job is still on its way; both
    before anything is written.
    """
    try:
        pending = store.load(definition.content_id)
    except BrokenState as error:
        raise Conflict(f"{definition.content_id}: its state file cannot be used because {error}.") from None
    if pending and for_real and pending.rehearsal:
        raise Conflict(
            f"{definition.content_id} is on its way as a rehearsal. Let that end, or cancel it (manage_jobs.py cancel"
            f" {definition.content_id}); its files are kept under a numbered stem when this one is made."
        )
    if pending:
        _same(definition, pending.fingerprint, "is on its way")
        if again:
            raise Conflict(f"{definition.content_id} is still on its way; carry on without --again, which is for ended jobs.")
        return Intake(SubmissionCheck.ON_ITS_WAY, route=route_of(pending))
    report = artifacts.final_report(definition.content_id)
    if report is None and not again and is_set_aside(definition.content_id, store):
        what_to_do = store.remedy(definition.content_id)
        raise Conflict(f"{definition.content_id} is on its way, but its state cannot be read. {what_to_do}")
    if report is None or again or (for_real and is_rehearsed(report)):
        return Intake(SubmissionCheck.NEW, report)
    _same(definition, report.get("fingerprint", ""), "has been made")
    route = kept_route(report["service"], report.get("route") or {})
    return Intake(SubmissionCheck.COMPLETED if report["state"] == JobState.COMPLETED else SubmissionCheck.FAILED, report, route)


def known_definition(data: bytes, source: str, store: JobStore, artifacts: Artifacts) -> JobDefinition | None:
    """Return the definition in `data` if it was accepted before, even if it is not valid any more.

    An archetype or a platform may have been removed since: the finished job stays known, and blocks no other definition.
    """
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


def new_job(
    definition: JobDefinition, route: Route, expected_file: str, *, ledger_mark: str = "", rehearsal: bool = False
) -> VideoJob:
    """Return the new job of a definition; `ledger_mark` is the current end of the ledger."""
    job = VideoJob(
        schema_version=SCHEMA_VERSION,
        revision=1,
        content_id=definition.content_id,
        job_id=None,
        title=definition.title,
        state=JobState.ACCEPTED,
        service=route.service,
        submit_time=clock.stamp(),
        status_endpoint=None,
        expected_file_path=expected_file,
        run_id=f"tx-{uuid.uuid4().hex[:16]}",
        definition=AcceptedDefinition.from_dict(definition.as_dict()),
        fingerprint=definition.fingerprint(),
        route=route.record(),
        ledger_mark=ledger_mark,
        rehearsal=rehearsal,
    )
    job.record("accepted", f"for {route.describe()}")
    return job


def _same(definition: JobDefinition, fingerprint: str, what: str) -> None:
    if fingerprint and fingerprint != definition.fingerprint():
        raise Conflict(
            f"{definition.content_id} {what} with another definition. Give this one its own content_id"
            " (or run it with --again once the first has ended, which keeps the first one's files)."
        )
