"""Checks the links that a service returns, and resolves their hosts."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import quote, urljoin, urlsplit

import requests
import urllib3.exceptions

from tenxsom.errors import BrokenMedia
from tenxsom.http.origin import prepared

_LOCAL_NAMES = ("localhost", "local", "internal")
_TARGET = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/*[^/?#]*([^#]*)", re.DOTALL)
_PRINTABLE = "".join(map(chr, range(33, 127)))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 networks that embed IPv4 addresses behind a translator (RFC 6052)."""
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
"""The public addresses of IPv6 (https://www.iana.org/assignments/ipv6-address-space); others may lead inside: `::127.0.0.1`."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UnsafeLink(BrokenMedia):
    """A link that is not allowed: another scheme than http(s), a user name in it, or an address inside our own network."""


def prepare(url: str, headers: dict[str, str], *, local_allowed: bool, method: str = "GET") -> requests.PreparedRequest:
    """Return the request for a link, after checking the address in the form in which it is used.

    Path and query are sent unchanged, because some hosts sign their text; only characters that a request line cannot contain
    (blanks, non-ASCII) are encoded. Raises UnsafeLink.
    """
    try:
        request = prepared(method, url, headers)
        parts = urlsplit(request.url or "")
        host, target, _ = parts.hostname or "", _target(url), parts.port
    except (requests.RequestException, ValueError, urllib3.exceptions.HTTPError):
        raise UnsafeLink("The service gave a link that is no valid address; it is not followed.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnsafeLink("The service gave a link that is no http(s) address; it is not followed.")
    if "@" in parts.netloc:
        raise UnsafeLink(f"The service gave a link to {host} with a user name in it; it is not followed.")
    if is_local(host) and not local_allowed:
        raise _inside(host)
    request.url = f"{parts.scheme}://{parts.netloc}{target}"
    return request


def redirected(url: str, location: str, *, local_allowed: bool) -> str:
    """Return the address of a Location header. Raises UnsafeLink for a redirect from https to http.

    A header in raw UTF-8 is decoded as such, as curl does.
    """
    try:
        target = urljoin(url, quote(location.encode("latin-1", "replace"), safe=_PRINTABLE))
        downgraded = urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http"
    except ValueError:
        raise UnsafeLink("The service redirects to something that is no valid address; it is not followed.") from None
    if downgraded and not local_allowed:
        raise UnsafeLink("The service redirects from https to http, where anybody could change the file; it is not followed.")
    return target


def is_local(host: str) -> bool:
    """Return whether a host name or an IP literal, in any spelling (`127.1`, `0x7f000001`), is on this machine or its network."""
    name = host.lower().strip("[]").rstrip(".")
    address = _literal(name)
    return name.rpartition(".")[2] in _LOCAL_NAMES if address is None else _is_inside(address)


def public_addresses(host: str, port: int) -> list[str]:
    """Resolve a name to all its addresses. Raises UnsafeLink when one of them is inside our own network, and OSError.

    The connection uses these addresses and does not resolve again, so that nothing can change between check and use.
    """
    found = list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    if any(_is_inside(ipaddress.ip_address(text.partition("%")[0])) for text in found):
        raise _inside(host)
    return found


def check_before_proxy(host: str) -> None:
    """Raise UnsafeLink for a name that resolves into our own network, where a proxy could connect for us.

    A name that only the proxy can resolve passes.
    """
    try:
        public_addresses(host, 443)
    except (OSError, UnicodeError):
        pass


def is_inside(service_url: str) -> bool:
    """Return whether a service is itself on this machine or its network, so that its links may point there."""
    host = urlsplit(service_url).hostname or ""
    try:
        check_before_proxy(host)
    except UnsafeLink:
        return True
    return bool(host) and is_local(host)


def _inside(host: str) -> UnsafeLink:
    return UnsafeLink(f"The service gave a link to {host}, which is inside our own network; it is not followed.")


def _target(url: str) -> str:
    """Return path and query of an address, unchanged."""
    found = _TARGET.match(url.strip())
    target = quote(found[1] if found else "", safe=_PRINTABLE)
    return target if target.startswith("/") else f"/{target}"


def _is_inside(address: Address) -> bool:
    """Return whether an address is outside the public internet. An address that embeds another is judged by the embedded one."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return _is_inside(wrapped)
        if address not in _PUBLIC_IPV6:
            return True
    return not address.is_global or address.is_multicast


def _literal(name: str) -> Address | None:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        pass  # not a standard literal; the resolver also knows the old spellings
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None
