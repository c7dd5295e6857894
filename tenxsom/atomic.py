"""Writes files atomically and durably: the only module that calls fsync and rename.

After `write` or `publish` returns, the new content survives a power cut. A reader sees the old file or the new one, never a part
of either. After an error no temporary file is left; a kill may leave a `.tmp`, which readers skip and `sweep` removes.
"""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path
from typing import Self

from tenxsom import clock
from tenxsom.disk import AnyPath, as_disk_error, disk_errors, free_bytes
from tenxsom.errors import DiskError

TEMPORARY_SUFFIX = ".tmp"
"""The suffix of files that are being written. Readers skip them."""

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

ABANDONED_AFTER_SECONDS = 86_400.0
"""The age from which a temporary file is removed: no write takes a day, so its process was killed."""


def write(path: AnyPath, data: bytes, mode: int = 0o644, sync_names: bool = True) -> None:
    """Replace the content of `path`: temporary file in the same folder, fsync, rename, fsync of the folder.

    Raises DiskError; the old file or the new one is then there, whole. Without `sync_names` the caller does the last step
    (`sync_folder`): until then a power cut may restore the old file, whole.
    """
    with disk_errors(path):
        with Draft(path, data, mode) as draft:
            draft.sync()
            draft.put_in_place()
        if sync_names:
            sync_folder(_split(path)[0])


class Draft:
    """New content in a temporary file beside `path`: `sync` it, then put it in place; otherwise `close` removes it.

    Raises OSError. It is for replacing many files together; `write` replaces one.
    """

    __slots__ = ("_descriptor", "_path", "temporary")

    def __init__(self, path: AnyPath, data: bytes, mode: int = 0o644) -> None:
        self._path = path
        self.temporary = _temporary_beside(path)
        self._descriptor = os.open(self.temporary, NEW_FILE, mode)
        try:
            _write_all(self._descriptor, data)
        except BaseException:  # a stop must leave no temporary file behind, too
            self.close()
            raise

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def put_in_place(self) -> None:
        os.replace(self.temporary, self._path)
        self.temporary = ""

    def put_in_place_if_free(self) -> None:
        """Like `put_in_place`, but raise FileExistsError when the name is taken, even by a dangling link."""
        try:
            os.link(self.temporary, self._path)
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            _rename_if_free(self.temporary, os.fspath(self._path))
            self.temporary = ""

    def close(self) -> None:
        if self.temporary:
            _unlink_quietly(self.temporary)
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create(path: AnyPath, data: bytes) -> bool:
    """Like `write`, but only if `path` does not exist yet. Returns whether this call created the file."""
    parent, _ = _split(path)
    try:
        with Draft(path, data) as draft:
            draft.sync()
            draft.put_in_place_if_free()
        sync_folder(parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise as_disk_error(path, error) from error
    return True


NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL})
"""The errors of `link` on file systems without hard links (exFAT, FAT, SMB, vboxsf, some FUSE ones)."""

_RENAME_NOREPLACE = 1
"""https://man7.org/linux/man-pages/man2/rename.2.html"""


def _rename_if_free(source: str, target: str) -> None:
    """Rename a file unless the new name is taken (FileExistsError), for file systems without hard links.

    Python has no call for `renameat2`. Where the system has none either, the name is checked first: only the owner of its lock
    creates it.
    """
    import ctypes  # only such file systems need it

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename and rename(-100, os.fsencode(source), -100, os.fsencode(target), _RENAME_NOREPLACE) == 0:
        return
    number = ctypes.get_errno() if rename else errno.ENOSYS
    if number not in (errno.ENOSYS, errno.EINVAL):
        raise OSError(number, os.strerror(number), target)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.replace(source, target)


def publish(source: Path, target: Path) -> None:
    """Rename a finished file to its final name, durably. Both must be on the same file system; a target is replaced."""
    with disk_errors(target):
        with open(source, "rb") as file:
            os.fsync(file.fileno())
        os.replace(source, target)
        sync_folder(target.parent)


