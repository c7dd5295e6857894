"""What became of paid calls while the database was away, on the local disk: the next program on this machine books it.

A line is appended durably before the program gives up. It is booked before anything else is done over a new connection, and only
then removed; booking it twice changes nothing, because the last line of a reference counts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.disk import as_disk_error, disk_errors, is_there, make_folder
from tenxsom.errors import DiskError
from tenxsom.locks import hold_file
from tenxsom.model.money import text
from tenxsom.store.base import Purchase

log = logging.getLogger(__name__)

UNSENT = "unsent"

Book = Callable[..., None]
"""`SpendLedger.settle`."""
Release = Callable[[Purchase, str], None]
"""`PostgresLedger.release_unsent`."""


class Spool:
    """A file of lines in a folder of this machine."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def put_unsent(self, purchase: Purchase, intended_at: str) -> None:
        """Append that the call of an intent, which was made at this moment, is not made."""
        self.put(purchase, UNSENT, {"at": intended_at})

    def put(self, purchase: Purchase, entry: str, ids: Mapping[str, str | None]) -> None:
        """Append what became of a call. An error is logged with everything that the line would hold: it is the last place."""
        line = {**purchase._asdict(), "usd": text(purchase.usd), "entry": entry, "ids": dict(ids)}
        data = json.dumps(line, separators=(",", ":")).encode()
        try:
            if not self._file.parent.is_dir():
                make_folder(self._file.parent)
            with hold_file(self._file, finishing=True):
                atomic.append(self._file, data)
        except DiskError as error:
            log.critical("%s could not be kept: %s", data.decode(), error, extra={"content_id": purchase.content_id})

    def book(self, settle: Book, release_unsent: Release) -> int:
        """Book every line, and remove the file; return how many there were. Raises DiskError, and the lines stay."""
        with disk_errors(self._file, "read"):
            if not is_there(self._file):
                return 0
        with hold_file(self._file):
            found = list(self._lines())
            for purchase, entry, ids in found:
                if entry == UNSENT:
                    release_unsent(purchase, str(ids["at"]))
                else:
                    settle(purchase, entry, **ids)
                told = (purchase.reference, entry)
                log.warning("%s is %s: booked from this machine's disk.", *told, extra={"content_id": purchase.content_id})
            self._remove(len(found))
        return len(found)

    def _remove(self, booked: int) -> None:
        """Remove the file of booked lines; one with lines that cannot be read is moved aside."""
        with disk_errors(self._file, "read"):
            count = len(self._file.read_bytes().splitlines())
        if booked == count:
            atomic.remove(str(self._file))
        else:
            atomic.move_aside(
                self._file, self._file.parent, f"{count - booked} of its lines cannot be read; the others are booked."
            )

    def _lines(self) -> Iterator[tuple[Purchase, str, dict[str, Any]]]:
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise as_disk_error(self._file, error, "read") from error
        for line in lines:
            try:
                found = json.loads(line)
                entry, ids = found.pop("entry"), found.pop("ids")
                yield Purchase(**{**found, "usd": Decimal(found["usd"])}), entry, ids
            except (ValueError, TypeError, KeyError, ArithmeticError):
                log.error("A line of %s cannot be read: %.300r", self._file, line)
