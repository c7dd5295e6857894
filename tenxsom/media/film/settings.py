"""Settings of films."""

from __future__ import annotations

from typing import ClassVar

from tenxsom.setting_groups import SettingsGroup, setting


class FilmSettings(SettingsGroup):
    """Settings of what films look like."""

    section: ClassVar[str] = "Brand"

    brand: str | None = setting(
        None,
        "The brand kit of definitions that name none",
        allowed="the name of a file in `templates/brands/`, without `.json`",
        comment="The brand kit of definitions that name none: the name of a file in templates/brands/, for example my_channel",
    )
