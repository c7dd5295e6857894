"""The API for programs under /api/v1/, with an OpenAPI document made from the functions below and their types.

Every number comes from the function that the pages and the commands take it from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import BackgroundTasks, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tenxsom import __version__
from tenxsom.dashboard import submission
from tenxsom.dashboard.board import Board
from tenxsom.dashboard.job_facts import check_known, facts_of
from tenxsom.dashboard.library import KINDS, Film, Search, found
from tenxsom.dashboard.pages.decisions import plan_mark
from tenxsom.dashboard.pages.queue import wanted
from tenxsom.dashboard.problem_status import status_of
from tenxsom.errors import BadDefinition, BadInput, TenxsomError
from tenxsom.model import money
from tenxsom.pipeline import last_tick, money_report, periods
from tenxsom.pipeline.money_report import GROUPS
from tenxsom.pipeline.queue_view import QUEUE_STATES, QueuedJob
from tenxsom.program import typed_document
from tenxsom.settings import SERVICES

log = logging.getLogger(__name__)

MOST_ROWS = 1000


class Answer(BaseModel):
    """What every answer is: fields that are told, and nothing else."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_utf_8(cls, given: Any) -> Any:
        """Replace halves of surrogate pairs, which a state may hold and JSON in UTF-8 cannot; name scripts as the commands do."""
        return _whole(typed_document(given))


class Job(Answer):
    """A job on the queue."""

    content_id: str
    title: str
    state: str
    service: str
    rehearsal: bool
    submit_time: str = Field(description="UTC, ISO 8601.")
    percent: int = Field(description="How much of it is made, from 0 to 100.")
    waits_for: str = Field(description="What has to happen next, in words.")
    command: str | None = Field(description="What a person types, if the job waits for one.")
    usd: str = Field(description="What it has cost so far, with reservations and unclear calls.")
    next_at: str | None = Field(description="The earliest time of its next step; null: at once, or not by itself.")


class Jobs(Answer):
    """A part of the queue, the oldest job first."""

    jobs: list[Job]
    found: int = Field(description="How many jobs the filter has found.")
    on_queue: int
    unreadable: dict[str, str] = Field(description="By id, why a state cannot be used.")
    set_aside: list[str]


class StoryLine(Answer):
    """One event of a job, or several alike in a row."""

    time: str
    event: str
    detail: str
    waited_seconds: float
    usd: str | None
    times: int
    until: str | None


class Next(Answer):
    """What happens next to a job."""

    sentence: str
    command: str | None
    at: str | None


class File(Answer):
    """A file that a job has left."""

    name: str
    bytes: int
    address: str


class JobDetails(Answer):
    """Everything about one job: the fields of `manage_jobs.py show --json`, and its files."""

    job: dict[str, Any] = Field(description="Its state while it is on the queue, its final report afterwards.")
    timeline: list[StoryLine]
    next: Next | None
    files: list[File]


class Ended(Answer):
    """A job that has ended: the fields of `manage_jobs.py history --json`, its size, and what was said about it."""

    content_id: str
    title: str
    state: str
    ended: str
    platform: str | None
    seconds: float | None
    usd: str
    file: str | None
    service: str
    archetype: str | None
    tags: list[str]
    rehearsal: bool
    reason: str | None
    run: int | None
    width: int
    height: int
    star: bool
    notes: str


class Films(Answer):
    """Ended jobs, the last one first."""

    films: list[Ended]
    found: int


class Status(Answer):
    """The installation now: the numbers of `manage_jobs.py status`."""

    on_queue: int
    states: dict[str, int]
    waiting_for_somebody: list[str]
    money: dict[str, str | None]
    last_tick: str | None


class CostRow(Answer):
    """The cost of one group."""

    key: str
    usd: str
    unsettled_usd: str
    calls: int


class CostsAnswer(Answer):
    """The costs of a period: the fields of `manage_jobs.py costs --json`."""

    since: str
    by: str
    rehearsal: bool
    total_usd: str
    budget_usd: str | None
    rows: list[CostRow]


