"""Records between ticks since when each job has a transient error, for `--patience`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from tenxsom import atomic, clock
from tenxsom.errors import TryAgainLater
from tenxsom.locks import lock_table
from tenxsom.pipeline.results import JobResult
from tenxsom.safe_files import read_file

FILE_NAME = ".passing_troubles"
MAX_BYTES = 16 * 1024 * 1024
PASSING = TryAgainLater.exit_code


def has_lasted(folder: Path, results: Iterable[JobResult], on_queue: Collection[str], minutes: float) -> bool:
    """Record which jobs had a transient error in this tick, and return whether one of them has had it for `minutes`.

    A job that was not worked on keeps its record. Where nothing can be recorded (a full disk), return True.
    """
    try:
        with lock_table(folder / ".locks").hold(FILE_NAME):
            since = _read(folder / FILE_NAME)
            noted = {content_id: moment for content_id, moment in since.items() if content_id in on_queue}
            for result in results:
                if result.exit_code == PASSING:
                    noted.setdefault(result.content_id, clock.stamp())
                else:
                    noted.pop(result.content_id, None)
            if noted != since:
                atomic.write(folder / FILE_NAME, json.dumps(noted).encode())
    except TryAgainLater:
        return True
    return any(clock.age_seconds(moment) >= minutes * 60 for moment in noted.values())


def _read(path: Path) -> dict[str, str]:
    """Return the records, without unreadable ones and times in the future."""
    try:
        noted = json.loads(read_file(path, MAX_BYTES))
        return {str(content_id): moment for content_id, moment in noted.items() if clock.seconds_until(moment) == 0}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