def append(path: Path, line: bytes) -> None:
    """Append one or several lines durably. The caller holds the lock of `path`.

    A torn line of an earlier crash is terminated first, so that only that line is lost.
    """
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            if end == 0:
                # before the line counts: a file whose name does not survive a power cut is lost as a whole
                sync_folder(os.path.dirname(os.path.realpath(path)))
            torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            try:
                _write_all(descriptor, (b"\n" if torn else b"") + line + b"\n")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def remove(path: AnyPath, sync_names: bool = True) -> None:
    """Remove a file, if it exists, durably. Without `sync_names` a power cut may restore it."""
    try:
        os.unlink(path)
        if sync_names:
            sync_folder(_split(path)[0])
    except FileNotFoundError:
        pass  # the file, or its folder with it
    except OSError as error:
        raise as_disk_error(path, error) from error


def move_aside(path: Path, folder: Path, reason: str) -> Path:
    """Move an unreadable file to `folder`, with `reason` in a text file beside it. Returns its new path.

    Nothing is overwritten: a second file of the same name gets a number. The process that creates the text file owns the name.
    """
    why = reason.encode("utf-8", "backslashreplace") + b"\n"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        number, target = 1, folder / path.name
        while os.path.lexists(target) or not create(target.with_name(target.name + ".why.txt"), why):
            number += 1
            target = folder / f"{path.name}~{number}"
        os.replace(path, target)
        sync_folder(folder)
        sync_folder(path.parent)
    return target


def is_temporary(name: str) -> bool:
    """Return whether a file is a temporary one: a write in progress, or what a killed process left of one."""
    return name.startswith(".") and name.endswith(TEMPORARY_SUFFIX)


def sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes from `folder`, ignoring errors."""
    try:
        leftovers = [entry for entry in os.scandir(folder) if is_temporary(entry.name)]
        for entry in leftovers:
            if clock.age_seconds(clock.stamp_of_epoch(entry.stat().st_mtime)) > ABANDONED_AFTER_SECONDS:
                _unlink_quietly(entry.path)
    except OSError:
        pass  # removed by another process at the same time, or a disk error, which the work itself reports


def check_writable(folder: Path, needed_bytes: int) -> None:
    """Raise DiskError unless `folder` has `needed_bytes` of free space and accepts a durable write now."""
    free = free_bytes(folder)
    if free < needed_bytes:
        raise DiskError(
            f"Only {free // 1_000_000} MB are free in {folder}; nothing is paid for with less than {needed_bytes // 1_000_000} MB."
            " Free some room; the work goes on by itself."
        )
    with disk_errors(folder), Draft(folder / "room", b"\0" * 4096, 0o600) as probe:
        probe.sync()


def sync(path: Path, top: Path) -> None:
    """Sync a file that a library has written, and its folders up to `top`, so that a power cut takes neither. Raises DiskError."""
    with disk_errors(path):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        folder = path.parent
        sync_folder(folder)
        while folder != top and top in folder.parents:
            folder = folder.parent
            sync_folder(folder)


def rename(source: Path, target: Path) -> None:
    """Rename a file within this process's own folders; a power cut may undo it. Raises DiskError."""
    with disk_errors(target):
        os.replace(source, target)


def sync_folder(folder: AnyPath) -> None:
    """Sync a folder, so that its names survive a power cut."""
    descriptor = os.open(folder, FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_numbers = itertools.count()
_life = ""


def _begin_life() -> None:
    """Choose a unique name for this process, different from that of a forked child or a later process with the same id."""
    global _life
    _life = f"{os.getpid()}-{os.urandom(8).hex()}"


_begin_life()
os.register_at_fork(after_in_child=_begin_life)


def _temporary_beside(path: AnyPath) -> str:
    """Return a temporary name in the same folder, unique among all processes and threads."""
    folder, name = _split(path)
    return f"{folder}/.{name[:40]}.{_life}-{next(_numbers)}{TEMPORARY_SUFFIX}"


def _split(path: AnyPath) -> tuple[str, str]:
    """Return the folder and the name of a file."""
    folder, slash, name = os.fspath(path).rpartition("/")
    return folder or slash or ".", name


def _write_all(descriptor: int, data: bytes) -> None:
    """Call os.write until everything is written: a full disk or a signal may cause a short write."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _unlink_quietly(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # already removed, or a disk error; the caller's own error says more
