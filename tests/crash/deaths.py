"""Deaths and broken disks at the durable points of the program, without leaving the process.

Every lasting change goes through a few functions of `tenxsom.atomic`. They are replaced by ones that can strike at the n-th
change: the process "dies" before it, after it or in the middle of it, and from then on nothing can be written any more, as after
kill -9; or the disk breaks, for one change or for all that follow.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from tenxsom import atomic
from tenxsom.errors import DiskError


class Death(BaseException):
    """kill -9: no handler of the program may answer it."""


class Blow(NamedTuple):
    """What happens at which change (from 1): `before`, `after` and `half` are deaths, `full` and `unsynced` a broken disk."""

    at: int
    how: str

    def __str__(self) -> str:
        return f"{self.at}-{self.how}"


DEATHS, DISK_TROUBLES = ("before", "after", "half"), ("full", "unsynced")
ALL = os.environ.get("CRASH_POINTS") == "all"


def sweep(points: int, every: int = 1) -> list[Blow]:
    """Return what is tried: each change in each way with CRASH_POINTS=all, otherwise every so many changes, the ways in turn."""
    ways = [*DEATHS, *DISK_TROUBLES]
    if ALL:
        return [Blow(at, how) for at in range(1, points + 1) for how in ways]
    return [Blow(at, ways[number % len(ways)]) for number, at in enumerate(range(1, points + 1, every))]


class Fate:
    """Counts the durable changes and strikes at one. Use as a context manager around what shall be struck."""

    def __init__(self, blow: Blow | None) -> None:
        self._blow = blow
        self._changes = 0
        self.is_dead = False

    def die(self) -> None:
        """Die here and now (in the middle of a call, say)."""
        self.is_dead = True
        raise Death

    def change(self, work: Callable[..., Any], half: Callable[..., None], *arguments: Any, **options: Any) -> Any:
        """One durable change, or what becomes of it."""
        if self.is_dead:
            raise Death
        self._changes += 1
        how = self._blow.how if self._blow and self._is_struck(self._blow) else ""
        if how == "full":
            raise DiskError("No space left on device (injected).")
        if how == "before":
            self.die()
        if how == "half":
            half(*arguments)
            self.die()
        done = work(*arguments, **options)
        if how == "after":
            self.die()
        if how == "unsynced":
            raise DiskError("The folder cannot be synced (injected).")
        return done

    def _is_struck(self, blow: Blow) -> bool:
        return self._changes >= blow.at if blow.how == "full" else self._changes == blow.at


def _half_a_file(name: str | Path, data: bytes, *_: Any) -> None:
    """What a kill in the middle of a write leaves: the old file, and a temporary one beside it."""
    path = Path(name)
    path.with_name(f".{path.name[:40]}.1-dead-1{atomic.TEMPORARY_SUFFIX}").write_bytes(data[: len(data) // 2])


def _half_a_line(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line[: len(line) // 2])


def _nothing(*_: Any) -> None:
    """A change that is there or not, and nothing in between."""


POINTS: dict[str, Callable[..., None]] = {
    "write": _half_a_file, "create": _half_a_file, "append": _half_a_line, "remove": _nothing, "publish": _nothing,
}  # fmt: skip


@contextmanager
def struck(blow: Blow | None) -> Iterator[Fate]:
    """Everything durable in this block goes through one Fate."""
    fate = Fate(blow)
    real = {name: getattr(atomic, name) for name in POINTS}

    def point(name: str) -> Callable[..., Any]:
        return lambda *arguments, **options: fate.change(real[name], POINTS[name], *arguments, **options)

    points: dict[str, Any] = {name: point(name) for name in POINTS}
    with patch.multiple(atomic, **points):
        yield fate
