"""Lays text out in columns of a terminal: wrapped lines and bars."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal

from tenxsom.program import typed
from tenxsom.text import columns, units

FILE_COLUMNS = 100_000
"""The width of a file: no line of it is folded."""
_EIGHTHS = " ▏▎▍▌▋▊▉"


def width() -> int:
    """Return the columns of the terminal; in a file each line stays whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else FILE_COLUMNS


def wrapped(text: str, most: int, indent: str = "") -> list[str]:
    """Return the lines of a text in `most` columns, each after `indent`. Words stay whole where they fit."""
    text = typed(text)  # a command is longer as it is typed
    across = max(20, most - columns(indent))
    if columns(text) <= across:
        return [indent + text]
    lines, line = [], ""
    for word in _words(text, across):
        if line and columns(line + word.rstrip()) > across:
            lines.append(line.rstrip())
            line = ""
        line += word
    return [indent + each for each in (*lines, line.rstrip()) if each]


def _words(text: str, across: int) -> list[str]:
    """Return the units of a text; paths and addresses, which may break at a slash, stay whole where a line is long enough."""
    found: list[str] = []
    for unit in units(text, across):
        is_inside = bool(found) and not found[-1][-1:].isspace() and found[-1].isascii() and unit.text.isascii()
        if is_inside and columns(found[-1] + unit.text.rstrip()) <= across:
            found[-1] += unit.text
        else:
            found.append(unit.text)
    return found


def bar(amount: Decimal, most: Decimal, across: int) -> str:
    """Return a bar of at most `across` columns, in eighths of a column."""
    eighths = int(amount * across * 8 / most) if most > 0 else 0
    eighths = max(eighths, 1 if amount > 0 else 0)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def joined_blocks(blocks: Sequence[str]) -> str:
    """Return the blocks that are not empty, with a blank line between them."""
    return "\n\n".join(block for block in blocks if block)
