"""The subtitles of a film that is joined from clips: on the time line of what was delivered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.film import FilmPlan
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import MediaFacts
from tenxsom.pipeline.film_subtitles import subtitles_of
from tests.states import new_clip, new_job
from tests.unit.media.test_subtitles import blocks


def a_job(*delivered: float, film: float | None = None) -> VideoJob:
    clips = [
        new_clip(index=index, facts={"seconds": seconds},
                 cues=[{"start": 0, "end": 2.5, "text": f"First {index}."}, {"start": 2.5, "end": 5, "text": f"Second {index}."}])
        for index, seconds in enumerate(delivered)
    ]  # fmt: skip
    job = new_job(clips=clips)
    job.media = MediaFacts(seconds=film) if film else None
    return job


def times(job: VideoJob) -> list[tuple[float, float]]:
    return [(start / 1000, end / 1000) for start, end, _ in blocks(subtitles_of(job))]


def test_a_clip_that_is_longer_than_ordered_keeps_its_pace_and_the_next_one_begins_behind_it() -> None:
    assert times(a_job(5.5, 5.0)) == [(0, 2.5), (2.5, 5), (5.5, 8), (8, 10.5)]


def test_the_words_of_a_clip_that_is_shorter_than_ordered_are_spoken_faster() -> None:
    assert times(a_job(4.0, 5.0)) == [(0, 2), (2, 4), (4, 6.5), (6.5, 9)]


def test_what_joining_adds_or_takes_is_shared_by_all_clips() -> None:
    found = times(a_job(*[5.0] * 20, film=99.0))
    assert found[-1][1] == pytest.approx(99.0, abs=0.002)
    assert found[20][0] == pytest.approx(49.5, abs=0.002)


def test_a_cue_never_leaves_its_clip_even_if_there_is_no_time_for_it() -> None:
    assert [len(lines) for _, _, lines in blocks(subtitles_of(a_job(1.0)))] == [1]
    assert times(a_job(1.0)) == [(0, 1)]
    assert times(a_job(0.4, 5.0))[0] == (0, 0.4)


def test_no_cue_of_a_planned_film_is_longer_on_the_screen_than_the_film(tmp_path: Path) -> None:
    segment = {"segment_type": "hook", "content": "The sea rises.", "visual_cue": "sea", "duration": 7.3}
    plan = Blueprint.model_validate({"video_plan": {"title": "The sea", "voice": "calm", "script_segments": [segment]}})
    film = FilmPlan(seconds=7.3, end=7.3, captions="srt")
    job = new_job("sea", blueprint=plan, film=film, media=MediaFacts(seconds=7.292))  # 175 pictures
    (tmp_path / "completed_videos").mkdir()
    with App(settings.load({"TENXSOM_HOME": str(tmp_path)})) as app:
        app.film_maker().write_subtitles(job)
    *_, (_, end, _) = blocks((tmp_path / "completed_videos" / "sea.srt").read_text(encoding="utf-8"))
    assert end == 7292
    assert "00:07.292" in (tmp_path / "completed_videos" / "sea.vtt").read_text(encoding="utf-8")
