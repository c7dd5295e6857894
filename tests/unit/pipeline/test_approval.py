"""A plan that is to be approved costs nothing more until it is, and then once, whatever dies and however many approve it."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom.app import App
from tenxsom.cli import job_screen, operate_screens
from tenxsom.errors import BadDefinition, BadInput, NotApproved
from tenxsom.model.job import JobState, VideoJob
from tenxsom.notify import telling
from tenxsom.pipeline import queue_view
from tenxsom.pipeline.events import JobEvent
from tests import processes
from tests.belt import definition
from tests.crash.deaths import DEATHS, Blow, Death, struck
from tests.crash.paper_vendor import PaperVendor, paper_suite

APPROVE = """\
import sys
from tenxsom import settings
from tenxsom.app import App
with App(settings.load({"TENXSOM_HOME": sys.argv[1], "USEAPI_BEARER_TOKEN": "user:1-x", "VOICE_SERVICE": "none"})) as app:
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print(app.approvals.approve("lake").content_id)
    except Exception as error:
        print(type(error).__name__)
"""


@pytest.fixture
def vendor() -> PaperVendor:
    return PaperVendor()


@pytest.fixture
def app(tmp_path: Path, vendor: PaperVendor) -> App:
    prices = {"services": {"useapi_ltx": {"image_usd": "0.10", "clip_usd": "0.50", "clip_second_usd": "0"}}, "planners": {}}
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "prices.json").write_text(json.dumps(prices))
    return paper_suite(tmp_path, vendor)


def submitted(app: App, content_id: str = "lake", **changes: Any) -> Any:
    page = app.settings.home / f"{content_id}.page.json"
    page.write_text(json.dumps(definition(content_id, **({"approve": True} | changes))))
    orchestrator = app.orchestrator()
    (result,) = orchestrator.submit_all(orchestrator.read([str(page)]))
    return result


def job_of(app: App, content_id: str = "lake") -> VideoJob:
    job = app.store.load(content_id)
    assert job
    return job


def plan_of(app: App) -> Path:
    return app.settings.completed_folder / "lake~plan.json"


def edit(app: App, change: Any) -> None:
    plan = json.loads(plan_of(app).read_text())
    change(plan)
    plan_of(app).write_text(json.dumps(plan))


def test_a_planned_job_waits_and_no_tick_pays_for_it(app, vendor):
    result = submitted(app)
    assert (result.state, result.exit_code) == ("needs_decision", 3)
    assert "waits for your approval: 1 clip, 3 s, about $0.60" in result.message
    assert "manage_jobs.py approve lake" in result.message
    app.poller().tick()
    (named,) = app.poller().tick(["lake"], at_once=True)
    assert (named.exit_code, named.state) == (3, "needs_decision")
    assert (vendor.charges, len(job_of(app).history)) == ([], 3)
    assert not job_of(app).is_due()


def test_an_approved_job_is_made_and_leaves_no_plan_behind(app, vendor):
    submitted(app)
    approved = app.approvals.approve("lake")
    assert (approved.costs.usd, approved.is_edited, job_of(app).state) == (Decimal("0.60"), False, "accepted")
    for _ in range(5):
        app.poller().tick(["lake"], at_once=True)
    assert app.results.of("lake").state == JobState.COMPLETED
    assert (len(vendor.charges), plan_of(app).exists()) == (2, False)


def test_the_setting_stops_every_plan_but_nothing_that_is_begun(tmp_path, vendor, app):
    submitted(app, approve=False)
    with paper_suite(tmp_path, vendor, REQUIRE_APPROVAL="1") as strict:
        strict.poller().tick(["lake"], at_once=True)
        assert strict.results.of("lake").state == JobState.COMPLETED
        assert submitted(strict, "sea", approve=False).state == "needs_decision"


def test_what_is_edited_meanwhile_is_what_is_made(app):
    submitted(app)

    def other_words(plan: dict[str, Any]) -> None:
        plan["video_plan"]["script_segments"][0]["content"] = "Quite another beginning"

    edit(app, other_words)
    assert app.approvals.approve("lake").is_edited
    blueprint = job_of(app).blueprint
    assert blueprint
    assert blueprint.video_plan.script_segments[0].content == "Quite another beginning"
    assert "an edited plan" in job_of(app).history[-1]["detail"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda plan: plan.update(content_id="sea"), "content_id"),
        (lambda plan: plan["video_plan"]["script_segments"][0].update(duration=60), "video_plan.script_segments"),
        (lambda plan: plan["video_plan"]["script_segments"][0].pop("content"), "video_plan.script_segments.0.content"),
        (lambda plan: plan.clear(), "video_plan"),
    ],
)
def test_an_edited_plan_that_cannot_be_made_is_refused_with_the_place_and_waits_on(app, change, path):
    submitted(app)
    edit(app, change)
    with pytest.raises(BadDefinition) as caught:
        app.approvals.approve("lake")
    assert path in [problem.path for problem in caught.value.problems]
    assert caught.value.source.endswith("lake~plan.json")
    assert job_of(app).waits_for_approval
    plan_of(app).write_text("{")
    with pytest.raises(BadDefinition, match="no valid JSON"):
        app.approvals.approve("lake")
    plan_of(app).unlink()
    assert not app.approvals.approve("lake").is_edited, "without the file it is the plan that was shown"


def test_what_waits_for_no_approval_is_refused_with_the_reason(app):
    for content_id, words in (("lake", "There is no job"), ("../lake", "cannot be the id")):
        with pytest.raises(BadInput, match=words):
            app.approvals.approve(content_id)
    submitted(app)
    app.approvals.approve("lake")
    with pytest.raises(BadInput, match="was approved already"):
        app.approvals.approve("lake")
    submitted(app, "sea", approve=False)
    with pytest.raises(BadInput, match="waits for no approval"):
        app.approvals.approve("sea")


def test_a_cancelled_job_takes_its_plan_with_it_and_a_retry_asks_anew(app, vendor):
    submitted(app)
    app.manager().cancel("lake")
    assert not plan_of(app).exists()
    app.manager().retry(app.manager().retry_cost("lake")[0])
    assert (job_of(app).state, job_of(app).approval) == ("accepted", None)
    app.poller().tick(["lake"], at_once=True)
    assert (job_of(app).waits_for_approval, plan_of(app).exists(), vendor.charges) == (True, True, [])


def test_screens_show_the_plan_its_price_and_what_to_type(app):
    submitted(app)
    (job,) = queue_view.read(app.store).jobs
    assert job.waits_for.startswith("you: is this plan good? 1 clip, 3 s, about $0.60; it lies in completed_videos/lake~plan.json")
    assert job.command == "manage_jobs.py approve lake"
    blueprint = job_of(app).blueprint
    assert blueprint
    assert blueprint.video_plan.script_segments[0].content[:30] in job_screen.job(*app.manager().show("lake")).text


def test_it_is_told_as_a_decision_with_what_to_type(app):
    submitted(app)
    job = job_of(app)
    entry = next(entry for entry in job.history if entry["event"] == "approval_needed")
    event = JobEvent(time=entry["time"], content_id="lake", event=entry["event"], detail=entry["detail"])
    told = telling.of_entry(job, event, app.artifacts)
    assert told
    assert (told.event, "waits for you" in told.text, "approve lake" in told.remedy) == ("needs_decision", True, True)


def test_all_that_wait_are_approved_and_one_that_cannot_be_stops_no_other(app):
    for content_id in ("lake", "sea", "hill"):
        submitted(app, content_id)
    plan_of(app).write_text("[]")
    assert app.approvals.waiting() == ["lake", "sea", "hill"]
    approved = [app.approvals.approve(content_id) for content_id in ("sea", "hill")]
    shown = operate_screens.approved(approved, {"lake": NotApproved("x"), "lakes": BadInput("There is no job.")})
    assert shown.exit_code == 2
    assert "2 plans approved, about $1.20" in shown.text


@pytest.mark.parametrize("how", DEATHS)
def test_a_death_at_any_change_leaves_it_approved_or_waiting_and_pays_once(tmp_path, vendor, app, how):
    submitted(app)
    state, plan = (tmp_path / "pending_video_jobs" / "lake.json").read_bytes(), plan_of(app).read_bytes()
    for point in range(1, 5):
        (tmp_path / "pending_video_jobs" / "lake.json").write_bytes(state)
        plan_of(app).write_bytes(plan)
        with struck(Blow(point, how)), contextlib.suppress(Death):
            app.approvals.approve("lake")
        with paper_suite(tmp_path, vendor) as after:
            if job_of(after).waits_for_approval:
                assert plan_of(after).read_bytes() == plan
                assert after.approvals.approve("lake").content_id == "lake"
            assert vendor.charges == []
    with paper_suite(tmp_path, vendor) as after:
        for _ in range(5):
            after.poller().tick(["lake"], at_once=True)
        assert after.results.of("lake").state == JobState.COMPLETED
    assert (len(vendor.charges), plan_of(app).exists()) == (2, False)


@pytest.mark.slow
def test_of_two_approvals_at_once_one_counts(tmp_path, app, vendor):
    submitted(app)
    said = sorted(output.split()[-1] for output in processes.race(APPROVE, tmp_path))
    assert said in (["BadInput", "lake"], ["JobIsBusy", "lake"])
    for _ in range(5):
        app.poller().tick(["lake"], at_once=True)
    assert len(vendor.charges) == 2
