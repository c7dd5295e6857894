"""A WSGI app behind an HTTP adapter: real HTTP/1.1 bytes, but over a socket pair instead of a network.

Only the making of the connection differs from the real thing, so everything above it is the real thing too: urllib3's
time-outs, streaming and pooling, cut bodies, our own record of how far a call came. No port, no TLS, no network. Any host name
leads to the app; an https address is served without encryption, because nothing leaves the process.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPSConnection

from tenxsom.net.wire import ReportingConnection

logger = logging.getLogger(__name__)
_LARGEST_DRAINED_BODY = 1_000_000
LINGER_SECONDS = 2.0
"""How long a connection that is to be closed waits for more of its last request."""


class InProcessAdapter(HTTPAdapter):
    """Mount `app` where a network would be. Each connection has a daemon thread that lives as long as the connection."""

    def __init__(self, app: WSGIApplication, pool_size: int = 64) -> None:
        self._app = app
        super().__init__(pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools_leading_to(self._app)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """As ever, except that no proxy stands between us and ourselves."""
        return super().send(request, *args, **(kwargs | {"proxies": {}}))

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: there is no certificate."""


def _pools_leading_to(app: WSGIApplication) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(ReportingConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(app, "http", self.port)

    class WithoutTLS(HTTPSConnection):
        def connect(self) -> None:
            self.sock, self.is_verified = _connect(app, "https", self.port), True

    class Secure(ReportingConnection, WithoutTLS):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connect(app: WSGIApplication, scheme: str, port: int) -> socket.socket:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            try:
                _Connection(theirs, app, scheme, port)
            except OSError:
                pass  # the client hung up: its right, and nothing to tell anybody

    threading.Thread(target=serve, name="in-process-http", daemon=True).start()
    return ours


class _Connection(BaseHTTPRequestHandler):
    """The serving end of one connection: reads requests, runs the app, writes answers, until one side has had enough."""

    protocol_version = "HTTP/1.1"

    def __init__(self, sock: socket.socket, app: WSGIApplication, scheme: str, port: int) -> None:
        self._app, self._scheme, self._port = app, scheme, port
        super().__init__(sock, ("127.0.0.1", 0), None)  # type: ignore[arg-type]  # there is no server object

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            return
        body = _RequestBody(self.rfile, self.headers.get("Transfer-Encoding", ""), self.headers.get("Content-Length", ""))
        answer = _AnswerWriter(self.wfile.write, self.command, keep=not self.close_connection)
        whole = self._run_app(self._environ(io.BufferedReader(body)), answer)
        goes_on = whole and answer.keep
        if not goes_on:  # who closes on a request that is still coming resets the connection, answer and all
            self.connection.settimeout(LINGER_SECONDS)
        self.close_connection = not (body.drained() and goes_on)

    def _run_app(self, environ: dict[str, Any], answer: _AnswerWriter) -> bool:
        """Run the app and write its answer. Returns whether the answer is whole and the connection can go on."""
        try:
            blocks = self._app(environ, answer.start)
            try:
                answer.write_all(blocks)
            finally:
                getattr(blocks, "close", lambda: None)()
        except ConnectionError:
            raise  # the client hung up; any other OSError is the app's own
        except Exception:  # whatever the app does wrong is its own failed request, never the end of the program around it
            logger.exception("The in-process app failed over %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return answer.fail()
        return True

    def _environ(self, body: io.BufferedReader) -> dict[str, Any]:
        """The request as PEP 3333 wants it."""
        path, _, query = self.path.partition("?")
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(re.sub("^https?://[^/]*", "", path)).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "in-process",
            "SERVER_PORT": str(self._port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self._scheme,
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def log_message(self, *args: Any) -> None:
        """Nothing: a server's access log is no business of a program that talks to itself."""


class _RequestBody(io.RawIOBase):
    """The body of one request, ending where it ends: after Content-Length bytes, or after the last chunk."""

    def __init__(self, stream: Any, transfer_encoding: str, content_length: str) -> None:
        self._stream = stream
        self._chunked = "chunked" in transfer_encoding.lower()
        self._left = int(content_length) if content_length.isdigit() and not self._chunked else 0
        self._first_chunk = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._chunked and not self._left:
            self._next_chunk()
        data = self._stream.read(min(len(buffer), self._left)) if self._left else b""
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def drained(self) -> bool:
        """Read what the app left unread, so that the next request starts where it should. False if that is too much."""
        block = bytearray(65_536)
        for _ in range(_LARGEST_DRAINED_BODY // len(block)):
            if not self.readinto(block):
                return not self._left and not self._chunked
        return False

    def _next_chunk(self) -> None:
        if not self._first_chunk:
            self._stream.readline()  # the line break after the last one's bytes
        self._first_chunk = False
        size = self._stream.readline(1024).split(b";")[0].strip()
        if not size:
            raise ConnectionResetError("the request was cut off")
        try:
            self._left = int(size, 16)
        except ValueError:
            raise ConnectionResetError("the request has a chunk of no size") from None
        if not self._left:
            self._chunked = False
            while self._stream.readline(65_537).strip():
                pass  # trailers mean nothing to us


class _AnswerWriter:
    """Writes one answer as HTTP/1.1: with the app's Content-Length, or in chunks, or nothing at all for HEAD."""

    def __init__(self, write: Callable[[bytes], object], method: str, *, keep: bool) -> None:
        self._write, self._method, self.keep = write, method, keep
        self._head: bytes | None = None
        self._head_is_out = self._chunked = self._without_body = False

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Callable[[bytes], object]:
        """What PEP 3333 calls start_response."""
        if exc_info and self._head_is_out:
            raise exc_info[1].with_traceback(exc_info[2])
        names = {name.lower() for name, _ in headers}
        self._without_body = self._method == "HEAD" or status[:3] in ("204", "304") or status.startswith("1")
        self._chunked = not self._without_body and "content-length" not in names
        extra = [("Transfer-Encoding", "chunked")] if self._chunked else []
        extra += [] if self.keep else [("Connection", "close")]
        self._head = "".join(
            [f"HTTP/1.1 {status}\r\n", *(f"{name}: {value}\r\n" for name, value in [*headers, *extra]), "\r\n"]
        ).encode("latin-1")
        return self._block

    def write_all(self, blocks: Iterable[bytes]) -> None:
        for block in blocks:
            if block:
                self._block(block)
        self._block(b"")
        if self._chunked:
            self._write(b"0\r\n\r\n")

    def fail(self) -> bool:
        """Answer 500 if nothing is out yet; otherwise the answer stays cut off. Returns whether the connection can go on."""
        if self._head_is_out:
            return False
        body = b'{"error": "Internal error", "code": 500}'
        self.start("500 Internal Server Error", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        self._block(body)
        return True

    def _block(self, data: bytes) -> None:
        head = b""
        if not self._head_is_out:
            if self._head is None:
                raise RuntimeError("the app sent a body before it called start_response")
            head, self._head_is_out = self._head, True
        if self._without_body or not data:
            self._write(head)
        elif self._chunked:
            self._write(b"%b%x\r\n%b\r\n" % (head, len(data), data))
        else:
            self._write(head + data if head else data)
