"""Files that others put in the way, and files that may not be read: each is named, and none holds up the others."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.belt import ROOT, Belt, Ended, definition, with_small_pictures

CANARY = "canary-5f1b7c"


@pytest.fixture
def belt(tmp_path: Path) -> Belt:
    return Belt(with_small_pictures(tmp_path), {"VIDEO_SERVICE": "local_studio"})


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


@pytest.mark.slow
@pytest.mark.case
def test_a_state_that_may_not_be_read_hides_no_other(belt):
    belt.submit(definition("mine"), definition("theirs"))
    (belt.home / "pending_video_jobs" / "theirs.json").chmod(0)
    status = as_an_ordinary_user(belt, "manage_jobs.py", "status", "--json")
    assert status.code == 0
    assert [job["content_id"] for job in status.document["jobs"]] == ["mine"]
    assert status.document["unreadable"] == ["theirs"]
    assert "theirs: Cannot read" in as_an_ordinary_user(belt, "manage_jobs.py", "status").out
    tick = as_an_ordinary_user(belt, "poll_video_status.py", "--json", "mine", "theirs").document["jobs"]
    assert {job["content_id"]: job["exit_code"] for job in tick} == {"mine": 0, "theirs": 3}
    assert (belt.home / "pending_video_jobs" / "theirs.json").exists(), "a state that may not be read is not set aside"


@pytest.mark.slow
def test_what_a_user_may_not_read_is_named_whatever_it_is(belt):
    """A folder of templates left out in silence would be prices and platforms that nobody wrote."""
    place = belt.home / "templates"
    place.mkdir(mode=0)
    job = belt.write(definition())
    ended = as_an_ordinary_user(belt, "master_orchestrator_v3.py", "--json", job)
    assert (ended.code, f"Cannot look into {place}" in ended.document["error"]["message"]) == (3, True), ended.err
    belt.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(place / "key.json")
    ended = as_an_ordinary_user(belt, "master_orchestrator_v3.py", "--json", job)
    assert (ended.code, "GOOGLE_APPLICATION_CREDENTIALS" in ended.document["error"]["message"]) == (2, True), ended.err


@pytest.mark.slow
def test_a_broken_state_hides_no_other(belt):
    belt.submit(definition("mine"), definition("broken"))
    (belt.home / "pending_video_jobs" / "broken.json").write_bytes(b"{")
    status = belt.run("manage_jobs.py", "status", "--json").document
    assert ([job["content_id"] for job in status["jobs"]], status["unreadable"]) == (["mine"], ["broken"])


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_picture_from_elsewhere_needs_its_folder_in_the_settings(belt, tmp_path_factory):
    album = tmp_path_factory.mktemp("album")
    Image.new("RGB", (64, 36)).save(album / "lake.png")
    job = belt.write(definition(start_image=str(album / "lake.png")))
    refused = belt.run("master_orchestrator_v3.py", "--json", job)
    assert refused.code == 2
    assert "START_IMAGE_FOLDERS" in refused.out
    belt.environment["START_IMAGE_FOLDERS"] = str(album)
    assert belt.run("master_orchestrator_v3.py", "--json", job).code == 0


@pytest.mark.slow
def test_keys_that_others_can_read_are_warned_of_once_a_run(belt):
    (belt.home / "production.env").write_text("LOG_LEVEL=INFO\n")
    (belt.home / "production.env").chmod(0o644)
    ended = belt.run("manage_jobs.py", "status", "--json")
    assert ended.code == 0
    assert ended.err.count("chmod 600") == 1
    assert ended.document["ok"]
    (belt.home / "production.env").chmod(0o600)
    assert "chmod 600" not in belt.run("manage_jobs.py", "status").err


# a folder that is submitted again


def folder_of(belt: Belt, *pages: dict, name: str = "jobs") -> Path:
    folder = belt.home / name
    folder.mkdir(exist_ok=True)
    for page in pages:
        (folder / f"{page['content_id']}.json").write_text(json.dumps(page))
    return folder


def standings(ended: Ended) -> dict[str, str]:
    return {job["content_id"]: job["standing"] for job in ended.document["jobs"]}


@pytest.mark.slow
def test_what_is_done_or_on_its_way_keeps_no_new_definition_back(belt):
    folder = folder_of(belt, definition("done"), definition("waiting"))
    belt.run("master_orchestrator_v3.py", folder / "done.json")
    belt.collect("done")
    belt.run("master_orchestrator_v3.py", folder / "waiting.json")
    folder_of(belt, definition("fresh"))
    ended = belt.run("master_orchestrator_v3.py", "--json", folder)
    assert ended.code == 0, ended.err
    assert standings(ended) == {"done": "completed", "fresh": "new", "waiting": "on_its_way"}
    messages = {job["content_id"]: job["message"] for job in ended.document["jobs"]}
    assert "already known" in messages["done"]
    assert "already known" in messages["waiting"]
    assert belt.state("fresh")["state"] == "waiting"


@pytest.mark.slow
def test_what_is_done_needs_nothing_that_it_was_made_with(belt):
    """Its picture was moved, its archetype was renamed: that is nobody's trouble any more."""
    Image.new("RGB", (64, 36)).save(belt.home / "jobs.png")
    archetypes = belt.home / "templates" / "archetypes"
    archetypes.mkdir(parents=True)
    (archetypes / "my_kind.json").write_bytes((ROOT / "templates/archetypes/explainer.json").read_bytes())
    folder = folder_of(belt, definition("done", start_image="../jobs.png", archetype="my_kind"))
    belt.environment["START_IMAGE_FOLDERS"] = str(belt.home)
    assert belt.run("master_orchestrator_v3.py", folder).code == 0
    belt.collect("done")
    (belt.home / "jobs.png").unlink()
    (archetypes / "my_kind.json").unlink()
    folder_of(belt, definition("fresh"))
    ended = belt.run("master_orchestrator_v3.py", "--json", folder)
    assert ended.code == 0, ended.out
    assert standings(ended) == {"done": "completed", "fresh": "new"}


