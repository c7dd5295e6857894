"""Gemini's speech models on Vertex AI. Paid, by the second of sound; 130 languages, 30 speakers.

https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/text-to-speech/overview. A model tells no times of
words, takes no seed, and says the same text differently each time: a sound that was paid for is kept, and never asked for again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from tenxsom.errors import BadSettings, NotFound, ServiceRefused
from tenxsom.google.credentials import GenAiSettings
from tenxsom.setting_groups import setting
from tenxsom.voices.base import Line, PriceEntry, Speech

if TYPE_CHECKING:
    from tenxsom.google.genai import GenAi


class GeminiVoiceSettings(GenAiSettings):
    """The speech model on Vertex AI."""

    section: ClassVar[str] = ""

    vertex_tts_model_id: str = setting(
        "gemini-3.8-flash-lite-tts",
        "The speech model on Vertex AI, with `VOICE_SERVICE=gemini`",
        allowed="`gemini-3.8-flash-lite-tts`, `gemini-3.8-flash-tts`, or a later speech model of Vertex AI",
        comment="The speech model on Vertex AI: gemini-3.8-flash-lite-tts or gemini-3.8-flash-tts.",
    )
    vertex_tts_location: str = setting(
        "global",
        "Vertex AI region of that speech model",
        allowed="`global`, `us`, `eu`",
        comment="Region of that speech model: global, us or eu.",
    )


NAME = "gemini"
TOKENS_A_SECOND = 25
"""Tokens of sound that Google charges for a second (https://ai.google.dev/gemini-api/docs/pricing)."""

PRICES: PriceEntry = {
    "models": {
        "gemini-3.8-flash-lite-tts": {
            "input_usd": "0.50",
            "output_usd": "6",
            "later": {"since": "2027-01-01", "input_usd": "1", "output_usd": "12"},
        },
        "gemini-3.8-flash-tts": {
            "input_usd": "0.50",
            "output_usd": "9",
            "later": {"since": "2027-01-01", "input_usd": "1", "output_usd": "18"},
        },
    },
    "note": "USD per million tokens of text and of sound; a second of sound is 25 tokens. The launch price, which doubles on 1"
    " January 2027; Google's own table could not be read when these were taken down. Compare them with your bill.",
    "source": "https://cloud.google.com/gemini-enterprise-agent-platform/generative-ai/pricing",
}

SPEAKERS = (
    "Achernar", "Achird", "Algenib", "Algieba", "Alnilam", "Aoede", "Autonoe", "Callirrhoe", "Charon", "Despina", "Enceladus",
    "Erinome", "Fenrir", "Gacrux", "Iapetus", "Kore", "Laomedeia", "Leda", "Orus", "Pulcherrima", "Puck", "Rasalgethi",
    "Sadachbia", "Sadaltager", "Schedar", "Sulafat", "Umbriel", "Vindemiatrix", "Zephyr", "Zubenelgenubi",
)  # fmt: skip
DEFAULT = "Kore"

_REFUSALS = ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "LANGUAGE")
_PACES = ((0.97, "a little slower than usual"), (1.03, ""), (1.13, "a little faster than usual"), (9.0, "fast"))


class GeminiVoice:
    """One speaker of one model."""

    service = NAME

    def __init__(self, genai: GenAi, model: str, name: str = DEFAULT) -> None:
        self._genai, self._model, self.name = genai, model, name

    def say(self, line: Line) -> Speech:
        """Let the model speak a line. Raises ServiceRefused where its rules forbid the text and nothing was made."""
        try:
            made = self._genai.speak(self._model, line.text, self.name, _direction(line))
        except NotFound as error:
            raise ServiceRefused(
                f"{self._model} is retired, or not offered in this location ({error}); set VERTEX_TTS_MODEL_ID to a current"
                " model, such as gemini-3.8-flash-lite-tts, and VERTEX_TTS_LOCATION to global.",
                error.status,
                answer=error.answer,
            ) from None
        if made.content is None and not made.audio_tokens and re.search("|".join(_REFUSALS), made.reason):
            raise ServiceRefused(f"{self._model} does not say this text ({made.reason}); change its words.")
        usage = {"input_tokens": made.input_tokens, "audio_tokens": made.audio_tokens}
        if made.content is None:
            return Speech(b"", usage=usage, complaint=f"{self._model} sent no sound ({made.reason})")
        return Speech(made.content, made.mime_type, usage=usage)

    def close(self) -> None:
        self._genai.close()


def is_paid(settings: GeminiVoiceSettings) -> bool:  # noqa: ARG001  (the protocol of every voice)
    """Return True."""
    return True


def model_of(settings: GeminiVoiceSettings) -> str:
    """Return the model, by which it is charged."""
    return settings.vertex_tts_model_id


def is_rehearsal(settings: GeminiVoiceSettings) -> bool:
    """Return whether the address is not Google's own: orders cost nothing there."""
    host = urlsplit(settings.vertex_genai_base_url or "https://googleapis.com").hostname or ""
    return not f".{host.rstrip('.')}".endswith(".googleapis.com")


def speakers(settings: GeminiVoiceSettings) -> tuple[str, ...]:  # noqa: ARG001
    """Return the names of the prebuilt voices."""
    return SPEAKERS


def language_problem(settings: GeminiVoiceSettings, language: str) -> str | None:  # noqa: ARG001
    """Return None: it speaks more languages than it lists, and finds the language in the text."""
    return None


def missing(settings: GeminiVoiceSettings, name: str | None = None) -> str | None:  # noqa: ARG001
    """Return what it needs before it can be used; None if nothing."""
    if not settings.vertex_ai_project_id:
        return f"{NAME} needs VERTEX_AI_PROJECT_ID, and Google credentials; put them into production.env"
    if "-tts" not in settings.vertex_tts_model_id:
        return f"VERTEX_TTS_MODEL_ID: {settings.vertex_tts_model_id!r} is no speech model; use gemini-3.8-flash-lite-tts"
    return None


def open_voice(settings: GeminiVoiceSettings, name: str | None = None) -> GeminiVoice:
    """Return the voice. Raises BadSettings when credentials are missing."""
    from tenxsom.google.genai import open_genai

    if complaint := missing(settings, name):
        raise BadSettings(f"{complaint}.")
    genai = open_genai(NAME, settings, settings.vertex_tts_location)
    return GeminiVoice(genai, settings.vertex_tts_model_id, name or DEFAULT)


def _direction(line: Line) -> str:
    """Return the direction for the speaker: the style, and the speed in words, because there is no number for it."""
    pace = next(words for most, words in _PACES if line.speed <= most)
    return ", ".join(filter(None, (line.style, pace)))
