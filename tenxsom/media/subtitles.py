"""Splits text into cues and lines, and writes SubRip and WebVTT files. Needs none of the media libraries.

SubRip as players understand it: a number, `hours:minutes:seconds,milliseconds --> …`, the lines, an empty line; WebVTT:
https://www.w3.org/TR/webvtt1/. Two lines of at
most 42 columns, each cue at least 5/6 of a second long, are the common reading limits (Netflix, Timed Text Style Guide:
https://partnerhelp.netflixstudios.com/hc/en-us/articles/217350977-English-Timed-Text-Style-Guide, and
https://partnerhelp.netflixstudios.com/hc/en-us/articles/360051554394-Timed-Text-Style-Guide-Subtitle-Timing-Guidelines).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from tenxsom import text as reading
from tenxsom.media.sense import tear_between
from tenxsom.text import Break, Measure, Unit, columns, joined, one_line

LINE_COLUMNS = 42
LINES_PER_CUE = 2
LEAST_MILLISECONDS = 834
"""The shortest readable cue: 5/6 of a second, rounded up."""

_LONGEST = 360_000.0
"""The limit of SubRip's time format: a hundred hours, in seconds."""
_COMFORTABLE_MILLISECONDS = 1300
_BREAK_COST = {Break.SENTENCE: 0.0, Break.CLAUSE: 1.0, Break.WORD: 5.0, Break.ALLOWED: 9.0, Break.INSIDE: 30.0}
_CUE_COST = 1.5
_SENTENCE_INSIDE_COST = 2.0


class Cue(NamedTuple):
    """Words displayed from `start` to `end` (seconds). A line break in the text is a line break on the screen."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Setting:
    """The limits of a cue: the width of a line in units of `measure`, the number of lines, the shortest duration."""

    width: float = LINE_COLUMNS
    lines: int = LINES_PER_CUE
    measure: Measure = columns
    least_milliseconds: int = LEAST_MILLISECONDS
    language: str = ""
    """The tag of the words' language, whose phrases are not torn where `tenxsom.media.sense` knows them."""


SUBTITLES = Setting()


def to_srt(cues: Iterable[Cue]) -> str:
    """Return cues as SubRip text, numbered from one, without cues that have no words or no duration."""
    return "".join(
        f"{number}\n{_time(cue.start)} --> {_time(cue.end)}\n{cue.text}\n\n" for number, cue in enumerate(_shown(cues), 1)
    )


def to_vtt(cues: Iterable[Cue]) -> str:
    """Return cues as WebVTT text, without cues that have no words or no duration."""
    blocks = (f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_escaped(cue.text)}\n" for cue in _shown(cues))
    return "\n".join(["WEBVTT\n", *blocks])


def _shown(cues: Iterable[Cue]) -> Iterable[Cue]:
    return (cue for cue in cues if cue.text.strip() and _milliseconds(cue.end) > _milliseconds(cue.start))


def _escaped(text: str) -> str:
    """Return a text without the signs of WebVTT's tags and times."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def set_cues(script: Iterable[Cue], start: float, end: float, setting: Setting = SUBTITLES) -> list[Cue]:
    """Return the words of a clip as readable cues, within `start` to `end` (seconds), without overlaps, in lines that fit.

    A cue that is too short is extended into free time, or merged with a neighbour. A text that does not fit in one cue is split
    into several, at the ends of sentences and clauses where possible, which share the time by length; a cue gets more lines only
    when the time is too short for more cues. No word is lost, and no text raises an error; only a clip without duration has no
    cues.
    """
    first, last = math.ceil(round(max(0.0, start) * 1000, 3)), math.floor(round(min(end, _LONGEST) * 1000, 3))
    if last <= first:
        return []
    found: list[Cue] = []
    for span in _with_enough_time(_spans(script, first, last), first, last):
        found += _split(span, setting)
    return found


class _Span(NamedTuple):
    """Words and their time, in milliseconds."""

    start: int
    end: int
    text: str

    @property
    def length(self) -> int:
        return self.end - self.start


def _spans(script: Iterable[Cue], first: int, last: int) -> list[_Span]:
    """Return the script's words in order, within the clip and without overlaps; words outside the clip have no duration."""
    spans: list[_Span] = []
    reached = first
    for cue in sorted(script, key=lambda cue: (cue.start, cue.end)):
        words = one_line(cue.text).replace("-->", "→")
        if not reading.is_blank(words):
            begin = min(max(_milliseconds(cue.start), reached), last)
            reached = min(max(_milliseconds(cue.end), begin), last)
            spans.append(_Span(begin, reached, words))
    return spans


