"""When a film's words are heard and its pictures change: whole, in order, in the pauses, and exactly as long as was asked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenxsom.pipeline.timeline import (
    BRISK,
    CLAUSE,
    FEW,
    SEGMENT,
    SENTENCE,
    Break,
    Cuts,
    breaks_of,
    cheapest,
    choose_cuts,
    cuts_at_segments,
    cuts_over,
    heard_words,
    shown_words,
    speech_times,
)


class Said(NamedTuple):
    text: str
    start: float
    end: float


class Part(NamedTuple):
    seconds: float
    words: list[Said]


def segment_breaks(planned: Sequence[float], target: float) -> list[Break]:
    """The moments between segments that share `target` as planned."""
    scale, at, breaks = target / sum(planned) if sum(planned) > 0 else 0.0, 0.0, []
    for length in planned[:-1]:
        at += length * scale
        breaks.append(Break(at, SEGMENT))
    return breaks


def part(text: str, word_seconds: float = 0.35, pause: float = 0.3) -> Part:
    """What a voice makes of a text: every word as long as the others, a pause after each sentence."""
    words, at = [], 0.05
    for word in text.split():
        words.append(Said(word, at, at + word_seconds))
        at += word_seconds + (pause if word.endswith(".") else 0.02)
    return Part(at, words)


SCRIPT = [
    "Bread rises because yeast is hungry.",
    "It eats the sugar in the flour. It breathes out gas, and the dough holds every bubble.",
    "Heat ends the meal. What is left is a loaf full of small rooms.",
]
VEO, STUDIO, LTX = (4.0, 6.0, 8.0), (3.0, 5.0, 7.0, 9.0, 15.0, 30.0), (6.0, 8.0, 10.0)


def test_what_is_left_over_is_shared_between_the_pauses_and_the_end():
    parts = [part(text) for text in SCRIPT]
    made = speech_times(parts, [5, 8, 7], 24)
    assert made.seconds == 24
    assert not made.unheard
    gaps = [after.start - before.end for before, after in pairwise(made.speeches)]
    assert gaps[0] == pytest.approx(gaps[1], abs=0.001)
    assert 0.3 < gaps[0] < made.seconds - made.speeches[-1].end
    assert all(speech.speed == 1 for speech in made.speeches)


def test_a_voice_that_is_a_little_too_long_is_hurried_and_whole():
    parts = [part(text) for text in SCRIPT]
    spoken = sum(each.seconds for each in parts)
    made = speech_times(parts, [1, 1, 1], spoken * 0.95)
    assert not made.unheard
    assert 1 < made.speeches[0].speed <= 1.25
    assert made.speeches[-1].end <= made.seconds - 0.25


def test_a_voice_that_is_much_too_long_ends_after_a_sentence_and_the_rest_is_counted():
    parts = [part(text) for text in SCRIPT]
    made = speech_times(parts, [1, 1, 1], 7.0)
    heard = [word.text for word in heard_words(made.speeches, parts)]
    assert heard[-1].endswith(".")
    assert made.unheard == 2
    assert made.speeches[-1].end <= 7.0


def test_a_film_that_may_be_longer_is_as_long_as_its_voice():
    parts = [part(text) for text in SCRIPT]
    made = speech_times(parts, [1, 1, 1], 7.0, exact=False)
    assert not made.unheard
    assert made.seconds > sum(each.seconds for each in parts)
    assert all(speech.speed == 1 for speech in made.speeches)


def test_planned_lengths_stay_and_the_voice_is_fitted_to_them():
    parts = [part(text) for text in SCRIPT]
    made = speech_times(parts, [4, 9, 7], 20, keep_plan=True)
    starts = [speech.start for speech in made.speeches]
    assert starts == pytest.approx([0.25, 4.25, 13.25], abs=0.2)
    assert all(0.9 <= speech.speed <= 1.25 for speech in made.speeches)
    assert not made.unheard


@pytest.mark.case
@pytest.mark.parametrize("seconds", [2.2, 2.6])
def test_a_film_that_may_become_longer_than_its_plan_says_its_last_word(seconds):
    parts = [Part(seconds, [Said("bread.", 0.1, seconds)])] * 2
    made = speech_times(parts, [1.6, 1.4], 3, exact=False, keep_plan=True)
    assert not made.unheard
    assert made.seconds >= made.speeches[-1].end + 0.28


lengths = some.floats(0.4, 20)
texts = some.lists(
    some.lists(some.sampled_from(["so", "bread.", "rises,", "yeast", "eats.", "sugar"]), min_size=1, max_size=30),
    min_size=1,
    max_size=8,
)


@given(texts, some.floats(2, 200), some.booleans(), some.booleans(), some.data())
def test_no_speech_overlaps_another_or_leaves_the_film(words, target, exact, keep_plan, data):
    parts = [part(" ".join(each), word_seconds=data.draw(some.floats(0.1, 0.8))) for each in words]
    planned = [data.draw(lengths) for _ in parts]
    made = speech_times(parts, planned, target, exact=exact, keep_plan=keep_plan)
    assert made.seconds == target if exact else made.seconds >= target - 1e-6 or keep_plan
    assert all(before.end <= after.start + 1e-3 for before, after in pairwise(made.speeches))
    assert all(0.9 <= speech.speed <= 1.25 for speech in made.speeches)
    assert all(speech.start >= 0 and speech.end <= made.seconds + 1e-3 for speech in made.speeches)
    whole = [speech for speech in made.speeches if speech.seconds >= parts[speech.segment].seconds - 1e-6]
    assert made.unheard == len(parts) - len(whole)
    assert exact or not made.unheard, "a film that may become longer says everything"
    heard = heard_words(made.speeches, parts)
    written = [word for each in words for word in each]
    assert [word.text for word in heard] == written[: len(heard)]
    assert all(before.end <= after.start + 1e-3 for before, after in pairwise(heard))


@given(texts, some.floats(2, 200))
def test_words_that_are_only_shown_stay_in_order_and_within_the_film(words, target):
    parts, planned = [part(" ".join(each)) for each in words], [float(len(each)) for each in words]
    shown = shown_words(parts, planned, target)
    assert [word.text for word in shown] == [word for each in words for word in each]
    assert all(before.end <= after.start + 1e-6 for before, after in pairwise(shown))
    assert all(0 <= word.start <= word.end <= target for word in shown)


# cuts


def test_cuts_lie_at_sentences_and_in_the_pauses():
    parts = [part(text) for text in SCRIPT]
    made = speech_times(parts, [5, 8, 7], 20)
    words = heard_words(made.speeches, parts)
    cuts = choose_cuts(breaks_of(words, 20), 20, STUDIO, BRISK)
    assert cuts[-1] == 20
    assert all(not word.start < cut < word.end for cut in cuts for word in words)
    after = [max((word for word in words if word.end <= cut), key=lambda word: word.end).text for cut in cuts]
    assert all(word.endswith(".") for word in after)
    assert all(2.5 <= end - start <= 8.5 for start, end in pairwise([0.0, *cuts]))


def test_a_picture_for_every_segment_is_a_cut_at_every_segment():
    assert cuts_at_segments(segment_breaks([5, 8, 7], 20), 20, STUDIO) == pytest.approx([5, 13, 20])
    assert cuts_at_segments(segment_breaks([5, 12, 3], 20), 20, VEO) == pytest.approx([5, 11, 17, 20])


def test_few_pictures_are_as_few_as_the_longest_clip_allows():
    breaks = [Break(moment, CLAUSE if moment % 2 else SENTENCE) for moment in range(1, 30)]
    assert choose_cuts(breaks, 30, STUDIO, FEW) == [30]
    assert len(choose_cuts(breaks, 30, VEO, FEW)) == 4


def test_a_crossfade_takes_its_seconds_from_the_clip_that_follows():
    cuts = choose_cuts([], 16, VEO, FEW, more=0.4)
    assert all(end - start <= 7.6 + 1e-6 for start, end in pairwise(cuts))


@given(texts, some.floats(5, 200), some.sampled_from([VEO, STUDIO, LTX]), some.floats(0, 0.5))
def test_a_picture_of_a_segment_ends_with_its_segment(words, seconds, durations, more):
    breaks = segment_breaks([len(each) for each in words], seconds)
    cuts = cuts_at_segments(breaks, seconds, durations, more)
    assert all(any(abs(cut - each.moment) < 1e-6 for cut in cuts) for each in breaks)
    spans = [end - start for start, end in pairwise([0.0, *cuts])]
    assert all(span + more <= durations[-1] + 1e-6 for span in spans[1:])
    assert spans[0] <= durations[-1] + 1e-6


@given(
    some.floats(1, 600),
    some.lists(some.tuples(some.floats(0.01, 0.99), some.integers(SEGMENT, 3)), max_size=60),
    some.sampled_from([VEO, STUDIO, LTX, (3.0,)]),
    some.floats(0, 0.5),
    some.sampled_from([BRISK, FEW, Cuts(1, 30)]),
)
def test_the_pictures_fill_the_film_and_none_is_longer_than_a_clip(seconds, places, durations, more, wanted):
    cuts = choose_cuts([Break(share * seconds, after) for share, after in places], seconds, durations, wanted, more)
    assert cuts[-1] == seconds
    spans = [end - start for start, end in pairwise([0.0, *cuts])]
    assert all(span > 0 for span in spans)
    assert all(span + more <= durations[-1] + 1e-6 for span in spans[1:])
    assert spans[0] <= durations[-1] + 1e-6


def test_the_budget_decides_between_several_ways_to_cut():
    many, few = [3.0, 6.0, 9.0], [9.0]

    def price(cuts: list[float]) -> Decimal:
        return Decimal(len(cuts))

    assert cheapest([many, few], price, Decimal(5)) == many
    assert cheapest([many, few], price, Decimal(2)) == few
    assert cheapest([many, few], price, Decimal(0)) == few


# clips that are there already


def test_given_clips_are_shown_in_their_order_and_no_longer_than_they_are():
    breaks = [Break(moment, SENTENCE) for moment in (4.0, 6.5, 9.0, 13.0, 16.0)]
    assert cuts_over(breaks, 20.0, [7.0, 7.0, 9.0]) == [6.5, 13.0, 20.0]


def test_clips_that_are_too_short_together_leave_the_least_still_picture():
    cuts = cuts_over([Break(5.0, SENTENCE)], 12.0, [5.0, 5.0])
    assert cuts == [5.0, 12.0]


@given(
    some.floats(2, 120),
    some.lists(some.floats(0.01, 0.99), max_size=40),
    some.lists(some.sampled_from([3.0, 5.0, 8.0]), min_size=1, max_size=12),
    some.floats(0, 0.4),
)
def test_given_clips_fill_the_film(seconds, places, lengths, more):
    cuts = cuts_over([Break(share * seconds, SENTENCE) for share in places], seconds, lengths, more)
    assert cuts[-1] == seconds
    assert 1 <= len(cuts) <= len(lengths)
    assert all(before < after for before, after in pairwise([0.0, *cuts]))
    spans = [end - start for start, end in pairwise([0.0, *cuts])]
    if sum(lengths) - more * len(lengths) >= 1.5 * seconds and len(cuts) == len(lengths):
        held = sum(max(0.0, span - length + more) for span, length in zip(spans, lengths, strict=False))
        assert held < seconds / 3
