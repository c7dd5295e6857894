"""The screen: results on stdout, the rest on stderr, one JSON document also for the earliest errors."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
import threading
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.cli.run import Progress, Result, port, run, table
from tenxsom.empty_tick import as_log
from tenxsom.errors import BadDefinition, BadInput, BadInputs, Interrupted, OverBudget, Problem, TenxsomError
from tenxsom.pipeline import inputs
from tenxsom.settings import Settings
from tenxsom.text import columns as text_columns
from tests.processes import start


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="script.py")
    made.add_argument("--json", action="store_true")
    made.add_argument("name")
    return made


def commands() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="script.py")
    show = made.add_subparsers(dest="command", required=True).add_parser("show")
    show.add_argument("--json", action="store_true")
    show.add_argument("name")
    return made


@pytest.fixture(autouse=True)
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "stop_on_signals", lambda: None)


def told(error: TenxsomError | None = None, text: str = "done", code: int = 0) -> Any:
    def command(_arguments: argparse.Namespace, _settings: Settings) -> Result:
        if error:
            raise error
        return Result(code, lambda: {"word": "ü"}, text)

    return command


# results


def test_a_result_is_text_for_people(home, capsys):
    assert run("submit", parser(), told(), ["x"]) == 0
    assert capsys.readouterr() == ("done\n", "")


def test_a_result_is_one_versioned_document_for_programs(home, capsys):
    assert run("submit", parser(), told(code=3), ["x", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == {"schema_version": 1, "command": "submit", "ok": False, "exit_code": 3, "word": "ü"}
    assert err == ""


def test_an_abbreviated_option_counts_as_the_option(home, capsys):
    run("submit", parser(), told(), ["x", "--js"])
    assert json.loads(capsys.readouterr().out)["ok"] is True


# errors


@pytest.mark.parametrize(
    ("error", "code"), [(BadInput("no"), 2), (TenxsomError("no"), 1), (OverBudget("no"), 3), (Interrupted("no"), 75)]
)
def test_an_error_is_one_sentence_on_stderr_and_its_exit_code(home, capsys, error, code):
    assert run("submit", parser(), told(error), ["x"]) == code
    assert capsys.readouterr() == ("", "script.py: no\n")


def test_an_error_is_a_document_for_programs_with_every_problem(home, capsys):
    error = BadDefinition("lake.json", [Problem("title", "it is required"), Problem("/", "and more")])
    assert run("submit", parser(), told(error), ["x", "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["exit_code"], document["error"]["kind"]) == (False, 2, "BadDefinition")
    assert [(problem["file"], problem["path"]) for problem in document["error"]["problems"]] == [
        ("lake.json", "title"),
        ("lake.json", "/"),
    ]


def test_a_mistake_of_ours_is_no_failed_job_and_one_document_for_programs(home, capsys):
    def command(_arguments: argparse.Namespace, _settings: Settings) -> Result:
        raise ZeroDivisionError("oops")

    assert run("submit", parser(), command, ["x", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["kind"] == "UnexpectedError"
    assert "ZeroDivisionError: oops" in err


@pytest.mark.parametrize("text", ["0", "65536", "99999999999999999999", "-1", "http", "", "８０"])
def test_what_is_no_port_is_refused_in_one_line(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no port"):
        port(text)


def test_a_port_is_a_number():
    assert [port(text) for text in ("1", "8765", "65535")] == [1, 8765, 65535]


def test_the_problems_of_several_inputs_are_one_list_for_programs(home, capsys):
    errors = [
        BadInput("nowhere.json: there is no such file."),
        *(BadDefinition(file, [Problem("title", "it is required")]) for file in ("a.json", "b.json")),
    ]
    assert run("submit", parser(), told(BadInputs(errors)), ["x", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert [(problem["file"], problem["path"]) for problem in error["problems"]] == [("a.json", "title"), ("b.json", "title")]
    assert "nowhere.json" in error["message"]


@pytest.mark.parametrize(
    ("made", "arguments"),
    [(parser, []), (parser, ["x", "y"]), (parser, ["x", "--nope"]), (commands, []), (commands, ["nope"]), (commands, ["show"]),
     (commands, ["show", "x", "y"]), (commands, ["show", "x", "--nope"])],
)  # fmt: skip
def test_bad_usage_is_one_sentence_and_exit_code_2_with_and_without_json(home, capsys, made, arguments):
    assert run("submit", made(), told(), arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith("--help.\n")
    assert run("submit", made(), told(), [*arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert (json.loads(out)["error"]["kind"], err) == ("BadUsage", "")


def test_bad_settings_are_a_document_too(home, capsys, monkeypatch):
    monkeypatch.setenv("POLL_CONCURRENCY", "many")
    assert run("submit", parser(), told(), ["x", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "BadSettings"


def test_help_ends_with_0(home, capsys):
    with pytest.raises(SystemExit) as caught:
        run("submit", parser(), told(), ["--help"])
    assert caught.value.code == 0


# terminals


def test_a_services_text_does_not_talk_to_the_terminal(home, capsys):
    run("submit", parser(), told(text="a\x1b[2Jb\x9b1m\nc\x07"), ["x"])
    assert capsys.readouterr().out == "a [2Jb 1m\nc \n"
    run("submit", parser(), told(BadInput("a\x1b]0;x\x07")), ["x"])
    assert "\x1b" not in capsys.readouterr().err


PRINT = """
import argparse, sys
from tenxsom.cli import run
from tenxsom.pipeline import inputs
parser = argparse.ArgumentParser()
parser.add_argument("--json", action="store_true")
text = "─ ü 😀 \\udcff"
sys.exit(run.run("x", parser, lambda *_: run.Result(0, lambda: {"text": text}, text)))
"""


@pytest.mark.parametrize("encoding", ["ascii", "utf-16", "utf-8"])
def test_a_document_is_whole_on_a_terminal_that_does_not_know_its_characters(home, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    process = start(PRINT, "--json")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["text"] == "─ ü 😀 \udcff"


def test_a_terminal_without_typographic_signs_gets_plain_ones(home, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    process = start(PRINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == "- \\xfc \\U0001f600 \\udcff\n"


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_is_no_error(home):
    process = start(PRINT.replace("─ ü 😀 \\udcff", "x").replace('"x"', '"x" * 5_000_000'))
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.read(10) == "x" * 10
    process.stdout.close()
    process.stdin.close()
    assert process.wait(timeout=60) == 0


# tables


def columns(text: str) -> list[int]:
    """At which terminal column the second cell of every line begins; cells are marked by |."""
    return [text_columns(line[: line.index("|")]) for line in text.splitlines() if "|" in line]


WORDS = ["lake", "湖", "ｗｉｄｅ", "é", "e\u0301", "👍", "a\u200bb", "x\ufe0f", "", "한국어", "नमस्ते"]


def test_columns_line_up_with_wide_and_combining_characters():
    lined = table(("WORD", "|"), [(word, "|") for word in WORDS])
    assert len(set(columns(lined))) == 1
    assert len(lined.splitlines()) == len(WORDS) + 2


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("湖", 2), ("e\u0301", 1), ("👍", 2), ("a\u200b", 1), ("x\ufe0f", 1), ("", 0), ("é", 1)]
)
def test_a_text_is_as_wide_as_a_terminal_shows_it(text, width):
    assert text_columns(text) == width


def test_numbers_are_right_aligned_where_asked_and_no_line_ends_in_blanks():
    lined = table(("JOB", "COST"), [("a", "1"), ("b", "100")], right=(1,))
    assert lined.splitlines() == ["JOB  COST", "───  ────", "a       1", "b     100"]
    assert all(line == line.rstrip() for line in table(("A", "B"), [("x", "")]).splitlines())


def test_a_cell_never_breaks_its_line():
    lined = table(("A", "B"), [("two\nlines\x1b[2J", "x")])
    assert lined.splitlines()[2] == "two lines [2J  x"


def test_a_cell_cannot_turn_the_reading_direction_around():
    lined = table(("A", "B"), [("\u202etxet\u202c \u2067x\u2069", "y")])
    assert lined.splitlines()[2] == "txet x  y"


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[red", ":smile:", "https://example.com/[a]", "C:\\x", "1.5 %"])
def test_a_cell_shows_its_text_and_nothing_is_markup(text):
    assert table(("A", "B"), [(text, "y")]).splitlines()[2] == f"{text}  y"


def test_a_row_in_a_file_is_one_line_however_long_it_is():
    assert table(("A", "B"), [("x" * 5000, "y " * 3000)]).count("\n") == 2


@pytest.mark.parametrize("word", ["湖の光", "lake-at-night", "한국어", "नमस्ते"])
def test_long_cells_are_folded_and_line_up_in_eighty_columns(word):
    lines = table(("JOB", "|", "COST"), [(word * 9, "| " + f"{word} " * 20, "$12.50")], right=(2,), width=80).splitlines()
    assert all(text_columns(line) <= 80 for line in lines)
    assert text_columns(lines[2]) == 80
    assert lines[2].endswith("$12.50")
    assert len(set(columns("\n".join(lines)))) == 1
    assert "".join(line[: line.index(" ")] for line in lines[2:] if line[0] != " ") == word * 9


def test_blank_lines_stand_between_the_rows_that_ask_for_them():
    assert table(("A",), [("x",), ("y",)], leading=1).splitlines() == ["A", "─", "x", "", "y"]


def test_a_table_has_no_colours_whatever_the_terminal_can(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in table(("A", "B"), [("x", "1")], right=(1,))


def test_a_table_without_rows_is_its_head():
    assert table(("A",), []).splitlines() == ["A", "─"]


# progress


def test_without_a_terminal_there_is_a_line_at_every_change(capsys):
    with Progress() as progress:
        for what in ("waiting", "waiting", "completed"):
            progress.show("lake", what, 0.5)
    assert capsys.readouterr().err == "lake: waiting\nlake: completed\n"


def test_quiet_progress_says_nothing(capsys):
    with Progress(quiet=True) as progress:
        progress.show("lake", "waiting", 0.5)
    assert capsys.readouterr() == ("", "")


# input


def test_a_file_is_read_up_to_a_bound(tmp_path):
    (tmp_path / "x").write_bytes(b"x" * (inputs.MAX_INPUT_BYTES + 5))
    assert len(inputs.read_input(str(tmp_path / "x"))) == inputs.MAX_INPUT_BYTES


def test_an_endless_file_is_read_up_to_the_same_bound():
    assert len(inputs.read_input("/dev/zero")) == inputs.MAX_INPUT_BYTES


def test_what_cannot_be_read_is_said_by_name(tmp_path):
    for name in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadInput) as caught:
            inputs.read_input(str(name))
        assert str(caught.value).startswith(str(name))


def test_standard_input_is_read_for_a_hyphen_and_its_absence_is_said(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    assert inputs.read_input("-") == b"{}"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="standard input is closed"):
        inputs.read_input("-")


# pipes


def test_a_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "job.json")
    writer = threading.Thread(target=(tmp_path / "job.json").write_bytes, args=(b"{}" * 50_000,))
    writer.start()
    assert inputs.read_input(str(tmp_path / "job.json")) == b"{}" * 50_000
    writer.join()


def test_a_stop_request_ends_the_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "job.json")
    clock.request_stop()
    try:
        with pytest.raises(Interrupted):
            inputs.read_input(str(tmp_path / "job.json"))
    finally:
        clock.forget_stop()


def test_a_pipe_among_the_files_of_a_folder_is_refused(tmp_path):
    os.mkfifo(tmp_path / "job.json")
    with pytest.raises(BadInput, match="no ordinary file"):
        inputs.read_file_of_folder(str(tmp_path / "job.json"))


def test_lines_of_a_log_have_their_time_and_those_of_a_terminal_or_a_pipe_have_none(tmp_path, monkeypatch):
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as pipe:
        for stream in (pipe, io.StringIO()):
            monkeypatch.setattr(sys, "stdout", stream)
            assert as_log("a\n\nb") == "a\n\nb"
    with (tmp_path / "poll.log").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        first, blank, last = as_log("a\n\nb").split("\n")
    assert (re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", "", first), blank, last[-2:]) == ("a", "", " b")
