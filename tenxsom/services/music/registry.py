"""The services that compose music, by name; each is a module of its name in this folder, imported on first use."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Annotated, ClassVar

from tenxsom.errors import BadSettings
from tenxsom.services.music.base import MusicService, PriceEntry
from tenxsom.services.music.lyria import LyriaSettings
from tenxsom.setting_groups import SettingsGroup, setting
from tenxsom.setting_values import choice

MUSIC = ("lyria",)
"""The services that compose music. They are paid, and used only when they are named."""

AUTO, NONE = "auto", "none"


class MusicChoiceSettings(SettingsGroup):
    """Settings of what music films get."""

    section: ClassVar[str] = "Music"

    music_service: Annotated[str, choice(AUTO, *MUSIC, NONE)] = setting(
        AUTO,
        "What music a film gets whose definition and brand name none",
        allowed="`auto`, `lyria`, `none`",
        comment=(
            "auto, lyria or none. auto: music that is made on this machine, free, in the archetype's mood. lyria is paid, and used "
            "only when it is named."
        ),
    )


class MusicSettings(MusicChoiceSettings, LyriaSettings):
    """The settings of all music."""


def missing(name: str, settings: MusicSettings) -> str | None:
    """Return what a service needs before it can be used, as part of a sentence; None if nothing."""
    found: str | None = _module(name).missing(settings)
    return found


def prices(name: str) -> PriceEntry:
    """Return the published prices of a service."""
    found: PriceEntry = _module(name).PRICES
    return found


def model_of(name: str, settings: MusicSettings) -> str:
    """Return the model of a service, by which it is charged."""
    return str(_module(name).model_of(settings))


def is_rehearsal(name: str, settings: MusicSettings) -> bool:
    """Return whether a service's orders cost nothing, because its address is not the vendor's own."""
    return bool(_module(name).is_rehearsal(settings))


def open_music(name: str, settings: MusicSettings) -> MusicService:
    """Return a service, ready to compose. Raises BadSettings when it cannot be used."""
    found: MusicService = _module(name).open_music(settings)
    return found


def _module(name: str) -> ModuleType:
    if name not in MUSIC:
        raise BadSettings(f"There is no music service {name!r}; known are {', '.join(MUSIC)}.")
    return importlib.import_module(f"tenxsom.services.music.{name}")
