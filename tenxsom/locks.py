"""Exclusive locks by name, across processes and threads: the only module that uses `fcntl`.

All names of a folder share one small lock file that is never replaced or removed; each name has one byte of it, at an offset
that is a hash of the name. The kernel releases a byte when its holder dies, kill -9 included, so there is nothing to clean up
and no lock is broken because of its age. (One lock file per name would have to be deleted, and deleting a locked file makes two
owners possible.) Two names with the same hash only wait for each other.

The lock file has mode 600, so that no other user of the machine can hold a name. Every wait has a limit, because a holder can be
stopped (SIGSTOP, a hanging disk), and a stop request ends it.

Linux has locks that belong to the open file (OFD locks); elsewhere POSIX locks do the same, because this module keeps exactly
one descriptor per lock file and process. Locks between machines over a network file system are not supported.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tenxsom import clock
from tenxsom.disk import as_disk_error, disk_errors
from tenxsom.errors import JobIsBusy, LockIsHeld

WAIT_SECONDS = 10.0
"""The longest wait for a name. Work under a lock with waiters takes milliseconds."""

FINISH_SECONDS = 2.0
"""The longest wait after a stop request, for a step that must be completed."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.0005, 0.02

_FLOCK = struct.Struct("hhqqi4x")
"""The layout of struct flock on 64-bit Linux: type, whence, start, length, pid (must be 0)."""

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class LockTable:
    """The locks of one lock file. Create it with `lock_table(path)`: one object per file and process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._start_anew()

    def try_acquire(self, name: str) -> bool:
        """Take the lock of `name` if it is free; return whether this process has it now. Raises DiskError."""
        mine = object()
        if self._held.setdefault(name, mine) is not mine:
            return False
        is_ours = False
        try:
            is_ours = self._set(fcntl.F_WRLCK, name)
        finally:  # also after a stop: without success the name is free again
            if not is_ours:
                self._held.pop(name, None)
        return is_ours

    def acquire(self, name: str, *, finishing: bool = False) -> None:
        """Take the lock of `name`, waiting at most WAIT_SECONDS. For short critical sections only.

        A stop request ends the wait; with `finishing` (the end of a paid step) it only shortens the wait. Raises LockIsHeld
        when the holder does not release the lock, Interrupted, DiskError.
        """
        _wait(lambda: self.try_acquire(name), f"the lock {name!r} of {self.path}", finishing)

    def release(self, name: str) -> None:
        """Release the lock, from any thread. A forked child does not release the locks of its parent."""
        if name not in self._held:
            return
        try:
            self._set(fcntl.F_UNLCK, name)
        finally:
            self._held.pop(name, None)

    @contextlib.contextmanager
    def hold(self, name: str, *, wait: bool = True, finishing: bool = False) -> Iterator[None]:
        """Hold the lock of `name` for a block. With `wait=False`, raise JobIsBusy when another process holds it."""
        if wait:
            self.acquire(name, finishing=finishing)
        elif not self.try_acquire(name):
            raise JobIsBusy(f"{name} is being worked on by another process right now; try again in a moment.")
        try:
            yield
        finally:
            self.release(name)

    def _set(self, kind: int, name: str) -> bool:
        """Lock or unlock the byte of a name; return False when another process holds it. Raises DiskError."""
        descriptor = self._file()
        try:
            _set_byte(descriptor, kind, _offset(name))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise as_disk_error(self.path, error, "lock") from error
        return True

    def _file(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        with self._opening:  # two descriptors would make two owners
            if self._descriptor is None:
                with disk_errors(self.path, "open"):
                    self._descriptor = _opened(self.path)
            return self._descriptor

    def _start_anew(self) -> None:
        """Reset the table, also in a forked child: its inherited descriptor would keep the parent's locks after its death."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._held: dict[str, object] = {}
        """The names that this process holds or is acquiring; `setdefault` decides between its threads."""
        self._descriptor = None
        self._opening = threading.Lock()


