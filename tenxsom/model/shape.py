"""Whether what a state file says can be worked with. A file that cannot is set aside at once, with the reason, instead of
stopping every tick at the place where something first stumbles over it."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from tenxsom import clock
from tenxsom.errors import BrokenState


def check_types(kind: type, values: Mapping[str, Any], where: str = "") -> None:
    """Raise BrokenState, naming the first field whose value is not of the type that the dataclass `kind` gives it."""
    checks = _checks(kind)
    for name, value in values.items():
        if not checks[name](value):
            raise BrokenState(f"its field {where}{name} cannot be {_shown(value)}")


def check_moment(value: Any, where: str) -> None:
    """Raise BrokenState unless `value` is a stamp of our clock."""
    try:
        clock.parse(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise BrokenState(f"its field {where} is no time: {_shown(value)}") from None


def check_text(value: Any, where: str) -> None:
    """Raise BrokenState unless `value` is a text that says something."""
    if not isinstance(value, str) or not value:
        raise BrokenState(f"its field {where} cannot be {_shown(value)}")


def check_length(value: float, where: str) -> None:
    """Raise BrokenState unless `value` is a length in seconds."""
    if not (math.isfinite(value) and value > 0):
        raise BrokenState(f"its field {where} is no length: {_shown(value)}")


Check = Callable[[Any], bool]


@cache
def _checks(kind: type) -> dict[str, Check]:
    """One check per field, made once: a tick reads a thousand files, and looking at type hints is slow."""
    return {name: _check_of(hint) for name, hint in get_type_hints(kind).items()}


def _check_of(hint: Any) -> Check:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: True  # noqa: ARG005
    if origin is list:
        item = _check_of(arguments[0])
        return lambda value: type(value) is list and all(map(item, value))
    if origin is dict and arguments[1] is not Any:
        item = _check_of(arguments[1])
        return lambda value: type(value) is dict and all(map(item, value.values()))
    if origin in (Union, types.UnionType):
        choices = [_check_of(argument) for argument in arguments]
        return lambda value: any(choice(value) for choice in choices)
    return _is_one_of(_allowed(hint))


def _allowed(hint: Any) -> frozenset[type]:
    """The exact types of JSON values that fit a plain hint. true is no number."""
    if hint is float:
        return frozenset({float, int})
    return frozenset({dict if get_origin(hint) is dict or dataclasses.is_dataclass(hint) else hint})


def _is_one_of(allowed: frozenset[type]) -> Check:
    return lambda value: type(value) in allowed


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
