"""What counts of a ledger, as far as it has been read: a sum for each day, and the calls that can still change.

A ledger grows for years; what a budget needs of it does not. The sums of past days, and the calls that are still open, are saved
beside the ledger in a checkpoint, so that a process reads the checkpoint and the few lines after it, whatever the ledger's age.
The checkpoint is derived: one that is missing, broken, or of another ledger is made anew from the lines.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple, Self

from tenxsom.model.money import ZERO, stored, text
from tenxsom.store.base import RELEASED, RESERVED, UNKNOWN

log = logging.getLogger(__name__)

OPEN = frozenset({RESERVED, UNKNOWN})
"""Entries that another entry follows."""

BLOCK_BYTES = 1024 * 1024
"""So much of the ledger is read at once."""

FINGERPRINT_BYTES = 4096
"""So much of the ledger before a position is hashed, to recognise that it is still the same ledger."""

RECENT_DAYS = 3
"""Closed calls of so many days are kept one by one, so that a line that repeats one counts once."""

MOST_CALLS = 100_000
"""At most so many calls are kept one by one; of a forgotten one, a further line counts once more."""

_VERSION = 1
_MOST_BYTES = 1 << 62

_PLAIN_LINE = re.compile(
    rb'\{"time":"[^"\\]*","day":"([^"\\]*)","entry":"([^"\\]*)","reference":"([^"\\]*)","content_id":"[^"\\]*",'
    rb'"service":"[^"\\]*","step":"[^"\\]*","clip":[0-9]+,"usd":"([0-9]{1,11}(?:\.[0-9]{1,12})?)"(,"rehearsal":true)?\}\n?'
)
"""A line as the ledger writes nearly all of them. Others are parsed as JSON, which takes five times as long."""


class Call(NamedTuple):
    """What the last line of a reference says."""

    day: str
    entry: str
    usd: Decimal
    rehearsal: bool

    @property
    def counted(self) -> Decimal:
        """What it counts against the budget of its day."""
        return ZERO if self.entry == RELEASED else self.usd


class Tally:
    """Sums by day, and calls by reference, of the ledger's first `read_bytes` bytes."""

    def __init__(self) -> None:
        self.read_bytes = 0
        self.calls: dict[str, Call] = {}
        self._sums: dict[tuple[str, bool], Decimal] = {}
        self._days: list[str] = []

    def used(self, day: str, *, rehearsal: bool = False) -> Decimal:
        """What counts against the budget of a UTC day, in US dollars. Rehearsals have a budget of their own."""
        return self._sums.get((day, rehearsal), ZERO)

    def read_on(self, file: BinaryIO) -> None:
        """Read the lines that were added since the last time; a line that is not whole yet is left for the next time."""
        file.seek(self.read_bytes)
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            self.read_bytes += len(raw)
            if found := _call(raw):
                self._add(*found)

    def _add(self, reference: str, call: Call) -> None:
        """Let the newest line of a reference count in place of the one before."""
        before = self.calls.pop(reference, None)
        if before:
            self._count(before, -before.counted)
        self._count(call, call.counted)
        self.calls[reference] = call
        if call.day not in self._days:
            self._days = [*self._days, call.day][-RECENT_DAYS:]
            self._forget_closed()
        elif len(self.calls) > MOST_CALLS:
            del self.calls[next(iter(self.calls))]

    def _count(self, call: Call, usd: Decimal) -> None:
        key = (call.day, call.rehearsal)
        self._sums[key] = self._sums.get(key, ZERO) + usd

    def _forget_closed(self) -> None:
        """Forget closed calls of earlier days: their sums stay."""
        self.calls = {name: call for name, call in self.calls.items() if call.entry in OPEN or call.day in self._days}

    # the checkpoint

    def as_json(self, file: BinaryIO) -> bytes:
        """The tally as a checkpoint of the ledger `file`."""
        document = {
            "version": _VERSION,
            "bytes": self.read_bytes,
            "fingerprint": fingerprint(file, self.read_bytes),
            "days": self._days,
            "sums": [[day, rehearsal, text(usd)] for (day, rehearsal), usd in self._sums.items()],
            "calls": {name: [call.day, call.entry, text(call.usd), call.rehearsal] for name, call in self.calls.items()},
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes, file: BinaryIO) -> Self:
        """The tally of a checkpoint; an empty one if it is none of this ledger."""
        tally = cls()
        try:
            document = json.loads(data)
            if document["version"] != _VERSION or not tally._is_of(file, document):
                return cls()
            tally._sums = {(str(day), bool(rehearsal)): stored(usd) for day, rehearsal, usd in document["sums"]}
            tally._days = [str(day) for day in document["days"]]
            for name, (day, entry, usd, rehearsal) in document["calls"].items():
                tally.calls[name] = Call(str(day), str(entry), stored(usd), bool(rehearsal))
            tally.read_bytes = document["bytes"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return cls()
        return tally

    @staticmethod
    def _is_of(file: BinaryIO, document: Mapping[str, Any]) -> bool:
        position = document["bytes"]
        expected = document["fingerprint"]
        return type(position) is int and 0 <= position <= _MOST_BYTES and bool(expected) and expected == fingerprint(file, position)


def fingerprint(file: BinaryIO, position: int) -> str:
    """A hash of the bytes before a position of the ledger; empty where the ledger is shorter than that."""
    start = max(0, position - FINGERPRINT_BYTES)
    file.seek(start)
    data = file.read(position - start)
    return hashlib.sha256(data).hexdigest()[:32] if len(data) == position - start else ""


def lines_from_the_end(file: BinaryIO, containing: bytes, start: int = 0) -> Iterator[bytes]:
    """The lines after `start` that hold these bytes, newest first. Never in memory as a whole."""
    end, rest = file.seek(0, 2), b""
    while end > start:
        begin = max(start, end - BLOCK_BYTES)
        file.seek(begin)
        block = file.read(end - begin) + rest
        first = block.find(b"\n") + 1 if begin > start else 0  # what stands before that belongs to a line of the block before
        end = begin
        if begin > start and not first:
            rest = block
            continue
        rest, before = block[:first], len(block)
        while (at := block.rfind(containing, first, before)) >= 0:
            before, end_of_line = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
            yield block[before : end_of_line if end_of_line >= 0 else None]


def parsed(raw: bytes) -> dict[str, Any] | None:
    """A line of the ledger; None, and a warning, for one that is none."""
    if not raw.strip():
        return None  # what closing a torn line leaves
    try:
        line = json.loads(raw)
        stored(line["usd"])
        if all(isinstance(line[name], str) for name in ("reference", "entry", "day")):
            return dict(line)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # said below, as for a line whose fields are of the wrong kind
    log.warning("A line of the ledger cannot be read and is skipped: %r", raw[:80])
    return None


def _call(raw: bytes) -> tuple[str, Call] | None:
    """The reference of a line, and what the line says of it."""
    if plain := _PLAIN_LINE.fullmatch(raw):
        day, entry, reference, usd, rehearsal = plain.groups()
        try:
            return reference.decode(), Call(day.decode(), entry.decode(), Decimal(usd.decode()), rehearsal is not None)
        except UnicodeDecodeError:
            return None
    line = parsed(raw)
    if line is None:
        return None
    return line["reference"], Call(line["day"], line["entry"], stored(line["usd"]), line.get("rehearsal") is True)
