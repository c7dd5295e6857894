"""Makes standard output and standard error ignore write errors.

A log on a full disk (`2>> submit.log`), a pipe whose reader has gone, a closed terminal: each makes `print` raise, and Python
ends with exit code 120 when the last flush fails. The work and its exit code do not depend on that.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class Unfailing:
    """A text stream that stores write errors in `trouble` instead of raising them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.trouble: Exception | None = None

    def write(self, text: str) -> int:
        """Write the text; return its length even after an error."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self.trouble = error
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self.trouble = error

    def reconfigure(self, **options: Any) -> None:
        """Change the encoding, where the stream has one, after a flush."""
        self.flush()
        if isinstance(self._stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):
                self._stream.reconfigure(**options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def unfailing_output() -> Iterator[None]:
    """Ignore errors of printing and logging in a block; at its end the buffers are written or dropped."""
    _open_closed_descriptors()
    real = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stdout, sys.stderr = (cast(TextIO, Unfailing(stream or nowhere)) for stream in real)
        try:
            yield
        finally:
            for stream in filter(None, real):
                _drain(stream)
            sys.stdout, sys.stderr = real


def _open_closed_descriptors() -> None:
    """Open the null device for every closed standard stream: the next opened file would get its descriptor and its output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _drain(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            stream.flush()
