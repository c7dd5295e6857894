"""Marks of files: what is another one as soon as the file was replaced, from one look at its facts."""

from __future__ import annotations

import os
from collections.abc import Hashable


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
