"""The voice on this machine: English, free, the same each time, with the times of its words."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.errors import BadSettings, ServiceRefused
from tenxsom.media.speech_file import read_speech
from tenxsom.text import spoken_words
from tenxsom.voices import hibari, word_times
from tenxsom.voices.base import DURATIONS, Line
from tenxsom.voices.checks import levels, problem

pytestmark = pytest.mark.skipif(
    not hibari._is_installed(), reason="hibari-tts is not installed (pip install -r requirements-voice.txt)"
)

TEXT = "Salt keeps fish for winters. It draws the water out, and nothing that rots can live without water."


@pytest.fixture(scope="module")
def voice() -> hibari.HibariVoice:
    return hibari.HibariVoice()


@pytest.mark.slow
def test_it_says_the_text(voice: hibari.HibariVoice) -> None:
    speech = voice.say(Line(TEXT))
    sound = read_speech(speech.audio)
    assert sound.rate == 24_000
    assert problem(sound, TEXT) is None


def test_the_same_line_gives_the_same_bits(voice: hibari.HibariVoice) -> None:
    assert voice.say(Line(TEXT, seed=5)) == voice.say(Line(TEXT, seed=5))
    assert voice.say(Line(TEXT, seed=6)).audio != voice.say(Line(TEXT, seed=5)).audio


def test_it_knows_when_it_says_each_word(voice: hibari.HibariVoice) -> None:
    speech = voice.say(Line(TEXT))
    sound = read_speech(speech.audio)
    words, timing = word_times.word_times(speech, sound, TEXT, TEXT, "en")
    assert timing == DURATIONS
    assert [word.text for word in words] == TEXT.split()
    assert all(word.end > word.start for word in words)
    assert all(after.start >= word.end for word, after in pairwise(words))
    window = sound.rate // 100
    loud = levels(sound.samples, window)
    for word in words:  # the middle of a word is heard
        assert max(loud[int(word.start * 100) : int(word.end * 100) + 1]) > -40


def test_what_it_reads_differently_is_shown_as_written(voice: hibari.HibariVoice) -> None:
    text = "At 7:30 pm the ticket costs $9.99, and Dr. Lee's train leaves at once."
    speech = voice.say(Line(text))
    sound = read_speech(speech.audio)
    words, _ = word_times.word_times(speech, sound, text, text, "en-GB")
    assert [word.text for word in words] == spoken_words(text)
    spoken = {word.text: word.end - word.start for word in words}
    assert spoken["7:30"] > 0.3
    assert spoken["$9.99,"] > 0.8


def test_a_faster_voice_is_shorter(voice: hibari.HibariVoice) -> None:
    usual, fast = (read_speech(voice.say(Line(TEXT, speed=speed)).audio).seconds for speed in (1.0, 1.25))
    assert usual / 1.4 < fast < usual / 1.05


@pytest.mark.slow
def test_a_very_long_sentence_is_said_whole(voice: hibari.HibariVoice) -> None:
    text = (
        ", ".join(f"the {number} sheep of a quiet valley walk home" for number in ("first", "second", "third", "fourth") * 8) + "."
    )
    sound = read_speech(voice.say(Line(text)).audio)
    assert problem(sound, text) is None


@pytest.mark.parametrize("text", ["…", "面包为什么会发起来", "Почему?"])
def test_a_text_without_english_sounds_is_refused(voice: hibari.HibariVoice, text: str) -> None:
    with pytest.raises(ServiceRefused, match="nothing"):
        voice.say(Line(text))


@pytest.mark.slow
def test_a_model_without_that_tensor_speaks_without_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hibari, "_ENDS", "/Renamed_output_0")
    speech = hibari.HibariVoice().say(Line(TEXT))
    assert (speech.words, speech.timing) == ((), "")
    sound = read_speech(speech.audio)
    assert problem(sound, TEXT) is None
    words, timing = word_times.word_times(speech, sound, TEXT, TEXT, "en")
    assert timing != DURATIONS
    assert [word.text for word in words] == TEXT.split()


def test_it_speaks_english_only(home: Path) -> None:
    found = settings.load()
    assert hibari.language_problem(found, "en-GB") is None
    assert "English" in str(hibari.language_problem(found, "de"))


def test_a_speaker_that_is_not_on_this_machine_is_not_downloaded_by_itself(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    assert "fetch it once" in str(hibari.missing(settings.load(), "emma"))
    with pytest.raises(BadSettings, match="fetch it once"):
        hibari.open_voice(settings.load(), "emma")
