"""Dataclasses that go to JSON and back without losing what they do not know."""

from __future__ import annotations

import functools
from enum import StrEnum
from typing import Any, Self

from tenxsom.model import json_bytes
from tenxsom.model.shape import shape_of


class Record:
    """A dataclass that is read from and written to JSON, unknown fields included. It has no `__post_init__`."""

    @functools.cached_property
    def extra(self) -> dict[str, Any]:
        """What this version does not know. Made when somebody asks: a record that was read is its document, and nothing more."""
        return {}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """The record that a document tells of, which becomes a part of it: nobody else may use it any more.

        Raises BrokenState for a value of a wrong type, TypeError where one is missing that has no default.
        """
        shape = shape_of(cls)
        if tuple(document) == shape.order:  # written by this version: no need to sort anything out
            shape.check_in_order(document)
            record = object.__new__(cls)
            record.__dict__ = document  # what the constructor does, in a fraction of its time
            return record
        values = {name: value for name, value in document.items() if name in shape.order}
        shape.check(values)
        return cls(**values, extra={name: value for name, value in document.items() if name not in values})  # type: ignore[call-arg]

    def as_dict(self) -> dict[str, Any]:
        own = vars(self)
        order = shape_of(type(self)).order
        return {name: value if type(value := own[name]) in _PLAIN else _plain(value) for name in order} | dict(own.get("extra", ()))

    def as_json(self) -> bytes:
        """The text of a file."""
        return json_bytes.encode(_document(self), _document)


def _document(record: Record) -> dict[str, Any]:
    """The record's own fields, and what this version does not know after them."""
    if not isinstance(record, Record):
        raise TypeError(f"{type(record).__name__} is no JSON")
    own = record.__dict__
    if "extra" in own:
        own = own.copy()
        own.update(own.pop("extra"))
    return own


_PLAIN = frozenset({str, int, float, bool, type(None), dict})
"""What JSON takes as it is; looked up first, because most fields are of these types."""


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [item if type(item) in _PLAIN else _plain(item) for item in value]
    if isinstance(value, Record):
        return value.as_dict()
    return value.value if isinstance(value, StrEnum) else value
