"""The voices by name, and the choice among them. A voice service is a module of its name in this folder, imported on first use.

`auto` is the first free voice on this machine that speaks the language: hibari for English, then espeak for what it knows. Paid
voices are used only when they are named. Where none speaks, the film has captions only.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Annotated, Any, ClassVar, NamedTuple

from tenxsom.errors import BadSettings
from tenxsom.model.narration import SILENT
from tenxsom.setting_groups import SettingsGroup, setting
from tenxsom.setting_values import choice
from tenxsom.spelling import did_you_mean
from tenxsom.voices.base import FASTEST, SLOWEST, PriceEntry, Voice
from tenxsom.voices.gemini import GeminiVoiceSettings
from tenxsom.voices.speech_api import SpeechApiSettings

VOICES = ("hibari", "espeak", "gemini", "speech_api")
"""The voice services, in the order of messages."""

AUTOMATIC = ("hibari", "espeak")
"""The voices that `auto` tries, in this order: free, and on this machine."""

AUTO = "auto"

WARNINGS = {"espeak": "The voice is espeak, which sounds robotic; docs/how-to/choose-a-voice.md names better ones."}
"""What the report says about the use of a voice."""


NO_VOICE = (
    "No voice here speaks {language}, so the film has captions only. hibari speaks English (.venv/bin/pip install -r"
    " requirements-voice.txt), espeak-ng many languages (apt install espeak-ng), and VOICE_SERVICE names paid ones."
)
NO_OTHER_VOICE = "No other voice here speaks {language}, so the film has captions only."
"""What is said after a voice that was there could not speak the words."""


class VoiceChoiceSettings(SettingsGroup):
    """Settings of who speaks."""

    section: ClassVar[str] = "Voice"

    voice_service: Annotated[str, choice(AUTO, *VOICES, SILENT)] = setting(
        AUTO,
        "Which voice speaks the script",
        allowed="`auto`, `hibari`, `espeak`, `gemini`, `speech_api`, `none`",
        comment=(
            "auto, hibari, espeak, gemini, speech_api or none. auto: a free voice on this machine that speaks the language, else "
            "captions only. gemini and speech_api are used only when they are named."
        ),
    )
    voice_name: str | None = setting(
        None,
        "The speaker, as the voice service names it",
        allowed="a speaker of the voice service, such as `heart` (hibari) or `Kore` (gemini)",
        comment="The speaker, as the voice service names it, for example heart (hibari) or Kore (gemini); empty: its default.",
    )


class VoiceSettings(VoiceChoiceSettings, GeminiVoiceSettings, SpeechApiSettings):
    """The settings of all voices."""


class Wish(NamedTuple):
    """The voice that a definition, a brand or the settings ask for."""

    service: str = AUTO
    name: str | None = None
    style: str = ""
    speed: float = 1.0
    is_explicit: bool = False
    """Whether the definition or the brand names it: it must then be there, and speak the language."""


def wish_for(voice: str | Mapping[str, Any] | None, settings: VoiceSettings) -> Wish:
    """Return the wish in a definition's `voice`: `auto`, a service, a speaker, or `{service, name, style, speed}`.

    What it leaves open is in the settings. Unknown names are kept; `problems` tells of them.
    """
    usual = Wish(settings.voice_service, settings.voice_name)
    if voice is None or voice == AUTO:
        return usual
    if isinstance(voice, str):
        known = voice in VOICES or voice == SILENT
        return _named(voice, usual) if known else _of_speaker(voice, usual, settings)
    service, name = voice.get("service") or AUTO, voice.get("name")
    if service != AUTO:
        wish = _named(service, usual)._replace(name=name or (usual.name if service == usual.service else None))
    else:
        wish = _of_speaker(str(name), usual, settings) if name else usual
    return wish._replace(style=str(voice.get("style") or ""), speed=float(voice.get("speed") or 1.0))


def problems(wish: Wish, language: str, settings: VoiceSettings, *, usable: bool = True) -> list[str]:
    """Return why a wish cannot be granted here, each as a sentence without its full stop; empty if it can.

    Without `usable` the voice may lack what it needs, such as credentials.
    """
    if wish.service not in (AUTO, SILENT, *VOICES):
        return [f"there is no voice {wish.service!r}.{did_you_mean(wish.service, everyone(settings))} Known: {_known(settings)}"]
    found = []
    if not SLOWEST <= wish.speed <= FASTEST:
        found.append(f"speed {wish.speed:g} does not sound natural; use {SLOWEST:g} to {FASTEST:g}")
    if wish.service in (AUTO, SILENT):
        return found
    if usable and (complaint := missing(wish.service, settings, wish.name)):
        return [*found, complaint]
    names = speakers(wish.service, settings)
    if wish.name and names and wish.name.lower() not in map(str.lower, names):
        found.append(f"{wish.service} has no speaker {wish.name!r}.{did_you_mean(wish.name, names)} Known: {', '.join(names)}")
    if wish.is_explicit and (complaint := language_problem(wish.service, settings, language)):
        found.append(f"{complaint}, and the definition's language is {language}; use another voice, or auto")
    return found


def candidates(wish: Wish, language: str, settings: VoiceSettings) -> list[str]:
    """Return the voice services that can speak the language, the wished one first, then the free ones on this machine."""
    if wish.service == SILENT:
        return []
    named = [wish.service] if wish.service in VOICES else []
    return [
        name
        for name in dict.fromkeys([*named, *AUTOMATIC])
        if language_problem(name, settings, language) is None and missing(name, settings, _name_for(name, wish)) is None
    ]


def speaker_of(service: str, wish: Wish, settings: VoiceSettings) -> str | None:
    """Return the speaker that a service is asked for, spelt as the service spells it; None for its default."""
    name = _name_for(service, wish)
    return next((known for known in speakers(service, settings) if name and known.lower() == name.lower()), name)


def everyone(settings: VoiceSettings) -> list[str]:
    """Return every word that a definition's `voice` may be."""
    return [AUTO, SILENT, *VOICES, *(name for service in VOICES for name in speakers(service, settings))]


