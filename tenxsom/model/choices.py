"""The values of those fields of a definition that are one of a few."""

from __future__ import annotations

from typing import Literal

Tier = Literal["premium", "standard", "volume"]
AspectRatio = Literal["16:9", "9:16", "1:1"]
ClipsMode = Literal["auto", "single", "storyboard"]
Fit = Literal["keep", "trim"]
Pace = Literal["voice", "plan"]
ClipSound = Literal["duck", "keep", "mute"]
CaptionStyle = Literal["word_box", "word_colour", "line", "none"]
Transition = Literal["cut", "crossfade"]
Length = Literal["exact", "at_least"]

MUSIC_NAMES = ("auto", "none", "lyria")
"""Values of `music` that name no file."""


def is_sound_file(music: str | None) -> bool:
    """Return whether `music` in a definition or a brand is the name of a sound file."""
    return music is not None and music not in MUSIC_NAMES
