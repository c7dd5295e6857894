"""What an id means before anything is done, and where definitions come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom.errors import BadDefinition, BadInput, BrokenState, Conflict
from tenxsom.pipeline import intake
from tenxsom.pipeline.intake import Order, SubmissionCheck
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


@pytest.mark.case
def test_a_folder_stands_for_its_definitions_whatever_the_case_of_their_ending(tmp_path: Path) -> None:
    for name in ("a.json", "b.JSON", "c.Json", "notes.txt", ".hidden.json", "d.json.bak"):
        (tmp_path / name).write_text(name)
    found = {Path(name).name: read() for name, read in intake.sources([str(tmp_path)])}
    assert found == {"a.json": b"a.json", "b.JSON": b"b.JSON", "c.Json": b"c.Json"}


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