@pytest.mark.slow
@pytest.mark.case
def test_a_changed_definition_is_refused_by_itself_and_first(belt):
    folder = folder_of(belt, definition("lake"), definition("sea"))
    belt.run("master_orchestrator_v3.py", folder)
    folder_of(belt, definition("sea", title="Another title altogether"), definition("well"))
    ended = belt.run("master_orchestrator_v3.py", "--json", folder)
    assert ended.code == 2
    assert [job["content_id"] for job in ended.document["jobs"]] == ["sea", "lake", "well"]
    assert standings(ended) == {"sea": "refused", "lake": "on_its_way", "well": "new"}
    assert belt.state("sea")["title"] == "The lake that glows at night"
    assert belt.state("well")["state"] == "waiting"
    text = belt.run("master_orchestrator_v3.py", folder)
    assert text.code == 2
    assert text.out.index("sea") < text.out.index("lake")


@pytest.mark.slow
def test_a_state_that_may_not_be_read_refuses_its_own_definition_alone(belt):
    folder = folder_of(belt, definition("lake"), definition("sea"))
    belt.run("master_orchestrator_v3.py", folder)
    folder_of(belt, definition("well"))
    (belt.home / "pending_video_jobs" / "sea.json").chmod(0)
    ended = as_an_ordinary_user(belt, "master_orchestrator_v3.py", "--json", folder)
    assert ended.code == 3
    assert standings(ended) == {"sea": "refused", "lake": "on_its_way", "well": "new"}


def test_one_broken_definition_still_starts_nothing(belt):
    folder = folder_of(belt, definition("lake"), definition("sea", archetype="no such kind"))
    assert belt.run("master_orchestrator_v3.py", folder).code == 2
    assert belt.state("lake") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["lake.sync-conflict-20261129-101010-ABCDEFG.json", "lake (Kim's conflicted copy 2026-11-29).json"]
)
@pytest.mark.parametrize("changes", [{}, {"title": "Edited on the other machine"}], ids=["same", "other"])
def test_a_copy_of_a_sync_tool_among_the_definitions_is_named_and_left_out(belt, name, changes):
    folder = folder_of(belt, definition("lake"))
    (folder / name).write_text(json.dumps(definition("lake", **changes)))
    ended = belt.run("master_orchestrator_v3.py", "--json", folder)
    assert ended.code == 0, ended.out
    assert standings(ended) == {"lake": "new"}
    assert [name in sentence for sentence in ended.document["left_out"]] == [True]
    assert name in ended.err
    assert belt.state("lake")["title"] == "The lake that glows at night"


@pytest.mark.slow
def test_a_second_file_with_the_same_definition_is_named_and_left_out(belt):
    folder = folder_of(belt, definition("lake"))
    (folder / "lake copy.json").write_text(json.dumps(definition("lake")))
    ended = belt.run("master_orchestrator_v3.py", "--json", folder)
    assert (ended.code, len(ended.document["jobs"]), len(ended.document["left_out"])) == (0, 1, 1)


@pytest.mark.slow
def test_a_dry_run_over_a_folder_tells_of_a_refused_one_and_estimates_the_others(belt):
    folder = folder_of(belt, definition("lake"))
    belt.run("master_orchestrator_v3.py", folder)
    folder_of(belt, definition("lake", title="Another title altogether"), definition("well"))
    ended = belt.run("master_orchestrator_v3.py", "--json", "--dry-run", folder)
    assert ended.code == 2
    assert [job["content_id"] for job in ended.document["jobs"]] == ["well"]
    assert "lake is on its way with another definition" in ended.err
