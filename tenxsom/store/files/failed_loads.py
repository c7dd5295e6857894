"""Counts, for each state, the loads that ended in an unexpected error.

The error may be in the program and not in the file, so the file stays in place for a day, while the program can be mended. The
count is a hidden file in the quarantine folder; it begins again when the state changes.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from tenxsom import atomic, clock
from tenxsom.disk import make_folder
from tenxsom.errors import DiskError

MOST_LOADS = 5
PATIENCE_SECONDS = 24 * 3600.0
_ENDING = ".loads"


class FailedLoads:
    """The counts in `folder`. The caller owns the job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counted: set[str] | None = None

    def count(self, content_id: str, path: Path) -> tuple[int, bool]:
        """Count a failed load of the state in `path`; return the number, and whether the state has no load left."""
        known, state = self._read(content_id), _version_of(path)
        if known.get("state") != state or not isinstance(known.get("loads"), int):
            known = {"state": state, "loads": 0, "since": clock.stamp()}
        known["loads"] += 1
        with contextlib.suppress(DiskError):  # the next load counts; the error itself is told now
            make_folder(self._folder)
            atomic.write(self._path(content_id), json.dumps(known).encode())
            self._names().add(content_id)
        is_over = known["loads"] >= MOST_LOADS and clock.age_seconds(known["since"]) > PATIENCE_SECONDS
        return known["loads"], is_over

    def forget(self, content_id: str) -> None:
        """Remove the count of a state that was loaded, or moved away."""
        if content_id in self._names():
            self._names().discard(content_id)
            with contextlib.suppress(OSError):
                self._path(content_id).unlink(missing_ok=True)

    def _names(self) -> set[str]:
        """Return the ids with a count, read once: nearly always there is none."""
        if self._counted is None:
            try:
                names = os.listdir(self._folder)
            except OSError:
                names = []
            self._counted = {name[1 : -len(_ENDING)] for name in names if name[0] == "." and name.endswith(_ENDING)}
        return self._counted

    def _read(self, content_id: str) -> dict[str, Any]:
        try:
            known = json.loads(self._path(content_id).read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _path(self, content_id: str) -> Path:
        return self._folder / f".{content_id}{_ENDING}"


def _version_of(path: Path) -> int:
    """Return the time of a state's last save, which tells it from later ones; 0 where it cannot be read."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
