"""What the tools that write documents from the program share: to write what is out of date, or to say that it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_or_check(documents: Mapping[Path, str], arguments: Sequence[str], remedy: str) -> int:
    """Write every document that is not as it should be; with `--check` only name it and `remedy`. Return the exit code."""
    stale = {path: text for path, text in documents.items() if path.read_text(encoding="utf-8") != text}
    if "--check" in arguments:
        for path in stale:
            print(f"{path.name} is out of date; run: {remedy}", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0
