"""Selects the proxy of a request from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as curl reads them.

https://everything.curl.dev/usingcurl/proxies/env.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """Return the proxy for an address, or None. `proxies` has the keys `https`, `http` and `no_proxy`.

    A service on this machine has no proxy: a proxy would receive its token unencrypted.
    """
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme)
    if not proxy:
        return None
    host = (parts.hostname or "").rstrip(".").lower()
    if _is_loopback(host) or _is_excepted(host, _port_of(url), proxies.get("no_proxy", "")):
        return None
    return proxy


def _is_excepted(host: str, port: int | None, no_proxy: str) -> bool:
    return any(_matches(host, port, entry) for entry in no_proxy.lower().replace(",", " ").split())


def _matches(host: str, port: int | None, entry: str) -> bool:
    """Return whether an entry of NO_PROXY matches a host: `*`, a domain, a domain with a port, an address, a network."""
    if entry == "*":
        return True
    name, _, entry_port = entry.rpartition(":")
    if name and entry_port.isdigit() and (":" not in name or name.endswith("]")):
        if int(entry_port) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    address, network = _address(host), _network(entry)
    if address is not None and network is not None:
        return address in network
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    try:
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
