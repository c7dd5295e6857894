"""The archives of a ledger: the lines that a compaction has summed up, compressed, one file for each month.

`spend_ledger-2026-10.jsonl.gz` stands beside the ledger and has lines as the ledger had them. Programs read it for what a sum does
not tell: the step and the job of a call, and a call that an old state or backup asks for.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.disk import disk_errors, is_there
from tenxsom.store.files.tally import parsed

log = logging.getLogger(__name__)


def path_of(ledger: Path, month: str) -> Path:
    """Return the path of a month's archive. `month` is YYYY-MM."""
    real = Path(os.path.realpath(ledger))
    return real.with_name(f"{real.stem}-{month}.jsonl.gz")


def months(ledger: Path) -> list[str]:
    """Return the months that have an archive, oldest first."""
    real = Path(os.path.realpath(ledger))
    pattern = re.compile(re.escape(real.stem) + r"-(\d{4}-\d{2})\.jsonl\.gz")
    with disk_errors(real.parent, "read"):
        found = (pattern.fullmatch(name) for name in os.listdir(real.parent))
        return sorted(match[1] for match in found if match)


def add(ledger: Path, lines_of: Mapping[str, Sequence[bytes]]) -> list[str]:
    """Add lines to the archives of their months, durably; those that an interrupted compaction has added already are left out."""
    written: list[str] = []
    for month, new in sorted(lines_of.items()):
        path = path_of(ledger, month)
        before = path.read_bytes() if is_there(path) else b""
        known = set(gzip.decompress(before).splitlines(keepends=True)) if before else set()
        added = b"".join(line for line in new if line not in known)
        if added:
            atomic.write(path, before + gzip.compress(added, mtime=0), 0o600)
        written.append(str(path))
    return written


def lines(ledger: Path, since_month: str = "") -> Iterator[dict[str, Any]]:
    """Yield the readable lines of the archives of `since_month` and later, oldest month first."""
    for month in months(ledger):
        if month >= since_month:
            yield from _lines_in(path_of(ledger, month))


def last(ledger: Path, reference: str, since_month: str = "") -> dict[str, Any] | None:
    """Return the last archived line of a reference; None where there is none."""
    quoted, found = json.dumps(reference).encode(), None
    for month in months(ledger):
        if month >= since_month:
            for line in _lines_in(path_of(ledger, month), quoted):
                found = line if line["reference"] == reference else found
    return found


def _lines_in(path: Path, containing: bytes = b"") -> Iterator[dict[str, Any]]:
    with disk_errors(path, "read"):
        try:
            with gzip.open(path, "rb") as file:
                for raw in file:
                    if containing in raw and (line := parsed(raw)):
                        yield line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            log.warning("%s cannot be read to its end (%s).", path, error)
