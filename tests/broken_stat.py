"""A disk that does not answer: os.stat fails, and pathlib says "not there" of it on every Python, as it does from 3.14 on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


def break_stat(monkeypatch: pytest.MonkeyPatch, place: Path, number: int) -> None:
    """Let every look at `place`, and at what is in it, fail with an errno."""
    whole = os.stat

    def look(path: Any, **options: Any) -> os.stat_result:
        if not isinstance(path, int) and Path(os.fspath(path)).is_relative_to(place):
            raise OSError(number, os.strerror(number), os.fspath(path))
        return whole(path, **options)

    def says(test: Any) -> Any:
        def answer(path: Path, **_: Any) -> bool:
            return bool(test(os.fspath(path)))

        return answer

    monkeypatch.setattr(os, "stat", look)
    for name, test in (("exists", os.path.exists), ("is_file", os.path.isfile), ("is_dir", os.path.isdir)):
        monkeypatch.setattr(Path, name, says(test))
