"""A line to one service: plain GETs over kept connections, by the standard library alone.

A tick asks a thousand questions, all of one plain kind, and has nothing else to do at first. `requests` takes longer to import
than these questions take to be sent, and a fifth of a millisecond a question afterwards; here one costs about a tenth. Whatever
is not plain beyond doubt is not answered here: the caller asks again in the libraries' way, because asking is free. A service
whose answers are not plain (packed, chunked) is not asked twice for long: after a few of them the line gives up.
"""

from __future__ import annotations

import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tenxsom import clock
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


class _Turn:
    """A question's turn to use one of the line's places, with the kept connection that comes with it, if any."""

    __slots__ = ("come", "connection", "is_sent", "request")

    def __init__(self, request: bytes, connection: socket.socket | None = None) -> None:
        self.request = request
        self.connection = connection
        self.is_sent = False
        """Whether the one before has sent the request already, over the connection it had done with."""
        self.come = threading.Lock()
        """Held until the turn comes, where it has to be waited for."""


class Line:
    """Kept connections to one door, and so many questions at once at most. Serves all threads of a process.

    Whoever has its answer passes its connection on to a question that waits, and sends that question off before it looks into
    the answer: what a thread does with an answer takes longer than sending, and the service could be at work meanwhile.
    """

    def __init__(self, door: Door, tls: Callable[[], ssl.SSLContext], most: int) -> None:
        self._door = door
        self._tls = tls
        self._free = most
        self._idle: list[socket.socket] = []
        self._waiting: deque[_Turn] = deque()
        self._guard = threading.Lock()
        self._unusual = 0

    def ask(self, request: bytes, call: Call) -> Reply | None:
        """The answer to a GET; None for one that the libraries must read.

        Raises OSError for trouble with the connection, `call.NoTurn` for a question that waited for its turn in vain.
        """
        if self._unusual >= _GIVES_UP_AFTER:
            return None
        turn, reply = self._turn(request, call), None
        try:
            reply = self._answer(turn, call)
            self._unusual += reply is None
            return reply
        finally:
            self._pass_on(turn, is_reusable=reply is not None and reply.reusable)

    def close(self) -> None:
        """Close the kept connections."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _turn(self, request: bytes, call: Call) -> _Turn:
        """Wait for a place on the line. Raises NoTurn when it does not come in time, Interrupted on a stop."""
        patience, left = call.patience(), call.left()
        with self._guard:
            if self._free:
                self._free -= 1
                return _Turn(request, self._idle.pop() if self._idle else None)
            turn = _Turn(request)
            turn.come.acquire()
            self._waiting.append(turn)
        if not turn.come.acquire(timeout=patience):
            with self._guard:
                if turn in self._waiting:  # or it has come at this very moment
                    self._waiting.remove(turn)
                    raise calls.NoTurn
        call.resume(left)
        if clock.stop_requested():
            self._pass_on(turn, is_reusable=False)
            clock.check_stop()
        return turn

    def _pass_on(self, turn: _Turn, is_reusable: bool) -> None:
        """Leave the place, and the connection if it can be used again, to the question that has waited longest."""
        connection = turn.connection
        if connection and not is_reusable:
            connection.close()
            connection = None
        with self._guard:
            if not self._waiting:
                self._free += 1
                if connection:
                    self._idle.append(connection)
                return
            following = self._waiting.popleft()
        if connection and not _is_good(connection):
            connection.close()  # what it has to say unasked must not become the next one's answer
            connection = None
        following.is_sent = connection is not None and _sent(connection, following.request)
        following.connection = connection if following.is_sent else None
        following.come.release()

    def _answer(self, turn: _Turn, call: Call) -> Reply | None:
        if turn.connection and (turn.is_sent or _is_good(turn.connection)):
            try:
                return _exchange(turn.connection, None if turn.is_sent else turn.request, call)
            except ConnectionError:
                pass  # it went stale between the look and the use; nothing is lost by asking over another one
        if turn.connection:
            turn.connection.close()
        turn.connection = None
        turn.connection = self._connected(call)
        return _exchange(turn.connection, turn.request, call)

    def _connected(self, call: Call) -> socket.socket:
        # As bytes, which need no look into the tables of international names: a door's host is plain ASCII.
        host = self._door.host.encode("ascii")
        connection = socket.create_connection((host, self._door.port), min(calls.CONNECT_SECONDS, call.time_to_send()))  # type: ignore[arg-type]
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._tls().wrap_socket(connection, server_hostname=host) if self._door.scheme == "https" else connection
        except BaseException:  # a stop, too, must close it
            connection.close()
            raise


def _sent(connection: socket.socket, request: bytes) -> bool:
    """Send a request over a connection, which is closed if it has gone stale, or took a part of the request only."""
    try:
        connection.sendall(request)
    except OSError:
        connection.close()
        return False
    return True


def _is_good(connection: socket.socket) -> bool:
    """Whether a kept connection can still be used: one that was closed, or has something to say unasked, is readable."""
    look = select.poll()
    look.register(connection, select.POLLIN)
    return not look.poll(0)


def _exchange(connection: socket.socket, request: bytes | None, call: Call) -> Reply | None:
    """Send the request, if there is still one to send, and read the answer."""
    if request:
        _limit(connection, call.time_to_read())
        connection.sendall(request)
    return _read(connection, call)


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
