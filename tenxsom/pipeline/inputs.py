"""Reading what a command is given: a file, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from tenxsom.errors import BadInput

MAX_INPUT_BYTES = 2 * 1024 * 1024


def read_input(name: str) -> bytes:
    """The bytes of a file, or of standard input for `-`. Raises BadInput with a sentence when it cannot be read."""
    if name == "-" and sys.stdin is None:
        raise BadInput("standard input is closed; name a file instead of -.")
    if name == "-":
        return sys.stdin.buffer.read(MAX_INPUT_BYTES)
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_INPUT_BYTES)
    except FileNotFoundError:
        raise BadInput(f"{name}: there is no such file.") from None
    except OSError as error:
        raise BadInput(f"{name}: it cannot be read ({error.strerror}).") from None
