"""Files that others put in the way, and files that may not be read: each is named, and none holds up the others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.belt import Belt, Ended, definition

CANARY = "canary-5f1b7c"


@pytest.fixture
def belt(tmp_path: Path) -> Belt:
    return Belt(tmp_path, {"VIDEO_SERVICE": "local_studio"})


def as_an_ordinary_user(belt: Belt, script: str, *arguments: object) -> Ended:
    """Run a script without root's right to read everything."""
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root reads everything, and there is no setpriv")
        before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    process = belt.start(script, *arguments, before=before)
    out, err = process.communicate(timeout=120)
    return Ended(process.returncode, out, err)


@pytest.mark.case
def test_a_state_that_may_not_be_read_hides_no_other(belt):
    belt.submit(definition("mine"), definition("theirs"))
    (belt.home / "pending_video_jobs" / "theirs.json").chmod(0)
    status = as_an_ordinary_user(belt, "manage_jobs.py", "status", "--json")
    assert status.code == 0
    assert [job["content_id"] for job in status.document["jobs"]] == ["mine"]
    assert status.document["unreadable"] == ["theirs"]
    assert "theirs: Cannot read" in as_an_ordinary_user(belt, "manage_jobs.py", "status").err
    tick = as_an_ordinary_user(belt, "poll_video_status.py", "--json", "mine", "theirs").document["jobs"]
    assert {job["content_id"]: job["exit_code"] for job in tick} == {"mine": 0, "theirs": 3}
    assert (belt.home / "pending_video_jobs" / "theirs.json").exists(), "a state that may not be read is not set aside"


def test_a_broken_state_hides_no_other(belt):
    belt.submit(definition("mine"), definition("broken"))
    (belt.home / "pending_video_jobs" / "broken.json").write_bytes(b"{")
    status = belt.run("manage_jobs.py", "status", "--json").document
    assert ([job["content_id"] for job in status["jobs"]], status["unreadable"]) == (["mine"], ["broken"])


@pytest.mark.case
@pytest.mark.parametrize("flags", [(), ("--json",)])
@pytest.mark.parametrize("place", ["production.env", "keys.png", "key.json", "link.png"])
def test_a_secret_that_a_definition_names_as_its_picture_is_not_quoted(belt, place, flags):
    (belt.home / "production.env").write_text(f"USEAPI_BEARER_TOKEN=user:1-{CANARY}\nVIDEO_SERVICE=local_studio\n")
    (belt.home / "keys.png").write_text(CANARY)
    (belt.home / "key.json").write_text(f'{{"private_key": "{CANARY}"}}')
    (belt.home / "link.png").symlink_to(belt.home / "production.env")
    ended = belt.run("master_orchestrator_v3.py", *flags, belt.write(definition(start_image=place)))
    assert ended.code == 2
    assert CANARY not in ended.out + ended.err
    ended = belt.run("master_orchestrator_v3.py", *flags, belt.home / place)
    assert ended.code == 2
    assert CANARY not in ended.out + ended.err


def test_a_picture_from_elsewhere_needs_its_folder_in_the_settings(belt, tmp_path_factory):
    album = tmp_path_factory.mktemp("album")
    Image.new("RGB", (64, 36)).save(album / "lake.png")
    job = belt.write(definition(start_image=str(album / "lake.png")))
    refused = belt.run("master_orchestrator_v3.py", "--json", job)
    assert refused.code == 2
    assert "START_IMAGE_FOLDERS" in refused.out
    belt.environment["START_IMAGE_FOLDERS"] = str(album)
    assert belt.run("master_orchestrator_v3.py", "--json", job).code == 0


def test_keys_that_others_can_read_are_warned_of_once_a_run(belt):
    (belt.home / "production.env").write_text("LOG_LEVEL=INFO\n")
    (belt.home / "production.env").chmod(0o644)
    ended = belt.run("manage_jobs.py", "status", "--json")
    assert ended.code == 0
    assert ended.err.count("chmod 600") == 1
    assert ended.document["ok"]
    (belt.home / "production.env").chmod(0o600)
    assert "chmod 600" not in belt.run("manage_jobs.py", "status").err
