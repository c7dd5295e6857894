"""JSON as the bytes of a state file, by orjson: ten times as fast as the standard library, which a tick over a thousand jobs feels.

What orjson refuses and a state may hold all the same, the standard library writes and reads: half a surrogate pair that a service
sent, a number beyond 64 bits, NaN.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson

_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS


def encode(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """The text of a file: indented, with a newline at its end. What is no JSON of its own is asked for with `default`.

    Half a surrogate pair is written as JSON's own escape, because no text in UTF-8 can hold it.
    """
    try:
        return orjson.dumps(value, default, _READABLE)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=default)
        return text.encode("utf-8", "backslashreplace") + b"\n"


def decode(data: bytes) -> Any:
    """The value in the bytes of a file. Raises ValueError, which says what is wrong, or RecursionError."""
    try:
        return orjson.loads(data)
    except ValueError:
        return json.loads(data)
