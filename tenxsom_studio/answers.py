"""The studio's refusals and broken responses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, request

from tenxsom import clock
from tenxsom.errors import TenxsomError


class Refusal(TenxsomError):
    """A refused request: the HTTP status, and the message of the vendor's error body; `kind` is the vendor's name of the error,
    where a status has several.
    """

    def __init__(self, status: int, text: str, retry_after: int | None = None, kind: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after
        self.kind = kind


class CutOnPurpose(ConnectionResetError):
    """Raised while a body is sent, so that the server closes the connection instead of waiting for the rest."""


def document(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(json.dumps(body, ensure_ascii=False), status, headers, mimetype="application/json")


Envelope = Callable[[Refusal], Response]

ENVELOPES: dict[str, Envelope] = {}
"""The error formats of APIs by a pattern of their paths; each API's module adds its own. UseAPI.net's is the default."""


def error(status: int, text: str, retry_after: int | None = None, kind: str = "") -> Response:
    """Return an error in the format of the called API."""
    envelope = next((each for pattern, each in ENVELOPES.items() if re.match(pattern, request.path)), _useapi_error)
    return envelope(Refusal(status, text, retry_after, kind))


def _useapi_error(refusal: Refusal) -> Response:
    """Return `{"error": text, "code": status}`; with a wait, also the header and the body field of a 429."""
    status, text, retry_after = refusal.status, str(refusal), refusal.retry_after
    body: dict[str, Any] = {"error": text, "code": status}
    if retry_after is None:
        return document(body, status)
    return document(body | {"retryAfter": clock.later(retry_after)}, status, {"Retry-After": str(retry_after)})


def page(status: int, title: str) -> Response:
    """Return an HTML page, like a proxy, a parked host or a login page in front of the API."""
    return Response(f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n", status)


def xml_error(status: int, code: str, text: str) -> Response:
    """Return an error of the storage host, in the form of https://cloud.google.com/storage/docs/xml-api/reference-status"""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return Response(body, status, mimetype="application/xml")


def cut(answer: Response, size: int) -> Response:
    """Return the same response, whose connection ends after `size` bytes, with the Content-Length of the full body."""
    promised = answer.headers["Content-Length"] if "Content-Length" in answer.headers else str(len(answer.get_data()))
    broken = Response(_first(answer.iter_encoded(), max(1, size)), answer.status, dict(answer.headers))
    broken.headers["Content-Length"] = promised
    broken.call_on_close(answer.close)
    return broken


def _first(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    left = size
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            raise CutOnPurpose
