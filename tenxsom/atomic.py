"""Files that are whole or not there: the one place that fsyncs and renames.

What it promises: after `write` or `publish` returns, the new content survives a power cut; a reader sees the old file or the
new one, never a part of either; whatever goes wrong, no temporary file of ours stays behind (a kill leaves at most one
`.tmp`, which no reader ever looks at and `sweep` removes).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenxsom import clock
from tenxsom.errors import DiskTrouble

AnyPath = str | os.PathLike[str]
"""Texts are for the queue, which works through thousands of files: pathlib takes as long as a system call."""

TEMPORARY_SUFFIX = ".tmp"
"""Ends the names of files that are still being written. Readers skip them."""

ABANDONED_AFTER_SECONDS = 86_400.0
"""No write takes a day: an older temporary file belongs to a process that was killed."""


@contextmanager
def disk_errors(path: AnyPath) -> Iterator[None]:
    """Turn the operating system's errors into DiskTrouble, which says what to do and exits with 75.

    All of them: too many open files or a stale network handle must not get past the callers who keep a paid job's id. Only
    errors that the operating system did not number (a library's own kinds of OSError) pass as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        reason = error.strerror or str(error)
        raise DiskTrouble(f"Cannot write {path}: {reason}. Free or repair the disk; the work goes on by itself.") from error


Identity = tuple[int, int, int]
"""Inode, time of change (ns) and size of a file: whoever replaces it changes them."""


def write(path: AnyPath, data: bytes, mode: int = 0o644, sync_names: bool = True) -> Identity:
    """Replace `path` by `data`: temporary file in the same folder, fsync, rename, fsync of the folder. Returns the new identity.

    Raises DiskTrouble; the old file is then still there, whole, or the new one is. Without `sync_names` the last step is left
    to the caller (`sync_folder`): until then a power cut may bring the old file back, whole.
    """
    with disk_errors(path):
        temporary = _temporary_beside(path)
        try:
            identity = _write_new(temporary, data, mode)
            os.replace(temporary, path)
        except BaseException:
            _unlink_quietly(temporary)
            raise
        if sync_names:
            sync_folder(_folder_of(path))
        return identity


def identity_of(path: AnyPath) -> Identity | None:
    """The identity of a file; None if there is none."""
    try:
        facts = os.stat(path)
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def create(path: AnyPath, data: bytes) -> bool:
    """Like `write`, but only if `path` does not exist yet. Returns whether it was we who made it."""
    with disk_errors(path):
        temporary = _temporary_beside(path)
        try:
            _write_new(temporary, data, 0o644)
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            _unlink_quietly(temporary)
        sync_folder(_folder_of(path))
    return True


def publish(source: Path, target: Path) -> None:
    """Give a finished file its final name, durably. Both must lie on the same file system; an existing target is replaced."""
    with disk_errors(target):
        with open(source, "rb") as file:
            os.fsync(file.fileno())
        os.replace(source, target)
        sync_folder(target.parent)


def append(path: Path, line: bytes) -> None:
    """Append one line, durably. The caller holds the lock of `path`.

    A line that an earlier crash left without its end is closed first, so that it spoils itself and not ours.
    """
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            if end == 0:
                sync_folder(path.parent)  # before the line counts: a file without a name after a power cut is lost as a whole
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
    with disk_errors(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        if sync_names:
            sync_folder(_folder_of(path))


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


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises DiskTrouble when the disk does not let us."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def free_bytes(folder: Path) -> int:
    """How many bytes an ordinary user can still write in `folder`."""
    with disk_errors(folder):
        facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def check_writable(folder: Path, needed_bytes: int) -> None:
    """Raise DiskTrouble unless `folder` has room for `needed_bytes` and takes a durable write right now."""
    free = free_bytes(folder)
    if free < needed_bytes:
        raise DiskTrouble(
            f"Only {free // 1_000_000} MB are free in {folder}; nothing is paid for with less than {needed_bytes // 1_000_000} MB."
            " Free some room; the work goes on by itself."
        )
    with disk_errors(folder):
        probe = _temporary_beside(folder / "room")
        try:
            _write_new(probe, b"\0" * 4096, 0o600)
        finally:
            _unlink_quietly(probe)


def sync_folder(folder: AnyPath) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_numbers = itertools.count()


def _temporary_beside(path: AnyPath) -> str:
    """A name in the same folder that nobody else uses: no other process, no other thread, no earlier life of this process."""
    folder, name = os.path.split(path)
    unique = f"{os.getpid()}-{os.urandom(4).hex()}-{next(_numbers)}"
    return os.path.join(folder, f".{name[:40]}.{unique}{TEMPORARY_SUFFIX}")


def _folder_of(path: AnyPath) -> str:
    return os.path.dirname(path) or "."


def _write_new(path: str, data: bytes, mode: int) -> Identity:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
        facts = os.fstat(descriptor)
        return facts.st_ino, facts.st_mtime_ns, facts.st_size
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    """os.write until everything is written: a full disk or a signal may make one call write less."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _unlink_quietly(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # gone already, or the disk is what is broken: the caller's own error says more
