"""What master_orchestrator_v3.py says about batches, before anything starts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.cli import render
from tenxsom.cli.submit import main
from tenxsom.pipeline.results import JobResult

HEAD = "content_id;title;archetype;tier;target_duration;platform"


@pytest.fixture(autouse=True)
def no_signals(monkeypatch):
    monkeypatch.setattr(clock, "stop_on_signals", lambda: None)


def table(home: Path, *rows: str) -> str:
    path = home / "batch.csv"
    path.write_text("\r\n".join([HEAD, *rows]), encoding="utf-8-sig")
    return str(path)


def test_one_bad_row_and_nothing_is_started(home, capsys):
    name = table(home, "lake;The lake;explainer;volume;5;youtube", "sea;The sea;explainer;volume;long;youtube")
    assert main([name, "--json"]) == 2
    problems = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert problems == [{"file": f"{name}, row 3", "path": "target_duration", "message": "it must be a number, not 'long'"}]
    assert [path.name for path in home.iterdir()] == ["batch.csv"]


def test_of_a_table_with_a_wrong_column_fifty_rows_are_told(home, capsys):
    name = table(home, *(f"job-{number};A title;explainer;volume;5;youtub" for number in range(80)))
    assert main([name]) == 2
    told = capsys.readouterr().err
    assert (f"{name}, row 51" in told, f"{name}, row 52" in told) == (True, False)
    assert "Reading has stopped after 50 bad definitions" in told


def test_a_dry_run_says_which_jobs_a_limit_would_stop(home, capsys, monkeypatch):
    monkeypatch.setenv("VIDEO_SERVICE", "ltx_api")
    name = table(home, *(f"job-{number};A title;explainer;volume;6;youtube" for number in range(3)))
    assert main([name, "--dry-run", "--max-cost", "$0.80", "--json"]) == 0
    jobs = json.loads(capsys.readouterr().out)["jobs"]
    assert [any("would pass --max-cost" in note for note in job["notes"]) for job in jobs] == [False, False, True]


@pytest.mark.parametrize("amount", ["much", "-1", "nan", "", "1e99"])
def test_a_limit_that_is_no_amount_is_refused(home, capsys, amount):
    assert main([table(home, "lake;The lake;explainer;volume;5;youtube"), f"--max-cost={amount}"]) == 2
    assert "no amount of dollars" in capsys.readouterr().err


def test_a_missing_key_is_said_once_for_all_jobs(home, capsys):
    name = table(home, *(f"job-{number};A title;explainer;volume;6;youtube" for number in range(3)))
    assert main([name, "--dry-run"]) == 0
    assert capsys.readouterr().out.count("needs LTX_API_KEY") == 1
    assert main([table(home, "lake;The lake;explainer;volume;5;youtube"), "--dry-run"]) == 0
    assert capsys.readouterr().out.count("needs LTX_API_KEY") == 1


@pytest.mark.parametrize(("service", "is_compared"), [("local_studio", False), ("ltx_api", True)])
def test_a_dry_run_compares_one_picture_with_a_cut_film_where_they_cost_something(home, capsys, monkeypatch, service, is_compared):
    monkeypatch.setenv("CAPTIONS", "both")
    name = table(home, "bread;Why does bread rise?;explainer;volume;20;youtube_shorts")
    assert main([name, "--dry-run", "--service", service]) == 0
    assert ("As one picture (clips: single) it costs" in capsys.readouterr().out) == is_compared


def test_a_dry_run_says_who_would_plan_and_for_how_much(home, capsys, monkeypatch):
    name = table(home, "lake;The lake;explainer;volume;5;youtube")
    assert main([name, "--dry-run"]) == 0
    assert "PLANNER_SERVICE" not in capsys.readouterr().out
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-another-program")
    assert main([name, "--dry-run"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"submitting it plans with claude-\S+ \(anthropic\), for at most \$0\.\d+", told)
    assert "PLANNER_SERVICE=local plans for nothing" in told


def test_on_a_terminal_what_is_said_of_a_job_is_folded_at_words(monkeypatch):
    monkeypatch.setattr(render, "width", lambda: 44)
    result = JobResult(
        "lake",
        "submit_unknown",
        message="nobody knows whether this call was accepted",
        warnings=("the clip was longer than it was asked to be",),
    )
    told = render.job_results([result]).text.partition("\n\n")[2].splitlines()
    assert told == [
        "lake",
        "  nobody knows whether this call was",
        "  accepted",
        "  note    the clip was longer than it was",
        "          asked to be",
    ]
