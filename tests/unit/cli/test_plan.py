"""The planning command, and its check of the Vertex AI set-up."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from google.oauth2.credentials import Credentials

import claude_video_service
from tenxsom.planning.claude_check import region_check
from tenxsom.planning.model_garden import model_state
from tenxsom.store.templates import Templates
from tests.claude_world import job_file
from tests.stub_vertex import StubVertex, answer

pytest_plugins = ["tests.claude_fixtures"]
pytestmark = pytest.mark.usefixtures("vertex_environment")


# --check


def check(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    exit_code = claude_video_service.main(["--check", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (document["schema_version"], document["exit_code"], document["ok"]) == (1, exit_code, exit_code == 0)
    return exit_code, {result["name"]: result for result in document["checks"]}


@pytest.mark.slow
def test_check_finds_everything_in_order(google: StubVertex, capsys: pytest.CaptureFixture[str]) -> None:
    exit_code, results = check(capsys)
    assert exit_code == 0
    assert list(results) == ["credentials", "project", "region", "model"]
    assert all(result["ok"] and not result["remedy"] for result in results.values())
    assert google.predictions() == [], "checking is free"


@pytest.mark.slow
def test_check_asks_model_garden_for_the_exact_version(
    google: StubVertex, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    google.models["claude-haiku-4-5@20251001"] = "GA"
    monkeypatch.setenv("VERTEX_AI_CLAUDE_MODEL_ID", "claude-haiku-4-5@20251001")
    assert check(capsys)[0] == 0
    assert google.calls[-1].path.startswith("/v1/publishers/anthropic/models/claude-haiku-4-5@20251001")


def test_model_garden_is_told_whose_quota_to_use_for_a_personal_login_only(google: StubVertex, plan_templates: Templates) -> None:
    assert claude_video_service.main(["--check"]) == 0
    assert "x-goog-user-project" not in google.calls[-1].headers
    model_state("demo-project", "global", "claude-haiku-5-5", Credentials("personal"), endpoint=google.url)
    assert google.calls[-1].headers["x-goog-user-project"] == "demo-project"


def test_check_names_a_retired_model_and_the_current_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VERTEX_AI_CLAUDE_MODEL_ID", "claude-3-5-sonnet@20240620")
    exit_code, results = check(capsys)
    assert exit_code == 2
    assert "claude-3-5-sonnet@20240620" in results["model"]["message"]
    assert "claude-haiku-5-5" in results["model"]["remedy"]


def test_check_names_the_remedy_for_missing_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    exit_code, results = check(capsys)
    assert exit_code == 2
    assert "gcloud auth application-default login" in results["credentials"]["remedy"]
    assert not results["model"]["ok"]


@pytest.mark.parametrize("project", ["", "My Project", "a/b"])
def test_check_wants_a_project_id(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: str) -> None:
    monkeypatch.setenv("VERTEX_AI_PROJECT_ID", project)
    exit_code, results = check(capsys)
    assert exit_code == 2
    assert not results["project"]["ok"]


@pytest.mark.parametrize(("status", "words"), [(403, "roles/aiplatform.user"), (500, "Try again later"), (503, "Try again later")])
def test_check_says_what_model_garden_answered(
    google: StubVertex, capsys: pytest.CaptureFixture[str], status: int, words: str
) -> None:
    google.model_garden_status = status
    exit_code, results = check(capsys)
    assert exit_code == 2
    assert words in results["model"]["remedy"]


def test_check_survives_a_model_garden_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VERTEX_AI_BASE_URL", "http://127.0.0.1:9/v1")
    exit_code, results = check(capsys)
    assert exit_code == 2
    assert "no answer" in results["model"]["message"]


@pytest.mark.parametrize(
    ("location", "model", "is_fine"),
    [
        ("global", "claude-haiku-5-5", True),
        ("eu", "claude-sonnet-5-5", True),
        ("us-east5", "claude-sonnet-4-6", True),
        ("us-east5", "claude-haiku-4-5@20251001", True),
        ("us-east5", "claude-3-5-sonnet@20240620", True),
        ("us-east5", "claude-sonnet-4@20250514", True),
        ("us-east5", "claude-sonnet-5", False),
        ("us-east5", "claude-haiku-5-5", False),
        ("Europe", "claude-haiku-5-5", False),
    ],
)
def test_newer_models_need_a_shared_location(location: str, model: str, is_fine: bool) -> None:
    assert region_check(location, model).ok is is_fine


def test_check_prints_marks_and_remedies_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VERTEX_AI_CLAUDE_MODEL_ID", "claude-2")
    assert claude_video_service.main(["--check"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines if line[0] in "✓✗"] == ["✓", "✓", "✓", "✗"]
    assert any(line.lstrip().startswith("→") for line in lines)


# the command


def test_the_command_prints_a_plan_that_people_can_read(
    google: StubVertex,
    tmp_path: Path,
    plan_templates: Templates,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    google.script(answer(5, 5))
    assert claude_video_service.main([job_file(tmp_path, plan_templates)]) == 0
    out = capsys.readouterr().out
    for words in ("The last lighthouse", "claude-haiku-5-5 on Vertex AI: $0.0004", "00:05-00:10", "reveal", "Sentence number 2."):
        assert words in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_the_command_prints_the_blueprint_as_one_document(
    google: StubVertex, tmp_path: Path, plan_templates: Templates, capsys: pytest.CaptureFixture[str]
) -> None:
    google.script(answer(5, 5))
    assert claude_video_service.main(["--json", job_file(tmp_path, plan_templates)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"schema_version", "command", "ok", "exit_code", "blueprint"} == set(document)
    assert document["blueprint"]["video_plan"]["script_segments"][1]["time"] == "00:05-00:10"


def test_a_plan_that_is_kept_has_the_words_of_the_script(
    tmp_path: Path, plan_templates: Templates, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is made into a film, and its words are spoken."""
    path = Path(job_file(tmp_path, plan_templates))
    script = "Type manage_jobs.py status each day. It tells all."
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"script": script}))
    assert claude_video_service.main(["--local", "--json", str(path)]) == 0
    segments = json.loads(capsys.readouterr().out)["blueprint"]["video_plan"]["script_segments"]
    assert script in " ".join(segment["content"] for segment in segments)


def test_a_local_plan_asks_nobody(
    google: StubVertex, tmp_path: Path, plan_templates: Templates, capsys: pytest.CaptureFixture[str]
) -> None:
    assert claude_video_service.main(["--local", job_file(tmp_path, plan_templates)]) == 0
    assert "Planned locally." in capsys.readouterr().out
    assert google.calls == []


def test_a_definition_may_come_from_standard_input(
    tmp_path: Path, plan_templates: Templates, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(job_file(tmp_path, plan_templates)).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert claude_video_service.main(["--local", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["blueprint"]["content_id"] == "lighthouse-1"


@pytest.mark.parametrize("words", [[], ["--nonsense"], ["missing.json"]])
def test_bad_input_is_one_sentence_and_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert claude_video_service.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1


def test_bad_input_is_a_document_with_json(tmp_path: Path, plan_templates: Templates, capsys: pytest.CaptureFixture[str]) -> None:
    assert claude_video_service.main(["--json", job_file(tmp_path, plan_templates, archetype="nonsense", tier="gold")]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 2
    assert not document["ok"]
    assert [problem["path"] for problem in document["error"]["problems"]] == ["tier", "archetype"]
    assert claude_video_service.main(["--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "BadInput"
