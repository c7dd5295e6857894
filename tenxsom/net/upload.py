"""Uploads to a signed link: a service names an address at some storage host and the headers that belong to it.

The link carries its own permission: nothing of ours goes there but the bytes. What is followed is judged as for downloads, and
more strictly: https only (unless the service itself is on this machine or its network), and no redirect at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from tenxsom import clock
from tenxsom.errors import ServiceDown, ServiceRefused
from tenxsom.net import call as calls
from tenxsom.net import links, wire
from tenxsom.net.answer import Answer
from tenxsom.net.client import USER_AGENT
from tenxsom.net.download import UnsafeLink
from tenxsom.net.trouble import WIRE_ERRORS, phrase

__all__ = ["Uploader"]

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MOST_HEADERS, _LONGEST_VALUE = 30, 4096
_OURS = {"connection", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive", "cookie", "authorization"}
"""Headers that frame a request or carry credentials: no service has a say in them. `proxy-…` neither."""
_EXPLANATION_BYTES = 4096


class Uploader:
    """Sends files where one service says. One object serves all threads of a process; every upload has a fresh connection."""

    def __init__(
        self,
        adapter_factory: Callable[[], HTTPAdapter] | None = None,
        proxies: Mapping[str, str] | None = None,
        *,
        service_url: str = "",
        user_agent: str = USER_AGENT,
        ca_file: Path | None = None,
    ) -> None:
        """`service_url` is the base URL of the service that hands out the links."""
        self._adapter_factory = adapter_factory or partial(wire.WireAdapter, tls=partial(wire.tls_context, ca_file))
        self._proxies = dict(proxies or {})
        self._local_allowed = links.is_local(urlsplit(service_url).hostname or "")
        self._user_agent = user_agent

    def put(self, url: str, data: bytes, headers: Mapping[str, str], *, timeout: float = 60, deadline_seconds: float = 300) -> None:
        """PUT `data` to `url` with exactly these headers; returns when the host has taken it. Free, and tried once.

        Raises UnsafeLink: the address or a header is not followed; ServiceRefused: the host's certain no (every 3xx, and every 4xx
        but 408 and 429); ServiceDown: passing trouble, or the time ran out: ask the service for another link.
        """
        request = self._prepare(url, data, headers)
        host = urlsplit(url).hostname
        call = wire.Call(timeout, clock.Deadline(deadline_seconds))
        connect = min(calls.CONNECT_SECONDS, timeout)
        try:
            with closing(self._adapter_factory()) as fresh, wire.running(call):
                fresh.max_retries = wire.NO_RETRIES
                response = wire.send(fresh, request, connect_seconds=connect, read_seconds=timeout, proxies=self._proxies)
                with closing(response):
                    _judge(response, str(host))
        except WIRE_ERRORS as error:
            raise ServiceDown(f"The upload to {host} did not get through ({phrase(error)}); it will be tried again.") from None

    def _prepare(self, url: str, data: bytes, headers: Mapping[str, str]) -> requests.PreparedRequest:
        request = links.prepare(url, {}, local_allowed=self._local_allowed)
        parts = urlsplit(request.url or "")
        if parts.scheme != "https" and not self._local_allowed:
            raise UnsafeLink(f"The service wants an upload to {parts.hostname} without encryption; it is not sent.")
        request.prepare_method("PUT")
        request.prepare_body(data, None)
        common = {"User-Agent": self._user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        request.headers.update(common | _checked(headers, parts.netloc, len(data)))
        return request


def _checked(headers: Mapping[str, str], host: str, size: int) -> dict[str, str]:
    """The service's headers, without those that every request has anyway. Raises UnsafeLink for what no upload needs."""
    known = {"host": host.lower(), "content-length": str(size)}
    kept = {}
    for name, value in headers.items():
        small = str(name).lower()
        is_text = isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()
        if not _NAME.fullmatch(str(name)) or not is_text or len(value) > _LONGEST_VALUE:
            raise UnsafeLink("The service wants an upload with a header that is none; it is not sent.")
        if small in _OURS or small.startswith("proxy-") or (small in known and value.lower() != known[small]):
            raise UnsafeLink(f"The service wants an upload with a header {name} that is not its business; it is not sent.")
        if small not in known:
            kept[name] = value
    if len(headers) > _MOST_HEADERS:
        raise UnsafeLink(f"The service wants an upload with {len(headers)} headers; it is not sent.")
    return kept


def _judge(response: requests.Response, host: str) -> None:
    """Return for a 2xx. The host's own words, where there are any, are part of the complaint."""
    status = response.status_code
    if 200 <= status <= 299:
        return
    told = f"HTTP {status}: {_explanation(response)}".removesuffix(": ")
    if status in (408, 425, 429) or status >= 500 or status < 200:
        wait = Answer(status, response.headers, b"").retry_after()
        raise ServiceDown(f"{host} could not take the upload now ({told}); it will be tried again.", wait)
    raise ServiceRefused(f"{host} refuses the upload ({told}).", status)


def _explanation(response: requests.Response) -> str:
    try:
        body = response.raw.read(_EXPLANATION_BYTES, decode_content=True)
    except WIRE_ERRORS:
        return ""  # a refusal is certain without the text that explains it
    answer = Answer(response.status_code, response.headers, body)
    said = re.search(rb"<Message>([^<]{1,500})</Message>", body)  # https://cloud.google.com/storage/docs/xml-api/reference-status
    return answer.presentable(said[1].decode("utf-8", "replace")) if said else answer.error_text()
