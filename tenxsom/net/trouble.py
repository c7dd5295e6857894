"""What went wrong on the wire: the exceptions of three libraries, told as one short phrase and one certainty."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions as urllib3_errors

from tenxsom.net.call import Call, Phase

WIRE_ERRORS = (OSError, http.client.HTTPException, urllib3_errors.HTTPError)
"""Everything a call over the wire may raise; `requests.RequestException` is an OSError."""


class AnswerTooLong(urllib3_errors.HTTPError):
    """The body of an answer is longer than any honest one."""


def certainly_not_sent(error: BaseException, call: Call) -> bool:
    """Whether not one byte of the request can have reached the service.

    Our connections know. Where none of them took part (a SOCKS proxy, a test double), only those errors count that
    themselves prove that no connection stood. Everything else is not certain.
    """
    if call.phase is Phase.UNSEEN:
        return any(isinstance(cause, _PROVE_NOTHING_SENT) for cause in _chain(error))
    return call.phase is Phase.CONNECTING


def phrase(error: BaseException) -> str:
    """The trouble in a few words. Never the library's own text: that holds whole addresses, with ids and signatures."""
    chain = list(_chain(error))
    for kind, words in _PHRASES:
        if any(isinstance(cause, kind) for cause in chain):
            return words
    return "the connection broke"


_PROVE_NOTHING_SENT = (
    urllib3_errors.ConnectTimeoutError,  # also NewConnectionError (refused, unreachable) and NameResolutionError
    urllib3_errors.LocationValueError,
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,  # also InvalidProxyURL
    requests.exceptions.InvalidSchema,
)

_PHRASES: tuple[tuple[type[BaseException], str], ...] = (
    (AnswerTooLong, "the answer was longer than any honest one"),
    (urllib3_errors.NameResolutionError, "its name could not be resolved"),
    (socket.gaierror, "its name could not be resolved"),
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLCertVerificationError, "its certificate could not be verified"),
    (urllib3_errors.ProxyError, "the proxy did not connect"),
    (urllib3_errors.NewConnectionError, "no connection could be made"),
    (urllib3_errors.ConnectTimeoutError, "connecting took too long"),
    (requests.exceptions.ConnectTimeout, "connecting took too long"),
    (urllib3_errors.TimeoutError, "it took too long"),
    (requests.exceptions.Timeout, "it took too long"),
    (TimeoutError, "it took too long"),
    (urllib3_errors.IncompleteRead, "the answer was cut off"),
    (http.client.IncompleteRead, "the answer was cut off"),
    (ConnectionError, "the connection was closed without an answer"),
    (http.client.RemoteDisconnected, "the connection was closed without an answer"),
    (ssl.SSLError, "TLS failed"),
    (urllib3_errors.SSLError, "TLS failed"),
    (http.client.HTTPException, "the answer was no HTTP"),
    (urllib3_errors.DecodeError, "the answer could not be unpacked"),
    (requests.exceptions.InvalidURL, "its address is not valid"),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps. Not `__context__`: that may be an older, unrelated error that was being handled."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            waiting += [*cause.args, getattr(cause, "reason", None), getattr(cause, "original_error", None), cause.__cause__]
            yield cause
