"""Finds the definitions that a command's arguments name: files, folders, standard input, and batches of many in one file.

A batch is a JSONL file with one definition a line, or a table (CSV) with one definition a row.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

from tenxsom.errors import BadDefinition, BadInput, Problem
from tenxsom.model import cells
from tenxsom.model.strict_json import pretty
from tenxsom.pipeline import tables
from tenxsom.pipeline.inputs import read_file_of_folder, read_input

LINES_SUFFIXES = (".jsonl", ".ndjson")

CONFLICT_COPY = re.compile(r"\.sync-conflict-\d{8}-\d{6}|conflicted copy|Konfliktkopie|copie en conflit|copia en conflicto")
"""The names of conflict copies of Syncthing, Dropbox, Nextcloud and ownCloud."""


class Source(NamedTuple):
    """Where a definition comes from."""

    name: str
    """Its file, for messages, with the line or the row of a batch."""
    read: Callable[[], bytes]
    """Returns its JSON, or raises BadInput."""


def sources(names: Sequence[str]) -> Iterator[Source]:
    """Yield every definition of the arguments. A folder stands for its *.json files, in any case."""
    for name in names:
        if not name:
            yield Source(
                name, partial(_refuse, "An argument is empty (an unset variable in the command?); name a file, a folder or -.")
            )
        elif name == "-":
            yield from _standard_input()
        elif os.path.isdir(name):  # unlike pathlib, False for a name that is too long, such as a definition itself
            yield from _folder(name)
        elif Path(name).suffix.lower() in LINES_SUFFIXES:
            yield from _batch(name, _lines)
        elif Path(name).suffix.lower() in tables.SUFFIXES:
            yield from _batch(name, _rows)
        else:
            yield Source(name, partial(read_input, name))


def folder_of(source: str) -> Path:
    """Return the folder of a source, which relative paths in its definition begin at: the current one for standard input."""
    for name in (source, source.rpartition(", ")[0]):
        if os.path.isfile(name):
            return Path(name).parent.absolute()
    return Path.cwd()


def conflict_copies(names: Sequence[str]) -> list[str]:
    """Return a sentence for each conflict copy of a sync tool in the folders, which `sources` skips."""
    files = [file for name in names if os.path.isdir(name) for file in _files_in(name)]
    return [
        f"{file}: a copy that a sync tool could not merge; it is left out. Merge it with the file it belongs to, and delete it."
        for file in files
        if CONFLICT_COPY.search(Path(file).name)
    ]


def _folder(name: str) -> Iterator[Source]:
    try:
        files = [file for file in _files_in(name) if not CONFLICT_COPY.search(Path(file).name)]
    except BadInput as error:
        yield Source(name, partial(_raise, error))
        return
    yield from (Source(file, partial(read_file_of_folder, file)) for file in files)
    if not files:
        sentence = f"{name}: this folder holds no definitions (*.json). A table or a JSONL file is named by itself."
        yield Source(name, partial(_refuse, sentence))


def _files_in(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise BadInput(f"{folder}: this folder cannot be read ({error.strerror}).") from None
    named = (str(Path(folder) / name) for name in names if Path(name).suffix.lower() == ".json" and name[0] != ".")
    return sorted(file for file in named if not os.path.isdir(file))


def _standard_input() -> Iterator[Source]:
    """Yield the definition on standard input, or several with one a line."""
    name = "standard input"
    try:
        data = read_input("-", tables.MAX_TABLE_BYTES)
    except BadInput as error:
        yield Source(name, partial(_raise, error))
        return
    yield from _lines(data, name) if _is_one_a_line(data) else [Source(name, lambda: data)]


def _is_one_a_line(data: bytes) -> bool:
    """Return whether a text is several JSON objects, each on its own line."""
    first, _, rest = data.strip().partition(b"\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _batch(name: str, parse: Callable[[bytes, str], Iterator[Source]]) -> Iterator[Source]:
    try:
        yield from parse(read_input(name, tables.MAX_TABLE_BYTES), name)
    except BadInput as error:
        yield Source(name, partial(_raise, error))


def _lines(data: bytes, name: str) -> Iterator[Source]:
    """Yield the definition of every line that is not empty. Raises BadDefinition for a file that is no text."""
    text = tables.decode(data, name)
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not numbered:
        raise _empty(name, "write one definition a line")
    _refuse_one_document(text, numbered[0][1].strip(), name)
    for number, line in numbered:
        data_of_line = line.strip().encode()
        yield Source(f"{name}, line {number}", partial(bytes, data_of_line))


def _refuse_one_document(text: str, first: str, name: str) -> None:
    """Raise BadDefinition for a list, or one definition over several lines: it would be refused line by line."""
    if first[:1] != "[" and first != "{":
        return
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(found, list):
        raise BadDefinition(name, [Problem("/", "this is one list; write its definitions one a line (jq -c '.[]' does so)")])
    remedy = "name the file .json, or write it on one line (jq -c . does so)"
    raise BadDefinition(name, [Problem("/", f"this is one definition over several lines; {remedy}")])


def _rows(data: bytes, name: str) -> Iterator[Source]:
    """Yield the definition of every row. Raises BadDefinition for a table whose header or form is wrong."""
    table = tables.read_table(data, name)
    cells.check_columns(table.columns, f"{name}, row 1")
    if not table.rows:
        raise _empty(name, "write one definition a row below the header")
    for row in table.rows:
        yield Source(f"{name}, row {row.number}", partial(_json_of, row.cells))


def _json_of(row: dict[str, str]) -> bytes:
    return pretty(cells.document_of(row))


def _empty(name: str, what_to_do: str) -> BadDefinition:
    return BadDefinition(name, [Problem("/", f"there is no definition in it; {what_to_do}")])


def _refuse(sentence: str) -> NoReturn:
    raise BadInput(sentence)


def _raise(error: BadInput) -> NoReturn:
    raise error
