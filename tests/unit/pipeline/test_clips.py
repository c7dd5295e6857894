"""From a blueprint to clips: lengths that the service makes, words that stay with their seconds, nothing that cannot be made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenxsom.errors import BadDefinition, BadInput
from tenxsom.model.blueprint import Blueprint, PlannerRecord, Segment, VideoPlan, share_out
from tenxsom.model.clip import Clip, Step
from tenxsom.model.definition import JobDefinition
from tenxsom.model.film import FilmPlan
from tenxsom.model.narration import Narration
from tenxsom.pipeline.clips import check_feasible, clips_for, differences, made_seconds
from tenxsom.pipeline.cutting import cut_film
from tenxsom.pipeline.routing import Route
from tenxsom.services.base import Capabilities, StartFrames, Variant
from tenxsom.text import graphemes
from tests.scripts_of_the_world import SENTENCES
from tests.states import new_job

CAN = Capabilities(
    durations=(5.0, 10.0), aspect_ratios=("16:9", "9:16"), resolutions=(), prompt_limit=100, start_frames=StartFrames.NEEDED,
    sound=False, concurrent_submissions=4, concurrent_jobs=None, first_check_seconds=5, longest_check_seconds=60,
    upload_hours=None, result_hours=None, can_reconcile=True,
)  # fmt: skip


def way(can: Capabilities = CAN, start_frame: str = "flux", start_image: str | None = None) -> Route:
    """A route over a service that can do what `can` says."""
    fixed = type("Fixed", (Route,), {"capabilities": can})
    made: Route = fixed("some_service", Variant("a model", "720p"), start_frame, "a reason", start_image)
    return made


def segment(duration: float, **changes: Any) -> Segment:
    words = {"segment_type": "part", "content": f"words {duration:g}", "visual_cue": f"sight {duration:g}"}
    return Segment.model_construct(**{**words, "duration": duration, **changes})


def definition_of(**changes: Any) -> JobDefinition:
    return JobDefinition.model_construct(**{"content_id": "lake", "title": "The lake", **changes})


def plan_of(*segments: Segment) -> Blueprint:
    return Blueprint.model_construct(video_plan=VideoPlan.model_construct(title="The lake", script_segments=list(segments)))


def cut(*segments: Segment, can: Capabilities = CAN, shape: str = "16:9", **definition: Any) -> list[Clip]:
    total = sum(part.duration for part in segments)
    return clips_for(definition_of(**{"target_duration": total, **definition}), plan_of(*segments), shape, way(can))


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


def test_segments_that_are_shorter_than_the_shortest_clip_share_one_because_each_clip_is_paid_for():
    clips = cut(segment(3), segment(4), segment(6), segment(2), segment(2))
    assert [(clip.asked_seconds, clip.seconds) for clip in clips] == [(7, 10), (6, 10), (4, 5)]
    assert [cue.text for cue in clips[0].cues] == ["words 3", "words 4"]


def test_segments_share_a_clip_only_as_long_as_it_is_one_that_can_be_made():
    clips = cut(segment(4), segment(8), segment(3))
    assert [clip.asked_seconds for clip in clips] == [4, 8, 3]


def test_storyboard_makes_one_clip_a_segment_even_where_one_would_do():
    assert [clip.seconds for clip in cut(segment(3), segment(4), clips="storyboard")] == [5, 5]


def test_a_segment_that_is_longer_than_any_clip_is_cut_into_equal_pieces():
    clips = cut(segment(21), clips="storyboard")
    assert [clip.asked_seconds for clip in clips] == [7, 7, 7]
    assert [[cue.text for cue in clip.cues] for clip in clips] == [["words 21"], [], []]


def test_the_words_of_a_segment_that_is_cut_are_shared_out_where_the_sense_ends():
    words = (
        "The lamp is lit at dusk, before the boats come in. A bell answers from the far pier. Then the harbour sleeps until four."
    )
    clips = cut(segment(21, content=words), clips="storyboard")
    assert [[cue.text for cue in clip.cues] for clip in clips] == [
        ["The lamp is lit at dusk, before the boats come in."],
        ["A bell answers from the far pier."],
        ["Then the harbour sleeps until four."],
    ]


@pytest.mark.case
@pytest.mark.parametrize("language", ["Chinese", "Thai", "Arabic", "Hindi"])
def test_a_prompt_in_any_script_is_shortened_without_cutting_a_letter_and_keeps_most_of_it(language):
    cue = "海 " + SENTENCES[language] * 4
    (clip,) = cut(segment(5, visual_cue=cue))
    assert CAN.prompt_limit - 30 < len(clip.prompt) <= CAN.prompt_limit
    kept = clip.prompt.removesuffix("…")
    assert cue.startswith(kept)
    assert graphemes(cue)[: len(graphemes(kept))] == graphemes(kept)


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
        moments = [moment for cue in clip.cues for moment in (cue.start, cue.end)]
        assert moments == sorted(moments)
        assert moments[0] == 0
        assert moments[-1] == pytest.approx(clip.seconds, abs=0.01)


def test_the_words_are_stretched_as_the_clip_is_longer_than_what_was_asked():
    (clip,) = cut(segment(4), segment(4))
    assert [(cue.start, cue.end) for cue in clip.cues] == [(0, 5), (5, 10)]


@pytest.mark.parametrize(("asked", "made"), [(0.5, 5), (5, 5), (5.0000000001, 5), (5.01, 10), (10, 10), (99, 10)])
def test_the_length_made_is_the_nearest_that_is_not_shorter(asked, made):
    assert made_seconds(asked, CAN.durations) == made


def test_the_seed_counts_on_from_clip_to_clip_and_never_leaves_its_range():
    assert [clip.seed for clip in cut(segment(5), segment(5), segment(5), seed=2**31 - 2)] == [2**31 - 2, 2**31 - 1, 0]
    assert [clip.seed for clip in cut(segment(5), segment(6), seed=0)] == [0, 1]
    assert cut(segment(5))[0].seed is None


def test_a_prompt_is_cut_between_words_within_the_limit_of_the_service():
    (clip,) = cut(segment(5, visual_cue="  " + "word " * 50))
    assert clip.prompt == clip.image_prompt == "word " * 19 + "word…"
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
        check_feasible(
            definition_of(**{"target_duration": 20, **definition}), shape, way(CAN._replace(aspect_ratios=("16:9",))), "lake.json"
        )
    except BadDefinition as error:
        return [problem.path for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("shape", "definition", "places"),
    [
        ("16:9", {}, []), ("16:9", {"clips": "storyboard"}, []), ("16:9", {"clips": "single", "target_duration": 10}, []),
        ("16:9", {"clips": "single"}, ["target_duration"]), ("9:16", {}, ["aspect_ratio"]),
        ("9:16", {"clips": "single"}, ["target_duration", "aspect_ratio"]), ("1:1", {}, []),
    ],
)  # fmt: skip
def test_what_the_service_cannot_make_is_said_with_all_its_places(shape, definition, places):
    assert infeasible(shape, **definition) == places


# what is made otherwise than asked


def test_a_square_is_cut_out_of_a_wide_clip_where_the_service_makes_no_squares():
    (clip,) = cut(segment(5), shape="1:1")
    assert (clip.aspect_ratio, clip.asked_aspect_ratio) == ("16:9", "1:1")


def test_a_square_is_ordered_as_one_where_the_service_makes_squares():
    (clip,) = cut(segment(5), shape="1:1", can=CAN._replace(aspect_ratios=("16:9", "1:1")))
    assert (clip.aspect_ratio, clip.asked_aspect_ratio) == ("1:1", None)


def test_a_longer_clip_is_kept_and_its_words_are_stretched_unless_the_definition_wants_it_trimmed():
    (kept,) = cut(segment(6))
    (trimmed,) = cut(segment(6), fit="trim")
    assert (kept.trim, kept.cues[-1].end) == (False, 10)
    assert (trimmed.trim, trimmed.seconds, trimmed.cues[-1].end) == (True, 10, 6)


def test_nothing_is_trimmed_where_the_service_makes_the_very_length():
    (clip,) = cut(segment(5), fit="trim")
    assert not clip.trim


@pytest.mark.parametrize(
    ("source", "step"),
    [
        ("flux", Step.REQUEST_IMAGE),
        ("vertex_image", Step.REQUEST_IMAGE),
        ("own_picture", Step.FETCH_IMAGE),
        ("none", Step.REQUEST_VIDEO),
    ],
)
def test_a_clip_begins_where_its_start_frame_comes_from(source, step):
    picture = "/pictures/lake.png" if source == "own_picture" else None
    (clip,) = clips_for(definition_of(target_duration=5), plan_of(segment(5)), "16:9", way(start_frame=source, start_image=picture))
    assert clip.step == step
    assert clip.image.url == picture


def test_a_clip_knows_who_makes_it_and_with_which_model():
    (clip,) = cut(segment(5))
    assert (clip.service, clip.model, clip.resolution) == ("some_service", "a model", "720p")


def test_every_difference_from_what_was_asked_is_told():
    job = new_job(service="ltx_api", clips=cut(segment(6), shape="1:1"))
    assert differences(job) == [
        "10 seconds are made where 6 were asked for: ltx_api makes clips of certain lengths only.",
        "ltx_api makes no 1:1: 16:9 is made and cut in the middle.",
    ]
    job.clips = cut(segment(6), fit="trim")
    assert differences(job) == ["10 seconds are made and cut to 6: ltx_api makes clips of certain lengths only."]


@pytest.mark.case
def test_letters_that_a_preview_cannot_show_are_told_before_it_is_made():
    job = new_job(service="local_studio", clips=cut(segment(5, content="The sign 𓀀 and 潮 and मछली.")))
    assert [sentence for sentence in differences(job) if "𓀀" in sentence and "潮" not in sentence and "letters" in sentence]
    assert differences(new_job(service="ltx_api", clips=cut(segment(5, content="The sign 𓀀.")))) == []


@pytest.mark.case
@pytest.mark.parametrize("narration", [None, Narration(voice="none", complete=True)])
@pytest.mark.parametrize(("length", "seconds"), [("exact", 3), ("at_least", 12)])
def test_a_film_without_a_voice_that_may_be_longer_is_as_long_as_its_script(narration, length, seconds):
    plan = plan_of(segment(8), segment(4)).model_copy(update={"planner": PlannerRecord(name="archetype_templates")})
    wanted = definition_of(target_duration=3, length=length, clips="auto", pace="voice")
    film, made = cut_film(FilmPlan(aspect_ratio="16:9"), wanted, plan, narration, way(), price_of=Decimal)
    assert film.seconds == seconds
    assert sum(clip.asked_seconds for clip in made) == seconds