class Finding(Answer):
    """The result of one check."""

    check: str
    ok: bool
    message: str
    remedy: str


class HealthAnswer(Answer):
    """The findings of `manage_jobs.py doctor`; null while they are looked for."""

    findings: list[Finding] | None
    at: str | None


class Said(Answer):
    """What was done, in a sentence."""

    content_id: str
    message: str


class Price(Answer):
    """What would be done, and what it costs, in a sentence."""

    content_id: str
    cost: str


class Plan(Answer):
    """A plan that waits for an approval."""

    content_id: str
    cost: str = Field(description="What it becomes and what that costs, in a sentence.")
    edited: bool = Field(description="Whether a person has changed it.")
    plan: dict[str, Any] = Field(description="The plan as it will be made.")
    mark: str = Field(description="What POST …/approve wants, so that no other plan is approved than this one.")


class Approval(Answer):
    """The plan that was looked at."""

    mark: str = Field(description="The mark that GET …/approve has said.")


class Retry(Answer):
    """The price that was agreed to."""

    cost: str = Field(description="The sentence that GET …/retry has said.")


class Decision(Answer):
    """A decision about an unclear paid call, or a refused clip."""

    decision: Literal["adopt", "never_sent", "write_off", "take_as_is"]
    adopt_id: str | None = Field(default=None, description="With adopt: the service's id.")
    clip: int | None = Field(default=None, ge=1, description="Which clip, if several wait.")


def api(board: Board) -> FastAPI:
    """Return the API as an ASGI application."""
    made = FastAPI(
        title="TenxSOM AI",
        version=__version__,
        description="Jobs, films and costs. Send `Authorization: Bearer DASHBOARD_TOKEN`, where a token is set.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": "/api/v1"}],
        root_path_in_servers=False,
        exception_handlers={
            TenxsomError: _refusal,
            RequestValidationError: _invalid,
            HTTPException: _http_error,
            Exception: _mistake,
        },
    )
    _reading_queue(made, board)
    _reading_ended(made, board)
    _reading_decisions(made, board)
    _deciding(made, board)
    return made


