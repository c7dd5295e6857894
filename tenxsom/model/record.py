"""Dataclasses that go to JSON and back without losing what they do not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, Self

from tenxsom.model.shape import check_types


class Record:
    """A dataclass that is read from and written to JSON, unknown fields included."""

    extra: dict[str, Any]

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        known = _names(cls)
        extra = {} if document.keys() <= known.keys() else {name: document[name] for name in document if name not in known}
        values = {name: document[name] for name in document if name in known} if extra else document
        check_types(cls, values)
        return cls(**values, extra=extra)  # type: ignore[call-arg]

    def as_dict(self) -> dict[str, Any]:
        own = vars(self)
        return {name: value if type(value := own[name]) in _PLAIN else _plain(value) for name in _names(type(self))} | self.extra


_PLAIN = frozenset({str, int, float, bool, type(None), dict})
"""What JSON takes as it is; looked up first, because most fields are of these types."""

_name_cache: dict[type, dict[str, None]] = {}


def _names(cls: type) -> dict[str, None]:
    """The names of a record's fields, in their order."""
    if cls not in _name_cache:
        _name_cache[cls] = {item.name: None for item in fields(cls) if item.name != "extra"}
    return _name_cache[cls]


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.as_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value
