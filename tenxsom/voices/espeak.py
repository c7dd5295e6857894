"""eSpeak NG: a small voice for about a hundred languages, through its shared library where it is installed (apt install espeak-ng).

It sounds robotic. Its own word events give the times of the words (https://github.com/espeak-ng/espeak-ng, speak_lib.h).
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from tenxsom.errors import BadSettings, ServiceRefused
from tenxsom.media.speech_file import Sound, write_wav
from tenxsom.setting_groups import SettingsGroup
from tenxsom.voices.base import DURATIONS, Line, Speech, WordTime

NAME = "espeak"
INSTALL = "install it with: apt install espeak-ng"

_LIBRARIES = ("libespeak-ng.so.1", "libespeak-ng.dylib", "libespeak-ng.1.dylib")
_RETRIEVAL, _SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT = 1, 2, 0, 0x8000
_CHARACTERS_UTF8, _END_PAUSE = 1, 0x1000
_WORD_EVENT, _END_EVENT = 1, 0
_RATE_PARAMETER, _POSITION_CHARACTER = 1, 1
_WORDS_A_MINUTE = 160
_MOST_RATE, _LEAST_RATE = 450, 80
_UNREADABLE = {"ja": "it reads no kanji"}
"""Languages that the library names and cannot read: "Chinese letter" is what it says for each kanji."""
_LOCK = threading.Lock()
_OPENING = threading.Lock()
"""The library has one state for the whole process."""


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class _VoiceProperties(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class EspeakVoice:
    """One speaker, which is one of the library's voices of the line's language. Thread-safe: lines wait for each other."""

    service = NAME

    def __init__(self, name: str | None = None) -> None:
        self.name = name or ""

    def say(self, line: Line) -> Speech:
        """Speak a line. Raises ServiceRefused where the language is unknown, or the text has nothing that can be said."""
        library, rate = _opened()
        voice = _voice_of(line.language)
        if voice is None:
            raise ServiceRefused(f"{NAME} does not speak {line.language}.")
        with _LOCK:
            samples, events = _synthesized(library, self.name or voice, line)
        if not len(samples):
            raise ServiceRefused(f"{NAME} finds nothing in {line.text[:60]!r} that it can say.")
        words = tuple(_words(line.text, events, len(samples) / rate))
        return Speech(write_wav(Sound(samples, rate)), words=words, timing=DURATIONS if words else "")

    def close(self) -> None:
        """Do nothing: the library lives as long as the process."""


def is_paid(settings: SettingsGroup) -> bool:  # noqa: ARG001  (the protocol of every voice)
    """Return False: it costs nothing."""
    return False


def model_of(settings: SettingsGroup) -> str:  # noqa: ARG001
    """Return nothing: there is no choice."""
    return ""


def is_rehearsal(settings: SettingsGroup) -> bool:  # noqa: ARG001
    """Return False: there is no address."""
    return False


def speakers(settings: SettingsGroup) -> tuple[str, ...]:  # noqa: ARG001
    """Return nothing: its voices are its languages, and a variant such as `en-gb+f3` is checked by the library."""
    return ()


def language_problem(settings: SettingsGroup, language: str) -> str | None:  # noqa: ARG001
    """Return why it does not speak a language; None if it does, or is not installed."""
    if _library() is None or _voice_of(language):
        return None
    why = _UNREADABLE.get(_first_tag(language))
    return f"{NAME} does not speak {language}" + (f" ({why})" if why else "")


def missing(settings: SettingsGroup, name: str | None = None) -> str | None:  # noqa: ARG001
    """Return what it needs before it can be used; None if nothing."""
    if _library() is None:
        return f"{NAME} is not installed; {INSTALL}"
    if name and not _is_voice(name):
        return f"{NAME} has no voice {name!r}; espeak-ng --voices lists them"
    return None


def open_voice(settings: SettingsGroup, name: str | None = None) -> EspeakVoice:
    """Return the voice. Raises BadSettings when it is not installed."""
    if complaint := missing(settings, name):
        raise BadSettings(f"{complaint}.")
    return EspeakVoice(name)


@cache
def _library() -> Any:
    """Return the shared library; None where there is none."""
    for name in _LIBRARIES:  # not ctypes.util.find_library, which starts gcc and ldconfig
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _opened() -> tuple[Any, int]:
    """Return the initialised library and its sample rate. Raises BadSettings where it cannot be used."""
    with _OPENING:
        return _initialised()


@cache
def _initialised() -> tuple[Any, int]:
    """Initialise the library, once: two threads that begin with it at the same time would wait in it for ever."""
    library = _library()
    if library is None:
        raise BadSettings(f"{NAME} is not installed; {INSTALL}.")
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    numbers = [ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint]
    library.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, *numbers, ctypes.c_void_p, ctypes.c_void_p]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceProperties))
    library.espeak_ListVoices.argtypes = [ctypes.c_void_p]
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, None, _DONT_EXIT)
    if rate <= 0:
        raise BadSettings(f"{NAME} cannot be started (its data are missing?); {INSTALL}.")
    return library, int(rate)


@cache
def _voices() -> dict[str, str]:
    """Return the library's voices: language tag → the name by which it is chosen."""
    try:
        library, _ = _opened()
    except BadSettings:
        return {}
    found: dict[str, str] = {}
    with _LOCK:
        listed = library.espeak_ListVoices(None)
        index = 0
        while listed[index]:
            voice = listed[index].contents
            tag = (voice.languages or b"\0")[1:].split(b"\0")[0].decode("utf-8", "replace").lower()
            found.setdefault(tag, tag)
            index += 1
    return found


