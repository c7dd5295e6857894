"""The studio as one object: its world, its script of faults, its renders, its jobs and its storage host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tenxsom_studio.faults import Faults
from tenxsom_studio.jobs import Jobs
from tenxsom_studio.making import make_clip
from tenxsom_studio.renders import Renders
from tenxsom_studio.storage import Storage
from tenxsom_studio.world import World


class Studio:
    """The studio in `app.extensions["studio"]`.

    `token` None accepts any bearer token. `poll_pace_seconds` is the pause between two checks of a call with `pollForResult`
    (the vendor's is about 3 s).
    """

    def __init__(self, world: Path, token: str | None = None, storage_host: str | None = None) -> None:
        self.world = World(world)
        self.token = token
        self.poll_pace_seconds = 3.0
        self.faults = Faults(self.world)
        self.renders = Renders(lambda key: make_clip(self.world, key, self.renders.is_ending))
        self.jobs = Jobs(self.world, self.renders)
        self.storage = Storage(self.world, self.faults, storage_host)

    def drain(self, seconds: float) -> bool:
        """Wait at most `seconds` until the renders of this process are finished.

        Returns False when they are not, or after a stop request. Without this wait they stop when the program ends.
        """
        return self.renders.drain(seconds)

    def charges(self) -> list[dict[str, Any]]:
        """Return all accepted create calls: time, kind, jobId, replyRef, duration."""
        return self.world.charges()

    def close(self) -> None:
        """Stop all renders of this process and wait for their threads to end."""
        self.renders.close()
