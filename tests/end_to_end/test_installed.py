"""The command as `pip install .` gives it: a wheel in a clean environment, in a home of its own, far from the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tenxsom
from tests.belt import PLAIN_FILMS, ROOT, definition, with_small_pictures

pytestmark = pytest.mark.slow


def command(words: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **options)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what is committed or about to be."""
    folder = tmp_path_factory.mktemp("wheel")
    built = command([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)])
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("the build backend cannot be had: the package index cannot be reached")
    assert not built.returncode, built.stderr
    (made,) = folder.glob("tenxsom_ai-*.whl")
    return made


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, installed from the wheel beside the libraries of this environment, which it only borrows."""
    place = tmp_path_factory.mktemp("installed")
    assert not command([sys.executable, "-m", "venv", "--without-pip", str(place)]).returncode
    (packages,) = place.glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
    done = command([*pip, "install", "--quiet", "--no-deps", str(wheel)])
    assert not done.returncode, done.stderr
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "libraries_of_the_tests.pth").write_text("\n".join(libraries))
    return place / "bin" / "tenxsom"


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    """The environment of a user without any setting."""
    (tmp_path / "user").mkdir()
    return {"HOME": str(tmp_path / "user"), "PATH": os.defpath, **PLAIN_FILMS}


def tracked(*folders: str) -> set[str]:
    git = shutil.which("git")
    if not git or not (ROOT / ".git").exists():
        pytest.skip("this is no clone: nobody knows which files belong to the program")
    listed = command([git, "ls-files", "--cached", "--others", "--exclude-standard", *folders], cwd=ROOT)
    return {*listed.stdout.splitlines()}


def test_every_file_of_the_program_and_its_templates_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    templates = {f"tenxsom/{name}" for name in tracked("templates")}
    assert found == tracked("tenxsom", "tenxsom_studio") | templates


def test_the_wheel_needs_what_pyproject_says(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (about,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
    needed = [line.removeprefix("Requires-Dist: ") for line in about.splitlines() if line.startswith("Requires-Dist: ")]
    assert any(line.startswith("requests<3,>=2.") for line in needed)
    assert any("extra == 'voice'" in line for line in needed)
    assert not any(line.startswith("pytest") for line in needed)


def test_installed_it_makes_a_film_from_any_folder_and_says_what_its_user_types(
    program: Path, user: dict[str, str], tmp_path: Path
) -> None:
    page = tmp_path / "elsewhere" / "lake.json"
    page.parent.mkdir()
    page.write_text(json.dumps(definition()))
    done = command([str(program), "submit", "--wait", "--json", "lake.json"], env=user, cwd=page.parent)
    assert done.returncode == 0, done.stderr
    (job,) = json.loads(done.stdout)["jobs"]
    home = tmp_path / "user" / "tenxsom-ai"
    assert Path(job["file"]) == home / "completed_videos" / "lake.mp4"
    assert Path(job["file"]).stat().st_size > 1000
    assert [path.name for path in page.parent.iterdir()] == ["lake.json"]
    retry = command([str(program), "jobs", "resolve", "lake", "--never-sent"], env=user, cwd="/")
    assert retry.returncode == 2
    assert retry.stderr.startswith("tenxsom jobs: ")
    assert "manage_jobs.py" not in retry.stderr


def test_installed_it_demonstrates_itself_and_looks_after_itself(program: Path, user: dict[str, str], tmp_path: Path) -> None:
    with_small_pictures(tmp_path / "user" / "tenxsom-ai")
    demo = command([str(program), "demo", "tech_news_16x9", "--json"], env=user, cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert json.loads(demo.stdout)["jobs"][0]["state"] == "completed"
    doctor = command([str(program), "doctor", "--json"], env=user, cwd=tmp_path)
    findings = {finding["check"]: finding for finding in json.loads(doctor.stdout)["findings"]}
    assert f"tenxsom-ai {tenxsom.__version__}" in findings["versions"]["message"]
    assert "pydantic" in findings["versions"]["message"]
    assert f"*/2 * * * * {program} collect --patience 30 >> " in findings["scheduling"]["remedy"]
    assert command([str(program), "--version"], env=user).stdout == f"tenxsom {tenxsom.__version__}\n"
    assert command([str(program), "collect"], env=user).stdout == "No pending video jobs.\n"
