"""Real full and read-only disks: a small file system in memory as the home. Needs root, and a kernel that lets it mount."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.belt import TOKEN, Belt, definition
from tests.crash import invariants

pytestmark = pytest.mark.slow

SIZE, ROOM = 96_000_000, 64 * 1024 * 1024


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system is not allowed here (it needs root)")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def belt(home: Path, studio) -> Belt:
    return Belt(home, {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{studio.url}/v1"})


@contextmanager
def filled(home: Path, left: int) -> Iterator[None]:
    """A disk on which only so many bytes are left."""
    filler = home / "filler"
    filler.write_bytes(b"\0" * max(0, shutil.disk_usage(home).free - left))
    yield
    filler.unlink()


@contextmanager
def read_only(home: Path) -> Iterator[None]:
    mount("-o", "remount,ro", home)
    yield
    mount("-o", "remount,rw", home)


def files(belt: Belt) -> set[str]:
    folders = [belt.home / name for name in ("pending_video_jobs", "completed_videos")]
    return {path.name for folder in folders if folder.exists() for path in folder.iterdir()} - {".locks"}


@pytest.mark.parametrize("left", [ROOM // 2, 8_192], ids=["too_little_for_a_clip", "two_blocks"])
def test_a_full_disk_is_found_before_anything_is_paid_for(belt, studio, home, left):
    job = belt.write(definition())
    with filled(home, left):
        ended = belt.run("master_orchestrator_v3.py", "--json", job)
        assert ended.code == 75, ended.err
        assert not studio.charges()
        assert files(belt) <= {"lake.json"}  # it may have been accepted; then it waits for room
    assert belt.poll("lake").code == 0 if files(belt) else belt.run("master_orchestrator_v3.py", "--json", job).code == 0
    assert belt.state("lake")["state"] == "waiting"
    assert len(studio.charges()) == 2


@pytest.mark.parametrize("left", [40_000, 0])
def test_a_disk_that_is_full_during_a_download_leaves_no_half_file_and_goes_on(belt, studio, home, left):
    belt.submit(definition())
    before = belt.state("lake")
    with filled(home, left):
        codes = [belt.poll("lake").code]
        while codes.count(75) < 2:  # before that the video is still being made
            codes.append(belt.poll("lake").code)
            assert len(codes) < 100
        assert set(codes) <= {0, 75}
        assert belt.report("lake") is None
        assert not list((home / "completed_videos").glob("*.mp4"))
        assert not belt.leftovers()
        assert belt.state("lake")["clips"][0]["video"] == before["clips"][0]["video"]
    assert belt.collect("lake")["state"] == "completed"
    assert not belt.leftovers()
    invariants.paid_at_most_once(studio.charges())
    assert len(studio.charges()) == 2


def test_a_read_only_disk_is_found_before_anything_is_paid_for(belt, studio, home):
    job = belt.write(definition())
    with read_only(home):
        ended = belt.run("master_orchestrator_v3.py", "--json", job)
        assert ended.code == 3, ended.err
        assert "Mount the disk for writing" in ended.out
        assert not studio.charges()
    assert belt.run("master_orchestrator_v3.py", "--json", job).code == 0


def test_a_disk_that_becomes_read_only_loses_no_job(belt, studio, home):
    belt.submit(definition())
    with read_only(home):
        assert belt.poll("lake").code == 3
        assert belt.run("manage_jobs.py", "status").code == 0
    assert belt.collect("lake")["state"] == "completed"
    assert len(studio.charges()) == 2
