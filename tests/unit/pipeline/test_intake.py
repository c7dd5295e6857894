"""What an id means before anything is done, and where definitions come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom.errors import BadDefinition, BrokenState, Conflict, SetAside
from tenxsom.pipeline import intake, lookup
from tenxsom.pipeline.intake import Order
from tenxsom.pipeline.lookup import SubmissionCheck
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tests.submitted import ROUTE, completed, definition, job_of


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifacts:
    (tmp_path / "completed").mkdir()
    return FileArtifacts(tmp_path / "completed")


@pytest.fixture
def store(tmp_path: Path) -> FileJobStore:
    (tmp_path / "pending").mkdir()
    return FileJobStore(tmp_path / "pending")


# what an id means


def test_an_id_that_nobody_has_used_is_new(store, artifacts):
    assert lookup.look_up(definition(), store, artifacts, again=False).standing == SubmissionCheck.NEW


def test_the_same_definition_again_is_the_same_job_on_its_way(store, artifacts):
    with store.accept(job_of(definition())):
        pass
    assert lookup.look_up(definition(captions=True), store, artifacts, again=False).standing == SubmissionCheck.ON_ITS_WAY


def test_another_definition_of_the_same_id_is_a_conflict_on_the_way_and_afterwards(store, artifacts):
    with store.accept(job_of(definition())) as claim:
        with pytest.raises(Conflict) as caught:
            lookup.look_up(definition(title="Another"), store, artifacts, again=False)
        assert caught.value.exit_code == 2
        completed(artifacts, claim.job)
        claim.finish()
    with pytest.raises(Conflict):
        lookup.look_up(definition(title="Another"), store, artifacts, again=False)


def test_again_is_refused_while_the_first_is_on_its_way_and_allowed_afterwards(store, artifacts):
    with store.accept(job_of(definition())) as claim:
        with pytest.raises(Conflict, match="still on its way"):
            lookup.look_up(definition(), store, artifacts, again=True)
        completed(artifacts, claim.job)
        claim.finish()
    assert lookup.look_up(definition(), store, artifacts, again=False).standing == SubmissionCheck.COMPLETED
    assert lookup.look_up(definition(title="Another"), store, artifacts, again=True).standing == SubmissionCheck.NEW


def test_an_id_whose_state_file_is_broken_is_not_used_again_silently(store, artifacts):
    store.path("lake").write_text("{")
    with pytest.raises(SetAside, match="cannot be read") as caught:
        lookup.look_up(definition(), store, artifacts, again=False)
    assert store.path("lake").read_text() == "{"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("data", ["", "{", "[]", "{}", '{"state": "completed"}', "null", '"x"', "[" * 100_000])
def test_a_report_that_cannot_be_read_is_said_and_left_alone(store, artifacts, data):
    artifacts.write("lake_completion_report.json", data.encode())
    with pytest.raises(BrokenState, match="look at it and move it away"):
        lookup.look_up(definition(), store, artifacts, again=False)
    assert artifacts.local("lake_completion_report.json").read_text() == data


def test_two_files_of_one_run_with_the_same_id_are_refused_with_both_names():
    orders = [Order(definition(), name, ROUTE, "16:9") for name in ("a.json", "b.json", "c.json")]
    problems = intake.same_id_twice(orders)
    assert [problem.source for problem in problems] == ["b.json", "c.json"]
    assert all(isinstance(problem, BadDefinition) and "a.json" in str(problem) for problem in problems)
