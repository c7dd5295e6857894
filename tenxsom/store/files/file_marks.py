"""Marks of files: what is another one as soon as the file was replaced, from one look at its facts."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping

from tenxsom import clock
from tenxsom.disk import check_link, disk_errors

SETTLED_SECONDS = 0.1
"""A folder that has changed later than this before it was listed may change again without another time: clocks tick."""
TRUSTED_SECONDS = 5.0
"""A folder is listed at least so often: an editor may change a file in its place, which the folder's time does not tell."""


class FolderMarks:
    """The marks of the `.json` files of a folder. It is listed again only when something in it got a name or lost one.

    Every save is a rename, so that a quiet folder of ten thousand jobs costs one look.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._marks: Mapping[str, Hashable] = {}
        self._changed = -1
        self._listed = float("-inf")

    def now(self) -> Mapping[str, Hashable]:
        """Return the marks, by name without the suffix; the same object as before where nothing has changed. Raises DiskError."""
        with disk_errors(self._folder, "read"):
            self._look()
        return self._marks

    def _look(self) -> None:
        try:
            changed = os.stat(self._folder).st_mtime_ns
            if changed != self._changed or clock.monotonic() - self._listed > TRUSTED_SECONDS:
                is_settled = clock.epoch_age_seconds(changed / 1e9) > SETTLED_SECONDS
                self._listed = clock.monotonic()
                self._marks = self._list()
                self._changed = changed if is_settled else -1
        except FileNotFoundError:
            check_link(self._folder)
            self._marks, self._changed = {}, -1  # nothing has been accepted yet

    def _list(self) -> dict[str, Hashable]:
        with os.scandir(self._folder) as entries:
            named = [entry for entry in entries if entry.name.endswith(".json") and entry.name[0] != "."]
            return {entry.name[:-5]: mark for entry in named if (mark := mark_of(entry))}


def mark_of(entry: os.DirEntry[str]) -> Hashable | None:
    """Return the mark of a file; None if it has just gone.

    A file that is replaced atomically gets a new inode, so that two saves within one tick of the kernel's clock differ as well.
    """
    try:
        facts = entry.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return "it cannot be looked at"  # a link to itself, or no permission: reading it tells
    return facts.st_mtime_ns, facts.st_ino, facts.st_size
