"""The spend ledger: one line per movement of money, appended durably, the same file for every process.

A paid call is reserved before it is made and becomes spent, released or unknown afterwards; the last line of a reference
counts. Budgets are kept under the file's lock, to the cent, by the sum of everything that is not released:

    spent + reserved + unknown ≤ budget

A line that a crash cut short is skipped; the next append closes it first.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom import atomic, clock
from tenxsom.errors import OverBudget
from tenxsom.locks import lock_table
from tenxsom.model.money import ZERO, shown, stored, text

log = logging.getLogger(__name__)

RESERVED, SPENT, RELEASED, UNKNOWN = "reserved", "spent", "released", "unknown"
NOTHING: Mapping[str, Any] = {}


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

    def reserve(self, purchase: Purchase) -> None:
        """Set the price aside. Raises OverBudget, and writes nothing, when today's budget does not hold it.

        Reserving the same reference again (after a crash between reservation and call) costs nothing more.
        """
        with self._lock.hold("ledger"):
            if self.daily_budget is not None:
                self._check(purchase, self.daily_budget)
            self._append(RESERVED, purchase, clock.day())

    def settle(self, purchase: Purchase, entry: str, day: str | None = None, **facts: str | None) -> None:
        """Record what became of a reservation: SPENT, RELEASED or UNKNOWN. Costs without a reservation are SPENT directly.

        `facts` are kept with the line: the service's ids, where the ledger is the only place left to keep them.
        """
        with self._lock.hold("ledger"):
            before = self.last(purchase.reference)
            self._append(entry, purchase, day or (before["day"] if before else clock.day()), facts)

    def last(self, reference: str) -> dict[str, Any] | None:
        """The line that counts for a reference; None if the ledger does not know it."""
        found = None
        for line in self.lines(json.dumps(reference).encode()):
            found = line if line["reference"] == reference else found
        return found

    def total(self, day: str) -> Decimal:
        """What counts against the budget of a UTC day, in US dollars."""
        return _counted(self._last_lines(day))

    def lines(self, containing: bytes = b"") -> Iterator[dict[str, Any]]:
        """Every readable line, oldest first; with `containing`, only lines that hold these bytes (parsing is what costs)."""
        if not self.path.exists():
            return
        with atomic.disk_errors(self.path), self.path.open("rb") as file:
            for raw in file:
                if containing in raw and (line := _parsed(raw)):
                    yield line

    def _check(self, purchase: Purchase, budget: Decimal) -> None:
        held = self._last_lines(clock.day())
        held.pop(purchase.reference, None)
        used = _counted(held)
        if used + purchase.usd > budget:
            raise OverBudget(
                f"{shown(purchase.usd)} for {purchase.step} would pass today's budget: {shown(used)} of {shown(budget)} are used."
                " The job is queued and goes on by itself tomorrow (UTC), or as soon as DAILY_BUDGET_USD allows it."
            )

    def _last_lines(self, day: str) -> dict[str, dict[str, Any]]:
        return {line["reference"]: line for line in self.lines(day.encode()) if line["day"] == day}

    def _append(self, entry: str, purchase: Purchase, day: str, facts: Mapping[str, Any] = NOTHING) -> None:
        line = {"time": clock.stamp(), "day": day, "entry": entry, **purchase._asdict(), "usd": text(purchase.usd), **facts}
        atomic.append(self.path, json.dumps(line, separators=(",", ":")).encode())


def _counted(lines: Mapping[str, Mapping[str, Any]]) -> Decimal:
    return sum((stored(line["usd"]) for line in lines.values() if line["entry"] != RELEASED), ZERO)


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
