"""The wire: connections that record in the running `Call` how far it has come, and that end it in time.

A plain GET goes a short way, at a fifth of the cost: its bytes are sent as they are, and a plain answer is
read as it is. Everything else, and every answer that is not plain, goes the libraries' way.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry, Timeout

from tenxsom.errors import BadSettings
from tenxsom.net.call import Call, Phase, running, running_call
from tenxsom.net.origin import FixedHeaders, PlainGet
from tenxsom.net.reply import NotPlain, Reply, plain_reply

__all__ = [
    "CONNECT_SECONDS", "NO_RETRIES", "Call", "Phase", "PlainPool", "ReportingConnection", "TLSPool", "WireAdapter",
    "exchange", "running", "send", "tls_context",
]  # fmt: skip

CONNECT_SECONDS = 5.0
"""How long making a connection may take, per address of the host; the TLS handshake has the same time."""

NO_RETRIES = Retry(0, read=False)
"""Whether to try again is our callers' decision; the library below never tries anything twice."""

_PIECE_BYTES = 16_384
_MOST_PIECES = 4
"""A plain answer comes in one piece, or in two when the head travels alone."""

# urllib3 logs whole addresses: job ids with e-mail addresses in them, links with signatures. Our errors say what matters.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class _TimedReader(io.RawIOBase):
    """The reading end of a socket that asks the call, before every read, how long it may still wait.

    `seen` are bytes that were read before, and come first.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, call: Call, seen: bytes) -> None:
        self._raw, self._sock, self._call, self._seen = raw, sock, call, seen

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._seen:
            size = min(len(buffer), len(self._seen))
            buffer[:size], self._seen = self._seen[:size], self._seen[size:]
            return size
        self._sock.settimeout(self._call.time_to_read())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, seen: bytes = b"", **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        call = running_call()
        if call is not None:
            self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, call, seen))

    def begin(self) -> None:
        """Read the head of the final answer.

        The standard library skips a 100 but takes 103 (Early Hints) for the answer, and would leave the real one in a kept
        connection, where the next call would read it as its own (RFC 9110 §15.2).
        """
        super().begin()
        while 102 <= self.status <= 199:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class ReportingConnection(HTTPConnection):
    """A connection that tells the running call how far it is, and keeps to that call's time."""

    response_class = _TimedResponse

    def connect(self) -> None:
        call = running_call()
        if call is not None:
            call.connecting()
        super().connect()
        if call is not None:
            call.connected()

    def send(self, data: Any) -> None:
        # urllib3 would send the whole body, an upload of megabytes too, within the time-out for connecting.
        if self.sock is None:
            self.connect()
        call = running_call()
        if call is not None:
            self.sock.settimeout(call.time_to_send())
        super().send(data)

    def ask(self, request: bytes, call: Call) -> Reply | bytes:
        """Send a GET and read the answer, if it is a plain one; otherwise return what has come of it so far."""
        _limit(self.sock, call.time_to_read())
        self.sock.sendall(request)
        seen = b""
        for _ in range(_MOST_PIECES):
            _limit(self.sock, call.time_to_read())
            try:
                piece = self.sock.recv(_PIECE_BYTES)
            except OSError:
                if not seen:
                    raise
                return seen  # a refusal may be clear without its whole text; the way of the libraries will see
            seen += piece
            reply = plain_reply(seen)
            if reply is NotPlain.UNUSUAL or not piece:
                return seen
            if isinstance(reply, Reply):
                return reply
        return seen

    def answer_after(self, seen: bytes, pool: HTTPConnectionPool) -> HTTPResponse:
        """The answer to a GET that was sent by `ask`, as the libraries read it, beginning with the bytes already `seen`."""
        original = _TimedResponse(self.sock, method="GET", seen=seen)
        original.begin()
        if original.will_close:
            self.close()  # the answer holds the socket open until it is read
        return HTTPResponse(
            original,
            HTTPHeaderDict(original.headers.items()),
            original.status,
            reason=original.reason,
            preload_content=False,
            decode_content=False,
            original_response=original,
            pool=pool,
            connection=self,
            request_method="GET",
        )


