"""The spend ledger as a file: one line per movement of money, appended durably, shared by all processes.

A paid call is reserved before it is sent and becomes spent, released or unknown afterwards; the last line of a reference
counts. Budgets are checked under the file's lock, exactly, by the sum of everything that is not released:

    spent + reserved + unknown ≤ budget

Rehearsals (calls to the local studio, or to an address that is not the vendor's own) are lines like others, with their own
budget: they do not count against the day's real money.

The lock is on the file itself and not on its name, so that a ledger that several homes share through links is one ledger.
A torn line is skipped; the next append terminates it first. A checkpoint beside the file has the sums of past days
(`tenxsom.store.files.tally`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors, is_there
from tenxsom.errors import BadInput, DiskError, DiskRefused, TryAgainLater
from tenxsom.locks import hold_file
from tenxsom.model.money import ZERO, stored, text
from tenxsom.safe_files import open_file
from tenxsom.store.base import RESERVED, SPENT, SUMMED, UNKNOWN, Compaction, DayTotals, Purchase
from tenxsom.store.budgets import over_budget
from tenxsom.store.files import archives, compaction
from tenxsom.store.files.tally import BLOCK_BYTES, Tally, fingerprint, lines_from_the_end, parsed

log = logging.getLogger(__name__)

NOTHING: Mapping[str, Any] = {}

KEPT_DAYS = 7
"""A compaction leaves the lines of so many days as they are."""

CHECKPOINT_BYTES = 64 * 1024
"""A checkpoint is written when this much of the ledger comes after the last one."""
FIRST_BYTES_OF_A_DAY = 4 * 1024
"""The same in the first lines of a day, which make each process look through the calls of the days before."""


class FileLedger:
    """The ledger in `path`, with its daily budget (None: no budget)."""

    def __init__(self, path: Path, daily_budget: Decimal | None = None) -> None:
        self.path = path
        self.daily_budget = daily_budget
        self._tally = Tally()
        self._checkpoint_at: int | None = None
        self._inode = (0, 0)
        self._reading = threading.Lock()

    def reserve(self, purchase: Purchase, then: Purchase | None = None) -> None:
        both = [purchase] if then is None else [purchase, then]
        with self._locked():
            if self.daily_budget is not None:
                self._check(purchase, then, self.daily_budget)
            day = clock.day()
            self._append(*(self._line(RESERVED, each, day) for each in both))

    def settle(
        self,
        purchase: Purchase,
        entry: str,
        renewed: Purchase | None = None,
        /,
        *,
        day: str | None = None,
        since: str | None = None,
        **facts: str | None,
    ) -> None:
        with self._locked(finishing=True):
            before = self._tally.call(purchase.reference)
            line = None if before or day else self.last(purchase.reference, since)
            counts_on = (before.day if before else line["day"] if line else None) or day or clock.day()
            lines = [self._line(entry, purchase, counts_on, facts)]
            self._append(*lines, *([self._line(RESERVED, renewed, counts_on)] if renewed else []))

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        if not self._is_there():
            return None
        with disk_errors(self.path), open_file(self.path) as file:
            start = _position(since, file)
            for raw in lines_from_the_end(file, json.dumps(reference).encode(), start):
                if (line := parsed(raw)) and line["reference"] == reference:
                    return line
        return None if start else archives.last(self.path, reference, _day(since)[:7])

    def mark(self) -> str:
        if not self._is_there():
            return ""
        with disk_errors(self.path), open_file(self.path) as file:
            end = file.seek(0, os.SEEK_END)
            return f"{end}:{fingerprint(file, end)}:{clock.day()}"

    def total(self, day: str, *, rehearsal: bool = False) -> Decimal:
        if not self._is_there():
            return ZERO
        with self._locked():
            return self._tally.used(day, rehearsal=rehearsal)

    def totals(self, day: str, *, rehearsal: bool = False) -> DayTotals:
        if not self._is_there():
            return DayTotals(ZERO, ZERO, ZERO)
        try:
            with self._locked():
                used, still_open = self._tally.used(day, rehearsal=rehearsal), self._tally.open_sums(day, rehearsal=rehearsal)
        except DiskRefused:  # a disk that is read-only has no lock, and no writer either
            return self._totals_of_lines(day, rehearsal=rehearsal)
        return DayTotals(used - still_open[RESERVED] - still_open[UNKNOWN], still_open[RESERVED], still_open[UNKNOWN])

    def _totals_of_lines(self, day: str, *, rehearsal: bool) -> DayTotals:
        """Return the totals of a day from its lines: the last one of a call counts."""
        last = {line["reference"]: line for line in self.lines(day) if line["day"] == day}
        counted = [line for line in last.values() if bool(line.get("rehearsal")) == rehearsal]
        sums = {
            entry: sum((stored(line["usd"]) for line in counted if line["entry"] == entry), ZERO) for entry in (RESERVED, UNKNOWN)
        }
        spent = sum((stored(line["usd"]) for line in counted if line["entry"] in (SPENT, SUMMED)), ZERO)
        return DayTotals(spent, sums[RESERVED], sums[UNKNOWN])

    def lines(self, since: str = "") -> Iterator[dict[str, Any]]:
        if not self._is_there():
            return
        with disk_errors(self.path), open_file(self.path) as file:  # opened first: a compaction meanwhile only repeats lines
            archived = archives.months(self.path)
            yield from (line for line in archives.lines(self.path, since[:7]) if line["day"] >= since)
            for raw in file:
                if (line := parsed(raw)) and line["day"] >= since and not (line["entry"] == SUMMED and line["day"][:7] in archived):
                    yield line

    def compact(self, keep: Collection[str]) -> Compaction:
        if not self._is_there():
            return Compaction(0, 0, [], 0, 0)
        real, written = Path(os.path.realpath(self.path)), set[str]()
        before = (clock.now() - timedelta(days=KEPT_DAYS)).date().isoformat()
        with self._locked(), disk_errors(real):
            facts, end = real.stat(), _end_of_lines(real)
        if facts.st_nlink > 1:
            raise BadInput(f"{real} has a second name (a hard link), so it cannot be replaced. Share it by symbolic links.")
        with disk_errors(real):  # without the lock, because a ledger of years takes a while
            found = compaction.compacted(real, end, before, keep, lambda lines: written.update(archives.add(real, lines)))
        if not found.lines:
            return Compaction(0, 0, [], facts.st_size, facts.st_size)
        with self._locked(finishing=True), disk_errors(real):
            now = real.stat()
            if (now.st_dev, now.st_ino) != (facts.st_dev, facts.st_ino) or now.st_size < end:
                raise TryAgainLater("The ledger was replaced by another command meanwhile. Nothing is lost; run it again.")
            data = found.data + _from(real, end)
            atomic.write(real, data, stat.S_IMODE(facts.st_mode))
        return Compaction(found.lines, found.days, sorted(written), now.st_size, len(data))

    def _check(self, purchase: Purchase, then: Purchase | None, budget: Decimal) -> None:
        """Raise OverBudget when today's budget does not cover a purchase and `then`. The caller holds the lock."""
        both, today = [purchase] if then is None else [purchase, then], clock.day()
        for rehearsal in {each.rehearsal for each in both}:
            wanted = [each for each in both if each.rehearsal == rehearsal]
            used = self._tally.used(today, rehearsal=rehearsal) - sum((self._counted(each, today) for each in wanted), ZERO)
            if used + sum((each.usd for each in wanted), ZERO) > budget:
                raise over_budget(wanted, used, budget)

    def _counted(self, purchase: Purchase, day: str) -> Decimal:
        """Return the amount that the same call already counts on that day."""
        before = self._tally.call(purchase.reference)
        return before.counted if before and (before.day, before.rehearsal) == (day, purchase.rehearsal) else ZERO

    @contextlib.contextmanager
    def _locked(self, *, finishing: bool = False) -> Iterator[None]:
        """Hold the ledger's lock, with the tally read up to its end."""
        self._read_ahead()
        with hold_file(self.path, finishing=finishing), self._reading:
            with disk_errors(self.path), open_file(self.path) as file:
                self._read(file)
                self._save_checkpoint(file)
            yield

    def _is_there(self) -> bool:
        """Return whether the ledger is begun. Raises DiskError for one that cannot be reached, which is no empty one."""
        with disk_errors(self.path, "read"):
            return is_there(self.path)

    def _read_ahead(self) -> None:
        """Read the existing lines before taking the lock: the first read of an old ledger takes seconds."""
        if not self._is_there():
            return
        with self._reading, disk_errors(self.path), open_file(self.path) as file:
            self._read(file)

    def _read(self, file: BinaryIO) -> None:
        """Read the tally up to the end of the ledger; restart it where the file was replaced."""
        facts = os.fstat(file.fileno())
        is_another = (facts.st_dev, facts.st_ino) != self._inode or facts.st_size < self._tally.read_bytes
        if is_another:
            self._inode = (facts.st_dev, facts.st_ino)
            self._tally = self._from_checkpoint(file)
            self._checkpoint_at = self._tally.read_bytes
        self._tally.read_on(file)

    @property
    def _checkpoint(self) -> Path:
        real = Path(os.path.realpath(self.path))
        return real.with_name(f".{real.name}.sums")

    def _from_checkpoint(self, file: BinaryIO) -> Tally:
        try:
            with open_file(self._checkpoint) as checkpoint:
                return Tally.from_json(checkpoint.read(), file)
        except OSError:
            return Tally()

    def _save_checkpoint(self, file: BinaryIO) -> None:
        """Save the tally when much was read since the last checkpoint. A failure to save it costs only time."""
        since = self._tally.read_bytes - (self._checkpoint_at or 0)
        if since < (CHECKPOINT_BYTES if not self._tally.has_new_day else FIRST_BYTES_OF_A_DAY):
            return
        self._checkpoint_at = self._tally.read_bytes
        try:
            atomic.write(self._checkpoint, self._tally.as_json(file), 0o600)
        except DiskError as error:
            log.info("The ledger's sums could not be saved (%s); they are added up again.", error)

    def _line(self, entry: str, purchase: Purchase, day: str, facts: Mapping[str, Any] = NOTHING) -> bytes:
        rehearsal = {"rehearsal": True} if purchase.rehearsal else {}
        what = {name: value for name, value in purchase._asdict().items() if name != "rehearsal"}
        line = {"time": clock.stamp(), "day": day, "entry": entry, **what, "usd": text(purchase.usd), **rehearsal, **facts}
        return json.dumps(line, separators=(",", ":")).encode()

    def _append(self, *lines: bytes) -> None:
        atomic.append(self.path, b"\n".join(lines))


def _position(mark: str | None, file: BinaryIO) -> int:
    """Return the position of a mark; 0 for a mark of another ledger, or of one that did not only grow."""
    size, _, rest = (mark or "").partition(":")
    expected = rest.partition(":")[0]
    return int(size) if size.isdecimal() and expected and fingerprint(file, int(size)) == expected else 0


def _day(mark: str | None) -> str:
    """Return the day of a mark; empty for one without (of an earlier version), or none."""
    return (mark or "").rpartition(":")[2] if (mark or "").count(":") == 2 else ""


def _end_of_lines(path: Path) -> int:
    """Return the position behind the last complete line."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = max(0, end - BLOCK_BYTES)
        file.seek(start)
        return start + file.read().rfind(b"\n") + 1


def _from(path: Path, position: int) -> bytes:
    with path.open("rb") as file:
        file.seek(position)
        return file.read()
