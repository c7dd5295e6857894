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
import hashlib
import os
import struct
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tenxsom.disk import disk_errors, disk_trouble
from tenxsom.errors import JobIsBusy

_FLOCK = struct.Struct("hhqqi4x")
"""struct flock as 64-bit Linux lays it out: type, whence, start, length, pid (which must be 0 here)."""

_UNLOCK = struct.pack("h", fcntl.F_UNLCK)
"""How a request begins that unlocks what the rest of it says."""


class LockTable:
    """The locks of one lock file. Use `lock_table(path)`: one object per file and process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._start_anew()

    def try_acquire(self, name: str) -> bool:
        """Take the lock of `name` if nobody holds it; returns whether it is ours now."""
        mine = _request(name)
        if self._held.setdefault(name, mine) is not mine:
            return False
        try:
            self._set(_AT_ONCE, mine)
        except (BlockingIOError, PermissionError):
            self._forget(name)
            return False
        except BaseException:  # a stop, too: without success it is nobody's again
            self._forget(name)
            raise
        return True

    def acquire(self, name: str) -> None:
        """Take the lock of `name`, waiting for whoever holds it. For short critical sections only."""
        mine = _request(name)
        if self._held.setdefault(name, mine) is not mine:
            self._wait_for(name, mine)
        try:
            self._set(_WAITING, mine)
        except BaseException:  # a stop, too: without success it is nobody's again
            self._forget(name)
            raise

    def release(self, name: str) -> None:
        """Give the lock back. Any thread may do that. What a forked child only seems to hold is its parent's."""
        mine = self._held.get(name)
        if mine is None:
            return
        try:
            self._set(_AT_ONCE, _UNLOCK + mine[len(_UNLOCK) :])
        finally:
            self._forget(name)

    def hold(self, name: str, wait: bool = True) -> AbstractContextManager[None]:
        """Hold the lock of `name` for a block. With `wait=False` raises JobIsBusy when somebody else has it."""
        return _Hold(self, name, wait)

    def _wait_for(self, name: str, mine: bytes) -> None:
        """Until another thread of this process has given a name back."""
        with self._freed:
            self._waiting += 1  # before looking: whoever gives a name back looks for those who wait afterwards
            try:
                while self._held.setdefault(name, mine) is not mine:
                    self._freed.wait()
            finally:
                self._waiting -= 1

    def _forget(self, name: str) -> None:
        self._held.pop(name, None)
        if self._waiting:
            with self._freed:
                self._freed.notify_all()

    def _set(self, command: int, request: bytes) -> None:
        """Lock or unlock a byte. Raises BlockingIOError or PermissionError when another process holds it, DiskTrouble."""
        try:
            _set_byte(self._descriptor or self._file(), command, request)
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
        self._held: dict[str, bytes] = {}
        """What each name was locked with. Nobody else's request is the same object, so `setdefault` tells who came first."""
        self._descriptor = None
        self._opening = threading.Lock()
        self._freed, self._waiting = threading.Condition(), 0


def _set_posix_lock(descriptor: int, command: int, request: bytes) -> None:
    kind, _, offset, *_ = _FLOCK.unpack(request)
    fcntl.lockf(descriptor, fcntl.LOCK_UN if kind == fcntl.F_UNLCK else command, 1, offset)


_set_byte: Callable[[int, int, bytes], object]
if hasattr(fcntl, "F_OFD_SETLK"):
    _set_byte, _AT_ONCE, _WAITING = fcntl.fcntl, fcntl.F_OFD_SETLK, fcntl.F_OFD_SETLKW
else:
    _set_byte, _AT_ONCE, _WAITING = _set_posix_lock, fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX


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


_HASH = hashlib.blake2b(digest_size=8)
"""Of nothing yet. A copy is made in half the time of a new one."""


def _request(name: str) -> bytes:
    """What locks the byte of a name."""
    digest = _HASH.copy()
    digest.update(name.encode("utf-8", "surrogateescape"))
    offset = int.from_bytes(digest.digest(), "big") >> 2
    return _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)


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