def _voice_of(language: str) -> str | None:
    """Return the library's name of a language's voice: `pt-BR` is `pt-br`, `de-AT` is `de`, `zh` is `cmn`."""
    tag, first = language.lower(), _first_tag(language)
    if first in _UNREADABLE:
        return None
    known = _voices()
    for name in (tag, {"zh": "cmn", "no": "nb", "en": "en-us", "tl": "fil"}.get(first, first), first):
        if name in known:
            return known[name]
    return next((name for name in sorted(known) if name.split("-")[0] == first), None)


def _first_tag(language: str) -> str:
    return language.lower().split("-")[0]


def _is_voice(name: str) -> bool:
    try:
        library, _ = _opened()
    except BadSettings:
        return False
    with _LOCK:
        return bool(library.espeak_SetVoiceByName(name.encode()) == 0)


def _synthesized(
    library: Any, voice: str, line: Line
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], list[tuple[int, int, float]]]:
    """Return the samples of a line, and its word events: position in the text, length, seconds."""
    chunks: list[bytes] = []
    events: list[tuple[int, int, float]] = []

    def heard(samples: Any, count: int, event: Any) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, count * 2))
        index = 0
        while event[index].type != _END_EVENT:
            if event[index].type == _WORD_EVENT:
                events.append((event[index].text_position - 1, event[index].length, event[index].audio_position / 1000))
            index += 1
        return 0

    callback = _Callback(heard)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(voice.encode())
    rate = min(_MOST_RATE, max(_LEAST_RATE, round(_WORDS_A_MINUTE * line.speed)))
    library.espeak_SetParameter(_RATE_PARAMETER, rate, 0)
    text = line.text.replace("\0", " ").encode("utf-8", "replace")
    library.espeak_Synth(text + b"\0", len(text) + 1, 0, _POSITION_CHARACTER, 0, _CHARACTERS_UTF8 | _END_PAUSE, None, None)
    library.espeak_Synchronize()
    samples = np.frombuffer(b"".join(chunks), "<i2").astype(np.float32) / 32768.0
    return samples, events


def _words(text: str, events: list[tuple[int, int, float]], seconds: float) -> list[WordTime]:
    """Return the words of the events, each until the next one."""
    known = [(text[at : at + length], start) for at, length, start in events if text[at : at + length].strip()]
    moments = [*known, ("", seconds)]
    return [WordTime(word, start, max(start, until)) for (word, start), (_, until) in pairwise(moments)]
