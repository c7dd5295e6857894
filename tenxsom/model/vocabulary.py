"""The names of this installation, and the nearest one to a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Vocabulary(NamedTuple):
    """The names that a definition may use in this installation."""

    archetypes: Collection[str]
    platforms: Mapping[str, str]
    """Platform name → its aspect ratio."""
    services: Collection[str]
    longest: Mapping[str, float] = MappingProxyType({})
    """Platform name → the longest film that it takes, in seconds; a platform that is not here takes any."""


def nearest(name: str, known: Collection[str]) -> str:
    """Return ` Did you mean X?` for the nearest known name; empty if none is near."""
    close = difflib.get_close_matches(name.lower(), [item.lower() for item in known], n=1, cutoff=0.6)
    for item in known:
        if close and item.lower() == close[0]:
            return f" Did you mean {item!r}?"
    return ""
