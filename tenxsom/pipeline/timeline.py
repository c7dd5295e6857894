"""When each segment is heard, and where the picture changes: pure functions over lengths and words.

`speech_times` puts the spoken segments into the film's length: pauses between them share what is left over, and a voice that is
too long is hurried up to 1.25 times, then ended at a pause. `shown_words` does it for words that are only shown. `choose_cuts` lays
the cuts into pauses, at sentences where it can, so that each picture lasts as long as is wanted and as a clip can.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple, Protocol

from tenxsom.errors import PlanFailed
from tenxsom.model.blueprint import share_out
from tenxsom.model.definition import FASTEST, SLOWEST

LEAD_SECONDS, GAP_SECONDS, TAIL_SECONDS = 0.25, 0.3, 0.8
"""The silence before the first word, between segments, and after the last word."""
LEAST_LEAD, LEAST_GAP, LEAST_TAIL = 0.1, 0.12, 0.3
"""The same where time is short."""
MOST_GAP = 1.2
"""The longest silence between segments; what is left over then comes after the last word."""
CUT_BEFORE_SPEECH = 0.25
"""A picture changes at most this long before the words that it belongs to."""
ROUNDING = 0.02
"""How much later than it should the voice may end because speeds are rounded."""
SHOWN_PAUSE = 0.15
"""The pause after a segment that is only shown."""
LEAST_SHOT = 0.8
"""The shortest picture, in seconds."""

SENTENCE_END = re.compile(r"[.!?…。！？।؟۔]+[\"'”’»)\]]*$")
CLAUSE_END = re.compile(r"[,;:，、；：،؛–—][\"'”’»)\]]*$")

SEGMENT, SENTENCE, CLAUSE, WORD, ANYWHERE = range(5)
"""What a cut follows, best first."""
PENALTY = (0.0, 0.4, 2.0, 5.0, 12.0)


class Word(Protocol):
    """A word with its start and end in seconds."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


class SpokenPart(Protocol):
    """The sound of a segment."""

    @property
    def seconds(self) -> float: ...
    @property
    def words(self) -> Sequence[Word]: ...


class WordTime(NamedTuple):
    """A word of the film."""

    text: str
    start: float
    end: float
    segment: int


class Speech(NamedTuple):
    """When a segment is heard: `seconds` of its own sound, from `start`, at `speed`."""

    segment: int
    start: float
    seconds: float
    speed: float

    @property
    def end(self) -> float:
        return self.start + self.seconds / self.speed


class Schedule(NamedTuple):
    """The film's length, what is heard when, and how many segments are not heard completely."""

    seconds: float
    speeches: list[Speech]
    unheard: int


class Break(NamedTuple):
    """A moment at which the picture may change."""

    moment: float
    after: int
    """What it follows: SEGMENT, SENTENCE, CLAUSE, WORD or ANYWHERE."""


class Cuts(NamedTuple):
    """What pictures shall be like: their lengths, and what one costs beside its length."""

    least: float
    most: float
    each: float = 0.0
    """How much a further picture must be worth; 0: as many as there are sentences."""


BRISK = Cuts(3.0, 8.0)
"""A picture every 3 to 8 seconds."""
CALM = Cuts(5.0, 12.0)
"""A picture every 5 to 12 seconds."""
FEW = Cuts(3.0, math.inf, each=50.0)
"""As few pictures as clips can be long."""


def speech_times(
    parts: Sequence[SpokenPart],
    planned: Sequence[float],
    target: float,
    *,
    exact: bool = True,
    keep_plan: bool = False,
    cards: tuple[float, float] = (0.0, 0.0),
) -> Schedule:
    """Return when each part is heard in a film of `target` seconds; without `exact` the film may become longer.

    `planned` are the lengths of the segments in the plan; with `keep_plan` they stay as far as the voice allows. `cards` are the
    seconds of a card at the beginning and at the end, during which nothing is said where there is time.
    """
    if not parts:
        return Schedule(target, [], 0)
    if keep_plan and (kept := _by_the_plan(parts, planned, target, exact=exact)):
        return kept
    spoken, count = sum(part.seconds for part in parts), len(parts)
    if spoken / FASTEST + LEAST_LEAD + LEAST_GAP * (count - 1) + LEAST_TAIL + sum(cards) > target and exact:
        cards = (0.0, 0.0)
    pauses = [LEAD_SECONDS + cards[0], *[GAP_SECONDS] * (count - 1), max(TAIL_SECONDS, cards[1] + LEAST_TAIL)]
    least = [LEAST_LEAD + cards[0], *[LEAST_GAP] * (count - 1), LEAST_TAIL + cards[1]]
    total = target if exact else max(target, spoken + sum(pauses))
    if spoken + sum(pauses) <= total:
        pauses, speed = _widened(pauses, total - spoken - sum(pauses)), 1.0
    else:
        speed = min(FASTEST, max(1.0, spoken / max(total - sum(least), 1e-6)))
        room = total - spoken / speed
        pauses = [low + max(0.0, room - sum(least)) * low / sum(least) for low in least]
    speeches, at = [], pauses[0]
    for index, (part, pause) in enumerate(zip(parts, pauses[1:], strict=True)):
        speeches.append(Speech(index, round(at, 4), part.seconds, round(speed, 4)))
        at += part.seconds / speed + pause
    return _ended(Schedule(total, speeches, 0), parts)


