"""Accepts job definitions: the orders of one run, their pictures, and the creation of the job."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tenxsom import clock
from tenxsom.errors import BadDefinition, BrokenMedia, NotFound, Problem, TenxsomError
from tenxsom.model.accepted import AcceptedDefinition
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import SCHEMA_VERSION, JobState, VideoJob
from tenxsom.pipeline.lookup import SubmissionCheck
from tenxsom.pipeline.routing import Route
from tenxsom.pipeline.sources import folder_of
from tenxsom.services.images.picture_place import find_picture, is_address, read_picture
from tenxsom.settings import Settings

LEAST_PICTURE_SIDE = 32
"""The fewest pixels on a side of a start frame; a smaller picture is an icon or a mistake."""


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
