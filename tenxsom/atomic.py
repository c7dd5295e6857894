"""Files that are whole or not there: the one place that fsyncs and renames.

What it promises: after `write` or `publish` returns, the new content survives a power cut; a reader sees the old file or the
new one, never a part of either; whatever goes wrong, no temporary file of ours stays behind (a kill leaves some `.tmp`, which no
reader ever looks at and `sweep` removes).
"""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path
from typing import Self

from tenxsom import clock
from tenxsom.disk import AnyPath, disk_errors, disk_trouble, free_bytes
from tenxsom.errors import DiskTrouble

TEMPORARY_SUFFIX = ".tmp"
"""Ends the names of files that are still being written. Readers skip them."""

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

ABANDONED_AFTER_SECONDS = 86_400.0
"""No write takes a day: an older temporary file belongs to a process that was killed."""


def write(path: AnyPath, data: bytes, mode: int = 0o644, sync_names: bool = True) -> None:
    """Replace `path` by `data`: temporary file in the same folder, fsync, rename, fsync of the folder.

    Raises DiskTrouble; the old file is then still there, whole, or the new one is. Without `sync_names` the last step is left
    to the caller (`sync_folder`): until then a power cut may bring the old file back, whole.
    """
    with disk_errors(path):
        with Draft(path, data, mode) as draft:
            draft.sync()
            draft.put_in_place()
        if sync_names:
            sync_folder(_split(path)[0])


class Draft:
    """New content in a temporary file beside `path`: `sync` it, then put it in place. What is not put in place goes at the end.

    Raises the operating system's errors as they are. For whoever replaces many files together; `write` does all this for one.
    """

    __slots__ = ("_descriptor", "_path", "temporary")

    def __init__(self, path: AnyPath, data: bytes, mode: int = 0o644) -> None:
        self._path = path
        self.temporary = _temporary_beside(path)
        self._descriptor = os.open(self.temporary, NEW_FILE, mode)
        try:
            _write_all(self._descriptor, data)
        except BaseException:  # a stop, too, must leave no temporary file behind
            self.close()
            raise

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def put_in_place(self) -> None:
        os.replace(self.temporary, self._path)
        self.temporary = ""

    def put_in_place_if_free(self) -> None:
        """Like `put_in_place`; raises FileExistsError when something has the name already, a dangling link too."""
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
    """Like `write`, but only if `path` does not exist yet. Returns whether this call made it."""
    parent, _ = _split(path)
    try:
        with Draft(path, data) as draft:
            draft.sync()
            draft.put_in_place_if_free()
        sync_folder(parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise disk_trouble(path, error) from error
    return True


NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL})
"""What `link` answers on file systems without hard links (exFAT, FAT, SMB, vboxsf, some FUSE ones)."""

_RENAME_NOREPLACE = 1
"""https://man7.org/linux/man-pages/man2/rename.2.html"""


def _rename_if_free(source: str, target: str) -> None:
    """Rename a file unless the new name is taken (FileExistsError), for file systems without hard links.

    Python has no call for `renameat2`. Where the system has none either, the name is looked at first: its owner by lock is the
    only process that makes it.
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
    """Give a finished file its final name, durably. Both must lie on the same file system; an existing target is replaced."""
    with disk_errors(target):
        with open(source, "rb") as file:
            os.fsync(file.fileno())
        os.replace(source, target)
        sync_folder(target.parent)


def append(path: Path, line: bytes) -> None:
    """Append one line, or several that belong together, durably. The caller holds the lock of `path`.

    A line that an earlier crash left without its end is closed first, so that it spoils itself and not ours.
    """
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            if end == 0:
                # before the line counts: a file without a name after a power cut is lost as a whole
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
    """Remove a file; it is fine if it is not there. Durably, but without `sync_names`: a power cut may then bring it back."""
    try:
        os.unlink(path)
        if sync_names:
            sync_folder(_split(path)[0])
    except FileNotFoundError:
        pass  # the file, or its folder with it
    except OSError as error:
        raise disk_trouble(path, error) from error


def move_aside(path: Path, folder: Path, reason: str) -> Path:
    """Move a file that nobody can read to `folder`, with `reason` in a text file beside it. Returns its new path.

    Nothing is ever overwritten there: a second file of the same name gets a number. Whoever makes the text file owns the name.
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


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes have left in `folder`, quietly: they are in nobody's way."""
    try:
        leftovers = [entry for entry in os.scandir(folder) if entry.name[0] == "." and entry.name.endswith(TEMPORARY_SUFFIX)]
        for entry in leftovers:
            if clock.age_seconds(clock.stamp_of_epoch(entry.stat().st_mtime)) > ABANDONED_AFTER_SECONDS:
                _unlink_quietly(entry.path)
    except OSError:
        pass  # swept by somebody else at the same moment, or the disk is what is broken: the work itself will say so


def check_writable(folder: Path, needed_bytes: int) -> None:
    """Raise DiskTrouble unless `folder` has room for `needed_bytes` and takes a durable write right now."""
    free = free_bytes(folder)
    if free < needed_bytes:
        raise DiskTrouble(
            f"Only {free // 1_000_000} MB are free in {folder}; nothing is paid for with less than {needed_bytes // 1_000_000} MB."
            " Free some room; the work goes on by itself."
        )
    with disk_errors(folder), Draft(folder / "room", b"\0" * 4096, 0o600) as probe:
        probe.sync()


def sync_folder(folder: AnyPath) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_numbers = itertools.count()
_life = ""


def _begin_life() -> None:
    """Name this life of this process: a later process of the same number, or a forked child, gets another name."""
    global _life
    _life = f"{os.getpid()}-{os.urandom(8).hex()}"


_begin_life()
os.register_at_fork(after_in_child=_begin_life)


def _temporary_beside(path: AnyPath) -> str:
    """A name in the same folder that nobody else uses: no other process, no other thread, no earlier life of this process."""
    folder, name = _split(path)
    return f"{folder}/.{name[:40]}.{_life}-{next(_numbers)}{TEMPORARY_SUFFIX}"


def _split(path: AnyPath) -> tuple[str, str]:
    """The folder of a file, and its name there."""
    folder, slash, name = os.fspath(path).rpartition("/")
    return folder or slash or ".", name


def _write_all(descriptor: int, data: bytes) -> None:
    """os.write until everything is written: a full disk or a signal may make one call write less."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _unlink_quietly(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # gone already, or the disk is what is broken: the caller's own error says more
