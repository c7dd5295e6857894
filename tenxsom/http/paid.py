"""Sends a request exactly once: connect first, then send.

An error while connecting (name, TLS, proxy tunnel) proves that nothing was sent; an error after that leaves open whether the
request arrived. A reused connection may be stale, so every such request has a new one, outside the adapter's pool.

Between the note of a paid call and its request a process may be stopped for any time. Then another machine may have taken its job
over, and a person may have said that the call was never sent: `begun_by` refuses to send it so late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import requests
import urllib3
from urllib3.util.proxy import connection_requires_http_tunnel

from tenxsom.clock import Deadline
from tenxsom.errors import TenxsomError
from tenxsom.http.connections import CONNECT_SECONDS, Adapter, proxies_of
from tenxsom.http.errors import CONNECTION_ERRORS, NotConnected, ResponseTooLong, TooLate

MAX_BODY_BYTES = 8_000_000
"""The largest accepted body; no JSON response of a known service comes near it."""
_PIECE_BYTES = 65_536

_begin_by: ContextVar[Deadline | None] = ContextVar("begin_by", default=None)


class Reply(NamedTuple):
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unfinished(urllib3.exceptions.HTTPError):
    """The body of a 2xx broke off, or cannot be read; `reply` has what came of it, and `__cause__` the reason."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"a response of {len(reply.body)} bytes")
        self.reply = reply


@contextmanager
def begun_by(limit: Deadline) -> Iterator[None]:
    """Let the block send requests only until then: later ones raise NotConnected, and nothing is sent."""
    token = _begin_by.set(limit)
    try:
        yield
    finally:
        _begin_by.reset(token)


def send_once(
    adapter: Adapter,
    request: requests.PreparedRequest,
    timeout: float,
    *,
    max_bytes: int = MAX_BODY_BYTES,
    silence: float | None = None,
) -> Reply:
    """Send a request over its own connection; `timeout` covers sending and reading together, after connecting.

    `silence` is the longest time without data, where that is shorter.

    Raises NotConnected when no connection was made: nothing was sent. Every other error (CONNECTION_ERRORS) leaves open
    whether the request arrived; Unfinished has the beginning of the response.
    """
    with closing(_connected(adapter, request, timeout)) as connection:
        deadline = Deadline(timeout)
        connection.timeout = timeout
        if (limit := _begin_by.get()) and limit.passed():
            raise TooLate
        _send(connection, adapter, request, deadline)
        connection.timeout = max(0.001, min(deadline.left(), silence or timeout))
        with closing(connection.getresponse()) as response:
            return read_reply(response, deadline, max_bytes)


def read_reply(response: urllib3.BaseHTTPResponse, deadline: Deadline, max_bytes: int = MAX_BODY_BYTES) -> Reply:
    """Read the decoded body of a response.

    Raises Unfinished for an incomplete body of a 2xx. A refusal is certain without its body.
    """
    body = bytearray()
    try:
        while piece := response.read1(_PIECE_BYTES, decode_content=True):
            body += piece
            if len(body) > max_bytes:
                raise ResponseTooLong
            if deadline.passed():
                raise TimeoutError("the time for this answer is used up")
    except CONNECTION_ERRORS as error:
        if 200 <= response.status <= 299:
            raise Unfinished(Reply(response.status, response.headers, bytes(body))) from error
    return Reply(response.status, response.headers, bytes(body))


def _connected(adapter: Adapter, request: requests.PreparedRequest, timeout: float) -> Any:
    """Open a new connection: name, socket, proxy tunnel, TLS. Raises NotConnected."""
    connection = None
    try:
        pool: Any = adapter.get_connection_with_tls_context(request, True, proxies=proxies_of(adapter.proxy_for(request.url)))
        connection = pool._new_conn()
        connection.timeout = min(CONNECT_SECONDS, timeout)
        if connection_requires_http_tunnel(pool.proxy, pool.proxy_config, str(request.url).partition(":")[0]):
            pool._prepare_proxy(connection)
        else:
            connection.connect()
    except Exception as error:  # whatever it is, it happened before the first byte of the request
        if connection is not None:
            connection.close()
        if isinstance(error, TenxsomError):
            raise
        raise NotConnected(type(error).__name__) from error
    return connection


def _send(connection: Any, adapter: Adapter, request: requests.PreparedRequest, deadline: Deadline) -> None:
    headers, body, proxy = dict(request.headers), request.body, adapter.proxy_for(request.url)
    if proxy and str(request.url).startswith("http:"):
        headers |= adapter.proxy_headers(proxy)
    data = body.encode() if isinstance(body, str) else body
    try:
        connection.request(
            str(request.method),
            adapter.request_url(request, proxies_of(proxy)),
            _pieces(connection, data, deadline) if data else None,
            headers,
            preload_content=False,
        )
    except (BrokenPipeError, ConnectionResetError):
        pass  # the service may respond before it has read the whole request


def _pieces(connection: Any, data: bytes, deadline: Deadline) -> Iterator[bytes]:
    """Yield a body in pieces, and set the remaining time as the timeout of each."""
    for start in range(0, len(data), _PIECE_BYTES):
        if deadline.passed():
            raise TimeoutError("the time for this call is used up")
        connection.sock.settimeout(deadline.left())
        yield data[start : start + _PIECE_BYTES]
