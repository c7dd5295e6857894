"""Where a picture of the user's own is, and what it holds. Imports nothing heavy: every definition is looked at with it."""

from __future__ import annotations

from pathlib import Path

from tenxsom.errors import BrokenMedia, NotFound

MAX_BYTES = 20_000_000
"""The least of what the services take as a start frame, and more than any still needs."""


def is_address(place: str) -> bool:
    """Whether a `start_image` is a web address; otherwise it is a file."""
    return place.lower().startswith(("https://", "http://"))


def read_picture(path: Path) -> bytes:
    """The bytes of a picture of the user's. Raises NotFound when there is none, BrokenMedia when it cannot be a start frame."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotFound(f"The start_image {path} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise BrokenMedia(f"the start_image {path.name} is larger than {MAX_BYTES // 1_000_000} MB; make it smaller.")
    return data