def is_paid(service: str, settings: VoiceSettings) -> bool:
    """Return whether a sentence of the voice costs money. A server on this machine is free."""
    found: bool = _module(service).is_paid(settings)
    return found


def model_of(service: str, settings: VoiceSettings) -> str:
    """Return the model of a voice, by which it is charged; empty where there is no choice."""
    found: str = _module(service).model_of(settings)
    return found


def prices(service: str) -> PriceEntry | None:
    """Return a voice's published prices, an entry of `voices` in templates/prices.json, which overrides them; None if free."""
    found: PriceEntry | None = getattr(_module(service), "PRICES", None)
    return found


def expected_usage(service: str, text: str, seconds: float) -> dict[str, int]:
    """Return the tokens that a paid voice will count for a text of so many seconds."""
    tokens_a_second = getattr(_module(service), "TOKENS_A_SECOND", 0)
    return {"input_tokens": len(text), "audio_tokens": round(seconds * tokens_a_second)}


def is_rehearsal(service: str, settings: VoiceSettings) -> bool:
    """Return whether a paid voice costs nothing, because its address is a stand-in's."""
    found: bool = _module(service).is_rehearsal(settings)
    return found


def speakers(service: str, settings: VoiceSettings) -> tuple[str, ...]:
    """Return the names of the speakers; empty where the service alone knows them."""
    found: tuple[str, ...] = _module(service).speakers(settings)
    return found


def language_problem(service: str, settings: VoiceSettings, language: str) -> str | None:
    """Return why a voice does not speak a language; None if it does."""
    found: str | None = _module(service).language_problem(settings, language)
    return found


def missing(service: str, settings: VoiceSettings, name: str | None = None) -> str | None:
    """Return what a voice needs before it can be used; None if nothing."""
    found: str | None = _module(service).missing(settings, name)
    return found


def open_voice(service: str, settings: VoiceSettings, name: str | None = None) -> Voice:
    """Return a voice, ready to speak. Raises BadSettings when something is missing."""
    voice: Voice = _module(service).open_voice(settings, name)
    return voice


def _named(service: str, usual: Wish) -> Wish:
    return Wish(service, usual.name if service == usual.service else None, is_explicit=True)


def _of_speaker(name: str, usual: Wish, settings: VoiceSettings) -> Wish:
    """Return the wish for a speaker: the usual service's, else that of the first service that has one of this name."""
    order = [usual.service, *VOICES] if usual.service in VOICES else VOICES
    for service in order:
        if name.lower() in (known.lower() for known in speakers(service, settings)):
            return Wish(service, name, is_explicit=True)
    if usual.service in VOICES and not speakers(usual.service, settings):
        return Wish(usual.service, name, is_explicit=True)
    return Wish(name, is_explicit=True)


def _name_for(service: str, wish: Wish) -> str | None:
    """Return the wished speaker for the wished service; other services use their default."""
    return wish.name if service == wish.service else None


def _known(settings: VoiceSettings) -> str:
    return ", ".join(everyone(settings))


@cache
def _module(name: str) -> ModuleType:
    if name not in VOICES:
        raise BadSettings(f"There is no voice {name!r}; known are {', '.join(VOICES)}.")
    return importlib.import_module(f"tenxsom.voices.{name}")
