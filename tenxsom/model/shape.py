"""Whether what a state file says can be worked with. A file that cannot is set aside at once, with the reason, instead of
stopping every tick at the place where something first stumbles over it."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from tenxsom import clock
from tenxsom.errors import BrokenState


def check_types(kind: type, values: Mapping[str, Any], where: str = "") -> None:
    """Raise BrokenState, naming the first field whose value is not of the type that the dataclass `kind` gives it."""
    hints = _hints(kind)
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise BrokenState(f"its field {where}{name} cannot be {_shown(value)}")


def check_moment(value: Any, where: str) -> None:
    """Raise BrokenState unless `value` is a stamp of our clock."""
    try:
        clock.age_seconds(value)
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


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, arguments[1]) for item in value.values())
    if dataclasses.is_dataclass(hint):
        return isinstance(value, dict)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
