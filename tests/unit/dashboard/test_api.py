"""The API: what programs read and decide, and the document that describes it."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tenxsom.cli.manage import main
from tenxsom.model.definition import definition_schema
from tenxsom.model.job import JobState
from tests.states import new_clip
from tests.submitted import PAGE
from tests.unit.dashboard.test_decisions import unclear


@pytest.fixture
def api(dashboard):
    def ask(method, address, body=None):
        answer = dashboard.client.request(method, f"/api/v1{address}", json=body)
        return answer.status_code, answer.json()

    return ask


def test_the_document_describes_every_address_and_every_answer_follows_it(dashboard, api):
    _, document = api("GET", "/openapi.json")
    assert document["openapi"].startswith("3.")
    assert set(document["paths"]) == {
        "/status", "/jobs", "/jobs/{content_id}", "/films", "/costs", "/health", "/schema", "/submit",
        "/jobs/{content_id}/retry", "/jobs/{content_id}/approve", "/jobs/{content_id}/cancel", "/jobs/{content_id}/resolve",
    }  # fmt: skip
    dashboard.put("lake", clips=[new_clip()])
    dashboard.make("hill")
    for address in ("/status", "/jobs", "/films", "/costs", "/health"):
        status, answer = api("GET", address)
        assert status == 200
        schema = document["paths"][address]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer, {**schema, "components": document["components"]})


def test_a_job_is_told_as_the_commands_tell_it(dashboard, api, capsys):
    dashboard.put("lake", title="The lake", clips=[new_clip()])
    asks = "Too dark; manage_jobs.py resolve lake decides about it"
    dashboard.put("hill", state=JobState.NEEDS_DECISION, clips=[new_clip(hold="decision", error=asks)])
    assert "Too dark; python3 manage_jobs.py resolve lake" in dashboard.client.get("/jobs/hill").text
    main(["show", "lake", "--json"])
    shown = json.loads(capsys.readouterr().out)
    _, told = api("GET", "/jobs/lake")
    assert {name: told[name] for name in ("job", "timeline", "next")} == {name: shown[name] for name in ("job", "timeline", "next")}
    main(["status", "--json"])
    assert api("GET", "/jobs")[1]["jobs"] == json.loads(capsys.readouterr().out)["queue"]


def test_films_are_told_with_what_was_said_about_them(dashboard, api):
    dashboard.make("lake", title="The lake")
    dashboard.post("/jobs/lake/note", star="1", notes="Good.")
    _, told = api("GET", "/films?kind=starred")
    assert [(film["content_id"], film["star"], film["notes"], film["width"]) for film in told["films"]] == [
        ("lake", True, "Good.", 720)
    ]


def test_a_definition_is_accepted_or_refused_with_every_problem(dashboard, api):
    assert api("POST", "/submit", PAGE)[0] == 202
    assert dashboard.app.store.ids() == ["lake"]
    status, answer = api("POST", "/submit", PAGE)
    assert (status, answer["error"]["kind"]) == (409, "Conflict")
    status, answer = api("POST", "/submit", {**PAGE, "content_id": "a b", "tier": "best"})
    assert status == 400
    assert {problem["path"] for problem in answer["error"]["problems"]} == {"content_id", "tier"}
    assert api("POST", "/submit", ["no", "object"])[0] == 400


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b'{"content_id": "a", "content_id": "b"}', 400, "content_id"),
        (b'{"content_id":', 400, "no valid JSON"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 400, "nested too deeply"),
        (b"\xff{}", 400, "is not UTF-8"),
        (b'{"a": "\\ud800"}', 400, "half of a surrogate pair"),
        (b" " * 1_100_000 + b"{}", 400, "longer than a megabyte"),
        (b"", 400, "this definition"),
    ],
)
def test_a_body_is_read_as_strictly_as_a_file(dashboard, body, status, sentence):
    answer = dashboard.client.post("/api/v1/submit", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert sentence in answer.json()["error"]["message"]
    assert dashboard.app.store.ids() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"cost": ', "no valid JSON"),
        (b'{"cost": "' + b"x" * 1_100_000 + b'"}', "longer than a megabyte"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "cannot be read as JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_said_to_be_one(dashboard, body, sentence):
    answer = dashboard.client.post("/api/v1/jobs/lake/retry", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert sentence in answer.json()["error"]["message"]
    assert "There is no" not in answer.json()["error"]["message"]


def test_decisions_are_the_commands(dashboard, api):
    dashboard.fail("lake")
    _, price = api("GET", "/jobs/lake/retry")
    status, answer = api("POST", "/jobs/lake/retry", {"cost": "another"})
    assert status == 400
    assert price["cost"] in answer["error"]["message"]
    assert api("POST", "/jobs/lake/retry", {"cost": price["cost"]})[0] == 200
    assert dashboard.app.store.ids() == ["lake"]
    status, answer = api("POST", "/jobs/lake/cancel", {})
    assert (status, answer["content_id"]) == (200, "lake")
    assert dashboard.app.store.ids() == []
    unclear(dashboard, "hill")
    assert api("POST", "/jobs/hill/resolve", {"decision": "adopt"})[0] == 400
    assert api("POST", "/jobs/hill/resolve", {"decision": "guess"})[0] == 422
    assert api("POST", "/jobs/hill/resolve", {"decision": "write_off"})[0] == 200
    assert dashboard.app.store.ids() == []


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/jobs/none", 404),
        ("GET", "/jobs/none/retry", 404),
        ("POST", "/jobs/none/cancel", 404),
        ("GET", "/jobs?state=x", 422),
        ("GET", "/jobs?limit=0", 422),
        ("GET", "/costs?since=xyz", 400),
        ("GET", "/costs?tag=none", 400),
        ("GET", "/nothing", 404),
        ("DELETE", "/jobs", 405),
    ],
)
def test_bad_input_is_a_document_with_a_sentence(api, method, address, status):
    got, answer = api(method, address, {} if method != "GET" else None)
    assert got == status
    assert answer["error"]["message"]


def test_the_schema_is_the_scripts(dashboard, api):
    assert api("GET", "/schema")[1] == definition_schema(dashboard.app.vocabulary)
