"""The keys of objects: every published file has a key of its own, which no other process ever writes.

    files/<content_id>/<name>/<number>-<time>-<sha256>-<random>.<ending>

Parts of films (`file_names.is_part`) are under `parts/` instead, and notes under `notes/`, so that looking for old ones, or for new
ones, reads nothing else. The highest number is the file; others are leftovers of a kill, or of a process that lost its job while it
worked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from tenxsom import clock
from tenxsom.model import file_names

FILES, PARTS, NOTES = "files", "parts", "notes"

_LAST = re.compile(r"(\d{6,})-(\d{13,})-([0-9a-f]{32})-[0-9a-f]{8}(?:\.[A-Za-z0-9]+)?")


class Version(NamedTuple):
    """A published file with this content, as the store lists it."""

    key: str
    name: str
    number: int
    milliseconds: int
    """When it was published, since 1970, by the clock of the machine that published it."""
    digest: str
    """The beginning of its SHA-256."""
    size: int
    stored_at: float
    """When the store got it, by the store's own clock."""

    @property
    def stem(self) -> str:
        """Return the last part of the key, which names this version of the file."""
        return self.key.rpartition("/")[2]

    @property
    def stamp(self) -> str:
        return clock.stamp_of_epoch(self.milliseconds / 1000)


def folder_of(name: str) -> str:
    """Return the beginning of the keys of a file."""
    return f"{owners_folder(name)}/{name}"


def owners_folder(name: str) -> str:
    """Return the beginning of the keys of a job's files of the same kind."""
    return f"{top_of(name)}/{file_names.owner(name)}"


def folders_of(content_id: str) -> tuple[str, ...]:
    """Return the beginnings of the keys of all files of a job."""
    return tuple(f"{top}/{content_id}" for top in (PARTS, FILES, NOTES))


def new_key(name: str, number: int, digest: str, milliseconds: int) -> str:
    """Return a key that nobody else uses."""
    ending = PurePosixPath(name).suffix if re.fullmatch(r"\.[A-Za-z0-9]+", PurePosixPath(name).suffix) else ""
    return f"{folder_of(name)}/{number:06}-{milliseconds:013}-{digest[:32]}-{os.urandom(4).hex()}{ending}"


def versions_in(entries: Iterable[tuple[str, int, float]]) -> Iterator[Version]:
    """Yield the versions among the keys, sizes and times of a listing; other objects are none of ours."""
    for key, size, stored_at in entries:
        place, _, last = key.rpartition("/")
        found = _LAST.fullmatch(last)
        name = place.rpartition("/")[2]
        if found and folder_of(name) == place:
            yield Version(key, name, int(found[1]), int(found[2]), found[3], size, stored_at)


def best_first(versions: Iterable[Version]) -> list[Version]:
    """Return the versions of one file, the one that counts first: of two with one number the one that came first."""
    return sorted(versions, key=lambda version: (-version.number, version.stored_at, version.key))


def current_ones(versions: Iterable[Version]) -> tuple[dict[str, Version], list[Version]]:
    """Return the version that counts of each file, by name, and all others."""
    by_name: dict[str, list[Version]] = {}
    for version in versions:
        by_name.setdefault(version.name, []).append(version)
    ordered = {name: best_first(found) for name, found in by_name.items()}
    return {name: found[0] for name, found in ordered.items()}, [other for found in ordered.values() for other in found[1:]]


def top_of(name: str) -> str:
    """Return under which of the three a file lies; also for the ending of a name."""
    return PARTS if file_names.is_part(name) else NOTES if file_names.is_note(name) else FILES
