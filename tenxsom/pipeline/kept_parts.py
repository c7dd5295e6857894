"""Removes clips, voice and music of finished films when they have been kept long enough."""

from __future__ import annotations

import logging

from tenxsom.errors import BrokenState, TenxsomError
from tenxsom.model import file_names
from tenxsom.model.job import JobState
from tenxsom.store.base import Artifacts, JobStore

log = logging.getLogger("poll")

DAY_SECONDS = 86_400.0
PAUSE_SECONDS = 3600.0
"""How often the finished films are looked through."""
MARK = ".parts_swept"
"""The file whose age tells when they were looked through last."""


class KeptParts:
    """The kept parts of finished films."""

    def __init__(self, artifacts: Artifacts, store: JobStore, days: float) -> None:
        self._artifacts = artifacts
        self._store = store
        self._days = days

    def sweep(self) -> int:
        """Remove what is older than the kept days, at most once an hour; return the number of removed files.

        Parts of jobs on the queue and of failed ones stay: a retry needs them. An error is logged, and leaves the rest to the next
        time.
        """
        age = self._artifacts.age_seconds(MARK)
        if self._days <= 0 or (age is not None and age < PAUSE_SECONDS):
            return 0
        removed = 0
        try:
            if age is None and next(self._artifacts.reports(), None) is None:
                return 0  # a new installation: the folder is made with its first job
            self._artifacts.write(MARK, b"")
            for content_id, names in self._old_parts().items():
                if self._is_finished(content_id):
                    for name in names:
                        self._artifacts.remove(name)
                    removed += len(names)
        except TenxsomError as error:
            log.warning("Kept clips could not be removed: %s", error)
        return removed

    def _old_parts(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._artifacts.parts_older_than(self._days * DAY_SECONDS):
            found.setdefault(file_names.owner_of_part(name), []).append(name)
        return found

    def _is_finished(self, content_id: str) -> bool:
        """Return whether a job has left the queue with a film. A job that cannot be read keeps its parts."""
        try:
            report = self._artifacts.final_report(content_id)
            return report is not None and report["state"] == JobState.COMPLETED and self._store.load(content_id) is None
        except BrokenState:
            return False