def _limit(sock: socket.socket, seconds: float) -> None:
    """Set a time-out, if it is another one: setting it is a system call."""
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class ReportingTLSConnection(ReportingConnection, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = ReportingConnection

    def urlopen(self, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **kwargs: Any) -> Any:
        """A whole Reply for a plain GET whose answer is plain too; otherwise what urllib3 returns, with the body still to read."""
        call = running_call()
        if call is None or not isinstance(headers, FixedHeaders) or self.proxy:
            return super().urlopen(method, url, body, headers, *args, **kwargs)
        return self._ask(b"GET %b HTTP/1.1\r\n%b\r\n" % (url.encode("ascii"), headers.lines), call, kwargs["timeout"])

    def _ask(self, request: bytes, call: Call, timeout: Timeout) -> Reply | HTTPResponse:
        connection: Any = self._get_conn()  # which looks whether it is still good, and has nothing to say unasked
        try:
            if connection.is_closed:
                connection.timeout = timeout.connect_timeout
                connection.connect()
            reply: Reply | bytes = connection.ask(request, call)
            if isinstance(reply, bytes):
                unread: HTTPResponse = connection.answer_after(reply, self)
                return unread
        except BaseException:
            connection.close()
            self._put_conn(None)
            raise
        if not reply.reusable:
            connection.close()
        self._put_conn(connection)
        return reply


class TLSPool(PlainPool, HTTPSConnectionPool):
    ConnectionCls = ReportingTLSConnection


_tls_lock = threading.Lock()
_tls_contexts: dict[Path | None, ssl.SSLContext] = {}


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The one TLS context of this process that trusts the usual authorities and those in `ca_file`; made when it is first needed.

    Making one costs about 34 ms of CPU, and `requests` would make one for every connection. Raises BadSettings for a file
    that holds no certificates.
    """
    with _tls_lock:
        if ca_file not in _tls_contexts:
            context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
            try:
                if ca_file:
                    context.load_verify_locations(ca_file)
            except (OSError, ssl.SSLError) as error:
                raise BadSettings(f"TLS_CA_FILE names {ca_file}, which holds no certificates in PEM form ({error}).") from None
            _tls_contexts[ca_file] = context
        return _tls_contexts[ca_file]


class WireAdapter(HTTPAdapter):
    """The adapter of the real network: connections that report, one shared TLS context, no retries of its own.

    For a PlainGet it has nothing to look up but the pool, and may return a whole Reply instead of the library's response.
    """

    def __init__(self, pool_size: int = 1, tls: Callable[[], ssl.SSLContext] = tls_context) -> None:
        self._tls = tls
        self._pools: dict[str, Any] = {}
        super().__init__(pool_connections=max(4, min(pool_size, 16)), pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TLSPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": PlainPool, "https": TLSPool}
        return manager

    def get_connection_with_tls_context(self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        if proxies or not isinstance(request, PlainGet):
            return super().get_connection_with_tls_context(request, verify, proxies, cert)
        if request.root not in self._pools:
            self._pools[request.root] = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return self._pools[request.root]

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: str | tuple[str, str] | None = None
    ) -> Any:
        host, options = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            options["ssl_context"] = self._tls()
        return host, options

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the shared context verifies. The library would load the bundle into it again for every connection."""

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        return request.target if isinstance(request, PlainGet) and not proxies else super().request_url(request, proxies)

    def build_response(self, req: PreparedRequest, resp: Any) -> Any:
        return resp if isinstance(resp, Reply) else super().build_response(req, resp)

    def close(self) -> None:
        self._pools.clear()
        super().close()


def send(
    adapter: HTTPAdapter, request: PreparedRequest, *, connect_seconds: float, read_seconds: float, proxies: Mapping[str, str]
) -> requests.Response:
    """Send one request over `adapter` and return when the head of the answer is there. The caller closes the response.

    There is no `requests.Session` above it on purpose: no cookies, no netrc, no environment, no redirects, nothing to turn off.
    """
    timeout = (connect_seconds, read_seconds)
    return adapter.send(request, stream=True, timeout=timeout, verify=True, cert=None, proxies=dict(proxies))


def exchange(adapter: HTTPAdapter, request: PreparedRequest, **limits: Any) -> requests.Response | Reply:
    """As `send`, for those who want the whole answer: a plain GET may have it at once."""
    return send(adapter, request, **limits)
