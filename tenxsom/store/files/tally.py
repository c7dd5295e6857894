"""The tally of a ledger: the sum of each day, and the calls that can still change.

A ledger grows for years; its tally does not. The sums of past days and the open calls are saved beside the ledger in a
checkpoint, so that a process reads only the checkpoint and the few lines after it, whatever the ledger's age. The checkpoint is
derived: one that is missing, broken, or of another ledger is rebuilt from the lines.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO, Self

from tenxsom.model.money import ZERO, stored, text
from tenxsom.store.base import RESERVED, UNKNOWN
from tenxsom.store.budgets import LastLine

log = logging.getLogger(__name__)

OPEN = frozenset({RESERVED, UNKNOWN})
"""Entries that are followed by another one."""

BLOCK_BYTES = 1024 * 1024
"""Bytes of the ledger per read."""

FINGERPRINT_BYTES = 4096
"""Bytes of the ledger before a position that are hashed to recognise the ledger."""

RECENT_DAYS = 3
"""Days for which closed calls are kept individually, so that a repeated line counts once."""

MOST_CALLS = 100_000
"""The largest number of calls kept individually; a further line of a dropped one counts again."""

_VERSION = 2
_MOST_BYTES = 1 << 62

_PLAIN_LINE = re.compile(
    rb'\{"time":"[^"\\]*","day":"([^"\\]*)","entry":"([^"\\]*)","reference":"([^"\\]*)","content_id":"[^"\\]*",'
    rb'"service":"[^"\\]*","step":"[^"\\]*","clip":[0-9]+,"usd":"([0-9]{1,11}(?:\.[0-9]{1,12})?)"(,"rehearsal":true)?\}\n?'
)
"""The usual form of a ledger line. Other lines are parsed as JSON, which takes five times as long."""


class Tally:
    """Sums by day, and calls by reference, of the ledger's first `read_bytes` bytes.

    A checkpoint of ten years has thousands of days and hundreds of closed calls that a paid call does not need. They stay folded,
    as texts of the checkpoint, until a day or a reference among them is asked for.
    """

    def __init__(self) -> None:
        self.read_bytes = 0
        self.has_new_day = False
        """Whether a day began since the last checkpoint, which is then worth another one."""
        self._calls: dict[str, LastLine] = {}
        self._sums: dict[tuple[str, bool], Decimal] = {}
        self._days: list[str] = []
        self._folded_calls = b"{}"
        """Closed calls of recent days, a JSON object."""
        self._folded_sums = b"[]"
        """The sums of earlier days, a JSON list. A sum in `_sums` is what was added since."""
        self._folded_until = ""
        """The last day of the folded sums."""

    @property
    def calls(self) -> dict[str, LastLine]:
        """Return all calls by reference, oldest first."""
        self._unfold_calls()
        return self._calls

    def call(self, reference: str) -> LastLine | None:
        """Return the call of a reference; None for an unknown one, or a closed one of an earlier day."""
        if reference not in self._calls and json.dumps(reference).encode() in self._folded_calls:
            self._unfold_calls()
        return self._calls.get(reference)

    def used(self, day: str, *, rehearsal: bool = False) -> Decimal:
        """Return the sum that counts against the budget of a UTC day, in US dollars. Rehearsals have their own budget."""
        if day <= self._folded_until:
            self._unfold_sums()
        return self._sums.get((day, rehearsal), ZERO)

    def open_sums(self, day: str, *, rehearsal: bool = False) -> dict[str, Decimal]:
        """Return the sums of the day's open calls, by their entry: RESERVED and UNKNOWN."""
        sums = dict.fromkeys(OPEN, ZERO)
        for call in self._calls.values():  # the folded ones are closed
            if call.entry in OPEN and (call.day, call.rehearsal) == (day, rehearsal):
                sums[call.entry] += call.usd
        return sums

    def read_on(self, file: BinaryIO) -> None:
        """Read the lines added since the last read; an incomplete line is left for the next one."""
        file.seek(self.read_bytes)
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            self.read_bytes += len(raw)
            if found := _call(raw):
                self._add(*found)

    def _add(self, reference: str, call: LastLine) -> None:
        """Replace the previous line of a reference by its newest one."""
        before = self.call(reference)
        if before:
            del self._calls[reference]
            self._count(before, -before.counted)
        self._count(call, call.counted)
        self._calls[reference] = call
        if call.day not in self._days:
            self.has_new_day = True
            self._days = [*self._days, call.day][-RECENT_DAYS:]
            self._forget_closed()
        elif len(self._calls) > MOST_CALLS:
            del self._calls[next(iter(self._calls))]

    def _count(self, call: LastLine, usd: Decimal) -> None:
        key = (call.day, call.rehearsal)
        self._sums[key] = self._sums.get(key, ZERO) + usd

    def _forget_closed(self) -> None:
        """Drop closed calls of earlier days; their sums stay."""
        self._unfold_calls()
        self._calls = {name: call for name, call in self._calls.items() if call.entry in OPEN or call.day in self._days}

    def _unfold_calls(self) -> None:
        if self._folded_calls != b"{}":
            self._calls, self._folded_calls = {**_calls_in(json.loads(self._folded_calls)), **self._calls}, b"{}"

    def _unfold_sums(self) -> None:
        """Add what was counted since the checkpoint to its sums."""
        since, self._sums = self._sums, _sums_in(json.loads(self._folded_sums))
        self._folded_sums, self._folded_until = b"[]", ""
        for key, usd in since.items():
            self._sums[key] = self._sums.get(key, ZERO) + usd

    # the checkpoint

    def as_json(self, file: BinaryIO) -> bytes:
        """Return the tally as a checkpoint of the ledger `file`: a line with the head, then what stays folded, a line each."""
        self._unfold_calls()
        self._unfold_sums()
        recent = {key: usd for key, usd in self._sums.items() if key[0] in self._days}
        earlier = {key: usd for key, usd in self._sums.items() if key not in recent}
        folded = (
            _json([[day, rehearsal, text(usd)] for (day, rehearsal), usd in earlier.items()]),
            _json({name: _fields(call) for name, call in self._calls.items() if call.entry not in OPEN}),
        )
        head = {
            "version": _VERSION,
            "bytes": self.read_bytes,
            "fingerprint": fingerprint(file, self.read_bytes),
            "folded": _digest(*folded),
            "folded_until": max((day for day, _ in earlier), default=""),
            "days": self._days,
            "sums": [[day, rehearsal, text(usd)] for (day, rehearsal), usd in recent.items()],
            "calls": {name: _fields(call) for name, call in self._calls.items() if call.entry in OPEN},
        }
        self.has_new_day = False
        return b"\n".join((_json(head), *folded))

    @classmethod
    def from_json(cls, data: bytes, file: BinaryIO) -> Self:
        """Return the tally of a checkpoint; an empty one for a checkpoint of another ledger."""
        tally = cls()
        try:
            head, sums, calls = data.split(b"\n")
            document = json.loads(head)
            is_ours = document["version"] == _VERSION and document["folded"] == _digest(sums, calls)
            if not is_ours or not tally._is_of(file, document):
                return cls()
            tally._sums = _sums_in(document["sums"])
            tally._days = [str(day) for day in document["days"]]
            tally._calls = _calls_in(document["calls"])
            tally._folded_sums, tally._folded_calls, tally._folded_until = sums, calls, str(document["folded_until"])
            tally.read_bytes = document["bytes"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return cls()
        return tally

    @staticmethod
    def _is_of(file: BinaryIO, document: Mapping[str, Any]) -> bool:
        position = document["bytes"]
        expected = document["fingerprint"]
        return type(position) is int and 0 <= position <= _MOST_BYTES and bool(expected) and expected == fingerprint(file, position)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _digest(*parts: bytes) -> list[int]:
    """Return the checksums that tell a damaged checkpoint. Nothing but damage is to be found: the file is its owner's alone."""
    return [zlib.crc32(part) for part in parts]


def _fields(call: LastLine) -> list[Any]:
    return [call.day, call.entry, text(call.usd), call.rehearsal]


def _calls_in(fields: Mapping[str, Any]) -> dict[str, LastLine]:
    return {
        name: LastLine(str(day), str(entry), stored(usd), bool(rehearsal)) for name, (day, entry, usd, rehearsal) in fields.items()
    }


def _sums_in(rows: Iterable[Any]) -> dict[tuple[str, bool], Decimal]:
    return {(str(day), bool(rehearsal)): stored(usd) for day, rehearsal, usd in rows}


def fingerprint(file: BinaryIO, position: int) -> str:
    """Return a hash of the bytes before a position of the ledger; empty where the ledger is shorter."""
    start = max(0, position - FINGERPRINT_BYTES)
    file.seek(start)
    data = file.read(position - start)
    return hashlib.sha256(data).hexdigest()[:32] if len(data) == position - start else ""


def lines_from_the_end(file: BinaryIO, containing: bytes, start: int = 0) -> Iterator[bytes]:
    """Yield the lines after `start` that contain these bytes, newest first, in constant memory."""
    end, rest = file.seek(0, 2), b""
    while end > start:
        begin = max(start, end - BLOCK_BYTES)
        file.seek(begin)
        block = file.read(end - begin) + rest
        first = block.find(b"\n") + 1 if begin > start else 0  # the bytes before it belong to a line of the previous block
        end = begin
        if begin > start and not first:
            rest = block
            continue
        rest, before = block[:first], len(block)
        while (at := block.rfind(containing, first, before)) >= 0:
            before, end_of_line = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
            yield block[before : end_of_line if end_of_line >= 0 else None]


def parsed(raw: bytes) -> dict[str, Any] | None:
    """Parse a line of the ledger; for an invalid one log a warning and return None."""
    if not raw.strip():
        return None  # left by the termination of a torn line
    try:
        line = json.loads(raw)
        stored(line["usd"])
        if all(isinstance(line[name], str) for name in ("reference", "entry", "day")):
            return dict(line)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # logged below, as for a line with fields of a wrong type
    log.warning("A line of the ledger cannot be read and is skipped: %r", raw[:80])
    return None


def _call(raw: bytes) -> tuple[str, LastLine] | None:
    """Return the reference and the call of a line."""
    if plain := _PLAIN_LINE.fullmatch(raw):
        day, entry, reference, usd, rehearsal = plain.groups()
        try:
            return reference.decode(), LastLine(day.decode(), entry.decode(), Decimal(usd.decode()), rehearsal is not None)
        except UnicodeDecodeError:
            return None
    line = parsed(raw)
    if line is None:
        return None
    return line["reference"], LastLine(line["day"], line["entry"], stored(line["usd"]), line.get("rehearsal") is True)
