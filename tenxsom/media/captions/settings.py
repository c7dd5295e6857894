"""Settings of captions."""

from __future__ import annotations

from typing import ClassVar

from tenxsom.setting_groups import ExistingFile, SettingsGroup, setting


class CaptionSettings(SettingsGroup):
    """Settings of the captions that are drawn into films."""

    section: ClassVar[str] = "Captions"

    caption_font: ExistingFile | None = setting(
        None,
        "Your own font for captions; letters that it lacks come from the bundled fonts",
        allowed="a TrueType or OpenType file",
        comment="Your own font for captions, for example /srv/brand/Bold.ttf; letters that it lacks come from the bundled fonts.",
    )
