"""For how long a service is left alone. Seconds from now, because processes that share pauses need not share a clock."""

from __future__ import annotations

from typing import NamedTuple


class Pause(NamedTuple):
    """What holds for one service."""

    shut_seconds: float = 0.0
    """For how long nothing is sent, after failures in a row."""
    held_seconds: float = 0.0
    """For how long no free call is made, because the service asked for it (`Retry-After`)."""
