"""The outbox as a folder: one small file for each message that is not delivered yet, and a memo of what was."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.disk import disk_errors
from tenxsom.locks import lock_table
from tenxsom.safe_files import read_file

log = logging.getLogger(__name__)

DELIVERED = ".delivered"
"""The file of the ids of delivered messages, one a line."""
MEMORY = ".memory"
MOST_BYTES = 1024 * 1024
MOST_DELIVERED = 2_000
"""So many delivered ids are kept: the same event is not sent again after a crash between its delivery and its job's next step."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class FileOutbox:
    """The messages in `folder`, which is made with the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, message_id: str, data: bytes) -> None:
        if not _ID.fullmatch(message_id):
            raise ValueError(f"{message_id!r} is no id of a message")
        if not self._path(message_id).exists() and message_id in self._delivered():
            return
        self._make()
        atomic.write(self._path(message_id), data, 0o600)

    def messages(self) -> list[tuple[str, bytes]]:
        try:
            names = [name for name in os.listdir(self._folder) if name.endswith(".json") and name[0] != "."]
        except FileNotFoundError:
            return []
        delivered = {f"{each}.json" for each in self._delivered()}  # a kill left their files
        aged = sorted((self._saved_at(name), name) for name in names if name not in delivered)
        return [(name[:-5], data) for _, name in aged if (data := self._read(name)) is not None]

    def remove(self, message_id: str) -> None:
        with disk_errors(self._folder):
            ids = [*self._delivered(), message_id]
            kept = ids[-MOST_DELIVERED:] if len(ids) > 2 * MOST_DELIVERED else None
            if kept is None:
                atomic.append(self._folder / DELIVERED, message_id.encode())
            else:
                atomic.write(self._folder / DELIVERED, "\n".join(kept).encode() + b"\n", 0o600)
        atomic.remove(self._path(message_id))

    def memory(self) -> dict[str, Any]:
        data = self._read(MEMORY)
        try:
            found = json.loads(data) if data else {}
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            log.warning("%s cannot be read; some things may be told once more.", self._folder / MEMORY)
            return {}
        return found

    def remember(self, memory: Mapping[str, Any]) -> None:
        self._make()
        atomic.write(self._folder / MEMORY, json.dumps(memory).encode(), 0o600)

    @contextmanager
    def deliver(self) -> Iterator[bool]:
        self._make()
        locks = lock_table(self._folder / ".locks")
        if not locks.try_acquire("delivery"):
            yield False
            return
        try:
            atomic.sweep(self._folder)
            yield True
        finally:
            locks.release("delivery")

    def _make(self) -> None:
        with disk_errors(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)

    def _path(self, message_id: str) -> Path:
        return self._folder / f"{message_id}.json"

    def _delivered(self) -> list[str]:
        return (self._read(DELIVERED) or b"").decode("ascii", "replace").split()

    def _read(self, name: str) -> bytes | None:
        try:
            return read_file(self._folder / name, MOST_BYTES)
        except OSError:
            return None  # gone, delivered by another process, or unreadable: the next run tries again

    def _saved_at(self, name: str) -> float:
        try:
            return (self._folder / name).stat().st_mtime
        except OSError:
            return 0.0
