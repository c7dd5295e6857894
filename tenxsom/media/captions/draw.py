"""Draws captions word by word, in any script, as overlays of a film.

All outlines are drawn before all letters, so that no outline covers a neighbour's letter. Each state of a phrase is one small
picture, drawn when the film comes to it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from PIL import Image, ImageDraw

from tenxsom.media.captions.look import Box, CaptionLook, Colour, readable_on
from tenxsom.media.captions.phrases import Limits, Phrase, TimedWord, fitting, line_of, one_phrase, phrases
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.lettering import Direction, Lettering, Run, direction_of
from tenxsom.text import is_blank, one_line, spoken_words

HOLD_SECONDS = 0.9
"""A phrase stays until the next one when that comes within this time."""
_TAIL_SECONDS = 0.35
"""How long a phrase stays after its last word otherwise."""
_SMALLEST_SHARE = 0.6
"""How much smaller than its look type becomes so that a long word fits."""
_RIGHT_TO_LEFT = frozenset("ar he iw fa ur yi ps sd ug dv ckb ku".split())  # noqa: SIM905  (a list of names reads better)
_PANEL_ALPHA = 196
_HOOK_LINES = 6
_HOOK_TOP, _HOOK_HEIGHT = 0.18, 0.42
"""Where the hook begins and how high it may be, as shares of the safe area: below a logo, above the captions."""


class Spot(NamedTuple):
    """A run of letters and where its baseline begins in the caption's picture; `word` counts the words of the phrase."""

    x: float
    baseline: float
    run: Run
    word: int


@dataclass(frozen=True)
class Layout:
    """Where the letters of a phrase are: its rectangle in the film, and within it each run and each word's box."""

    frame: Box
    spots: Sequence[Spot]
    words: Sequence[Box]
    lines: Sequence[Box]
    type_: Lettering
    outline: int


def caption_overlays(words: Sequence[TimedWord], language: str, look: CaptionLook, width: int, height: int) -> Iterator[Overlay]:
    """Yield captions for a film of a size, each state of each phrase from one word to the next, in their order."""
    if look.style == "none":
        return
    words = [word._replace(text=text) for word in words if not is_blank(text := one_line(word.text))]
    type_ = _fitting_type(words, look, width)
    found = phrases(words, language, _limits(type_, look, width))
    for phrase, end in zip(found, shown_until(found), strict=True):
        layout = _layout(phrase, language, look, type_, (width, height))
        if look.style == "line":
            yield _overlay(layout, look, phrase.start, end, None)
            continue
        moments = [*(word.start for word in phrase.words), end]
        for number, (begin, until) in enumerate(pairwise(moments)):
            if until > begin:
                yield _overlay(layout, look, begin, until, number)


def hook_overlay(text: str, language: str, look: CaptionLook, width: int, height: int, *, seconds: float = 1.5) -> Overlay | None:
    """Return the title large in the upper part of the safe area from the first frame on; None if there is none to read."""
    words = [TimedWord(word, 0, seconds) for word in spoken_words(text) if not is_blank(word)]
    room = (look.box.bottom - look.box.top) * _HOOK_HEIGHT
    for share in (1.7, 1.5, 1.3, 1.1, 0.95, 0.8, 0.7, 0.6, 0.5, 0.4):
        type_ = Lettering(round(look.size * share), 850, look.font, colour=True)
        limits = _limits(type_, look._replace(size=type_.size), width, _HOOK_LINES)
        whole = words if share > _SMALLEST_SHARE else list(fitting(words, limits))  # words are divided when nothing else helps
        if (phrase := one_phrase(whole, language, limits)) is None:
            continue
        layout = _layout(phrase, language, look, type_, (width, height), at_top=True)
        if layout.frame.bottom - layout.frame.top <= room:
            plain = look._replace(style="word_colour")
            return _overlay(layout, plain, 0.0, seconds, None)._replace(fade=min(0.25, seconds / 3))
    return None


def shown_until(found: Sequence[Phrase]) -> list[float]:
    """Return when each phrase goes: when the next one comes, or soon after its last word."""
    following = [phrase.start for phrase in found[1:]]
    ends = [
        after if after - phrase.end <= HOLD_SECONDS else phrase.end + _TAIL_SECONDS
        for phrase, after in zip(found, following, strict=False)
    ]
    return [*ends, *(phrase.end + _TAIL_SECONDS for phrase in found[-1:])]


