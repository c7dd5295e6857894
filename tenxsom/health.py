"""What a worker tells those who watch it: /healthz, /readyz and /metrics over HTTP.

`/healthz` is for a liveness probe: 200 while the worker looks at the queue as often as it should, also while the queue is out of
reach, because a new worker would reach it no better. `/readyz` is 200 while the queue answers. `/metrics` is the text format of
Prometheus.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from tenxsom import clock
from tenxsom.errors import BadInput, TenxsomError
from tenxsom.metrics import Metric, exposition, money_metrics, queue_metrics, worker_metrics
from tenxsom.pipeline.worker import Worker
from tenxsom.store.base import JobStore, SpendLedger

TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Answer = tuple[str, str, str]
"""Status, content type and body."""


class HealthPages:
    """The pages, as a WSGI application."""

    def __init__(self, worker: Worker, store: JobStore, ledger_of: Callable[[], SpendLedger]) -> None:
        """`ledger_of` opens the ledger, which a database may refuse at first."""
        self._worker = worker
        self._store = store
        self._ledger_of = ledger_of

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        status, kind, text = self._answer(environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", ""))
        body = text.encode()
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
        return [body]

    def _answer(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return "405 Method Not Allowed", TEXT, "Only GET is answered here.\n"
        condition = self._worker.condition()
        if path == "/healthz":
            return _probe("alive", "" if condition.is_alive else "It has stopped looking at the queue.")
        if path == "/readyz":
            return _probe("ready", "It is ending." if clock.stop_requested() else condition.problem)
        if path == "/metrics":
            return "200 OK", PROMETHEUS, exposition(self._metrics())
        return "404 Not Found", TEXT, "There are /healthz, /readyz and /metrics.\n"

    def _metrics(self) -> Iterator[Metric]:
        """Yield the numbers of this worker, and those of the queue and the money while they can be read."""
        condition = self._worker.condition()
        yield from worker_metrics(condition.in_hand, condition.is_ready, condition.visits)
        try:
            yield from queue_metrics(self._store.summary())
            yield from money_metrics(self._ledger_of())
        except TenxsomError:
            return


def _probe(well: str, problem: str) -> Answer:
    return ("503 Service Unavailable", TEXT, f"{problem}\n") if problem else ("200 OK", TEXT, f"{well}\n")


@contextmanager
def serving(pages: HealthPages, host: str, port: int) -> Iterator[str]:
    """Serve the pages for the block, in a thread; give their address. Raises BadInput where that is impossible."""
    try:  # the socket is bound here, because waitress leaks its server when the address is taken
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(f"--listen {host}:{port} cannot be used ({reason}); choose another address or port.") from error
    sockets: dict[int, Any] = {}  # a map of our own, so that the loop can run in slices and everything is closed at the end
    server = create_server(pages, map=sockets, sockets=[listener], threads=2, ident=None)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            wasyncore.loop(timeout=0.2, map=sockets, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets, ignore_all=True)

    thread = threading.Thread(target=serve, name="health")
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
