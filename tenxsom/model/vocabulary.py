"""The names of this installation, and the nearest one to a misspelt name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tenxsom.setting_values import closest


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
    spelt = {item.lower(): item for item in reversed([*known])}
    close = closest(name.lower(), spelt)
    return f" Did you mean {spelt[close]!r}?" if close else ""
