"""Opens files in folders that other programs write to, without blocking on pipes and without writing through links.

Editors, upload jobs and web servers write to `completed_videos/`, and a definition may name any picture. A file is checked after
it was opened, through the same descriptor, so that it cannot be swapped in between.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tenxsom.disk import AnyPath

log = logging.getLogger(__name__)

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WRITE = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CREAT


class NoOrdinaryFile(OSError):
    """A pipe, a socket, a device or a folder in place of a file."""

    def __init__(self, path: AnyPath) -> None:
        super().__init__(errno.ENXIO, "it is no ordinary file", os.fspath(path))


def read_file(path: AnyPath, most: int) -> bytes:
    """Read the first `most` bytes of a regular file, following links, without blocking. Raises OSError, NoOrdinaryFile."""
    with open_file(path) as file:
        return file.read(most)


def open_file(path: AnyPath) -> BinaryIO:
    """Open a regular file to read, following links, without blocking. Raises OSError, NoOrdinaryFile."""
    file = open(path, "rb", opener=lambda name, _: os.open(name, _READ))  # noqa: SIM115  (the caller closes it)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise NoOrdinaryFile(path)


def is_no_file(path: AnyPath) -> bool:
    """Return whether a folder, a device, a pipe or a socket is at `path`, which no new file may replace."""
    return os.path.exists(path) and not os.path.isfile(path)


def open_own(path: AnyPath) -> int:
    """Return a descriptor to read and write a file of the program, which is created if it does not exist.

    A link, a pipe, and a file with a second hard link are removed first. Raises OSError, NoOrdinaryFile for a device.
    """
    try:
        descriptor = os.open(path, _WRITE, 0o644)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
    else:
        facts = os.fstat(descriptor)
        if stat.S_ISREG(facts.st_mode) and facts.st_nlink <= 1:
            return descriptor
        os.close(descriptor)
    return open_new(path)


def open_new(path: AnyPath) -> int:
    """Like `open_own`, but the file is always new and empty."""
    with contextlib.suppress(FileNotFoundError):
        kind = os.lstat(path)
        if stat.S_ISCHR(kind.st_mode) or stat.S_ISBLK(kind.st_mode):
            raise NoOrdinaryFile(path)
        if not stat.S_ISREG(kind.st_mode) or kind.st_nlink > 1:
            log.warning("%s is no file of this program (a link, or a pipe); it is removed, not written through.", path)
        os.unlink(path)
    return os.open(path, _WRITE | os.O_EXCL, 0o644)


@contextlib.contextmanager
def writing(path: AnyPath) -> Iterator[str]:
    """Create a new file at `path`, for a library that opens files by name, and yield a name of this very file. Raises OSError."""
    descriptor = open_new(path)
    try:
        magic = f"/proc/self/fd/{descriptor}"
        yield magic if os.path.exists(magic) else os.fspath(path)
    finally:
        os.close(descriptor)


def copy_file(source: AnyPath, target: AnyPath) -> None:
    """Copy a regular file to a new file at `target`, which is never written through a link. Raises OSError."""
    with writing(target) as name:
        shutil.copyfile(source, name)


def write_file(path: AnyPath, data: bytes) -> None:
    """Write a new file at `path`, which is never written through a link. Raises OSError."""
    with open(open_new(path), "wb") as file:
        file.write(data)


def discard(path: AnyPath) -> None:
    """Remove a file, if it exists and can be removed."""
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            log.debug("%s could not be removed: %s", path, error.strerror)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
