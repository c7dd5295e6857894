"""What a person or a program decides: the operator's commands, with the price said first."""

from __future__ import annotations

import html
import json
import re

import pytest

from tenxsom.dashboard import form
from tenxsom.errors import NotApproved, Problem
from tenxsom.model.clip import Intent, Step
from tenxsom.model.definition import definition_schema
from tenxsom.model.job import JobState
from tests.states import new_clip
from tests.submitted import PAGE
from tests.unit.dashboard.test_pages import text_of

FORM = {name: str(value) for name, value in PAGE.items()}


def unclear(dashboard, content_id="lake"):
    at, reference = "2026-11-29T00:00:00.000Z", "tx-1-v-1"
    intent = Intent(step=Step.REQUEST_VIDEO, attempt=1, reference=reference, usd="0", at=at, unclear="Lost.")
    clip = new_clip(step=Step.REQUEST_VIDEO, intent=intent, start_frame="none")
    return dashboard.put(content_id, state=JobState.SUBMIT_UNKNOWN, clips=[clip])


# deciding


def test_a_retry_says_its_price_and_is_done_for_that_price_only(dashboard):
    dashboard.fail("lake")
    page = dashboard.client.get("/jobs/lake/retry").text
    cost = html.unescape(re.search(r'name="cost" value="([^"]+)"', page)[1])  # type: ignore[index]
    assert cost in text_of(html.unescape(page))
    changed = dashboard.post("/jobs/lake/retry", cost="something else")
    assert changed.status_code == 409
    assert "The price has changed" in changed.text
    assert dashboard.app.store.ids() == []
    answer = dashboard.post("/jobs/lake/retry", cost=cost)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/lake")
    assert dashboard.app.store.ids() == ["lake"]
    assert "on the queue again" in dashboard.client.get("/jobs/lake").text
    twice = dashboard.post("/jobs/lake/retry", cost=cost)
    assert twice.status_code == 400
    assert "has not ended yet" in twice.text


def test_a_cancelled_job_orders_nothing_further(dashboard):
    dashboard.put("lake", clips=[new_clip()])
    assert "Nothing further is ordered." in dashboard.client.get("/jobs/lake/cancel").text
    assert dashboard.app.store.ids() == ["lake"]
    dashboard.post("/jobs/lake/cancel")
    assert dashboard.app.store.ids() == []
    assert "is cancelled" in dashboard.client.get("/jobs/lake").text


def test_an_unclear_call_is_decided_about(dashboard):
    unclear(dashboard)
    page = dashboard.client.get("/jobs/lake").text
    assert "Was the paid call accepted?" in page
    for fields, said in (
        ({}, "Choose one of the decisions"),
        ({"decision": "adopt"}, "give the id"),
        ({"decision": "never_sent", "clip": "x"}, "no number of a clip"),
        ({"decision": "never_sent", "clip": "7"}, "Clip 7 of lake needs no decision; clip 1 does."),
    ):
        answer = dashboard.post("/jobs/lake/resolve", **fields)
        assert answer.status_code == 400
        assert said in answer.text
    dashboard.post("/jobs/lake/resolve", decision="never_sent")
    assert "is ordered again by the next tick" in dashboard.client.get("/jobs/lake").text
    job = dashboard.app.store.load("lake")
    assert job
    assert job.clips[0].intent is None


def planned(dashboard):
    """Submit a definition whose plan is to be approved, and let it be planned as a tick does."""
    dashboard.post("/new", do="submit", **FORM, approve="true")
    with dashboard.app.store.claim("lake") as claim, pytest.raises(NotApproved):
        dashboard.app.orchestrator().carry_on(claim)
    dashboard.board.watcher.look()


def test_a_plan_is_approved_as_it_was_looked_at(dashboard):
    planned(dashboard)
    assert "Is this plan good?" in dashboard.client.get("/jobs/lake").text
    page = dashboard.client.get("/jobs/lake/approve").text
    [mark] = re.findall(r'name="plan" value="(\w+)"', page)
    assert "1 clip, 5 s, about $0.00" in page
    path = dashboard.home / "completed_videos" / "lake~plan.json"
    edited = json.loads(path.read_text())
    edited["video_plan"]["script_segments"][0]["content"] = "Another word."
    path.write_text(json.dumps(edited))
    changed = dashboard.post("/jobs/lake/approve", plan=mark)
    assert changed.status_code == 409
    assert "The plan has changed" in changed.text
    assert "Another word." in changed.text
    assert dashboard.app.store.load("lake").waits_for_approval
    [mark] = re.findall(r'name="plan" value="(\w+)"', changed.text)
    dashboard.post("/jobs/lake/approve", plan=mark)
    assert "is approved; the next tick goes on" in dashboard.client.get("/jobs/lake").text
    assert not dashboard.app.store.load("lake").waits_for_approval
    assert "was approved already" in dashboard.client.get("/jobs/lake/approve").text


def test_a_broken_plan_says_what_is_wrong_with_it(dashboard):
    planned(dashboard)
    (dashboard.home / "completed_videos" / "lake~plan.json").write_text('{"video_plan": {"title": "x"}}')
    answer = dashboard.client.get("/jobs/lake/approve")
    assert answer.status_code == 400
    assert "script_segments" in answer.text


