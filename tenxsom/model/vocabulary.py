"""The names of this installation."""

from __future__ import annotations

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
