"""Writes definitions: one from answers, or many from a table and a template in which `{column}` stands for a cell.

What is written is valid: it is checked as the orchestrator checks it, and all problems are told before anything is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tenxsom.errors import BadDefinition, BadInput, BadInputs, Problem
from tenxsom.model import cells
from tenxsom.model.definition import check_definition
from tenxsom.model.strict_json import parse_object
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline.tables import Row, Table
from tenxsom.spelling import did_you_mean

ROW = "row"
"""A variable that every table has, unless a column is called so: the number of the definition, from 1."""

MOST_PROBLEMS = 50
_VARIABLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def content_id_of(title: str) -> str:
    """Return an id that a title suggests, such as `5-ways-to-a-sharp-knife`; empty where the title has no Latin letter or digit."""
    plain = unicodedata.normalize("NFKD", title.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:60].rstrip("-._")


def document_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the definition of fields that are written as texts and named as columns. Raises BadInput for an unknown one."""
    for name in fields:
        if not cells.is_field(name):
            raise BadInput(f"A definition has no field {name[:60]!r}.{cells.hint(name)}")
    return cells.document_of(fields)


def checked(document: dict[str, Any], source: str, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return a definition that is valid. Raises BadDefinition with all its problems."""
    return check_definition(document, source, vocabulary).as_dict()


def from_table(table: Table, table_name: str, template: bytes, template_name: str, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Return a definition for every row. Raises BadInput with the problems of all rows, or of the template."""
    pattern = parse_object(template, template_name)
    _check_variables(pattern, template_name, table)
    if not table.rows:
        raise BadDefinition(table_name, [Problem("/", "there is no row below the header")])
    made: list[dict[str, Any]] = []
    problems: list[BadInput] = []
    first: dict[str, int] = {}
    for number, row in enumerate(table.rows, 1):
        source = f"{table_name}, row {row.number}"
        try:
            document = checked(_filled(pattern, row, number), source, vocabulary)
            _check_id(document["content_id"], row.number, first, source)
        except BadInput as error:
            problems.append(error)
            if len(problems) == MOST_PROBLEMS:
                break
        else:
            made.append(document)
    if problems:
        raise problems[0] if len(problems) == 1 else BadInputs(problems)
    return made


def _check_id(content_id: str, row: int, first: dict[str, int], source: str) -> None:
    """Raise BadDefinition for an id that another row has."""
    other = first.setdefault(content_id, row)
    if other != row:
        wrong = f"{content_id!r} is used by row {other} too; put a variable into the template's content_id, such as {{{ROW}}}"
        raise BadDefinition(source, [Problem("content_id", wrong)])


def _check_variables(pattern: dict[str, Any], source: str, table: Table) -> None:
    """Raise BadDefinition for variables that are no columns of the table."""
    known = [*table.columns, ROW]
    problems = [
        Problem(path, f"there is no column {name!r} in the table.{did_you_mean(name, known)} Known: {', '.join(known)}")
        for path, text in _texts(pattern)
        for name in dict.fromkeys(match[1].strip() for match in _VARIABLE.finditer(text) if match[1] is not None)
        if name not in known
    ]
    if problems:
        raise BadDefinition(source, problems)


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a template with its path."""
    if isinstance(value, str):
        yield path or "/", value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from _texts(inner, f"{path}.{name}".lstrip("."))


def _filled(pattern: dict[str, Any], row: Row, number: int) -> dict[str, Any]:
    values = {ROW: str(number)} | row.cells
    filled = _fill(pattern, "", values)
    return dict(filled)


def _fill(value: Any, path: str, values: Mapping[str, str]) -> Any:
    """Return a template's value with the cells of a row. A field, or a part of a list, of nothing but empty cells is left out."""
    if isinstance(value, dict):
        inner = {name: _fill(each, f"{path}.{name}".lstrip("."), values) for name, each in value.items()}
        return {name: each for name, each in inner.items() if each is not None or value[name] is None}
    if isinstance(value, list):
        filled = [_fill(each, f"{path}[]", values) for each in value]
        return [each for each, written in zip(filled, value, strict=True) if each is not None and (each or each == written)]
    return _fill_text(value, path, values) if isinstance(value, str) else value


def _fill_text(text: str, path: str, values: Mapping[str, str]) -> Any:
    """Return a text with the values of its variables; for one that is nothing but a variable what its field makes of the cell."""
    whole = _VARIABLE.fullmatch(text)
    if whole and whole[1] is not None and path != "content_id":
        cell = values[whole[1].strip()]
        return cells.value_of(path, cell) if cell else None

    def value_of(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        cell = values[match[1].strip()]
        return (content_id_of(cell) if not cells.is_content_id(cell) else cell) if path == "content_id" else cell

    return _VARIABLE.sub(value_of, text)


def lines_of(fields: Sequence[str]) -> dict[str, str]:
    """Return fields that are given as FIELD=VALUE. Raises BadInput for anything else."""
    found: dict[str, str] = {}
    for each in fields:
        name, separator, text = each.partition("=")
        if not separator or not name.strip():
            raise BadInput(f"{each[:60]!r} sets no field; write FIELD=VALUE, such as style=cinematic or voice.speed=1.1.")
        if name.strip() in found:
            raise BadInput(f"{name.strip()} is set twice; keep one.")
        found[name.strip()] = text.strip()
    return found
