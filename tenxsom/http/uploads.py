"""Uploads a file to a signed link: the service names an address at a storage host and the headers to send.

The link carries its own permission, so none of our headers go there. Links are checked as for downloads, and more strictly:
https only (unless the service itself is on this machine or its network), and no redirects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tenxsom.errors import ServiceDown, ServiceRefused
from tenxsom.http import links
from tenxsom.http.answer import Answer
from tenxsom.http.connections import Adapter
from tenxsom.http.errors import CONNECTION_ERRORS, describe_error
from tenxsom.http.links import UnsafeLink
from tenxsom.http.origin import PLAIN_HEADERS
from tenxsom.http.paid import Reply, send_once

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MOST_HEADERS, _LONGEST_VALUE = 30, 4096
_OURS = {"connection", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive", "cookie", "authorization"}
"""Headers that frame a request or carry credentials, which a service may not set; nor may it set `proxy-…`."""


class Uploader:
    """Uploads files to the links of one service. Thread-safe; every upload has a new connection."""

    def __init__(
        self,
        proxies: Mapping[str, str] | None = None,
        *,
        service_url: str = "",
        ca_file: Path | None = None,
    ) -> None:
        """`service_url` is the base URL of the service that returns the links."""
        self._adapter = Adapter(proxies=proxies, ca_file=ca_file, links=self._addresses)
        self._service_url = service_url

    def put(self, url: str, data: bytes, headers: Mapping[str, str], *, timeout: float = 300) -> None:
        """PUT `data` to `url` with exactly these headers and return when the host has accepted it. Free; sent once.

        Raises UnsafeLink: the address or a header is not allowed; ServiceRefused: a certain refusal (every 3xx, and every 4xx
        but 408 and 429); ServiceDown: a transient error, or `timeout` ran out: ask the service for another link.
        """
        request = self._prepare(url, data, headers)
        host = str(urlsplit(request.url or "").hostname)
        proxy = self._adapter.proxy_for(request.url)
        if proxy and not self._local_allowed:
            links.check_before_proxy(host)
        try:
            _judge(send_once(self._adapter, request, timeout), host)
        except CONNECTION_ERRORS as error:
            words = describe_error(error, proxy)
            raise ServiceDown(f"The upload to {host} did not get through ({words}); it will be tried again.") from None

    @cached_property
    def _local_allowed(self) -> bool:
        return links.is_inside(self._service_url)

    def _addresses(self, host: str, port: int) -> list[str]:
        return [host] if self._local_allowed else links.public_addresses(host, port)

    def _prepare(self, url: str, data: bytes, headers: Mapping[str, str]) -> requests.PreparedRequest:
        request = links.prepare(url, {}, local_allowed=self._local_allowed, method="PUT")
        parts = urlsplit(request.url or "")
        if parts.scheme != "https" and not self._local_allowed:
            raise UnsafeLink(f"The service wants an upload to {parts.hostname} without encryption; it is not sent.")
        request.prepare_body(data, None)
        request.headers.update(PLAIN_HEADERS | _checked(headers, parts.netloc, len(data)))
        return request


def _checked(headers: Mapping[str, str], host: str, size: int) -> dict[str, str]:
    """Return the service's headers without those that every request has. Raises UnsafeLink for a header that is not allowed."""
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


def _judge(reply: Reply, host: str) -> None:
    """Return for a 2xx, else raise with the host's own message."""
    status = reply.status
    if 200 <= status <= 299:
        return
    answer = Answer(*reply)
    told = f"HTTP {status}: {_explanation(answer)}".removesuffix(": ")
    if status in (408, 425, 429) or status >= 500 or status < 200:
        raise ServiceDown(f"{host} could not take the upload now ({told}); it will be tried again.", answer.retry_after())
    raise ServiceRefused(f"{host} refuses the upload ({told}).", status)


def _explanation(answer: Answer) -> str:
    said = re.search(
        rb"<Message>([^<]{1,500})</Message>", answer.body
    )  # https://cloud.google.com/storage/docs/xml-api/reference-status
    return answer.presentable(said[1].decode("utf-8", "replace")) if said else answer.error_text()
