"""Exclusive locks by name, across processes and threads: the one place that knows `fcntl`.

All names of a folder share one small lock file that is never replaced and never removed; each name owns one byte of it, at an
offset that is a hash of the name. The kernel frees a byte the moment its holder dies, kill -9 included, so nothing is ever left
behind to clean up and no lock is ever broken because of its age. (A lock file per name would have to be deleted, and deleting
or replacing a locked file is how two owners come about.) Two names whose hashes collide merely wait for each other.

Linux offers locks that belong to the open file (OFD locks); elsewhere POSIX locks do the same, because this module keeps exactly
one descriptor per lock file and process. Not promised: locks between machines over a network file system.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import struct
import threading
from contextlib import AbstractContextManager
from pathlib import Path

from tenxsom.disk import disk_errors, disk_trouble
from tenxsom.errors import JobIsBusy

_FLOCK = struct.Struct("hhqqi4x")
"""struct flock as 64-bit Linux lays it out: type, whence, start, length, pid (which must be 0 here)."""


class LockTable:
    """The locks of one lock file. Use `lock_table(path)`: one object per file and process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._start_anew()

    def try_acquire(self, name: str) -> bool:
        """Take the lock of `name` if nobody holds it; returns whether it is ours now."""
        with self._guard:
            if name in self._held:
                return False
            self._held.add(name)
        try:
            self._set(_requests(name)[0], wait=False)
        except (BlockingIOError, PermissionError):
            self._forget(name)
            return False
        except BaseException:  # a stop, too: without success it is nobody's again
            self._forget(name)
            raise
        return True

    def acquire(self, name: str) -> None:
        """Take the lock of `name`, waiting for whoever holds it. For short critical sections only."""
        with self._guard:
            while name in self._held:
                self._waiting += 1
                self._freed.wait()
                self._waiting -= 1
            self._held.add(name)
        try:
            self._set(_requests(name)[0], wait=True)
        except BaseException:  # a stop, too: without success it is nobody's again
            self._forget(name)
            raise

    def release(self, name: str) -> None:
        """Give the lock back. Any thread may do that."""
        try:
            self._set(_requests(name)[1], wait=False)
        finally:
            self._forget(name)

    def hold(self, name: str, wait: bool = True) -> AbstractContextManager[None]:
        """Hold the lock of `name` for a block. With `wait=False` raises JobIsBusy when somebody else has it."""
        return _Hold(self, name, wait)

    def _forget(self, name: str) -> None:
        with self._guard:
            self._held.discard(name)
            if self._waiting:
                self._freed.notify_all()

    def _set(self, request: bytes, wait: bool) -> None:
        """Lock or unlock a byte. Raises BlockingIOError or PermissionError when another process holds it, DiskTrouble."""
        try:
            _set_byte(self._descriptor or self._file(), request, wait)
        except (BlockingIOError, PermissionError):
            raise
        except OSError as error:
            raise disk_trouble(self.path, error) from error

    def _file(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        with self._opening:  # two descriptors would be two owners
            if self._descriptor is None:
                with disk_errors(self.path):
                    self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            return self._descriptor

    def _start_anew(self) -> None:
        """In a forked child, too: the descriptor it inherited would keep its parent's locks after the parent's death."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._held: set[str] = set()
        self._descriptor = None
        self._opening, self._guard = threading.Lock(), threading.Lock()
        self._freed, self._waiting = threading.Condition(self._guard), 0


def _set_ofd_lock(descriptor: int, request: bytes, wait: bool) -> None:
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, request)


def _set_posix_lock(descriptor: int, request: bytes, wait: bool) -> None:
    kind, _, offset, *_ = _FLOCK.unpack(request)
    flags = fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
    fcntl.lockf(descriptor, flags, 1, offset)


_set_byte = _set_ofd_lock if hasattr(fcntl, "F_OFD_SETLK") else _set_posix_lock


class _Hold(AbstractContextManager[None]):
    __slots__ = ("_name", "_table", "_wait")

    def __init__(self, table: LockTable, name: str, wait: bool) -> None:
        self._table, self._name, self._wait = table, name, wait

    def __enter__(self) -> None:
        if self._wait:
            self._table.acquire(self._name)
        elif not self._table.try_acquire(self._name):
            raise JobIsBusy(f"{self._name} is being worked on by another process right now; try again in a moment.")

    def __exit__(self, *_: object) -> None:
        self._table.release(self._name)


@functools.lru_cache(8192)
def _requests(name: str) -> tuple[bytes, bytes]:
    """What locks the byte of a name, and what unlocks it."""
    offset = int.from_bytes(hashlib.blake2b(os.fsencode(name), digest_size=8).digest(), "big") >> 2
    return _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0), _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, offset, 1, 0)


_tables: dict[str, LockTable] = {}
_tables_guard = threading.Lock()


def _after_fork() -> None:
    global _tables_guard
    _tables_guard = threading.Lock()
    for table in _tables.values():
        table._start_anew()


os.register_at_fork(after_in_child=_after_fork)


def lock_table(path: Path) -> LockTable:
    """The lock table of `path`, the same object for every caller in this process."""
    key = os.path.realpath(path)
    with _tables_guard:
        if key not in _tables:
            _tables[key] = LockTable(Path(key))
        return _tables[key]
