"""The whole site: its addresses, and what is shown for an error."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial

from anyio import to_thread
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from tenxsom import clock
from tenxsom.dashboard.api import api
from tenxsom.dashboard.board import Board, Page
from tenxsom.dashboard.guard import API, Guard
from tenxsom.dashboard.pages import costs, decisions, files, health, job, library, login, queue, submit, today
from tenxsom.dashboard.posted import form_of
from tenxsom.dashboard.problem_status import status_of
from tenxsom.dashboard.view import STATIC, render
from tenxsom.errors import TenxsomError
from tenxsom.pipeline.queue_view import QueuedJob
from tenxsom.program import typed

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
"""The queue is looked at so often: a change is on every page within a second."""
FILMS_SECONDS = 3.0
"""The finished films are looked at so often, and whenever a job has left the queue."""
THREADS = 8
"""So many pages are rendered at the same time; others wait their turn. Each thread has memory of its own."""
MOST_CHANGES = 200
"""With more changes at once, pages load themselves anew."""

Form = Mapping[str, str]
Shows = Callable[[Board, Request], Page | Response]
Does = Callable[[Board, Request, Form], Page | Response]


def site(board: Board, host: str = "127.0.0.1") -> Starlette:
    """Return the site as an ASGI application, for a server that listens on `host`."""
    show, do = partial(_shown, board), partial(_done, board)
    routes = [
        Route("/", show(today.page)),
        Route("/queue", show(queue.page)),
        Route("/jobs/{stem}", show(job.page)),
        Route("/jobs/{stem}/retry", show(decisions.retry_page)),
        Route("/jobs/{stem}/retry", do(decisions.retry), methods=["POST"]),
        Route("/jobs/{stem}/approve", show(decisions.approve_page)),
        Route("/jobs/{stem}/approve", do(decisions.approve), methods=["POST"]),
        Route("/jobs/{stem}/cancel", show(decisions.cancel_page)),
        Route("/jobs/{stem}/cancel", do(decisions.cancel), methods=["POST"]),
        Route("/jobs/{stem}/resolve", do(decisions.resolve), methods=["POST"]),
        Route("/jobs/{stem}/note", do(library.note), methods=["POST"]),
        Route("/jobs/{stem}/everything.zip", show(files.everything)),
        Route("/jobs/{stem}/thumbnail", show(files.thumbnail)),
        Route("/jobs/{stem}/files/{name}", show(files.file)),
        Route("/jobs/{stem}/{kind}", show(files.kind)),
        Route("/library", show(library.page)),
        Route("/costs", show(costs.page)),
        Route("/health", show(health.page)),
        Route("/health", do(health.look), methods=["POST"]),
        Route("/new", show(submit.page)),
        Route("/new", do(submit.submit), methods=["POST"]),
        Route("/login", show(login.page)),
        Route("/login", login.log_in(board), methods=["POST"]),
        Route("/logout", do(login.log_out), methods=["POST"]),
        Route("/events", partial(_events, board)),
        Route("/static/{name}", _static),
        Mount("/api/v1", api(board)),
    ]
    handlers = {
        TenxsomError: partial(_refusal, board),
        HTTPException: partial(_http_error, board),
        Exception: partial(_mistake, board),
    }
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, board=board, host=host)],
        exception_handlers=handlers,
        lifespan=partial(_lifespan, board),
    )


# looking


@contextlib.asynccontextmanager
async def _lifespan(board: Board, _: Starlette) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    await run_in_threadpool(board.watcher.look)
    await run_in_threadpool(board.library.refresh)
    watching = asyncio.create_task(_watch(board))
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _watch(board: Board) -> None:
    """Look at the queue and the films for as long as the site runs, once for all pages."""
    next_films = 0.0
    while True:
        began = clock.monotonic()
        try:
            has_left = await _tell_of_the_queue(board)
            if has_left or began >= next_films:
                next_films = began + FILMS_SECONDS
                number = board.library.number
                await run_in_threadpool(board.library.refresh)
                if has_left or board.library.number != number:
                    board.feed.publish("films", {"number": board.library.number})
        except Exception:  # a mistake while looking must not end it: pages stay as they are, and the log says why
            log.exception("The queue could not be looked at")
        await asyncio.sleep(max(0.05, LOOK_SECONDS - (clock.monotonic() - began)))


async def _tell_of_the_queue(board: Board) -> bool:
    """Look at the queue and tell every page what has changed; return whether a job has left it."""
    change = await run_in_threadpool(board.watcher.look)
    if change is None:
        return False
    if len(change.jobs) + len(change.gone) > MOST_CHANGES:
        board.feed.publish("reload", {})
    else:
        changed = {"jobs": [_told(each) for each in change.jobs], "gone": change.gone, "on_queue": board.watcher.now.on_queue}
        board.feed.publish("jobs", changed)
    return bool(change.gone)


def _told(queued: QueuedJob) -> dict[str, object]:
    return {"id": queued.content_id, "state": queued.state, "percent": queued.percent, "waits_for": typed(queued.waits_for)}


async def _events(board: Board, request: Request) -> Response:
    if board.feed.is_full:
        return Response("Too many pages are open.", 503, {"Retry-After": "30"}, "text/plain")
    last = request.headers.get("last-event-id") or request.query_params.get("after")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx passes each message on at once
    return StreamingResponse(board.feed.stream(last), media_type="text/event-stream", headers=headers)


# showing and doing

Endpoint = Callable[[Request], Awaitable[Response]]


def _shown(board: Board, shows: Shows) -> Endpoint:
    """Return the endpoint of a page. It is rendered in a thread, or not at all where it is kept."""

    async def endpoint(request: Request) -> Response:
        told = board.told(request.state.session)
        key = (request.url.path, request.url.query, board.watcher.now.number, board.library.number)
        kept: str | None = None if told else board.kept.get(key)
        if kept is not None:
            return _as_response(board, request, kept)
        made = await run_in_threadpool(shows, board, request)
        if isinstance(made, Response):
            return made
        text = await run_in_threadpool(_rendered, board, request, made, told)
        if made.seconds and not told:
            board.kept.put(key, text, made.seconds)
        return _as_response(board, request, text, made.status)

    return endpoint


def _done(board: Board, does: Does) -> Endpoint:
    """Return the endpoint of a form, which a page of this session has sent."""

    async def endpoint(request: Request) -> Response:
        form = await form_of(request)
        if not board.doorkeeper.is_form_token(request.state.session, form.get("form_token", "")):
            sentence = "The form is from an earlier session; nothing has happened. Go back, load the page anew, and send it again."
            return _as_response(board, request, _plain(board, request, "This form is too old", sentence), 403)
        made = await run_in_threadpool(does, board, request, form)
        if isinstance(made, Response):
            made.background = BackgroundTask(board.tell_observers)
            return made
        return _as_response(board, request, await run_in_threadpool(_rendered, board, request, made, ""), made.status)

    return endpoint


def _rendered(board: Board, request: Request, page: Page, told: str) -> str:
    usual = {
        "here": request.url.path,
        "told": told,
        "form_token": board.token_place,
        "session": board.doorkeeper.asks and bool(request.state.session),
        "trouble": board.watcher.now.trouble,
    }
    return render(page.template, {**usual, **page.values})


def _as_response(board: Board, request: Request, text: str, status: int = 200) -> Response:
    session = request.state.session
    mine = text.replace(board.token_place, board.doorkeeper.form_token(session) if session else "")
    return HTMLResponse(mine.encode("utf-8", "replace"), status)  # half of a surrogate pair, which a state may hold, is no UTF-8


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in {path.name for path in STATIC.iterdir()}:
        raise HTTPException(404)
    return FileResponse(STATIC / name, headers={"Cache-Control": "public, max-age=31536000, immutable"})


# errors

_TITLES = {400: "This cannot be done", 404: "There is nothing here", 405: "This cannot be done", 409: "Not now", 503: "Not now"}


async def _refusal(board: Board, request: Request, error: TenxsomError) -> Response:
    return _error(board, request, status_of(error), str(error))


async def _http_error(board: Board, request: Request, error: HTTPException) -> Response:
    sentence = f"There is no page {request.url.path[:120]!r}. The links above lead to those that there are."
    if error.status_code == 405:
        sentence = f"The page {request.url.path[:120]!r} does nothing with {request.method}; nothing has happened."
    return _error(board, request, error.status_code, sentence)


async def _mistake(board: Board, request: Request, error: Exception) -> Response:
    log.error("Unexpected error at %s", request.url.path, exc_info=error)
    sentence = f"An unexpected error ({type(error).__name__}); nothing is lost. The log says more; please report it."
    return _error(board, request, 500, sentence)


def _error(board: Board, request: Request, status: int, sentence: str) -> Response:
    if request.url.path.startswith(API):
        return JSONResponse({"error": {"kind": "refused", "message": sentence}}, status)
    title = _TITLES.get(status, "Something went wrong" if status >= 500 else "This cannot be done")
    return _as_response(board, request, _plain(board, request, title, sentence), status)


def _plain(board: Board, request: Request, title: str, sentence: str) -> str:
    return _rendered(board, request, Page("plain.html", {"title": title, "sentence": sentence}), "")
