"""The wire: connections that know how far a call has come, and that end it in time.

urllib3 reports a broken TLS handshake and a broken answer by the same exceptions, and for a call that costs money the
difference is everything: after the first the request was certainly not sent, after the second nobody knows. So our
connections keep the record themselves, in a `Call` that belongs to the calling thread. The same record carries the
deadline, because urllib3's time-outs start anew with every byte: a service that drips could hold a call for hours.
"""

from __future__ import annotations

import enum
import http.client
import io
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

from tenxsom.clock import Deadline
from tenxsom.errors import BadSettings

CONNECT_SECONDS = 5.0
"""How long making a connection may take, per address of the host; the TLS handshake has the same time."""

NO_RETRIES = Retry(0, read=False)
"""Whether to try again is our callers' decision; the library below never tries anything twice."""

# urllib3 logs whole addresses: job ids with e-mail addresses in them, links with signatures. Our errors say what matters.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Phase(enum.Enum):
    """How far a call has come. Only CONNECTED means that bytes of the request may have left."""

    UNSEEN = "no connection of ours was asked for"
    CONNECTING = "a connection was being made, with its TLS handshake and its proxy tunnel"
    CONNECTED = "the connection stood, the request was on its way"


class Call:
    """One HTTP call of one thread: how far it came, how long it may hear nothing, and when it must be over."""

    def __init__(self, silence_seconds: float, deadline: Deadline) -> None:
        self.phase = Phase.UNSEEN
        self._silence_seconds = silence_seconds
        self._deadline = deadline

    def connecting(self) -> None:
        if self.phase is Phase.UNSEEN:
            self.phase = Phase.CONNECTING

    def connected(self) -> None:
        self.phase = Phase.CONNECTED

    def time_to_send(self) -> float:
        """Seconds in which the request has to be out. Raises TimeoutError when there are none left."""
        left = self._deadline.left()
        if left <= 0:
            raise TimeoutError("the time of this call is used up")
        return left

    def time_to_read(self) -> float:
        """Seconds in which the next bytes have to come. Raises TimeoutError when there are none left."""
        return min(self.time_to_send(), self._silence_seconds)


_thread = threading.local()


@contextmanager
def running(call: Call) -> Iterator[Call]:
    """Make `call` the one that this thread's connections report to and take their time limits from."""
    _thread.call = call
    try:
        yield call
    finally:
        _thread.call = None


def _running_call() -> Call | None:
    return getattr(_thread, "call", None)


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
        call = _running_call()
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
        call = _running_call()
        if call is not None:
            call.connecting()
        super().connect()
        if call is not None:
            call.connected()

    def send(self, data: Any) -> None:
        # urllib3 would send the whole body, an upload of megabytes too, within the time-out for connecting.
        if self.sock is None:
            self.connect()
        call = _running_call()
        if call is not None:
            self.sock.settimeout(call.time_to_send())
        super().send(data)


class ReportingTLSConnection(ReportingConnection, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = ReportingConnection


class TLSPool(HTTPSConnectionPool):
    ConnectionCls = ReportingTLSConnection


_tls_lock = threading.Lock()
_tls_contexts: dict[Path | None, ssl.SSLContext] = {}


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The one TLS context of this process that trusts the usual authorities and those in `ca_file`; made when it is first needed.

    Making one costs about 34 ms of CPU, and `requests` would make one for every connection. Raises BadSettings for a file
    that holds no certificates.
    """
    with _tls_lock:
        if ca_file not in _tls_contexts:
            context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
            try:
                if ca_file:
                    context.load_verify_locations(ca_file)
            except (OSError, ssl.SSLError) as error:
                raise BadSettings(f"TLS_CA_FILE names {ca_file}, which holds no certificates in PEM form ({error}).") from None
            _tls_contexts[ca_file] = context
        return _tls_contexts[ca_file]


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
