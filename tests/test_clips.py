"""From a blueprint to clips: lengths that the service makes, words that stay with their seconds, nothing that cannot be made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenxsom.belt.clips import check_feasible, clips_for, made_seconds
from tenxsom.errors import BadDefinition, BadInput
from tenxsom.model.blueprint import share_out
from tenxsom.model.job import Clip, Step
from tenxsom.services.base import Capabilities

CAN = Capabilities((5.0, 10.0), ("16:9", "9:16"), 100, 4, 5, 60, 1, 60)


def segment(duration: float, **changes: Any) -> dict[str, Any]:
    return {"duration": duration, "content": f"words {duration:g}", "visual_cue": f"sight {duration:g}", **changes}


def cut(*segments: dict[str, Any], can: Capabilities = CAN, **definition: Any) -> list[Clip]:
    total = sum(part["duration"] for part in segments)
    return clips_for({"target_duration": total, **definition}, {"video_plan": {"script_segments": list(segments)}}, "16:9", can)


def test_a_plan_that_fits_becomes_one_clip_of_the_next_length_on_offer():
    (clip,) = cut(segment(3), segment(4))
    assert (clip.asked_seconds, clip.seconds, clip.step, clip.index) == (7, 10, Step.REQUEST_IMAGE, 0)


def test_one_clip_shows_the_sights_of_all_its_segments_and_starts_with_the_first():
    (clip,) = cut(segment(3), segment(4))
    assert (clip.prompt, clip.image_prompt) == ("sight 3 Then: sight 4", "sight 3")


def test_a_plan_that_is_longer_than_any_clip_becomes_one_clip_a_segment():
    clips = cut(segment(5), segment(6), segment(4))
    assert [(clip.index, clip.asked_seconds, clip.seconds, clip.prompt) for clip in clips] == [
        (0, 5, 5, "sight 5"), (1, 6, 10, "sight 6"), (2, 4, 5, "sight 4"),
    ]  # fmt: skip


def test_storyboard_makes_one_clip_a_segment_even_where_one_would_do():
    assert [clip.seconds for clip in cut(segment(3), segment(4), clips="storyboard")] == [5, 5]


def test_a_segment_that_is_longer_than_any_clip_is_cut_into_equal_pieces_and_the_words_stay_with_the_first():
    clips = cut(segment(21), clips="storyboard")
    assert [clip.asked_seconds for clip in clips] == [7, 7, 7]
    assert [[cue["text"] for cue in clip.cues] for clip in clips] == [["words 21"], [], []]


def test_a_given_blueprint_that_is_longer_than_its_definition_says_is_never_squeezed_into_one_clip():
    clips = cut(segment(8), segment(8), target_duration=5)
    assert [clip.asked_seconds for clip in clips] == [8, 8]


def test_a_single_clip_that_nobody_can_make_is_refused_before_anything_is_paid():
    with pytest.raises(BadInput, match="16 seconds"):
        cut(segment(8), segment(8), clips="single")


@given(some.lists(some.integers(1, 60_000), min_size=1, max_size=20), some.sampled_from(["auto", "storyboard"]))
def test_every_clip_can_be_made_and_together_they_are_as_long_as_the_plan(durations, mode):
    clips = cut(*[segment(duration / 1000) for duration in durations], clips=mode)
    assert [clip.index for clip in clips] == list(range(len(clips)))
    assert all(clip.seconds in CAN.durations and 0 < clip.asked_seconds <= clip.seconds + 1e-6 for clip in clips)
    assert sum(clip.asked_seconds for clip in clips) == pytest.approx(sum(durations) / 1000, abs=0.001 * len(clips))


@given(some.lists(some.integers(1, 10), min_size=1, max_size=6), some.sampled_from(["auto", "storyboard"]))
def test_the_words_of_a_clip_lie_within_it_one_after_the_other(weights, mode):
    clips = cut(*[segment(part) for part in share_out(weights, 10)], clips=mode)
    for clip in clips:
        moments = [moment for cue in clip.cues for moment in (cue["start"], cue["end"])]
        assert moments == sorted(moments)
        assert moments[0] == 0
        assert moments[-1] == pytest.approx(clip.seconds, abs=0.01)


def test_the_words_are_stretched_as_the_clip_is_longer_than_what_was_asked():
    (clip,) = cut(segment(4), segment(4))
    assert [(cue["start"], cue["end"]) for cue in clip.cues] == [(0, 5), (5, 10)]


@pytest.mark.parametrize(("asked", "made"), [(0.5, 5), (5, 5), (5.0000000001, 5), (5.01, 10), (10, 10), (99, 10)])
def test_the_length_made_is_the_nearest_that_is_not_shorter(asked, made):
    assert made_seconds(asked, CAN.durations) == made


def test_the_seed_counts_on_from_clip_to_clip_and_never_leaves_its_range():
    assert [clip.seed for clip in cut(segment(5), segment(5), segment(5), seed=2**31 - 2)] == [2**31 - 2, 2**31 - 1, 0]
    assert [clip.seed for clip in cut(segment(5), segment(6), seed=0)] == [0, 1]
    assert cut(segment(5))[0].seed is None


def test_a_prompt_is_cut_between_words_within_the_limit_of_the_service():
    (clip,) = cut(segment(5, visual_cue="  " + "word " * 50))
    assert clip.prompt == clip.image_prompt == "word " * 18 + "word…"
    assert len(clip.prompt) <= CAN.prompt_limit


@pytest.mark.parametrize("length", [99, 100, 101, 5000])
def test_a_prompt_without_blanks_is_within_the_limit_too(length):
    (clip,) = cut(segment(5, visual_cue="x" * length))
    assert len(clip.prompt) == min(length, 100)


def test_the_same_plan_always_becomes_the_same_clips():
    assert cut(segment(5), segment(7), seed=3) == cut(segment(5), segment(7), seed=3)


# what a service cannot make at all


def infeasible(shape: str = "16:9", **definition: Any) -> list[str]:
    try:
        check_feasible({"target_duration": 20, **definition}, shape, "some_service", CAN, "lake.json")
    except BadDefinition as error:
        return [problem.path for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("shape", "definition", "places"),
    [
        ("16:9", {}, []), ("16:9", {"clips": "storyboard"}, []), ("16:9", {"clips": "single", "target_duration": 10}, []),
        ("16:9", {"clips": "single"}, ["target_duration"]), ("1:1", {}, ["aspect_ratio"]),
        ("1:1", {"clips": "single"}, ["target_duration", "aspect_ratio"]),
    ],
)  # fmt: skip
def test_what_the_service_cannot_make_is_said_with_all_its_places(shape, definition, places):
    assert infeasible(shape, **definition) == places
