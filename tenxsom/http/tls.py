"""The TLS context that all connections of this process share."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import certifi

from tenxsom.errors import BadSettings

_lock = threading.Lock()
_contexts: dict[Path | None, ssl.SSLContext] = {}


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return the context that trusts Mozilla's authorities and those in `ca_file`; it is created once.

    `requests` would create one per connection, at 34 ms of CPU. Raises BadSettings for a file without certificates.
    """
    with _lock:
        if ca_file not in _contexts:
            _contexts[ca_file] = _new_context(ca_file)
        return _contexts[ca_file]


def _new_context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadSettings(f"TLS_CA_FILE names {ca_file}, which holds no certificates in PEM form ({error}).") from None
    # Python 3.13 also wants the extensions of RFC 5280, which the authorities of many companies lack
    # (https://docs.python.org/3/whatsnew/3.13.html#ssl).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
