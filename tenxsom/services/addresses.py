"""Whether an address is a vendor's own: what is ordered anywhere else is a rehearsal."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_vendors(url: str | None, domain: str) -> bool:
    """Whether an address (None: the default one) lies within the vendor's domain."""
    host = (urlsplit(url).hostname or "").rstrip(".") if url else domain
    return host == domain or host.endswith(f".{domain}")
