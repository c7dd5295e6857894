"""Sending a request exactly once: first connect, then send.

For a call that costs money, one question decides: can the request have reached the service? The order of the two steps
answers it. While the connection is being made (name, TLS, proxy tunnel) nothing of the request is sent; from then on nobody
can know. A kept connection may have gone stale unnoticed, so every such request has a fresh one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import requests
from urllib3.util.proxy import connection_requires_http_tunnel

from tenxsom.clock import Deadline
from tenxsom.errors import TenxsomError
from tenxsom.http.connections import CONNECT_SECONDS, Adapter, proxies_of
from tenxsom.http.errors import CONNECTION_ERRORS, NotConnected, ResponseTooLong

MAX_BODY_BYTES = 8_000_000
"""No JSON answer of any service we know comes near this."""
_PIECE_BYTES = 65_536


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send_once(
    adapter: Adapter,
    request: requests.PreparedRequest,
    timeout: float,
    proxy: str | None,
    *,
    max_bytes: int = MAX_BODY_BYTES,
    silence: float | None = None,
) -> Reply:
    """Send a request over a connection of its own; `timeout` is for sending and reading together, once the connection stands.

    `silence` is how long nothing may be heard, where that is less.

    Raises NotConnected when no connection was made: nothing was sent. Everything else that it raises (what is in
    CONNECTION_ERRORS) leaves open whether the request arrived.
    """
    with closing(_connected(adapter, request, timeout, proxy)) as connection:
        deadline = Deadline(timeout)
        connection.timeout = timeout
        _send(connection, adapter, request, proxy, deadline)
        connection.timeout = max(0.001, min(deadline.left(), silence or timeout))
        with closing(connection.getresponse()) as response:
            return Reply(response.status, response.headers, read_body(response, response.status, deadline, max_bytes))


def read_body(raw: Any, status: int, deadline: Deadline, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The unpacked body of an answer, a urllib3 response.

    A 2xx without its whole body is no answer. A refusal is certain without the text that explains it.
    """
    body = bytearray()
    try:
        while piece := raw.read1(_PIECE_BYTES, decode_content=True):
            body += piece
            if len(body) > max_bytes:
                raise ResponseTooLong
            if deadline.passed():
                raise TimeoutError("the time for this answer is used up")
    except CONNECTION_ERRORS:
        if 200 <= status <= 299:
            raise
    return bytes(body)


def _connected(adapter: Adapter, request: requests.PreparedRequest, timeout: float, proxy: str | None) -> Any:
    """A new connection that stands: name, socket, proxy tunnel, TLS. Raises NotConnected."""
    connection = None
    try:
        pool: Any = adapter.get_connection_with_tls_context(request, True, proxies=proxies_of(proxy))
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


def _send(connection: Any, adapter: Adapter, request: requests.PreparedRequest, proxy: str | None, deadline: Deadline) -> None:
    headers, body = dict(request.headers), request.body
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
        pass  # the service may have answered before it had read everything


def _pieces(connection: Any, data: bytes, deadline: Deadline) -> Iterator[bytes]:
    """A body in pieces, each of which may take what is left of the time."""
    for start in range(0, len(data), _PIECE_BYTES):
        if deadline.passed():
            raise TimeoutError("the time for this call is used up")
        connection.sock.settimeout(deadline.left())
        yield data[start : start + _PIECE_BYTES]