def _widened(pauses: Sequence[float], slack: float) -> list[float]:
    """Return the pauses with `slack` shared out: twice as much after the last word as between segments."""
    weights = [0.25, *[1.0] * (len(pauses) - 2), 2.0]
    unit = slack / sum(weights)
    wide = [min(max(pause, MOST_GAP), pause + unit * weight) for pause, weight in zip(pauses, weights, strict=True)]
    wide[-1] += sum(pauses) + slack - sum(wide)
    return wide


def _by_the_plan(parts: Sequence[SpokenPart], planned: Sequence[float], target: float, *, exact: bool) -> Schedule | None:
    """Return the schedule in which each segment has its planned length and the voice is fitted to it; None if it cannot be."""
    if len(planned) != len(parts) or not sum(planned):
        return None
    scale = target / sum(planned) if exact else 1.0
    gaps = [*[LEAST_GAP] * (len(parts) - 1), LEAST_TAIL]
    needed = [part.seconds / FASTEST + LEAST_LEAD + gap for part, gap in zip(parts, gaps, strict=True)]
    total = target if exact else max(sum(planned), sum(needed))
    wanted = [max(length * scale, need) for length, need in zip(planned, needed, strict=True)]
    try:
        slots = wanted if sum(wanted) <= total + 1e-6 else share_out(planned, total, needed)
    except PlanFailed:
        return None
    speeches, at = [], 0.0
    for index, (part, slot, gap) in enumerate(zip(parts, slots, gaps, strict=True)):
        room = max(slot - LEAD_SECONDS - GAP_SECONDS, slot - LEAST_LEAD - gap if slot < 2 else 0.1, 0.1)
        speed = min(FASTEST, max(SLOWEST, part.seconds / room))
        start = at + min(LEAD_SECONDS, max(LEAST_LEAD, slot - part.seconds / speed - gap))
        speeches.append(Speech(index, round(start, 4), part.seconds, round(speed, 4)))
        at += slot
    return _ended(Schedule(total, speeches, 0), parts)


def _ended(schedule: Schedule, parts: Sequence[SpokenPart]) -> Schedule:
    """Return the schedule without what the film has no time for: it ends after a sentence, else after a word."""
    latest, kept = schedule.seconds - LEAST_TAIL + ROUNDING, []
    for speech, part in zip(schedule.speeches, parts, strict=True):
        if speech.end <= latest:
            kept.append(speech)
            continue
        ends = [word.end for word in part.words if SENTENCE_END.search(word.text)] or [word.end for word in part.words]
        fitting = [end for end in ends if speech.start + (end + LEAST_GAP / 2) / speech.speed <= latest]
        if fitting:
            kept.append(speech._replace(seconds=round(fitting[-1] + LEAST_GAP / 2, 4)))
        break
    whole = sum(speech.seconds >= parts[speech.segment].seconds - 1e-6 for speech in kept)
    return Schedule(schedule.seconds, kept, len(parts) - whole)


def heard_words(schedule: Sequence[Speech], parts: Sequence[SpokenPart]) -> list[WordTime]:
    """Return every word that is heard, with its times in the film."""
    return [
        WordTime(word.text, speech.start + word.start / speech.speed, speech.start + word.end / speech.speed, speech.segment)
        for speech in schedule
        for word in parts[speech.segment].words
        if word.end <= speech.seconds + 1e-6
    ]


def shown_words(parts: Sequence[SpokenPart], planned: Sequence[float], target: float) -> list[WordTime]:
    """Return every word of segments that are only shown: each segment takes its share of `target` as planned."""
    scale, at, words = target / sum(planned) if sum(planned) > 0 else 0.0, 0.0, []
    for segment, (part, length) in enumerate(zip(parts, planned, strict=True)):
        slot = length * scale
        stretch = max(0.0, slot - SHOWN_PAUSE) / part.seconds if part.seconds else 0.0
        words += [WordTime(word.text, at + word.start * stretch, at + word.end * stretch, segment) for word in part.words]
        at += slot
    return words


def breaks_of(words: Sequence[WordTime], seconds: float) -> list[Break]:
    """Return the moments within a film of `seconds` at which its picture may change, in order."""
    breaks = []
    for before, word in pairwise(words):
        if before.segment != word.segment:
            after = SEGMENT
        elif SENTENCE_END.search(before.text):
            after = SENTENCE
        else:
            after = CLAUSE if CLAUSE_END.search(before.text) else WORD
        moment = max((before.end + word.start) / 2, word.start - CUT_BEFORE_SPEECH)
        breaks.append(Break(moment, after))
    return [each for each in breaks if LEAST_SHOT <= each.moment <= seconds - LEAST_SHOT]


