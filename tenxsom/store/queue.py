"""The queue: video jobs as files, one JSON file per job. The heart of the belt.

`JobQueue` is the small protocol that everything above speaks; a database or another machine's queue can take its place.
`FileQueue` keeps the promises with plain files: accepted means on disk; never half a file; one owner at a time.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from tenxsom import atomic
from tenxsom.errors import BadInput, BrokenState, DiskTrouble, JobIsBusy, NewerState, RevisionIsStale
from tenxsom.locks import lock_table
from tenxsom.model.job import VideoJob
from tenxsom.store.legacy import upgraded

log = logging.getLogger(__name__)

ROOM_BYTES = 64 * 1024 * 1024
"""Free space that must be left before a paid call: enough for the state, the reports and a large clip."""

MAX_STATE_BYTES = 16 * 1024 * 1024


class Claim(Protocol):
    """The ownership of one job. `job` is what is on disk; change it and `save`."""

    job: VideoJob
    finished: bool
    """Whether the job has left the queue."""

    def save(self) -> None:
        """Make the job's present state durable. Raises RevisionIsStale if somebody else changed it, DiskTrouble."""

    def jot(self) -> None:
        """Save what may be lost to a power cut without harm (when to look again), for `JobQueue.settle` to make durable."""

    def finish(self) -> None:
        """Take the job out of the queue; its final report exists, and wins should a power cut bring the job back."""


class JobQueue(Protocol):
    """Accept, claim, save if the revision is still mine, finish, list."""

    def accept(self, job: VideoJob, unless: Callable[[], bool] | None = None) -> AbstractContextManager[Claim | None]:
        """Put a new job on the queue, durably, and own it for the block; None if its id is on the queue already.

        Also None, and nothing is written, where `unless()` says so; it is asked when nobody else can accept or finish this id.
        """

    def claim(self, content_id: str) -> AbstractContextManager[Claim | None]:
        """Own a job for the block; None if it is gone or unreadable. Raises JobIsBusy if another process owns it."""

    def load(self, content_id: str) -> VideoJob | None:
        """The job as it is now, without owning it; None if it is not on the queue. Raises BrokenState."""

    def ids(self) -> list[str]:
        """The ids of all jobs on the queue, in no particular order."""

    def settle(self) -> None:
        """Make everything durable that was only jotted down. Raises DiskTrouble."""

    def check_room(self) -> None:
        """Raise DiskTrouble unless there is room to keep what the next paid call brings."""


class FileQueue:
    """The queue as a folder: `<content_id>.json`, replaced as a whole at every save."""

    def __init__(self, folder: Path, also_writable: tuple[Path, ...] = ()) -> None:
        self.folder = folder
        self._also_writable = also_writable
        atomic.sweep(folder)
        self._place = str(folder)
        self._locks = lock_table(folder / ".locks")

    def path(self, content_id: str) -> Path:
        """Where a job's state lies. Raises BadInput for an id that would lie anywhere else."""
        return Path(self._path(content_id))

    def _path(self, content_id: str) -> str:
        name = f"{content_id}.json"
        if content_id[:1] in ("", ".") or "/" in content_id or "\0" in content_id or len(os.fsencode(name)) > 255:
            raise BadInput(f"{content_id[:150]!r} cannot be the id of a job.")
        return f"{self._place}/{name}"

    def ids(self) -> list[str]:
        try:
            return [name[:-5] for name in os.listdir(self._place) if name.endswith(".json") and name[0] != "."]
        except FileNotFoundError:
            return []  # nothing has been accepted yet

    def load(self, content_id: str) -> VideoJob | None:
        found = _read(self._path(content_id), content_id)
        return found[0] if found else None

    @contextmanager
    def accept(self, job: VideoJob, unless: Callable[[], bool] | None = None) -> Iterator[Claim | None]:
        path = self._path(job.content_id)
        self._make_folders()
        with self._locks.hold(job.content_id, wait=False):
            if (unless and unless()) or not atomic.create(path, _written(job)):
                yield None
            else:
                yield _FileClaim(path, job, atomic.identity_of(path))

    @contextmanager
    def claim(self, content_id: str) -> Iterator[Claim | None]:
        path = self._path(content_id)
        if not os.path.isdir(self._place):
            yield None
            return
        with self._locks.hold(content_id, wait=False):
            yield self._claimed(path, content_id)

    def settle(self) -> None:
        with atomic.disk_errors(self.folder):
            if self.folder.is_dir():
                atomic.sync_folder(self.folder)

    def check_room(self) -> None:
        for folder in (self.folder, *self._also_writable):
            atomic.check_writable(folder, ROOM_BYTES)

    def _make_folders(self) -> None:
        for folder in (self.folder, *self._also_writable):
            if not os.path.isdir(folder):
                atomic.make_folder(folder)

    def _claimed(self, path: str, content_id: str) -> Claim | None:
        name = f"{content_id}.json"
        try:
            found = _read(path, content_id)
        except NewerState as error:
            log.warning("%s is left alone: %s.", name, error)
            return None
        except BrokenState as error:
            moved = atomic.move_aside(Path(path), self.folder / "quarantine", f"{name} was moved here because {error}.")
            log.error("%s cannot be read (%s); it was moved to %s and nothing of it is lost.", name, error, moved)
            return None
        return _FileClaim(path, *found) if found else None


