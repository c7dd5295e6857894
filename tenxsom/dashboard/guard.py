"""Stands before every page: which host is asked for, who asks, and what the browser may do with the answer.

The session cookie is sent by this site alone (`SameSite=Strict`), changes come from this site alone (the `Origin` and
`Sec-Fetch-Site` headers), and a page of another name that leads here by DNS is refused (`Host`).
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tenxsom.dashboard import media_files
from tenxsom.dashboard.board import Board
from tenxsom.dashboard.view import render
from tenxsom.errors import BadInput

log = logging.getLogger(__name__)

COOKIE = "tenxsom_session"
API = "/api/"
OPEN_PLACES = ("/static/", "/login")
"""What needs no login."""
SAFE_METHODS = frozenset({"GET", "HEAD"})
MOST_BYTES = 1024 * 1024
"""The longest body of a request."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Lets through what may pass; `request.state.session` is the session of who asks, empty for a program with a token."""

    def __init__(self, app: ASGIApp, board: Board, host: str) -> None:
        """`host` is where the server listens."""
        self._app = app
        self._board = board
        self._headers = {"Content-Security-Policy": _policy(board), **HEADERS}
        self._names = {"localhost", host.lower(), socket.gethostname().lower(), *board.settings.dashboard_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.session = ""
        guarded = _with_headers(send, self._headers)
        refusal = self._refusal(request)
        if refusal:
            await refusal(scope, receive, guarded)
            return
        if not request.state.session and not self._board.doorkeeper.asks and not request.scope["path"].startswith(API):
            session, cookie = self._board.doorkeeper.new_session()
            request.state.session = session
            guarded = _with_headers(send, self._headers, cookie_header(request, cookie))
        await self._app(scope, _limited(receive), guarded)

    def _refusal(self, request: Request) -> Response | None:
        """Return why a request does not pass; None for one that does."""
        if not self._is_known_host(request.headers.get("host", "")):
            return refused(
                request,
                421,
                "This name is not known here",
                "The dashboard is asked for under a name that it does not know. If the name is yours, add it to DASHBOARD_HOSTS in"
                " production.env and start the dashboard again.",
            )
        if request.method not in SAFE_METHODS and not _comes_from_here(request):
            return refused(
                request,
                403,
                "This came from another site",
                "Another site has sent this. Open the dashboard itself, and do it there.",
            )
        return self._api_refusal(request) if request.scope["path"].startswith(API) else self._page_refusal(request)

    def _is_known_host(self, host: str) -> bool:
        name = (urlsplit(f"//{host}").hostname or "") if _can_be_split(host) else ""
        return name in self._names or _is_address(name)

    def _page_refusal(self, request: Request) -> Response | None:
        session = self._board.doorkeeper.session_of(request.cookies.get(COOKIE))
        request.state.session = session or ""
        if session or not self._board.doorkeeper.asks or request.scope["path"].startswith(OPEN_PLACES):
            return None
        if request.scope["path"] == "/events":
            return Response(status_code=401)
        wanted = request.scope["path"] + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?to={quote(wanted)}" if request.method in SAFE_METHODS else "/login", 303)

    def _api_refusal(self, request: Request) -> Response | None:
        """Return why a program is refused. It sends the token; a logged-in page may read without it."""
        keeper, attempts = self._board.doorkeeper, self._board.attempts
        if request.method not in SAFE_METHODS and not _is_json(request):
            return refused(request, 415, "", "Send application/json, which no form of another site can send.")
        if not keeper.asks:
            return None
        if request.method in SAFE_METHODS and keeper.session_of(request.cookies.get(COOKIE)):
            return None
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            return refused(request, 401, "", "Send the token: Authorization: Bearer DASHBOARD_TOKEN.")
        address = address_of(request)
        if pause := attempts.pause_seconds(address):
            return too_many(request, pause)
        if not keeper.knows(token.strip()):
            attempts.failed(address)
            return refused(request, 401, "", "This is not the token of this dashboard.")
        attempts.succeeded(address)
        return None


def refused(request: Request, status: int, title: str, sentence: str) -> Response:
    """Return a refusal: a document for programs, a page for people."""
    if request.scope["path"].startswith(API):
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return JSONResponse({"error": {"kind": "refused", "message": sentence}}, status, headers)
    return Response(
        render("plain.html", {"title": title, "sentence": sentence, "here": "", "session": False}), status, media_type="text/html"
    )


def too_many(request: Request, pause: float) -> Response:
    """Return the refusal of one attempt too many."""
    answer = refused(
        request, 429, "Too many wrong tokens", f"Too many wrong tokens came from here. Try again in {pause:.0f} seconds."
    )
    answer.headers["Retry-After"] = f"{max(1.0, pause):.0f}"
    return answer


def address_of(request: Request) -> str:
    """Return where a request comes from: the browser, where a proxy of this machine says so.

    Of an IPv6 address the network is returned: a machine chooses the other half, and could take another one for each attempt.
    An IPv4 address in IPv6's form (`::ffff:192.0.2.1`) is that IPv4 address.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address)


def cookie_header(request: Request, cookie: str, seconds: int | None = None) -> str:
    """Return the header that sets the session cookie, for this browser session or so many seconds."""
    parts = [f"{COOKIE}={cookie}", "Path=/", "HttpOnly", "SameSite=Strict"]
    if seconds is not None:
        parts.append(f"Max-Age={seconds}")
    if request.url.scheme == "https":
        parts.append("Secure")
    return "; ".join(parts)


def _policy(board: Board) -> str:
    """Return what a page may load: what lies here, and films from where the links to them lead."""
    films = " ".join(filter(None, ("'self'", media_files.origin_of_links(board.app.artifacts))))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src {films};"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _with_headers(send: Send, named: Mapping[str, str], cookie: str | None = None) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in named.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
            if cookie:
                headers.append("Set-Cookie", cookie)
        await send(message)

    return sending


def _limited(receive: Receive) -> Receive:
    """Return what receives a request's body. Raises BadInput when it is longer than any of ours."""
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise BadInput("What was sent is longer than a megabyte; a job definition never is.")
        return message

    return receiving


def _comes_from_here(request: Request) -> bool:
    """Return whether a change was asked for by a page of this site, or by no page at all."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or (_can_be_split(origin) and urlsplit(origin).netloc == request.headers.get("host"))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _can_be_split(text: str) -> bool:
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname is not None
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    """Return whether a host is an address of the network: no name, so that no DNS can have led here."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
