"""The one TLS context of this process. The libraries it takes are imported when it is first needed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tenxsom.errors import BadSettings

if TYPE_CHECKING:
    import ssl

_lock = threading.Lock()
_contexts: dict[Path | None, ssl.SSLContext] = {}


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The context that trusts the usual authorities and those in `ca_file`; made when it is first needed.

    Making one costs about 34 ms of CPU, and `requests` would make one for every connection. Raises BadSettings for a file
    that holds no certificates.
    """
    with _lock:
        if ca_file not in _contexts:
            import ssl

            import certifi

            context = ssl.create_default_context(cafile=certifi.where())
            try:
                if ca_file:
                    context.load_verify_locations(ca_file)
            except (OSError, ssl.SSLError) as error:
                raise BadSettings(f"TLS_CA_FILE names {ca_file}, which holds no certificates in PEM form ({error}).") from None
            _contexts[ca_file] = context
        return _contexts[ca_file]