def test_a_job_that_is_worked_on_right_now_is_decided_about_later(dashboard):
    dashboard.put("lake", clips=[new_clip()])
    with dashboard.app.store.claim("lake"):
        answer = dashboard.post("/jobs/lake/cancel")
    assert answer.status_code == 409
    assert "try again in a moment" in answer.text


def test_observers_are_told_of_what_was_decided(dashboard, monkeypatch):
    told = []
    monkeypatch.setattr(type(dashboard.app.observers), "run_ended", lambda _: told.append(1))
    dashboard.put("lake", clips=[new_clip()])
    dashboard.post("/jobs/lake/cancel")
    assert told == [1]


# a new job


def test_a_definition_is_submitted_and_waits_for_the_next_tick(dashboard):
    answer = dashboard.post("/new", do="submit", **FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/lake")
    job = dashboard.app.store.load("lake")
    assert job
    assert (job.state, job.title, job.clips) == (JobState.ACCEPTED, "The lake", [])
    assert job.definition.as_dict() == PAGE
    again = dashboard.post("/new", do="submit", **FORM)
    assert again.status_code == 422
    assert "is on its way already" in again.text


def test_the_price_is_named_and_nothing_is_written(dashboard):
    answer = dashboard.post("/new", do="price", **FORM)
    assert answer.status_code == 200
    assert "$0.00" in answer.text
    assert "Nothing was ordered yet." in answer.text
    assert dashboard.app.store.ids() == []
    assert 'value="The lake"' in answer.text


def test_each_wrong_field_has_its_own_sentence_as_the_scripts_say_it(dashboard, tmp_path, capsys):
    from tenxsom.cli.submit import main

    wrong = FORM | {"content_id": "a b", "target_duration": "soon", "platform": "myspace"}
    wrong |= {"seed": "-1", "metadata": "{", "script": "[1]"}
    answer = dashboard.post("/new", do="submit", **wrong)
    assert answer.status_code == 422
    found = dict(re.findall(r'<span class="problem" id="p-(\w+)">([^<]+)</span>', answer.text))
    assert set(found) == {"content_id", "target_duration", "platform", "seed", "metadata", "script"}
    definition = form.document(definition_schema(dashboard.app.vocabulary), wrong)
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(definition))
    assert main([str(path)]) == 2
    said = capsys.readouterr().err
    for sentence in found.values():
        assert html.unescape(sentence) in said
    assert dashboard.app.store.ids() == []
    assert 'value="a b"' in answer.text  # what was typed is still there


def test_a_film_is_made_again_with_its_own_definition_under_a_new_id(dashboard):
    from tenxsom.model.accepted import AcceptedDefinition

    dashboard.fail("lake", definition=AcceptedDefinition.from_dict({**PAGE, "script": [{"text": "Look."}], "narration": False}))
    dashboard.fail("lake-2")
    page = dashboard.client.get("/new?from=lake").text
    fields = {
        **dict(re.findall(r'<input id="f-\w+" name="(\w+)" value="([^"]*)"', page)),
        **dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)<', page)),
        **dict(re.findall(r'<select id="f-\w+" name="(\w+)".*?<option value="([^"]*)" selected', page, re.DOTALL)),
    }
    fields = {name: html.unescape(value) for name, value in fields.items()}
    assert fields["content_id"] == "lake-3"
    schema = definition_schema(dashboard.app.vocabulary)
    assert form.document(schema, fields) == {**PAGE, "content_id": "lake-3", "script": [{"text": "Look."}], "narration": False}


def test_every_field_of_the_definition_is_a_field_of_the_form(dashboard):
    page = dashboard.client.get("/new").text
    names = re.findall(r'id="f-(\w+)" name="(\w+)"', page)
    assert {name for _, name in names} == set(definition_schema(dashboard.app.vocabulary)["properties"])
    for name, _ in names:
        assert f'<label for="f-{name}">' in page


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("target_duration", "20", 20),
        ("target_duration", "7.5", 7.5),
        ("target_duration", "soon", "soon"),
        ("seed", "1e3", 1000.0),
        ("narration", "false", False),
        ("captions", "true", True),
        ("captions", "burned", "burned"),
        ("script", "Look.\r\nAgain.", "Look.\nAgain."),
        ("script", '[{"text": "Look."}]', [{"text": "Look."}]),
        ("script", "[sic] a text", "[sic] a text"),
        ("voice", "auto", "auto"),
        ("voice", '{"speed": 1.1}', {"speed": 1.1}),
        ("pronunciations", "GIF = jif\n", {"GIF": "jif"}),
        ("pronunciations", "no sign", "no sign"),
        ("metadata", '{"tags": ["a"]}', {"tags": ["a"]}),
    ],
)
def test_a_text_of_the_form_is_the_value_that_a_file_would_hold(dashboard, name, text, value):
    schema = definition_schema(dashboard.app.vocabulary)
    assert form.document(schema, {name: text}) == {name: value}
    if not isinstance(value, str):
        assert form.document(schema, form.texts_of(schema, {name: value})) == {name: value}


def test_problems_of_a_part_stand_beside_their_field(dashboard):
    schema = definition_schema(dashboard.app.vocabulary)
    problems = [
        Problem("script.0.text", "it is empty"),
        Problem("/", "it is no object"),
        Problem("tilte", "there is no such field"),
    ]
    fields = {field.name: field.problems for field in form.fields(schema, {}, problems)}
    assert fields["script"] == ["it is empty"]
    assert form.other_problems(schema, problems) == ["/: it is no object", "tilte: there is no such field"]