def choose_cuts(
    breaks: Sequence[Break], seconds: float, durations: Sequence[float], wanted: Cuts, more: float = 0.0
) -> list[float]:
    """Return the moments at which the picture changes, the film's end last.

    No picture is longer than the longest of `durations`, less `more` (what a crossfade takes beside) for all but the first. Long
    stretches without a break are cut anywhere. `wanted` says how long a picture shall be, and what a further one costs.
    """
    longest = durations[-1]
    moments = _with_spare(breaks, seconds, longest - more)
    ends = [Break(0.0, SEGMENT), *moments, Break(seconds, SEGMENT)]
    best: list[tuple[float, int]] = [(0.0, -1)]
    for index in range(1, len(ends)):
        found = (math.inf, -1)
        for before in range(index - 1, -1, -1):
            length, extra = ends[index].moment - ends[before].moment, more if before else 0.0
            if length + extra > longest + 1e-6:
                break
            cost = best[before][0] + _cost(length, extra, durations, wanted) + PENALTY[ends[index].after]
            found = min(found, (cost, before))
        best.append(found)
    cuts, at = [], len(ends) - 1
    while at > 0:
        cuts.append(ends[at].moment)
        at = best[at][1]
    return cuts[::-1]


def cuts_at_segments(breaks: Sequence[Break], seconds: float, durations: Sequence[float], more: float = 0.0) -> list[float]:
    """Return the moments at which the picture changes where each segment has its own; a segment longer than a clip has several."""
    cuts, start = [], 0.0
    for end in [*[each.moment for each in breaks if each.after == SEGMENT], seconds]:
        inner = [Break(each.moment - start, each.after) for each in breaks if start < each.moment < end]
        room = durations[-1] - (more if start else 0.0)
        cuts += [start + cut for cut in choose_cuts(inner, end - start, [room], FEW, 0.0 if start else more)]
        start = end
    return cuts


def _cost(length: float, extra: float, durations: Sequence[float], wanted: Cuts) -> float:
    """Return how far a picture's length is from what is wanted, with the seconds that are made and not shown."""
    made = next((offered for offered in durations if offered >= length + extra - 1e-6), durations[-1])
    short, long = max(0.0, wanted.least - length), max(0.0, length - wanted.most)
    tiny = 50.0 * max(0.0, LEAST_SHOT - length)
    uneven = 0.004 * length * length
    return wanted.each + uneven + 3.0 * short + 1.5 * long + 0.1 * max(0.0, made - length - extra) + tiny


def _with_spare(breaks: Sequence[Break], seconds: float, most: float) -> list[Break]:
    """Return the breaks in order, with further ones wherever none comes for a clip's length."""
    inner = sorted(
        {each.moment: each for each in sorted(breaks, key=lambda each: -each.after) if 0 < each.moment < seconds}.values()
    )
    filled: list[Break] = []
    for before, after in pairwise([0.0, *[each.moment for each in inner], seconds]):
        pieces = 2 * math.ceil((after - before) / most - 1e-9) if after - before > most / 2 else 1
        filled += [Break(before + (after - before) * number / pieces, ANYWHERE) for number in range(1, pieces)]
    return sorted([*inner, *filled])


def cheapest(choices: Sequence[list[float]], price_of: Callable[[list[float]], Decimal], most: Decimal) -> list[float]:
    """Return the first of several ways to cut whose price is within `most`, else the one with the lowest price."""
    return next((cuts for cuts in choices if price_of(cuts) <= most), min(choices, key=price_of))


def cuts_over(breaks: Sequence[Break], seconds: float, lengths: Sequence[float], more: float = 0.0) -> list[float]:
    """Return the moments at which the picture changes where the clips are given: each is shown once, in their order.

    `lengths` are those of the clips. A clip is shown at most as long as it is, where that is possible; the film's end is the last
    moment. With less time than clips the last clips are left out.
    """
    count = min(len(lengths), max(1, int(seconds / LEAST_SHOT)))
    ends = [
        Break(0.0, SEGMENT),
        *_with_spare(breaks, seconds, max(min(lengths) / 2, seconds / (4 * count))),
        Break(seconds, SEGMENT),
    ]
    even, best = seconds / count, [{0: (0.0, -1)}]
    for shot in range(count):
        row: dict[int, tuple[float, int]] = {}
        allowed = lengths[shot] - (more if shot else 0.0)
        for before, (cost, _) in best[shot].items():
            for index in range(before + 1, len(ends)):
                span = ends[index].moment - ends[before].moment
                held, short = max(0.0, span - allowed), max(0.0, LEAST_SHOT - span)
                step = cost + 40 * held + 50 * short + 0.05 * (span - even) ** 2 + PENALTY[ends[index].after]
                if step < row.get(index, (math.inf, 0))[0]:
                    row[index] = step, before
        best.append(row)
    cuts, at = [], len(ends) - 1
    shown = max(shot for shot, row in enumerate(best) if at in row)  # with few moments to cut at, the last clips are left out
    for shot in range(shown, 0, -1):
        cuts.append(ends[at].moment)
        at = best[shot][at][1]
    return cuts[::-1]
