"""The voice of a job: free or paid once, checked, kept, and never paid again by itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import AccountError, BadSettings, NotSent, OverBudget, ServiceBusy, SubmitUnclear
from tenxsom.media.speech_file import read_speech, write_wav
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.narration import SILENT, quiet_notes
from tenxsom.store.base import RELEASED, SPENT, UNKNOWN
from tenxsom.voices import alignment, espeak, hibari, registry
from tests.net_server import Behaviour, ScriptedServer, answer, close_at_once, unused_port
from tests.one_job import OneJob
from tests.voices import babble

TEXTS = ["Glass is a liquid that forgot how to flow.", "It only looks as if it had made up its mind."]
NEEDS_HIBARI = pytest.mark.skipif(
    not hibari._is_installed(), reason="hibari-tts is not installed (pip install -r requirements-voice.txt)"
)


def definition(**changes: Any) -> JobDefinition:
    page = {"content_id": "lake", "title": "Glass", "archetype": "explainer", "tier": "volume", "target_duration": 8,
            "platform": "youtube_shorts"}  # fmt: skip
    return JobDefinition.model_validate(page | changes)


def blueprint(*texts: str) -> Blueprint:
    segments = [{"segment_type": "hook", "content": text, "visual_cue": "a furnace", "duration": 4.0} for text in texts or TEXTS]
    return Blueprint.model_validate({"video_plan": {"title": "Glass", "voice": "calm", "script_segments": segments}})


def spoken(seconds: float = 3.0, tokens: int = 75, **changes: Any) -> dict[str, Any]:
    """What Gemini answers with a sound of a few seconds."""
    inline = {"mimeType": "audio/wav", "data": base64.b64encode(write_wav(babble(seconds))).decode()}
    usage = {"promptTokenCount": 12, "candidatesTokenCount": tokens,
             "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": tokens}]}  # fmt: skip
    candidate = {"content": {"role": "model", "parts": [{"inlineData": inline}]}, "finishReason": "STOP"} | changes
    return {"candidates": [candidate], "usageMetadata": usage}


class Studio(OneJob):
    """One job on a real queue, with the voices of the settings."""

    def put(self, page: JobDefinition, *texts: str, **changes: Any) -> None:
        self.accept(definition=page.as_dict(), blueprint=blueprint(*texts), **changes)

    def narrate(self, page: JobDefinition | None = None) -> VideoJob:
        """What a run does for the voice of the job."""
        with App(settings.load()) as app, app.store.claim("lake") as claim:
            assert claim
            app.narrator.narrate(claim, page or JobDefinition.model_validate(claim.job.definition.as_dict()))
            return claim.job


@pytest.fixture
def studio(home: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setattr(hibari, "_is_installed", lambda: False)
    monkeypatch.setattr(espeak, "_library", lambda: None)
    monkeypatch.setattr(alignment, "is_installed", lambda: False)  # a tenth of a second for each segment
    monkeypatch.delenv("VOICE_SERVICE", raising=False)
    return Studio(home, monkeypatch)


@pytest.fixture
def gemini(studio: Studio) -> Iterator[Callable[..., ScriptedServer]]:
    """Let Gemini answer call by call as scripted; its server is asked over a socket."""
    with ExitStack() as servers:
        yield studio.scripted(servers, VOICE_SERVICE="gemini")


# paid voices


def test_each_segment_is_one_paid_call_whose_sound_is_kept(studio, gemini):
    server = gemini(answer(200, spoken()))
    studio.put(definition())
    job = studio.narrate()
    assert [json.loads(request.body)["contents"][0]["parts"][0]["text"] for request in server.requests] == TEXTS
    assert job.narration is not None
    assert job.narration.complete
    assert (job.narration.voice, job.narration.name) == ("gemini", "Kore")
    assert [segment.file for segment in job.narration.segments] == ["lake~voice-01.wav", "lake~voice-02.wav"]
    assert studio.files() == ["lake~voice-01.wav", "lake~voice-02.wav"]
    sound = read_speech((studio.home / "completed_videos/lake~voice-01.wav").read_bytes())
    assert sound.seconds == pytest.approx(job.narration.segments[0].seconds, abs=0.002)
    assert [word.text for word in job.narration.segments[0].words] == TEXTS[0].split()


def test_the_ledger_shows_what_the_service_counted(studio, gemini):
    gemini(answer(200, spoken(tokens=100)))
    studio.put(definition())
    studio.narrate()
    spent = [line for line in studio.ledger() if line[0] == SPENT]
    assert spent == [(SPENT, "gemini", "0.000606")] * 2  # 100 tokens at $6, 12 at $0.50 a million
    assert len(studio.job().spend) == 2


@pytest.mark.parametrize("tokens", [-5_000_000, 10**25])
def test_a_count_that_cannot_be_leaves_the_reserved_price(tokens, studio, gemini):
    gemini(answer(200, spoken(tokens=tokens)))
    studio.put(definition())
    studio.narrate()
    reserved = [line[2] for line in studio.ledger() if line[0] == "reserved"]
    assert [line[2] for line in studio.ledger() if line[0] == SPENT] == reserved
    assert all(0 < Decimal(usd) < 1 for usd in reserved)


def test_a_finished_narration_asks_for_nothing(studio, gemini):
    server = gemini(answer(200, spoken()))
    studio.put(definition())
    studio.narrate()
    studio.narrate()
    assert server.connections == 2


@pytest.mark.parametrize(("each", "told"), [(1.5, ["The words take 3.0 of 8 s; the rest is pictures and music only."]), (3.0, [])])
def test_what_the_voice_takes_is_told_in_place_of_the_plans_estimate(studio, gemini, each, told):
    gemini(answer(200, spoken(each)))
    estimate = quiet_notes(2.0, 8, is_estimate=True)
    studio.put(definition(), warnings=["There is no music.", *estimate])
    studio.narrate()
    with App(settings.load()) as app, app.store.claim("lake") as claim:
        assert claim
        app.orchestrator().cut(claim)
    warnings = studio.job().warnings
    assert [note for note in warnings if "words take" in note] == told
    assert warnings[0] == "There is no music."


def test_directions_are_sent_beside_the_text_and_never_in_it(studio, gemini):
    server = gemini(answer(200, spoken()))
    studio.put(definition(voice={"service": "gemini", "name": "puck", "style": "whispering", "speed": 1.1}))
    studio.narrate()
    body = json.loads(server.requests[0].body)
    (part,) = body["contents"][0]["parts"]
    assert part["text"] == TEXTS[0]
    assert part["speechMetadata"]["style"] == "whispering, a little faster than usual"
    assert body["generationConfig"]["speechConfig"]["voiceConfig"] == {"voice": "Puck"}
    assert "temperature" not in body["generationConfig"]
    assert "systemInstruction" not in body


def test_pronunciations_are_heard_and_not_seen(studio, gemini):
    server = gemini(answer(200, spoken()))
    studio.put(definition(pronunciations={"GLASS": "glarss", "flow": "floe"}))
    job = studio.narrate()
    assert json.loads(server.requests[0].body)["contents"][0]["parts"][0]["text"] == "glarss is a liquid that forgot how to floe."
    assert job.narration is not None
    assert job.narration.segments[0].text == TEXTS[0]
    assert [word.text for word in job.narration.segments[0].words] == TEXTS[0].split()


UNUSABLE = {
    "an empty answer that is billed": {"candidates": [{"content": {}, "finishReason": "OTHER"}],
                                       "usageMetadata": {"candidatesTokenCount": 60}},
    "a file of nothing but a header": spoken(content={"parts": [{"inlineData": {
        "mimeType": "audio/wav", "data": base64.b64encode(write_wav(babble(0.0001))[:44]).decode()}}]}),
    "half of the sound": spoken(0.6),
    "silence": spoken(content={"parts": [{"inlineData": {
        "mimeType": "audio/L16;codec=pcm;rate=24000", "data": base64.b64encode(bytes(24_000 * 6)).decode()}}]}),
    "a sound that is far too long": spoken(30.0),
    "a wave file that promises more than it holds": spoken(content={"parts": [{"inlineData": {
        "mimeType": "audio/wav", "data": base64.b64encode(write_wav(babble(3.0))[:60_000]).decode()}}]}),
    "words in place of a sound": spoken(content={"parts": [{"text": "Sure! Here is your message."}]}),
    "a refusal that is billed": {"candidates": [{"finishReason": "SAFETY"}], "usageMetadata": {"candidatesTokenCount": 60}},
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_sound_that_is_paid_for_and_useless_is_not_paid_for_again(case, studio, gemini):
    server = gemini(answer(200, UNUSABLE[case]))
    studio.put(definition())
    job = studio.narrate()
    assert server.connections == 1
    assert [line[0] for line in studio.ledger()][-1] == SPENT
    assert job.narration is not None
    assert job.narration.voice == SILENT
    assert job.narration.complete
    assert any("gemini did not say segment 1" in warning for warning in job.warnings)
    assert "No other voice here speaks en, so the film has captions only." in job.warnings
    assert len(studio.files()) == 1, "what was paid for is kept"
    studio.narrate()
    assert server.connections == 1


@NEEDS_HIBARI
@pytest.mark.slow
def test_a_free_voice_takes_over_the_whole_film(studio, gemini, monkeypatch):
    monkeypatch.setattr(hibari, "_is_installed", lambda: True)
    server = gemini(answer(200, spoken()), answer(200, UNUSABLE["half of the sound"]))
    studio.put(definition())
    job = studio.narrate()
    assert server.connections == 2
    assert job.narration is not None
    assert (job.narration.voice, job.narration.given_up) == ("hibari", ["gemini"])
    assert [segment.timing for segment in job.narration.segments] == ["durations", "durations"]
    assert any("gemini did not say segment 2" in warning for warning in job.warnings)


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT"])
def test_a_text_that_is_forbidden_costs_nothing_and_is_not_asked_for_again(reason, studio, gemini):
    server = gemini(answer(200, {"candidates": [{"finishReason": reason}], "usageMetadata": {"promptTokenCount": 9}}))
    studio.put(definition())
    job = studio.narrate()
    assert server.connections == 1
    assert [line[0] for line in studio.ledger()][-1] == RELEASED
    assert any("segment 1" in warning and reason in warning for warning in job.warnings)


UNCLEAR: dict[str, Behaviour] = {
    "an internal error": answer(500, {"error": {"message": "Internal", "status": "INTERNAL"}}),
    "a dropped connection": close_at_once,
    "no JSON": answer(200, b"<html>"),
    "a timeout of a gateway": answer(504, b""),
    "an answer without a candidate": answer(200, {}),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_a_call_of_unknown_outcome_waits_for_a_user_and_is_not_repeated(case, studio, gemini):
    server = gemini(UNCLEAR[case])
    studio.put(definition())
    with pytest.raises(SubmitUnclear):
        studio.narrate()
    for _ in range(2):
        with pytest.raises(SubmitUnclear, match="resolve lake --never-sent"):
            studio.narrate()
    assert server.connections == 1
    assert [line[0] for line in studio.ledger()][-1] == UNKNOWN
    assert studio.job().state == JobState.SUBMIT_UNKNOWN


def test_a_user_may_have_it_ordered_again(studio, gemini):
    server = gemini(UNCLEAR["an internal error"], answer(200, spoken()))
    studio.put(definition())
    with pytest.raises(SubmitUnclear):
        studio.narrate()
    assert "ordered again" in studio.resolve(never_sent=True)
    assert studio.job().state == JobState.ACCEPTED
    job = studio.narrate()
    assert server.connections == 3
    assert len({request["reference"] for request in studio.job().spend}) == 3, "no reference is used for two calls"
    assert job.narration is not None
    assert job.narration.voice == "gemini"


def test_a_user_may_go_on_without_it(studio, gemini):
    server = gemini(UNCLEAR["an internal error"])
    studio.put(definition())
    with pytest.raises(SubmitUnclear):
        studio.narrate()
    assert "goes on without it" in studio.resolve()
    job = studio.narrate()
    assert server.connections == 1
    assert job.narration is not None
    assert job.narration.voice == SILENT
    assert studio.ledger()[-1][0] == SPENT


def test_a_sound_has_no_id_that_could_be_adopted(studio, gemini):
    gemini(UNCLEAR["an internal error"])
    studio.put(definition())
    with pytest.raises(SubmitUnclear):
        studio.narrate()
    with pytest.raises(Exception, match="no id can be adopted"):
        studio.resolve(adopt="job-1")


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (answer(429, {"error": {"message": "quota", "status": "RESOURCE_EXHAUSTED"}}), ServiceBusy),
        (answer(403, {"error": {"message": "no", "status": "PERMISSION_DENIED"}}), AccountError),
    ],
)
def test_a_clear_refusal_releases_the_money_and_is_tried_again_by_a_later_run(behaviour, error, studio, gemini):
    server = gemini(behaviour, answer(200, spoken()))
    studio.put(definition())
    with pytest.raises(error):
        studio.narrate()
    assert studio.ledger()[-1][0] == RELEASED
    job = studio.narrate()
    assert server.connections == 3
    assert job.narration is not None
    assert job.narration.voice == "gemini"


def test_a_service_that_cannot_be_reached_is_tried_again_by_a_later_run(studio, gemini):
    gemini(answer(200, spoken()))
    studio.set(VERTEX_GENAI_BASE_URL=f"http://127.0.0.1:{unused_port()}")
    studio.put(definition())
    with pytest.raises(NotSent):
        studio.narrate()
    assert studio.ledger()[-1][0] == RELEASED


def test_a_job_over_its_budget_orders_nothing(studio, gemini):
    server = gemini(answer(200, spoken()))
    studio.put(definition(max_cost_usd=0.0001))
    with pytest.raises(OverBudget):
        studio.narrate()
    assert server.connections == 0
    assert studio.job().state == JobState.OVER_BUDGET


def test_a_voice_without_a_price_is_found_before_anything_begins(studio, gemini, home):
    gemini(answer(200, spoken()))
    studio.set(VERTEX_TTS_MODEL_ID="gemini-9-tts")
    with App(settings.load()) as app:
        (problem,) = app.narrator.problems(definition())
        assert "no usable price" in problem.message
        with pytest.raises(BadSettings):
            app.narrator.price_of(definition(), blueprint())


def test_the_price_of_a_narration_is_told_before(studio, gemini):
    gemini(answer(200, spoken()))
    with App(settings.load()) as app:
        assert Decimal("0.0005") < app.narrator.price_of(definition(), blueprint()) < Decimal("0.003")
        assert app.narrator.price_of(definition(voice="none"), blueprint()) == 0


# free voices


def test_a_server_on_this_machine_is_free_and_told_no_budget(studio):
    with ScriptedServer(answer(404), answer(200, write_wav(babble(3.0)), Content_Type="text/plain")) as server:
        studio.set(VOICE_SERVICE="speech_api", SPEECH_API_BASE_URL=f"{server.url}/v1", DAILY_BUDGET_USD="0")
        studio.put(definition())
        job = studio.narrate()
    assert job.narration is not None
    assert job.narration.complete
    assert job.narration.voice == "speech_api"
    assert job.narration.timing == "pauses"
    assert studio.ledger() == []


def test_a_free_voice_that_says_nothing_twice_is_given_up(studio, monkeypatch):
    monkeypatch.setitem(registry.WARNINGS, "speech_api", "The voice sounds as if it had a cold.")
    with ScriptedServer(answer(404), answer(200, b"")) as server:
        studio.set(VOICE_SERVICE="speech_api", SPEECH_API_BASE_URL=f"{server.url}/v1")
        studio.put(definition())
        job = studio.narrate()
    assert len([request for request in server.requests if request.method == "POST"]) == 2
    assert job.narration is not None
    assert job.narration.voice == SILENT
    assert not any("a cold" in warning for warning in job.warnings), "a voice that is not heard is not described"


@NEEDS_HIBARI
def test_english_is_spoken_offline(studio, monkeypatch):
    monkeypatch.setattr(hibari, "_is_installed", lambda: True)
    studio.put(definition())
    job = studio.narrate()
    assert job.narration is not None
    assert job.narration.fact_sheet() == {
        "voice": "hibari", "name": "heart", "timing": "durations", "seconds": job.narration.seconds
    }  # fmt: skip
    assert job.warnings == []


def test_without_a_voice_the_film_has_captions_only_and_says_so(studio):
    studio.put(definition(language="de"), "Glas ist eine Flüssigkeit.", "Es hat vergessen zu fließen.")
    with App(settings.load()) as app:
        assert any("captions only" in sentence for sentence in app.narrator.warnings(definition(language="de")))
        assert app.narrator.problems(definition(language="de")) == []
    job = studio.narrate()
    assert job.narration is not None
    assert job.narration.voice == SILENT
    assert [segment.file for segment in job.narration.segments] == ["", ""]
    assert all(segment.words and segment.seconds >= 1 for segment in job.narration.segments)
    assert any("No voice here speaks de" in warning for warning in job.warnings)


@pytest.mark.parametrize("page", [{"voice": "none"}, {"narration": False}])
def test_a_film_that_wants_no_voice_is_not_warned_about(page, studio):
    studio.put(definition(**page))
    job = studio.narrate()
    assert job.narration is not None
    assert (job.narration.voice, job.warnings) == (SILENT, [])


@NEEDS_HIBARI
def test_a_language_that_the_configured_voice_does_not_speak_is_a_warning(studio, monkeypatch):
    monkeypatch.setattr(hibari, "_is_installed", lambda: True)
    studio.set(VOICE_SERVICE="hibari")
    studio.put(definition(language="fr"), "Le verre est un liquide.", "Il a oublié de couler.")
    job = studio.narrate()
    assert any("speaks English only" in warning for warning in job.warnings)
    with App(settings.load()) as app:
        (problem,) = app.narrator.problems(definition(language="fr", voice="hibari"))
        assert "speaks English only" in problem.message


@pytest.mark.parametrize(
    ("voice", "words"),
    [
        ("Karl the great", "there is no voice 'Karl the great'"),
        ("hibary", "Did you mean 'hibari'"),
        ({"service": "gemini", "name": "Kora"}, "Did you mean 'Kore'"),
        ({"service": "robot"}, "there is no voice 'robot'"),
        ("espeak", "apt install espeak-ng"),
        ("hibari", "pip install"),
        ("speech_api", "SPEECH_API_BASE_URL"),
    ],
)
def test_a_voice_that_is_not_there_is_a_problem_of_the_definition(voice, words, studio):
    studio.set(VERTEX_AI_PROJECT_ID="demo")
    with App(settings.load()) as app:
        (problem,) = app.narrator.problems(definition(voice=voice))
    assert problem.path == "voice"
    assert words in problem.message


@pytest.mark.parametrize(
    ("voice", "language", "words"),
    [("hibary", "en", "Did you mean 'hibari'"), ("hibari", "sw", "speaks English"), ("hibari", "en", ""), ("gemini", "en", "")],
)
def test_an_estimate_needs_no_voice_that_is_ready_but_one_that_can_be(voice, language, words, studio):
    """A dry run refuses what a submission refuses in any installation, and nothing else."""
    with App(settings.load()) as app:
        found = app.narrator.problems(definition(voice=voice, language=language), usable=False)
    assert [words in problem.message for problem in found] == [True] * bool(words)


def test_a_speaker_is_found_by_its_name_alone(studio):
    studio.set(VERTEX_AI_PROJECT_ID="demo")
    with App(settings.load()) as app:
        assert app.narrator.problems(definition(voice="zephyr")) == []
        assert app.narrator.price_of(definition(voice="zephyr"), blueprint()) > 0


# crashes


def test_a_run_that_is_cut_off_goes_on_with_the_next_segment(studio, gemini, monkeypatch):
    server = gemini(answer(200, spoken()), answer(429, {}), answer(200, spoken()))
    studio.put(definition())
    with pytest.raises(ServiceBusy):
        studio.narrate()
    assert len(studio.job().narration.segments) == 1
    studio.narrate()
    assert [json.loads(request.body)["contents"][0]["parts"][0]["text"] for request in server.requests] == [
        TEXTS[0], TEXTS[1], TEXTS[1]
    ]  # fmt: skip
