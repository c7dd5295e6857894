"""What can be the id of a job, in every store: a name that no file system and no command mistakes for something else."""

from __future__ import annotations

import os

from tenxsom.errors import BadInput


def check_id(content_id: str) -> None:
    """Raise BadInput for an id that leads outside a folder, or is too long for a name."""
    if (
        content_id[:1] in ("", ".")
        or "/" in content_id
        or "\0" in content_id
        or (len(content_id) > 62 and len(os.fsencode(content_id)) > 250)
    ):
        raise BadInput(f"{content_id[:150]!r} cannot be the id of a job.")
