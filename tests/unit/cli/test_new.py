"""`new` writes valid definitions: from options, from answers, from a table and a template."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.cli.manage import main
from tenxsom.pipeline import drafts
from tenxsom.program import ROOT

TEMPLATE: dict[str, Any] = {
    "content_id": "{topic}-{row}", "title": "{title}", "archetype": "explainer", "tier": "volume", "target_duration": "{seconds}",
    "platform": "youtube", "prompt": "{{as it is}}: {title}.", "seed": "{seed}",
    "script": [{"text": "Hello, {topic}.", "seconds": "{first}"}, {"text": "{end}"}], "metadata": {"tags": ["{topic}"], "n": 3},
}  # fmt: skip
TABLE = "topic,title,seconds,seed,first,end\nA lake,The lake,7.5,,2.5,Good-bye.\nsea,The sea,8,3,,\n"


@pytest.fixture(autouse=True)
def here(monkeypatch, home, tmp_path):
    """Run in a folder of its own, as a user does."""
    monkeypatch.setattr(clock, "stop_on_signals", lambda: None)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(capsys: Any, *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["new", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def put(template: dict[str, Any] = TEMPLATE, table: str = TABLE) -> tuple[str, ...]:
    Path("films.csv").write_text(table)
    Path("film.json").write_text(json.dumps(template))
    return ("--from-csv", "films.csv", "--template", "film.json")


# one


def test_options_become_a_valid_definition_with_an_id_out_of_its_title(here, capsys):
    words = ("--title", "Größe & Glanz: der See!", "--archetype", "explainer", "--platform", "youtube", "--target-duration", "20")
    code, document = run(capsys, *words, "--set", "voice.speed=1.1", "--set", "metadata.tags=a;b", "--set", "narration=false")
    assert (code, document["files"]) == (0, ["grosse-glanz-der-see.json"])
    assert json.loads((here / "grosse-glanz-der-see.json").read_text()) == {
        "title": "Größe & Glanz: der See!", "archetype": "explainer", "platform": "youtube", "target_duration": 20,
        "tier": "volume", "content_id": "grosse-glanz-der-see",
        "voice": {"speed": 1.1}, "metadata": {"tags": ["a", "b"]}, "narration": False,
    }  # fmt: skip
    assert run(capsys, *words)[0] == 2, "it is there already"
    assert run(capsys, *words, "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "also needs --title"),
        (("--title", "湖"), "--content-id"),
        (("--set", "colour=red"), "no field 'colour'"),
        (("--set", "titel=x"), "Did you mean 'title'?"),
        (("--set", "style"), "sets no field"),
        (("--set", "style=a", "--set", "style=b"), "set twice"),
        (("--template", "film.json"), "--template needs --from-csv"),
        (("--from-csv", "films.csv"), "--from-csv needs --template"),
        (("--from-csv", "films.csv", "--template", "film.json", "--title", "x"), "the template says everything"),
        (("--title", "x", "--archetype", "explainr", "--platform", "youtube"), "Did you mean 'explainer'?"),
        (("--title", "x", "--archetype", "explainer", "--platform", "youtube", "--output", "no/x.json"), "no folder no"),
    ],
)
def test_what_cannot_be_a_definition_is_one_sentence_and_writes_nothing(here, capsys, words, told):
    code, document = run(capsys, *words)
    assert (code, told in document["error"]["message"]) == (2, True), document["error"]["message"]
    assert list(here.iterdir()) == []


def test_on_a_terminal_each_question_is_asked_until_its_answer_is_valid(here, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers = ["", "The lake", "explainr", "explainer", "youtube", "soon", "12", "", ""]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(answers) + "\n"))
    err = Terminal()
    monkeypatch.setattr("sys.stderr", err)
    assert main(["new"]) == 0
    told = err.getvalue()
    for words in ("The title of the film: ", "it is needed", "Did you mean 'explainer'?", "must be a number", "[the-lake]"):
        assert words in told
    assert json.loads((here / "the-lake.json").read_text())["target_duration"] == 12
    monkeypatch.setattr("sys.stdin", Terminal("Another\n"))
    assert main(["new"]) == 75
    assert [path.name for path in here.iterdir()] == ["the-lake.json"]


@pytest.mark.parametrize("stop", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_stop_at_a_question_ends_the_command(here, home, stop):
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TENXSOM_HOME": str(home)}
    command = [sys.executable, str(ROOT / "manage_jobs.py"), "new"]
    process = subprocess.Popen(command, cwd=here, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        told = _told_until(ours, b"The title of the film: ")
        process.send_signal(getattr(signal, stop))
        assert process.wait(timeout=60) == 75, told
        assert b"nothing is written" in _told_until(ours, b"nothing is written")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert list(here.iterdir()) == []


def _told_until(terminal: int, words: bytes) -> bytes:
    """What a process says on its terminal until it has said these words, or has ended."""
    told = b""
    with contextlib.suppress(OSError):  # nobody is there any more
        while words not in told:
            told += os.read(terminal, 4096)
    return told


@pytest.mark.parametrize(
    ("title", "content_id"),
    [("5 ways, in 1.5 minutes", "5-ways-in-1.5-minutes"), ("--", ""), ("x" * 90, "x" * 60), ("Ünï ✨", "uni")],
)
def test_a_title_suggests_an_id(title, content_id):
    assert drafts.content_id_of(title) == content_id


# many


def test_every_row_fills_the_template(here, capsys):
    code, document = run(capsys, *put())
    assert (code, document["files"]) == (0, ["films.jsonl"])
    lake, sea = map(json.loads, (here / "films.jsonl").read_text().splitlines())
    assert lake["content_id"] == "a-lake-1"
    assert (lake["target_duration"], lake["prompt"], "seed" in lake) == (7.5, "{as it is}: The lake.", False)
    assert lake["script"] == [{"text": "Hello, A lake.", "seconds": 2.5}, {"text": "Good-bye."}]
    assert lake["metadata"] == {"tags": ["A lake"], "n": 3}
    assert (sea["seed"], sea["content_id"], sea["script"]) == (3, "sea-2", [{"text": "Hello, sea."}])


def test_a_batch_goes_into_a_folder_or_to_the_terminal(here, capsys):
    (here / "films").mkdir()
    table = TABLE.replace(",\n", ",So long.\n")
    assert run(capsys, *put(table=table), "--output", "films")[1]["files"] == ["films/a-lake-1.json", "films/sea-2.json"]
    main(["new", *put(table=table), "--output", "-"])
    assert [json.loads(line)["seed"] for line in capsys.readouterr().out.splitlines()[1:]] == [3]


@pytest.mark.parametrize(
    ("change", "table", "told"),
    [
        (
            {"title": "{titel}"},
            TABLE,
            "film.json: 1 problem.\n  title: there is no column 'titel' in the table. Did you mean",
        ),
        ({"script": [{"text": "{words}"}]}, TABLE, "script.0.text: there is no column 'words'"),
        (
            {"content_id": "film"},
            TABLE,
            "films.csv, row 3: 1 problem.\n  content_id: 'film' is used by row",
        ),
        ({}, TABLE.replace("7.5", "soon"), "films.csv, row 2: 1 problem.\n  target_duration: it must be a number, not 'soon'"),
        ({}, TABLE.split("\n", maxsplit=1)[0], "no row below the header"),
        ({"colour": "red"}, TABLE, "there is no such field"),
        ({"title": 5}, TABLE, "it must be a text"),
    ],
)
def test_a_bad_template_or_row_is_named_and_nothing_is_written(here, capsys, change, table, told):
    code, document = run(capsys, *put(TEMPLATE | change, table))
    assert (code, told in document["error"]["message"]) == (2, True), document["error"]["message"]
    assert not (here / "films.jsonl").exists()
