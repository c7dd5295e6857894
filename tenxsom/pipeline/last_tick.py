"""Notes when a tick last ran: the time of a file in the folder of pending jobs. A tick that cannot note it goes on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tenxsom import clock

FILE_NAME = ".last_tick"
"""poll_video_status.py, which looks at an empty queue before anything is imported, has the name as well."""


def note(folder: Path) -> None:
    """Note that a tick has run."""
    with contextlib.suppress(OSError), (folder / FILE_NAME).open("wb") as file:
        os.utime(file.fileno())


def when(folder: Path) -> str | None:
    """Return when a tick last ran, as a stamp; None where none is known of."""
    try:
        return clock.stamp_of_epoch((folder / FILE_NAME).stat().st_mtime)
    except OSError:
        return None
