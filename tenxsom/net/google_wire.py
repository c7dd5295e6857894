"""google-genai over our own wire.

Google's library speaks HTTP through httpx, whose errors do not always tell whether a request has left, whose time-outs start
anew with every byte, and which takes its proxies from the environment. So it gets a transport that hands each request to
`tenxsom.net.wire`, where all of that is solved. httpx is what google-genai itself requires.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

import httpx
import requests
from requests.adapters import HTTPAdapter

from tenxsom.net import call as calls
from tenxsom.net import wire
from tenxsom.net.trouble import WIRE_ERRORS, AnswerTooLong

MAX_ANSWER_BYTES = 200_000_000
"""A clip may come within a JSON answer, as base64: 8 seconds in 4K are some tens of megabytes."""

_NOT_PASSED_ON = {"content-encoding", "transfer-encoding", "content-length", "connection"}
"""Headers of an answer that are true no more once its body has been read and unpacked."""


class OurWire(httpx.BaseTransport):
    """Sends each request over a fresh connection, once, and returns the whole answer. What fails raises one of WIRE_ERRORS.

    A kept connection may have gone stale, and then nobody could say whether an order arrived; hence the fresh ones.
    """

    def __init__(self, adapter_factory: Callable[[], HTTPAdapter], proxies: Mapping[str, str]) -> None:
        self._adapter_factory, self._proxies = adapter_factory, dict(proxies)
        self._thread = threading.local()

    @contextmanager
    def during(self, call: wire.Call, seconds: float) -> Iterator[None]:
        """Let `call` follow the requests that this thread sends within the block; it also bounds them."""
        self._thread.seconds = seconds
        with wire.running(call):
            yield

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """What httpx calls to send a request."""
        headers = dict(request.headers) | {"accept-encoding": "gzip", "connection": "close"}
        prepared = requests.Request(request.method, str(request.url), headers=headers, data=request.read()).prepare()
        seconds: float = self._thread.seconds
        connect = min(calls.CONNECT_SECONDS, seconds)
        with closing(self._adapter_factory()) as fresh:
            fresh.max_retries = wire.NO_RETRIES
            answer = wire.send(fresh, prepared, connect_seconds=connect, read_seconds=seconds, proxies=self._proxies)
            with closing(answer):
                body = _read(answer)
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED_ON]
        return httpx.Response(answer.status_code, headers=kept, content=body)


def http_client(transport: OurWire) -> httpx.Client:
    """An httpx client over our wire that takes nothing from the environment and follows no redirect."""
    return httpx.Client(transport=transport, trust_env=False, follow_redirects=False, timeout=None)  # noqa: S113  (the wire has its own)


def _read(answer: requests.Response) -> bytes:
    """The whole body. A 2xx without its whole body is no answer; a refusal is certain without the text that explains it."""
    body = bytearray()
    try:
        while piece := answer.raw.read(1 << 18, decode_content=True):
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise AnswerTooLong
    except WIRE_ERRORS:
        if 200 <= answer.status_code <= 299:
            raise
    return bytes(body)
