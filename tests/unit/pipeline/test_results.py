"""What became of a job, for people and for programs; and what an id means before anything is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.cli import render
from tenxsom.errors import (
    AccountError,
    BadDefinition,
    BadInput,
    BrokenState,
    Conflict,
    RateLimited,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
)
from tenxsom.model import file_names
from tenxsom.model.clip import Intent, Step
from tenxsom.model.definition import JobDefinition
from tenxsom.model.ids import masked_id
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.parts import MediaFacts
from tenxsom.model.strict_json import pretty
from tenxsom.pipeline import intake, reports, results
from tenxsom.pipeline.intake import Order, SubmissionCheck
from tenxsom.pipeline.results import JobResult, worst
from tenxsom.pipeline.routing import Route
from tenxsom.services.base import Variant
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tests.states import new_clip, new_job

PAGE = {
    "content_id": "lake", "title": "The lake", "archetype": "tech_news", "tier": "volume", "target_duration": 5,
    "platform": "youtube",
}  # fmt: skip


ROUTE = Route("local_studio", Variant(), "flux", "a reason")


def definition(**changes: Any) -> JobDefinition:
    return JobDefinition.model_validate({**PAGE, **changes})


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifacts:
    (tmp_path / "completed").mkdir()
    return FileArtifacts(tmp_path / "completed")


@pytest.fixture
def store(tmp_path: Path) -> FileJobStore:
    (tmp_path / "pending").mkdir()
    return FileJobStore(tmp_path / "pending")


def job_of(page: JobDefinition, **changes: Any) -> VideoJob:
    job = intake.new_job(page, ROUTE, "completed_videos/lake.mp4")
    for name, value in changes.items():
        setattr(job, name, value)
    return job


def completed(artifacts: FileArtifacts, job: VideoJob) -> dict[str, Any]:
    report = reports.completion_report(job, MediaFacts(seconds=5.0), {})
    artifacts.write(file_names.completion_report(job.content_id), pretty(report))
    return report


# exit codes


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([0, 0], 0), ([0, 75], 75), ([75, 3], 3), ([3, 1, 75], 1), ([1, 2, 3, 75, 0], 2)],
)
def test_of_several_exit_codes_the_one_that_needs_most_attention_wins(codes, code):
    assert worst(codes) == code


# outcomes


def test_the_outcome_of_a_pending_job_is_what_its_state_file_says():
    clips = [new_clip(step=Step.DONE), new_clip(1, step=Step.AWAIT_VIDEO, video={"job_id": "v"}, percent=50)]
    job = new_job(clips=clips, state=JobState.WAITING, spend=[{"reference": "r", "usd": "0.25", "entry": "unknown"}])
    result = results.of_job(job, "lake.json", "", 0)
    assert (result.state, result.cost_usd, result.clips, result.seconds, result.percent) == ("waiting", "0.25", 2, 10, 75)
    assert result.is_on_its_way


@pytest.mark.parametrize(
    ("state", "on_its_way", "fraction"),
    [
        ("accepted", True, 0.02), ("submitting", True, 0.1), ("waiting", True, 0.55), ("over_budget", False, 1),
        ("submit_unknown", False, 1),
        ("completed", False, 1), ("failed", False, 1), ("cancelled", False, 1), ("not accepted", False, 1),
    ],
)  # fmt: skip
def test_only_what_time_alone_brings_further_is_on_its_way(state, on_its_way, fraction):
    result = JobResult("lake", state, percent=50)
    assert result.is_on_its_way is on_its_way
    assert result.fraction == pytest.approx(fraction)


@pytest.mark.parametrize("reason", ["The service refused it", "The service refused it."])
def test_a_reason_ends_with_one_full_stop(artifacts, reason):
    report = completed(artifacts, job_of(definition())) | {"state": "failed", "reason": reason, "advice": "Change the prompt."}
    assert results.of_report(report, artifacts, "", 0).message == "The service refused it. Change the prompt."


def test_the_outcome_of_a_finished_job_names_its_files(artifacts):
    report = completed(artifacts, job_of(definition()))
    artifacts.write("lake.mp4", b"film")
    result = results.of_report(report, artifacts, "", 0)
    assert (result.exit_code, result.file, result.report) == (
        0,
        artifacts.location("lake.mp4"),
        artifacts.location("lake_completion_report.json"),
    )


def test_the_outcome_of_a_failed_job_says_why_and_what_to_do_and_exits_with_1(artifacts):
    report = reports.failure_report(job_of(definition()), "the service could not make it", {})
    result = results.of_report(report, artifacts, "", 0)
    assert (result.exit_code, result.state, result.file) == (1, "failed", None)
    assert result.message.startswith("the service could not make it. manage_jobs.py retry lake")


def test_an_outcome_as_a_document_is_plain_json():
    document = results.of_job(new_job(clips=[new_clip()]), "f", "m", 3).as_dict()
    assert json.loads(json.dumps(document)) == document


def test_a_table_of_outcomes_ends_with_their_sum():
    made = [
        JobResult("lake", "completed", cost_usd="0.25", seconds=5.0),
        JobResult("sea", "failed", 1, "it broke", cost_usd="0.1"),
    ]
    text = render.job_results(made).text
    assert render.job_results(made).exit_code == 1
    assert "2 jobs: 1 completed, 1 failed; $0.35 in all." in text
    assert "it broke" in text


# what an id means


def test_an_id_that_nobody_has_used_is_new(store, artifacts):
    assert intake.look_up(definition(), store, artifacts, again=False).standing == SubmissionCheck.NEW


def test_the_same_definition_again_is_the_same_job_on_its_way(store, artifacts):
    with store.accept(job_of(definition())):
        pass
    assert intake.look_up(definition(captions=True), store, artifacts, again=False).standing == SubmissionCheck.ON_ITS_WAY


def test_another_definition_of_the_same_id_is_a_conflict_on_the_way_and_afterwards(store, artifacts):
    with store.accept(job_of(definition())) as claim:
        with pytest.raises(Conflict) as caught:
            intake.look_up(definition(title="Another"), store, artifacts, again=False)
        assert caught.value.exit_code == 2
        completed(artifacts, claim.job)
        claim.finish()
    with pytest.raises(Conflict):
        intake.look_up(definition(title="Another"), store, artifacts, again=False)


def test_again_is_refused_while_the_first_is_on_its_way_and_allowed_afterwards(store, artifacts):
    with store.accept(job_of(definition())) as claim:
        with pytest.raises(Conflict, match="still on its way"):
            intake.look_up(definition(), store, artifacts, again=True)
        completed(artifacts, claim.job)
        claim.finish()
    assert intake.look_up(definition(), store, artifacts, again=False).standing == SubmissionCheck.COMPLETED
    assert intake.look_up(definition(title="Another"), store, artifacts, again=True).standing == SubmissionCheck.NEW


def test_an_id_whose_state_file_is_broken_is_not_used_again_silently(store, artifacts):
    store.path("lake").write_text("{")
    with pytest.raises(Conflict, match="cannot be used"):
        intake.look_up(definition(), store, artifacts, again=False)
    assert store.path("lake").read_text() == "{"


@pytest.mark.parametrize("data", ["", "{", "[]", "{}", '{"state": "completed"}', "null", '"x"', "[" * 100_000])
def test_a_report_that_cannot_be_read_is_said_and_left_alone(store, artifacts, data):
    artifacts.write("lake_completion_report.json", data.encode())
    with pytest.raises(BrokenState, match="look at it and move it away"):
        intake.look_up(definition(), store, artifacts, again=False)
    assert artifacts.local("lake_completion_report.json").read_text() == data


def test_two_files_of_one_run_with_the_same_id_are_refused_with_both_names():
    orders = [Order(definition(), name, ROUTE, "16:9") for name in ("a.json", "b.json", "c.json")]
    problems = intake.same_id_twice(orders)
    assert [problem.source for problem in problems] == ["b.json", "c.json"]
    assert all(isinstance(problem, BadDefinition) and "a.json" in str(problem) for problem in problems)


# where definitions come from


def test_a_folder_stands_for_its_definitions_in_order_of_their_names(tmp_path):
    for name in ("b.json", "a.json", "notes.txt", "._a.json", ".hidden.json"):
        (tmp_path / name).write_text(name)
    found = [(source, read()) for source, read in intake.sources([str(tmp_path)])]
    assert found == [(str(tmp_path / name), name.encode()) for name in ("a.json", "b.json")]


@pytest.mark.parametrize("name", ["", "nowhere.json"])
def test_an_argument_that_names_nothing_is_refused(tmp_path, monkeypatch, name):
    """An unset shell variable must not stand for everything in the current folder."""
    (tmp_path / "a.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    ((_, read),) = intake.sources([name])
    with pytest.raises(BadInput):
        read()


def test_a_folder_without_definitions_is_refused(tmp_path):
    ((_, read),) = intake.sources([str(tmp_path)])
    with pytest.raises(BadInput, match="holds no definitions"):
        read()


# finished files


def test_files_of_an_earlier_run_are_kept_under_the_next_free_number(artifacts):
    for number in range(3):
        for name in ("lake.mp4", "lake_completion_report.json"):
            artifacts.write(name, str(number).encode())
        assert artifacts.set_aside("lake") == number + 1
    assert artifacts.set_aside("lake") is None
    assert {path.name: path.read_text() for path in artifacts.folder.iterdir()} == {
        f"lake~{number + 1}{end}": str(number) for number in range(3) for end in (".mp4", "_completion_report.json")
    }


def test_setting_aside_touches_no_other_job(artifacts):
    for name in ("lake.mp4", "lake2.mp4", "lake.x.mp4", "lak.mp4"):
        (artifacts.folder / name).write_text(name)
    artifacts.set_aside("lake")
    assert sorted(path.name for path in artifacts.folder.iterdir()) == ["lak.mp4", "lake.x.mp4", "lake2.mp4", "lake~1.mp4"]


def test_a_report_holds_no_email_address(artifacts):
    address = "user:1-email:channel@example.com-job:1"
    job = job_of(definition(), job_id=address, clips=[new_clip(video={"job_id": address}, image={"job_id": address})])
    job.record("adopted", f"as {address}, at /assets/user%3A1-email%3Achannel%40example.com-job")
    assert "example.com" not in json.dumps(reports.completion_report(job, MediaFacts(), {}))


def test_masking_an_endless_text_ends(artifacts):
    assert len(masked_id("x" * 200_000) or "") == 200_000


def test_metadata_is_in_the_report_untouched():
    metadata = {"campaign": {"ids": [1, 2.5, None, "channel@example.com"]}}
    assert reports.completion_report(job_of(definition(metadata=metadata)), MediaFacts(), {})["metadata"] == metadata


def test_the_report_times_every_milestone(monkeypatch):
    moment = [clock.parse("2026-11-22T14:00:00Z")]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    job = job_of(definition())
    for seconds, event in ((2, "planned"), (3, "looked at"), (5, "video_requested")):
        moment[0] = clock.parse(f"2026-11-22T14:00:{seconds:02}Z")
        job.record(event)
    moment[0] = clock.parse("2026-11-22T14:01:00Z")
    report = reports.completion_report(job, MediaFacts(), {})
    assert [(step["step"], step["seconds"]) for step in report["steps"]] == [
        ("accepted", 0), ("planned", 2), ("video_requested", 3), ("reported", 55),
    ]  # fmt: skip
    assert report["times"]["total_seconds"] == 60


@pytest.mark.parametrize(
    ("wait", "changes", "words"),
    [
        (None, {}, "with the next tick"),
        (-5, {}, "with the next tick"),
        (500_000, {}, "with the next tick"),  # from a clock that jumped
        (1000, {}, "in 1000 s"),
        (1000, {"hold": "budget"}, "when the budget allows"),
        (
            None,
            {
                "intent": Intent(
                    step="request_video", attempt=1, reference="r", usd="1", at="2026-11-22T00:00:00.000Z", unclear="timed out"
                )
            },
            "when you have decided",
        ),
        (None, {"step": Step.DONE}, "never"),
    ],
)
def test_it_is_told_when_a_clip_is_looked_at_next(monkeypatch, wait, changes, words):
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    clip = new_clip(service="ltx_api", percent=36.6, next_check_at=wait and clock.later(wait), **changes)
    shown = render.job(new_job(clips=[clip]).as_dict(), JobResult("lake", "waiting"), [clip]).text
    (row,) = [line for line in shown.splitlines() if "ltx_api" in line]
    call = "open_call           request_video of clip 1, $1.00, 2026-11-22T00:00:00.000Z, reference r"
    assert (call in shown.splitlines()) == (words == "when you have decided")
    assert row.endswith(f"37 %       0  {words}")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ServiceBusy("The service makes two clips at once."), 0),
        (RateLimited("The service is asked too often.", 60), 75),
        (ServiceClosed("A gateway says 503."), 75),
        (ServiceDown("Nobody answers."), 75),
        (AccountError("The key was refused.", 401), 3),
    ],
)
def test_waiting_for_a_place_at_the_service_is_no_trouble_and_everything_else_is(error, code):
    assert results.exit_code_of(error) == code
