"""Tells a vendor's own addresses from others: an order sent elsewhere is a rehearsal."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_vendors(url: str | None, domain: str) -> bool:
    """Return whether an address (None: the default one) is in the vendor's domain."""
    host = (urlsplit(url).hostname or "").rstrip(".") if url else domain
    return host == domain or host.endswith(f".{domain}")
