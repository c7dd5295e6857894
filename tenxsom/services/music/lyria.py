"""Google's Lyria on Vertex AI: half a minute of music without words, paid by the piece.

`lyria-002` is generally available in regions, takes a seed and what to avoid, and makes 33 seconds of instrumental WAV; the models
of Lyria 3 are previews in the location `global`, make an MP3, and sing unless told not to. A piece cannot be asked for again:
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/music/generate-music
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from tenxsom.errors import BadSettings, NotFound, ServiceRefused
from tenxsom.google.credentials import GenAiSettings
from tenxsom.services.music.base import MadeMusic, MusicOrder, PriceEntry
from tenxsom.setting_groups import setting

if TYPE_CHECKING:
    from tenxsom.google.genai import GenAi


class LyriaSettings(GenAiSettings):
    """The music model on Vertex AI."""

    section: ClassVar[str] = ""

    vertex_music_model_id: str = setting(
        "lyria-002",
        "The music model on Vertex AI, for `music: lyria`",
        allowed="`lyria-002`, `lyria-3-clip-preview`, `lyria-3-pro-preview`, or a later music model of Vertex AI",
        comment="The music model on Vertex AI: lyria-002, lyria-3-clip-preview or lyria-3-pro-preview.",
    )
    vertex_music_location: str | None = setting(
        None,
        "Vertex AI region of that music model; by default `us-central1` for `lyria-002`, else `global`",
        allowed="a region that serves it",
        comment="Region of that music model; empty: us-central1 for lyria-002, else global.",
    )


NAME = "lyria"

PRICES: PriceEntry = {
    "models": {
        "lyria-002": {"piece_usd": "0.06"},
        "lyria-3-clip-preview": {"piece_usd": "0.04"},
        "lyria-3-pro-preview": {"piece_usd": "0.08"},
    },
    "note": "USD per piece of music. Google's own table could not be read when these were taken down; they are what price maps and"
    " bills of 2026 agree on. Compare them with your bill.",
    "source": "https://cloud.google.com/gemini-enterprise-agent-platform/generative-ai/pricing",
}

_AVOIDED = "vocals, singing, lyrics, speech, spoken words"
_PREDICTED = "lyria-002"
"""The model that `predict` serves; later ones are served by interactions."""


class Lyria:
    """One music model."""

    name = NAME

    def __init__(self, genai: GenAi, model: str) -> None:
        self._genai, self._model = genai, model

    def compose(self, order: MusicOrder) -> MadeMusic:
        """Compose a piece. A response without sound is a refusal of the words: trying again changes nothing."""
        try:
            if self._model == _PREDICTED:
                made = self._genai.predict_music(self._model, order.description, _AVOIDED, order.seed)
            else:
                words = f"{order.description} Instrumental only, no vocals, no speech."
                made = self._genai.interact_for_music(self._model, words)
        except NotFound as error:
            raise ServiceRefused(
                f"{self._model} is retired, or not offered in this location ({error}); set VERTEX_MUSIC_MODEL_ID to a current"
                " model, such as lyria-002, and VERTEX_MUSIC_LOCATION to a location that serves it.",
                error.status,
                answer=error.answer,
            ) from None
        if made.content is None:
            raise ServiceRefused(
                f"{self._model} makes no music of these words ({made.reason}); names of artists and songs are refused."
            )
        return MadeMusic(made.content, made.mime_type)

    def close(self) -> None:
        self._genai.close()


def model_of(settings: LyriaSettings) -> str:
    """Return the model, by which it is charged."""
    return settings.vertex_music_model_id


def is_rehearsal(settings: LyriaSettings) -> bool:
    """Return whether the address is not Google's own: orders cost nothing there."""
    host = urlsplit(settings.vertex_genai_base_url or "https://googleapis.com").hostname or ""
    return not f".{host.rstrip('.')}".endswith(".googleapis.com")


def missing(settings: LyriaSettings) -> str | None:
    """Return what it needs before it can be used; None if nothing."""
    if not settings.vertex_ai_project_id:
        return f"{NAME} needs VERTEX_AI_PROJECT_ID, and Google credentials; put them into production.env"
    if not settings.vertex_music_model_id.startswith("lyria-"):
        return f"VERTEX_MUSIC_MODEL_ID: {settings.vertex_music_model_id!r} is no music model; use lyria-002"
    return None


def open_music(settings: LyriaSettings) -> Lyria:
    """Return the service. Raises BadSettings when credentials are missing."""
    from tenxsom.google.genai import open_genai

    if complaint := missing(settings):
        raise BadSettings(f"{complaint}.")
    model = settings.vertex_music_model_id
    location = settings.vertex_music_location or ("us-central1" if model == _PREDICTED else "global")
    return Lyria(open_genai(NAME, settings, location), model)
