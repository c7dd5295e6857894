"""Maps the network exceptions of three libraries to a short message."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import requests
import urllib3.exceptions as urllib3_errors

CONNECTION_ERRORS = (OSError, http.client.HTTPException, urllib3_errors.HTTPError)
"""Every exception that a request may raise; `requests.RequestException` is an OSError."""

_CUT_OFF = (urllib3_errors.IncompleteRead, http.client.IncompleteRead)


class ResponseTooLong(urllib3_errors.HTTPError):
    """The body of a response exceeds the limit."""


class NotConnected(OSError):
    """No connection was made, so nothing was sent. `__cause__` holds the reason."""


class TooLate(NotConnected):
    """The time in which a request may be sent was over before it was, so nothing was sent."""


def describe_error(error: BaseException, proxy: str | None = None) -> str:
    """Describe an error in a few words, with the name of the proxy that was used.

    The library's own text is not used: it contains whole addresses, with ids and signatures.
    """
    through = f", through the proxy {proxy_name(proxy)}" if proxy else ""
    return f"{_words(list(_chain(error)))}{through}"


def is_cut_off(error: BaseException) -> bool:
    """Return whether an answer ended before the length that its host had announced."""
    return any(isinstance(each, _CUT_OFF) for each in _chain(error))


def proxy_name(proxy: str) -> str:
    """Return a proxy's host and port, without the user name and the password."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "that is set"


def _words(chain: list[BaseException]) -> str:
    if status := next(filter(None, map(_of_a_proxy, chain)), None):
        return f"the proxy refused with HTTP {status}{_REMEDIES_OF_A_PROXY.get(status, '')}"
    for kind, words in _DESCRIPTIONS:
        for error in chain:
            if isinstance(error, kind):
                return words if isinstance(words, str) else words(error)
    return "the connection broke"


def _of_a_proxy(error: BaseException) -> str | None:
    """Return the status with which a proxy refused a connection: `http.client` and httpx tell it in their error's text only."""
    form = r"(\d{3})\b" if type(error).__name__ == "ProxyError" else r"Tunnel connection failed: (\d{3})\b"
    found = re.match(form, str(error))
    return found[1] if found else None


_REMEDIES_OF_A_PROXY = {
    "403": ": it lets nobody through to this host",
    "407": ": it wants a user name and a password, as in http://user:password@host:port",
}


def _certificate_words(error: ssl.SSLCertVerificationError) -> str:
    reason = error.verify_message.rstrip(".")
    hint = "; TLS_CA_FILE names further authorities" if "issuer" in reason or "self-signed" in reason else ""
    return f"its certificate could not be verified: {reason}{hint}"


def _tls_words(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return f"TLS failed: {reason.replace('_', ' ').lower()}" if isinstance(reason, str) and reason else "TLS failed"


_DESCRIPTIONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str | Callable[..., str]], ...] = (
    (ResponseTooLong, "the answer was longer than any honest one"),
    (TooLate, "this program was stopped for too long before it could send its request"),
    ((urllib3_errors.NameResolutionError, socket.gaierror), "its name could not be resolved"),
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLCertVerificationError, _certificate_words),
    (urllib3_errors.NewConnectionError, "no connection could be made"),
    ((urllib3_errors.ConnectTimeoutError, requests.exceptions.ConnectTimeout), "connecting took too long"),
    ((urllib3_errors.TimeoutError, requests.exceptions.Timeout, TimeoutError), "it took too long"),
    (_CUT_OFF, "the answer was cut off"),
    (ssl.SSLError, _tls_words),
    (urllib3_errors.ProxyError, "the proxy did not connect"),
    (ConnectionError, "the connection was closed without an answer"),
    (http.client.HTTPException, "the answer was no HTTP"),
    (urllib3_errors.DecodeError, "the answer could not be unpacked"),
    (requests.exceptions.InvalidURL, "its address is not valid"),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and every error it wraps, except `__context__`, which may be an older, unrelated error."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            waiting += [*cause.args, getattr(cause, "reason", None), getattr(cause, "original_error", None), cause.__cause__]
            yield cause
