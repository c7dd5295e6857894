"""An HTTP proxy between the scripts and the studio that strikes at one chosen call: kills the caller, cuts, stalls, garbles."""

from __future__ import annotations

import http.client
import os
import queue
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Strike = Callable[["Relay"], None]


class WireProxy:
    """Passes calls on to `upstream`, counting them from 1. At call number `at` it does `strike` in place of passing it on."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._lock = threading.Lock()
        self.calls: list[str] = []
        self.victims: queue.SimpleQueue[int] = queue.SimpleQueue()
        """The processes that are killed, each by a strike. It waits for the number: a process may call before its test has that."""
        self.at: int | None = None
        self.strike: Strike = Relay.pass_on
        self.url = ""

    def script(self, at: int | None, strike: Strike | None = None) -> None:
        """Start counting anew; `at` None lets everything pass."""
        self.calls, self.at, self.strike = [], at, strike or Relay.pass_on

    def number(self, call: str) -> int:
        with self._lock:
            self.calls.append(call)
            return len(self.calls)

    def strike_for(self, number: int, method: str) -> Strike:
        """What is done with this call."""
        return self.strike if number == self.at else Relay.pass_on

    def ask(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class Relay(BaseHTTPRequestHandler):
    """One connection. `proxy` is set by `running`."""

    protocol_version = "HTTP/1.1"
    proxy: WireProxy

    def handle_call(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        number = self.proxy.number(f"{self.command} {self.path}")
        try:
            self.proxy.strike_for(number, self.command)(self)
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_HEAD = handle_call

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at `calls`."""

    def fetch(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """What the studio says to this call; it has happened then."""
        return self.proxy.ask(self.command, self.path, self.headers, self.body)

    def pass_on(self) -> None:
        status, headers, body = self.fetch()
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def kill_before(self) -> None:
        """The caller dies, and the studio never hears of the call."""
        self._kill()

    def kill_after(self) -> None:
        """The caller dies after the studio has done what it was asked, and before it hears so."""
        self.fetch()
        self._kill()

    def drop_after(self) -> None:
        """The studio does what it was asked; the answer is lost with the connection."""
        self.fetch()
        self._reset()

    def reset(self) -> None:
        """The connection is reset; the studio never hears of the call."""
        self._reset()

    def bad_gateway(self) -> None:
        """The studio does what it was asked, and a gateway says 502."""
        self.fetch()
        self.send_response(502)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def garble(self) -> None:
        """The studio does what it was asked; what comes back is noise."""
        self.fetch()
        self.wfile.write(b"\x00\xff garbage \r\n\r\n")
        self._reset()

    def cut(self) -> None:
        """The answer ends in the middle of its body."""
        status, _, body = self.fetch()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self._reset()

    def _kill(self) -> None:
        os.kill(self.proxy.victims.get(timeout=60), signal.SIGKILL)
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


@contextmanager
def running(upstream: str, kind: type[WireProxy] = WireProxy) -> Iterator[WireProxy]:
    """A proxy on a free port of this machine, for the length of a block."""
    proxy = kind(upstream)
    handler = type("BoundRelay", (Relay,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
