"""The log: to stderr, one line an event, with every secret and address masked."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenxsom import log
from tenxsom.errors import BadSettings
from tenxsom.log_file import LogFile

TOKEN = "user:1-SECRET"


pytestmark = pytest.mark.usefixtures("untouched_logging")


@pytest.fixture
def logged(tmp_path: Path) -> Callable[..., list[str]]:
    """Logs one message in a style, and returns the lines it became in the file."""

    def write(message: str, *values: object, style: str = "text", **named: Any) -> list[str]:
        path = tmp_path / "log"
        log.start("INFO", style, path, [TOKEN, "", "SEC"])
        logging.getLogger("belt").error(message, *values, **named)
        return path.read_text().splitlines()

    return write


def test_results_and_logs_do_not_mix(capsys):
    log.start("INFO", "text")
    logging.getLogger("belt").info("accepted")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("INFO    accepted\n")


def test_a_line_names_the_job_it_is_about(logged):
    (line,) = logged("done", extra={"content_id": "lake"})
    assert line.endswith("ERROR   [lake] done")


def test_json_lines_are_one_object_an_event(logged):
    (line,) = logged("two\nlines of %s", "text ü", style="json", extra={"content_id": "lake"})
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {"level": "ERROR", "message": "two\nlines of text ü", "logger": "belt", "content_id": "lake"}


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_secret_is_masked_wherever_it_comes_from(logged, style):
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        text = "\n".join(logged("Bearer %s and %s", TOKEN, {"token": TOKEN}, style=style, exc_info=True))
    assert "SECRET" not in text
    assert "***" in text
    assert "Traceback" in text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("channel@example.com", "***"), ("mail to a.b+c@mail.example.com now", "mail to *** now"),
        ("user:1-email:channel@example.com-job:7", "user:1-email:***-job:7"), ("/assets/email%3Achannel%40example.com/x", None),
        ("<o'neill@example.com>", "<***>"), ("a@b", "a@b"), ("5 @ 3.50", "5 @ 3.50"), ("no address", "no address"),
        ("two: a@example.com, b@example.org", "two: ***, ***"),
    ],
)  # fmt: skip
def test_email_addresses_are_masked_and_nothing_else(text, masked):
    result = log.mask_emails(text)
    assert "example" not in result
    assert masked is None or result == masked


@pytest.mark.parametrize("text", ["a" * 300_000, "a@" * 100_000, "a@" + "b." * 100_000, "%40" * 100_000, "a." * 150_000])
def test_masking_an_endless_text_ends(text):
    log.mask_emails(text)


def test_a_services_text_makes_no_lines_of_its_own_and_does_not_talk_to_the_terminal(logged):
    (line,) = logged("the service said %s", "no\n2026-11-22T00:00:00.000Z ERROR [sea] faked\r\x1b[2J\x9b1m\x07\ttab")
    assert "\\n2026" in line
    assert "\x1b" not in line
    assert "\x9b" not in line
    assert line.endswith("\ttab")


def test_a_text_that_utf_8_cannot_hold_is_logged_all_the_same(logged):
    (line,) = logged("file %s", "\udcff.json")
    assert line.endswith("file \\udcff.json")


def test_what_libraries_chat_about_is_left_out(logged, capsys):
    logged("ours")
    for name in ("urllib3.connectionpool", "httpx", "werkzeug", "google.auth"):
        logging.getLogger(name).info("chat")
    assert "chat" not in capsys.readouterr().err


def test_a_message_that_cannot_be_formatted_ends_nothing(logged):
    logged("%d", "no number")


def test_a_log_file_that_cannot_be_opened_is_said_by_its_setting(tmp_path):
    with pytest.raises(BadSettings, match=r"LOG_FILE names .* cannot be opened"):
        log.start("INFO", "text", tmp_path / "nowhere" / "log")


# a log file that cannot be written


def test_a_log_file_on_a_full_disk_stops_nothing(tmp_path, capsys):
    log.start("INFO", "text", Path("/dev/full"))
    logging.getLogger("belt").warning("said all the same")
    assert "said all the same" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE])
def test_a_log_file_that_a_sick_disk_does_not_open_is_told_and_done_without(tmp_path, capsys, monkeypatch, number):
    def refuses(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(LogFile, "_open", refuses)
    log.start("INFO", "text", tmp_path / "log")
    assert os.strerror(number) in capsys.readouterr().err


def test_a_log_file_in_a_place_where_none_can_be_is_a_wrong_setting(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere" / "log"):
        with pytest.raises(BadSettings, match="LOG_FILE names"):
            log.start("INFO", "text", place)


def test_a_pipe_as_log_file_is_never_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "log")
    log.start("INFO", "text", tmp_path / "log")
    assert "cannot be written" in capsys.readouterr().err
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    log.start("INFO", "text", tmp_path / "log")
    for _ in range(2_000):
        logging.getLogger("belt").warning("a line that nothing reads " * 10)
    os.close(reader)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_json_line_is_json_in_any_encoding(home, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", f"{encoding}:backslashreplace")
    lines = "import logging\nfrom tenxsom import log\nlog.start('INFO', 'json')\nlogging.info('ü 東京 🔥')"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, check=True)
    assert json.loads(done.stderr.decode(encoding))["message"] == "ü 東京 🔥"


# rotation, and what programs read


def test_a_log_file_that_was_moved_away_is_begun_anew(tmp_path):
    path = tmp_path / "log"
    log.start("INFO", "text", path)
    logging.getLogger("belt").info("before the rotation")
    path.rename(tmp_path / "log.1")
    logging.getLogger("belt").info("after the rotation")
    assert "after" not in (tmp_path / "log.1").read_text()
    assert "before" not in path.read_text()
    assert "after the rotation" in path.read_text()


def test_a_log_file_whose_folder_is_gone_stops_nothing_and_goes_on_when_it_is_back(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    log.start("INFO", "text", folder / "log")
    logging.getLogger("belt").info("one")
    (folder / "log").unlink()
    folder.rmdir()
    logging.getLogger("belt").info("two")
    folder.mkdir()
    logging.getLogger("belt").info("three")
    assert [line.split()[-1] for line in (folder / "log").read_text().splitlines()] == ["three"]
    assert "two" in capsys.readouterr().err


def test_a_json_line_has_what_is_known_of_the_event_and_nothing_else(logged):
    known = {"content_id": "lake", "service": "ltx_api", "step": "request_video", "action": "paid", "seconds": 1.5, "usd": 0.24}
    (line,) = logged("done", style="json", extra=known | {"other": "x"})
    entry = json.loads(line)
    assert {name: entry[name] for name in known} == known
    assert "other" not in entry
    (_, line) = logged("done", style="json")
    assert not {*json.loads(line)} & {*known}


def test_a_secret_in_a_field_of_a_json_line_is_masked(logged):
    (line,) = logged("done", style="json", extra={"service": f"asked with {TOKEN}"})
    assert "SECRET" not in line


def test_what_is_said_of_many_jobs_is_told_once_with_a_count(tmp_path, capsys):
    path = tmp_path / "log"
    log.tell_repeats()  # what earlier tests of this process have left
    log.start("INFO", "text", path)
    poll = logging.getLogger("poll")
    for number in range(5):
        poll.info("ltx_api is too busy; job-%d waits.", number, extra={"content_id": f"job-{number}"})
    poll.info("another thing", extra={"content_id": "job-1"})
    log.tell_repeats()
    log.tell_repeats()
    said = [line.partition("INFO")[2].strip() for line in path.read_text().splitlines()]
    assert said == [
        "[job-0] ltx_api is too busy; job-0 waits.",
        "[job-1] another thing",
        "4 times more (job-1, job-2, job-3…): ltx_api is too busy; CONTENT_ID waits.",
    ]
    assert capsys.readouterr().err.count("too busy") == 2


def test_errors_and_lines_for_programs_are_never_held_back(tmp_path):
    for style, count in (("text", 3), ("json", 6)):
        path = tmp_path / style
        log.start("INFO", style, path)
        for _ in range(3):
            logging.getLogger("poll").error("broken", extra={"content_id": "lake"})
            if style == "json":
                logging.getLogger("poll").info("busy", extra={"content_id": "lake"})
        assert len(path.read_text().splitlines()) == count
