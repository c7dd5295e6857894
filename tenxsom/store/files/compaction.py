"""Sums up the old lines of a ledger: what stays, what is archived, and the sums in its place.

It reads the ledger twice, line by line, so that its memory does not grow with the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.model.money import ZERO, stored, text
from tenxsom.store.base import RELEASED, SUMMED
from tenxsom.store.files.tally import OPEN, RECENT_DAYS, parsed

BUFFER_BYTES = 8 * 1024 * 1024
"""Archived lines are written when this much has come together."""

Key = tuple[str, str, bool]
"""Day, service, and whether it is a rehearsal."""


class Compacted(NamedTuple):
    """The content of the ledger after a compaction, and how much was archived."""

    data: bytes
    lines: int
    days: int


class _Sum:
    def __init__(self) -> None:
        self.usd = ZERO
        self.calls = 0


def compacted(
    ledger: Path, end: int, before: str, keep: Collection[str], archive: Callable[[Mapping[str, Sequence[bytes]]], object]
) -> Compacted:
    """Return what the first `end` bytes of a ledger become once the lines of settled calls before the day `before` are summed up.

    `archive` is called with the lines by month, possibly several times, before this returns.
    """
    pinned = _pinned(ledger, end, before, keep)
    sums: dict[Key, _Sum] = {}
    calls = _Calls(sums)
    kept: list[bytes] = []
    waiting: dict[str, list[bytes]] = {}
    buffered = lines = 0
    days: set[str] = set()
    for raw, line in _lines(ledger, end):
        if line["entry"] == SUMMED:
            calls.add_sum(line)
        elif line["reference"] in pinned:
            kept.append(raw)
        else:
            calls.add(line)
            waiting.setdefault(line["day"][:7], []).append(raw)
            days.add(line["day"])
            buffered, lines = buffered + len(raw), lines + 1
            if buffered > BUFFER_BYTES:
                archive(waiting)
                waiting, buffered = {}, 0
    if waiting:
        archive(waiting)
    return Compacted(b"".join([*(_sum_line(key, sums[key]) for key in sorted(sums)), *kept]), lines, len(days))


def _pinned(ledger: Path, end: int, before: str, keep: Collection[str]) -> set[str]:
    """Return the references whose lines stay: calls that are open, of the last days, or of the jobs in `keep`."""
    still_open: set[str] = set()
    pinned: set[str] = set()
    for _, line in _lines(ledger, end):
        (still_open.add if line["entry"] in OPEN else still_open.discard)(line["reference"])
        if line["entry"] != SUMMED and (line["day"] >= before or line.get("content_id") in keep):
            pinned.add(line["reference"])
    return pinned | still_open


class _Calls:
    """Counts every call once, by its last line, as the tally does."""

    def __init__(self, sums: dict[Key, _Sum]) -> None:
        self._sums = sums
        self._counted: dict[str, tuple[Key, Decimal]] = {}
        self._days: list[str] = []

    def add(self, line: Mapping[str, Any]) -> None:
        key = _key(line)
        amount = ZERO if line["entry"] == RELEASED else stored(line["usd"])
        before = self._counted.pop(line["reference"], None)
        if before:
            self._sums[before[0]].usd -= before[1]
            self._sums[before[0]].calls -= 1
        self._sums.setdefault(key, _Sum()).usd += amount
        self._sums[key].calls += 1
        self._counted[line["reference"]] = (key, amount)
        if key[0] not in self._days:
            self._days = [*self._days, key[0]][-RECENT_DAYS:]
            self._counted = {name: call for name, call in self._counted.items() if call[0][0] in self._days}

    def add_sum(self, line: Mapping[str, Any]) -> None:
        found = self._sums.setdefault(_key(line), _Sum())
        found.usd += stored(line["usd"])
        found.calls += int(line.get("calls", 0))


def _key(line: Mapping[str, Any]) -> Key:
    return line["day"], str(line.get("service", "")), line.get("rehearsal") is True


def _sum_line(key: Key, found: _Sum) -> bytes:
    day, service, rehearsal = key
    reference = f"summed.{day}.{service}{'.rehearsal' if rehearsal else ''}"
    line: dict[str, Any] = {"time": clock.stamp(), "day": day, "entry": SUMMED, "reference": reference, "content_id": ""}
    line |= {"service": service, "step": "", "clip": 0, "usd": text(found.usd), "calls": found.calls}
    line |= {"rehearsal": True} if rehearsal else {}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _lines(ledger: Path, end: int) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the readable lines with their bytes; a torn line counts nowhere."""
    with ledger.open("rb") as file:
        for raw in file:
            end -= len(raw)
            if end < 0:
                return
            if line := parsed(raw):
                yield (raw if raw.endswith(b"\n") else raw + b"\n"), line
