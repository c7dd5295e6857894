"""Maps disk errors of the operating system to one sentence with its remedy, and measures free space.

A transient error (no space, too many open files) is DiskError, exit code 75; a permanent one (no permission, mounted
read-only, no locks) is DiskRefused, exit code 3.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tenxsom.errors import DiskError, DiskRefused

AnyPath = str | os.PathLike[str]
"""A path as text is for the queue of thousands of files: pathlib takes as long as a system call."""

_ANOTHER_USER = "Let user {user}, who runs this, own it (chown) or have the right to it (chmod), or run it as its owner"
_LOCAL_DISK = "Keep TENXSOM_HOME on a disk of this machine"

_REFUSALS = {
    errno.EACCES: _ANOTHER_USER,
    errno.EPERM: f"{_ANOTHER_USER}, or take away the attribute that forbids it (lsattr shows it, chattr -i -a)",
    errno.EROFS: "Mount the disk for writing; one that became read-only by itself has errors (dmesg tells them)",
    errno.ENOLCK: f"This file system gives no locks. {_LOCAL_DISK}, or start the lock service of the network file system",
    errno.ENOSYS: f"This file system cannot do that. {_LOCAL_DISK}",
    errno.EOPNOTSUPP: f"This file system cannot do that. {_LOCAL_DISK}",
    errno.EINVAL: f"This file system cannot do that. {_LOCAL_DISK}",
    errno.ENAMETOOLONG: "This disk takes no name of that length. Use a shorter content_id, or a TENXSOM_HOME with a shorter path",
    errno.ELOOP: "A symbolic link is in its place, and links are not followed there. Remove the link",
    errno.ENOTDIR: "One of its folders is a file. Move that file away",
    errno.EISDIR: "A folder is in its place. Move that folder away",
    errno.ENXIO: "A pipe, a socket or a device is in its place. Remove it",
    errno.EFBIG: "Files may not become that large. Raise the limit (ulimit -f), or use a file system that takes larger files",
}
"""Permanent errors, which a user must fix."""

_PASSING = {
    errno.ENOSPC: "Free some room (df -h), or remove files where it has no inodes left (df -i)",
    errno.EDQUOT: "The quota of user {user} is used up. Free some room, or have the quota raised",
    errno.EMFILE: "Raise the limit of open files (ulimit -n), or lower POLL_CONCURRENCY",
    errno.ENFILE: "The whole machine has too many files open. End what keeps them, or raise fs.file-max",
    errno.EIO: "Look at the disk (dmesg, smartctl) before it loses more",
    errno.ESTALE: "The network file system has lost it. Mount it anew",
    errno.ENOENT: "A folder is gone. Mount its disk, or make it again",
}


def disk_errors(path: AnyPath, doing: str = "write") -> AbstractContextManager[None]:
    """Translate the operating system's errors in a block to DiskError or DiskRefused, which name the remedy.

    Every errno is translated, because callers that save a paid job's id must catch all of them. Only an OSError without an errno
    (a library's own subclass) passes unchanged.
    """
    return _DiskErrors(path, doing)


class _DiskErrors(AbstractContextManager[None]):
    __slots__ = ("_doing", "_path")

    def __init__(self, path: AnyPath, doing: str) -> None:
        self._path, self._doing = path, doing

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise as_disk_error(self._path, error, self._doing) from error


def as_disk_error(path: AnyPath, error: OSError, doing: str = "write") -> DiskError:
    """Return our error for an error of the operating system: the failed action, the reason and the remedy."""
    number = error.errno or 0
    what = f"Cannot {doing} {os.fspath(path)}: {error.strerror or error}."
    if number in _REFUSALS:
        return DiskRefused(f"{what} {_remedy(_REFUSALS[number])}. Nothing is lost; the work goes on by itself after that.")
    return DiskError(f"{what} {_remedy(_PASSING.get(number, 'Free or repair the disk'))}; the work goes on by itself.")


def _remedy(sentence: str) -> str:
    return sentence.replace("{user}", str(os.geteuid()))


def make_folder(path: Path) -> None:
    """Create a folder and its parents. Raises DiskError."""
    with disk_errors(path):
        check_link(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None


def check_link(folder: AnyPath) -> None:
    """Raise FileNotFoundError where a folder is a link to nothing: its disk is not mounted, and it is not empty."""
    if os.path.islink(folder) and not os.path.exists(folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(folder))


def is_there(path: AnyPath, kind: Callable[[int], bool] | None = None) -> bool:
    """Return whether something is at `path`, links followed, and of a kind (`stat.S_ISREG`). Raises OSError where nobody can tell.

    From Python 3.14 on, `exists` of pathlib says False for every error, as that of os.path does: a disk that does not answer would
    be an empty one.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return kind is None or kind(mode)


def free_bytes(folder: Path) -> int:
    """Return the bytes that an ordinary user can still write in `folder`."""
    with disk_errors(folder):
        facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize
