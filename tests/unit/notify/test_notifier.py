"""What happens to jobs is told to the webhook at least once, and no target that fails changes a job."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.app import App
from tenxsom.notify import heartbeat, notifier, telling
from tenxsom.pipeline.results import JobResult
from tenxsom.store.files.outbox import FileOutbox
from tests.belt import ROOT, definition
from tests.crash.deaths import Blow, Death, struck
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.hooks import KEY, SECRET, Receiver, receiving
from tests.net_server import unused_port
from tests.states import new_clip, new_job


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target of this machine has as long as it needs, however busy the machine is."""
    for name in ("CALL_SECONDS", "DELIVERY_SECONDS"):
        monkeypatch.setattr(notifier, name, 60.0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def vendor() -> PaperVendor:
    return PaperVendor()


def suite(home: Path, vendor: PaperVendor, url: str, **changes: str) -> App:
    return paper_suite(home, vendor, WEBHOOK_URL=f"{url}/hooks/tx", WEBHOOK_SECRET=SECRET, **changes)


def priced(home: Path) -> None:
    """Let the vendor's calls cost something."""
    prices = json.loads((ROOT / "templates" / "prices.json").read_text())
    prices["services"]["useapi_ltx"] |= {"image_usd": "0.02", "clip_usd": "0.16"}
    (home / "templates").mkdir()
    (home / "templates" / "prices.json").write_text(json.dumps(prices))


def submitted(app: App, *content_ids: str, **changes: object) -> list[JobResult]:
    pages = []
    for content_id in content_ids:
        page = app.settings.home / f"{content_id}.page.json"
        page.write_text(json.dumps(definition(content_id, **changes)))
        pages.append(str(page))
    orchestrator = app.orchestrator()
    results = orchestrator.submit_all(orchestrator.read(pages))
    app.observers.run_ended()
    return results


def ticked(app: App, *content_ids: str) -> list[JobResult]:
    with app.observers.tick() as tick:
        results = app.poller().tick(content_ids, at_once=bool(content_ids))
        tick.ended(results, max((result.exit_code for result in results), default=0))
    return results


# what is told


def test_a_finished_film_is_told_once_and_signed(home, vendor, receiver):
    priced(home)
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake")
    ticked(app, "lake")
    ticked(app)
    (told,) = receiver.arrived
    assert told.path == "/hooks/tx"
    assert told.is_signed_with(KEY)
    assert not told.is_signed_with(b"another key that is as long as it")
    assert abs(int(told.headers["webhook-timestamp"]) - clock.now().timestamp()) < 600
    assert told.event == "completed"
    data = told.document["data"]
    assert data["content_id"] == "lake"
    assert data["title"] == "The lake that glows at night"
    assert data["state"] == "completed"
    assert data["usd"] == "0.18"
    assert "The lake that glows at night" in data["message"]
    assert list((home / ".outbox").glob("*.json")) == []


def test_each_of_two_keys_signs_while_they_are_changed(home, vendor, receiver):
    other = "whsec_" + "QUJD" * 10
    app = suite(home, vendor, receiver.url)
    app = paper_suite(home, vendor, WEBHOOK_URL=receiver.url, WEBHOOK_SECRET=f"{other} {SECRET}")
    submitted(app, "lake")
    ticked(app, "lake")
    assert receiver.arrived[0].is_signed_with(KEY)
    assert receiver.arrived[0].is_signed_with(b"ABC" * 10)


def test_a_failed_job_is_told_with_its_reason_and_what_to_type(home, vendor, receiver):
    vendor.check = "failed"
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake")
    ticked(app, "lake")
    (told,) = receiver.arrived
    assert told.event == "failed"
    assert "out of paint" in told.document["data"]["message"]
    assert "manage_jobs.py retry lake" in told.document["data"]["remedy"]


def test_an_unclear_call_is_told_as_a_decision(home, vendor, receiver):
    vendor.mood, vendor.remembers = "lost", False
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake")
    ticked(app, "lake")
    (told,) = receiver.arrived
    assert told.event == "needs_decision"
    assert "manage_jobs.py resolve lake" in told.document["data"]["remedy"]


def test_a_reached_budget_is_told_once_a_day_and_not_for_each_job(home, vendor, receiver):
    priced(home)
    app = suite(home, vendor, receiver.url, DAILY_BUDGET_USD="0.01")
    submitted(app, "lake", "sea", "river")
    ticked(app)
    assert receiver.events() == ["budget_reached"]
    assert "budget" in receiver.arrived[0].document["data"]["message"]


def test_a_job_over_its_own_cap_is_a_decision_because_no_day_changes_it(home, vendor, receiver):
    priced(home)
    (result,) = submitted(suite(home, vendor, receiver.url), "lake", max_cost_usd=0.01)
    assert result.state == "over_budget", result
    assert receiver.events() == ["needs_decision"]


def test_a_refused_account_is_told_once_for_all_its_jobs_and_all_ticks(home, vendor, receiver):
    app = suite(home, vendor, receiver.url)
    results = [JobResult(name, "waiting", 3, f"402: no credits; {name} waits") for name in ("lake", "sea")]
    for _ in range(3):
        with app.observers.tick() as tick:
            tick.ended(results, 3)
    assert receiver.events() == ["needs_decision"]
    assert "1 other job" in receiver.arrived[0].document["data"]["message"]


def test_what_a_run_finds_while_another_process_delivers_is_told_by_the_next_one(home, vendor, receiver):
    app = suite(home, vendor, receiver.url)
    with FileOutbox(home / ".outbox").deliver():
        with app.observers.tick() as tick:
            tick.ended([JobResult("lake", "unreadable", 3, "lake.json cannot be read")], 3)
        assert receiver.arrived == []
    ticked(app)
    assert receiver.events() == ["needs_decision"]


def test_only_the_events_of_notify_on_are_told(home, vendor, receiver):
    app = suite(home, vendor, receiver.url, NOTIFY_ON="failed, needs_decision")
    submitted(app, "lake")
    ticked(app, "lake")
    assert receiver.arrived == []
    assert not (home / ".outbox").exists() or not list((home / ".outbox").glob("*.json"))


def test_a_queue_that_does_not_move_is_told_once_for_as_long_as_it_lasts(home, vendor, receiver):
    vendor.check = "running"
    app = suite(home, vendor, receiver.url, JOB_AGE_WARNING_MINUTES="0")
    submitted(app, "lake")
    for _ in range(3):
        ticked(app, "lake")
    assert receiver.events() == ["queue_stuck"]
    assert "lake" in receiver.arrived[0].document["data"]["message"]


def test_a_queue_that_moves_is_not_stuck_however_old_its_jobs_are(home, vendor, receiver):
    vendor.check = "running"
    app = suite(home, vendor, receiver.url, JOB_AGE_WARNING_MINUTES="5")
    submitted(app, "lake")
    with app.store.claim("lake") as claim:
        assert claim
        claim.job.submit_time = clock.later(-3600)
        claim.job.record("planned")
        claim.save()
    ticked(app, "lake")
    assert receiver.arrived == []


@pytest.mark.parametrize(("hours_ago", "is_told"), [(17, False), (19, True), (23.9, True), (25, False)])
def test_a_result_that_its_service_deletes_before_long_is_told(hours_ago, is_told):
    """LTX keeps results for 24 hours."""
    job = new_job(
        service="ltx_api",
        clips=[new_clip(step="await_video", video={"job_id": "j-1"}, submitted_at=clock.later(-hours_ago * 3600), error="502")],
    )
    found = telling.of_expiring([job])
    assert [each.event for each in found] == ["result_expiring"] * is_told
    assert not found or ("24 hours" in found[0].text and "502" in found[0].text and "poll_video_status.py lake" in found[0].remedy)
    assert [each.id for each in telling.of_expiring([job])] == [each.id for each in found]


# targets that fail


@pytest.mark.parametrize("status", [302, 404, 410, 429, 500, 503])
def test_a_target_that_refuses_changes_no_job_and_gets_the_event_later(home, vendor, receiver, caplog, monkeypatch, status):
    caplog.set_level(logging.WARNING)
    receiver.status, receiver.answer_headers = status, {"Location": f"{receiver.url}/elsewhere"}
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake")
    (result,) = ticked(app, "lake")
    assert (result.state, result.exit_code) == ("completed", 0)
    for _ in range(5):
        ticked(app)
    assert len(receiver.arrived) == 1, "it is left alone after its failure"
    assert caplog.text.count("The webhook at 127.0.0.1") == 1
    receiver.status = 200
    at_once(monkeypatch)
    ticked(app)
    assert receiver.events() == ["completed", "completed"]
    assert receiver.arrived[0].id == receiver.arrived[1].id
    assert {each.path for each in receiver.arrived} == {"/hooks/tx"}, "no redirect is followed"


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every pause be over."""
    monkeypatch.setattr("tenxsom.notify.notifier.clock.is_due", lambda *_: True)


def test_a_dead_target_costs_a_tick_nothing_and_is_told_once(home, vendor, caplog):
    caplog.set_level(logging.WARNING)
    app = suite(home, vendor, f"http://127.0.0.1:{unused_port()}")
    submitted(app, "lake")
    (result,) = ticked(app, "lake")
    assert (result.state, result.exit_code) == ("completed", 0)
    for _ in range(5):
        ticked(app)
    assert caplog.text.count("It is tried again") == 1
    assert len(list((home / ".outbox").glob("*.json"))) == 1


def test_a_target_that_never_answers_is_waited_for_a_little_and_once(home, vendor, receiver, monkeypatch):
    monkeypatch.setattr(notifier, "CALL_SECONDS", 0.2)
    receiver.is_held = True
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake", "sea")
    results = ticked(app, "lake", "sea")
    assert [(result.state, result.exit_code) for result in results] == [("completed", 0)] * 2
    ticked(app)
    assert len(receiver.arrived) == 1, "after one failure the target is left alone"


def test_one_target_that_fails_keeps_nothing_from_another(home, vendor, receiver, monkeypatch):
    with receiving() as other:
        receiver.status = 500
        app = suite(home, vendor, receiver.url, NOTIFY_URLS=f"json://127.0.0.1:{other.server_address[1]}/told")
        submitted(app, "lake")
        ticked(app, "lake")
        assert len(other.arrived) == 1
        receiver.status = 200
        at_once(monkeypatch)
        ticked(app)
        assert len(other.arrived) == 1, "what was delivered is not delivered again"
    assert receiver.events() == ["completed", "completed"]


def test_an_outbox_on_a_broken_disk_changes_no_job(home, vendor, receiver):
    (home / ".outbox").write_text("no folder")
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake")
    (result,) = ticked(app, "lake")
    assert (result.state, result.exit_code) == ("completed", 0)


def test_messages_that_nobody_takes_are_bounded(home, vendor, caplog, monkeypatch):
    monkeypatch.setattr(notifier, "MOST_MESSAGES", 2)
    app = suite(home, vendor, f"http://127.0.0.1:{unused_port()}")
    submitted(app, "lake", "sea", "river")
    ticked(app, "lake", "sea", "river")
    ticked(app)
    assert len(list((home / ".outbox").glob("*.json"))) == 2
    assert "dropped" in caplog.text


def test_a_message_that_cannot_be_read_is_dropped_and_the_others_are_delivered(home, vendor, receiver):
    (home / ".outbox").mkdir()
    (home / ".outbox" / "evt_broken.json").write_text("{")
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake")
    ticked(app, "lake")
    assert receiver.events() == ["completed"]
    assert list((home / ".outbox").glob("*.json")) == []


# crashes


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_death_at_any_durable_change_of_a_tick_loses_no_event_and_sends_it_with_one_id(home, receiver, how):
    vendor = PaperVendor()
    submitted(suite(home, vendor, receiver.url), "job-00")
    count = 0
    for at in range(1, 60):
        content_id = f"job-{at:02}"
        app = suite(home, vendor, receiver.url)
        submitted(app, content_id)
        receiver.arrived.clear()
        died = True
        try:
            with struck(Blow(at, how)):
                ticked(app, content_id)
                died = False
        except Death:
            pass
        app = suite(home, vendor, receiver.url)
        for _ in range(3):
            ticked(app, content_id)
        told = [each for each in receiver.arrived if each.document["data"]["content_id"] == content_id]
        assert {each.event for each in told} == {"completed"}, f"died {how} change {at}"
        assert len({each.id for each in told}) == 1, f"died {how} change {at}"
        assert len(told) <= 2
        count += died
        if not died:
            break
    assert count > 5, "the deaths did not happen"


def test_an_event_that_was_not_stored_is_not_told(home, vendor, receiver):
    app = suite(home, vendor, receiver.url)
    submitted(app, "lake")
    with app.store.claim("lake") as claim:
        assert claim
        claim.job.record("submit_unknown", "the connection broke")
        with pytest.raises(Death), struck(Blow(2, "before")):  # the message is written, the state is not
            claim.save()
    assert len(list((home / ".outbox").glob("*.json"))) == 1
    app = suite(home, vendor, receiver.url)
    vendor.check = "running"
    ticked(app)
    assert receiver.arrived == []


# the dead-man's switch


def test_a_tick_pings_its_start_and_its_success(home, vendor, receiver):
    app = paper_suite(home, vendor, HEALTHCHECK_URL=f"{receiver.url}/check-id-123/")
    ticked(app)
    paths = [each.path for each in receiver.arrived]
    assert [path.partition("?")[0] for path in paths] == ["/check-id-123/start", "/check-id-123"]
    runs = {path.partition("?rid=")[2] for path in paths}
    assert len(runs) == 1
    assert "" not in runs


def test_a_tick_that_fails_pings_its_failure_with_what_failed(home, vendor, receiver):
    app = paper_suite(home, vendor, HEALTHCHECK_URL=f"{receiver.url}/check-id-123")
    with app.observers.tick() as tick:
        tick.ended([JobResult("lake", "waiting", 75, "the disk is full")], 75)
    assert receiver.arrived[-1].path.startswith("/check-id-123/fail?")
    assert b"the disk is full" in receiver.arrived[-1].body


def test_a_tick_that_breaks_pings_its_failure_and_breaks_all_the_same(home, vendor, receiver):
    app = paper_suite(home, vendor, HEALTHCHECK_URL=f"{receiver.url}/check-id-123")
    with pytest.raises(ZeroDivisionError), app.observers.tick():
        raise ZeroDivisionError
    assert receiver.arrived[-1].path.startswith("/check-id-123/fail?")


def test_a_check_that_never_answers_holds_a_tick_up_for_a_moment_and_is_told_once(home, vendor, receiver, caplog, monkeypatch):
    monkeypatch.setattr(heartbeat, "PING_SECONDS", 0.2)
    caplog.set_level(logging.WARNING)
    receiver.is_held = True
    app = paper_suite(home, vendor, HEALTHCHECK_URL=f"{receiver.url}/check-id-123")
    for _ in range(3):
        ticked(app)
    assert caplog.text.count("The check at 127.0.0.1") == 1
    receiver.is_held = False
    receiver.released.set()
    caplog.set_level(logging.INFO)
    ticked(app)
    assert "takes messages again" in caplog.text


def test_the_check_of_a_dead_server_changes_no_exit_code(home, vendor):
    app = paper_suite(home, vendor, HEALTHCHECK_URL=f"http://127.0.0.1:{unused_port()}/check-id-123")
    submitted(app, "lake")
    (result,) = ticked(app, "lake")
    assert result.exit_code == 0
