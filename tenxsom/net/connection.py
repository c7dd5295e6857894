"""A connection that nobody waits for: each step goes as far as it goes at once, and says for what to wait before the next.

    connecting → shaking hands (TLS) → asked → quiet → asked → …

One thread can hold any number of them, which is what `tenxsom.net.line` does.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from tenxsom import clock
from tenxsom.net import call as calls
from tenxsom.net.addresses import Address, Addresses
from tenxsom.net.reply import NotPlain, Reply, plain_reply

if TYPE_CHECKING:
    import ssl

    from tenxsom.net.call import Call
    from tenxsom.net.origin import Door

_PIECE_BYTES = 16_384
_MOST_PIECES = 4
"""A plain answer comes in one piece, or in two when the head travels alone."""
_UNDER_WAY = (0, errno.EINPROGRESS)


class Connection:
    """A connection to a service's door, and the question that is asked over it. Raises the system's errors as they come."""

    __slots__ = (
        "_addresses",
        "_door",
        "_go_on",
        "_not_yet",
        "_pieces",
        "_request",
        "_seen",
        "_socket",
        "_stands",
        "_tls",
        "_untried",
        "call",
        "deadline",
        "descriptor",
        "is_kept",
        "wants",
    )

    def __init__(self, door: Door, tls: Callable[[], ssl.SSLContext], addresses: Addresses) -> None:
        self._door = door
        self._tls = tls
        self._addresses = addresses
        self._untried = addresses.known()
        self._stands = False
        self._not_yet: tuple[type[OSError], ...] = (BlockingIOError,)
        self.is_kept = False
        """Whether it has brought an answer already: only such a one can have gone stale."""
        self.wants = select.POLLOUT
        """What to wait for before `go_on`, as `select.poll` knows it."""

    def open(self, request: bytes, call: Call) -> None:
        """Begin to connect; the request goes out as soon as the connection stands."""
        self._request, self.call = request, call
        while True:
            if not self._untried:
                raise OSError("the host has no address")
            try:
                self._open(self._untried.pop(0))
                return
            except OSError:
                if not self._untried:
                    self._addresses.doubt()
                    raise

    def open_elsewhere(self) -> bool:
        """Begin to connect to the next address of the host, if the one before could not be reached; False if there is none."""
        if self._stands:
            return False
        if not self._untried:
            self._addresses.doubt()
            return False
        self._socket.close()
        self.open(self._request, self.call)
        return True

    def ask(self, request: bytes, call: Call) -> None:
        """Send a question over a connection that stands. Raises OSError when it has gone stale."""
        if self._socket.send(request) != len(request):
            raise ConnectionResetError("it took a part of the request only")
        self._request, self.call = request, call
        self._seen, self._pieces = b"", 0
        self.wants, self._go_on = select.POLLIN, self._read
        self.deadline = clock.Deadline(call.time_to_read())

    def go_on(self) -> Reply | NotPlain:
        """Go as far as it goes: the answer, INCOMPLETE if there is something to wait for, UNUSUAL for what the libraries read."""
        return self._go_on()

    def is_quiet(self) -> bool:
        """Whether it can be used again: what a service says unasked, or that it has closed, must not be the next one's answer."""
        try:
            self._socket.recv(1)
        except self._not_yet:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        self._socket.close()

    def _open(self, address: Address) -> None:
        self._socket = socket.socket(*address[:3])
        try:
            self.descriptor = self._socket.fileno()
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            trouble = self._socket.connect_ex(address[4])
            _check(trouble if trouble not in _UNDER_WAY else 0)
            self.deadline = clock.Deadline(min(calls.CONNECT_SECONDS, self.call.time_to_send()))
        except BaseException:  # whatever it was, nobody else knows of this socket yet
            self._socket.close()
            raise
        self.wants, self._go_on = select.POLLOUT, lambda: self._reached(address)

    def _reached(self, address: Address) -> Reply | NotPlain:
        _check(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        self._stands = True
        self._addresses.prefer(address)
        if self._door.scheme != "https":
            return self._send()
        context = self._tls()
        import ssl  # loaded by now

        # As bytes, which need no look into the tables of international names: a door's host is plain ASCII.
        host = self._door.host.encode("ascii")
        self._socket = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._not_yet = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
        self.deadline = clock.Deadline(min(calls.CONNECT_SECONDS, self.call.time_to_send()))
        self._go_on = self._shake_hands
        return self._shake_hands()

    def _shake_hands(self) -> Reply | NotPlain:
        try:
            self._socket.do_handshake()  # type: ignore[attr-defined]  # the TLS socket that `_reached` has made of it
        except self._not_yet as pause:
            self.wants = select.POLLIN if isinstance(pause, self._not_yet[0]) else select.POLLOUT
            return NotPlain.INCOMPLETE
        return self._send()

    def _send(self) -> NotPlain:
        self.ask(self._request, self.call)
        return NotPlain.INCOMPLETE

    def _read(self) -> Reply | NotPlain:
        try:
            piece = self._socket.recv(_PIECE_BYTES)
        except self._not_yet:
            return NotPlain.INCOMPLETE
        except ConnectionError:
            if not self._seen:
                raise
            return NotPlain.UNUSUAL  # a refusal may be clear without its whole text; the libraries will see
        if not piece and not self._seen:
            raise ConnectionResetError("the connection was closed without an answer")
        self._seen += piece
        self._pieces += 1
        reply = plain_reply(self._seen)
        if reply is not NotPlain.INCOMPLETE:
            self.is_kept = True
            return reply
        if not piece or self._pieces >= _MOST_PIECES:
            return NotPlain.UNUSUAL
        self.deadline = clock.Deadline(self.call.time_to_read())
        return self._read()  # TLS may hold more than one piece, and says so to nobody who waits


def _check(trouble: int) -> None:
    """Raise what a system call has returned, if it is an error."""
    if trouble:
        raise OSError(trouble, os.strerror(trouble))
