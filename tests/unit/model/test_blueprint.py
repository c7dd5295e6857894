"""The blueprint: seconds that are shared out exactly, times that follow from them, and what a broken one gets."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from tenxsom.errors import BadDefinition, PlanFailed
from tenxsom.model.blueprint import PlannerRecord, Segment, parse_blueprint, share_out, with_times

WEIGHTS = some.lists(some.floats(0, 1e6) | some.integers(0, 50).map(float), min_size=1, max_size=60)


def segment(**changes: Any) -> dict[str, Any]:
    return {"segment_type": "hook", "content": "Listen.", "visual_cue": "A lake at night", "duration": 5, **changes}


def blueprint(*segments: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({"video_plan": {"title": "The lake", "script_segments": list(segments), **changes}}).encode()


def milliseconds(parts: list[float]) -> list[int]:
    assert all(part * 1000 == pytest.approx(round(part * 1000), abs=1e-6) for part in parts)
    return [round(part * 1000) for part in parts]


# sharing out


@given(WEIGHTS, some.integers(1, 600_000))
def test_the_parts_add_up_to_the_total_to_the_millisecond(weights, total):
    assume(total >= len(weights))
    assert sum(milliseconds(share_out(weights, total / 1000))) == total


@given(some.lists(some.tuples(some.floats(0, 100), some.integers(1, 5000)), min_size=1, max_size=30), some.integers(0, 100_000))
def test_no_part_is_shorter_than_its_least(pairs, spare):
    weights, least = [weight for weight, _ in pairs], [part for _, part in pairs]
    total = sum(least) + spare
    parts = milliseconds(share_out(weights, total / 1000, [part / 1000 for part in least]))
    assert sum(parts) == total
    assert all(part >= low for part, low in zip(parts, least, strict=True))


@given(WEIGHTS, some.integers(1, 5000))
def test_a_total_of_exactly_the_least_of_all_gives_everybody_the_least(weights, least):
    parts = milliseconds(share_out(weights, len(weights) * least / 1000, least / 1000))
    assert parts == [least] * len(weights)


@given(some.lists(some.floats(0.1, 10), min_size=1, max_size=20), some.integers(60, 600))
def test_a_part_is_within_half_a_second_and_the_remainder_of_its_share(weights, total):
    shares = [weight * total / sum(weights) for weight in weights]
    assume(min(shares) >= 0.5)
    parts = share_out(weights, total)
    assert all(abs(part - share) <= 0.5 + 1e-6 for part, share in zip(parts, shares, strict=True))


@given(some.lists(some.floats(0.1, 10), min_size=2, max_size=20), some.integers(60, 600))
def test_a_larger_weight_never_gets_less_than_half_a_second_under_a_smaller_one(weights, total):
    parts = [part for _, part in sorted(zip(weights, share_out(weights, total), strict=True))]
    assert all(later >= earlier - 0.5 - 1e-6 for earlier, later in pairwise(parts))


@pytest.mark.parametrize(
    ("weights", "total", "parts"),
    [
        ([1], 7.25, [7.25]),
        ([1, 1], 10, [5, 5]),
        ([3, 1], 10, [7.5, 2.5]),
        ([1, 2, 3], 20, [3.5, 6.5, 10]),
        ([0, 0], 10, [5, 5]),
        ([1, 1, 1], 1, [0.334, 0.333, 0.333]),
    ],
)
def test_parts_are_half_seconds_in_proportion_where_the_total_allows_it(weights, total, parts):
    assert share_out(weights, total) == parts


@pytest.mark.parametrize(
    ("weights", "total", "least"),
    [([], 10, 0), ([1, 1], 0.001, 0), ([1, 1], 5, 3), ([1], -1, 0), ([1], 0, 0), ([1, 2], 5, [1, 4.001])],
)
def test_what_cannot_be_shared_out_is_said(weights, total, least):
    with pytest.raises(PlanFailed):
        share_out(weights, total, least)


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), -1.0])
def test_a_weight_that_is_no_number_is_refused(strange):
    with pytest.raises(PlanFailed):
        share_out([1.0, strange], 10)
    with pytest.raises(PlanFailed):
        share_out([1.0], strange)


# times


def times(*durations: float) -> list[str]:
    return [part.time for part in with_times([Segment(**segment(duration=duration)) for duration in durations])]


def test_times_follow_one_another():
    assert times(5, 7.5, 50) == ["00:00-00:05", "00:05-00:12.5", "00:12.5-01:02.5"]


def test_times_keep_their_zeros_before_the_point():
    assert times(10, 20, 30, 600) == ["00:00-00:10", "00:10-00:30", "00:30-01:00", "01:00-11:00"]


@given(some.lists(some.integers(1, 600_000), min_size=1, max_size=60))
def test_the_times_of_many_odd_durations_never_drift(durations):
    ends = [time.split("-") for time in times(*[duration / 1000 for duration in durations])]
    assert [end for _, end in ends[:-1]] == [start for start, _ in ends[1:]]
    minutes, seconds = ends[-1][1].split(":")
    assert round((int(minutes) * 60 + float(seconds)) * 1000) == sum(durations)


# a blueprint that is handed in


def test_the_times_of_a_given_blueprint_are_made_anew():
    plan = parse_blueprint(blueprint(segment(time="nonsense"), segment(duration=2.5)), "plan.json").video_plan
    assert [part.time for part in plan.script_segments] == ["00:00-00:05", "00:05-00:07.5"]


def test_a_blueprint_survives_being_printed_and_read_again():
    first = parse_blueprint(blueprint(segment(), segment(content="Ü 😀")), "plan.json")
    assert parse_blueprint(json.dumps(first.as_dict()).encode(), "plan.json") == first


def test_texts_lose_the_blanks_around_them():
    assert parse_blueprint(blueprint(segment(visual_cue="  a lake \n")), "p").video_plan.script_segments[0].visual_cue == "a lake"


@pytest.mark.parametrize(
    "change",
    [
        {"duration": 0}, {"duration": -1}, {"duration": 601}, {"duration": None}, {"duration": "soon"}, {"content": ""},
        {"content": "   "}, {"visual_cue": ""}, {"visual_cue": "x" * 1501}, {"segment_type": ""}, {"segment_type": 5},
    ],
)  # fmt: skip
def test_a_segment_that_cannot_be_made_is_refused_at_its_place(change):
    with pytest.raises(BadDefinition) as caught:
        parse_blueprint(blueprint(segment(), segment(**change)), "plan.json")
    (place,) = change
    assert [problem.path for problem in caught.value.problems] == [f"video_plan.script_segments.1.{place}"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "/"), (b"[]", "/"), (b"{}", "video_plan"), (b'{"video_plan": 5}', "video_plan"), (b'{"a": 1, "a": 2}', "/"),
        (blueprint(), "video_plan.script_segments"), (blueprint(*[segment()] * 61), "video_plan.script_segments"),
        (blueprint(segment(), title=""), "video_plan.title"), (b'{"video_plan": {"x": NaN}}', "/"), (b" " * 1_048_577, "/"),
    ],
)  # fmt: skip
def test_what_is_no_blueprint_is_refused_with_the_place_and_the_file(data, place):
    with pytest.raises(BadDefinition) as caught:
        parse_blueprint(data, "plan.json")
    assert place in [problem.path for problem in caught.value.problems]
    assert caught.value.source == "plan.json"


def test_all_problems_of_a_blueprint_are_reported_together():
    with pytest.raises(BadDefinition) as caught:
        parse_blueprint(blueprint(segment(duration=0), segment(content="", visual_cue="")), "plan.json")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (PlannerRecord(name="archetype_templates"), "locally"),
        (PlannerRecord(), "by you"),
        (PlannerRecord(name="claude_on_vertex", model="claude-haiku-5-5"), "by claude-haiku-5-5 on Vertex AI"),
    ],
)
def test_how_a_plan_was_made_is_said_in_the_same_words_everywhere(record, words):
    assert record.words == words
