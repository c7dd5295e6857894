"""Removes what no job needs any more: parts of old films, abandoned scratch files, the local studio's old files, old logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom import atomic, clock
from tenxsom.errors import BrokenState
from tenxsom.model import file_names
from tenxsom.model.job import JobState
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts, JobStore

STUDIO = "local_studio"
KEPT_OF_THE_STUDIO = frozenset({"secret", "scale", "places", "faults.json", "accounts.json", "charges.jsonl", ".locks"})
"""The studio's files that are not of a single job."""


class Leftover(NamedTuple):
    """A file that can go."""

    kind: str
    """`part`, `scratch`, `studio` or `log`."""
    name: str
    """Its name among the finished files, or its path."""
    bytes: int


class Pruner:
    """Finds and removes leftovers that are older than a length of time."""

    def __init__(self, store: JobStore, artifacts: Artifacts, settings: Settings) -> None:
        self._store = store
        self._artifacts = artifacts
        self._settings = settings

    def leftovers(self, older_than: timedelta) -> list[Leftover]:
        """Return what can go: never a file of a job on the queue, of one in quarantine or of a failed one, never a film."""
        live, has_live_studio = self._live()
        before = clock.stamp(clock.now() - older_than)
        found = [*self._parts(older_than, live), *self._scratch(before, live)]
        if not has_live_studio:
            found += self._files_in(self._settings.studio_folder, before)
        return [*found, *self._logs(before)]

    def remove(self, leftover: Leftover) -> None:
        """Remove a leftover, if it is still there. Raises DiskError."""
        if leftover.kind == "part":
            if self._is_whole(file_names.owner_of_part(leftover.name)):  # a job may have been submitted again meanwhile
                self._artifacts.remove(leftover.name)
        elif leftover.kind == "scratch":
            self._artifacts.drop_scratch(leftover.name)
        else:
            atomic.remove(leftover.name, sync_names=False)

    def _live(self) -> tuple[set[str], bool]:
        """Return the ids of jobs that may go on, and whether one of them may need the local studio."""
        ids = {name.partition("~")[0] for name in self._store.set_aside()}
        needs_studio = bool(ids)
        for content_id, document in self._store.documents():
            ids.add(content_id)
            needs_studio = needs_studio or not isinstance(document, dict) or _uses_studio(document)
        return ids, needs_studio

    def _parts(self, older_than: timedelta, live: set[str]) -> Iterator[Leftover]:
        """Yield the parts of finished films: the film itself must be there, whole."""
        whole: dict[str, bool] = {}
        for name in sorted(self._artifacts.parts_older_than(older_than.total_seconds())):
            owner = file_names.owner_of_part(name)
            if owner in live:
                continue
            if owner not in whole:
                whole[owner] = self._is_whole(owner)
            if whole[owner]:
                yield Leftover("part", name, self._artifacts.size(name) or 0)

    def _is_whole(self, content_id: str) -> bool:
        """Return whether a job has left the queue with a film that is there with the size of its report."""
        try:
            report = self._artifacts.final_report(content_id)
            if report is None or report["state"] != JobState.COMPLETED or self._store.load(content_id) is not None:
                return False
        except BrokenState:
            return False
        media = report.get("media")
        expected = media.get("size_bytes") if isinstance(media, dict) else None
        size = self._artifacts.size(file_names.video(content_id))
        return bool(size) and expected in (None, size)

    def _scratch(self, before: str, live: set[str]) -> Iterator[Leftover]:
        for name, size, changed in self._artifacts.scratch_files():
            if changed < before and not any(_belongs_to(name, content_id) for content_id in live):
                yield Leftover("scratch", name, size)

    def _files_in(self, folder: Path, before: str) -> Iterator[Leftover]:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.name not in KEPT_OF_THE_STUDIO and (leftover := _old_file("studio", path, before)):
                yield leftover

    def _logs(self, before: str) -> Iterator[Leftover]:
        """Yield rotated logs; the log that is being written stays."""
        log = self._settings.log_file
        for path in sorted(log.parent.glob(f"{log.name}?*")) if log else ():
            if path.name[len(log.name if log else "") :][:1] in (".", "-") and (leftover := _old_file("log", path, before)):
                yield leftover


def _old_file(kind: str, path: Path, before: str) -> Leftover | None:
    try:
        facts = path.lstat()
    except OSError:
        return None  # it has just gone
    is_old = path.is_file() and not path.is_symlink() and clock.stamp_of_epoch(facts.st_mtime) < before
    return Leftover(kind, str(path), facts.st_size) if is_old else None


def _uses_studio(document: dict[str, Any]) -> bool:
    clips = document.get("clips")
    services = [clip.get("service") for clip in clips if isinstance(clip, dict)] if isinstance(clips, list) else []
    return STUDIO in (document.get("service"), *services) or document.get("rehearsal") is True


def _belongs_to(name: str, content_id: str) -> bool:
    return name.startswith(content_id) and name[len(content_id) :][:1] in (".", "~", "_")
