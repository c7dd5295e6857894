"""The queue as a folder with one JSON file per job: an accepted job is on disk, files are atomic, a job has one owner."""

from __future__ import annotations

import itertools
import logging
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.disk import as_disk_error, check_link, disk_errors, make_folder
from tenxsom.errors import (
    BadInput,
    BadSettings,
    BrokenState,
    DiskError,
    JobIsBusy,
    LoadFailed,
    NewerState,
    ServiceBusy,
    SetAside,
    UnexpectedError,
)
from tenxsom.locks import lock_table
from tenxsom.model.job import SCHEMA_VERSION, VideoJob
from tenxsom.store.base import Artifacts, Claim, Counts
from tenxsom.store.files import state_file
from tenxsom.store.files.failed_loads import FailedLoads
from tenxsom.store.files.file_marks import FolderMarks
from tenxsom.store.files.moved import check_here
from tenxsom.store.files.state_file import check_unchanged, holds
from tenxsom.store.job_ids import check_id

log = logging.getLogger(__name__)

QUARANTINE = "quarantine"
"""The folder of unreadable states."""

ROOM_BYTES = 64 * 1024 * 1024
"""The free space required before a paid call: enough for the state, the reports and a large clip."""


class FileJobStore:
    """Stores jobs in `folder` as `<content_id>.json`, replaced atomically at every save.

    `also_writable` are further folders that must have free space before a paid call; `reports` stores final reports.
    """

    def __init__(self, folder: Path, also_writable: tuple[Path, ...] = (), reports: Artifacts | None = None) -> None:
        self.folder = folder
        self._reports = reports
        atomic.sweep(folder)
        self._place = str(folder)
        self._folders = (folder, *also_writable)
        self._locks = lock_table(folder / ".locks")
        self._marks = FolderMarks(self._place)
        self._failed_loads = FailedLoads(folder / QUARANTINE)
        self._is_there = self._is_made = False  # whether the folder exists; whether everything for a job was created

    @property
    def folder_name(self) -> str:
        return self._place

    def path(self, content_id: str) -> Path:
        """Return the path of a job's state. Raises BadInput for an id that leads outside the folder."""
        return Path(self._path(content_id))

    def _path(self, content_id: str) -> str:
        check_id(content_id)
        return f"{self._place}/{content_id}.json"

    def ids(self) -> list[str]:
        with disk_errors(self._place, "read"):
            try:
                return [name[:-5] for name in os.listdir(self._place) if name.endswith(".json") and name[0] != "."]
            except FileNotFoundError:
                check_link(self._place)
                return []  # nothing has been accepted yet

    def due(self, most: int | None = None) -> list[str]:
        ids = sorted(self.ids(), key=self._saved_at)
        return ids if most is None else list(itertools.islice(filter(self._may_be_due, ids), most))

    def _saved_at(self, content_id: str) -> float:
        """Return when a job was last saved, in seconds since 1970: jobs that a tick did not reach come first in the next one."""
        try:
            return os.stat(self._path(content_id)).st_mtime
        except OSError:
            return 0.0  # gone, or a disk error: the job comes first, and its claim raises the error

    def _may_be_due(self, content_id: str) -> bool:
        try:
            job = self.load(content_id)
        except (BrokenState, DiskError):
            return True  # its claim raises the error
        return job is not None and job.is_due()

    def marks(self) -> Mapping[str, Hashable]:
        return self._marks.now()

    def documents(self, only: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, Any] | BrokenState | DiskError]]:
        for content_id in self.ids() if only is None else only:
            path = self._path(content_id)
            try:
                document = state_file.document(path)
                if document is None:
                    continue
                if document.get("schema_version") != SCHEMA_VERSION or document.get("content_id") != content_id:
                    job = self.load(content_id)  # an earlier version's, or an error
                    document = job.as_dict() if job else None
            except (NewerState, FileNotFoundError):
                continue
            except (BrokenState, DiskError) as error:
                yield content_id, error
                continue
            if document:
                yield content_id, document

    def load(self, content_id: str) -> VideoJob | None:
        path = self._path(content_id)
        found = state_file.read(path, content_id)
        return found[0] if found else None

    def accept(self, job: VideoJob, unless: Callable[[], bool] | None = None) -> AbstractContextManager[Claim | None]:
        path = self._path(job.content_id)
        if not self._is_made:
            self._make_folders()
        return _Accepting(self, path, job, unless)

    def claim(self, content_id: str) -> AbstractContextManager[Claim | None]:
        path = self._path(content_id)
        self._is_there = self._is_there or os.path.isdir(self._place)
        if not self._is_there:
            return nullcontext()  # nothing has been accepted yet, so there is no folder for a lock
        return _Claiming(self, path, content_id)

    def summary(self) -> Counts:
        states: Counter[str] = Counter()
        due = []
        for content_id in self.ids():
            try:
                job = self.load(content_id)
            except (BrokenState, DiskError):
                due.append(0.0)
                continue
            if job:
                states[str(job.state)] += 1
                due += [job.due_for_seconds()] if job.is_due() else []
        return Counts(len(due), max(due, default=0.0), states)

    @contextmanager
    def slot(self, service: str, most: int) -> Iterator[None]:
        if not self._is_made:
            self._make_folders()
        names = [f" place {number} of {service}" for number in range(most)]  # no id of a job begins with a blank
        taken = next(filter(self._locks.try_acquire, names), None)
        if taken is None:
            raise ServiceBusy(f"{service} gets orders of {most} jobs at once, which others have now; this one waits its turn.")
        try:
            yield
        finally:
            self._locks.release(taken)

    def set_aside(self) -> list[str]:
        try:
            names = os.listdir(self.folder / QUARANTINE)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise as_disk_error(self.folder / QUARANTINE, error, "read") from error
        return sorted(name.replace(".json", "") for name in names if name[0] != "." and not name.endswith(".why.txt"))

    def requeue(self, name: str, unless: Callable[[VideoJob], bool] | None = None) -> VideoJob:
        content_id, _, number = name.partition("~")
        self._path(content_id)  # an id that leads outside the folder is refused
        aside = f"{self._place}/{QUARANTINE}/{content_id}.json{number and '~' + number}"
        try:
            found = state_file.read(aside, content_id)
        except BrokenState as error:
            raise BadInput(f"{aside} still cannot be read, because {error}. Mend it first; nothing has changed.") from None
        if found is None:
            raise BadInput(f"There is no {name!r} in {self._place}/{QUARANTINE}/; manage_jobs.py status names what is there.")
        job = found[0]
        with self.accept(job, unless=lambda: unless is not None and unless(job)) as claim:
            if claim is None:
                raise BadInput(
                    f"{content_id} is on the queue already, or has ended since; {aside} is left where it is. Move it away if it is"
                    " not needed any more."
                )
        for left in (aside, f"{aside}.why.txt"):
            atomic.remove(left)
        return job

    def place(self, content_id: str) -> str:
        return f"{self._place}/{content_id}.json"

    def remedy(self, content_id: str) -> str:
        return self._remedy(content_id, f"{self._place}/{QUARANTINE}/")

    def _remedy(self, content_id: str, place: str | Path) -> str:
        return (
            f"It lies in {place}, and what was paid for {content_id} may stand in it alone: mend it and move it back to"
            " pending_video_jobs/, or have everything made once more, and paid for, with --again."
        )

    def check_room(self) -> None:
        for folder in self._folders:
            atomic.check_writable(folder, ROOM_BYTES)

    def _make_folders(self) -> None:
        for folder in self._folders:
            if not folder.is_dir():
                make_folder(folder)
        self._is_there = self._is_made = True

    def write_report(self, name: str, data: bytes) -> None:
        """Store a final report. Raises DiskError."""
        if self._reports is None:
            raise BadSettings(f"{name} cannot be written, because this queue was opened without a place for reports.")
        self._reports.write(name, data)

    def own(self, content_id: str) -> None:
        """Take the lock of a job. Raises JobIsBusy."""
        if not self._locks.try_acquire(content_id):
            raise JobIsBusy(f"{content_id} is being worked on by another process right now; try again in a moment.")

    def give_back(self, content_id: str) -> None:
        """Release the lock of a job."""
        self._locks.release(content_id)

    def read(self, path: str, content_id: str) -> tuple[VideoJob, bytes] | None:
        """Read a state file for its owner; return the job and the bytes. An invalid file is moved to quarantine (SetAside).

        After an unexpected error it stays in place for a day of loads (UnexpectedError).
        """
        try:
            found = state_file.read(path, content_id)
            self._failed_loads.forget(content_id)
            return found
        except NewerState as error:
            log.warning("%s.json is left alone: %s.", content_id, error)
        except BrokenState as error:
            self._check_loads(path, content_id, error)
            moved = atomic.move_aside(Path(path), self.folder / QUARANTINE, f"{content_id}.json was moved here because {error}.")
            log.error("%s.json cannot be read (%s); it was moved to %s.", content_id, error, moved)
            self._failed_loads.forget(content_id)
            raise SetAside(f"{content_id}.json cannot be read, because {error}. {self._remedy(content_id, moved)}") from None
        return None

    def _check_loads(self, path: str, content_id: str, error: BrokenState) -> None:
        """Raise UnexpectedError for a file that has loads left after an unexpected error."""
        if not isinstance(error, LoadFailed):
            return
        loads, is_over = self._failed_loads.count(content_id, Path(path))
        if not is_over:
            raise UnexpectedError(f"{content_id}.json is left in place, but {error}", repeated=loads > 1) from error


