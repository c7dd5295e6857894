"""JSON that is read strictly: every way in which a document can mean two things, or hurt, gets a sentence.

Refused: byte-order marks and text that is not UTF-8, duplicate keys, NaN and Infinity, nesting and sizes without end, half
surrogates (they could not be written to any file again). No I/O here: callers bring bytes and a name for the messages.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from tenxsom.errors import BadDefinition, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32


def parse_object(data: bytes, source: str, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The JSON object in `data`. Raises BadDefinition, which names `source`, for anything else."""
    text = _decode(data, source, max_bytes)
    try:
        value = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise _bad(source, f"this is no valid JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except _Refused as refused:
        raise _bad(source, str(refused)) from None
    except RecursionError:
        raise _bad(source, f"it is nested too deeply; at most {MAX_DEPTH} levels are read") from None
    except ValueError:
        raise _bad(source, "it holds a number with too many digits") from None
    if not isinstance(value, dict):
        raise _bad(source, f"it must be a JSON object in braces, not {_kind(value)}")
    if _depth(value) > MAX_DEPTH:
        raise _bad(source, f"it is nested too deeply; at most {MAX_DEPTH} levels are read")
    if "\\u" in text and any(_HALF_A_PAIR.search(part) for part in _texts(value)):
        raise _bad(source, "it holds half of a surrogate pair (\\ud800 to \\udfff alone), which no file can store")
    return value


def canonical(value: Any) -> bytes:
    """One spelling of a JSON value, whatever its order of keys: what fingerprints are made from."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def pretty(value: Any) -> bytes:
    """The spelling of all our own JSON files: indented, readable, one newline at the end.

    A service may send half a surrogate pair; it is written as JSON's own escape, because no text in UTF-8 can hold it.
    """
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"


class _Refused(Exception):
    """Carries the sentence of a hook out of the parser; json's own ValueErrors must not be mistaken for it."""


def _decode(data: bytes, source: str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise _bad(source, f"it is larger than {max_bytes // 1024} KiB; a definition is a page, not a book")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _bad(source, "it starts with a byte-order mark; save it as plain UTF-8 without one")
    if not data.strip():
        raise _bad(source, "it is empty; write a job definition into it (see templates/jobs/)")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(source, f"byte {error.start} is not UTF-8; save it as UTF-8") from None
    return text


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _Refused(f"the key {key[:60]!r} appears twice in the same object; keep one")
        result[key] = value
    return result


def _no_constant(name: str) -> Any:
    raise _Refused(f"{name} is not a number; write a real one")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"the number {text[:40]} is too large")
    return value


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        deepest = max(deepest, level)
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting.extend((child, level + 1) for child in children)
    return deepest


_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def _texts(value: Any) -> Iterator[str]:
    """Every key and every text in a JSON value."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _bad(source: str, message: str) -> BadDefinition:
    return BadDefinition(source, [Problem("/", message)])
