"""Music that is paid for: ordered once, kept, and never ordered again by itself."""

from __future__ import annotations

import base64
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock, settings
from tenxsom.app import App
from tenxsom.errors import AccountError, BadSettings, NotSent, OverBudget, ServiceBusy, SubmitUnclear
from tenxsom.media.sound.reading import check_sound
from tenxsom.model import file_names
from tenxsom.model.job import JobState
from tenxsom.model.sound_order import SoundStep
from tenxsom.store.base import RELEASED, SPENT, UNKNOWN
from tests import sounds
from tests.crash.deaths import DEATHS, Blow, Death, struck
from tests.net_server import Behaviour, ScriptedServer, answer, close_at_once, raw, unused_port
from tests.one_job import OneJob

WORDS = "Light pizzicato strings around 96 bpm."


def piece(suffix: str = ".wav") -> str:
    """A second and a half of music as base64."""
    with tempfile.TemporaryDirectory() as place:
        path = sounds.write(Path(place) / f"piece{suffix}", sounds.tone(1.5, 440))
        return base64.b64encode(path.read_bytes()).decode()


def predicted(data: str | None = None) -> dict[str, Any]:
    """What lyria-002 answers."""
    return {"predictions": [{"bytesBase64Encoded": data or piece(), "mimeType": "audio/wav"}], "modelDisplayName": "Lyria 2"}


def interaction(data: str | None = None) -> dict[str, Any]:
    """What a model of Lyria 3 answers."""
    sound = {"type": "audio", "mime_type": "audio/mpeg", "data": data or piece(".mp3")}
    return {"id": "i-1", "status": "completed", "outputs": [{"type": "text", "text": "[Intro] marimba"}, sound]}


class Desk(OneJob):
    """One job on a real queue, with the music service of the settings."""

    def compose(self, **changes: Any) -> bool:
        """What a run does for the music of the job."""
        with App(settings.load()) as app, app.store.claim("lake") as claim:
            assert claim
            return app.composer.compose(claim, "lyria", WORDS, **changes)

    @property
    def music(self) -> Path:
        return self.home / "completed_videos" / file_names.music_source("lake")


@pytest.fixture
def desk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(home, monkeypatch)


@pytest.fixture
def lyria(desk: Desk) -> Iterator[Callable[..., ScriptedServer]]:
    """Let Lyria answer call by call as scripted; its server is asked over a socket."""
    with ExitStack() as servers:
        yield desk.scripted(servers)


def test_music_is_one_paid_call_and_a_file_of_the_job(desk, lyria):
    server = lyria(answer(200, predicted()))
    desk.accept()
    assert desk.compose(seed=7)
    (request,) = server.requests
    assert request.target == "/v1/projects/demo/locations/us-central1/publishers/google/models/lyria-002:predict"
    (instance,) = json.loads(request.body)["instances"]
    assert (instance["prompt"], instance["seed"]) == (WORDS, 7)
    assert "vocals" in instance["negative_prompt"]
    assert "sample_count" not in json.loads(request.body)["parameters"], "a seed and a count are refused together"
    assert desk.files() == ["lake~music-source"]
    assert check_sound(desk.music) == pytest.approx(1.5, abs=0.05)
    assert desk.ledger()[-1] == (SPENT, "lyria", "0.06")
    assert desk.compose()
    assert server.connections == 1


def test_lyria_3_is_asked_by_an_interaction_that_google_does_not_keep_and_told_not_to_sing(desk, lyria):
    server = lyria(answer(200, interaction()))
    desk.set(VERTEX_MUSIC_MODEL_ID="lyria-3-clip-preview")
    desk.accept()
    assert desk.compose()
    (request,) = server.requests
    assert request.target == "/v1beta1/projects/demo/locations/global/interactions"
    body = json.loads(request.body)
    assert body["model"] == "lyria-3-clip-preview"
    assert body["store"] is False
    assert body["input"].startswith(WORDS)
    assert "no vocals" in body["input"]
    assert check_sound(desk.music) == pytest.approx(1.5, abs=0.1)
    assert desk.ledger()[-1] == (SPENT, "lyria", "0.04")


def test_music_in_the_steps_of_an_interaction_is_found_as_well(desk, lyria):
    made = interaction()
    lyria(answer(200, {"id": "i-1", "steps": [{"type": "model_output", "content": made["outputs"]}]}))
    desk.set(VERTEX_MUSIC_MODEL_ID="lyria-3-pro-preview")
    desk.accept()
    assert desk.compose()