def _reading_queue(made: FastAPI, board: Board) -> None:
    get = partial(made.get, tags=["reading"])

    @get("/status", summary="The queue, today's money, the last tick")
    def status() -> Status:
        now = board.watcher.now
        waiting = [content_id for content_id in now.order if now.jobs[content_id].command]
        last = last_tick.when(board.settings.pending_folder)
        return Status(
            on_queue=now.on_queue,
            states={state: jobs.number for state, jobs in now.states.items()},
            waiting_for_somebody=waiting,
            money=board.today().as_dict(),
            last_tick=last,
        )

    @get("/jobs", summary="The queue")
    def jobs(
        state: Annotated[Literal[QUEUE_STATES] | None, Query()] = None,  # type: ignore[valid-type]  # the names are known at run time
        service: Annotated[Literal[SERVICES] | None, Query()] = None,  # type: ignore[valid-type]  # as above
        q: Annotated[str, Query(max_length=200, description="Words of the id or the title.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Jobs:
        now = board.watcher.now
        hits = wanted((now.jobs[content_id] for content_id in now.order), state or "", service or "", q)
        shown = board.watcher.fresh([job.content_id for job in hits[offset : offset + limit]])
        return Jobs(
            jobs=[_job(job) for job in shown],
            found=len(hits),
            on_queue=now.on_queue,
            unreadable=dict(now.unreadable),
            set_aside=list(now.set_aside),
        )

    @get("/jobs/{content_id}", summary="Everything about one job")
    def job(content_id: str) -> JobDetails:
        facts = facts_of(board, content_id)
        return JobDetails(
            job=facts.document,
            timeline=[StoryLine(**line._asdict()) for line in facts.story],
            next=Next(**facts.next._asdict()) if facts.next else None,
            files=[File(name=each.name, bytes=each.bytes, address=f"/jobs/{content_id}/files/{each.name}") for each in facts.files],
        )


def _reading_ended(made: FastAPI, board: Board) -> None:
    get = partial(made.get, tags=["reading"])

    @get("/films", summary="Films, and jobs that ended without one")
    def films(
        kind: Annotated[Literal[KINDS], Query()] = "films",  # type: ignore[valid-type]  # as above
        q: Annotated[str, Query(max_length=200, description="Words of the id, title, tags or notes.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Films:
        hits = found(board.library.films, Search(q, kind))
        return Films(films=[_ended(film) for film in hits[offset : offset + limit]], found=len(hits))

    @get("/costs", summary="What was spent, on what, against the budget")
    def costs(
        since: Annotated[str, Query(max_length=40, description="7d, 12w, 2026-11, today.")] = "30d",
        by: Annotated[Literal[GROUPS], Query()] = "day",  # type: ignore[valid-type]  # as above
        tag: Annotated[str | None, Query(max_length=200)] = None,
        rehearsals: Annotated[bool, Query(description="The costs of rehearsals, which nobody bills.")] = False,
    ) -> CostsAnswer:
        return _costs(board.costs(periods.since(since), by=by, tag=tag, rehearsals=rehearsals or None))

    @get("/health", summary="The findings of the doctor, which cost nothing")
    def health() -> HealthAnswer:
        examined = board.health.examined()
        findings = examined.findings
        told = None if findings is None else [Finding(**finding._asdict()) for finding in findings]
        return HealthAnswer(findings=told, at=examined.at)


def _reading_decisions(made: FastAPI, board: Board) -> None:
    get = partial(made.get, tags=["reading"])

    @get("/schema", summary="The JSON Schema of job definitions")
    def schema() -> dict[str, Any]:
        return submission.schema(board)

    @get("/jobs/{content_id}/retry", summary="What a retry costs")
    def retry_price(content_id: str) -> Price:
        job, cost = board.manager.retry_cost(check_known(board, content_id))
        return Price(content_id=job.content_id, cost=cost)

    @get("/jobs/{content_id}/approve", summary="A plan that waits for an approval, and what it costs")
    def proposal(content_id: str) -> Plan:
        found = board.app.approvals.proposal(check_known(board, content_id))
        return Plan(
            content_id=content_id, cost=found.price, edited=found.is_edited, plan=found.plan.as_dict(), mark=plan_mark(found)
        )


def _deciding(made: FastAPI, board: Board) -> None:
    post = partial(made.post, tags=["deciding"])

    def said(content_id: str, work: Callable[[], str], tasks: BackgroundTasks) -> Said:
        check_known(board, content_id)
        message = board.decide(work)
        tasks.add_task(board.tell_observers)
        return Said(content_id=content_id, message=message)

    @post(
        "/submit",
        status_code=202,
        summary="Accept a job definition; the next tick plans and orders it",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
    )
    def submit(definition: Annotated[bytes, Depends(_body)], tasks: BackgroundTasks) -> Said:
        content_id = submission.submit(board, definition)
        tasks.add_task(board.tell_observers)
        return Said(content_id=content_id, message=f"{content_id} is accepted; the next tick plans it and orders its clips.")

    @post("/jobs/{content_id}/retry", summary="Make what a failed job misses once more, for the price that was named")
    def retry(content_id: str, agreed: Retry, tasks: BackgroundTasks) -> Said:
        def work() -> str:
            job, cost = board.manager.retry_cost(content_id)
            if cost != agreed.cost:
                raise BadInput(f"The price is another one now: {cost}. Nothing has happened; agree to this one.")
            board.manager.retry(job)
            return f"{cost}. It is on the queue again; the next tick goes on with it."

        return said(content_id, work, tasks)

    @post("/jobs/{content_id}/approve", summary="Approve the plan that was looked at")
    def approve(content_id: str, agreed: Approval, tasks: BackgroundTasks) -> Said:
        def work() -> str:
            if plan_mark(board.app.approvals.proposal(content_id)) != agreed.mark:
                raise BadInput("The plan has changed since it was looked at. Nothing has happened; look at it again.")
            board.app.approvals.approve(content_id)
            return f"The plan of {content_id} is approved; the next tick goes on with it."

        return said(content_id, work, tasks)

    @post("/jobs/{content_id}/cancel", summary="Order nothing further")
    def cancel(content_id: str, tasks: BackgroundTasks) -> Said:
        return said(content_id, lambda: board.manager.cancel(content_id), tasks)

    @post("/jobs/{content_id}/resolve", summary="Decide about an unclear paid call, or a refused clip")
    def resolve(content_id: str, decision: Decision, tasks: BackgroundTasks) -> Said:
        if decision.decision == "adopt" and not decision.adopt_id:
            raise BadInput("To adopt a call, give the service's id of it as adopt_id.")

        def work() -> str:
            return board.manager.resolve(
                content_id,
                decision.clip,
                adopt=decision.adopt_id if decision.decision == "adopt" else None,
                never_sent=decision.decision == "never_sent",
                take_as_is=decision.decision == "take_as_is",
            )

        return said(content_id, work, tasks)


async def _body(request: Request) -> bytes:
    """Return the body as it was sent: a definition is parsed by the same strict parser as a file of one."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise BadInput("The connection ended before the definition was there.") from None


def _job(job: QueuedJob) -> Job:
    return Job(**job.as_dict())


def _ended(film: Film) -> Ended:
    said: dict[str, Any] = {"width": film.width, "height": film.height, "star": film.note.star, "notes": film.note.notes}
    return Ended(**film.ended.as_dict(), **said)


def _costs(costs: money_report.Costs) -> CostsAnswer:
    def text(usd: Decimal | None) -> str | None:
        return None if usd is None else money.text(usd)

    rows = [
        CostRow(key=row.key, usd=money.text(row.usd), unsettled_usd=money.text(row.unsettled_usd), calls=row.calls)
        for row in costs.rows
    ]
    return CostsAnswer(
        since=costs.since,
        by=costs.by,
        rehearsal=costs.rehearsal,
        total_usd=money.text(costs.total_usd),
        budget_usd=text(costs.budget_usd),
        rows=rows,
    )


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list) else value


# errors


def _document(error: TenxsomError) -> Mapping[str, Any]:
    told: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, BadDefinition):
        told["problems"] = [problem._asdict() for problem in error.problems]
    return {"error": told}


async def _refusal(_: Request, error: TenxsomError) -> JSONResponse:
    return JSONResponse(_document(error), status_of(error))


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    problems = [_problem(each) for each in error.errors()[:50]]
    sentence = "; ".join(f"{each['path']}: {each['message']}" for each in problems)
    return JSONResponse({"error": {"kind": "BadInput", "message": sentence, "problems": problems}}, 422)


def _problem(error: Mapping[str, Any]) -> dict[str, str]:
    if error["type"] == "json_invalid":
        return {"path": "/", "message": f"this is no valid JSON: {error['ctx']['error']} in column {error['loc'][1] + 1}"}
    return {"path": ".".join(map(str, error["loc"][1:])) or "/", "message": str(error["msg"])}


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    if error.status_code == 400:  # FastAPI's only one: a body that could not be read, with the reason as its cause
        why = str(error.__cause__) if isinstance(error.__cause__, TenxsomError) else "What was sent cannot be read as JSON."
        return JSONResponse({"error": {"kind": "BadInput", "message": why}}, 400)
    sentence = f"There is no {request.method} {request.url.path[:120]}; openapi.json describes what there is ({error.detail})."
    return JSONResponse({"error": {"kind": "BadInput", "message": sentence}}, error.status_code, error.headers)


async def _mistake(request: Request, error: Exception) -> JSONResponse:
    log.error("Unexpected error at %s", request.url.path, exc_info=error)
    sentence = f"An unexpected error ({type(error).__name__}); nothing is lost. The log says more; please report it."
    return JSONResponse({"error": {"kind": "UnexpectedError", "message": sentence}}, 500)
