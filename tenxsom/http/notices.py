"""Sends a small notice to an address of the user's own: a webhook, a check of a dead-man's switch. Once, and without redirects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tenxsom.errors import ServiceDown
from tenxsom.http.answer import Answer
from tenxsom.http.connections import Adapter
from tenxsom.http.errors import CONNECTION_ERRORS, describe_error
from tenxsom.http.origin import USER_AGENT, prepared
from tenxsom.http.paid import send_once

MOST_ANSWER_BYTES = 100_000
"""What a receiver answers is not needed; a longer answer than this is none."""


class Poster:
    """Posts notices, each over a connection of its own, by the proxies and certificates of the settings."""

    def __init__(self, proxies: Mapping[str, str], ca_file: Path | None) -> None:
        self._adapter = Adapter(proxies=proxies, ca_file=ca_file)

    def post(self, url: str, data: bytes, headers: Mapping[str, str], *, timeout: float) -> None:
        """Post `data` to `url`, within `timeout` seconds after connecting (which takes at most as long).

        Raises ServiceDown, without the address, when it does not answer with a 2xx; with `retry_after` where the receiver names it.
        """
        request = prepared("POST", url, {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}, data=data)
        try:
            status, answered, body = send_once(self._adapter, request, timeout, max_bytes=MOST_ANSWER_BYTES)
        except CONNECTION_ERRORS as error:
            raise ServiceDown(f"it could not be reached ({describe_error(error, self._adapter.proxy_for(request.url))})") from None
        if 300 <= status <= 399:
            raise ServiceDown(f"it answers with a redirect (HTTP {status}), which is not followed; set the final address")
        if not 200 <= status <= 299:
            pause = Answer(status, answered, body).retry_after()
            raise ServiceDown(f"it answers with HTTP {status}", pause)


def host_of(url: str) -> str:
    """Return an address's host and port, for messages: its path may be a secret."""
    return urlsplit(url).netloc.rpartition("@")[2]