REFUSED = {
    "no prediction": ("lyria-002", answer(200, {})),
    "an empty list": ("lyria-002", answer(200, {"predictions": [], "raiFilteredReason": "recitation"})),
    "words alone": ("lyria-3-clip-preview", answer(200, {"id": "i", "outputs": [{"type": "text", "text": "I cannot."}]})),
    "no output": ("lyria-3-clip-preview", answer(200, {"id": "i", "status": "failed"})),
    "a bad request": ("lyria-002", answer(400, {"error": {"message": "Unsupported language", "status": "INVALID_ARGUMENT"}})),
    "a model that is gone": ("lyria-1", answer(404, {"error": {"message": "Publisher model not found", "status": "NOT_FOUND"}})),
}


@pytest.mark.parametrize("case", REFUSED)
def test_words_that_are_refused_cost_nothing_and_are_not_sent_again(case, desk, lyria, home):
    model, behaviour = REFUSED[case]
    server = lyria(behaviour)
    desk.set(VERTEX_MUSIC_MODEL_ID=model)
    if model == "lyria-1":
        written = json.loads((settings.ROOT / "templates/prices.json").read_text())
        written["music"]["lyria"]["models"][model] = {"piece_usd": "0.01"}
        (home / "templates").mkdir()
        (home / "templates/prices.json").write_text(json.dumps(written))
    desk.accept()
    assert not desk.compose()
    assert not desk.compose()
    assert server.connections == 1
    assert desk.ledger()[-1][0] == RELEASED
    job = desk.job()
    assert job.sounds[0].step == SoundStep.FAILED
    assert [warning for warning in job.warnings if "lyria made no music" in warning]
    assert len(job.warnings) == 1


@pytest.mark.parametrize("case", ["no sound file", "silence", "a header alone"])
def test_a_piece_that_is_paid_for_and_useless_is_kept_and_not_paid_for_again(case, desk, lyria, tmp_path):
    silent = sounds.write(tmp_path / "silent.wav", sounds.silence(2)).read_bytes()
    data = {"no sound file": b"These are only words. " * 50, "silence": silent, "a header alone": silent[:44]}[case]
    server = lyria(answer(200, predicted(base64.b64encode(data).decode())))
    desk.accept()
    assert not desk.compose()
    assert not desk.compose()
    assert server.connections == 1
    assert desk.ledger()[-1][0] == SPENT
    assert len(desk.files()) == 1, "what was paid for is kept"
    assert "it was paid for" in desk.job().warnings[0]


UNCLEAR: dict[str, Behaviour] = {
    "an internal error": answer(500, {"error": {"message": "Internal", "status": "INTERNAL"}}),
    "a dropped connection": close_at_once,
    "no JSON": answer(200, b"<html>"),
    "a list": answer(200, []),
    "base64 that is none": answer(200, {"predictions": [{"bytesBase64Encoded": "?" * 40}]}),
    "predictions of another shape": answer(200, {"predictions": [{"audio": {"uri": "gs://bucket/piece.wav"}}]}),
    "half of an answer": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + json.dumps({"predictions": []}).encode()),
    "a timeout of a gateway": answer(504, b""),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_a_call_of_unknown_outcome_waits_for_a_user_and_is_not_repeated(case, desk, lyria):
    server = lyria(UNCLEAR[case])
    desk.accept()
    with pytest.raises(SubmitUnclear):
        desk.compose()
    for _ in range(2):
        with pytest.raises(SubmitUnclear, match="resolve lake --never-sent"):
            desk.compose()
    assert server.connections == 1
    assert desk.ledger()[-1][0] == UNKNOWN
    assert desk.job().state == JobState.SUBMIT_UNKNOWN


def test_a_user_may_have_it_ordered_again_or_go_on_without_it(desk, lyria):
    server = lyria(UNCLEAR["an internal error"], UNCLEAR["an internal error"], answer(200, predicted()))
    desk.accept()
    with pytest.raises(SubmitUnclear):
        desk.compose()
    assert "ordered again" in desk.resolve(never_sent=True)
    with pytest.raises(SubmitUnclear):
        desk.compose()
    assert "goes on without it" in desk.resolve()
    assert not desk.compose()
    assert server.connections == 2
    assert desk.ledger()[-1][0] == SPENT


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (answer(429, {"error": {"message": "quota", "status": "RESOURCE_EXHAUSTED"}}), ServiceBusy),
        (answer(403, {"error": {"message": "no", "status": "PERMISSION_DENIED"}}), AccountError),
    ],
)
def test_a_clear_refusal_releases_the_money_and_is_tried_again_by_a_later_run(behaviour, error, desk, lyria):
    server = lyria(behaviour, answer(200, predicted()))
    desk.accept()
    with pytest.raises(error):
        desk.compose()
    assert desk.ledger()[-1][0] == RELEASED
    assert desk.compose()
    assert server.connections == 2


