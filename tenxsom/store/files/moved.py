"""The marker of a queue that has moved to a database, and the fence around each of its jobs.

The marker is asked for after a job's lock is taken, so that no program slips through between the look and the lock. A fenced state
is of a version that no program reads, so that programs of earlier versions leave it alone, too, and refuse its id.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.errors import BadSettings
from tenxsom.model.stored import encode

MARKER = ".moved"
"""The name of the marker in the folder of pending jobs; poll_video_status.py has it, too."""
FENCED_VERSION = 1_000_000


def marker(folder: Path) -> Path:
    return folder / MARKER


def moved_to(folder: Path) -> str | None:
    """Return where the queue of a folder has moved to; None where it has not."""
    try:
        return marker(folder).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"a place that cannot be read here ({error.strerror})"


def check_here(folder: str) -> None:
    """Raise BadSettings where the queue of a folder has moved."""
    if os.path.lexists(f"{folder}/{MARKER}"):
        place = moved_to(Path(folder))
        raise BadSettings(f"The queue of {folder} has moved to {place}. Set QUEUE_URL to it; nothing is done here any more.")


def fence(path: str, content_id: str, place: str, document: dict[str, Any]) -> None:
    """Replace a state by its fence, which holds it."""
    atomic.write(
        path, encode({"schema_version": FENCED_VERSION, "content_id": content_id, "moved_to": place, "document": document})
    )


def fenced_document(data: bytes) -> dict[str, Any] | None:
    """Return the document within a fence; None for a state without one."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    is_fence = isinstance(found, dict) and found.get("schema_version") == FENCED_VERSION
    return found["document"] if is_fence and isinstance(found.get("document"), dict) else None
