"""Reading a job's state file: what is in it, or why it cannot be one."""

from __future__ import annotations

import json
import os
import stat
import threading
from typing import Any

from tenxsom import atomic
from tenxsom.errors import BrokenState, DiskTrouble
from tenxsom.model.job import VideoJob
from tenxsom.store.legacy import upgraded

MAX_STATE_BYTES = 16 * 1024 * 1024


def read(path: str, content_id: str) -> tuple[VideoJob, atomic.Identity] | None:
    """The job in a state file, and the identity of that file; None if there is none.

    Raises BrokenState for what is no job of that name, NewerState for one of a newer version, DiskTrouble.
    """
    try:
        with _reading:
            data, identity = _bytes_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskTrouble(f"Cannot read {path}: {error.strerror}. Nothing was done with it.") from error
    try:
        document = _decoded(data)
    except (ValueError, RecursionError) as error:
        raise BrokenState(f"it is no valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise BrokenState("it holds no JSON object")
    job = VideoJob.from_dict(upgraded(document, content_id))
    if job.content_id != content_id:
        raise BrokenState(f"it is named {content_id}.json but holds the job {job.content_id!r}")
    return job, identity


_reading = threading.Lock()
"""One file at a time: each system call gives up the interpreter, and gets it back behind all the threads that wait for it."""


def _start_anew() -> None:
    """In a forked child: whoever was reading is its parent's."""
    global _reading
    _reading = threading.Lock()


os.register_at_fork(after_in_child=_start_anew)


def _decoded(data: bytes) -> Any:
    try:
        text = data.decode()
        document, end = _decode(text)
        if not text[end:].strip(" \t\r\n"):  # as we write it; a listing reads ten thousand of them
            return document
    except ValueError:
        pass
    return json.loads(data)  # which knows other encodings, too, and says what is wrong


_decode = json.JSONDecoder().raw_decode


def _bytes_of(path: str) -> tuple[bytes, atomic.Identity]:
    """What is in a state file; BrokenState for what cannot be one. Never waits: a pipe of that name would have no writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise BrokenState("it is no ordinary file")
        if facts.st_size > MAX_STATE_BYTES:
            raise BrokenState(f"it has {facts.st_size} bytes, which no state file has")
        return os.read(descriptor, facts.st_size + 1), (facts.st_ino, facts.st_mtime_ns, facts.st_size)
    finally:
        os.close(descriptor)
