"""Where a host lives: looked up by those who ask, remembered for a while, the address that could be reached first."""

from __future__ import annotations

import socket
import threading
from typing import Any

from tenxsom import clock

Address = tuple[Any, ...]
"""What `socket.getaddrinfo` says of one of a host's addresses."""

REMEMBERED_SECONDS = 60.0
FAILURE_REMEMBERED_SECONDS = 2.0
"""A look-up that fails may take many seconds: those who come right after it do not wait for another one."""


class Addresses:
    """The addresses of one host and port. Serves all threads of a process."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host.encode("ascii")  # as bytes, which need no look into the tables of international names
        self._port = port
        self._looking_up = threading.Lock()
        self._known: list[Address] = []
        self._trouble: OSError | None = None
        self._valid = clock.Deadline(0)

    def look_up(self) -> None:
        """Wait until the host's addresses are known. Raises OSError when nobody can tell them."""
        if self._known and not self._valid.passed():
            return
        with self._looking_up:
            if self._valid.passed():
                self._ask()
            if self._trouble:
                raise self._trouble

    def known(self) -> list[Address]:
        """The addresses as they were told last, without any wait."""
        return list(self._known)

    def prefer(self, address: Address) -> None:
        """It could be reached: let it be the first to be tried."""
        if self._known[:1] != [address]:
            self._known = sorted(self._known, key=address.__ne__)

    def doubt(self) -> None:
        """None of them could be reached: the host may have moved."""
        self._valid = clock.Deadline(0)

    def _ask(self) -> None:
        try:
            self._known = list(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
            self._trouble = None if self._known else OSError("the host has no address")
        except OSError as error:
            self._trouble = error
        self._valid = clock.Deadline(FAILURE_REMEMBERED_SECONDS if self._trouble else REMEMBERED_SECONDS)
