"""What became of a job, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.cli import job_screen, render
from tenxsom.errors import (
    AccountError,
    RateLimited,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
)
from tenxsom.model.clip import Intent, Step
from tenxsom.model.job import JobState
from tenxsom.pipeline import reports, results
from tenxsom.pipeline.results import JobResult, worst
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tests.states import new_clip, new_job
from tests.submitted import completed, definition, job_of


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifacts:
    (tmp_path / "completed").mkdir()
    return FileArtifacts(tmp_path / "completed")


@pytest.fixture
def store(tmp_path: Path) -> FileJobStore:
    (tmp_path / "pending").mkdir()
    return FileJobStore(tmp_path / "pending")


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


def test_what_was_noted_of_a_job_is_shown_before_and_after_its_end(artifacts):
    job = new_job(warnings=["There is no music.", "The voice is hard to hear."])
    result = results.of_job(job, "lake.json", "", 0)
    report = reports.failure_report(job, "refused", {})
    ended = results.of_report(report, artifacts, "", 0)
    for document, found in ((job.as_dict(), result), (report, ended)):
        notes = [line for line in job_screen.job(document, found, []).text.splitlines() if line.startswith("note ")]
        assert notes == ["note                There is no music.", "note                The voice is hard to hear."]


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
    shown = job_screen.job(new_job(clips=[clip]).as_dict(), JobResult("lake", "waiting"), [clip]).text
    (row,) = [line for line in shown.splitlines() if "37 %" in line]
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


def test_what_a_tick_says_of_several_jobs_is_said_once():
    busy = [JobResult(f"job-{number}", "submitting", message=f"job-{number} waits: busy.", file="f") for number in range(4)]
    text = render.tick([*busy, JobResult("lake", "completed", file="lake.mp4", report="r")], 4).text
    assert text.count("waits: busy.") == 1
    assert "job-0, job-1, job-2, job-3\n  CONTENT_ID waits: busy." in text
    assert "lake\n  video   lake.mp4" in text
    assert render.tick(busy[:2], 2).text.count("waits: busy.") == 2