class _FileClaim:
    def __init__(self, path: str, job: VideoJob, identity: atomic.Identity | None) -> None:
        self.job = job
        self.finished = False
        self._path = path
        self._identity = identity

    def save(self) -> None:
        self._replace(sync_names=True)

    def jot(self) -> None:
        self._replace(sync_names=False)

    def _replace(self, sync_names: bool) -> None:
        if atomic.identity_of(self._path) != self._identity:
            raise RevisionIsStale(
                f"{os.path.basename(self._path)} was changed by somebody else in the meantime; it is left as they wrote it."
            )
        self.job.revision += 1
        data = _written(self.job)
        try:
            self._identity = atomic.write(self._path, data, sync_names=sync_names)
        except BaseException:
            if _holds(self._path, data):  # a folder that could not be synced has the new file all the same
                self._identity = atomic.identity_of(self._path)
            raise

    def finish(self) -> None:
        atomic.remove(self._path, sync_names=False)
        self.finished = True


def _read(path: str, content_id: str) -> tuple[VideoJob, atomic.Identity] | None:
    try:
        data, identity = _bytes_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskTrouble(f"Cannot read {path}: {error.strerror}. Nothing was done with it.") from error
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenState(f"it is no valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise BrokenState("it holds no JSON object")
    job = VideoJob.from_dict(upgraded(document, content_id))
    if job.content_id != content_id:
        raise BrokenState(f"it is named {content_id}.json but holds the job {job.content_id!r}")
    return job, identity


def _bytes_of(path: str) -> tuple[bytes, atomic.Identity]:
    """What is in a state file; BrokenState for what cannot be one. Never waits: a pipe of that name would have no writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise BrokenState("it is no ordinary file")
        if facts.st_size > MAX_STATE_BYTES:
            raise BrokenState(f"it has {facts.st_size} bytes, which no state file has")
        return os.read(descriptor, facts.st_size + 1), (facts.st_ino, facts.st_mtime_ns, facts.st_size)
    finally:
        os.close(descriptor)


def _holds(path: str, data: bytes) -> bool:
    try:
        return Path(path).read_bytes() == data
    except OSError:
        return False


_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_named = cache(lambda name: f" {_encode(name)}: ")


def _written(job: VideoJob) -> bytes:
    """One line a field: readable, and several times as fast as json's own indentation, which is not written in C.

    A service may send half a surrogate pair; it is written as JSON's own escape, and read back as it came.
    """
    lines = [_named(name) + ("null" if value is None else _encode(value)) for name, value in job.as_dict().items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8", "backslashreplace")


__all__ = ["Claim", "FileQueue", "JobIsBusy", "JobQueue"]
