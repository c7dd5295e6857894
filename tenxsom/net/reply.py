"""Answers as they come off the wire: status, headers, body.

Nearly all answers to free calls are of one plain kind: HTTP/1.1, a handful of well-formed headers, a Content-Length and so
many bytes. The standard library takes every head through the machinery for e-mail; for the plain kind one look is enough, and
a tick has a thousand of them. Whatever is not plain beyond doubt is left to the libraries.
"""

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [\t -~\x80-\xff]*+)?\r\n"  # RFC 9112 §4
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n)*+)\r\n"  # §5, without the obsolete folding of lines
)
_WITHOUT_BODY = (204, 304)


class Headers(Mapping[str, str]):
    """Headers by name, in any case. What comes more than once is joined by commas (RFC 9110 §5.3)."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Reply(NamedTuple):
    """A whole answer. `reusable`: whether the connection is free for another call."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reusable: bool = False


class NotPlain(enum.Enum):
    """Why there is no plain answer."""

    INCOMPLETE = "more bytes have to come"
    UNUSUAL = "it is something for the libraries"


def plain_reply(seen: bytes) -> Reply | NotPlain:
    """The answer that `seen` holds, if it is whole and plain."""
    head = _PLAIN_HEAD.match(seen)
    if head is None:
        return NotPlain.UNUSUAL if b"\r\n\r\n" in seen else NotPlain.INCOMPLETE
    lines = head[2].decode("latin-1").split("\r\n")[:-1]
    headers = Headers([(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)])
    status, length = int(head[1]), headers.get("content-length", "")
    coded = "transfer-encoding" in headers or "content-encoding" in headers
    if coded or status in _WITHOUT_BODY or not (length.isascii() and length.isdigit() and len(length) < 7):
        return NotPlain.UNUSUAL
    end = head.end() + int(length)
    if len(seen) < end:
        return NotPlain.INCOMPLETE
    # Bytes beyond the end belong to nobody: the next call must not take them for its answer.
    reusable = len(seen) == end and "close" not in headers.get("connection", "").lower()
    return Reply(status, headers, seen[head.end() : end], reusable)
