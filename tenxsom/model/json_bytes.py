"""JSON as the bytes of a state file, by orjson: it writes ten times as fast as the standard library, which a long tick feels.

Loading it costs as much as it saves in reading a thousand texts, and a tick reads its first jobs before it asks its first
question. So it is loaded with the first text that is written, or when many are read; `get_ready` is for whoever has time now.

What orjson would refuse or round and a state may hold all the same, the standard library writes and reads: half a surrogate pair
that a service sent, a whole number beyond 64 bits. NaN and infinity, which JSON does not have, are written as null.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

FEW = 1000
"""What orjson saves in reading so many texts is what loading it costs."""
_read = 0

MOST_READABLE_BYTES = 1024 * 1024
"""Larger texts are nobody's to read, and indentation can make many megabytes of deeply nested ones."""

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 19
"""So many digits in a row may be more than 64 bits, of which orjson would make a float."""


def get_ready() -> None:
    """Load orjson now."""
    import orjson  # noqa: F401


def encode(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """The text of a file: indented, with a newline at its end. What is no JSON of its own is asked for with `default`.

    Half a surrogate pair is written as JSON's own escape, because no text in UTF-8 can hold it.
    """
    import orjson

    plain = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS
    try:
        data = orjson.dumps(value, default, plain | orjson.OPT_INDENT_2)
        return data if len(data) <= MOST_READABLE_BYTES else orjson.dumps(value, default, plain)
    except TypeError as error:
        if error.__cause__ and not isinstance(error.__cause__, Exception):
            raise error.__cause__ from None  # a stop, while `default` was asked
        return json.dumps(value, ensure_ascii=False, default=default).encode("utf-8", "backslashreplace") + b"\n"


def decode(data: bytes) -> Any:
    """The value in the bytes of a file. Raises ValueError, which says what is wrong, or RecursionError."""
    global _read
    if _read < FEW and "orjson" not in sys.modules:
        _read += 1
        return json.loads(data)
    if _LONG_NUMBER in data.translate(_DIGITS):
        return json.loads(data)
    import orjson

    try:
        return orjson.loads(data)
    except ValueError:
        return json.loads(data)
