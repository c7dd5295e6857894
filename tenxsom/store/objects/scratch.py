"""Files of a process on its machine's own disk: what is being written, and copies of what lies in an object store.

Each process has a folder of its own, so that two of them never write to one file. It is locked while the process lives; the next
process takes over what a dead one was writing, so that interrupted downloads go on, and removes the rest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors, make_folder
from tenxsom.locks import lock_table
from tenxsom.safe_files import discard
from tenxsom.store.files.artifacts import SCRATCH
from tenxsom.store.objects.keys import Version

WRITING, COPIES = "writing", "copies"
COPY_SECONDS = 6 * 3600.0
"""How long a copy is kept after its last use; no tick works that long on one."""


class Scratch:
    """The folder of this process in `root`, made on first use."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder: Path | None = None
        self._owner = 0
        self._opening = threading.Lock()
        self._used: dict[Path, float] = {}
        """When each copy was last asked for."""

    @property
    def folder(self) -> Path:
        """Return the folder of this process. Raises DiskError."""
        with self._opening:
            if self._folder is None or self._owner != os.getpid():  # a forked child has one of its own
                self._owner, self._folder = os.getpid(), self._opened()
            return self._folder

    def path(self, name: str) -> Path:
        """Return where a file is written before it is published."""
        return self.folder / WRITING / f"{name}.part"

    def copy(self, version: Version) -> Path:
        """Return where the copy of a published file is, or will be."""
        place = self.folder / COPIES / version.name / version.stem
        self._used[place] = clock.monotonic()
        return place / version.name

    def new_copy(self, version: Version) -> Path:
        """Return a new path to fetch a published file to, before `keep`."""
        self._forget_old_copies()
        folder = self.folder / COPIES / version.name
        make_folder(folder)
        return folder / f"{version.stem}.{os.urandom(4).hex()}"

    def keep(self, written: Path, version: Version) -> Path:
        """Make a file the copy of a published one. Its time is that of its publication, the same on every machine."""
        copy = self.copy(version)
        make_folder(copy.parent)
        with disk_errors(written):
            os.utime(written, ns=(version.milliseconds * 1_000_000,) * 2)
        atomic.rename(written, copy)
        return copy

    def discard(self, name: str) -> None:
        """Remove what belongs to a file: what is being written, and its copies."""
        if self._folder is None:
            return
        for suffix in SCRATCH:
            discard(self.folder / WRITING / f"{name}{suffix}")
        shutil.rmtree(self.folder / COPIES / name, ignore_errors=True)

    def _forget_old_copies(self) -> None:
        """Remove copies that nothing has asked for for hours: a page that runs for months shows every film once."""
        before = clock.monotonic() - COPY_SECONDS
        for place, used in list(self._used.items()):
            if used < before:
                self._used.pop(place, None)
                shutil.rmtree(place, ignore_errors=True)

    def files(self) -> Iterator[tuple[str, int, str]]:
        """Yield the name, the size in bytes and the time of the last change of what is being written, or was."""
        for path in self._written():
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                yield path.name, facts.st_size, clock.stamp_of_epoch(facts.st_mtime)

    def drop(self, name: str) -> None:
        discard(self.folder / WRITING / name)

    def close(self) -> None:
        """Remove the copies, and leave what is being written to the next process."""
        with self._opening:
            if self._folder is None or self._owner != os.getpid():
                return
            shutil.rmtree(self._folder / COPIES, ignore_errors=True)
            with contextlib.suppress(OSError):  # it is left where there is something to go on with
                (self._folder / WRITING).rmdir()
                self._folder.rmdir()
            lock_table(self.root / ".locks").release(self._folder.name)
            self._folder = None

    def _written(self) -> list[Path]:
        folder = self.folder / WRITING
        with disk_errors(folder, "read"):
            return sorted(folder.iterdir())

    def _opened(self) -> Path:
        make_folder(self.root)
        name = f"{os.getpid()}-{os.urandom(4).hex()}"
        lock_table(self.root / ".locks").try_acquire(name)
        folder = self.root / name
        make_folder(folder / WRITING)
        self._take_over(folder)
        return folder

    def _take_over(self, mine: Path) -> None:
        """Move what dead processes were writing to this one's folder, and remove their folders."""
        locks = lock_table(self.root / ".locks")
        with disk_errors(self.root, "read"):
            others = [path for path in self.root.iterdir() if path.is_dir() and path != mine]
        for other in others:
            if not locks.try_acquire(other.name):
                continue  # its process lives
            try:
                for path in sorted((other / WRITING).iterdir()) if (other / WRITING).is_dir() else ():
                    if not (target := mine / WRITING / path.name).exists():
                        atomic.rename(path, target)
                shutil.rmtree(other, ignore_errors=True)
            finally:
                locks.release(other.name)
