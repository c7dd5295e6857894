"""A trouble that should have passed is heard of when it has lasted, and not before."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tenxsom import atomic, clock
from tenxsom.errors import DiskError
from tenxsom.pipeline.patience import FILE_NAME, has_lasted
from tenxsom.pipeline.results import JobResult
from tests.belt import ROOT, Belt, definition

QUEUE = ("lake", "sea")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Set the clock forward by so many minutes."""
    really_now, ahead = clock.now, [0.0]
    monkeypatch.setattr(clock, "now", lambda: really_now() + timedelta(minutes=ahead[0]))

    def set_forward(minutes: float) -> None:
        ahead[0] += minutes

    return set_forward


def tick(folder: Path, **codes: int) -> bool:
    return has_lasted(folder, [JobResult(content_id, "waiting", code) for content_id, code in codes.items()], QUEUE, 30)


def test_a_trouble_is_heard_of_when_it_has_lasted(tmp_path, later):
    assert not tick(tmp_path, lake=75)
    later(29)
    assert not tick(tmp_path, lake=75)
    later(1)
    assert tick(tmp_path, lake=75)


def test_a_trouble_that_passed_begins_anew(tmp_path, later):
    tick(tmp_path, lake=75)
    later(29)
    tick(tmp_path, lake=0)
    tick(tmp_path, lake=75)
    later(29)
    assert not tick(tmp_path, lake=75)


def test_a_job_that_was_not_looked_at_keeps_its_trouble_while_others_get_on(tmp_path, later):
    tick(tmp_path, lake=75, sea=0)
    for _ in range(10):
        later(3)
        lasted = tick(tmp_path, sea=0)
    assert lasted


def test_a_job_that_has_left_the_queue_has_no_trouble_any_more(tmp_path, later):
    has_lasted(tmp_path, [JobResult("gone", "waiting", 75)], ("gone",), 30)
    later(60)
    assert not tick(tmp_path)


def test_a_note_from_a_clock_that_was_ahead_counts_from_now(tmp_path, later):
    later(60 * 24 * 365)
    tick(tmp_path, lake=75)
    later(-60 * 24 * 365)
    assert not tick(tmp_path, lake=75)
    later(30)
    assert tick(tmp_path, lake=75)


@pytest.mark.parametrize("note", [b"{", b"[]", b'{"lake": 5}', b'{"lake": "soon"}', b"\xff"])
def test_a_note_that_cannot_be_read_begins_anew(tmp_path, note):
    (tmp_path / FILE_NAME).write_bytes(note)
    assert not tick(tmp_path, lake=75)


def test_a_disk_that_takes_no_note_is_a_trouble_to_hear_of(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise DiskError("full")

    monkeypatch.setattr(atomic, "write", full)
    assert tick(tmp_path, lake=75)


def test_the_line_of_the_crontab_alerts_on_every_code_but_0(tmp_path):
    """As cron runs it, with /bin/sh; the alert says the code."""
    (line,) = [text for text in (ROOT / "crontab.example").read_text().splitlines() if text.startswith("*/2")]
    command = line.removeprefix("*/2 * * * * ")
    log = f"{tmp_path}/poll.log"
    for code in (0, 1, 2, 3, 75):
        (tmp_path / "script").write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / "script").chmod(0o755)
        shell = command.replace("/path/to/tenxsom-ai/.venv/bin/python", f"{tmp_path}/script").replace(
            "/path/to/tenxsom-ai/poll.log", log
        )
        heard = subprocess.run(["/bin/sh", "-c", f'{shell} || echo "exit code $?"'], capture_output=True, text=True, check=False)
        assert heard.stdout == (f"exit code {code}\n" if code else "")


@pytest.mark.slow
def test_a_tick_with_patience_ends_with_0_at_first_and_with_75_when_it_lasts(tmp_path, studio):
    belt = Belt(tmp_path / "home", {"USEAPI_BEARER_TOKEN": "user:1-x", "USEAPI_BASE_URL": f"{studio.url}/v1"})
    belt.home.mkdir()
    assert belt.submit(definition()).code == 0
    studio.write_faults({"on": "GET *", "do": "status", "status": 500, "times": None})
    assert belt.run("poll_video_status.py", "lake").code == 75
    assert belt.run("poll_video_status.py", "--patience", "30", "lake").code == 0
    note = belt.home / "pending_video_jobs" / FILE_NAME
    note.write_text(note.read_text().replace("202", "201"))  # ten years ago
    assert belt.run("poll_video_status.py", "--patience", "30", "lake").code == 75