def _with_enough_time(spans: Sequence[_Span], first: int, last: int) -> list[_Span]:
    """Make each span long enough to be read: extend it into free time, else merge it with the shorter neighbour."""
    spans = list(spans)
    while spans:
        spans = _extended(spans, first, last)
        short = min(range(len(spans)), key=lambda index: spans[index].length)
        if len(spans) == 1 or spans[short].length >= LEAST_MILLISECONDS:
            return [span for span in spans if span.length > 0]
        neighbours = [index for index in (short - 1, short + 1) if 0 <= index < len(spans)]
        one, other = sorted((short, min(neighbours, key=lambda index: spans[index].length)))
        spans[one : other + 1] = [_Span(spans[one].start, spans[other].end, joined(spans[one].text, spans[other].text))]
    return []


def _extended(spans: Sequence[_Span], first: int, last: int) -> list[_Span]:
    """Extend short spans into the free time after and before them."""
    result: list[_Span] = []
    for index, span in enumerate(spans):
        free_from = result[-1].end if result else first
        free_until = spans[index + 1].start if index + 1 < len(spans) else last
        end = max(span.end, min(span.start + LEAST_MILLISECONDS, free_until))
        start = min(span.start, max(end - LEAST_MILLISECONDS, free_from))
        result.append(_Span(start, end, span.text))
    return result


class _Row(NamedTuple):
    """A sequence of text units: for each its width within a line, its width at the end of one, and the cost of a break after it."""

    units: Sequence[Unit]
    full: Sequence[float]
    bare: Sequence[float]
    tears: Sequence[float]

    def part(self, start: int, end: int) -> _Row:
        return _Row(self.units[start:end], self.full[start:end], self.bare[start:end], self.tears[start:end])


def _tears(units: Sequence[Unit], language: str) -> list[float]:
    """Return the cost of a break after each unit: by its punctuation, and between words by the sense of those around it."""
    costs = [_BREAK_COST[unit.after] for unit in units]
    for index, (one, other) in enumerate(pairwise(units) if language else ()):
        if one.after == Break.WORD:
            costs[index] = float(tear_between(one.text, other.text, language))
    return costs


