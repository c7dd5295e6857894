"""Serves the dashboard until it is stopped: one process, one thread for all streams, threads for pages."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn

from tenxsom import clock
from tenxsom.app import App
from tenxsom.dashboard.board import Board
from tenxsom.dashboard.feed import Feed
from tenxsom.dashboard.site import site
from tenxsom.errors import BadInput, BadSettings
from tenxsom.setting_values import is_this_machine

log = logging.getLogger(__name__)

LAST_SECONDS = 2
"""How long open streams may take to end when the server stops."""


def serve(app: App, host: str, port: int, ready: Callable[[str], object]) -> None:
    """Serve the dashboard on `host` and `port`, and call `ready` with its address, until a stop request.

    Raises BadSettings for a host that other machines reach without DASHBOARD_TOKEN, BadInput for a host or a port that cannot be
    used.
    """
    if not is_this_machine(host) and app.settings.dashboard_token is None:
        raise BadSettings(
            f"On {host} other machines reach the dashboard, so it needs a token: set DASHBOARD_TOKEN in production.env to what"
            " `openssl rand -hex 24` prints. Without --host it is for this machine only."
        )
    with listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{listener.getsockname()[1]}")
        server_of(Board(app), host).run([listener])


def server_of(board: Board, host: str) -> uvicorn.Server:
    """Return the server of a dashboard that listens on `host`."""
    config = uvicorn.Config(
        site(board, host),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LAST_SECONDS,
        forwarded_allow_ips="127.0.0.1,::1",  # a reverse proxy of this machine says where a request comes from
    )
    return _Server(config, board.feed)


class _Server(uvicorn.Server):
    """A server that ends on a stop request, and ends the streams of open pages before it waits for its connections to end.

    Uvicorn's own handlers would not do: they know nothing of a TERM that came while the pages were loaded, nor of a HUP.
    """

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers of this process in place."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Return whether the server must end. Uvicorn asks ten times a second."""
        return await super().on_tick(counter) or clock.stop_requested()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.close()
        await super().shutdown(sockets)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises BadInput when that is impossible, with what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise BadInput(
            f"--host {host[:80]!r} is no address of this machine; give 127.0.0.1, 0.0.0.0, or one of its addresses."
        ) from None
    listener = socket.socket(family, kind, protocol)  # with TCP named, asyncio sends small answers at once (TCP_NODELAY)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        listener.close()
        sentence = f"The dashboard cannot listen on {host}, port {port} ({error.strerror}); choose another with --port."
        raise BadInput(sentence) from None
    return listener
