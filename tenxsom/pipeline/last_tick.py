"""When a tick last ran: the time of a file in the folder of pending jobs."""

from __future__ import annotations

from pathlib import Path

from tenxsom import clock
from tenxsom.empty_tick import LAST_TICK, note

__all__ = ["note", "when"]


def when(folder: Path) -> str | None:
    """Return when a tick last ran, as a stamp; None where none is known of."""
    try:
        return clock.stamp_of_epoch((folder / LAST_TICK).stat().st_mtime)
    except OSError:
        return None
