"""How loud a film is: the level at which a platform plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

QUIETEST_LUFS, LOUDEST_LUFS = -36.0, -6.0
LOWEST_DBTP, HIGHEST_DBTP = -9.0, 0.0


class LoudnessTarget(BaseModel):
    """The integrated loudness of a film in LUFS, and its highest true peak before AAC in dBTP (EBU R 128)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    lufs: float = Field(default=-14.0, ge=QUIETEST_LUFS, le=LOUDEST_LUFS, allow_inf_nan=False)
    """YouTube plays louder films at -14 and leaves others as they are; TikTok and Reels publish no figure."""
    true_peak_dbtp: float = Field(default=-1.5, ge=LOWEST_DBTP, le=HIGHEST_DBTP, allow_inf_nan=False)
    """After AAC the peaks stay under -1 dBTP."""


def loudness_target(platform: Mapping[str, Any], lufs: float | None = None, true_peak_dbtp: float | None = None) -> LoudnessTarget:
    """Return how loud a film for a platform is; `lufs` and `true_peak_dbtp` (the user's settings) override the platform's own."""
    chosen = {"lufs": lufs, "true_peak_dbtp": true_peak_dbtp}
    given = {name: value for name, value in chosen.items() if value is not None}
    return LoudnessTarget.model_validate({**(platform.get("loudness") or {}), **given})


def problems(platforms: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the loudness of platforms, one sentence part each."""
    found = []
    for name, entry in platforms.items():
        if not isinstance(entry, dict) or entry.get("loudness") is None:
            continue
        try:
            LoudnessTarget.model_validate(entry["loudness"])
        except ValidationError as error:
            where = ", ".join(sorted({".".join(map(str, detail["loc"])) or "all of it" for detail in error.errors()}))
            found.append(f"{name}.loudness ({where})")
    return found
