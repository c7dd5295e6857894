"""Files of jobs in a folder. Scratch files are beside the published ones, so that publishing is a rename and copies nothing."""

from __future__ import annotations

import errno
import glob
import json
import logging
import os
import re
from collections.abc import Collection, Hashable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tenxsom import atomic, clock
from tenxsom.disk import AnyPath, as_disk_error, check_link, disk_errors
from tenxsom.errors import BrokenState
from tenxsom.model import file_names
from tenxsom.model.ids import masked_id
from tenxsom.safe_files import NoOrdinaryFile, read_file
from tenxsom.store.files.file_marks import mark_of
from tenxsom.store.final_reports import MAX_REPORT_BYTES, parsed_report

log = logging.getLogger(__name__)

QUARANTINE = "quarantine"
"""The folder of unreadable reports."""
REPORTS = ("_completion_report.json", "_failure_report.json")
SCRATCH = (".part", ".part.resume", ".part.unpacked", ".part.fit", ".part.crop", ".part.track")
"""The suffixes of scratch files: what is being written, the memo of an interrupted download, two ways of cutting it, and a film
with a track of words."""


class FileArtifacts:
    """Stores the files of jobs in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self, name: str) -> bool:
        return self.size(name) is not None

    def size(self, name: str) -> int | None:
        path = self._path(name)
        with disk_errors(path, "read"):
            try:
                return os.stat(path).st_size
            except FileNotFoundError:
                check_link(self.folder)
                return None

    def sizes(self, names: Collection[str]) -> dict[str, int]:
        return {name: size for name in names if (size := self.size(name)) is not None}

    def location(self, name: str) -> str:
        return self._path(name)

    def link(self, name: str, seconds: float) -> str | None:  # noqa: ARG002  (a folder has no web address)
        return None

    def link_origin(self) -> str | None:
        return None

    def local(self, name: str) -> Path:
        if not self.exists(name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._path(name))
        return self.folder / name

    def scratch(self, name: str) -> Path:
        return self.folder / f"{name}.part"

    def publish(self, written: Path, name: str) -> None:
        atomic.publish(written, self.folder / name)

    def write(self, name: str, data: bytes) -> None:
        atomic.write(self.folder / name, data)

    def rename(self, name: str, new: str) -> None:
        atomic.publish(self.folder / name, self.folder / new)

    def remove(self, name: str) -> None:
        self._unlink(name)
        self.discard(name)

    def discard(self, name: str) -> None:
        for suffix in SCRATCH:
            self._unlink(name + suffix)

    def age_seconds(self, name: str) -> float | None:
        with disk_errors(self._path(name), "read"):
            try:
                return clock.epoch_age_seconds(os.stat(self._path(name)).st_mtime)
            except FileNotFoundError:
                return None

    def parts_older_than(self, seconds: float) -> list[str]:
        parts = ((name, _facts_of(entry)) for name, entry in self._entries() if file_names.is_part(name))
        return sorted(name for name, facts in parts if facts and clock.epoch_age_seconds(facts.st_mtime) > seconds)

    def files_of(self, content_id: str) -> list[str]:
        present = self._beginning_with(content_id)
        if not present:
            self._check_folder()
        return file_names.kept_files(content_id, present)

    def set_aside(self, content_id: str, but: Collection[str] = ()) -> int | None:
        present = self._beginning_with(content_id)
        names = [name for name in file_names.kept_files(content_id, present) if name not in but]
        if not names:
            return None
        number = file_names.run_number(content_id, present)
        for name in names:
            self.rename(name, file_names.of_earlier_run(content_id, number, name))
        return number

    def has_report(self, content_id: str) -> bool:
        return any(map(os.path.lexists, self._report_paths(content_id)))

    def final_report(self, content_id: str) -> dict[str, Any] | None:
        for path in self._report_paths(content_id):
            try:
                return _report_in(path)
            except FileNotFoundError:
                continue
            except ValueError as error:
                raise BrokenState(f"{path} cannot be read ({error}); look at it and move it away.") from None
            except OSError as error:
                raise as_disk_error(path, error, "read") from error
        self._check_folder()
        return None

    def reports(self, since: datetime | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, entry in self._entries():
            facts = _facts_of(entry) if name.endswith(REPORTS) else None
            if facts is None or (since is not None and facts.st_mtime < since.timestamp()):
                continue
            try:
                yield re.sub(r"_(completion|failure)_report\.json$", "", name), _report_in(entry.path)
            except (FileNotFoundError, PermissionError, ValueError) as error:
                log.warning("%s is left out: %s.", name, error.strerror if isinstance(error, OSError) else error)
            except OSError as error:
                raise as_disk_error(entry.path, error, "read") from error

    def marks(self, *endings: str) -> dict[str, Hashable]:
        marked = ((name, mark_of(facts)) for name, facts in self._entries() if name.endswith(endings))
        return {name: mark for name, mark in marked if mark}

    def scratch_files(self) -> Iterator[tuple[str, int, str]]:
        for name, entry in self._entries():
            is_scratch = (name.endswith(SCRATCH) or atomic.is_temporary(name)) and entry.is_file(follow_symlinks=False)
            if is_scratch and (facts := _facts_of(entry)):
                yield name, facts.st_size, clock.stamp_of_epoch(facts.st_mtime)

    def drop_scratch(self, name: str) -> None:
        self._unlink(name)

    def quarantine_report(self, content_id: str) -> str | None:
        told = None
        for path in map(Path, self._report_paths(content_id)):
            try:
                _report_in(path)
            except FileNotFoundError:
                continue
            except ValueError as error:
                reason = f"{path.name} cannot be read ({error}), and its job is still on the queue"
                moved = atomic.move_aside(path, self.folder / QUARANTINE, f"It was moved here because {reason}.")
                told = f"{reason}; it was moved to {moved}, and the job goes on from its state."
            except OSError as error:
                raise as_disk_error(path, error, "read") from error
        return told

    def owner_of(self, job_id: str) -> str | None:
        masked = json.dumps(masked_id(job_id), ensure_ascii=False).encode()
        for path in sorted(self.folder.glob("*_report.json")):
            if masked in _bytes_of(path):
                return re.sub(r"(~\d+)?_(completion|failure)_report$", "", path.stem)
        return None

    def check_room(self) -> None:
        """Do nothing: the store of jobs looks at this folder, too."""

    def check(self) -> None:
        """Do nothing: the folder is made with the first job."""

    def close(self) -> None:
        """Do nothing: every file belongs to all processes."""

    def _entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        with disk_errors(self.folder, "read"):
            try:
                with os.scandir(self.folder) as entries:
                    yield from ((entry.name, entry) for entry in entries)
            except FileNotFoundError:
                check_link(self.folder)  # otherwise nothing has ended yet, or a file has just gone

    def _check_folder(self) -> None:
        """Raise DiskError where the folder is a link to nothing: nobody can tell what is in it."""
        with disk_errors(self.folder, "read"):
            check_link(self.folder)

    def _path(self, name: str) -> str:
        """Return a path as text: thousands of jobs are looked up in a tick, and pathlib takes as long as a system call."""
        return f"{self.folder}/{name}"

    def _report_paths(self, content_id: str) -> tuple[str, str]:
        return self._path(file_names.completion_report(content_id)), self._path(file_names.failure_report(content_id))

    def _unlink(self, name: str) -> None:
        with disk_errors(self._path(name), "remove"):
            (self.folder / name).unlink(missing_ok=True)

    def _beginning_with(self, content_id: str) -> list[str]:
        return [path.name for path in self.folder.glob(f"{glob.escape(content_id)}*")]


def _facts_of(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return the facts of a listed file; None for a link to nothing or to itself, and for a file that was moved just now."""
    with disk_errors(entry.path, "read"):
        try:
            return entry.stat()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):
                return None
            raise


def _report_in(path: AnyPath) -> dict[str, Any]:
    """Read the report in a file. Raises ValueError for a file that is no report, OSError where it cannot be read now."""
    try:
        return parsed_report(read_file(path, MAX_REPORT_BYTES))
    except (NoOrdinaryFile, IsADirectoryError):
        raise ValueError("it is no ordinary file") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("its link leads back to itself") from None
        raise


def _bytes_of(path: Path) -> bytes:
    """Return the bytes of a report; b"" for an unreadable file."""
    try:
        return read_file(path, MAX_REPORT_BYTES)
    except OSError:
        return b""
