"""What every planning service must do: the same requests, checks and failures, each in its own form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tenxsom import clock, settings
from tenxsom.errors import BadSettings
from tenxsom.model.blueprint import Blueprint
from tenxsom.pipeline.planner import ClaudeVideoService
from tenxsom.planning import registry
from tenxsom.planning.model_service import ServiceFailed
from tenxsom.store.templates import Templates
from tests.claude_world import order
from tests.stub_planners import KEY, Said, StubPlanners
from tests.stub_vertex import TOKEN, Reply, answer

pytest_plugins = ["tests.claude_fixtures"]

SERVICES = ("vertex_claude", "anthropic", "vertex_gemini", "openai_compatible")
NAMES = {
    "vertex_claude": "claude_on_vertex",
    "anthropic": "anthropic",
    "vertex_gemini": "gemini_on_vertex",
    "openai_compatible": "openai_compatible",
}


@pytest.fixture
def google() -> Iterator[StubPlanners]:
    with StubPlanners() as server:
        yield server


@pytest.fixture
def environment(vertex_environment: dict[str, str], google: StubPlanners) -> dict[str, str]:
    return vertex_environment | {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": google.url,
        "VERTEX_GENAI_BASE_URL": google.url,
        "PLANNER_BASE_URL": google.base_url,
        "PLANNER_API_KEY": KEY,
    }


def service(name: str, environment: dict[str, str], plan_templates: Templates, **changes: str) -> ClaudeVideoService:
    model = {"openai_compatible": {"PLANNER_MODEL": "small"}}.get(name, {})
    return ClaudeVideoService(settings.load(environment | {"PLANNER_SERVICE": name} | model | changes), plan_templates)


@pytest.fixture(params=SERVICES)
def planning(request: pytest.FixtureRequest, environment: dict[str, str], plan_templates: Templates) -> ClaudeVideoService:
    return service(request.param, environment, plan_templates)


def words(blueprint: Blueprint) -> list[str]:
    return [segment.content for segment in blueprint.video_plan.script_segments]


# plans


@pytest.mark.parametrize("name", SERVICES)
def test_a_plan_is_made_and_recorded(
    name: str, google: StubPlanners, environment: dict[str, str], plan_templates: Templates
) -> None:
    google.say(answer(4, 6))
    blueprint = service(name, environment, plan_templates).plan(order(plan_templates))
    assert words(blueprint) == ["Sentence number 1.", "Sentence number 2."]
    assert blueprint.planner.name == NAMES[name]
    assert blueprint.planner.usage["input_tokens"] == 1000
    assert blueprint.planner.usage["output_tokens"] == 500
    assert blueprint.warnings == []


def test_the_brief_the_order_and_the_schema_are_sent(
    google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.say(answer(4, 6))
    planning.plan(order(plan_templates, prompt="The keeper left at dawn."))
    (call,) = google.asked()
    sent = json.dumps(call.body)
    assert "You direct short videos" in sent
    assert "The keeper left at dawn." in sent
    assert "visual_cue" in sent
    assert "additionalProperties" in sent


@pytest.mark.parametrize(
    ("name", "key"), [("vertex_claude", TOKEN), ("anthropic", KEY), ("vertex_gemini", "local"), ("openai_compatible", KEY)]
)
def test_each_service_gets_its_own_key(
    name: str, key: str, google: StubPlanners, environment: dict[str, str], plan_templates: Templates
) -> None:
    google.say(answer(4, 6))
    service(name, environment, plan_templates).plan(order(plan_templates))
    assert google.asked()[0].headers["authorization"] == f"Bearer {key}"


def test_a_broken_answer_is_sent_back_once(google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates) -> None:
    google.say(Said("This is no JSON."), answer(5, 5))
    blueprint = planning.plan(order(plan_templates))
    assert words(blueprint) == ["Sentence number 1.", "Sentence number 2."]
    assert len(google.asked()) == 2
    assert "breaks these rules" in json.dumps(google.asked()[1].body)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Said("no JSON"), "still breaks the rules"),
        (Said('{"title": "cut', "length"), "cut off"),
        (Said("", "refusal"), "declines to plan"),
        (Reply({"error": {"message": "slow down"}}, 429), "slow down"),
        (Reply({"error": {"message": "no such key"}}, 401), "no such key"),
        (Reply({"error": {"message": "gone"}}, 404), "gone"),
        (Reply({"error": {"message": "oops"}}, 500), "oops"),
        (Reply(b"<html>hello</html>", 200, {"content-type": "text/html"}), ""),
        (Reply({"unexpected": True}), ""),
    ],
)
def test_trouble_becomes_the_local_plan_with_the_reason(
    reply: Said | Reply, said: str, google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.say(reply)
    blueprint = planning.plan(order(plan_templates))
    assert blueprint.planner.name == "archetype_templates"
    assert said in (blueprint.planner.reason or "")
    assert any(blueprint.planner.reason in warning for warning in blueprint.warnings if blueprint.planner.reason)
    assert blueprint.seconds == 10


def test_an_answer_in_another_language_is_sent_back_and_then_refused(
    google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    german = answer(5, 5)
    for number, text in enumerate(("Der Leuchtturm ist noch wach.", "Und die See wartet auf das Licht.")):
        german["segments"][number]["content"] = text
    google.say(german)
    blueprint = planning.plan(order(plan_templates))
    assert blueprint.planner.name == "archetype_templates"
    assert "write them in en" in (blueprint.planner.reason or "")
    assert len(google.asked()) == 2


def test_points_that_the_service_leaves_out_are_named(
    google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.say(answer(5, 5, left_out=["the old tax"]))
    (warning,) = planning.plan(order(plan_templates)).warnings
    assert warning == "1 of your points did not fit into 10 s: “the old tax”."


# scripts


SCRIPT: list[dict[str, Any]] = [{"text": "Salt was money, once…", "seconds": 4}, {"text": "Now it's cheap!"}]


def test_a_scripts_words_are_the_users_whatever_the_service_makes_of_them(
    google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    changed = answer(7, 3)
    changed["segments"][0]["content"] = "Salt was once money."
    google.say(changed)
    blueprint = planning.plan(order(plan_templates, script=SCRIPT))
    assert words(blueprint) == [part["text"] for part in SCRIPT]
    assert [segment.duration for segment in blueprint.video_plan.script_segments] == [4, 6]
    assert blueprint.video_plan.script_segments[0].visual_cue.startswith("A lighthouse above a grey sea")
    assert "2 of 2 parts of the script; yours were put back" in blueprint.warnings[0]


def test_a_plan_with_other_parts_than_the_script_is_sent_back(
    google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.say(answer(3, 3, 4), answer(5, 5))
    blueprint = planning.plan(order(plan_templates, script=SCRIPT))
    assert words(blueprint) == [part["text"] for part in SCRIPT]
    assert "the script has 2 parts" in json.dumps(google.asked()[1].body)


def test_the_script_travels_as_data(google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates) -> None:
    google.say(answer(5, 5))
    planning.plan(order(plan_templates, script=SCRIPT))
    sent = json.dumps(google.asked()[0].body, ensure_ascii=False)
    assert "unchanged, letter for letter" in sent
    assert "Salt was money, once…" in sent


# translations


def translated(*texts: str, **changes: Any) -> dict[str, Any]:
    plan = {"title": "Der letzte Leuchtturm", "description": "Ein kurzer Film.", "tags": ["leuchtturm"], "segments": list(texts)}
    return plan | changes


GERMAN = ("Der Leuchtturm ist noch wach.", "Und die See wartet auf das Licht.")


def test_a_translation_has_other_words_and_the_same_pictures_and_lengths(
    google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.say(answer(4, 6))
    original = planning.plan(order(plan_templates))
    google.say(translated(*GERMAN))
    made = planning.translate(original, "de")
    assert (made.language, tuple(words(made)), made.video_plan.title) == ("de", GERMAN, "Der letzte Leuchtturm")
    for before, after in zip(original.video_plan.script_segments, made.video_plan.script_segments, strict=True):
        assert (before.visual_cue, before.duration, before.time) == (after.visual_cue, after.duration, after.time)
    assert made.planner.usage["output_tokens"] == 500
    assert made.planner.requests == 1


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (translated(GERMAN[0]), "1 translations of 2 segments"),
        (translated("The lighthouse is awake and it waits.", "This is the sea that you know."), "write them in de"),
        (translated(GERMAN[0], ""), "segments.1"),
        (translated(*GERMAN, surprise=1), "surprise"),
    ],
)
def test_a_broken_translation_is_sent_back_once(
    broken: dict[str, Any], complaint: str, google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.say(answer(4, 6))
    original = planning.plan(order(plan_templates))
    google.say(broken, translated(*GERMAN))
    assert tuple(words(planning.translate(original, "de"))) == GERMAN
    assert complaint in json.dumps(google.asked()[-1].body)


def test_a_translation_that_fails_says_why_and_what_it_cost(
    google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates
) -> None:
    google.say(answer(4, 6))
    original = planning.plan(order(plan_templates))
    google.say(Said("", "refusal"))
    with pytest.raises(ServiceFailed, match="declines") as caught:
        planning.translate(original, "de")
    assert caught.value.record.usage["input_tokens"] == 1000


def test_without_a_planning_service_nothing_is_translated_and_the_remedy_is_named(
    environment: dict[str, str], plan_templates: Templates
) -> None:
    local = service("local", environment, plan_templates)
    with pytest.raises(BadSettings, match="PLANNER_BASE_URL and PLANNER_MODEL"):
        local.translate(local.plan(order(plan_templates)), "de")


# money


@pytest.mark.parametrize(("name", "cost"), [("anthropic", "0.00035"), ("vertex_gemini", "0.00525"), ("openai_compatible", "0")])
def test_a_plan_costs_what_its_tokens_cost_and_nothing_on_this_machine(
    name: str, cost: str, google: StubPlanners, environment: dict[str, str], plan_templates: Templates
) -> None:
    google.say(answer(4, 6))
    planning = service(name, environment, plan_templates)
    assert Decimal(planning.plan(order(plan_templates)).planner.cost_usd) == Decimal(cost)
    assert (planning.most_usd() > 0) == (cost != "0")
    planning.check_price()


def test_a_server_elsewhere_needs_a_price_where_there_is_a_budget(environment: dict[str, str], plan_templates: Templates) -> None:
    planning = service("openai_compatible", environment, plan_templates, PLANNER_BASE_URL="https://gateway.example.com/v1")
    with pytest.raises(BadSettings, match="no price for the planner small"):
        planning.check_price()


def test_a_price_list_of_ones_own_overrides_the_models_that_it_names(environment: dict[str, str]) -> None:
    lists: list[dict[str, Any]] = [{"planners": {"claude-haiku-5-5": {"input_usd": "7", "output_usd": "9"}}}, {"planners": {}}]
    found = settings.load(environment | {"ANTHROPIC_API_KEY": KEY})
    usage = {"input_tokens": 100_000}
    costs = [registry.open_service("anthropic", found, written).cost(usage) for written in lists]
    assert costs == [Decimal("0.7"), Decimal("0.01")]


# the choice


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({"VERTEX_AI_PROJECT_ID", "ANTHROPIC_API_KEY"}, "vertex_claude"),
        ({"ANTHROPIC_API_KEY", "PLANNER_BASE_URL", "PLANNER_MODEL"}, "anthropic"),
        ({"PLANNER_BASE_URL", "PLANNER_MODEL"}, "openai_compatible"),
        (set(), "local"),
    ],
)
def test_auto_is_the_first_service_that_is_set_up(kept: set[str], expected: str, environment: dict[str, str]) -> None:
    known = {"VERTEX_AI_PROJECT_ID", "ANTHROPIC_API_KEY", "PLANNER_BASE_URL", "PLANNER_MODEL", "PLANNER_API_KEY"}
    chosen = {
        name: value for name, value in (environment | {"PLANNER_MODEL": "small"}).items() if name in kept or name not in known
    }
    assert registry.chosen(settings.load(chosen)) == expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PLANNER_SERVICE": "anthropic", "ANTHROPIC_API_KEY": ""}, "needs ANTHROPIC_API_KEY"),
        ({"PLANNER_SERVICE": "openai_compatible"}, "needs PLANNER_MODEL"),
        ({"PLANNER_SERVICE": "vertex_gemini", "VERTEX_AI_PROJECT_ID": ""}, "needs VERTEX_AI_PROJECT_ID"),
        ({"VERTEX_AI_PROJECT_ID": "", "ANTHROPIC_API_KEY": ""}, "PLANNER_MODEL is not"),
    ],
)
def test_a_planner_that_is_not_set_up_stops_with_what_is_missing(
    changes: dict[str, str], said: str, environment: dict[str, str], plan_templates: Templates
) -> None:
    with pytest.raises(BadSettings, match=said):
        ClaudeVideoService(settings.load(environment | changes), plan_templates)


def test_a_server_without_json_schemas_is_asked_without_one(
    google: StubPlanners, environment: dict[str, str], plan_templates: Templates
) -> None:
    google.say(Reply({"error": {"message": "response_format is not supported"}}, 400), answer(4, 6))
    blueprint = service("openai_compatible", environment, plan_templates).plan(order(plan_templates))
    assert words(blueprint) == ["Sentence number 1.", "Sentence number 2."]
    assert "response_format" not in google.asked()[1].body
    assert "It must fit this JSON Schema" in google.asked()[1].body["messages"][0]["content"]
    assert any("knows no JSON Schema" in warning for warning in blueprint.warnings)


def test_a_busy_service_is_asked_once_more(google: StubPlanners, planning: ClaudeVideoService, plan_templates: Templates) -> None:
    google.say(Reply({"error": {"message": "busy"}}, 503, {"retry-after": "0"}), answer(5, 5))
    assert planning.plan(order(plan_templates)).planner.requests == 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_never_answers_is_given_up_at_the_deadline(
    name: str, google: StubPlanners, environment: dict[str, str], plan_templates: Templates
) -> None:
    google.say(Reply(stall=True))
    planning = service(name, environment, plan_templates)
    planning._planner()._seconds = 1.0
    started = clock.monotonic()
    blueprint = planning.plan(order(plan_templates))
    assert clock.monotonic() - started < 15
    assert blueprint.planner.name == "archetype_templates"


@pytest.mark.parametrize(("name", "key"), [("vertex_claude", TOKEN), ("anthropic", KEY), ("openai_compatible", KEY)])
def test_a_services_key_is_in_no_plan_even_if_it_is_repeated(
    name: str, key: str, google: StubPlanners, environment: dict[str, str], plan_templates: Templates
) -> None:
    google.say(Reply({"error": {"message": f"who is {key}?"}}, 403))
    text = service(name, environment, plan_templates).plan(order(plan_templates)).model_dump_json()
    assert "who is" in text
    assert key not in text
