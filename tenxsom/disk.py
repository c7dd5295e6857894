"""What a disk may answer, and how much room it has: the errors of the operating system in the words of ours."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from tenxsom.errors import DiskTrouble

AnyPath = str | os.PathLike[str]
"""Texts are for the queue, which works through thousands of files: pathlib takes as long as a system call."""


def disk_errors(path: AnyPath) -> AbstractContextManager[None]:
    """Turn the operating system's errors in a block into DiskTrouble, which says what to do and exits with 75.

    All of them: too many open files or a stale network handle must not get past the callers who keep a paid job's id. Only
    errors that the operating system did not number (a library's own kinds of OSError) pass as they are.
    """
    return _DiskErrors(path)


class _DiskErrors(AbstractContextManager[None]):
    __slots__ = ("_path",)

    def __init__(self, path: AnyPath) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise disk_trouble(self._path, error) from error


def disk_trouble(path: AnyPath, error: OSError) -> DiskTrouble:
    """An error of the operating system as one sentence of ours."""
    reason = error.strerror or str(error)
    return DiskTrouble(f"Cannot write {path}: {reason}. Free or repair the disk; the work goes on by itself.")


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises DiskTrouble when the disk does not let us."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def free_bytes(folder: Path) -> int:
    """How many bytes an ordinary user can still write in `folder`."""
    with disk_errors(folder):
        facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize
