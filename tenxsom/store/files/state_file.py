"""Reads a job's state file and checks it."""

from __future__ import annotations

import logging
import os
import stat
from typing import Any

from pydantic_core import from_json

from tenxsom.disk import as_disk_error
from tenxsom.errors import BrokenState, LoadFailed, RevisionIsStale, TenxsomError
from tenxsom.log import describe, place_of
from tenxsom.model.job import VideoJob
from tenxsom.model.stored import decode
from tenxsom.store.files.legacy import upgraded

log = logging.getLogger(__name__)

MAX_STATE_BYTES = 16 * 1024 * 1024
MOST_STATES_BYTES = 32 * 1024
"""Bytes of the first read, without a call for the size: nearly every state is smaller."""


def read(path: str, content_id: str) -> tuple[VideoJob, bytes] | None:
    """Read the job in a state file, and the file's bytes; None without a file.

    Raises BrokenState for a file that is not a job of that name, NewerState for a newer version, LoadFailed after an unexpected
    error, DiskError.
    """
    try:
        data = bytes_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise as_disk_error(path, error, "read") from error
    return parsed(data, content_id), data


def parsed(data: bytes, content_id: str) -> VideoJob:
    """Return the job in a state's bytes. Raises BrokenState, NewerState, LoadFailed as `read` does."""
    try:
        return _job_in(data, content_id)
    except (TenxsomError, MemoryError):
        raise
    except Exception as error:  # the error may be in the program and not in the file, which the caller keeps in place
        log.exception("Unexpected error", extra={"content_id": content_id})
        found = f"an unexpected error occurs when it is read, please report it: {describe(error)} ({place_of(error)})"
        raise LoadFailed(found) from error


def document(path: str) -> dict[str, Any] | None:
    """Read the document in a state file without checking its fields; None without a file.

    Raises BrokenState for a file that holds no JSON object, DiskError.
    """
    try:
        data = bytes_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise as_disk_error(path, error, "read") from error
    return parsed_document(data)


def parsed_document(data: bytes) -> dict[str, Any]:
    """Return the document in a state's bytes without checking its fields. Raises BrokenState for bytes that hold no JSON object."""
    try:
        return _object_in(data)
    except (ValueError, RecursionError) as error:
        raise BrokenState(f"it is no valid JSON: {error}") from None


def _object_in(data: bytes) -> dict[str, Any]:
    """Return the object in a file's bytes. pydantic's parser takes half the time, and does not know halves of surrogate pairs."""
    try:
        found = from_json(data, cache_strings="keys")
    except ValueError:
        found = decode(data)
    if not isinstance(found, dict):
        raise BrokenState("it holds no JSON object")
    return found


def _job_in(data: bytes, content_id: str) -> VideoJob:
    document = parsed_document(data)
    if "schema_version" not in document:
        document = upgraded(document, content_id)
    job = VideoJob.from_dict(document)
    if job.content_id != content_id:
        raise BrokenState(f"it is named {content_id}.json but holds the job {job.content_id!r}")
    return job


def bytes_of(path: str) -> bytes:
    """Read a state file's bytes without blocking, even on a pipe. Raises BrokenState for a file that cannot be one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        data = os.read(descriptor, MOST_STATES_BYTES)
        return data if 0 < len(data) < MOST_STATES_BYTES else data + _rest_of(descriptor, len(data))
    except (IsADirectoryError, BlockingIOError):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise  # the file is temporarily unavailable
        raise BrokenState("it is no ordinary file") from None
    finally:
        os.close(descriptor)


def _rest_of(descriptor: int, known: int) -> bytes:
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        raise BrokenState("it is no ordinary file")
    if facts.st_size > MAX_STATE_BYTES:
        raise BrokenState(f"it has {facts.st_size} bytes, which no state file has")
    return os.read(descriptor, max(0, facts.st_size + 1 - known))


def check_unchanged(path: str, since: bytes) -> None:
    """Raise RevisionIsStale unless the file has exactly these bytes; its time and size would not be enough."""
    if not holds(path, since):
        raise RevisionIsStale(
            f"{os.path.basename(path)} was changed by somebody else in the meantime; it is left as they wrote it."
        )


def holds(path: str, data: bytes) -> bool:
    """Return whether a state file exists with this content. Raises OSError where that is unknown."""
    try:
        return bytes_of(path) == data
    except (FileNotFoundError, BrokenState):
        return False
