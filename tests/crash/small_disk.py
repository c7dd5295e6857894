"""A disk in memory that is made full, and gets room again. Needs root, and a kernel that lets it mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE_BYTES = 4096


class NoMount(Exception):
    """No file system can be mounted here."""


class SmallDisk:
    """A file system in memory at `folder`, of `size` bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self._size = folder, size

    def mount(self) -> None:
        """Raises NoMount."""
        self.folder.mkdir()
        if not self._run("mount", "-t", "tmpfs", "-o", f"size={self._size}", "tmpfs", str(self.folder)):
            raise NoMount("mounting a file system is not allowed here (it needs root)")

    def unmount(self) -> None:
        self._run("umount", "--lazy", str(self.folder))

    def fill(self, left: int = 0) -> None:
        """Leave `left` bytes. Others may write meanwhile, so that it is tried until the size fits what there is."""
        while not self._resize(self._used() + left):
            continue

    def empty(self) -> None:
        """Give it the room that it had."""
        assert self._resize(self._size)

    def _used(self) -> int:
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def _resize(self, size: int) -> bool:
        return self._run("mount", "-o", f"remount,size={max(PAGE_BYTES, size)}", str(self.folder))

    @staticmethod
    def _run(*command: str) -> bool:
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[SmallDisk]:
    """A small disk for the length of a block. Raises NoMount."""
    disk = SmallDisk(folder, size)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()
