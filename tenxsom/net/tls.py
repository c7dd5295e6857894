"""The one TLS context of this process. The libraries it takes are imported when it is first needed."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tenxsom.errors import BadSettings

if TYPE_CHECKING:
    import ssl

_lock = threading.Lock()
_contexts: dict[Path | None, ssl.SSLContext | BadSettings] = {}
"""What came of making one: a file that holds no certificates is not read anew for each of a thousand questions."""


def usual_authorities() -> str:
    """The file of Mozilla's certificate authorities that comes with certifi.

    Found without importing certifi, which would take importlib.resources, zipfile and tempfile along: 30 ms before a tick's
    first question, to learn the name of a file beside it. Where it is not an ordinary package, it is asked all the same.
    A company's own authorities belong into TLS_CA_FILE.
    """
    found = importlib.util.find_spec("certifi")
    path = Path(found.origin).with_name("cacert.pem") if found and found.origin else None
    if path and path.is_file():
        return str(path)
    import certifi

    return certifi.where()


def get_ready(ca_file: Path | None = None) -> None:
    """Begin to make the context, in a thread of its own: most of that time is not Python's.

    Whoever ends meanwhile waits for it, a twentieth of a second: OpenSSL crashes when its tables are cleared while it reads.
    """

    def make() -> None:
        with contextlib.suppress(BadSettings):  # whoever needs the context hears of it
            tls_context(ca_file)

    with contextlib.suppress(RuntimeError):  # no thread to be had: whoever needs the context makes it
        threading.Thread(target=make, name="tls").start()


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The context that trusts the usual authorities and those in `ca_file`; made when it is first needed.

    Making one costs about 34 ms of CPU, and `requests` would make one for every connection. Raises BadSettings for a file
    that holds no certificates.
    """
    with _lock:
        if ca_file not in _contexts:
            _contexts[ca_file] = _made(ca_file)
        context = _contexts[ca_file]
    if isinstance(context, BadSettings):
        raise context
    return context


def _made(ca_file: Path | None) -> ssl.SSLContext | BadSettings:
    import ssl

    context = ssl.create_default_context(cafile=usual_authorities())
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        return BadSettings(f"TLS_CA_FILE names {ca_file}, which holds no certificates in PEM form ({error}).")
    return context
