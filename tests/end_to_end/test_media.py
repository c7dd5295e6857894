"""The scripts with their media in an object store: a film is made, shown, made again and pruned there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.belt import Belt, definition
from tests.crash.test_secrets import search
from tests.hooks import SECRET as HOOK_SECRET
from tests.hooks import Receiver, receiving
from tests.stub_s3 import SECRET, StubS3, serving


@pytest.fixture
def s3() -> Iterator[StubS3]:
    with serving() as stub:
        yield stub


@pytest.fixture
def belt(tmp_path: Path, s3: StubS3) -> Belt:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".local_studio").mkdir()
    (home / ".local_studio" / "scale").write_text("0.2")
    return Belt(home, {"KEEP_CLIPS_DAYS": "30", "CAPTIONS": "both", **s3.settings()})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def names(s3: StubS3) -> set[str]:
    """The names of the files in the store; each has one object."""
    found = [key.split("/")[-2] for key in s3.objects]
    assert len(found) == len(set(found))
    return set(found)


def document(belt: Belt, *words: str) -> dict[str, Any]:
    ended = belt.run("manage_jobs.py", *words, "--json")
    assert ended.code == 0, ended.err
    return ended.document


@pytest.mark.slow
def test_a_film_is_made_shown_made_again_and_pruned_where_its_clips_lie(belt, s3, receiver):
    belt.environment |= {"WEBHOOK_URL": f"{receiver.url}/hook", "WEBHOOK_SECRET": HOOK_SECRET}
    made = belt.run("master_orchestrator_v3.py", "--wait", "--json", belt.write(definition()))
    assert made.code == 0, made.err
    file = made.document["jobs"][0]["file"]
    first = {"lake.mp4", "lake.jpg", "lake_sheet.jpg", "lake.srt", "lake.vtt", "lake.blueprint.json", "lake~clip01.mp4"}
    assert names(s3) == first
    assert file.removeprefix("s3://films/") in s3.objects
    assert [path.name for path in (belt.home / "completed_videos").iterdir()] == ["lake_completion_report.json"]
    assert [path.name for path in (belt.home / "scratch").iterdir()] == [".locks"]

    told = json.loads(receiver.arrived[-1].body)["data"]
    assert told["file"] == file
    assert requests.get(told["link"], timeout=10).content == s3.objects[file.removeprefix("s3://films/")]

    (ended,) = document(belt, "history")["films"]
    assert ended["file"] == file
    assert file in belt.run("manage_jobs.py", "show", "lake").out

    clip = next(key for key in s3.objects if "~clip01" in key)
    before = len(receiver.arrived)
    again = belt.run("production_video_generator.py", "--reassemble", "lake", "--title", "Another title", "--json")
    assert again.code == 0, again.err
    assert names(s3) == first | {f"lake~1{name[4:]}" for name in first - {"lake~clip01.mp4"}}
    assert clip in s3.objects, "the clip is used as it is"
    assert len(receiver.arrived) > before

    two_days_ago = int((time.time() - 2 * 86_400) * 1000)
    s3.objects[re.sub(r"-\d{13}-", f"-{two_days_ago}-", clip)] = s3.objects.pop(clip)
    pruned = document(belt, "prune", "--older-than", "1d")
    assert [item["name"] for item in pruned["files"] if item["kind"] in ("part", "scratch")] == ["lake~clip01.mp4"]
    assert "lake~clip01.mp4" not in names(s3)
    search(belt, [made, again], SECRET)


@pytest.mark.parametrize(
    ("fault", "told"),
    [("no_bucket", "there is no such bucket"), pytest.param("denied", "the store refuses it", marks=pytest.mark.slow)],
)
def test_a_store_that_cannot_be_used_stops_a_command_before_anything_is_accepted(belt, s3, fault, told):
    s3.fails(fault)
    ended = belt.run("master_orchestrator_v3.py", "--json", belt.write(definition()))
    assert ended.code == 2, ended.out
    assert told in ended.document["error"]["message"]
    assert "s3://films/tenxsom" in ended.document["error"]["message"]
    assert not list((belt.home / "pending_video_jobs").glob("*.json"))
    checked = belt.run("manage_jobs.py", "doctor", "--json")
    (finding,) = [each for each in checked.document["findings"] if each["check"] == "media"]
    assert not finding["ok"]
    assert told in finding["message"]
