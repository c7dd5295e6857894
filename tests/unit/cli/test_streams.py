"""Output that cannot be written ends nothing and changes no exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tenxsom.cli.streams import Unfailing
from tests.processes import ROOT, in_a_shell

WORK = """
import argparse, logging, sys
from tenxsom.cli.run import Result, notice, run
def command(arguments, settings):
    notice("a notice")
    logging.getLogger("work").warning("a line of the log")
    print("a line on the way")
    open(sys.argv[1], "w").close()
    return Result(3, lambda: {}, "the result")
parser = argparse.ArgumentParser(prog="script.py")
sys.exit(run("submit", parser, command, []))
"""


@contextmanager
def full_disk() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@contextmanager
def reader_gone() -> Iterator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def work(home, done, before: str = ":", **streams: Any) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "TENXSOM_HOME": str(home)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    command = in_a_shell(before, sys.executable, "-c", WORK, str(done))
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, check=False, **pipes)


@pytest.mark.parametrize("broken", [full_disk, reader_gone])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_cannot_be_written_stops_no_work_and_changes_no_exit_code(home, tmp_path, broken, stream):
    with broken() as descriptor:
        ended = work(home, tmp_path / "done", **{stream: descriptor})
    assert ended.returncode == 3
    assert (tmp_path / "done").exists()
    if stream == "stderr":
        assert ended.stdout.endswith("the result\n")
    else:
        assert "a line of the log" in ended.stderr


def test_both_streams_may_be_broken(home, tmp_path):
    with full_disk() as descriptor:
        assert work(home, tmp_path / "done", stdout=descriptor, stderr=descriptor).returncode == 3
    assert (tmp_path / "done").exists()


def test_a_result_that_a_full_disk_did_not_take_is_told_on_the_other_stream(home, tmp_path):
    with full_disk() as descriptor:
        ended = work(home, tmp_path / "done", stdout=descriptor)
    assert "The result could not be written to standard output" in ended.stderr


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_told_nothing(home, tmp_path):
    with reader_gone() as descriptor:
        ended = work(home, tmp_path / "done", stdout=descriptor)
    assert "could not be written" not in ended.stderr


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
@pytest.mark.slow
def test_streams_that_were_closed_from_the_start_end_nothing_and_no_file_gets_their_output(home, tmp_path, closed):
    ended = work(home, tmp_path / "done", before="exec " + " ".join(f"{number}>&-" for number in closed))
    assert ended.returncode == 3
    assert (tmp_path / "done").read_bytes() == b""
    if 1 not in closed:
        assert ended.stdout == "a line on the way\nthe result\n"


@pytest.mark.parametrize("broken", [full_disk, reader_gone])
def test_a_tick_over_an_empty_queue_does_not_need_its_output(home, broken):
    (home / "pending_video_jobs").mkdir()
    environment = {"PATH": os.environ["PATH"], "TENXSOM_HOME": str(home)}
    with broken() as descriptor:
        command = [sys.executable, str(ROOT / "poll_video_status.py")]
        ended = subprocess.run(command, env=environment, stdout=descriptor, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_unfailing_stream_is_otherwise_the_stream(capsys):
    stream = Unfailing(sys.stdout)
    print("word", file=stream)
    assert stream.trouble is None
    assert stream.encoding == sys.stdout.encoding
    assert capsys.readouterr().out == "word\n"
