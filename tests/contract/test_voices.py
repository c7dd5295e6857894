"""What every voice must do, one row for each: paid or free, on this machine or over a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.errors import BadSettings, ServiceRefused
from tenxsom.media.speech_file import read_speech
from tenxsom.text import spoken_words
from tenxsom.voices import espeak, hibari, registry
from tenxsom.voices.base import Line, Speech, Voice
from tenxsom.voices.checks import problem
from tenxsom.voices.word_times import word_times

TEXT = "Rivers are patient sculptors, and they never sign their work."
INSTALLED: dict[str, Callable[[], bool]] = {"hibari": hibari._is_installed, "espeak": lambda: espeak._library() is not None}
HOW = {"hibari": hibari.INSTALL, "espeak": espeak.INSTALL}


@pytest.fixture
def opened(studio, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Voice]]:
    """Open voices by name; those over a socket are the local studio's."""
    monkeypatch.setenv("VERTEX_AI_PROJECT_ID", "demo")
    monkeypatch.setenv("VERTEX_GENAI_BASE_URL", studio.url)
    monkeypatch.setenv("SPEECH_API_BASE_URL", f"{studio.url}/v1")
    monkeypatch.setenv("SPEECH_API_KEY", "user:12345-test")
    voices: list[Voice] = []

    def open_voice(name: str) -> Voice:
        if not INSTALLED.get(name, lambda: True)():
            pytest.skip(f"{name} is not here; {HOW[name]}")
        voices.append(registry.open_voice(name, settings.load()))
        return voices[-1]

    yield open_voice
    for voice in voices:
        voice.close()


@pytest.fixture(scope="module")
def kept() -> dict[str, tuple[str, Speech]]:
    """What each voice has said, and under which name."""
    return {}


@pytest.fixture
def speech(name: str, kept: dict[str, tuple[str, Speech]], opened: Callable[[str], Voice]) -> Speech:
    """The line as the voice says it, once for all tests that look at it."""
    if name not in kept:
        voice = opened(name)
        kept[name] = voice.service, voice.say(Line(TEXT))
    return kept[name][1]


@pytest.mark.parametrize("name", registry.VOICES)
def test_a_voice_says_a_line_that_passes_the_checks(name, speech, kept):
    assert kept[name][0] == name
    assert problem(read_speech(speech.audio, speech.mime_type), TEXT) is None


@pytest.mark.parametrize("name", registry.VOICES)
def test_every_written_word_has_its_time_in_order(name, speech):
    sound = read_speech(speech.audio, speech.mime_type)
    words, timing = word_times(speech, sound, TEXT, TEXT, "en")
    assert [word.text for word in words] == spoken_words(TEXT)
    moments = [moment for word in words for moment in (word.start, word.end)]
    assert moments == sorted(moments)
    assert moments[-1] <= sound.seconds + 0.001
    assert timing


@pytest.mark.parametrize("name", registry.VOICES)
def test_times_are_told_together_with_how_they_were_found(name, speech):
    assert bool(speech.words) == bool(speech.timing)


@pytest.mark.parametrize("name", registry.VOICES)
def test_a_text_without_anything_to_say_is_refused_or_noticed(name, opened):
    voice = opened(name)
    try:
        speech = voice.say(Line("…"))
    except ServiceRefused:
        return
    assert problem(read_speech(speech.audio, speech.mime_type), "…") is not None or not speech.words


@pytest.mark.parametrize("name", registry.VOICES)
def test_what_a_voice_needs_is_told_before_it_is_opened(name, home, monkeypatch):
    monkeypatch.setattr(hibari, "_is_installed", lambda: False)
    monkeypatch.setattr(espeak, "_library", lambda: None)
    found = settings.load()
    complaint = registry.missing(name, found)
    assert complaint
    assert not complaint.endswith(".")
    with pytest.raises(BadSettings):
        registry.open_voice(name, found)


@pytest.mark.parametrize("name", registry.VOICES)
def test_a_paid_voice_has_prices_and_a_free_one_has_none(name, home):
    found = settings.load()
    assert registry.is_paid(name, found) == (registry.prices(name) is not None)


def test_auto_never_chooses_a_paid_voice(home, monkeypatch):
    monkeypatch.setenv("VERTEX_AI_PROJECT_ID", "demo")
    monkeypatch.setenv("SPEECH_API_BASE_URL", "https://speech.example/v1")
    monkeypatch.delenv("VOICE_SERVICE", raising=False)
    found = settings.load()
    for language in ("en", "de", "ja", "xx"):
        chosen = registry.candidates(registry.wish_for(None, found), language, found)
        assert not any(registry.is_paid(name, found) for name in chosen)