def _split(span: _Span, setting: Setting) -> list[Cue]:
    """Split a span into cues with their lines."""
    units = reading.units(span.text, setting.width, setting.measure)
    full, bare = [setting.measure(unit.text) for unit in units], [setting.measure(unit.text.rstrip()) for unit in units]
    row = _Row(units, full, bare, _tears(units, setting.language))
    most = max(1, span.length // setting.least_milliseconds)
    line_ends = _line_ends(row, setting.width)
    lines = max(setting.lines, -(-_steps(line_ends) // most))
    while _steps(_reach(line_ends, lines)) > most:
        lines += 1
    groups = _grouped(row, _reach(line_ends, lines), span.length, most)
    shares = _shares([sum(row.full[a:b]) for a, b in groups], span.length, setting.least_milliseconds)
    ends = [span.start + end for end in accumulate(shares)]
    starts = [span.start, *ends[:-1]]
    return [
        Cue(start / 1000, end / 1000, "\n".join(_lines(row.part(a, b), setting.width)))
        for (a, b), start, end in zip(groups, starts, ends, strict=True)
    ]


def _line_ends(row: _Row, most: float) -> list[int]:
    """Return for every unit the end (exclusive) of a line that begins with it; a line has at least one unit."""
    ends, end, width = [], 0, 0.0
    for index in range(len(row.units)):
        if end <= index:
            end, width = index + 1, row.full[index]
        while end < len(row.units) and width + row.bare[end] <= most:
            width += row.full[end]
            end += 1
        ends.append(end)
        width -= row.full[index]
    return ends


def _reach(line_ends: Sequence[int], lines: int) -> list[int]:
    """Return for every unit the end (exclusive) of a cue of `lines` lines that begins with it."""
    reach = []
    for index in range(len(line_ends)):
        end = index
        for _ in range(lines):
            end = line_ends[end] if end < len(line_ends) else end
        reach.append(end)
    return reach


def _steps(reach: Sequence[int]) -> int:
    """Return the least number of lines, or cues, for all units."""
    count = at = 0
    while at < len(reach):
        at, count = reach[at], count + 1
    return count


def _grouped(row: _Row, reach: Sequence[int], milliseconds: int, most: int) -> list[tuple[int, int]]:
    """Group the units into at most `most` cues that end with sentences and clauses where that leaves time to read."""
    cue_cost = _CUE_COST
    while True:
        groups = _cheapest(row, reach, milliseconds, cue_cost)
        if len(groups) <= most:
            return groups
        cue_cost *= 8  # until only the least number of cues remains


def _cheapest(row: _Row, reach: Sequence[int], milliseconds: int, cue_cost: float) -> list[tuple[int, int]]:
    """Return the groups with the least cost, by dynamic programming over the possible ends of cues."""
    count = len(row.units)
    behind = [0.0, *accumulate(row.full)]
    time = milliseconds / (behind[-1] or 1)
    costs, came_from = [0.0, *[math.inf] * count], [0] * (count + 1)
    ending = [cue_cost + tear for tear in row.tears]
    ending[-1] = cue_cost
    sentences = [0, *accumulate(unit.after == Break.SENTENCE for unit in row.units)]
    for start in range(count):
        for end in range(start + 1, reach[start] + 1):
            inside = sentences[end - 1] - sentences[start]
            cost = costs[start] + ending[end - 1] + inside * _SENTENCE_INSIDE_COST + _haste((behind[end] - behind[start]) * time)
            if cost < costs[end]:
                costs[end], came_from[end] = cost, start
    groups, end = [], count
    while end:
        groups.append((came_from[end], end))
        end = came_from[end]
    return groups[::-1]


def _haste(milliseconds: float) -> float:
    """Return the cost of a cue's duration: high when it is too short to be read, low when it is short."""
    if milliseconds < LEAST_MILLISECONDS:
        return 12.0
    return 4.0 if milliseconds < _COMFORTABLE_MILLISECONDS else 0.0


def _shares(weights: Sequence[float], total: int, least: int) -> list[int]:
    """Divide `total` milliseconds in proportion to the weights, with at least `least` for each where there is time."""
    least = min(least, total // len(weights))
    fixed: set[int] = set()
    while True:
        left = total - least * len(fixed)
        weight = sum(weights[index] for index in range(len(weights)) if index not in fixed) or 1
        shares = [least if index in fixed else int(left * weights[index] / weight) for index in range(len(weights))]
        poor = {index for index, share in enumerate(shares) if share < least}
        if not poor or len(fixed | poor) == len(weights):
            break
        fixed |= poor
    shares = [max(least, share) for share in shares]
    shares[max(range(len(shares)), key=shares.__getitem__)] += total - sum(shares)
    return shares


def _lines(row: _Row, most: float) -> list[str]:
    """Divide a cue into the least number of lines; two lines break between clauses and have about the same length."""
    fewest = _steps(_line_ends(row, most))
    groups = _halves(row, most) if fewest == 2 else _even(row, most, fewest)
    lines = ("".join(unit.text for unit in row.units[a:b]).strip() for a, b in groups)
    return [line for line in lines if line]


def _halves(row: _Row, most: float) -> list[tuple[int, int]]:
    """Divide into two lines that both fit, at the end of a clause unless the lines become too uneven."""
    behind, count = [0.0, *accumulate(row.full)], len(row.units)
    most = max(most, *row.bare)  # a letter that is wider than a line gets its own line

    def cost(cut: int) -> float:
        one = behind[cut - 1] + row.bare[cut - 1]
        two = behind[-2] - behind[cut] + row.bare[-1] if cut < count else 0.0
        if max(one, two) > most:
            return math.inf
        return abs(one - two) / most * 20 + row.tears[cut - 1]

    cut = min(range(1, count), key=cost)
    return [(0, cut), (cut, count)]


def _even(row: _Row, most: float, count: int) -> list[tuple[int, int]]:
    """Divide into `count` lines at the narrowest width that allows it, so that the lines are even."""
    low, high = 0.0, float(most)
    for _ in range(8):
        middle = (low + high) / 2
        if _steps(_line_ends(row, middle)) <= count:
            high = middle
        else:
            low = middle
    ends = _line_ends(row, high)
    groups, at = [], 0
    while at < len(ends):
        groups.append((at, ends[at]))
        at = ends[at]
    return groups


def _milliseconds(seconds: float) -> int:
    return round(min(max(0.0, seconds), _LONGEST) * 1000)


def _time(seconds: float, point: str = ",") -> str:
    milliseconds = _milliseconds(seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
