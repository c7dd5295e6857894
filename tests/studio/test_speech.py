"""The studio's voices: as long and as loud as speech, over Gemini's contract and OpenAI's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.errors import AccountError, ServiceRefused, SubmitUnclear
from tenxsom.google.genai import GenAi
from tenxsom.media.speech_file import read_speech
from tenxsom.voices import registry, speech_api
from tenxsom.voices.base import SERVER, Line
from tenxsom.voices.checks import problem
from tenxsom.voices.gemini import GeminiVoice
from tenxsom.voices.word_times import word_times

TEXTS = {
    "en": "A candle is a small sun, and it eats only what it can melt.",
    "de": "Eine Kerze ist eine kleine Sonne.",
    "ja": "ろうそくは小さな太陽です。",
    "zh": "蜡烛是一个小太阳。",
    "ar": "الشمعة شمس صغيرة تأكل ما يذوب.",
    "hi": "मोमबत्ती एक छोटा सूरज है।",
    "th": "เทียนเป็นดวงอาทิตย์ดวงเล็ก",
    "ru": "Свеча это маленькое солнце.",
}


def gemini(url: str, model: str = "gemini-3.8-flash-tts") -> GeminiVoice:
    return GeminiVoice(GenAi("gemini", "demo", "global", base_url=url), model, "Kore")


@pytest.mark.parametrize("language", TEXTS)
def test_gemini_says_something_as_long_as_the_text(language, studio):
    voice = gemini(studio.url)
    speech = voice.say(Line(TEXTS[language], language))
    voice.close()
    sound = read_speech(speech.audio, speech.mime_type)
    assert problem(sound, TEXTS[language]) is None
    assert speech.usage["audio_tokens"] == pytest.approx(sound.seconds * 25, abs=1)
    assert [(charge["service"], charge["kind"]) for charge in studio.charges()] == [("gemini", "speech")]


def test_a_scripted_refusal_has_its_reason(studio):
    studio.write_faults({"on": "POST *:generateContent", "do": "fail", "type": "PROHIBITED_CONTENT", "times": 1})
    voice = gemini(studio.url)
    with pytest.raises(ServiceRefused, match="PROHIBITED_CONTENT"):
        voice.say(Line(TEXTS["en"]))
    assert studio.charges() == []
    voice.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["accept_then_status", "accept_then_drop", "no_job_id"])
def test_a_scripted_loss_is_charged_and_unclear(fault, studio):
    studio.write_faults({"on": "POST *:generateContent", "do": fault, "times": 1})
    voice = gemini(studio.url)
    with pytest.raises(SubmitUnclear):
        voice.say(Line(TEXTS["en"]))
    voice.close()
    assert len(studio.charges()) == 1


def test_a_retired_model_is_named(studio):
    voice = gemini(studio.url, "gemini-2.5-flash-preview-tts")
    with pytest.raises(ServiceRefused, match="VERTEX_TTS_MODEL_ID"):
        voice.say(Line(TEXTS["en"]))
    voice.close()


def test_a_server_with_openais_request_tells_when_each_word_is_spoken(studio, home: Path, monkeypatch):
    monkeypatch.setenv("SPEECH_API_BASE_URL", f"{studio.url}/v1")
    monkeypatch.setenv("SPEECH_API_KEY", "user:12345-test")
    voice = registry.open_voice(speech_api.NAME, settings.load())
    speech = voice.say(Line(TEXTS["en"]))
    voice.close()
    sound = read_speech(speech.audio)
    words, timing = word_times(speech, sound, TEXTS["en"], TEXTS["en"], "en")
    assert timing == SERVER
    assert [word.text for word in words] == TEXTS["en"].split()
    assert problem(sound, TEXTS["en"]) is None


def test_a_server_without_the_key_is_an_account_that_is_refused(studio, home: Path, monkeypatch):
    monkeypatch.setenv("SPEECH_API_BASE_URL", f"{studio.url}/v1")
    voice = registry.open_voice(speech_api.NAME, settings.load())
    with pytest.raises(AccountError):
        voice.say(Line(TEXTS["en"]))
    voice.close()
