"""The transport adapter for `requests`: one shared TLS context, no retries, and one timeout for a whole response.

urllib3 restarts its timeout with every byte, so a service that sends slowly could hold a call for hours. These connections
apply it once to the whole response, or to its head where the body is a download.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
from collections.abc import Callable, Mapping
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError

from tenxsom.clock import Deadline
from tenxsom.errors import BadSettings
from tenxsom.http.proxies import proxy_for
from tenxsom.http.tls import tls_context

CONNECT_SECONDS = 5.0
"""The timeout for connecting, per address of the host; the TLS handshake has the same."""

_AS_WRITTEN = "x-as-written"
"""Carries a request's target past urllib3, which would normalise it. The connection removes this header before sending."""

Resolve = Callable[[str, int], list[str]]
"""Returns the addresses that may be connected to, for a host and a port."""

# urllib3 logs whole addresses: job ids with e-mail addresses in them, links with signatures. Our errors carry what is needed.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Adapter(HTTPAdapter):
    """Sends prepared requests over kept connections, by the proxies and authorities of the settings. Thread-safe.

    `links` resolves the host names of links that a service returns. With `long_bodies` the timeout covers only the head of a
    response; the body may take longer while bytes keep arriving.
    """

    def __init__(
        self,
        pool_size: int = 1,
        *,
        proxies: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
        links: Resolve | None = None,
        long_bodies: bool = False,
    ) -> None:
        self._proxies, self._ca_file, self._links, self._long_bodies = dict(proxies or {}), ca_file, links, long_bodies
        super().__init__(pool_maxsize=pool_size, max_retries=0)

    def proxy_for(self, url: str | None) -> str | None:
        """Return the proxy for an address, or None."""
        return proxy_for(url or "", self._proxies)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our connection classes for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._mount(self.poolmanager, _Pool, _TLSPool, resolve=self._links)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Use our connection classes for connections through a proxy. The proxy resolves the names."""
        if proxy not in self.proxy_manager:
            pools = _socks_pools() if proxy.lower().startswith("socks") else (_Pool, _TLSPool)
            if proxy.lower().startswith("https:"):
                kwargs["proxy_ssl_context"] = tls_context(self._ca_file)
            self._mount(super().proxy_manager_for(proxy, **kwargs), *pools)
        return self.proxy_manager[proxy]

    def _mount(self, manager: Any, plain: type, secure: type, **options: Any) -> None:
        options["head_only"] = self._long_bodies
        manager.pool_classes_by_scheme = {"http": partial(plain, **options), "https": partial(secure, **options)}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Give every pool the shared TLS context."""
        host, options = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            options["ssl_context"] = tls_context(self._ca_file)
        return host, options

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the shared context verifies. The library would load the authorities again for every connection."""

    def forget_connections(self) -> None:
        """Close idle connections; those in use are closed after use."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            manager.clear()


def new_session(adapter: Adapter) -> requests.Session:
    """Return a session for a library that needs one: no environment (proxies, netrc), no cookies, no redirects."""
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def send(adapter: Adapter, request: requests.PreparedRequest, timeout: float) -> requests.Response:
    """Send a request once and return when the head of the response has arrived.

    An adapter without a session follows no redirect, keeps no cookie, and reads no setting from the environment.
    """
    limits = (min(CONNECT_SECONDS, timeout), timeout)
    return adapter.send(request, stream=True, timeout=limits, proxies=proxies_of(adapter.proxy_for(request.url)))


def proxies_of(proxy: str | None) -> dict[str, str]:
    """Return a proxy in the form that `requests` expects."""
    return {"all": proxy} if proxy else {}


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002  (the session follows no redirect)
        """Return None: the library would parse the address even where redirects are off, and fail on an invalid one."""
        return


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a deadline; after `release` every read has the socket's own timeout again."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock, self._timeout = raw, sock, sock.gettimeout()
        self._deadline = None if self._timeout is None else Deadline(self._timeout)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline:
            left = self._deadline.left()
            if left <= 0:
                raise TimeoutError("the time for this answer is used up")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def release(self) -> None:
        self._deadline = None
        self._sock.settimeout(self._timeout)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response whose timeout covers all of it, or its head."""

    def __init__(self, sock: socket.socket, *args: Any, head_only: bool, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._head_only = head_only
        self._reader = _TimedReader(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the head of the final response.

        The standard library skips a 100 but takes 103 (Early Hints) for the final response, and would leave the real one in a
        reused connection, where the next call would read it (RFC 9110 §15.2).
        """
        super().begin()
        while 102 <= self.status <= 199:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        if self._head_only:
            self._reader.release()


class _Connection(HTTPConnection):
    """A connection with one timeout for the whole response, which sends request targets unchanged."""

    def __init__(self, *args: Any, resolve: Resolve | None = None, head_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._resolve = resolve
        self.response_class = partial(_Response, head_only=head_only)  # type: ignore[assignment]

    def request(self, method: str, url: str, body: Any = None, headers: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        sent = dict(headers or {})
        super().request(method, sent.pop(_AS_WRITTEN, url), body, sent, **kwargs)

    def _new_conn(self) -> socket.socket:
        """Connect to an address that was checked, so that the name cannot resolve to another one between check and use."""
        if self._resolve is None:
            return super()._new_conn()
        name = self._dns_host
        try:
            addresses = self._resolve(name, self.port)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(name, self, socket.gaierror(str(error))) from error
        trouble: HTTPError = NameResolutionError(name, self, socket.gaierror("no address"))
        for address in addresses:
            self._dns_host = address
            try:
                return super()._new_conn()
            except HTTPError as error:
                trouble = error
            finally:
                self._dns_host = name
        raise trouble


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _AsWritten:
    """A pool that sends request targets unchanged: where a link is signed, another spelling would not match the signature."""

    def urlopen(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        kwargs["headers"] = {**(kwargs.get("headers") or {}), _AS_WRITTEN: url}
        return super().urlopen(method, url, *args, **kwargs)  # type: ignore[misc]


class _Pool(_AsWritten, HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(_AsWritten, HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _socks_pools() -> tuple[type, type]:
    """Return our pool classes over SOCKS. Raises BadSettings where its library is not installed."""
    try:
        from urllib3.contrib import socks
    except ImportError:
        raise BadSettings(
            "The proxy that is set speaks SOCKS, which needs one more package: run `pip install 'requests[socks]'`."
        ) from None

    class SOCKSConnection(_Connection, socks.SOCKSConnection):
        pass

    class SOCKSTLSConnection(SOCKSConnection, _TLSConnection):
        pass

    class SOCKSPool(_Pool):
        ConnectionCls = SOCKSConnection

    class SOCKSTLSPool(_TLSPool):
        ConnectionCls = SOCKSTLSConnection

    return SOCKSPool, SOCKSTLSPool
