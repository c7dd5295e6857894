"""The command `new`: asks, or takes options, and writes a valid definition; or a batch from a table and a template."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.app import App
from tenxsom.cli import run
from tenxsom.errors import BadDefinition, BadInput, Interrupted
from tenxsom.model.strict_json import canonical, pretty
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline import drafts
from tenxsom.pipeline.inputs import read_input, read_line
from tenxsom.pipeline.tables import MAX_TABLE_BYTES, Table, read_table
from tenxsom.safe_files import is_no_file

BASICS = {
    "title": "the title of the film",
    "archetype": "the kind of film",
    "platform": "where it is published",
    "target_duration": "how long it is, in seconds",
    "tier": "premium, standard or volume",
    "content_id": "what its files are called",
}
"""The fields that every definition needs, in the order in which they are asked for."""

DEFAULTS = {"target_duration": "30", "tier": "volume"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    for name, meaning in BASICS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=meaning)
    parser.add_argument(
        "--set",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help="another field, such as voice.speed=1.1; may be repeated",
    )
    parser.add_argument("--from-csv", metavar="FILE", help="make a batch: a definition for every row of this table")
    parser.add_argument("--template", metavar="DEF", help="the definition of every row, in which {column} stands for a cell")
    parser.add_argument(
        "--output", metavar="FILE", help="where to (default: CONTENT_ID.json, or the table's name and .jsonl); - prints it"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def new(app: App, arguments: argparse.Namespace) -> run.Result:
    """Write a definition, or a batch."""
    given = {name: value for name in BASICS if (value := getattr(arguments, name)) is not None}
    if arguments.from_csv is None:
        if arguments.template is not None:
            raise BadInput("--template needs --from-csv, the table whose rows it is filled with.")
        return one(given | drafts.lines_of(arguments.set), arguments, app.vocabulary)
    if given or arguments.set:
        raise BadInput("With --from-csv the template says everything; leave the other fields out.")
    if arguments.template is None:
        raise BadInput("--from-csv needs --template, a definition in which {column} stands for a cell of the table.")
    return batch(arguments, app.vocabulary)


def one(given: Mapping[str, str], arguments: argparse.Namespace, vocabulary: Vocabulary) -> run.Result:
    """Write one definition; on a terminal what is missing is asked for."""
    fields = {name: text.strip() for name, text in given.items()}
    drafts.document_of(fields)  # an unknown field is told before anything is asked
    if _is_asked(arguments):
        fields |= ask(fields, vocabulary)
    else:
        fields = DEFAULTS | fields
        fields |= {} if fields.get("content_id") else {"content_id": drafts.content_id_of(fields.get("title", ""))}
    missing = [name for name in BASICS if not fields.get(name)]
    if missing:
        options = ", ".join(f"--{name.replace('_', '-')} ({BASICS[name]})" for name in missing)
        raise BadInput(f"A definition also needs {options}; on a terminal they are asked for.")
    document = drafts.checked(drafts.document_of(fields), "the new definition", vocabulary)
    target = arguments.output or f"{document['content_id']}.json"
    return _written({target: pretty(document)}, [document], arguments)


def batch(arguments: argparse.Namespace, vocabulary: Vocabulary) -> run.Result:
    """Write a batch: a JSONL file, or into a folder one file for each definition."""
    table: Table = read_table(read_input(arguments.from_csv, MAX_TABLE_BYTES), arguments.from_csv)
    template = read_input(arguments.template)
    made = drafts.from_table(table, arguments.from_csv, template, arguments.template, vocabulary)
    target = arguments.output or str(Path(arguments.from_csv).with_suffix(".jsonl"))
    if target != "-" and (target.endswith("/") or os.path.isdir(target)):
        return _written({str(Path(target) / f"{each['content_id']}.json"): pretty(each) for each in made}, made, arguments)
    return _written({target: b"".join(canonical(each) + b"\n" for each in made)}, made, arguments)


def _written(files: Mapping[str, bytes], made: Sequence[dict[str, Any]], arguments: argparse.Namespace) -> run.Result:
    """Write the files, and say what to type next; for `-` the definitions are the result."""
    if list(files) == ["-"]:
        text = files["-"].decode().rstrip("\n")
        return run.Result(0, lambda: {"files": [], "definitions": list(made)}, text, is_json=True)
    there = [name for name in files if os.path.exists(name)]
    if there and not arguments.force:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise BadInput(f"{there[0]}{more} is there already; nothing is written. Name another with --output, or say --force.")
    for name, data in files.items():
        folder = Path(name).parent
        if not os.path.isdir(folder):
            raise BadInput(f"There is no folder {folder}; make it first.")
        if is_no_file(name):
            raise BadInput(f"{name} is a folder or a device; name a file, or - to print the definition.")
        atomic.write(Path(name), data)
    folders = {str(Path(name).parent) for name in files}
    where = next(iter(files)) if len(files) == 1 else next(iter(folders))
    many = f"{len(made)} definitions are" if len(made) != 1 else "The definition is"
    words = f"{many} in {where}. What it costs: master_orchestrator_v3.py --dry-run {where}"
    if not any(document.get("prompt") or document.get("script") for document in made):
        words += "\nIt has no words of its own yet: `prompt` (sentences that are spoken) or `script` says what the film says."
    return run.Result(0, lambda: {"files": list(files), "definitions": list(made)}, words)


# questions


def _is_asked(arguments: argparse.Namespace) -> bool:
    """Return whether there is somebody who can answer."""
    return not arguments.json and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(given: Mapping[str, str], vocabulary: Vocabulary) -> dict[str, str]:
    """Ask for every basic field that is missing, each until its answer is valid. Raises Interrupted at the end of the input."""
    answers: dict[str, str] = {}
    known = {"archetype": sorted(vocabulary.archetypes), "platform": sorted(vocabulary.platforms)}
    for name, meaning in BASICS.items():
        if given.get(name):
            continue
        suggested = DEFAULTS.get(name, "")
        if name == "content_id":
            suggested = drafts.content_id_of(answers.get("title") or given.get("title", ""))
        choices = f" ({', '.join(known[name])})" if name in known else ""
        question = f"{meaning[0].upper()}{meaning[1:]}{choices}"
        answers[name] = _answer(question, suggested, partial(_problem_with, name, vocabulary=vocabulary))
    return answers


def _answer(question: str, suggested: str, problem_with: Callable[[str], str]) -> str:
    while True:
        print(f"{question}{f' [{suggested}]' if suggested else ''}: ", end="", file=sys.stderr, flush=True)
        text = _typed_line().strip() or suggested
        if not (problem := problem_with(text)):
            return text
        run.notice(f"  {problem}.")


def _typed_line() -> str:
    """Return the line that a user types. Raises Interrupted at the end of the input, and after Ctrl-C."""
    line = ""
    with contextlib.suppress(Interrupted):
        line = read_line()
    if not line:
        raise Interrupted("The questions were not answered; nothing is written.")
    return line


def _problem_with(name: str, text: str, vocabulary: Vocabulary) -> str:
    """Return what is wrong with the answer to one question."""
    if not text:
        return "it is needed"
    valid = {
        "content_id": "x", "title": "x", "archetype": next(iter(vocabulary.archetypes)), "tier": "volume",
        "target_duration": "5", "platform": next(iter(vocabulary.platforms)),
    }  # fmt: skip
    try:
        drafts.checked(drafts.document_of(valid | {name: text}), "it", vocabulary)
    except BadDefinition as error:
        return "; ".join(problem.message for problem in error.problems if problem.path == name)
    return ""
