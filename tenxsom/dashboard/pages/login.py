"""Logging in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tenxsom.dashboard.board import Board, Page
from tenxsom.dashboard.doorkeeper import SESSION_SECONDS
from tenxsom.dashboard.guard import address_of, cookie_header, too_many
from tenxsom.dashboard.posted import form_of
from tenxsom.dashboard.view import render


def page(board: Board, request: Request) -> Page | Response:
    """Return the page that asks for the token."""
    if request.state.session or not board.doorkeeper.asks:
        return RedirectResponse("/", 303)
    return Page("login.html", _values(request.query_params.get("to", "/"), ""))


def log_in(board: Board) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that checks the token and begins a session."""

    async def endpoint(request: Request) -> Response:
        form = await form_of(request)
        address, to = address_of(request), form.get("to", "/")
        if pause := board.attempts.pause_seconds(address):
            return too_many(request, pause)
        if not board.doorkeeper.knows(form.get("token", "").strip()):
            board.attempts.failed(address)
            values = {"here": "/login", "told": "", "trouble": "", "session": False, "form_token": ""}
            return HTMLResponse(render("login.html", values | _values(to, "This is not the token of this dashboard.")), 401)
        board.attempts.succeeded(address)
        _, cookie = board.doorkeeper.new_session()
        answer = RedirectResponse(safe_place(to), 303)
        answer.headers.append("Set-Cookie", cookie_header(request, cookie, SESSION_SECONDS))
        return answer

    return endpoint


def log_out(board: Board, request: Request, _: Mapping[str, str]) -> Response:
    """End the session."""
    board.doorkeeper.end(request.state.session)
    answer = RedirectResponse("/login", 303)
    answer.headers.append("Set-Cookie", cookie_header(request, "", 0))
    return answer


def safe_place(to: str) -> str:
    """Return a place of this site, whatever was asked for: no login leads to another one."""
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isascii() and to.isprintable()
    return to if is_ours else "/"


def _values(to: str, problem: str) -> dict[str, str]:
    return {"to": safe_place(to), "problem": problem}
