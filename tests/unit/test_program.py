"""Where an installation lies, and how its sentences name its commands."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tenxsom import program, setting_groups
from tenxsom.errors import BadSettings


def test_an_installed_programs_sentences_name_the_command_that_its_user_types() -> None:
    told = "Decide: manage_jobs.py resolve lake --adopt JOB_ID. Check that cron runs poll_video_status.py."
    assert program.typed(told, is_installed=True) == (
        "Decide: tenxsom jobs resolve lake --adopt JOB_ID. Check that cron runs tenxsom collect."
    )


def test_in_the_repository_they_name_the_scripts_as_they_are_typed() -> None:
    told = program.typed("Decide: manage_jobs.py resolve lake. (claude_video_service.py --help tells.)")
    assert told == "Decide: python3 manage_jobs.py resolve lake. (python3 claude_video_service.py --help tells.)"


@pytest.mark.parametrize(
    "told",
    [
        "python3 manage_jobs.py show lake",
        ".venv/bin/python manage_jobs.py doctor",
        "python3.12 manage_jobs.py",
        "python3\n  manage_jobs.py",
    ],
)
def test_a_script_that_is_told_with_its_python_stays(told: str) -> None:
    assert program.typed(told) == told


def test_words_of_users_stay_in_a_document() -> None:
    told = {"jobs": [{"title": "manage_jobs.py, a film", "waits_for": "you: manage_jobs.py show lake", "cost": 0.5}]}
    assert program.typed_document(told) == {
        "jobs": [{"title": "manage_jobs.py, a film", "waits_for": "you: python3 manage_jobs.py show lake", "cost": 0.5}]
    }


@pytest.mark.parametrize("path", ["/srv/tenxsom/manage_jobs.py", "my-manage_jobs.py", "manage_jobs.py~", "x.manage_jobs.py"])
def test_a_files_name_that_only_looks_like_a_script_stays(path: str) -> None:
    assert program.typed(path, is_installed=True) == program.typed(path) == path


def test_in_the_repository_jobs_lie_in_its_root() -> None:
    assert Path(__file__).resolve().parents[2] == program.ROOT
    assert setting_groups.home_folder({}) == program.ROOT


def test_an_installed_program_makes_a_home_in_the_users_own_for_the_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "IS_INSTALLED", True)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert setting_groups.home_folder({}) == tmp_path / "tenxsom-ai"
    assert stat.S_IMODE((tmp_path / "tenxsom-ai").stat().st_mode) == 0o700
    assert setting_groups.home_folder({}) == tmp_path / "tenxsom-ai"


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "IS_INSTALLED", True)
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    with pytest.raises(BadSettings, match=r"^There is no folder for jobs and films \(No such file.*TENXSOM_HOME\.$"):
        setting_groups.home_folder({})


def test_the_crontabs_line_is_that_of_the_example_for_this_installation(tmp_path: Path) -> None:
    (example,) = [line for line in (program.ROOT / "crontab.example").read_text().splitlines() if line.startswith("*/2")]
    ours = example.replace("/path/to/tenxsom-ai/.venv/bin/python", sys.executable).replace("/path/to/tenxsom-ai", str(program.ROOT))
    assert program.crontab_line(program.ROOT) == ours
    assert f" TENXSOM_HOME={tmp_path} {sys.executable} " in program.crontab_line(tmp_path)


def test_the_crontabs_line_of_an_installed_program_names_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "IS_INSTALLED", True)
    monkeypatch.setenv("HOME", str(tmp_path))
    home = tmp_path / "tenxsom-ai"
    line = program.crontab_line(home)
    assert line == f"*/2 * * * * {sys.prefix}/bin/tenxsom collect --patience 30 >> {home}/poll.log 2>&1"


def test_a_crontabs_line_survives_a_folder_with_a_blank_and_a_per_cent_sign(tmp_path: Path) -> None:
    assert "TENXSOM_HOME='/srv/my films 100\\%' " in program.crontab_line(Path("/srv/my films 100%"))
