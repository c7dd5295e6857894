"""The wire: connections that record in the running `Call` how far it has come, and that end it in time."""

from __future__ import annotations

import http.client
import io
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

from tenxsom.net.call import CONNECT_SECONDS, Call, Phase, running, running_call
from tenxsom.net.tls import tls_context

__all__ = ["CONNECT_SECONDS", "NO_RETRIES", "Call", "Phase", "ReportingConnection", "WireAdapter", "running", "send", "tls_context"]

NO_RETRIES = Retry(0, read=False)
"""Whether to try again is our callers' decision; the library below never tries anything twice."""

# urllib3 logs whole addresses: job ids with e-mail addresses in them, links with signatures. Our errors say what matters.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class _TimedReader(io.RawIOBase):
    """The reading end of a socket that asks the call, before every read, how long it may still wait."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, call: Call) -> None:
        self._raw, self._sock, self._call = raw, sock, call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._call.time_to_read())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        call = running_call()
        if call is not None:
            self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, call))

    def begin(self) -> None:
        """Read the head of the final answer.

        The standard library skips a 100 but takes 103 (Early Hints) for the answer, and would leave the real one in a kept
        connection, where the next call would read it as its own (RFC 9110 §15.2).
        """
        super().begin()
        while 102 <= self.status <= 199:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class ReportingConnection(HTTPConnection):
    """A connection that tells the running call how far it is, and keeps to that call's time."""

    response_class = _TimedResponse

    def connect(self) -> None:
        call = running_call()
        if call is not None:
            call.connecting()
        super().connect()
        if call is not None:
            call.connected()

    def send(self, data: Any) -> None:
        # urllib3 would send the whole body, an upload of megabytes too, within the time-out for connecting.
        if self.sock is None:
            self.connect()
        call = running_call()
        if call is not None:
            self.sock.settimeout(call.time_to_send())
        super().send(data)


class ReportingTLSConnection(ReportingConnection, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = ReportingConnection


class TLSPool(HTTPSConnectionPool):
    ConnectionCls = ReportingTLSConnection


class WireAdapter(HTTPAdapter):
    """The adapter of the real network: connections that report, one shared TLS context, no retries of its own."""

    def __init__(self, pool_size: int = 1, tls: Callable[[], ssl.SSLContext] = tls_context) -> None:
        self._tls = tls
        super().__init__(pool_connections=max(4, min(pool_size, 16)), pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TLSPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": PlainPool, "https": TLSPool}
        return manager

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: str | tuple[str, str] | None = None
    ) -> Any:
        host, options = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            options["ssl_context"] = self._tls()
        return host, options

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the shared context verifies. The library would load the bundle into it again for every connection."""


def send(
    adapter: HTTPAdapter, request: PreparedRequest, *, connect_seconds: float, read_seconds: float, proxies: Mapping[str, str]
) -> requests.Response:
    """Send one request over `adapter` and return when the head of the answer is there. The caller closes the response.

    There is no `requests.Session` above it on purpose: no cookies, no netrc, no environment, no redirects, nothing to turn off.
    """
    timeout = (connect_seconds, read_seconds)
    return adapter.send(request, stream=True, timeout=timeout, verify=True, cert=None, proxies=dict(proxies))
