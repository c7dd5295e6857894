"""Files for tests that are made once in a process: the same arguments write the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

Parameters = ParamSpec("Parameters")


def made_once(make: Callable[Concatenate[Path, Parameters], Path]) -> Callable[Concatenate[Path, Parameters], Path]:
    """Let a function that writes a file keep the bytes for the next call. Its arguments are told apart by their `repr`."""
    made: dict[str, bytes] = {}

    @wraps(make)
    def write(path: Path, /, *arguments: Parameters.args, **named: Parameters.kwargs) -> Path:
        key = repr((path.suffix, arguments, sorted(named.items())))
        if key not in made:
            made[key] = make(path, *arguments, **named).read_bytes()
        else:
            path.write_bytes(made[key])
        return path

    return write