class _FileClaim(AbstractContextManager[Claim | None]):
    """A claim that is also its context manager."""

    job: VideoJob
    on_disk: bytes
    """The content of the file at the last read or save."""

    def __init__(self, store: FileJobStore, path: str, content_id: str) -> None:
        self.path = path
        self.finished = False
        self._store, self._content_id = store, content_id

    @abstractmethod
    def _begin(self) -> bool:
        """Check under the lock whether there is a job to own."""

    def __enter__(self) -> Claim | None:
        self._store.own(self._content_id)
        try:
            check_here(self._store.folder_name)
            if not self._begin():
                return None
            self._check_again()
            return self
        except BaseException:  # a stop must release the lock, too
            self._store.give_back(self._content_id)
            raise

    def _check_again(self) -> None:
        """Look again, after the beginning, whether the queue is still here."""

    def __exit__(self, *_: object) -> None:
        self._store.give_back(self._content_id)

    def save(self, *, durable: bool = True) -> None:
        with disk_errors(self.path):
            check_unchanged(self.path, self.on_disk)
        self.job.revision += 1
        data = self.job.as_json()
        try:
            atomic.write(self.path, data, sync_names=durable)
        except BaseException:  # after any error the next save must know the content on the disk
            if _seems_to_hold(self.path, data):  # the new file may be in place although syncing the folder failed
                self.on_disk = data
            raise
        self.on_disk = data

    def reload(self) -> None:
        if found := self._store.read(self.path, self._content_id):
            self.job, self.on_disk = found

    def report(self, name: str, data: bytes) -> None:
        self._store.write_report(name, data)

    def finish(self) -> None:
        atomic.remove(self.path, sync_names=False)
        self.finished = True


class _Accepting(_FileClaim):
    def __init__(self, store: FileJobStore, path: str, job: VideoJob, unless: Callable[[], bool] | None) -> None:
        super().__init__(store, path, job.content_id)
        self.job, self._unless = job, unless

    def _begin(self) -> bool:
        if self._unless and self._unless():
            return False
        self.on_disk = self.job.as_json()
        return atomic.create(self.path, self.on_disk)

    def _check_again(self) -> None:
        """Take the job back where the queue has moved meanwhile: the migration lists the jobs after it has written that word."""
        try:
            check_here(self._store.folder_name)
        except BadSettings:
            atomic.remove(self.path)
            raise


class _Claiming(_FileClaim):
    def _begin(self) -> bool:
        found = self._store.read(self.path, self._content_id)
        if found:
            self.job, self.on_disk = found
        return found is not None


def _seems_to_hold(path: str, data: bytes) -> bool:
    try:
        return holds(path, data)
    except OSError:
        return False