def test_a_service_that_cannot_be_reached_is_tried_again_by_a_later_run(desk, lyria):
    lyria(answer(200, predicted()))
    desk.set(VERTEX_GENAI_BASE_URL=f"http://127.0.0.1:{unused_port()}")
    desk.accept()
    with pytest.raises(NotSent):
        desk.compose()
    assert desk.ledger()[-1][0] == RELEASED


def test_a_job_over_its_budget_orders_nothing(desk, lyria):
    server = lyria(answer(200, predicted()))
    desk.accept(definition={"content_id": "lake", "max_cost_usd": 0.01})
    with pytest.raises(OverBudget):
        desk.compose()
    assert server.connections == 0
    assert desk.job().state == JobState.OVER_BUDGET


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ({}, "VERTEX_AI_PROJECT_ID"),
        ({"VERTEX_AI_PROJECT_ID": "demo", "VERTEX_MUSIC_MODEL_ID": "veo-3"}, "'veo-3' is no music model"),
        ({"VERTEX_AI_PROJECT_ID": "demo", "VERTEX_MUSIC_MODEL_ID": "lyria-9"}, "no usable price for music from lyria lyria-9"),
    ],
)
def test_what_is_missing_is_found_before_anything_begins(names, complaint, desk):
    desk.set(**names)
    with App(settings.load()) as app:
        problem = app.composer.problem("lyria")
        assert problem
        assert complaint in problem


def test_the_price_of_music_is_told_before(desk):
    with App(settings.load()) as app:
        assert app.composer.price_of("lyria") == Decimal("0.06")


def test_an_estimate_has_the_price_of_the_music_in_it(desk, home):
    page = {"content_id": "lake", "title": "Why lakes are still", "archetype": "explainer", "tier": "volume", "target_duration": 5,
            "platform": "youtube_shorts", "script": "A lake is still.", "service": "local_studio"}  # fmt: skip
    for music, price in (("lyria", Decimal("0.06")), ("none", Decimal(0))):
        (home / "lake.json").write_text(json.dumps(page | {"music": music}))
        with App(settings.load()) as app:
            orchestrator = app.orchestrator(dry_run=True)
            (order,) = orchestrator.read([str(home / "lake.json")])
            assert orchestrator.estimate(order).usd == price


def test_an_unknown_service_is_named(desk):
    with App(settings.load()) as app, pytest.raises(BadSettings, match="no music service 'suno'"):
        app.music("suno")


@pytest.mark.parametrize("how", DEATHS)
def test_killed_at_any_durable_change_the_music_is_paid_for_at_most_once(how, desk, lyria):
    """After each death a run carries on: the kept piece is found, or the call waits for a user; it is never sent twice."""
    paid = piece()
    for at in itertools.count(1):
        server = lyria(answer(200, predicted(paid)))
        content_id = f"lake-{at}"
        desk.accept(content_id=content_id, run_id=f"tx-{at}")
        died = False
        with struck(Blow(at, how)), App(settings.load()) as app, app.store.claim(content_id) as claim:
            assert claim
            try:
                app.composer.compose(claim, "lyria", WORDS)
            except Death:
                died = True
        with App(settings.load()) as app, app.store.claim(content_id) as claim:
            assert claim
            try:
                assert app.composer.compose(claim, "lyria", WORDS)
                assert app.artifacts.exists(file_names.music_source(content_id))
                assert {line["entry"] for line in claim.job.spend} <= {SPENT, RELEASED}
            except SubmitUnclear:
                assert claim.job.sounds[0].intent
        assert server.connections <= 1
        if not died:
            assert at > 4
            return


def test_no_music_is_ordered_after_the_end_of_a_tick(desk, monkeypatch):
    desk.accept()
    begun: list[str] = []

    def begins(step: str) -> bool:
        begun.append(step)
        return True

    with App(settings.load()) as app, app.store.claim("lake") as claim:
        assert claim
        orchestrator = app.orchestrator()
        for step in ("plan", "narrate", "cut", "compose"):
            monkeypatch.setattr(orchestrator, step, lambda *_, step=step: begins(step))
        monkeypatch.setattr(orchestrator.generator, "generate_with_useapi", lambda *_: begins("order"))
        orchestrator.carry_on(claim, deadline=clock.Deadline(0))
        assert not {"compose", "order"} & {*begun}
        orchestrator.carry_on(claim)
    assert begun[-2:] == ["compose", "order"]
