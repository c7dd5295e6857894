"""Parses JSON strictly: an ambiguous or harmful document is refused with one sentence.

Accepted although not standard JSON, because the meaning is clear: byte-order marks, UTF-16 and UTF-32, and other blanks outside
of texts (Windows editors and input methods write them). Refused: other encodings, duplicate keys, NaN and Infinity, excessive
nesting and size, half surrogates (which cannot be written to a file). No I/O: callers pass bytes and a name for the messages.
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
    """Parse the JSON object in `data`. Raises BadDefinition, which names `source`, for anything else."""
    text = _decode(data, source, max_bytes)
    try:
        value = _loads(text)
    except json.JSONDecodeError as error:
        if kind := next((kind for kind, form in _OTHER_FORMS.items() if form.match(text)), ""):
            raise _bad(source, f"this is {kind}, not JSON; see templates/jobs/ for definitions to begin with") from None
        raise _bad(source, f"this is no valid JSON: {_complaint(error)} in {_place_of(error)}") from None
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
    """Return a JSON value in one canonical form, independent of the order of keys, for fingerprints."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def pretty(value: Any) -> bytes:
    """Return a JSON value in the form of our files: indented, with a newline at the end.

    Half of a surrogate pair, which a service may send and UTF-8 cannot encode, is written as a JSON escape.
    """
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"


class _Refused(Exception):
    """The error of a parser hook, distinct from json's own ValueErrors."""


def _decode(data: bytes, source: str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise _bad(source, f"it is larger than {max_bytes // 1024} KiB; a definition is a page, not a book")
    if not data.strip():
        raise _bad(source, "it is empty; write a job definition into it (see templates/jobs/)")
    for beginning, kind in _OTHER_FILES.items():
        if data.startswith(beginning):
            raise _bad(source, f"this is {kind}, not JSON; save the definition as plain text in UTF-8")
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _bad(source, f"byte {error.start} is not {encoding.removesuffix('-sig').upper()}; save it as UTF-8") from None


_OTHER_FILES = {
    b"{\\rtf": "a rich-text document",
    b"PK\x03\x04": "a word processor's document, a workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old word processor's document",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a web page or XML",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"RIFF": "a picture or a recording",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"bplist": "a property list",
    b"```": "Markdown, with its fences (```) around the definition",
}
"""File formats that are sometimes saved by mistake, by their first bytes."""


_OTHER_FORMS = {
    "YAML": re.compile(r"\s*(?:---\s*$|(?:#.*\n\s*)*[A-Za-z_][\w-]*:(?:[ \t]|$))", re.MULTILINE),
    "TOML or an INI file": re.compile(r"\s*(?:#.*\n\s*)*(?:\[[A-Za-z_][\w.-]*\]\s*$|[A-Za-z_][\w-]*[ \t]*=)", re.MULTILINE),
    "JSON inside a call (JSONP)": re.compile(r"\s*[A-Za-z_$][\w$.]*\("),
}
"""What other texts begin like, by the name of their format."""


def _loads(text: str) -> Any:
    """Parse the text; where that fails, replace the blanks that JSON does not know, and parse again."""
    hooks: dict[str, Any] = {"object_pairs_hook": _no_duplicates, "parse_constant": _no_constant, "parse_float": _finite}
    try:
        return json.loads(text, **hooks)
    except json.JSONDecodeError:
        plain = _BLANK_OR_TEXT.sub(lambda found: found[0] if found[0][0] == '"' else " " * len(found[0]), text)
        if plain == text:
            raise
        return json.loads(plain, **hooks)


_BLANK_OR_TEXT = re.compile(
    r'"(?:[^"\\]|\\.)*"|[\x00\x0b\x0c\x1a\x85\u00a0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]+', re.DOTALL
)
_WIDE_MARKS = dict(zip("｛｝［］：，＂", '{}[]:,"', strict=True))
_CURLY = "“”„‟″«»‘’‚‛"
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟″", '"'))


def _place_of(error: json.JSONDecodeError) -> str:
    """Return where a mistake is: for a comma behind the last entry that of the comma, which Python 3.12 and earlier pass."""
    text, at = error.doc, error.pos
    if _is_trailing_comma(error):
        at = text.rfind(",", 0, at + 1)
    column = f"column {at - text.rfind(chr(10), 0, at)}"
    return f"line {text.count(chr(10), 0, at) + 1}, {column}" if "\n" in text else column


def _is_trailing_comma(error: json.JSONDecodeError) -> bool:
    text, at = error.doc, error.pos
    return (text[at : at + 1] in ("}", "]") and text[:at].rstrip()[-1:] == ",") or error.msg.startswith("Illegal trailing comma")


def _complaint(error: json.JSONDecodeError) -> str:
    """Return the problem where the parser stopped, by the name of the usual mistake."""
    text, at = error.doc, error.pos
    found = text[at : at + 1]
    word = re.match(r"(?:True|False|None)\b", text[at:])
    mistakes = (
        (found and found in _CURLY, f'the curly quote {found} stands where JSON wants a straight one (")'),
        (_is_json(text.translate(_STRAIGHT)), 'a text begins or ends with a curly quote, and JSON wants a straight one (")'),
        (found in _WIDE_MARKS, f"the full-width {found} stands where JSON wants {_WIDE_MARKS.get(found)}"),
        (found == "'", "a single quote (') stands where JSON wants a double one (\")"),
        (_is_trailing_comma(error), "a comma stands behind the last entry; remove it"),
        (at >= len(text.rstrip()), "it ends too early: a brace, a bracket or a quote is never closed"),
        (error.msg.startswith("Unterminated"), "the text that begins here has no quote at its end"),
        (_is_odd_number(text, at), "a number is written in a way that JSON does not know; write it like 15 or 1.5"),
        (found in ("/", "#"), "there is a comment, which JSON does not know; remove it"),
        (word, f"{word and word[0]} is Python's word; write true, false or null"),
        (error.msg.startswith("Invalid control"), "a text holds a line break or a tab; write \\n or \\t, or keep it on one line"),
        (error.msg.startswith("Invalid \\"), "a text holds a single backslash; write two of them"),
    )
    return next((sentence for is_it, sentence in mistakes if is_it), _IN_OUR_WORDS.get(error.msg, error.msg))


_IN_OUR_WORDS = {
    "Extra data": "something stands behind its end",
    "Expecting value": "a value is missing",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
}
"""What Python's parser says, in words for people; the place stands behind it."""


def _is_odd_number(text: str, at: int) -> bool:
    """Return whether the parser stopped in a number such as `+15`, `015`, `0x1F`, `.5`, `1_000` or `15,5`."""
    start = max(text.rfind(mark, 0, at) for mark in ":[") + 1
    if text[start - 1 : start] == "[":  # in a list a comma ends a number
        start = max(start, text.rfind(",", start, at) + 1)
    number = re.match(r"\s*([-+]?[0-9._,xXa-fA-F]*[0-9.])", text[start:])
    return bool(number and at <= start + number.end() and not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][0-9]+)?", number[1]))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


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
    """Yield every key and every text in a JSON value."""
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
