"""What the studio answers when it says no, and the shapes of broken answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, request

from tenxsom import clock
from tenxsom.errors import TenxsomError


class Refusal(TenxsomError):
    """A request the API refuses: an HTTP status and the sentence that goes into the vendor's error body; `kind` is the vendor's
    own word for this error, where it has several for one status.
    """

    def __init__(self, status: int, text: str, retry_after: int | None = None, kind: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after
        self.kind = kind


class CutOnPurpose(ConnectionResetError):
    """Raised while a body is sent, so that whoever serves the app hangs up instead of waiting for the rest."""


def document(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(json.dumps(body, ensure_ascii=False), status, headers, mimetype="application/json")


Envelope = Callable[[Refusal], Response]

ENVELOPES: dict[str, Envelope] = {}
"""How an API words its errors, by a pattern of its paths; each API's module adds its own. UseAPI.net's is for the rest."""


def error(status: int, text: str, retry_after: int | None = None, kind: str = "") -> Response:
    """An error in the words of the API that was called."""
    envelope = next((each for pattern, each in ENVELOPES.items() if re.match(pattern, request.path)), _useapi_error)
    return envelope(Refusal(status, text, retry_after, kind))


def _useapi_error(refusal: Refusal) -> Response:
    """`{"error": text, "code": status}`; with a wait, also the header and the body field of a 429."""
    status, text, retry_after = refusal.status, str(refusal), refusal.retry_after
    body: dict[str, Any] = {"error": text, "code": status}
    if retry_after is None:
        return document(body, status)
    return document(body | {"retryAfter": clock.later(retry_after)}, status, {"Retry-After": str(retry_after)})


def page(status: int, title: str) -> Response:
    """An HTML page, as something in front of the API answers: a proxy, a parked host, a login wall."""
    return Response(f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n", status)


def xml_error(status: int, code: str, text: str) -> Response:
    """An error of the storage host, in the form of https://cloud.google.com/storage/docs/xml-api/reference-status"""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return Response(body, status, mimetype="application/xml")


def cut(answer: Response, size: int) -> Response:
    """The same answer, but the connection ends after `size` bytes of a body whose full length was promised."""
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
