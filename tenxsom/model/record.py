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
        values = {name: value for name, value in document.items() if name in known}
        check_types(cls, values)
        extra = {name: value for name, value in document.items() if name not in known}
        return cls(**values, extra=extra)  # type: ignore[call-arg]

    def as_dict(self) -> dict[str, Any]:
        return {name: _plain(getattr(self, name)) for name in _names(type(self))} | self.extra


_name_cache: dict[type, tuple[str, ...]] = {}


def _names(cls: type) -> tuple[str, ...]:
    if cls not in _name_cache:
        _name_cache[cls] = tuple(item.name for item in fields(cls) if item.name != "extra")
    return _name_cache[cls]


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.as_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value
