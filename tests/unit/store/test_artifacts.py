"""Files of jobs in a folder: nothing is copied, and what is in a file's place is told or kept."""

from __future__ import annotations

import errno
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.errors import BrokenState, DiskError
from tenxsom.safe_files import read_file
from tenxsom.store.files.artifacts import FileArtifacts

REPORT = {"content_id": "lake", "state": "completed", "run_id": "tx-1", "fingerprint": "f", "service": "ltx_api", "planner": {}}
REPORT |= {"clips": [], "cost": {"total_usd": "0"}, "warnings": []}


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifacts:
    return FileArtifacts(tmp_path)


def test_a_published_file_is_the_scratch_file_itself_and_not_a_copy(artifacts):
    scratch = artifacts.scratch("lake.mp4")
    scratch.write_bytes(b"film")
    inode = scratch.stat().st_ino
    artifacts.publish(scratch, "lake.mp4")
    assert artifacts.local("lake.mp4").stat().st_ino == inode


def test_a_broken_report_is_kept_whole_with_its_reason_beside_it(artifacts, tmp_path):
    (tmp_path / "lake_completion_report.json").write_bytes(b'{"state": "comp')
    told = artifacts.quarantine_report("lake")
    kept = tmp_path / "quarantine" / "lake_completion_report.json"
    assert kept.read_bytes() == b'{"state": "comp'
    assert str(kept) in told
    assert "cannot be read" in kept.with_name(kept.name + ".why.txt").read_text()


def test_a_folder_in_a_reports_place_is_set_aside_and_the_readable_report_stays(artifacts, tmp_path):
    (tmp_path / "lake_completion_report.json").write_text(json.dumps(REPORT))
    (tmp_path / "lake_failure_report.json").mkdir()
    assert artifacts.quarantine_report("lake")
    assert artifacts.final_report("lake")["state"] == "completed"
    assert not (tmp_path / "lake_failure_report.json").exists()


@pytest.mark.parametrize(
    "edited",
    [
        {"cost": {"total_usd": "NaN"}},
        {"cost": {"total_usd": "1", "items": [{"usd": ""}]}},
        {"times": {"ended": "2026-13-45"}},
        {"content_id": 5},
        {"media": "gone"},
        {"clips": [{"answers": 7}]},
        {"job": {"content_id": "another"}},
    ],
    ids=lambda edited: next(iter(edited)),
)
def test_a_report_that_somebody_has_edited_is_named_and_hides_no_other(artifacts, tmp_path, caplog, edited):
    (tmp_path / "lake_completion_report.json").write_text(json.dumps(REPORT | edited))
    (tmp_path / "hill_completion_report.json").write_text(json.dumps(REPORT | {"content_id": "hill"}))
    assert [stem for stem, _ in artifacts.reports()] == ["hill"]
    assert f"its field {next(iter(edited))}" in caplog.text
    with pytest.raises(BrokenState, match=r"lake_completion_report\.json cannot be read"):
        artifacts.final_report("lake")


def test_a_link_that_leads_back_to_itself_is_a_broken_report(artifacts, tmp_path):
    (tmp_path / "lake_failure_report.json").symlink_to("lake_failure_report.json")
    assert artifacts.has_report("lake")
    with pytest.raises(BrokenState):
        artifacts.final_report("lake")
    assert artifacts.quarantine_report("lake")
    assert not artifacts.has_report("lake")


def test_a_file_that_is_gone_or_may_not_be_read_hides_no_other(artifacts, tmp_path, monkeypatch, caplog):
    """Ticks publish and move files while another command lists them."""
    (tmp_path / "lake_completion_report.json").write_text(json.dumps(REPORT))
    (tmp_path / "theirs_completion_report.json").write_text("{}")
    for name in ("gone_completion_report.json", "gone~clip1.mp4"):
        (tmp_path / name).symlink_to("nowhere")

    def refuse(path: str, most: int) -> bytes:
        if "theirs" in path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return read_file(path, most)

    monkeypatch.setattr("tenxsom.store.files.artifacts.read_file", refuse)
    since = clock.now() - timedelta(days=1)
    assert [stem for stem, _ in artifacts.reports(since)] == ["lake"]
    assert "theirs_completion_report.json is left out: Permission denied." in caplog.text
    assert artifacts.parts_older_than(0) == []


def test_a_scratch_file_that_is_published_while_they_are_listed_is_none_any_more(artifacts, tmp_path):
    for name in ("lake.mp4", "sea.mp4"):
        artifacts.scratch(name).write_bytes(b"film")
    listed = artifacts.scratch_files()
    next(listed)
    for name in ("lake.mp4", "sea.mp4"):
        artifacts.publish(artifacts.scratch(name), name)
    assert list(listed) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_cannot_be_looked_into_is_not_an_empty_one(artifacts, tmp_path):
    tmp_path.chmod(0)
    try:
        with pytest.raises(DiskError):
            artifacts.exists("lake.mp4")
    finally:
        tmp_path.chmod(0o700)


def test_a_path_that_no_disk_takes_is_told_and_is_not_a_missing_file(artifacts):
    with pytest.raises(DiskError):
        artifacts.exists("lake" * 100)


def test_a_link_that_leads_back_to_itself_hides_no_other_report(artifacts, tmp_path):
    (tmp_path / "lake_completion_report.json").write_text(json.dumps(REPORT))
    for name in ("hill_completion_report.json", "hill.mp4.part"):
        (tmp_path / name).symlink_to(name)
    assert set(artifacts.marks(".json")) == {"lake_completion_report.json", "hill_completion_report.json"}
    assert [stem for stem, _ in artifacts.reports(clock.now() - timedelta(days=1))] == ["lake"]
    assert [stem for stem, _ in artifacts.reports()] == ["lake"]


@pytest.mark.parametrize(
    "look",
    [
        lambda artifacts: artifacts.exists("lake.mp4"),
        lambda artifacts: artifacts.files_of("lake"),
        lambda artifacts: artifacts.final_report("lake"),
        lambda artifacts: list(artifacts.reports()),
    ],
    ids=["exists", "files_of", "final_report", "reports"],
)
def test_a_folder_whose_disk_is_not_mounted_is_not_an_empty_one(tmp_path, look):
    (tmp_path / "completed_videos").symlink_to("nowhere")
    with pytest.raises(DiskError, match="Mount its disk"):
        look(FileArtifacts(tmp_path / "completed_videos"))
