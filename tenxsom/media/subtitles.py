"""Cues, and SubRip files made of them. Needs nothing but the standard library.

SubRip as players understand it: a number, `hours:minutes:seconds,milliseconds --> …`, the lines, an empty line. Two lines of at
most 42 characters are the common reading limit (Netflix, Timed Text Style Guide:
https://partnerhelp.netflixstudios.com/hc/en-us/articles/217350977-English-Timed-Text-Style-Guide).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LINE_CHARACTERS = 42
LINES_PER_CUE = 2


class Cue(NamedTuple):
    """Words that are shown from `start` to `end` (seconds)."""

    start: float
    end: float
    text: str


def to_srt(cues: Iterable[Cue]) -> str:
    """Cues as SubRip text. What does not fit on two lines becomes several cues that share the time by their length.

    Cues without words, or without time to show them, are left out.
    """
    parts = (part for cue in cues for part in _split(cue))
    return "".join(f"{number}\n{_time(cue.start)} --> {_time(cue.end)}\n{cue.text}\n\n" for number, cue in enumerate(parts, 1))


def wrap(text: str, width: int = LINE_CHARACTERS) -> list[str]:
    """The lines of a text; a word longer than a line is broken. An arrow is not left as SubRip's own sign."""
    return textwrap.wrap(" ".join(text.split()).replace("-->", "→"), width, break_on_hyphens=False)


def _split(cue: Cue) -> Iterator[Cue]:
    lines = wrap(cue.text)
    if not lines or round(cue.end * 1000) <= round(cue.start * 1000):
        return
    groups = [" ".join(lines[at : at + LINES_PER_CUE]) for at in range(0, len(lines), LINES_PER_CUE)]
    total, shown = sum(len(group) for group in groups), 0
    for group in groups:
        start = cue.start + (cue.end - cue.start) * shown / total
        shown += len(group)
        yield Cue(start, cue.start + (cue.end - cue.start) * shown / total, "\n".join(_balanced(group)))


def _balanced(text: str) -> list[str]:
    """The same number of lines, as even as they come: a single word on the second line reads badly."""
    fewest = len(wrap(text))
    width = next(width for width in range(-(-len(text) // fewest), LINE_CHARACTERS + 1) if len(wrap(text, width)) <= fewest)
    return wrap(text, width)


def _time(seconds: float) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
