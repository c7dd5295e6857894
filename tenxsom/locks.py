"""Exclusive locks by name, across processes and threads: the one place that knows `fcntl`.

All names of a folder share one small lock file that is never replaced and never removed; each name owns one byte of it, at an
offset that is a hash of the name. The kernel frees a byte the moment its holder dies, kill -9 included, so nothing is ever left
behind to clean up and no lock is ever broken because of its age. (A lock file per name would have to be deleted, and deleting
or replacing a locked file is how two owners come about.) Two names whose hashes collide merely wait for each other.

The lock file is its owner's alone (mode 600): no other user of the machine can hold a name. Every wait has a limit, because a
holder can be stopped (SIGSTOP, a disk that hangs), and a stop request ends it.

Linux offers locks that belong to the open file (OFD locks); elsewhere POSIX locks do the same, because this module keeps exactly
one descriptor per lock file and process. Not promised: locks between machines over a network file system.
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
from tenxsom.disk import disk_errors, disk_trouble
from tenxsom.errors import JobIsBusy, LockIsHeld

WAIT_SECONDS = 10.0
"""The longest wait for a name. What is done under a lock that is waited for takes milliseconds."""

FINISH_SECONDS = 2.0
"""The longest wait after a stop request, for the end of a step that cannot be left half done."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.0005, 0.02

_FLOCK = struct.Struct("hhqqi4x")
"""struct flock as 64-bit Linux lays it out: type, whence, start, length, pid (which must be 0 here)."""

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class LockTable:
    """The locks of one lock file. Use `lock_table(path)`: one object per file and process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._start_anew()

    def try_acquire(self, name: str) -> bool:
        """Take the lock of `name` if nobody holds it; returns whether it is ours now. Raises DiskTrouble."""
        mine = object()
        if self._held.setdefault(name, mine) is not mine:
            return False
        is_ours = False
        try:
            is_ours = self._set(fcntl.F_WRLCK, name)
        finally:  # after a stop, too: without success it is nobody's again
            if not is_ours:
                self._held.pop(name, None)
        return is_ours

    def acquire(self, name: str, *, finishing: bool = False) -> None:
        """Take the lock of `name`, waiting for its holder at most WAIT_SECONDS. For short critical sections only.

        A stop request ends the wait; with `finishing` (the end of a step that is paid for already) it only shortens it.
        Raises LockIsHeld when the holder does not give it back, Interrupted, DiskTrouble.
        """
        _wait(lambda: self.try_acquire(name), f"the lock {name!r} of {self.path}", finishing)

    def release(self, name: str) -> None:
        """Give the lock back. Any thread may do that. What a forked child only seems to hold is its parent's."""
        if name not in self._held:
            return
        try:
            self._set(fcntl.F_UNLCK, name)
        finally:
            self._held.pop(name, None)

    @contextlib.contextmanager
    def hold(self, name: str, *, wait: bool = True, finishing: bool = False) -> Iterator[None]:
        """Hold the lock of `name` for a block. With `wait=False` raises JobIsBusy when another process has it."""
        if wait:
            self.acquire(name, finishing=finishing)
        elif not self.try_acquire(name):
            raise JobIsBusy(f"{name} is being worked on by another process right now; try again in a moment.")
        try:
            yield
        finally:
            self.release(name)

    def _set(self, kind: int, name: str) -> bool:
        """Lock or unlock the byte of a name; returns False when another process holds it. Raises DiskTrouble."""
        descriptor = self._file()
        try:
            _set_byte(descriptor, kind, _offset(name))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise disk_trouble(self.path, error, "lock") from error
        return True

    def _file(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        with self._opening:  # two descriptors would be two owners
            if self._descriptor is None:
                with disk_errors(self.path, "open"):
                    self._descriptor = _opened(self.path)
            return self._descriptor

    def _start_anew(self) -> None:
        """In a forked child, too: the descriptor it inherited would keep its parent's locks after the parent's death."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._held: dict[str, object] = {}
        """The names that this process holds or is about to: `setdefault` tells its threads who came first."""
        self._descriptor = None
        self._opening = threading.Lock()


def _opened(path: Path) -> int:
    descriptor = os.open(path, _OPEN, 0o600)
    facts = os.fstat(descriptor)
    if stat.S_IMODE(facts.st_mode) != 0o600 and facts.st_uid == os.geteuid():
        with contextlib.suppress(OSError):  # a file system without modes; earlier versions made it readable for everybody
            os.fchmod(descriptor, 0o600)
    return descriptor


def _offset(name: str) -> int:
    """Which byte belongs to a name."""
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
    """The lock table of `path`, the same object for every caller in this process."""
    key = os.path.realpath(path.parent) + "/" + path.name
    with _tables_guard:
        if key not in _tables:
            _tables[key] = LockTable(Path(key))
        return _tables[key]


@contextlib.contextmanager
def hold_file(path: Path, *, finishing: bool = False) -> Iterator[None]:
    """Hold the lock of a file itself, for a block; the file is made, for its owner alone, if it is not there.

    The lock belongs to the file and not to its name: a process that comes by a link, a hard link or a bind mount waits for the
    same one. Each holder has an open file of its own, so that threads keep each other out as processes do; closing it frees the
    lock. Waits as `LockTable.acquire` does, and raises the same errors.
    """
    descriptor = _locked_file(path, finishing)
    try:
        yield
    finally:
        os.close(descriptor)


def _locked_file(path: Path, finishing: bool) -> int:
    """A descriptor that holds the lock of the file that `path` names, also when another was put in its place meanwhile."""
    while True:
        with disk_errors(path, "open"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _close_to_others(descriptor)
            _wait(partial(_try_file, path, descriptor), f"the lock of {path}", finishing)
            if _is_still(path, descriptor):
                return descriptor
        except BaseException:  # a stop, too, must leave no open file behind
            os.close(descriptor)
            raise
        os.close(descriptor)


def _close_to_others(descriptor: int) -> None:
    """Take other users' rights away: who may read a file may hold its lock. A group that may write shares it on purpose."""
    facts = os.fstat(descriptor)
    if facts.st_mode & 0o007 and facts.st_uid == os.geteuid():
        with contextlib.suppress(OSError):  # a file system without modes
            os.fchmod(descriptor, 0o660 if facts.st_mode & 0o020 else 0o600)


def _try_file(path: Path, descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise disk_trouble(path, error, "lock") from error
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the file that was opened is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _wait(take: Callable[[], bool], what: str, finishing: bool) -> None:
    """Try to take a lock until it is ours or the wait is over."""
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
