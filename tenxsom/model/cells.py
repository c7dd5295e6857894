"""Turns the cells of a table into the fields of a definition. Columns are named as fields, `metadata.x` for a nested one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from tenxsom.errors import BadDefinition, Problem
from tenxsom.model.definition import JobDefinition
from tenxsom.spelling import did_you_mean

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"-?\d+,(\d|\d\d|\d{4,})")
"""A number with a decimal comma; three digits after a comma may as well be thousands, and stay a text, which is refused."""

OPEN = ("metadata", "pronunciations")
"""The fields whose inner names are free."""


def check_columns(columns: Iterable[str], source: str) -> None:
    """Raise BadDefinition for columns that name no field, for two that exclude each other, and for missing ones."""
    names = list(columns)
    problems = [Problem(name, f"there is no such field.{hint(name)}") for name in names if _kinds(name) is None]
    for name in names:
        inner = next((other for other in names if other.startswith(f"{name}.") and not name.startswith("pronunciations.")), None)
        if inner:
            problems.append(Problem(name, f"it excludes the column {inner}, which is a part of it; keep one"))
    for name, field in JobDefinition.model_fields.items():
        if field.is_required() and name not in names:
            problems.append(Problem(name, "the header has no such column, and every definition needs one"))
    if problems:
        raise BadDefinition(source, problems)


def is_field(name: str) -> bool:
    """Return whether a name is a field's, or a part of one."""
    return _kinds(name) is not None


def is_content_id(text: str) -> bool:
    """Return whether a text can be a part of an id."""
    return re.fullmatch(r"[A-Za-z0-9._-]+", text) is not None


def document_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the definition of a row, not yet checked. An empty cell leaves its field out."""
    document: dict[str, Any] = {}
    for name, text in cells.items():
        if text:
            *path, last = _path(name)
            inside = document
            for part in path:
                inside = inside.setdefault(part, {})
            inside[last] = value_of(name, text)
    return document


def value_of(name: str, text: str) -> Any:
    """Return the value of a field that is written as text; the text itself where it is none of the field's other forms."""
    kinds = _kinds(name) or ()
    if "boolean" in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if {"integer", "number"} & {*kinds} or name == "script[].seconds":
        return _number(text)
    if {"array", "object"} & {*kinds} and text[:1] in ("[", "{"):
        return _json(text)
    if name == "metadata.tags":
        return [tag.strip() for tag in re.split(r"[;,]", text) if tag.strip()]
    return text


def _number(text: str) -> Any:
    plain = text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text
    if not _NUMBER.fullmatch(plain) or len(plain) > 40 or not math.isfinite(value := float(plain)):
        return text
    return int(plain) if plain.lstrip("-").isdecimal() else value


def _json(text: str) -> Any:
    def no_number(name: str) -> Any:
        raise ValueError(name)

    try:
        return json.loads(text, parse_constant=no_number, strict=False)  # a cell may have line breaks
    except (ValueError, RecursionError):
        return text


def _path(name: str) -> list[str]:
    """Return the steps to a field. A pronounced word may have dots: `pronunciations.Node.js`."""
    return name.split(".", 1) if name.startswith("pronunciations.") else name.split(".")


@cache
def _kinds(name: str) -> Collection[str] | None:
    """Return the JSON types that a field may have; None for a name that is no field."""
    schema = _schema()
    first, *inner = _path(name)
    found = schema["properties"].get(first)
    if found is None or (inner and not all(inner)):
        return None
    if inner and first in OPEN:
        return ("string",) if first == "pronunciations" else ("string", "array", "object")
    for part in inner:
        found = next((form["properties"][part] for form in _forms(found) if part in form.get("properties", {})), None)
        if found is None:
            return None
    return tuple(str(form["type"]) for form in _forms(found) if "type" in form)


def _forms(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the forms that a value may have."""
    if "$ref" in schema:
        schema = _schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    inner = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return [each for form in inner for each in _forms(form)] if inner else [schema]


@cache
def _schema() -> Mapping[str, Any]:
    return JobDefinition.model_json_schema()


def hint(name: str) -> str:
    """Return what a name that is no field may mean."""
    return did_you_mean(name, list(JobDefinition.model_fields)) or " Facts of your own are named metadata.x."
