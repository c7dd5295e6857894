"""Decides the number, the order and the durations of a video's segments."""

from __future__ import annotations

import math
from typing import NamedTuple

from tenxsom.model.blueprint import share_out
from tenxsom.planning.archetypes import Archetype, SegmentTemplate

MAX_SEGMENTS = 60
COMFORTABLE_SECONDS = 15.0


class Placement(NamedTuple):
    """One segment in its place."""

    template: SegmentTemplate
    number: int
    """The number of this repetition, from 1."""
    of: int
    """The number of repetitions."""
    duration: float

    @property
    def segment_type(self) -> str:
        return self.template.kind if self.of == 1 else f"{self.template.kind}_{self.number}"


def arrange(archetype: Archetype, seconds: float, opening_seconds: float = 0.0, promised: int | None = None) -> list[Placement]:
    """Return the segments of a video of `seconds`; their durations add up to it exactly.

    Keeps the most important kinds, as many as can have their minimum; the opening has at least `opening_seconds`, the time
    for speaking the title. The remaining time is for repetitions of the repeating kinds: as many as the title promises ("5 ways
    to …"), otherwise until no segment is too long.
    """
    least = {segment.kind: segment.least_seconds for segment in archetype.segments}
    opening = archetype.segments[0].kind
    least[opening] = min(seconds, max(least[opening], math.ceil(opening_seconds * 2) / 2))
    kept = _kept(archetype, seconds, least)
    times = {segment.kind: 1 for segment in kept}
    durations = _durations(kept, times, seconds, least)
    repeating = [segment for segment in kept if segment.repeats]
    turn = 0
    while repeating and _wants_more(kept, times, durations, seconds, promised):
        times[repeating[turn % len(repeating)].kind] += 1
        turn += 1
        if sum(least[kind] * number for kind, number in times.items()) > seconds:
            times[repeating[(turn - 1) % len(repeating)].kind] -= 1
            break
        durations = _durations(kept, times, seconds, least)
    order = _order(kept, times)
    return [
        Placement(template, number, times[template.kind], duration)
        for (template, number), duration in zip(order, _durations(kept, times, seconds, least), strict=True)
    ]


def _kept(archetype: Archetype, seconds: float, least: dict[str, float]) -> list[SegmentTemplate]:
    """Return the kinds that fit, chosen by priority, in the archetype's order."""
    kept: set[str] = set()
    left = seconds
    for segment in sorted(archetype.segments, key=lambda item: item.priority):
        if kept and least[segment.kind] > left:
            break
        kept.add(segment.kind)
        left -= least[segment.kind]
    return [segment for segment in archetype.segments if segment.kind in kept]


def _wants_more(
    kept: list[SegmentTemplate], times: dict[str, int], durations: list[float], seconds: float, promised: int | None
) -> bool:
    """Return whether one more repetition improves the video."""
    total = sum(times.values())
    if total >= MAX_SEGMENTS:
        return False
    repeating = [segment for segment in kept if segment.repeats]
    longest = max(durations)
    if (
        promised
        and len(repeating) == 1
        and _counts(repeating[0])
        and (times[repeating[0].kind] < promised or longest <= COMFORTABLE_SECONDS)
    ):
        return times[repeating[0].kind] < promised
    order = _order(kept, times)
    stretched = min(COMFORTABLE_SECONDS, seconds / 8)
    slow = (
        duration > max(template.most_seconds, stretched)
        for (template, _), duration in zip(order, durations, strict=True)
        if template.repeats
    )
    return longest > COMFORTABLE_SECONDS or any(slow)


def _counts(segment: SegmentTemplate) -> bool:
    """Return whether the segment is an item of a list, whose texts contain its number."""
    return any("{number}" in sentence.lower() for ladder in segment.spoken for sentence in ladder)


def _order(kept: list[SegmentTemplate], times: dict[str, int]) -> list[tuple[SegmentTemplate, int]]:
    """Return the order of the segments; repeating kinds alternate at the place of the first of them: a b, a b, a."""
    repeating = [segment for segment in kept if segment.repeats]
    rounds = max((times[segment.kind] for segment in repeating), default=0)
    group = [(segment, number) for number in range(1, rounds + 1) for segment in repeating if number <= times[segment.kind]]
    first = kept.index(repeating[0]) if repeating else len(kept)
    before = [(segment, 1) for segment in kept[:first]]
    after = [(segment, 1) for segment in kept[first:] if not segment.repeats]
    return before + group + after


def _durations(kept: list[SegmentTemplate], times: dict[str, int], seconds: float, least: dict[str, float]) -> list[float]:
    order = _order(kept, times)
    return share_out([template.weight for template, _ in order], seconds, [least[template.kind] for template, _ in order])
