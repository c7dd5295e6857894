"""Events: subscribers hear what is stored, in its order, and can end nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenxsom.errors import DiskError, Interrupted, RevisionIsStale
from tenxsom.pipeline.events import Events, JobEvent, ObservedStore
from tenxsom.store.files.jobs import FileJobStore, _FileClaim
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.states import new_job


@pytest.fixture
def heard() -> list[JobEvent]:
    return []


@pytest.fixture
def store(tmp_path: Path, heard: list[JobEvent]) -> ObservedStore:
    events = Events()
    events.subscribe(heard.append)
    return ObservedStore(FileJobStore(tmp_path / "pending"), events, lambda: None)


def words(heard: list[JobEvent]) -> list[str]:
    return [event.event for event in heard]


def accepted(store: ObservedStore) -> None:
    job = new_job()
    job.record("accepted", "for local_studio")
    with store.accept(job):
        pass


def test_what_is_recorded_is_told_once_it_is_saved_and_not_before(store, heard, tmp_path):
    accepted(store)
    assert words(heard) == ["accepted"]
    with store.claim("lake") as claim:
        claim.job.record("planned", "local", usd="0")
        assert words(heard) == ["accepted"]
        claim.save()
        assert json.loads((tmp_path / "pending" / "lake.json").read_bytes())["history"][-1]["event"] == "planned"
        claim.save()
    assert words(heard) == ["accepted", "planned"]
    told = heard[-1]
    assert (told.content_id, told.detail, told.facts) == ("lake", "local", {"usd": "0"})
    assert told.time


def test_what_subscribers_hear_of_is_stored_durably(store, heard, monkeypatch):
    accepted(store)
    saves: list[bool] = []
    monkeypatch.setattr(_FileClaim, "save", lambda _, *, durable: saves.append(durable))
    with store.claim("lake") as claim:
        claim.save(durable=False)
        assert saves == [False]
        claim.job.record("planned")
        claim.save(durable=False)
    assert (saves, words(heard)) == ([False, True], ["accepted", "planned"])


def test_what_could_not_be_saved_is_told_with_the_save_that_stores_it(store, heard, monkeypatch):
    accepted(store)
    with store.claim("lake") as claim:
        claim.job.record("planned")
        with monkeypatch.context() as broken:
            broken.setattr("tenxsom.atomic.write", lambda *_, **__: (_ for _ in ()).throw(DiskError("the disk is full")))
            with pytest.raises(DiskError):
                claim.save()
        assert words(heard) == ["accepted"]
        claim.save()
    assert words(heard) == ["accepted", "planned"]


def test_what_was_forgotten_by_a_reload_is_never_told(store, heard, tmp_path):
    accepted(store)
    with store.claim("lake") as claim:
        claim.job.record("planned")
        claim.reload()
        claim.job.record("rerouted")
        claim.save()
        (tmp_path / "pending" / "lake.json").write_text("{}")
        claim.job.record("video_requested")
        with pytest.raises(RevisionIsStale):
            claim.save()
    assert words(heard) == ["accepted", "rerouted"]


def test_the_last_entries_of_a_job_are_told_when_it_has_left_the_queue(store, heard):
    accepted(store)
    with store.claim("lake") as claim:
        claim.job.record("completed")
        claim.finish()
    assert words(heard) == ["accepted", "completed"]
    assert store.ids() == []


def test_a_job_that_was_not_accepted_is_not_told_of(store, heard):
    accepted(store)
    accepted(store)
    assert words(heard) == ["accepted"]


def test_a_job_that_is_put_back_tells_only_what_is_new(store, heard):
    accepted(store)
    with store.claim("lake") as claim:
        claim.job.record("failed")
        claim.finish()
        job = type(claim.job).from_dict(claim.job.as_dict())
    heard.clear()
    job.record("retried")
    with store.accept(job):
        pass
    assert words(heard) == ["retried"]


def test_an_event_cannot_be_changed_by_a_subscriber(store, heard):
    accepted(store)
    with pytest.raises(ValueError, match="frozen"):
        heard[0].event = "completed"


@pytest.mark.parametrize("error", [ZeroDivisionError, DiskError, RevisionIsStale, Interrupted])
def test_a_subscriber_that_fails_with_every_event_ends_nothing_and_silences_nobody(home, caplog, error):
    vendor = PaperVendor()
    heard: list[JobEvent] = []

    def fail(event: JobEvent) -> None:
        raise error(event.event)

    app = paper_suite(home, vendor)
    app.events.subscribe(fail)
    app.events.subscribe(heard.append)
    page = home / "lake.page.json"
    page.write_text(json.dumps(definition()))
    orchestrator = app.orchestrator()
    (outcome,) = orchestrator.submit_all(orchestrator.read([str(page)]))
    assert (outcome.state, outcome.exit_code) == ("waiting", 0)
    (collected,) = app.poller().tick(["lake"], at_once=True)
    assert (collected.state, collected.exit_code) == ("completed", 0)
    assert [charge["kind"] for charge in vendor.charges] == ["image", "video"]
    report = app.artifacts.final_report("lake")
    assert report
    assert [event.event for event in heard] == [entry["event"] for entry in report["history"]]
    assert "A subscriber failed with the event" in caplog.text


def test_the_end_of_a_job_is_told_once_also_where_it_could_not_leave_the_queue_at_first(home, monkeypatch):
    heard: list[JobEvent] = []
    app = paper_suite(home, PaperVendor())
    app.events.subscribe(heard.append)
    page = home / "lake.page.json"
    page.write_text(json.dumps(definition()))
    orchestrator = app.orchestrator()
    orchestrator.submit_all(orchestrator.read([str(page)]))
    with monkeypatch.context() as broken:
        broken.setattr("tenxsom.atomic.remove", lambda *_, **__: (_ for _ in ()).throw(DiskError("it cannot be removed")))
        app.poller().tick(["lake"], at_once=True)
    assert app.artifacts.has_report("lake")
    assert "completed" not in words(heard)
    app.poller().tick(["lake"], at_once=True)
    assert app.store.ids() == []
    assert words(heard).count("completed") == 1
