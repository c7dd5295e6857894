"""Reads the SQL of this package from its .sql files: statements by name, and the migrations by number."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(subject: str) -> dict[str, LiteralString]:
    """Return the statements of `sql/<subject>.sql` by the name in the comment before each."""
    text = files(__package__).joinpath("sql", f"{subject}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return {name: _program_text(sql.strip()) for name, sql in zip(parts[::2], parts[1::2], strict=True)}


@cache
def migrations() -> dict[int, LiteralString]:
    """Return the migrations by the version that each leads to, in their order."""
    found = sorted(files(__package__).joinpath("sql", "migrations").iterdir(), key=lambda file: file.name)
    texts = {int(file.name.partition("_")[0]): file.read_text(encoding="utf-8") for file in found if file.name.endswith(".sql")}
    return {number: _program_text(text) for number, text in texts.items()}


def schema_version() -> int:
    """Return the version of the tables that this program works with."""
    return max(migrations())


def _program_text(text: Any) -> LiteralString:
    """Return the text of one of the program's own files as what it is: part of the program, without values."""
    found: LiteralString = text
    return found
