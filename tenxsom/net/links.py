"""Links that a service hands out are somebody else's words: what may be followed, and what not."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from tenxsom.net.download import UnsafeLink

_LOCAL_NAMES = ("localhost", "local", "internal")


def prepare(url: str, headers: dict[str, str], *, local_allowed: bool) -> requests.PreparedRequest:
    """A GET for a link, or UnsafeLink. What is judged is the address as it will be used, not as it was written."""
    try:
        request = requests.Request("GET", url, headers=headers).prepare()
        parts = urlsplit(request.url or "")
        host, _ = parts.hostname or "", parts.port
    except (requests.RequestException, ValueError, urllib3.exceptions.HTTPError):
        raise UnsafeLink("The service gave a link that is no valid address; it is not followed.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnsafeLink("The service gave a link that is no http(s) address; it is not followed.")
    if "@" in parts.netloc or "Authorization" in request.headers:
        raise UnsafeLink(f"The service gave a link to {host} with a user name in it; it is not followed.")
    if is_local(host) and not local_allowed:
        raise UnsafeLink(f"The service gave a link to {host}, which is inside our own network; it is not followed.")
    return request


def redirected(url: str, location: str, *, local_allowed: bool) -> str:
    """The address a redirect leads to. Raises UnsafeLink when it would give up encryption on the way."""
    try:
        target = urljoin(url, location)
        downgraded = urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http"
    except ValueError:
        raise UnsafeLink("The service redirects to something that is no valid address; it is not followed.") from None
    if downgraded and not local_allowed:
        raise UnsafeLink("The service redirects from https to http, where anybody could change the file; it is not followed.")
    return target


def is_local(host: str) -> bool:
    """Whether a host name or an IP literal, in any spelling (`127.1`, `0x7f000001`), belongs to this machine or its network."""
    name = host.lower().strip("[]").rstrip(".")
    address = _literal(name)
    if address is None:
        return name.rpartition(".")[2] in _LOCAL_NAMES
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global


def _literal(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        pass  # no standard literal; the resolver also knows the old spellings
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None
