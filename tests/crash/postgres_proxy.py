"""A proxy between the program and PostgreSQL that strikes at one chosen request: before the server sees it, or after it was done.

It understands the protocol as far as it must: where a request ends, and where its answer does. A reply to COMMIT that is lost is a
request that is cut `after`. https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BEFORE, AFTER = "before", "after"


class PostgresProxy:
    """Passes requests on to a server's port, counting them from 1. At request number `at` it strikes, once."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self.port = 0
        self.victims: queue.SimpleQueue[int] | None = None
        """Who is killed by a strike, which waits for the number of the process; None: the connection is cut."""
        self.is_pooler = False
        """Whether the server's process that a client is told of is another one, as a pooler's is."""
        self.is_shut = False
        """Whether every new connection is refused."""
        self.requests = 0
        self._at, self._how = 0, BEFORE
        self.has_struck = False

    def script(self, at: int, how: str) -> None:
        """Count anew, and strike at request number `at`."""
        with self._lock:
            self.requests, self._at, self._how, self.has_struck = 0, at, how, False

    def number(self) -> str | None:
        """Count a request; return how it is struck, if it is."""
        with self._lock:
            self.requests += 1
            if self.requests != self._at:
                return None
            self.has_struck = True
            return self._how

    def strike_for(self, _request: bytes) -> str | None:
        """Return how a request is struck, if it is."""
        return self.number()

    def goes_on(self, _request: bytes) -> bool:
        """Return whether the connection goes on after a request that was answered; else the answer is the last one."""
        return True

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, EOFError):
            if self.is_shut:
                _reset(client)
                return
            with socket.create_connection(("127.0.0.1", self._upstream), timeout=60) as server:
                self._begin(client, server)
                while True:
                    request = _request(client)
                    how = self.strike_for(request)
                    if how is None:
                        server.sendall(request)
                        answer = _answer(server)
                        goes_on = self.goes_on(request)
                        client.sendall(answer)
                        if goes_on:
                            continue
                        return
                    if how == AFTER:
                        server.sendall(request)
                        _answer(server)
                    if self.victims is not None:
                        os.kill(self.victims.get(timeout=60), signal.SIGKILL)
                    _reset(client)
                    return

    def _begin(self, client: socket.socket, server: socket.socket) -> None:
        """Pass the beginning of a connection on, until the server is ready."""
        head = _exactly(client, 4)
        server.sendall(head + _exactly(client, struct.unpack("!I", head)[0] - 4))
        frames = _frames_until_ready(server)
        for kind, body in frames:
            told = (
                struct.pack("!I", struct.unpack("!I", body[:4])[0] ^ 0x1000) + body[4:] if kind == b"K" and self.is_pooler else body
            )
            client.sendall(kind + struct.pack("!I", len(told) + 4) + told)


def _request(client: socket.socket) -> bytes:
    """Read messages up to the one that asks for an answer: a simple query, or Sync."""
    data = b""
    while True:
        kind, body = _frame(client)
        data += kind + struct.pack("!I", len(body) + 4) + body
        if kind in (b"Q", b"S"):
            return data
        if kind == b"X":
            raise EOFError


def _answer(server: socket.socket) -> bytes:
    return b"".join(kind + struct.pack("!I", len(body) + 4) + body for kind, body in _frames_until_ready(server))


def _frames_until_ready(server: socket.socket) -> list[tuple[bytes, bytes]]:
    frames = []
    while True:
        kind, body = _frame(server)
        frames.append((kind, body))
        if kind == b"Z":
            return frames


def _frame(connection: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(connection, 5)
    return head[:1], _exactly(connection, struct.unpack("!I", head[1:])[0] - 4)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def running(upstream: int, kind: type[PostgresProxy] = PostgresProxy) -> Iterator[PostgresProxy]:
    """A proxy on a free port of this machine, for the length of a block."""
    proxy = kind(upstream)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]
        threading.Thread(target=proxy.serve, args=(listener,), daemon=True).start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