def _fitting_type(words: Iterable[TimedWord], look: CaptionLook, width: int) -> Lettering:
    """Return type of the look's size, or so much smaller that the longest word fits a line."""
    type_ = Lettering(look.size, look.weight, look.font, colour=True)
    room = _limits(type_, look, width).width
    widest = max((type_.width(word.text) for word in words), default=0.0)
    share = max(_SMALLEST_SHARE, min(1.0, room / (widest or 1.0)))
    return type_ if share == 1.0 else Lettering(int(look.size * share), look.weight, look.font, colour=True)


def _limits(type_: Lettering, look: CaptionLook, width: int, lines: int = 2) -> Limits:
    gap = _gap(type_)
    return Limits(look.line_width(width) - 2 * _side(type_), lambda text: gap if text == " " else type_.width(text), lines)


def _gap(type_: Lettering) -> float:
    """Return the blank between two words, wide enough for the box of one of them."""
    return max(type_.width(" "), type_.size * 0.32)


def _side(type_: Lettering) -> int:
    """Return what a box or a panel needs beside its letters."""
    return round(type_.size * 0.16)


def _layout(
    phrase: Phrase, language: str, look: CaptionLook, type_: Lettering, size: tuple[int, int], *, at_top: bool = False
) -> Layout:
    (width, height), base = size, _base(phrase.text, language)
    rows = [type_.runs(tuple(word.text for word in line), base) for line in phrase.lines]
    above, below = _reach(type_, rows)
    side, outline = _side(type_), max(1, round(type_.size * 0.1))
    pitch = round(max((above + below) * 1.06, type_.size * 1.26))
    block = pitch * (len(rows) - 1) + above + below + 2 * outline
    room = look.box.bottom - look.box.top
    top = look.box.top + room * _HOOK_TOP if at_top else look.box.bottom - block
    spots: list[Spot] = []
    first = 0
    for number, (line, runs) in enumerate(zip(phrase.lines, rows, strict=True)):
        baseline = top + outline + above + number * pitch
        placed = list(_placed(line, runs, type_, baseline, first))
        shift = look.middle(width) - (placed[-1].x + type_.length(placed[-1].run)) / 2
        spots += [spot._replace(x=spot.x + shift) for spot in placed]
        first += len(line)
    words = [_word_box(spots, number, type_, (above, below)) for number in range(first)]
    margin = max(side, outline)
    lines = _line_boxes(phrase, words)
    frame = Box(
        _even(max(0, min(box.left for box in words) - margin)),
        _even(max(0, top)),
        min(width, -_even(-(max(box.right for box in words) + margin))),
        min(height, -_even(-(top + block))),
    )
    return _within(Layout(frame, spots, words, lines, type_, outline))


def _base(text: str, language: str) -> Direction:
    """Return the direction of a caption: its language's where it has letters of that direction, else its first letter's."""
    is_mixed = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return "rtl" if is_mixed and language.partition("-")[0].lower() in _RIGHT_TO_LEFT else direction_of(text)


def _reach(type_: Lettering, rows: Sequence[Sequence[Run]]) -> tuple[int, int]:
    """Return how far lines reach above and below their baselines: more for scripts with marks there."""
    extents = [type_.extent(run) for runs in rows for run in runs]
    above = max([type_.size * 0.82, *(extent[0] + type_.size * 0.06 for extent in extents)])
    below = max([type_.size * 0.28, *(extent[1] + type_.size * 0.06 for extent in extents)])
    return round(above), round(below)


def _placed(line: Sequence[TimedWord], runs: Sequence[Run], type_: Lettering, baseline: float, first: int) -> Iterator[Spot]:
    """Yield the runs of a line from left to right, with a gap where words with a blank between them meet."""
    x, before = 0.0, None
    for run in runs:
        if before is not None and run.part != before and _has_blank(line, before, run.part):
            x += _gap(type_)
        yield Spot(x, baseline, run, first + run.part)
        x, before = x + type_.length(run), run.part


