"""`tenxsom worker` as a process: it makes films of what is due, ends cleanly, and shares the queue with others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenxsom.cli.worker import command_line
from tests.belt import ROOT, Belt, definition, with_small_pictures

SETTINGS = {"VIDEO_SERVICE": "local_studio"}


def started(belt: Belt, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tenxsom", "worker", *words],
        cwd=ROOT,
        env=belt.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(belt: Belt, *content_ids: str) -> None:
    for _ in range(600):
        if all(belt.report(content_id) for content_id in content_ids):
            return
        time.sleep(0.1)
    raise AssertionError("the films never come")


@pytest.mark.slow
def test_a_worker_makes_what_is_submitted_and_ends_cleanly(tmp_path: Path) -> None:
    belt = Belt(with_small_pictures(tmp_path), SETTINGS)
    worker = started(belt)
    try:
        assert belt.submit(definition()).code == 0
        wait_for(belt, "lake")
    finally:
        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert "The worker has ended" in out
    report = belt.report("lake")
    assert report
    assert report["state"] == "completed"


@pytest.mark.slow
def test_what_a_killed_worker_had_in_hand_another_one_ends(tmp_path: Path) -> None:
    belt = Belt(with_small_pictures(tmp_path), SETTINGS)
    ids = [f"lake{number}" for number in range(4)]
    assert belt.submit(*[definition(content_id) for content_id in ids]).code == 0
    first = started(belt)
    while not list((tmp_path / ".local_studio" / "media").glob("*.mp4")):
        assert first.poll() is None
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = started(belt)
    try:
        wait_for(belt, *ids)
    finally:
        second.send_signal(signal.SIGTERM)
        _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    reports = [belt.report(content_id) for content_id in ids]
    assert [report["state"] for report in reports if report] == ["completed"] * 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--concurrency", "0"), "'0' is no number from 1 to 9999"),
        (("--listen", "9090"), "'9090' is no HOST:PORT, such as 127.0.0.1:9090"),
        (("--listen", "localhost:http"), "'http' is no port"),
    ],
)
def test_wrong_options_are_refused(words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line().parse_args(words)
    assert sentence in capsys.readouterr().err
