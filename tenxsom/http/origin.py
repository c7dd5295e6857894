"""Builds requests to one service and keeps its headers, including the token, to its own origin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from tenxsom import __version__
from tenxsom.errors import ServiceRefused

USER_AGENT = f"tenxsom-ai/{__version__}"

PLAIN_HEADERS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
"""The headers of requests to links, which get none of a service's own."""

_COMMON_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json, */*;q=0.5", "Accept-Encoding": "gzip"}
"""The headers of every request to a service's API."""
_WHOLE_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SECRET_NAME = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
_STANDARD_PORTS = {"http": 80, "https": 443}


class Origin:
    """Builds the requests to one service. Its headers go to that service's own origin only.

    Raises ValueError for a base URL or a header that cannot work; the message never holds the header's value.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], *, name: str) -> None:
        self.base_url = _checked_base_url(base_url)
        self._headers = _checked_headers(headers)
        self._name = name
        self.secrets = _secrets(self._headers)

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any) -> requests.PreparedRequest:
        """Return a prepared request. `content` is passed to `requests` (`params`, `json`, `data`).

        `path` is joined to the base URL. A GET may also name an absolute URL elsewhere, which gets none of our headers.
        Raises ServiceRefused for an absolute URL that is not plain http(s).
        """
        is_whole = _WHOLE_ADDRESS.match(path) is not None
        at_home = not is_whole or _origin_of(path) == _origin_of(self.base_url)
        if method != "GET" and not at_home:
            raise ValueError(f"A {method} may only go to the origin of {self._name}'s base URL.")
        if not at_home and _origin_of(path) is None:
            raise ServiceRefused(f"{self._name} gave an address that is no plain http(s) address; it is not asked.")
        url = path if is_whole else f"{self.base_url}/{path.removeprefix('/')}"
        ours = self._headers if at_home else {}
        return prepared(method, url, {**_COMMON_HEADERS, **ours, **(headers or {})}, **content)


def prepared(
    method: str, url: str, headers: Mapping[str, str], *, params: Any = None, json: Any = None, data: bytes | None = None
) -> requests.PreparedRequest:
    """Return a request without cookies, credentials of the environment, and hooks, which the library's own way prepares too."""
    request = requests.PreparedRequest()
    request.prepare_method(method)
    request.prepare_url(url, params)
    request.prepare_headers(headers)
    request.prepare_body(data, None, json)
    return request


def _origin_of(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an http(s) address without user info; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _STANDARD_PORTS or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    return parts.scheme, parts.hostname, port or _STANDARD_PORTS[parts.scheme]


def _checked_base_url(base_url: str) -> str:
    if _origin_of(base_url) is None or "?" in base_url or "#" in base_url:
        raise ValueError("The base URL must be a plain http(s) address without user name, query or fragment.")
    return base_url.rstrip("/")


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Check names and values here, because the library's own error would repeat the value, which may be the token."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError("The name of a header holds characters that no such name may hold.")
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise ValueError(f"The header {name} holds characters that no header may hold (a line break, a space at an end, …).")
    return dict(headers)


def _secrets(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return what no message may contain: the values of secret headers, with and without their scheme (`Bearer`)."""
    values = [value for name, value in headers.items() if _SECRET_NAME.search(name)]
    return tuple(text for value in values for text in (value, value.partition(" ")[2]) if len(text) >= 6)
