"""The part of a picture that no button, name or text of a platform covers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SafeArea(BaseModel):
    """What a platform covers at each edge of the picture, as a share of its height or width."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    top: float = Field(ge=0, le=0.45)
    right: float = Field(ge=0, le=0.45)
    bottom: float = Field(ge=0, le=0.45)
    left: float = Field(ge=0, le=0.45)


UPRIGHT = SafeArea(top=0.15, right=0.178, bottom=0.35, left=0.112)
"""What YouTube Shorts, Reels and TikTok all leave free of an upright picture: x 120 to 888, y 288 to 1248 of 1080×1920."""
WIDE = SafeArea(top=0.05, right=0.05, bottom=0.075, left=0.05)
"""Graphics-safe area of wide pictures (EBU R 95: https://tech.ebu.ch/docs/r/r095.pdf), with room for a player's bar below."""


def safe_area_of(platform: Mapping[str, Any], aspect_ratio: str) -> SafeArea:
    """Return the safe area of a platform for pictures of an aspect ratio such as `9:16`.

    A platform's own area is for its own aspect ratio; other pictures have what all platforms leave free.
    """
    written = platform.get("safe_area")
    if written is not None and platform.get("aspect_ratio") == aspect_ratio:
        return SafeArea.model_validate(written)
    wide, _, tall = aspect_ratio.partition(":")
    return UPRIGHT if float(wide) < float(tall) else WIDE


def problems(platforms: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the safe areas of platforms, one sentence part each."""
    found = []
    for name, entry in platforms.items():
        if not isinstance(entry, dict) or entry.get("safe_area") is None:
            continue
        try:
            SafeArea.model_validate(entry["safe_area"])
        except ValidationError as error:
            where = ", ".join(sorted({".".join(map(str, detail["loc"])) or "all of it" for detail in error.errors()}))
            found.append(f"{name}.safe_area ({where})")
    return found