def _has_blank(line: Sequence[TimedWord], one: int, other: int) -> bool:
    """Return whether a blank is written between two words of a line that meet on the screen."""
    low, high = sorted((one, other))
    pairs = [line[index : index + 2] for index in range(low, high)]
    return any(line_of(pair) != pair[0].text + pair[1].text for pair in pairs)


def _word_box(spots: Iterable[Spot], word: int, type_: Lettering, reach: tuple[int, int]) -> Box:
    own = [spot for spot in spots if spot.word == word]
    left, right = min(spot.x for spot in own), max(spot.x + type_.length(spot.run) for spot in own)
    baseline = own[0].baseline
    return Box(round(left), round(baseline - reach[0]), round(right), round(baseline + reach[1]))


def _line_boxes(phrase: Phrase, words: Sequence[Box]) -> list[Box]:
    boxes, first = [], 0
    for line in phrase.lines:
        own = words[first : first + len(line)]
        boxes.append(Box(min(box.left for box in own), own[0].top, max(box.right for box in own), own[0].bottom))
        first += len(line)
    return boxes


def _within(layout: Layout) -> Layout:
    """Return the layout with places counted from its own corner."""
    left, top, _, _ = layout.frame

    def moved(box: Box) -> Box:
        return Box(box.left - left, box.top - top, box.right - left, box.bottom - top)

    spots = [spot._replace(x=spot.x - left, baseline=spot.baseline - top) for spot in layout.spots]
    words, lines = [moved(box) for box in layout.words], [moved(box) for box in layout.lines]
    return Layout(layout.frame, spots, words, lines, layout.type_, layout.outline)


def _even(value: float) -> int:
    return int(value // 2) * 2


def _overlay(layout: Layout, look: CaptionLook, start: float, end: float, current: int | None) -> Overlay:
    left, top, _, _ = layout.frame
    return Overlay(start, end, left, top, partial(_draw, layout, look, current))


def _draw(layout: Layout, look: CaptionLook, current: int | None) -> Image.Image:
    """Return the picture of a phrase with its current word marked."""
    left, top, right, bottom = layout.frame
    dark = readable_on(look.ink)
    sheet = Image.new("RGBA", (right - left, bottom - top), (*dark, 0))
    boxed = current if look.style == "word_box" else None
    if look.style == "line":
        for box in layout.lines:
            _fill_box(sheet, _wider(box, layout), (*dark, _PANEL_ALPHA), layout)
    for spot in layout.spots:
        if spot.word != boxed:
            marked = look.style == "word_colour" and spot.word == current
            edge = readable_on(look.accent) if marked else dark
            layout.type_.draw_outline(sheet, (spot.x, spot.baseline), spot.run, (*edge, 255), layout.outline)
    if boxed is not None:
        _fill_box(sheet, _wider(layout.words[boxed], layout), (*look.accent, 255), layout)
    for spot in layout.spots:
        layout.type_.draw_run(sheet, (spot.x, spot.baseline), spot.run, (*_ink(look, spot.word == current), 255))
    return sheet


def _ink(look: CaptionLook, is_current: bool) -> Colour:
    if not is_current:
        return look.ink
    return readable_on(look.accent) if look.style == "word_box" else look.accent


def _wider(box: Box, layout: Layout) -> Box:
    """Return a word's box with room at its sides, less where the next word is near."""
    rest = [other.left - box.right if other.left >= box.right else box.left - other.right for other in layout.words]
    near = min((gap for other, gap in zip(layout.words, rest, strict=True) if other.top == box.top and gap >= 0), default=10_000)
    side = min(_side(layout.type_), max(2, near // 2))
    return Box(box.left - side, box.top, box.right + side, box.bottom)


def _fill_box(sheet: Image.Image, box: Box, colour: tuple[int, int, int, int], layout: Layout) -> None:
    """Draw a rounded box with smooth corners."""
    scale, radius = 4, layout.type_.size * 0.22
    wide, tall = box.right - box.left, box.bottom - box.top
    mask = Image.new("L", (wide * scale, tall * scale))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * scale, fill=255)
    sheet.paste(colour, (box.left, box.top), mask.resize((wide, tall), Image.Resampling.LANCZOS))
