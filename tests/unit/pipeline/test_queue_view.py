"""What is on the queue and what each job really waits for."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.errors import BadInput
from tenxsom.model.clip import DECISION, Intent, Step
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.parts import Generation, RefusedFile, UnexpectedRecord
from tenxsom.pipeline import queue_view
from tenxsom.pipeline.queue_view import QueuedJob, Wanted
from tenxsom.services.registry import SERVICES
from tenxsom.store.files.jobs import FileJobStore
from tests.states import new_clip, new_job


@pytest.fixture
def store(tmp_path: Path) -> FileJobStore:
    return FileJobStore(tmp_path / "pending")


def put(store: FileJobStore, *jobs: VideoJob) -> None:
    for job in jobs:
        with store.accept(job):
            pass


def seen(job: VideoJob) -> QueuedJob:
    return queue_view.queued_job(json.loads(job.as_json()))


def at_service(**changes: Any) -> Any:
    return new_clip(step=Step.AWAIT_VIDEO, video=Generation(job_id="v1"), service="ltx_api", **changes)


def test_a_job_at_the_service_waits_for_it_and_not_for_an_error_of_its_order():
    clip = at_service(error="The service is too busy (429).", percent=40.0, next_check_at=clock.later(45))
    job = seen(new_job(state=JobState.WAITING, clips=[clip]))
    assert job.waits_for.startswith("ltx_api, 40 %; asked again in 4")
    assert (job.percent, job.command) == (40, None)


def test_a_job_whose_last_clip_is_ready_says_what_is_missing_and_is_not_done():
    job = seen(new_job(state=JobState.WAITING, clips=[new_clip(step=Step.DONE), at_service(index=1, percent=100.0)]))
    assert job.waits_for.startswith("ltx_api, 100 % (1 of 2 clips missing); asked again")
    assert job.percent == 99


def test_an_accepted_order_has_no_error_of_the_attempts_before_it():
    clip = new_clip(step=Step.REQUEST_VIDEO, start_frame="none", error="too busy")
    clip.accept({"job_id": "v1", "generation_id": None}, None)
    assert clip.error is None


@pytest.mark.parametrize(("after", "words"), [(None, "the next tick, which finishes"), (40, "a tick in 40 s, which finishes")])
def test_a_film_that_was_broken_off_says_when_it_goes_on(after, words):
    at = clock.later(after) if after else None
    job = new_job(state=JobState.WAITING, clips=[new_clip(step=Step.DONE)], step="assemble_film", next_check_at=at)
    assert seen(job).waits_for.startswith(words)


def test_an_error_of_a_status_call_is_what_it_waits_for():
    clip = at_service(error="HTTP 503", checks=3, next_check_at=clock.later(300))
    assert "HTTP 503" in seen(new_job(state=JobState.WAITING, clips=[clip])).waits_for


def test_an_order_that_was_refused_for_now_says_so():
    clip = new_clip(step=Step.REQUEST_VIDEO, start_frame="none", error="The queue is full.", next_check_at=clock.later(30))
    assert "The queue is full." in seen(new_job(state=JobState.SUBMITTING, clips=[clip])).waits_for


@pytest.mark.parametrize(
    ("error", "named", "command"),
    [
        ("$2.00 for a clip would pass today's budget: $9 of $10 are used.", "DAILY_BUDGET_USD", None),
        ("$2.00 for a clip would pass today's budget for rehearsals: …", "rehearsals", None),
        (
            "$2.00 for a clip would pass max_cost_usd: $4.00 of $5.00 is used. …",
            "max_cost_usd",
            "manage_jobs.py cancel lake",
        ),
    ],
)
def test_a_job_that_waits_for_money_names_the_budget(error, named, command):
    clip = new_clip(step=Step.REQUEST_VIDEO, start_frame="none", hold="budget", error=error)
    job = seen(new_job(state=JobState.OVER_BUDGET, clips=[clip]))
    assert named in job.waits_for
    assert job.command == command


def test_an_unclear_call_says_which_and_what_to_type():
    intent = Intent(step="request_video", attempt=1, reference="r", usd="0.3", at=clock.stamp(), unclear="the answer was lost")
    clip = new_clip(step=Step.REQUEST_VIDEO, start_frame="none", intent=intent)
    job = seen(new_job(state=JobState.SUBMIT_UNKNOWN, clips=[clip]))
    assert "request_video, $0.3" in job.waits_for
    assert "the answer was lost" in job.waits_for
    assert job.command == "manage_jobs.py resolve lake --adopt JOB_ID | --never-sent | --write-off"


def test_a_refused_clip_says_what_to_type():
    kept = RefusedFile(reason="It is too short.", file="lake~refused01.mp4")
    clip = new_clip(step=Step.DOWNLOAD, video=Generation(job_id="v"), hold=DECISION, error="It is too short.", refusal=kept)
    job = seen(new_job(state=JobState.NEEDS_DECISION, clips=[clip]))
    assert job.command == "manage_jobs.py resolve lake --take-as-is | --write-off"
    assert "too short" in job.waits_for


def test_an_unexpected_error_is_told():
    found = UnexpectedRecord(during="planning", error="TypeError", place="x.py:1", at=clock.stamp(), count=2)
    assert "TypeError" in seen(new_job(unexpected=found, next_check_at=clock.later(60))).waits_for


def test_every_state_says_what_it_waits_for():
    for state in JobState:
        assert seen(new_job(state=state, clips=[at_service()])).waits_for
        assert seen(new_job(state=state)).waits_for


def test_an_address_of_an_account_is_in_no_sentence():
    job = new_job(error="email:somebody@example.com-job:5 was refused")
    assert "somebody" not in seen(job).waits_for


def test_the_cost_counts_everything_but_what_was_released():
    amounts = {"spent": "1", "released": "2", "unknown": "4", "reserved": "8"}
    lines = [{"reference": entry, "step": "x", "clip": 0, "usd": usd, "entry": entry} for entry, usd in amounts.items()]
    assert seen(new_job(spend=lines)).usd == Decimal(13)


def test_the_queue_is_filtered_by_state_service_and_age(store):
    old = new_job("old", submit_time="2026-01-01T00:00:00.000Z", state=JobState.WAITING, clips=[at_service()])
    put(store, old, new_job("new"))
    assert [job.content_id for job in queue_view.read(store).jobs] == ["old", "new"]
    assert [job.content_id for job in queue_view.read(store, Wanted(states=["waiting"])).jobs] == ["old"]
    assert [job.content_id for job in queue_view.read(store, Wanted(services=["ltx_api"])).jobs] == ["old"], "by its clip's service"
    view = queue_view.read(store, Wanted(since=clock.parse("2026-06-01T00:00:00Z")))
    assert ([job.content_id for job in view.jobs], view.on_queue) == (["new"], 2)


@pytest.mark.parametrize(("states", "services"), [(["wating"], []), ([], ["ltxapi"])])
def test_an_unknown_state_or_service_gets_a_sentence_that_names_the_known_ones(states, services):
    with pytest.raises(BadInput, match=r"Did you mean .* Known are"):
        queue_view.checked(states, services, SERVICES)


BROKEN = ["", "[]", "{", '{"schema_version": 2}', '{"schema_version": 2, "content_id": "bad", "clips": 5}', '"' + "x" * 100]


@pytest.mark.parametrize("text", BROKEN)
def test_one_unreadable_state_hides_no_other_job(store, text):
    put(store, new_job("good"))
    (store.folder / "bad.json").write_text(text)
    view = queue_view.read(store)
    assert [job.content_id for job in view.jobs] == ["good"]
    assert list(view.unreadable) == ["bad"]


def test_a_state_of_a_newer_version_is_left_out(store):
    put(store, new_job("good"))
    document = new_job("newer").as_dict() | {"schema_version": 99}
    (store.folder / "newer.json").write_text(json.dumps(document))
    view = queue_view.read(store)
    assert [job.content_id for job in view.jobs] == ["good"]
    assert view.unreadable == {}


def test_the_golden_states_of_every_version_are_shown(store):
    store.folder.mkdir(parents=True, exist_ok=True)
    golden = Path(__file__).resolve().parents[2] / "golden"
    states = sorted(golden.rglob("*.json"))
    assert states
    for path in states:
        (store.folder / path.name).write_bytes(path.read_bytes())
    view = queue_view.read(store)
    assert {job.content_id for job in view.jobs} | set(view.unreadable) == {path.stem for path in states}
    assert all(store.load(job.content_id) for job in view.jobs)


def test_the_documents_are_kept_only_when_they_are_wanted(store):
    put(store, new_job("lake"))
    assert queue_view.read(store).documents == []
    assert queue_view.read(store, Wanted(documents=True)).documents[0]["content_id"] == "lake"
