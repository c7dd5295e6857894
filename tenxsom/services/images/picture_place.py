"""Finds and reads the user's own picture. Imports nothing heavy, because every definition is checked with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tenxsom.errors import BrokenMedia, NotFound
from tenxsom.media.first_bytes import is_heic, picture_problem
from tenxsom.safe_files import read_file

MAX_BYTES = 20_000_000
"""The largest start frame: the lowest limit of all services, and more than any still needs."""
_OTHER_KINDS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP picture",
    b"II*\0": "a TIFF or raw picture",
    b"MM\0*": "a TIFF or raw picture",
    b"8BPS": "a Photoshop document",
    b"<svg": "an SVG drawing",
    b"%PDF": "a PDF",
    b"\0\0\0\x0cjP": "a JPEG 2000 picture",
    b"\0\0\0\x0cJXL": "a JPEG XL picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\x1a\x45\xdf\xa3": "a video",
}
"""Files that users take for a picture, by their first bytes."""


def is_address(place: str) -> bool:
    """Return whether a `start_image` is a web address; otherwise it is a file."""
    return place.lower().startswith(("https://", "http://"))


def find_picture(place: str, folders: Sequence[Path], private: Sequence[Path]) -> Path:
    """Return the resolved path of a `start_image`. Raises BrokenMedia like `find_own_file`."""
    return find_own_file(place, folders, private, "picture")


def find_own_file(place: str, folders: Sequence[Path], private: Sequence[Path], kind: str) -> Path:
    """Return the resolved path of a user's file; a relative one is resolved in the first of the allowed folders.

    Raises BrokenMedia for a path outside these folders, and for the program's own files (`private`): a definition may come
    from a person or a program with fewer permissions than this program. `kind` says what it is in messages.
    """
    try:
        path = (folders[0] / Path(place).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a symlink loop, the home of an unknown user
        raise BrokenMedia(f"{place} is no place of a file: {error}.") from None
    if any(path.is_relative_to(own.resolve()) for own in private):
        raise BrokenMedia(f"{place} is a file of this program's own; name a {kind}.")
    if not any(path.is_relative_to(folder.resolve()) for folder in folders):
        raise BrokenMedia(
            f"{place} lies outside the definition's folder; put the {kind} there, or add its folder to START_IMAGE_FOLDERS."
        )
    return path


def read_picture(path: Path) -> bytes:
    """Read the user's picture once, from a regular file.

    Raises NotFound when the file does not exist (any more), BrokenMedia when it cannot be a start frame; no message quotes
    its content.
    """
    try:
        if os.path.realpath(path) != str(path):
            raise NotFound(f"The start_image {path} has become a link to another place.")
        data = read_file(path, MAX_BYTES + 1)
    except OSError as error:
        raise NotFound(f"The start_image {path} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise BrokenMedia(f"the start_image {path.name} is larger than {MAX_BYTES // 1_000_000} MB; make it smaller.")
    if kind := _other_kind(data):
        raise BrokenMedia(f"the start_image {path.name} is {kind}; save it as a PNG, JPEG or WebP file.")
    if picture_problem(data):
        raise BrokenMedia(f"the start_image {path.name} is no picture; give a PNG, JPEG or WebP file.")
    return data


def _other_kind(data: bytes) -> str:
    """Return the kind of a file that begins like a picture of another format, a drawing or a video; empty for all others."""
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data[4:8] == b"ftyp" and not is_heic(data):
        return "an AVIF picture" if data[8:11] == b"avi" else "a video"
    kinds = (kind for beginning, kind in _OTHER_KINDS.items() if data.startswith(beginning) or start.startswith(beginning))
    return next(kinds, "")
