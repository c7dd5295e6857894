"""A server with OpenAI's speech request: free on this machine, paid elsewhere, and never trusted about what it sends."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tenxsom import settings
from tenxsom.errors import AccountError, NotSent, ServiceBusy, ServiceDown, ServiceRefused, SubmitUnclear, TenxsomError
from tenxsom.http.client import HttpClient
from tenxsom.media.speech_file import read_speech, write_wav
from tenxsom.voices import speech_api
from tenxsom.voices.base import Line
from tenxsom.voices.speech_api import SpeechApi
from tests.net_server import Behaviour, ScriptedServer, answer, close_at_once, head, raw, unused_port
from tests.voices import babble

WAV = write_wav(babble(2.0))
LINE = Line("Moss remembers every rain.", speed=1.1, style="never sent")
NO_TIMES = answer(404, {"detail": "Not Found"})
OFFERS_TIMES = answer(405, {"detail": "Method Not Allowed"})


@pytest.fixture
def ask() -> Iterator[Callable[..., tuple[Any, ScriptedServer]]]:
    """Ask a server that answers the question for times, and then the order; `is_free` as on this machine."""
    servers: list[ScriptedServer] = []

    def say(*script: Behaviour, is_free: bool = False) -> tuple[Any, ScriptedServer]:
        server = ScriptedServer(*script).__enter__()
        servers.append(server)
        client = HttpClient(f"{server.url}/v1", headers={"Authorization": "Bearer secret-key"}, name="speech_api")
        voice = SpeechApi(client, "kokoro", "af_heart", root=server.url, is_free=is_free)
        try:
            return voice.say(LINE), server
        except TenxsomError as error:
            return error, server
        finally:
            voice.close()

    yield say
    for server in servers:
        server.__exit__()


def orders(server: ScriptedServer) -> int:
    return len([request for request in server.requests if request.method == "POST"])


def test_only_fields_that_every_server_knows_are_sent(ask):
    speech, server = ask(NO_TIMES, answer(200, WAV))
    assert json.loads(server.requests[-1].body) == {
        "model": "kokoro", "input": LINE.text, "voice": "af_heart", "response_format": "wav", "speed": 1.1
    }  # fmt: skip
    assert server.requests[-1].target == "/v1/audio/speech"
    assert read_speech(speech.audio, speech.mime_type).seconds == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "audio/mpeg", ""])
def test_the_bytes_count_and_not_the_content_type(content_type, ask):
    speech, _ = ask(NO_TIMES, answer(200, WAV, Content_Type=content_type))
    assert read_speech(speech.audio, speech.mime_type).seconds == pytest.approx(2.0, abs=0.01)


def test_a_key_that_comes_back_in_place_of_a_sound_goes_no_further(ask):
    speech, _ = ask(NO_TIMES, answer(200, b"Bearer secret-key is not welcome", Content_Type="text/plain; secret-key"))
    assert "not welcome" in repr(speech)
    assert "secret-key" not in repr(speech)


def test_a_time_beyond_all_numbers_is_none(ask):
    times = [{"word": "Moss", "start_time": 0, "end_time": 10**400}, {"word": "Moss", "start_time": 0.1, "end_time": 0.4}]
    document = {"audio": base64.b64encode(WAV).decode(), "timestamps": times}
    speech, _ = ask(OFFERS_TIMES, answer(200, document))
    assert [word.end for word in speech.words] == [0.4]


def test_times_are_asked_for_where_they_are_offered(ask):
    times = [
        {"word": "Moss", "start_time": 0.1, "end_time": 0.5},
        {"word": ",", "start_time": 0.5, "end_time": 0.5},
        {"word": "remembers", "start_time": "soon", "end_time": 1},
        {"word": "every", "start_time": 1.0, "end_time": 1.3},
        "nonsense",
    ]
    speech, server = ask(OFFERS_TIMES, answer(200, {"audio": base64.b64encode(WAV).decode(), "timestamps": times}))
    assert server.requests[-1].target == "/dev/captioned_speech"
    assert [word.text for word in speech.words] == ["Moss", "every"]
    assert speech.timing == "server"


@pytest.mark.parametrize("document", [{}, {"audio": None}, {"audio": "not base64!"}, {"error": {"message": "no voice"}}])
def test_a_captioned_answer_without_a_sound_says_so(document, ask):
    speech, server = ask(OFFERS_TIMES, answer(200, document))
    assert speech.audio == b""
    assert "sent no sound" in speech.complaint
    assert orders(server) == 1


def test_an_error_with_a_status_of_success_is_no_sound(ask):
    speech, server = ask(NO_TIMES, answer(200, {"error": {"message": "out of tokens", "type": "x"}}))
    assert "out of tokens" in speech.complaint
    assert orders(server) == 1


REFUSALS = [
    (answer(400, {"detail": {"message": "unknown voice"}}), ServiceRefused),
    (answer(422, {"detail": "text"}), ServiceRefused),
    (answer(413, {"error": {"message": "too long"}}), ServiceRefused),
    (answer(404, {"error": {"message": "no such model"}}), ServiceRefused),
    (answer(401, {"error": {"message": "key"}}), AccountError),
    (answer(429, {"error": {"message": "slow down", "type": "rate_limit_error"}}), ServiceBusy),
]


@pytest.mark.parametrize(("behaviour", "error"), REFUSALS)
def test_a_clear_refusal_of_a_paid_order_is_one(behaviour, error, ask):
    found, server = ask(NO_TIMES, behaviour)
    assert isinstance(found, error)
    assert orders(server) == 1
    assert "secret-key" not in str(found)


CUT = head(200, {"Content-Type": "audio/wav", "Content-Length": str(len(WAV))}) + WAV[: len(WAV) // 2]
UNCLEAR = {
    "a stream that is cut off": raw(CUT),
    "a stream that is reset": raw(CUT, "reset"),
    "a dropped connection": close_at_once,
    "an internal error": answer(500, {"error": {"message": "boom"}}),
    "a gateway's timeout": answer(504, b"<html>"),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_a_paid_order_of_unknown_outcome_is_not_repeated(case, ask):
    found, server = ask(NO_TIMES, UNCLEAR[case])
    assert isinstance(found, SubmitUnclear)
    assert orders(server) <= 1
    assert server.connections == 2


@pytest.mark.parametrize("case", UNCLEAR)
def test_a_free_line_is_asked_for_again(case, ask):
    speech, server = ask(NO_TIMES, UNCLEAR[case], answer(200, WAV), is_free=True)
    assert read_speech(speech.audio).seconds == pytest.approx(2.0, abs=0.01)
    assert server.connections == 3


def test_a_free_server_that_stays_broken_is_down(ask):
    found, _ = ask(NO_TIMES, answer(500, b""), is_free=True)
    assert isinstance(found, ServiceDown)


def test_a_server_that_is_not_there_was_sent_nothing():
    client = HttpClient(f"http://127.0.0.1:{unused_port()}/v1", name="speech_api")
    voice = SpeechApi(client, "kokoro", "af_heart", root="http://127.0.0.1:1", is_free=False)
    with pytest.raises(NotSent):
        voice.say(LINE)
    voice.close()


def test_a_server_on_this_machine_is_free_and_any_other_is_paid(home, monkeypatch):
    for address, paid in (
        ("http://localhost:8880/v1", False),
        ("http://127.0.0.1:8880/v1", False),
        ("https://tts.example/v1", True),
    ):
        monkeypatch.setenv("SPEECH_API_BASE_URL", address)
        assert speech_api.is_paid(settings.load()) is paid


def test_the_usual_speaker_belongs_to_the_model(home, monkeypatch):
    monkeypatch.setenv("SPEECH_API_BASE_URL", "http://localhost:8880/v1")
    assert speech_api.open_voice(settings.load()).name == "af_heart"
    monkeypatch.setenv("SPEECH_API_MODEL", "tts-1")
    assert speech_api.open_voice(settings.load()).name == "alloy"
    assert speech_api.open_voice(settings.load(), "nova").name == "nova"
