"""The way onto the belt: what a definition's id means today, and the job that is accepted for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tenxsom import clock
from tenxsom.errors import BadDefinition, BadInput, BrokenMedia, BrokenState, Conflict, NotFound, Problem
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import SCHEMA_VERSION, State, VideoJob
from tenxsom.pipeline.inputs import read_file_of_folder, read_input
from tenxsom.pipeline.reports import Shelf
from tenxsom.pipeline.routing import Route, route_of
from tenxsom.services.images.picture_place import find_picture, is_address, read_picture
from tenxsom.settings import Settings
from tenxsom.store.queue import QUARANTINE, JobQueue, remedy


class Standing(StrEnum):
    """What is known about a content_id before anything is done."""

    NEW = "new"
    ON_ITS_WAY = "on_its_way"
    COMPLETED = "completed"
    FAILED = "failed"


class Order(NamedTuple):
    """A validated definition, the file it came from, how it will be made, in which aspect ratio, and what is known of its id."""

    definition: JobDefinition
    source: str
    route: Route
    shape: str
    standing: Standing = Standing.NEW

    @property
    def service(self) -> str:
        return self.route.service


class Intake(NamedTuple):
    standing: Standing
    report: dict[str, Any] | None = None
    route: Route | None = None
    """Of a job that is on its way: how it is made was decided when it was accepted."""


def sources(names: Sequence[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every definition that the arguments stand for: its name for messages, and what reads it, or raises BadInput.

    A folder stands for its *.json, in capitals, too.
    """
    for name in names:
        if not name:
            yield name, partial(_refuse, "An argument is empty (an unset variable in the command?); name a file, a folder or -.")
        elif name == "-":
            yield "standard input", partial(read_input, name)
        elif Path(name).is_dir():
            files = sorted(str(file) for file in Path(name).iterdir() if file.suffix.lower() == ".json" and file.name[0] != ".")
            yield from ((file, partial(read_file_of_folder, file)) for file in files)
            if not files:
                yield name, partial(_refuse, f"{name}: this folder holds no definitions (*.json).")
        else:
            yield name, partial(read_input, name)


def _refuse(sentence: str) -> NoReturn:
    raise BadInput(sentence)


def with_its_picture(definition: JobDefinition, source: str, settings: Settings) -> str | None:
    """Where the definition's `start_image` is: an https address, or the absolute path of a file beside the definition.

    Raises BadDefinition when the file is none that can be a start frame.
    """
    place = definition.start_image
    if place is None or is_address(place):
        return place
    from tenxsom.media.check import check_picture

    folder = Path(source).parent if Path(source).is_file() else Path.cwd()
    try:
        path = find_picture(place, (folder.absolute(), *settings.start_image_folders), settings.private_places)
        read_picture(path)
        check_picture(path)
    except (NotFound, BrokenMedia) as error:
        raise BadDefinition(source, [Problem("start_image", str(error).rstrip("."))]) from None
    return str(path)


def same_id_twice(orders: Sequence[Order]) -> list[BadDefinition]:
    """Two files of one run must not ask for the same id: one of them would silently not be made."""
    first: dict[str, Order] = {}
    problems = []
    for order in orders:
        other = first.setdefault(order.definition.content_id, order)
        if other is not order:
            sentence = f"{order.definition.content_id!r} is used by {other.source} too; give each its own"
            problems.append(BadDefinition(order.source, [Problem("content_id", sentence)]))
    return problems


def look_up(definition: JobDefinition, queue: JobQueue, shelf: Shelf, again: bool) -> Intake:
    """What a definition's id stands for. Same id and same definition are the same job.

    Raises Conflict when the id belongs to another definition, or when `again` asks for a second one while the first is still
    on its way; both before anything is written.
    """
    try:
        pending = queue.load(definition.content_id)
    except BrokenState as error:
        raise Conflict(f"{definition.content_id}: its state file cannot be used because {error}.") from None
    if pending:
        _same(definition, pending.fingerprint, "is on its way")
        if again:
            raise Conflict(f"{definition.content_id} is still on its way; carry on without --again, which is for ended jobs.")
        return Intake(Standing.ON_ITS_WAY, route=route_of(pending))
    report = shelf.final_report(definition.content_id)
    if report is None and not again and is_set_aside(definition.content_id, queue):
        what_to_do = remedy(definition.content_id, f"pending_video_jobs/{QUARANTINE}/")
        raise Conflict(f"{definition.content_id} is on its way, but its state cannot be read. {what_to_do}")
    if report is None or again:
        return Intake(Standing.NEW)
    _same(definition, report.get("fingerprint", ""), "has been made")
    return Intake(Standing.COMPLETED if report["state"] == State.COMPLETED else Standing.FAILED, report)


def is_set_aside(content_id: str, queue: JobQueue) -> bool:
    """Whether a job of this id could not be read: what it had ordered is ordered again only if somebody says so."""
    return any(name.partition("~")[0] == content_id for name in queue.set_aside())


def is_taken(content_id: str, queue: JobQueue, shelf: Shelf) -> bool:
    """Whether an id stopped being new since it was looked up."""
    return shelf.final_report(content_id) is not None or is_set_aside(content_id, queue)


def new_job(definition: JobDefinition, route: Route, expected_file: str) -> VideoJob:
    """The job for a definition, as it is first written to disk."""
    job = VideoJob(
        schema_version=SCHEMA_VERSION,
        revision=1,
        content_id=definition.content_id,
        job_id=None,
        title=definition.title,
        state=State.ACCEPTED,
        service=route.service,
        submit_time=clock.stamp(),
        status_endpoint=None,
        expected_file_path=expected_file,
        run_id=f"tx-{uuid.uuid4().hex[:16]}",
        definition=definition.as_dict(),
        fingerprint=definition.fingerprint(),
        route=route.as_dict(),
    )
    job.record("accepted", f"for {route.told()}")
    return job


def _same(definition: JobDefinition, fingerprint: str, what: str) -> None:
    if fingerprint and fingerprint != definition.fingerprint():
        raise Conflict(
            f"{definition.content_id} {what} with another definition. Give this one its own content_id"
            " (or run it with --again once the first has ended, which keeps the first one's files)."
        )