def _opened(path: Path) -> int:
    descriptor = os.open(path, _OPEN, 0o600)
    facts = os.fstat(descriptor)
    if stat.S_IMODE(facts.st_mode) != 0o600 and facts.st_uid == os.geteuid():
        with contextlib.suppress(OSError):  # a file system without modes; earlier versions made the file readable for all users
            os.fchmod(descriptor, 0o600)
    return descriptor


def _offset(name: str) -> int:
    """Return the byte of a name."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big") >> 2


def _set_ofd_lock(descriptor: int, kind: int, offset: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, offset, 1, 0))


def _set_posix_lock(descriptor: int, kind: int, offset: int) -> None:
    fcntl.lockf(descriptor, fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)


_set_byte: Callable[[int, int, int], None] = _set_ofd_lock if hasattr(fcntl, "F_OFD_SETLK") else _set_posix_lock


_tables: dict[str, LockTable] = {}
_tables_guard = threading.Lock()


def _after_fork() -> None:
    global _tables_guard
    _tables_guard = threading.Lock()
    for table in _tables.values():
        table._start_anew()


os.register_at_fork(after_in_child=_after_fork)


def lock_table(path: Path) -> LockTable:
    """Return the lock table of `path`, the same object for every caller in this process."""
    key = os.path.realpath(path.parent) + "/" + path.name
    with _tables_guard:
        if key not in _tables:
            _tables[key] = LockTable(Path(key))
        return _tables[key]


@contextlib.contextmanager
def hold_file(path: Path, *, finishing: bool = False) -> Iterator[None]:
    """Hold the lock of a file itself for a block; the file is created with mode 600 if it does not exist.

    The lock belongs to the file and not to its name: a process that opens it by a link, a hard link or a bind mount waits for the
    same lock. Each holder has its own open file, so that threads exclude each other like processes; closing it releases the
    lock. Waits like `LockTable.acquire`, and raises the same errors.
    """
    descriptor = _locked_file(path, finishing)
    try:
        yield
    finally:
        os.close(descriptor)


def _locked_file(path: Path, finishing: bool) -> int:
    """Return a descriptor that holds the lock of the file at `path`, also if the file was replaced during the wait."""
    while True:
        with disk_errors(path, "open"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _close_to_others(descriptor)
            _wait(partial(_try_file, path, descriptor), f"the lock of {path}", finishing)
            if _is_still(path, descriptor):
                return descriptor
        except BaseException:  # a stop must leave no open file behind, too
            os.close(descriptor)
            raise
        os.close(descriptor)


def _close_to_others(descriptor: int) -> None:
    """Remove other users' rights, because a reader of a file can hold its lock. A group with write access shares it on purpose.

    A device stays as it is: the whole machine uses /dev/null, to which a file may be linked.
    """
    facts = os.fstat(descriptor)
    if stat.S_ISREG(facts.st_mode) and facts.st_mode & 0o007 and facts.st_uid == os.geteuid():
        with contextlib.suppress(OSError):  # a file system without modes
            os.fchmod(descriptor, 0o660 if facts.st_mode & 0o020 else 0o600)


def _try_file(path: Path, descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise as_disk_error(path, error, "lock") from error
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """Return whether the opened file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _wait(take: Callable[[], bool], what: str, finishing: bool) -> None:
    """Retry a lock until it is taken or the wait is over."""
    began, pause = clock.monotonic(), _FIRST_PAUSE_SECONDS
    while not take():
        if not finishing:
            clock.check_stop()
        if clock.monotonic() - began > (FINISH_SECONDS if clock.stop_requested() else WAIT_SECONDS):
            raise LockIsHeld(
                f"Another process keeps {what} for too long: it is stopped, or its disk hangs."
                " Let it go on (kill -CONT) or end it; the work goes on by itself."
            )
        clock.nap(pause)
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
