"""A job with `not_before` waits for its time: nothing is planned or paid before, and its deadlines count from then."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.app import App
from tenxsom.cli import run
from tenxsom.model.job import VideoJob
from tenxsom.notify import telling
from tenxsom.pipeline import limits, queue_view
from tenxsom.pipeline.queue_view import queued_job
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.states import new_clip, new_job


@pytest.fixture
def vendor() -> PaperVendor:
    return PaperVendor()


def submitted(app: App, **changes: Any) -> Any:
    page = app.settings.home / "lake.page.json"
    page.write_text(json.dumps(definition(**changes)))
    orchestrator = app.orchestrator()
    (result,) = orchestrator.submit_all(orchestrator.read([str(page)]))
    return result


def hours_from_now(hours: float) -> str:
    """Return a time in a zone of its own, as users write it."""
    return (clock.now() + timedelta(hours=hours + 9)).isoformat(timespec="minutes").replace("+00:00", "+09:00")


def move_clock(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=hours))


def job_of(app: App) -> VideoJob:
    job = app.store.load("lake")
    assert job
    return job


def test_a_held_job_is_safe_on_the_queue_and_nothing_is_paid_until_its_time(tmp_path, vendor, monkeypatch):
    with paper_suite(tmp_path, vendor, DAILY_BUDGET_USD="10") as app:
        result = submitted(app, not_before=hours_from_now(50))
        assert (result.state, result.exit_code, bool(result.held_until)) == ("accepted", 0, True)
        assert "It begins at" in result.message
        for only in ((), ("lake",)):
            app.poller().tick(only, at_once=bool(only))
        assert (vendor.charges, job_of(app).blueprint, list(app.ledger.lines())) == ([], None, [])
        assert submitted(app, not_before=job_of(app).definition.not_before).state == "accepted"
        move_clock(monkeypatch, 50.1)
        app.poller().tick()
        assert (len(vendor.charges), job_of(app).state) == (2, "waiting")


def test_status_says_how_long_it_waits(tmp_path, vendor):
    with paper_suite(tmp_path, vendor) as app:
        submitted(app, not_before=hours_from_now(50))
        (job,) = queue_view.read(app.store).jobs
        assert job.waits_for.startswith("its time (not_before), ")
        assert job.waits_for.endswith("in 2 days")
        assert job.next_at == job_of(app).begins_at
        assert "in 3 hours" in queued_job(new_job(definition={"not_before": hours_from_now(3)}).as_dict()).waits_for
        assert "its time" not in queued_job(new_job(definition={"not_before": hours_from_now(-3)}).as_dict()).waits_for


def test_deadlines_count_from_its_time(monkeypatch):
    accepted = clock.stamp(clock.now() - timedelta(days=30))
    clip = new_clip(error="busy")
    job = new_job(submit_time=accepted, clips=[clip], definition={"content_id": "lake", "not_before": hours_from_now(-23)})
    assert not limits.is_overdue(job, clip, 24)
    assert not limits.has_had_its_tries(job, 2, 24)
    move_clock(monkeypatch, 1.1)
    assert limits.is_overdue(job, clip, 24)
    assert limits.has_had_its_tries(job, 2, 24)


def test_a_queue_of_held_jobs_does_not_count_as_stuck(tmp_path, vendor):
    old = clock.stamp(clock.now() - timedelta(days=30))
    held = new_job(submit_time=old, definition={"content_id": "lake", "not_before": hours_from_now(2)})
    begun = new_job("sea", submit_time=old, definition={"content_id": "sea", "not_before": hours_from_now(-0.1)})
    assert telling.of_stuck_queue([held, begun], old, 30) is None
    assert telling.of_stuck_queue([begun], old, 1) is not None


def test_a_plan_of_the_users_own_is_kept_until_then(tmp_path, vendor, monkeypatch):
    with paper_suite(tmp_path, vendor) as app:
        page = tmp_path / "lake.page.json"
        page.write_text(json.dumps(definition(not_before=hours_from_now(2))))
        orchestrator = app.orchestrator()
        (order,) = orchestrator.read([str(page)])
        blueprint = orchestrator.planner.plan(order.definition)
        orchestrator.submit_all([order], blueprint)
        assert job_of(app).blueprint == blueprint
        assert vendor.charges == []


def test_a_wait_for_videos_does_not_wait_for_a_held_job(tmp_path, vendor):
    with paper_suite(tmp_path, vendor) as app:
        submitted(app, not_before=hours_from_now(50))
        assert app.poller().wait_for(["lake"], run.Progress(quiet=True)) == {}


def test_what_was_held_goes_on_after_a_crash_of_everything(tmp_path: Path, vendor: PaperVendor) -> None:
    """Nothing but the state file knows of the time, so that it survives whatever dies."""
    with paper_suite(tmp_path, vendor) as app:
        submitted(app, not_before=hours_from_now(50))
    stored = json.loads((tmp_path / "pending_video_jobs" / "lake.json").read_text())
    assert stored["definition"]["not_before"].endswith("+09:00")
    assert VideoJob.from_dict(stored).is_held
