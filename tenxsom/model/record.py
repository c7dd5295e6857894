"""Dataclasses that go to JSON and back without losing what they do not know."""

from __future__ import annotations

import json
from dataclasses import fields
from enum import StrEnum
from functools import cached_property
from json.encoder import encode_basestring
from typing import Any, NamedTuple, Self

from tenxsom.model.shape import check_types


class Record:
    """A dataclass that is read from and written to JSON, unknown fields included. It has no `__post_init__`."""

    @cached_property
    def extra(self) -> dict[str, Any]:
        """What this version does not know. Made when somebody asks: a record that was read is its document, and nothing more."""
        return {}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """The record that a document tells of, which becomes a part of it: nobody else may use it any more.

        Raises BrokenState for a value of a wrong type, TypeError where one is missing that has no default.
        """
        names = _names(cls)
        if tuple(document) == names.order:  # written by this version: no need to sort anything out
            check_types(cls, document, in_order=True)
            record = object.__new__(cls)
            record.__dict__ = document  # what the constructor does, in a fraction of its time
            return record
        values = {name: value for name, value in document.items() if name in names.labels}
        check_types(cls, values)
        return cls(**values, extra={name: value for name, value in document.items() if name not in names.labels})  # type: ignore[call-arg]

    def as_dict(self) -> dict[str, Any]:
        own = vars(self)
        return {name: value if type(value := own[name]) in _PLAIN else _plain(value) for name in _names(type(self)).order} | dict(
            own.get("extra", ())
        )

    def as_json(self) -> bytes:
        """The text of a file, one line a field: readable, and written several times as fast as with json's own indentation.
        Most fields are texts, or empty: for these nothing is called that need not be called.

        A service may send half a surrogate pair; it is written as JSON's own escape, and read back as it came.
        """
        own = self.__dict__
        lines = [
            label + (encode_basestring(value) if type(value := own[name]) is str else "null" if value is None else _text(value))
            for name, label in _names(type(self)).labels.items()
        ]
        if extra := own.get("extra"):
            lines += [_label(name) + _text(value) for name, value in extra.items()]
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8", "backslashreplace")


_PLAIN = frozenset({str, int, float, bool, type(None), dict})
"""What JSON takes as it is; looked up first, because most fields are of these types."""

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=lambda record: record.as_dict()).encode


def _text(value: Any) -> str:
    """A value as JSON. The encoder takes longer to get going than most of our fields take to write, so it is asked last."""
    kind = type(value)
    if kind is int:
        return repr(value)
    if not value and kind in (list, dict):
        return "[]" if kind is list else "{}"
    return _encode(value)


def _label(name: str) -> str:
    return f" {_encode(name)}: "


class _Names(NamedTuple):
    """The names of a record's fields."""

    order: tuple[str, ...]
    labels: dict[str, str]
    """How the line of each begins in a file."""


_known: dict[type, _Names] = {}


def _names(cls: type) -> _Names:
    if cls not in _known:
        labels = {item.name: _label(item.name) for item in fields(cls) if item.name != "extra"}
        _known[cls] = _Names(tuple(labels), labels)
    return _known[cls]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [item if type(item) in _PLAIN else _plain(item) for item in value]
    if isinstance(value, Record):
        return value.as_dict()
    return value.value if isinstance(value, StrEnum) else value
