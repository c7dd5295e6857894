"""Opening files where others can put theirs: no pipe is waited for, and no link is written through.

`completed_videos/` is written to by editors, upload jobs and web servers; a definition names a picture anywhere. What lies under
a name is looked at after it was opened, through the same descriptor, so that nothing can be swapped in between.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterator

from tenxsom.disk import AnyPath

log = logging.getLogger(__name__)

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WRITE = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CREAT


class NoOrdinaryFile(OSError):
    """A pipe, a socket, a device or a folder lies where a file is expected."""

    def __init__(self, path: AnyPath) -> None:
        super().__init__(errno.ENXIO, "it is no ordinary file", os.fspath(path))


def read_file(path: AnyPath, most: int) -> bytes:
    """The first `most` bytes of an ordinary file; links are followed. Never waits for a pipe. Raises OSError, NoOrdinaryFile."""
    descriptor = os.open(path, _READ)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NoOrdinaryFile(path)
        return file.read(most)


def open_own(path: AnyPath) -> int:
    """A descriptor to read and write a file of the program's own, which is made if it is not there.

    A link, a pipe, and a file that has another name as well are removed first. Raises OSError, NoOrdinaryFile for a device.
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
    """Like `open_own`, but the file is always a new and empty one."""
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
    """A new file at `path`, for a library that opens files by name: the name that leads to this very file. Raises OSError."""
    descriptor = open_new(path)
    try:
        magic = f"/proc/self/fd/{descriptor}"
        yield magic if os.path.exists(magic) else os.fspath(path)
    finally:
        os.close(descriptor)


def discard(path: AnyPath) -> None:
    """Remove a file that is not needed any more, if it is there and can be removed."""
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            log.debug("%s could not be removed: %s", path, error.strerror)
