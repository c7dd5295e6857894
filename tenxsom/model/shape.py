"""Whether what a state file says can be worked with. A file that cannot is set aside at once, with the reason, instead of
stopping every tick at the place where something first stumbles over it."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from tenxsom.errors import BrokenState

if TYPE_CHECKING:
    from tenxsom.model.record import Record


class Shape:
    """The types of a record's fields (`shape_of`), and whether a document has them."""

    def __init__(self, kind: type[Record]) -> None:
        hints = {name: hint for name, hint in get_type_hints(kind).items() if name in kind.field_names}
        self.order = kind.field_names
        self._fit = {name: _types_of(hint) for name, hint in hints.items()}
        self._inside = [(name, check) for name, hint in hints.items() if (check := _check_inside(hint))]
        self._fitted: set[tuple[type, ...]] = set()

    def check(self, values: Mapping[str, Any]) -> None:
        """Raise BrokenState, naming the first field whose value is not of the type that the record gives it."""
        _complain(values, [name for name, value in values.items() if type(value) not in self._fit[name]])
        self._check_inside(values)

    def check_in_order(self, values: Mapping[str, Any]) -> None:
        """The same for values of all fields in their `order`: types that have fitted once are recognized at a glance."""
        types_here = tuple(map(type, values.values()))
        if types_here in self._fitted:
            self._check_inside(values)
        else:
            self.check(values)
            if len(self._fitted) < MOST_KNOWN:
                self._fitted.add(types_here)

    def _check_inside(self, values: Mapping[str, Any]) -> None:
        for name, fits in self._inside:
            if name in values and values[name] and not fits(values[name]):
                _complain(values, [name])


shape_of: Callable[[Any], Shape] = cache(Shape)
"""Made once for each kind of record: a tick reads a thousand files, and looking at type hints is slow."""

MOST_KNOWN = 1000
"""Combinations of types that are remembered: enough for any queue, and no room for whoever would fill the memory."""


def _complain(values: Mapping[str, Any], wrong: list[str]) -> None:
    if wrong:
        raise BrokenState(f"its field {wrong[0]} cannot be {_shown(values[wrong[0]])}")


def check_moment(value: Any, where: str) -> None:
    """Raise BrokenState unless `value` is a stamp of our clock."""
    try:
        _moment(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise BrokenState(f"its field {where} is no time: {_shown(value)}") from None


def check_trail(entries: list[dict[str, Any]], where: str) -> None:
    """Raise BrokenState unless each entry of an audit trail names its event and its time."""
    try:
        for entry in entries:  # a tick reads ten thousand of them: nothing is called here that need not be
            _moment(entry["time"])
            if type(entry["event"]) is not str or not entry["event"]:
                break
        else:
            return
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        pass
    for entry in entries:
        check_text(entry.get("event"), f"{where}.event")
        check_moment(entry.get("time"), f"{where}.time")


def check_text(value: Any, where: str) -> None:
    """Raise BrokenState unless `value` is a text that says something."""
    if not isinstance(value, str) or not value:
        raise BrokenState(f"its field {where} cannot be {_shown(value)}")


def check_length(value: float, where: str) -> None:
    """Raise BrokenState unless `value` is a length in seconds."""
    if not (math.isfinite(value) and value > 0):
        raise BrokenState(f"its field {where} is no length: {_shown(value)}")


_KINDS = frozenset({str, int, float, bool, types.NoneType, list, dict})
"""The types of JSON; whatever else a field may hold (a record within a record) is an object there."""

_moment = datetime.fromisoformat
"""What our clock reads."""

Check = Callable[[Any], bool]


class _Everything(frozenset[type]):
    """The types that fit `Any`."""

    def __contains__(self, _: object) -> bool:
        return True


def _types_of(hint: Any) -> frozenset[type]:
    """The exact types of JSON values that fit a hint. true is no number."""
    origin = get_origin(hint)
    if hint is Any:
        return _Everything()
    if origin in (Union, types.UnionType):
        return frozenset().union(*map(_types_of, get_args(hint)))
    if hint is float:
        return frozenset({float, int})
    return frozenset({origin or hint} & _KINDS or {dict})


def _check_inside(hint: Any) -> Check | None:
    """Whether the items of a list or an object fit; None for hints that say nothing about items."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        found = [inside for argument in arguments if (inside := _check_inside(argument))]
        return found[0] if found else None  # no field of ours has two kinds of lists
    if origin not in (list, dict) or arguments[-1] is Any:
        return None
    fit, inside_items = _types_of(arguments[-1]), _check_inside(arguments[-1])

    def check(value: Any) -> bool:
        items = value.values() if type(value) is dict else value
        return fit.issuperset(map(type, items)) and (inside_items is None or all(map(inside_items, items)))

    return check


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
