"""Whatever is wrong with what a user gives: one answer, exit code 2, and nothing has happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import claude_video_service
import manage_jobs
import master_orchestrator_v3
import poll_video_status
import production_video_generator
from tests.belt import ROOT, definition


def refused(capsys: pytest.CaptureFixture[str], home: Path, script: Any, *arguments: object) -> str:
    """Run a script that must refuse; returns its sentence. Nothing may have been written, on either way of asking."""
    before = sorted(home.rglob("*"))
    assert script.main([str(argument) for argument in arguments]) == 2
    text = capsys.readouterr()
    assert text.out == ""
    assert (
        script.main(
            ["--json", *[str(argument) for argument in arguments]]
            if script is not manage_jobs
            else [*map(str, arguments), "--json"]
        )
        == 2
    )
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["exit_code"]) == (False, 2)
    assert sorted(home.rglob("*")) == before
    assert "Traceback" not in text.err
    return text.err


@pytest.mark.parametrize("script", ["manage_jobs.py", "poll_video_status.py"])
def test_a_python_without_the_packages_is_told_how_to_get_them(tmp_path, script):
    call = [sys.executable, "-S", ROOT / script, "lake"]  # -S: without site-packages
    done = subprocess.run(call, env={"TENXSOM_HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert ".venv/bin/python" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def page(home: Path) -> Any:
    def written(content: Any, name: str = "job.json") -> Path:
        path = home / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return written


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"   \n", "it is empty"),
        (b"{", "no valid JSON"),
        (b"[]", "not a list"),
        (b'"x"', "not a text"),
        (b"\xef\xbb\xbf{", "no valid JSON"),
        ('{"a": 1'.encode("utf-16"), "no valid JSON"),
        ("{“a”: 1}".encode(), "curly quote"),
        (b'{"title": "\xff"}', "not UTF-8"),
        (b'{"a": 1, "a": 2}', "appears twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested too deeply"),
        (b'{"a": "' + b"x" * 300_000 + b'"}', "larger than 256 KiB"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"title": "\\ud800"}', "surrogate"),
    ],
)
def test_a_document_that_is_no_plain_json_object_gets_a_sentence(capsys, home, page, content, sentence):
    assert sentence in refused(capsys, home, master_orchestrator_v3, page(content))


@pytest.mark.parametrize("content_id", ["../lake", "a/b", ".hidden", "-x", "", "x" * 121, "lake\n", "lake\u0000", "..", "sé"])
def test_an_id_that_would_leave_the_folder_is_refused(capsys, home, page, content_id):
    assert "cannot name files" in refused(capsys, home, master_orchestrator_v3, page(definition(content_id)))


@pytest.mark.parametrize("field", ["target_duration", "seed", "max_cost_usd"])
def test_true_is_no_number(capsys, home, page, field):
    assert "number" in refused(capsys, home, master_orchestrator_v3, page(definition() | {field: True}))


def test_all_problems_come_in_one_answer_each_with_its_path_and_the_nearest_name(capsys, home, page):
    wrong = definition(
        titel="x", archetype="explaner", platform="youtub", tier="gold", target_duration=0, language="english please"
    )
    answer = refused(capsys, home, master_orchestrator_v3, page(wrong))
    for part in (
        "titel",
        "'title'",
        "'explainer'",
        "'youtube'",
        "'premium', 'standard' or 'volume'",
        "target_duration",
        "language",
    ):
        assert part in answer


def test_the_problems_of_all_files_come_in_one_answer(capsys, home, page):
    answer = refused(capsys, home, master_orchestrator_v3, page(definition(tier="gold"), "a.json"), page(b"{", "b.json"))
    assert "a.json" in answer
    assert "b.json" in answer


def test_two_files_with_the_same_id_are_refused(capsys, home, page):
    files = page(definition(), "a.json"), page(definition(title="Another"), "b.json")
    assert "is used by" in refused(capsys, home, master_orchestrator_v3, *files)


def test_a_single_clip_that_no_service_can_make_is_refused_before_it_is_planned(capsys, home, page):
    answer = refused(capsys, home, master_orchestrator_v3, page(definition(clips="single", target_duration=31)))
    assert "storyboard" in answer


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.json"], "no such file"),
        ([], "required"),
        (["--frobnicate", "x"], "Unrecognized"),
        (["--service", "sora", "{job}"], "no video service"),
        (["--service", "useapi_ltx", "{job}"], "USEAPI_BEARER_TOKEN"),
    ],
)
def test_bad_usage_gets_a_sentence(capsys, home, page, arguments, sentence):
    job = page(definition())
    assert sentence in refused(capsys, home, master_orchestrator_v3, *[argument.format(job=job) for argument in arguments])


def test_a_folder_without_definitions_is_refused(capsys, home):
    (home / "empty").mkdir()
    assert "holds no definitions" in refused(capsys, home, master_orchestrator_v3, home / "empty")


def test_a_definition_that_may_not_be_read_is_refused(capsys, home):
    (home / "folder.json").mkdir()
    assert "holds no definitions" in refused(capsys, home, master_orchestrator_v3, home / "folder.json")


def test_what_cannot_be_read_hides_no_problem_of_the_others(capsys, home, page):
    (home / "empty").mkdir()
    broken = page(definition(tier="gold"))
    answer = refused(capsys, home, master_orchestrator_v3, "nowhere.json", home / "empty", broken, "")
    for sentence in ("nowhere.json: there is no such file", "holds no definitions", "tier: 'gold'", "An argument is empty"):
        assert sentence in answer


def test_a_blueprint_that_is_missing_is_refused(capsys, home, page):
    answer = refused(capsys, home, production_video_generator, page(definition()), "--blueprint", home / "nothing.json")
    assert "no such file" in answer


def test_the_planner_refuses_a_bad_definition_as_the_orchestrator_does(capsys, home, page):
    assert "tier" in refused(capsys, home, claude_video_service, "--local", page(definition(tier="gold")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIDEO_SERVICE", "usapi"),
        ("POLL_CONCURRENCY", "many"),
        ("DAILY_BUDGET_USD", "-1"),
        ("USEAPI_BASE_URL", "http://example.com/v1"),
        ("LOG_LEVEL", "loud"),
        ("TENXSOM_HOME", "relative"),
    ],
)
def test_an_impossible_setting_stops_every_script(capsys, home, page, monkeypatch, name, value):
    job = page(definition())
    monkeypatch.setenv(name, value)
    for script, arguments in ((master_orchestrator_v3, [job]), (poll_video_status, []), (manage_jobs, ["status"])):
        assert name in refused(capsys, home, script, *arguments)


@pytest.mark.parametrize(
    "arguments", [["show", "nobody"], ["cancel", "nobody"], ["retry", "nobody"], ["resolve", "nobody", "--never-sent"]]
)
def test_a_job_that_does_not_exist_is_refused(capsys, home, arguments):
    assert "nobody" in refused(capsys, home, manage_jobs, *arguments)


def test_a_poller_that_is_asked_for_a_job_that_does_not_exist_says_so(capsys, home):
    assert "nobody" in refused(capsys, home, poll_video_status, "nobody")


def test_words_that_no_font_here_can_draw_are_told_together_before_anything_is_planned(
    home: Path, page: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    script = [{"text": "The scribe writes."}, {"text": "He writes 𓀀 on the wall."}]
    written = definition(captions="burned", title="𓂀 of the desert", script=script, target_duration=8.0)
    text = refused(capsys, home, master_orchestrator_v3, page(written))
    assert "2 problems" in text
    assert "title: no font here has these letters of its captions: 𓂀" in text
    assert "script.1.text" in text


@pytest.mark.parametrize("changes", [{"captions": "srt"}, {"captions": False}, {"captions": "track"}, {"caption_style": "none"}])
def test_words_that_are_not_drawn_need_no_font(
    home: Path, page: Any, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTIONS", "both")
    written = page(definition(title="𓂀 of the desert", **changes))
    assert master_orchestrator_v3.main(["--dry-run", str(written)]) == 0
    assert "no font here" not in capsys.readouterr().err


def test_a_caption_font_that_is_no_font_is_refused(
    home: Path, page: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "brand.ttf").write_text("no font")
    monkeypatch.setenv("CAPTION_FONT", str(home / "brand.ttf"))
    text = refused(capsys, home, master_orchestrator_v3, page(definition(captions="both")))
    assert "CAPTION_FONT" in text
    assert "cannot be used as a font" in text
