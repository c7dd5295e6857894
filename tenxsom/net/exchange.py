"""One request and its whole answer, in the libraries' way. Importing this costs what `requests` costs (about 100 ms)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import requests
from requests.adapters import HTTPAdapter

from tenxsom.net import call as calls
from tenxsom.net import wire
from tenxsom.net.answer import MAX_BODY_BYTES
from tenxsom.net.call import Call
from tenxsom.net.reply import Reply
from tenxsom.net.trouble import WIRE_ERRORS, AnswerTooLong, certainly_not_sent, phrase
from tenxsom.net.wire import WireAdapter

__all__ = ["WIRE_ERRORS", "WireAdapter", "certainly_not_sent", "exchange", "phrase", "without_retries"]


def exchange(
    adapter: HTTPAdapter, request: requests.PreparedRequest, call: Call, timeout: float, proxies: Mapping[str, str]
) -> Reply:
    """Send a request and read its answer within the time of `call`. Raises what is in WIRE_ERRORS."""
    connect = min(calls.CONNECT_SECONDS, timeout)
    with wire.running(call):
        return _read_whole(wire.send(adapter, request, connect_seconds=connect, read_seconds=timeout, proxies=proxies))


def without_retries(adapter: HTTPAdapter) -> HTTPAdapter:
    """The adapter, which from now on tries nothing twice."""
    adapter.max_retries = wire.NO_RETRIES
    return adapter


def _read_whole(response: requests.Response) -> Reply:
    """Read the body. A 2xx without its whole body is no answer; a refusal is certain without the text that explains it."""
    pieces, size = [], 0
    with closing(response):
        try:
            while piece := response.raw.read(65_536, decode_content=True):
                size += len(piece)
                if size > MAX_BODY_BYTES:
                    raise AnswerTooLong
                pieces.append(piece)
        except WIRE_ERRORS:
            if 200 <= response.status_code <= 299:
                raise
    return Reply(response.status_code, response.headers, b"".join(pieces))
