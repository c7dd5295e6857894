"""Errors of Claude on Vertex AI: every kind ends in the local plan, in time, with the reason, and without a secret."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

import claude_video_service
from claude_video_service import ClaudeVideoService
from tenxsom import clock, settings
from tenxsom.errors import Interrupted
from tenxsom.pipeline import planner as pipeline_planner
from tenxsom.planning.model_service import MAX_TOKENS, MOST_PROMPT_TOKENS, Bill, ServiceFailed
from tenxsom.store.templates import Templates
from tests.claude_world import archetype_of, claude, durations, job_file, order
from tests.stub_vertex import TOKEN, Reply, StubVertex, answer, google_error, message

pytest_plugins = ["tests.claude_fixtures"]
pytestmark = pytest.mark.usefixtures("vertex_environment")


# errors become the local plan


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (google_error(400, "bad request"), ["VERTEX_AI_CLAUDE_MODEL_ID"]),
        (google_error(401, "no"), ["gcloud auth application-default login"]),
        (google_error(402, "no"), ["billing account"]),
        (google_error(403, "denied"), ["roles/aiplatform.user", "Model Garden", "demo-project"]),
        (google_error(404, "gone"), ["claude-haiku-5-5 is not there", "retired", "claude-sonnet-5-5"]),
        (google_error(418, "teapot"), ["HTTP 418", "teapot"]),
        (google_error(429, "RESOURCE_EXHAUSTED"), ["quota", "RESOURCE_EXHAUSTED"]),
        (google_error(500, "oops"), ["HTTP 500", "try again later"]),
        (Reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529), ["HTTP 529", "Overloaded"]),
        (Reply(b"<html>bad gateway</html>", 502, {"content-type": "text/html"}), ["HTTP 502"]),
        (Reply([{"error": {"code": 403, "message": "listed"}}], 403), ["listed"]),
        (Reply(message("", "refusal")), ["declines"]),
        (Reply(message('{"title": "cut', "max_tokens")), ["cut off", "16,000 tokens"]),
        (Reply(message("", "pause_turn")), ["pause_turn"]),
        (Reply(message("", "model_context_window_exceeded")), ["too long"]),
        (Reply(b"<html>hello</html>", 200, {"content-type": "text/html"}), ["not Vertex AI", "VERTEX_AI_BASE_URL"]),
        (Reply({"unexpected": True}), ["not Vertex AI"]),
        (Reply([1, 2]), ["not Vertex AI"]),
    ],
)
def test_trouble_with_claude_gives_the_local_plan_and_the_reason(
    google: StubVertex, planning: ClaudeVideoService, plan_templates: Templates, reply: Reply, words: list[str]
) -> None:
    google.script(reply)
    blueprint = planning.plan(order(plan_templates))
    assert blueprint.planner.name == "archetype_templates"
    assert sum(durations(blueprint)) == 10.0
    for part in words:
        assert part in (blueprint.planner.reason or "")


def test_an_unreachable_service_gives_the_local_plan(
    vertex_environment: dict[str, str], plan_templates: Templates, google: StubVertex
) -> None:
    vertex_environment["VERTEX_AI_BASE_URL"] = "http://127.0.0.1:9/v1"
    blueprint = ClaudeVideoService(settings.load(vertex_environment), plan_templates).plan(order(plan_templates))
    assert "cannot be reached" in (blueprint.planner.reason or "")
    assert blueprint.planner.requests == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VERTEX_AI_LOCATION", "eu west"),
        ("VERTEX_AI_LOCATION", "evil.example.com/x"),
        ("VERTEX_AI_CLAUDE_MODEL_ID", "../../x"),
        ("VERTEX_AI_PROJECT_ID", "a/b"),
    ],
)
def test_a_name_that_fits_no_address_gives_the_local_plan(
    vertex_environment: dict[str, str], plan_templates: Templates, google: StubVertex, name: str, value: str
) -> None:
    vertex_environment[name] = value
    reason = ClaudeVideoService(settings.load(vertex_environment), plan_templates).plan(order(plan_templates)).planner.reason or ""
    assert name in reason
    assert google.calls == []


def test_a_busy_service_is_asked_once_more(google: StubVertex, planning: ClaudeVideoService, plan_templates: Templates) -> None:
    google.script(Reply({"error": {"message": "busy"}}, 429, {"retry-after": "0"}), answer(5, 5))
    planner = planning.plan(order(plan_templates)).planner
    assert (planner.name, planner.requests) == ("claude_on_vertex", 2)


def test_money_spent_in_vain_stands_in_the_local_plan(
    google: StubVertex, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.script(Reply(message("half a pl", "max_tokens", tokens=(2000, 16_000))))
    planner = planning.plan(order(plan_templates)).planner
    assert (planner.name, planner.model, planner.requests) == ("archetype_templates", "claude-haiku-5-5", 1)
    assert Decimal(planner.cost_usd) == Decimal("0.0082")
    assert planner.usage["output_tokens"] == 16_000


def test_broken_credentials_give_the_local_plan(
    vertex_environment: dict[str, str], plan_templates: Templates, google: StubVertex
) -> None:
    for text in (
        "",
        "no JSON",
        "{}",
        '{"type": "service_account"}',
        '{"type": "service_account", "private_key": "x", "client_email": "a"}',
    ):
        Path(vertex_environment["GOOGLE_APPLICATION_CREDENTIALS"]).write_text(text)
        planner = ClaudeVideoService(settings.load(vertex_environment), plan_templates).plan(order(plan_templates)).planner
        assert "key.json cannot be used" in (planner.reason or "")
        assert planner.requests == 0


def test_a_machine_without_credentials_plans_locally_and_names_the_remedy(
    vertex_environment: dict[str, str], plan_templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    vertex_environment.pop("GOOGLE_APPLICATION_CREDENTIALS")
    reason = ClaudeVideoService(settings.load(vertex_environment), plan_templates).plan(order(plan_templates)).planner.reason or ""
    assert "gcloud auth application-default login" in reason
    assert "GOOGLE_APPLICATION_CREDENTIALS" in reason


def test_a_revoked_key_gives_the_local_plan(google: StubVertex, planning: ClaudeVideoService, plan_templates: Templates) -> None:
    google.token_reply = Reply({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
    assert "invalid_grant" in (planning.plan(order(plan_templates)).planner.reason or "")
    assert google.predictions() == []


def test_after_repeated_failures_claude_is_left_alone_for_a_while(
    google: StubVertex, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.script(google_error(403, "denied"))
    reasons = [planning.plan(order(plan_templates)).planner.reason or "" for _ in range(4)]
    assert len(google.predictions()) == pipeline_planner.FAILURES_BEFORE_REST
    assert "left alone" in reasons[-1]


def test_content_that_claude_declines_does_not_count_against_the_service(
    google: StubVertex, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.script(Reply(message("", "refusal")))
    for _ in range(4):
        planning.plan(order(plan_templates))
    assert len(google.predictions()) == 4


# the deadline


@pytest.mark.parametrize("reply", [Reply(stall=True), Reply(drip=True)], ids=["silent", "dripping"])
def test_a_service_that_never_finishes_is_given_up_at_the_deadline(
    google: StubVertex, vertex_environment: dict[str, str], plan_templates: Templates, reply: Reply
) -> None:
    google.script(reply)
    started = clock.monotonic()
    with pytest.raises(ServiceFailed) as caught:
        claude(vertex_environment, plan_templates, deadline_seconds=1.0).plan(order(plan_templates), archetype_of(plan_templates))
    assert clock.monotonic() - started < 15
    assert caught.value.record.requests == 1


def test_a_token_service_that_never_answers_is_given_up_at_the_deadline(
    google: StubVertex, vertex_environment: dict[str, str], plan_templates: Templates
) -> None:
    google.token_reply = Reply(stall=True)
    started = clock.monotonic()
    with pytest.raises(ServiceFailed):
        claude(vertex_environment, plan_templates, deadline_seconds=0.5).plan(order(plan_templates), archetype_of(plan_templates))
    assert clock.monotonic() - started < 10


@pytest.mark.parametrize("wait", ["3600", "99999999", "Wed, 21 Oct 2099 07:28:00 GMT", "²"])
def test_a_retry_after_of_hours_is_not_waited_for(
    google: StubVertex, vertex_environment: dict[str, str], plan_templates: Templates, wait: str
) -> None:
    google.script(Reply({"error": {"message": "busy"}}, 429, {"retry-after": wait}))
    started = clock.monotonic()
    with pytest.raises(ServiceFailed, match="quota"):
        claude(vertex_environment, plan_templates).plan(order(plan_templates), archetype_of(plan_templates))
    assert clock.monotonic() - started < 30
    assert len(google.predictions()) == 1


def test_a_deadline_that_passed_sends_no_request(
    google: StubVertex, vertex_environment: dict[str, str], plan_templates: Templates
) -> None:
    google.script(answer(5, 5))
    with pytest.raises(ServiceFailed):
        claude(vertex_environment, plan_templates, deadline_seconds=0.0).plan(order(plan_templates), archetype_of(plan_templates))
    assert google.predictions() == []


def test_a_stop_request_does_not_wait_for_claude(
    google: StubVertex, vertex_environment: dict[str, str], plan_templates: Templates
) -> None:
    google.script(Reply(stall=True))
    clock.request_stop()
    try:
        with pytest.raises(Interrupted):
            claude(vertex_environment, plan_templates, deadline_seconds=30).plan(
                order(plan_templates), archetype_of(plan_templates)
            )
    finally:
        clock.forget_stop()


# secrets


def test_the_token_is_in_no_log_and_no_blueprint_even_if_the_service_repeats_it(
    google: StubVertex,
    tmp_path: Path,
    plan_templates: Templates,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    google.script(google_error(403, f"Bearer {TOKEN} ({TOKEN}) of planner@key-project.example.com is not welcome"))
    assert claude_video_service.main(["--json", job_file(tmp_path, plan_templates)]) == 0
    out, err = capfd.readouterr()
    assert "is not welcome" in out
    assert "is not welcome" in err
    for secret in (TOKEN, "BEGIN PRIVATE KEY", "planner@"):
        assert secret not in out + err


def test_a_token_that_stands_in_a_plan_is_in_no_blueprint(
    google: StubVertex, vertex_environment: dict[str, str], plan_templates: Templates
) -> None:
    plan = json.loads(json.dumps(answer(5, 5)).replace('"content": "', f'"content": "{TOKEN} '))
    google.script(plan)
    made = claude(vertex_environment, plan_templates).plan(order(plan_templates), archetype_of(plan_templates))
    assert google.predictions()
    written = json.dumps(made.as_dict())
    assert "***" in written
    assert TOKEN not in written


# what a service counts


@pytest.mark.parametrize("tokens", [-5_000_000, 10**30, True, "many", 2.5, None])
def test_tokens_that_cannot_be_are_never_booked_as_less_than_nothing_or_as_a_fortune(tokens: object) -> None:
    bill = Bill()
    bill.add({"input_tokens": tokens, "output_tokens": tokens, "cache_read_input_tokens": tokens})
    assert 0 <= bill.usage["input_tokens"] <= MOST_PROMPT_TOKENS
    assert 0 <= bill.usage["output_tokens"] <= MAX_TOKENS
    assert bill.usage["cache_read_input_tokens"] == 0
