"""The protocol of a voice. One file per voice service implements it.

A voice turns the text of one segment into sound. It keeps no state and decides nothing about money or retries. The module
`tenxsom.voices.<name>` contains, beside its class:

    is_paid(settings)                      whether a sentence costs money
    PRICES, TOKENS_A_SECOND                a paid voice's published prices, an entry of `voices` in templates/prices.json, which
                                           overrides them; and the tokens of sound that a second is
    model_of(settings)                     the model by which it is charged; empty where there is no choice
    is_rehearsal(settings)                 whether its address is not the vendor's own
    speakers(settings)                     the names of its speakers; empty where the service alone knows them
    language_problem(settings, language)   why it does not speak a language, as part of a sentence; None if it does
    missing(settings, name)                what it needs before it can be used, as part of a sentence; None if nothing
    open_voice(settings, name)             the voice, ready to speak; `name` is the speaker, None for the default

The ways to find the times of words, best first: `durations` (the model's own), `server` (the service's timestamps), `alignment`
(a recogniser finds the known words), `pauses` (pauses and the weight of each word), `reading` (no voice: the speed of reading).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

DURATIONS, SERVER, ALIGNMENT, PAUSES, READING = "durations", "server", "alignment", "pauses", "reading"

PriceEntry = Mapping[str, Any]
"""An entry of templates/prices.json."""

SLOWEST, FASTEST = 0.9, 1.25
"""The speeds at which a voice still sounds natural (measured with recognisers: at 1.5 a tenth of the words is lost)."""


class Line(NamedTuple):
    """What a voice is asked to say."""

    text: str
    language: str = "en"
    speed: float = 1.0
    style: str = ""
    """A direction for the speaker, such as `warm and calm`; voices without directions ignore it."""
    seed: int = 0
    """The same seed gives the same sound, where the voice can."""


class WordTime(NamedTuple):
    """A word, and when it is spoken, in seconds from the start of the audio."""

    text: str
    start: float
    end: float


class Speech(NamedTuple):
    """A spoken line, as the voice made it."""

    audio: bytes
    """A file of any kind that FFmpeg reads, or headerless PCM (16 bit, mono) at the `rate` of `mime_type`."""
    mime_type: str = "audio/wav"
    words: tuple[WordTime, ...] = ()
    """Times of the words as the voice reads them, which may differ from the written ones; empty where it tells none."""
    timing: str = ""
    """DURATIONS or SERVER; empty without `words`."""
    usage: Mapping[str, int] = MappingProxyType({})
    """What the service counted, such as tokens of sound; empty where it counts nothing."""
    complaint: str = ""
    """Why there is no sound, although the service accepted the line and may charge it."""


class Voice(Protocol):
    """A voice that is ready to speak."""

    service: str
    """Its name in settings, states and reports."""
    name: str
    """The speaker."""

    def say(self, line: Line) -> Speech:
        """Speak a line. A paid voice pays for it once, and raises the errors of `HttpClient.post_paid`.

        Raises ServiceRefused where the voice cannot speak the line.
        """

    def close(self) -> None:
        """Close the connections."""
