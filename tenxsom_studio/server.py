"""Serves the studio over a socket, for other programs and for rehearsals of a cron set-up."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from tenxsom import clock
from tenxsom_studio.answers import CutOnPurpose
from tenxsom_studio.app import LARGEST_BODY_BYTES, create_app

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 2


def serve(
    world: Path,
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    token: str | None = None,
    ready: Callable[[str], None] | None = None,
    threads: int = 16,
) -> None:
    """Serve the studio until a stop request (see `clock.stop_on_signals`).

    `ready` is called with the address, such as "http://127.0.0.1:8765", once connections are accepted; port 0 is a free one.
    The API is below `<address>/v1`. Raises OSError when the address is taken.
    """
    with StudioServer(world, host, port, token=token, threads=threads) as server:
        if ready:
            ready(server.url)
        server.run(clock.stop_requested)


@contextlib.contextmanager
def running(world: Path, *, token: str | None = None, threads: int = 16) -> Iterator[StudioServer]:
    """Serve a studio on a free loopback port in a thread, for a block."""
    ended = threading.Event()
    with StudioServer(world, "127.0.0.1", 0, token=token, threads=threads) as server:
        thread = threading.Thread(target=server.run, args=(ended.is_set,), name="studio-server", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            ended.set()
            thread.join()


class StudioServer:
    """A listening studio. `url` is its address, `app` the Flask app behind it."""

    def __init__(self, world: Path, host: str, port: int, *, token: str | None = None, threads: int = 16) -> None:
        logging.getLogger("waitress").addFilter(_is_worth_logging)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue is normal here
        # The socket is bound here, because waitress leaks its server when the address is taken.
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.app = create_app(world, token=token, host_names=(*LOOPBACK_NAMES, host.lower()))
        # Waitress keeps its sockets in a map; with our own map its loop can run in slices, and everything can be closed at the end.
        self._sockets: dict[int, Any] = {}
        self._server = create_server(
            self.app,
            map=self._sockets,
            sockets=[listening],
            threads=threads,
            max_request_body_size=LARGEST_BODY_BYTES,
            connection_limit=2000,
            backlog=1024,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"

    def __enter__(self) -> StudioServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, is_over: Callable[[], bool]) -> None:
        """Serve requests until `is_over()` is true, which is called several times a second."""
        while not is_over():
            wasyncore.loop(timeout=_LOOK_SECONDS, use_poll=True, map=self._sockets, count=1)

    def close(self) -> None:
        """Stop renders, finish running requests, close every connection."""
        self.app.extensions["studio"].close()
        deadline = clock.Deadline(_GRACE_SECONDS)
        self.run(lambda: deadline.passed() or not self._busy())
        for channel in self._busy():
            channel.handle_close()  # wakes the thread that waits for this client to read
        self._server.task_dispatcher.shutdown(timeout=_GRACE_SECONDS)
        wasyncore.close_all(self._sockets, ignore_all=True)

    def _busy(self) -> list[Any]:
        return [channel for channel in self._server.active_channels.values() if channel.requests]


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return False for a connection that a scripted fault has cut."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutOnPurpose))
