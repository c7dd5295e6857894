"""Objects that go to JSON and back without losing what they do not know.

They are dataclasses as far as states need them. The standard library's own take as long to be imported and made as a hundred
questions take to be sent, and a tick reads its jobs before it asks the first one.
"""

import functools
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from tenxsom.model import json_bytes
from tenxsom.model.shape import shape_of

Value = TypeVar("Value")


def field(*, default_factory: Callable[[], Value]) -> Value:
    """The default of a field of which each record gets one of its own."""
    return _Own(default_factory)  # type: ignore[return-value]  # a record's field holds what it makes


class _Own:
    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class Record:
    """Something that is read from and written to JSON, unknown fields included. Its fields are listed as those of a dataclass."""

    field_names: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        own = cls.__annotations__
        cls.field_names = tuple(dict.fromkeys((*getattr(cls, "field_names", ()), *own)))
        cls._defaults = {**getattr(cls, "_defaults", {}), **{name: value for name, value in vars(cls).items() if name in own}}

    def __init__(self, *values: Any, **named: Any) -> None:
        """The fields in their order, or by name. Raises TypeError for one that is missing, unknown, or given twice."""
        kind, names = type(self).__name__, self.field_names
        given = {**dict(zip(names, values, strict=False)), **named}
        if len(given) < len(values) + len(named) or not given.keys() <= {*names}:
            raise TypeError(f"{kind} was given a field that it does not have, or one twice")
        if missing := [name for name in names if name not in given and name not in self._defaults]:
            raise TypeError(f"{kind} needs {', '.join(missing)}")
        for name in names:
            value = given[name] if name in given else self._defaults[name]
            self.__dict__[name] = value.make() if isinstance(value, _Own) else value

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in (*self.field_names, "extra"))

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    @functools.cached_property
    def extra(self) -> dict[str, Any]:
        """What this version does not know. Made when somebody asks: a record that was read is its document, and nothing more."""
        return {}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """The record that a document tells of, which becomes a part of it: nobody else may use it any more.

        Raises BrokenState for a value of a wrong type, TypeError where one is missing that has no default.
        """
        shape, names = shape_of(cls), tuple(document)
        if names == shape.order:  # written by this version: no need to sort anything out
            shape.order = names  # orjson's own texts: in the next document they are the same objects, which compare at once
            shape.check_in_order(document)
            record = object.__new__(cls)
            record.__dict__ = document  # what the constructor does, in a fraction of its time
            return record
        values = {name: value for name, value in document.items() if name in shape.order}
        shape.check(values)
        record = cls(**values)
        record.extra = {name: value for name, value in document.items() if name not in values}
        return record

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
