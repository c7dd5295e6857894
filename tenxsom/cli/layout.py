"""Lays text out in columns of a terminal: wrapped lines and bars."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal

from tenxsom.text import columns, units

FILE_COLUMNS = 100_000
"""The width of a file: no line of it is folded."""
_EIGHTHS = " ▏▎▍▌▋▊▉"


def width() -> int:
    """Return the columns of the terminal; in a file each line stays whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else FILE_COLUMNS


def wrapped(text: str, most: int, indent: str = "") -> list[str]:
    """Return the lines of a text in `most` columns, each after `indent`. Words stay whole where they fit."""
    across = max(20, most - columns(indent))
    if columns(text) <= across:
        return [indent + text]
    lines, line = [], ""
    for unit in units(text, across):
        if line and columns(line + unit.text.rstrip()) > across:
            lines.append(line.rstrip())
            line = ""
        line += unit.text
    return [indent + each for each in (*lines, line.rstrip()) if each]


def bar(amount: Decimal, most: Decimal, across: int) -> str:
    """Return a bar of at most `across` columns, in eighths of a column."""
    eighths = int(amount * across * 8 / most) if most > 0 else 0
    eighths = max(eighths, 1 if amount > 0 else 0)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def joined_blocks(blocks: Sequence[str]) -> str:
    """Return the blocks that are not empty, with a blank line between them."""
    return "\n\n".join(block for block in blocks if block)
