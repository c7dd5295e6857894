"""The spend ledger: one line per movement of money, appended durably, the same file for every process.

A paid call is reserved before it is made and becomes spent, released or unknown afterwards; the last line of a reference
counts. Budgets are kept under the file's lock, to the cent, by the sum of everything that is not released:

    spent + reserved + unknown ≤ budget

A line that a crash cut short is skipped; the next append closes it first.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors
from tenxsom.errors import OverBudget
from tenxsom.locks import lock_table
from tenxsom.model.money import ZERO, shown, stored, text

log = logging.getLogger(__name__)

RESERVED, SPENT, RELEASED, UNKNOWN = "reserved", "spent", "released", "unknown"
NOTHING: Mapping[str, Any] = {}

BLOCK_BYTES = 1024 * 1024
"""So much of the ledger is searched at once."""


class Purchase(NamedTuple):
    """What a reservation is for."""

    reference: str
    content_id: str
    service: str
    step: str
    clip: int
    usd: Decimal


class Ledger:
    """The ledger in `path`, with the daily budget that holds over it (None: no budget)."""

    def __init__(self, path: Path, daily_budget: Decimal | None = None) -> None:
        self.path = path
        self.daily_budget = daily_budget
        self._lock = lock_table(path.with_name(f".{path.name}.lock"))
        self._today = _Day("")

    def reserve(self, purchase: Purchase, then: Decimal = ZERO) -> None:
        """Set the price aside. Raises OverBudget, and writes nothing, when today's budget does not hold it, and beside it what
        must be bought `then`, in US dollars, for it to be of any use: a day's money is not to go for stills without clips.

        What comes then is not set aside yet.

        Reserving the same reference again (after a crash between reservation and call) costs nothing more.
        """
        with self._lock.hold("ledger"):
            if self.daily_budget is not None:
                self._check(purchase, then, self.daily_budget)
            self._append(RESERVED, purchase, clock.day())

    def settle(self, purchase: Purchase, entry: str, day: str | None = None, **facts: str | None) -> None:
        """Record what became of a reservation: SPENT, RELEASED or UNKNOWN. Costs without a reservation are SPENT directly.

        `facts` are kept with the line: the service's ids, where the ledger is the only place left to keep them.
        """
        with self._lock.hold("ledger", finishing=True):
            before = self.last(purchase.reference)
            self._append(entry, purchase, day or (before["day"] if before else clock.day()), facts)

    def last(self, reference: str) -> dict[str, Any] | None:
        """The line that counts for a reference; None if the ledger does not know it."""
        if not self.path.exists():
            return None
        with disk_errors(self.path), self.path.open("rb") as file:
            for raw in _lines_from_the_end(file, containing=json.dumps(reference).encode()):
                if (line := _parsed(raw)) and line["reference"] == reference:
                    return line
        return None

    def total(self, day: str) -> Decimal:
        """What counts against the budget of a UTC day, in US dollars."""
        with self._lock.hold("ledger"):
            return self._read(day).used

    def lines(self, containing: bytes = b"") -> Iterator[dict[str, Any]]:
        """Every readable line, oldest first; with `containing`, only lines that hold these bytes (parsing is what costs)."""
        if not self.path.exists():
            return
        with disk_errors(self.path), self.path.open("rb") as file:
            for raw in file:
                if containing in raw and (line := _parsed(raw)):
                    yield line

    def _check(self, purchase: Purchase, then: Decimal, budget: Decimal) -> None:
        today = self._read(clock.day())
        used = today.used - _counted(today.lines.get(purchase.reference))
        if used + purchase.usd + then > budget:
            what = f"{shown(purchase.usd)} for {purchase.step}" + (f" and {shown(then)} for what follows it" if then else "")
            raise OverBudget(
                f"{what} would pass today's budget: {shown(used)} of {shown(budget)} are used."
                " The job is queued and goes on by itself tomorrow (UTC), or as soon as DAILY_BUDGET_USD allows it."
            )

    def _read(self, day: str) -> "_Day":
        """What the ledger says about a day; the caller holds the lock. What was read before is not read again."""
        if self._today.day != day:
            self._today = _Day(day)
        if self.path.exists():
            with disk_errors(self.path):
                self._today.read_on(self.path)
        return self._today

    def _append(self, entry: str, purchase: Purchase, day: str, facts: Mapping[str, Any] = NOTHING) -> None:
        line = {"time": clock.stamp(), "day": day, "entry": entry, **purchase._asdict(), "usd": text(purchase.usd), **facts}
        atomic.append(self.path, json.dumps(line, separators=(",", ":")).encode())


class _Day:
    """What the ledger says about one day, as far as it has been read."""

    def __init__(self, day: str) -> None:
        self.day = day
        self.lines: dict[str, dict[str, Any]] = {}
        """The line that counts, by reference."""
        self.used = ZERO
        self._read_bytes = 0

    def read_on(self, path: Path) -> None:
        """Read the lines that were added since the last time; one that is not whole yet is left for the next time."""
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._read_bytes:  # somebody has put another file in its place
                self.lines, self.used, self._read_bytes = {}, ZERO, 0
            file.seek(self._read_bytes)
            added = file.read()
            whole = added.rfind(b"\n") + 1
            self._read_bytes += whole
            for raw in added[:whole].split(b"\n"):
                if self.day.encode() in raw and (line := _parsed(raw)) and line["day"] == self.day:
                    self.used += _counted(line) - _counted(self.lines.get(line["reference"]))
                    self.lines[line["reference"]] = line


def _lines_from_the_end(file: BinaryIO, containing: bytes) -> Iterator[bytes]:
    """The lines that hold these bytes, newest first: what is looked for was nearly always written a moment ago.

    Never in memory as a whole: the ledger of a few years has hundreds of megabytes.
    """
    start, rest = file.seek(0, os.SEEK_END), b""
    while start > 0:
        end, start = start, max(0, start - BLOCK_BYTES)
        file.seek(start)
        block = file.read(end - start) + rest
        first = block.find(b"\n") + 1 if start else 0  # what stands before that belongs to a line of the block before
        if start and not first:
            rest = block
            continue
        rest, before = block[:first], len(block)
        while (at := block.rfind(containing, first, before)) >= 0:
            before, end_of_line = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
            yield block[before : end_of_line if end_of_line >= 0 else None]


def _counted(line: Mapping[str, Any] | None) -> Decimal:
    """What a line counts against the budget of its day."""
    return ZERO if line is None or line["entry"] == RELEASED else stored(line["usd"])


def _parsed(raw: bytes) -> dict[str, Any] | None:
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
