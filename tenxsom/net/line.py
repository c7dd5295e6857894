"""A line to one service: plain GETs over kept connections, by the standard library alone.

A tick asks a thousand questions, all of one plain kind, and has nothing else to do at first. `requests` takes longer to import
than these questions take to be sent, and a fifth of a millisecond a question afterwards; here one costs about a tenth. Whatever
is not plain beyond doubt is not answered here: the caller asks again in the libraries' way, because asking is free. A service
whose answers are not plain (packed, chunked) is not asked twice for long: after a few of them the line gives up.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tenxsom.net import call as calls
from tenxsom.net.call import Call
from tenxsom.net.reply import NotPlain, Reply, plain_reply

if TYPE_CHECKING:
    import ssl

    from tenxsom.net.origin import Door

_PIECE_BYTES = 16_384
_GIVES_UP_AFTER = 4
_MOST_PIECES = 4
"""A plain answer comes in one piece, or in two when the head travels alone."""


class Line:
    """Kept connections to one door. Serves all threads of a process; each call has a connection to itself."""

    def __init__(self, door: Door, tls: Callable[[], ssl.SSLContext], most: int) -> None:
        self._door = door
        self._tls = tls
        self._idle: deque[socket.socket] = deque(maxlen=most)
        self._unusual = 0

    def ask(self, request: bytes, call: Call) -> Reply | None:
        """The answer to a GET; None for one that the libraries must read. Raises OSError for trouble with the connection."""
        if self._unusual >= _GIVES_UP_AFTER:
            return None
        while kept := self._kept():
            try:
                return self._answer(kept, request, call)
            except ConnectionError:
                continue  # it went stale between the look and the use; nothing is lost by asking over another one
        return self._answer(self._connected(call), request, call)

    def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            self._idle.pop().close()

    def _answer(self, connection: socket.socket, request: bytes, call: Call) -> Reply | None:
        reply = None
        try:
            _limit(connection, call.time_to_read())
            connection.sendall(request)
            reply = _read(connection, call)
            self._unusual += reply is None
            return reply
        finally:
            if reply and reply.reusable and len(self._idle) < (self._idle.maxlen or 0):
                self._idle.append(connection)
            else:
                connection.close()

    def _kept(self) -> socket.socket | None:
        """A connection that is still good: one that was closed, or has something to say unasked, is readable."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break  # another thread was quicker
            look = select.poll()
            look.register(connection, select.POLLIN)
            if not look.poll(0):
                return connection
            connection.close()
        return None

    def _connected(self, call: Call) -> socket.socket:
        connection = socket.create_connection((self._door.host, self._door.port), min(calls.CONNECT_SECONDS, call.time_to_send()))
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return (
                self._tls().wrap_socket(connection, server_hostname=self._door.host) if self._door.scheme == "https" else connection
            )
        except BaseException:  # a stop, too, must close it
            connection.close()
            raise


def _read(connection: socket.socket, call: Call) -> Reply | None:
    """The answer, if it is whole and plain. Raises ConnectionError when there is none at all."""
    seen = b""
    for _ in range(_MOST_PIECES):
        _limit(connection, call.time_to_read())
        try:
            piece = connection.recv(_PIECE_BYTES)
        except ConnectionError:
            if not seen:
                raise
            return None  # a refusal may be clear without its whole text; the libraries will see
        if not piece and not seen:
            raise ConnectionResetError("the connection was closed without an answer")
        seen += piece
        reply = plain_reply(seen)
        if isinstance(reply, Reply):
            return reply
        if reply is NotPlain.UNUSUAL or not piece:
            return None
    return None


def _limit(connection: socket.socket, seconds: float) -> None:
    """Set a time-out, if it is another one: setting it is a system call."""
    if connection.gettimeout() != seconds:
        connection.settimeout(seconds)
