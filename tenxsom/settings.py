"""The settings: all groups of the program, read once from the environment and production.env.

The environment overrides the file, which is in TENXSOM_HOME. A misspelt name, an impossible value, or a missing file of a secret
is one sentence and exit code 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from tenxsom import setting_groups
from tenxsom.google.credentials import GenAiSettings, GoogleSettings
from tenxsom.media.captions.settings import CaptionSettings
from tenxsom.media.film.settings import FilmSettings
from tenxsom.planning.anthropic_api import AnthropicSettings
from tenxsom.planning.openai_compatible import OpenAiSettings
from tenxsom.planning.registry import PlannerChoiceSettings, PlannerSettings
from tenxsom.planning.vertex_claude import ClaudeSettings
from tenxsom.program import ROOT
from tenxsom.services.images.registry import ImageSettings
from tenxsom.services.images.vertex_image import VertexImageSettings
from tenxsom.services.ltx_api import LtxSettings
from tenxsom.services.music.lyria import LyriaSettings
from tenxsom.services.music.registry import MusicChoiceSettings, MusicSettings
from tenxsom.services.registry import SERVICES
from tenxsom.services.useapi import UseApiSettings
from tenxsom.services.vertex_veo import VeoSettings
from tenxsom.setting_groups import CoreSettings, Folders, Setting, SettingsGroup, setting, warnings
from tenxsom.setting_values import Secret, choice, several
from tenxsom.store.objects.settings import MediaSettings
from tenxsom.voices.gemini import GeminiVoiceSettings
from tenxsom.voices.registry import VoiceChoiceSettings, VoiceSettings
from tenxsom.voices.speech_api import SpeechApiSettings

__all__ = ["ROOT", "SERVICES", "SETTINGS", "Secret", "Setting", "Settings", "load", "warnings"]


class MakingSettings(SettingsGroup):
    """Settings of the service and the start frames of clips."""

    section: ClassVar[str] = "Making"

    video_service: Annotated[str, choice("auto", *SERVICES)] = setting(
        "auto",
        "Which video service makes the clips",
        allowed="`auto`, `local_studio`, `useapi_ltx`, `ltx_api`, `vertex_veo`",
        comment=(
            "auto, local_studio, useapi_ltx, ltx_api or vertex_veo. auto: the first of useapi_ltx and ltx_api whose key "
            "is set, else the local studio; Veo is used only when it is named."
        ),
    )
    video_service_fallback: Annotated[tuple[str, ...], several(*SERVICES)] = setting(
        (),
        "What to use, in this order, when that one is down or retired",
        allowed="none, one or several of these names, separated by commas",
        comment=(
            "What to use, in this order, when that service is down or retired, for example ltx_api,local_studio; empty: "
            "wait for it."
        ),
    )
    start_frames: Annotated[str, choice("auto", "flux", "vertex_image", "none")] = setting(
        "auto",
        "Where start frames come from",
        allowed="`auto`, `flux`, `vertex_image`, `none`",
        comment="Where start frames come from: auto (what the service needs), flux, vertex_image or none (text to video).",
    )
    start_image_folders: Folders = setting(
        (),
        "Where else than beside its definition a start_image may lie",
        allowed="absolute paths of folders that exist, with a colon between them",
        comment="Where else than beside its definition a start_image may lie, for example /srv/pictures:/home/me/brand",
    )


class Settings(
    ImageSettings,
    PlannerSettings,
    VeoSettings,
    LtxSettings,
    VoiceSettings,
    MusicSettings,
    CaptionSettings,
    FilmSettings,
    MediaSettings,
    MakingSettings,
    CoreSettings,
):
    """Every setting, typed."""

    groups: ClassVar[tuple[type[SettingsGroup], ...]] = (
        UseApiSettings,
        GoogleSettings,
        ClaudeSettings,
        GenAiSettings,
        VeoSettings,
        VertexImageSettings,
        PlannerChoiceSettings,
        AnthropicSettings,
        OpenAiSettings,
        LtxSettings,
        MakingSettings,
        CaptionSettings,
        VoiceChoiceSettings,
        GeminiVoiceSettings,
        SpeechApiSettings,
        MusicChoiceSettings,
        LyriaSettings,
        FilmSettings,
        MediaSettings,
        *CoreSettings.__bases__,
    )

    @property
    def key_files(self) -> tuple[Path, ...]:
        """Return the files that hold nothing but a key."""
        return (self.google_application_credentials,) if self.google_application_credentials else ()

    @property
    def private_places(self) -> tuple[Path, ...]:
        """Return the program's own files and folders, which no definition may use as a picture."""
        set_here = (self.google_application_credentials, self.tls_ca_file, self.log_file)
        ours = (self.home / "production.env", self.ledger_file, self.pending_folder, self.studio_folder, self.scratch_folder)
        return (*ours, *(path for path in set_here if path))


SETTINGS = tuple(setting_groups.declared(Settings))
"""Every setting except TENXSOM_HOME."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process. Raises BadSettings with one sentence that names the variable and the remedy."""
    return setting_groups.load(Settings, environ)
