"""Reads a command's input: a file, or standard input."""

from __future__ import annotations

import os
import select
import sys

from tenxsom import clock
from tenxsom.errors import BadInput
from tenxsom.safe_files import read_file

MAX_INPUT_BYTES = 2 * 1024 * 1024
_LOOK_MILLISECONDS = 100


def read_input(name: str, most: int = MAX_INPUT_BYTES) -> bytes:
    """Read a file, or standard input for `-`, up to `most` bytes.

    A read from a pipe waits until a stop request (Interrupted). Raises BadInput for an unreadable file.
    """
    if name == "-":
        if sys.stdin is None:
            raise BadInput("standard input is closed; name a file instead of -.")
        return _standard_input(most)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            return _read(descriptor, most)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise BadInput(f"{name}: there is no such file.") from None
    except OSError as error:
        raise BadInput(f"{name}: it cannot be read ({error.strerror}).") from None


def read_line() -> str:
    """Return the next line that is typed on the terminal of standard input; empty at its end. A stop ends the wait (Interrupted).

    A terminal gives one line at a time, so that no line waits in Python's own buffer, where `poll` would not see it.
    """
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):  # a calling program has replaced sys.stdin
        return sys.stdin.readline()
    _wait_for(_watched(descriptor))
    return sys.stdin.readline()


def read_file_of_folder(name: str) -> bytes:
    """Like `read_input`, for a file found in a folder: a pipe or a device is refused."""
    try:
        return read_file(name, MAX_INPUT_BYTES)
    except OSError as error:
        raise BadInput(f"{name}: it cannot be read ({error.strerror}).") from None


def _standard_input(most: int) -> bytes:
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):  # a calling program has replaced sys.stdin
        return sys.stdin.buffer.read(most)
    return _read(descriptor, most)


def _read(descriptor: int, most: int) -> bytes:
    ready, data = _watched(descriptor), b""
    while len(data) < most:
        _wait_for(ready)
        piece = os.read(descriptor, most - len(data))
        if not piece:
            break
        data += piece
    return data


def _watched(descriptor: int) -> select.poll:
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    return ready


def _wait_for(ready: select.poll) -> None:
    """Wait until there is something to read. Raises Interrupted after a stop request."""
    while not ready.poll(_LOOK_MILLISECONDS):
        clock.check_stop()
