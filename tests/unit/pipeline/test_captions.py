"""The captions of a job: what is refused before anything is paid, and how they look."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import BadInput
from tenxsom.media.captions.look import ACCENT, WHITE
from tenxsom.media.captions.phrases import TimedWord
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.brand import Brand
from tenxsom.model.definition import JobDefinition
from tenxsom.model.film import FilmPlan
from tenxsom.pipeline.captions import FontChoice, chosen_font, look_of, overlays_of, problems, undrawable
from tenxsom.settings import ROOT
from tenxsom.store.templates import Templates
from tests.made_fonts import make_font
from tests.scripts_of_the_world import SENTENCES
from tests.states import new_job

UPRIGHT = (360, 640)
PLATFORMS = Templates(ROOT, ROOT).platforms


def definition(**fields: object) -> JobDefinition:
    basis = {"content_id": "tide", "title": "Tides", "archetype": "explainer", "tier": "volume", "target_duration": 20.0}
    return JobDefinition.model_validate({**basis, "platform": "youtube_shorts", **fields})


# what is refused


def test_all_texts_that_no_font_can_draw_are_told_together_with_their_places() -> None:
    found = problems(definition(title="A 𓀀", script=[{"text": "plain"}, {"text": "with 𒀀"}], thumbnail_title="𓂀"), FontChoice())
    assert [problem.path for problem in found] == ["title", "script.1.text", "thumbnail_title"]
    assert "𒀀" in found[1].message


def test_a_script_in_one_text_is_looked_at_too() -> None:
    assert [problem.path for problem in problems(definition(script="𓀀 walks"), FontChoice())] == ["script"]


@pytest.mark.parametrize("language", SENTENCES)
def test_the_worlds_scripts_are_no_problem(language: str) -> None:
    assert problems(definition(title=SENTENCES[language].strip(), script=SENTENCES[language]), FontChoice()) == []


def test_a_font_that_cannot_be_used_is_told_with_what_names_it(tmp_path: Path) -> None:
    (tmp_path / "brand.ttf").write_text("no font")
    (problem,) = problems(definition(), FontChoice(tmp_path / "brand.ttf", "CAPTION_FONT"))
    assert problem.path == "CAPTION_FONT"
    assert "cannot be used as a font" in problem.message
    with pytest.raises(BadInput):
        undrawable(["a"], FontChoice(tmp_path / "brand.ttf", "CAPTION_FONT"))


def test_planned_words_that_cannot_be_drawn_are_a_warning() -> None:
    assert undrawable(["plain", "潮"], FontChoice()) is None
    assert "𓀀" in (undrawable(["plain", "𓀀"], FontChoice()) or "")


@pytest.mark.case
@pytest.mark.parametrize("planned", ["title", "words"])
def test_what_a_planner_wrote_and_no_font_draws_is_told_when_the_job_is_cut_and_nothing_is_ordered(
    planned: str, home: Path
) -> None:
    title, words = ("A 𓀀", "plain") if planned == "title" else ("Plain", "It says 𓀀.")
    segment = {"segment_type": "hook", "content": words, "visual_cue": "a wall", "duration": 4.0}
    plan = Blueprint.model_validate({"video_plan": {"title": title, "voice": "calm", "script_segments": [segment]}})
    job = new_job(blueprint=plan, film=FilmPlan(title=title, captions="burned"))
    with App(settings.load()) as app:
        assert any("𓀀" in sentence for sentence in app.cutter.differences(job))
        job.film = FilmPlan(title=title, captions="srt")
        assert app.cutter.differences(job) == []


def test_the_brands_font_comes_before_the_settings(tmp_path: Path) -> None:
    brand = Brand.model_validate({"name": "B", "fonts": {"captions": "bold.ttf"}}).in_folder(tmp_path)
    assert chosen_font(brand, Path("/x.ttf")) == FontChoice(tmp_path / "bold.ttf", "brand.fonts.captions")
    assert chosen_font(Brand(), Path("/x.ttf")) == FontChoice(Path("/x.ttf"), "CAPTION_FONT")
    assert chosen_font(None, None) == FontChoice()


# how they look


def film(**fields: object) -> FilmPlan:
    return FilmPlan.model_validate({"seconds": 4.0, "title": "Tides", "aspect_ratio": "9:16", "language": "en", **fields})


def test_without_a_brand_captions_have_the_programs_look_in_the_platforms_safe_area() -> None:
    look = look_of(film(), UPRIGHT, PLATFORMS["youtube_shorts"], None, FontChoice())
    assert (look.style, look.ink, look.accent, look.font) == ("word_box", WHITE, ACCENT, None)
    assert look.box.bottom == pytest.approx(0.65 * 640, abs=1)


def test_a_brands_look_is_used_and_the_definitions_style_wins(tmp_path: Path) -> None:
    font = make_font(tmp_path / "squares.ttf", "AB")
    brand = Brand.model_validate({"caption_style": "line", "colours": {"ink": "#102030", "accent": "#F40"}})
    choice = FontChoice(font.path, "CAPTION_FONT")
    look = look_of(film(), UPRIGHT, PLATFORMS["tiktok"], brand, choice)
    assert (look.style, look.ink, look.accent, look.font) == ("line", (16, 32, 48), (255, 68, 0), font)
    assert look_of(film(caption_style="word_colour"), UPRIGHT, PLATFORMS["tiktok"], brand, choice).style == "word_colour"


def test_a_film_begins_with_its_title_and_shows_its_words() -> None:
    look = look_of(film(), UPRIGHT, PLATFORMS["tiktok"], None, FontChoice())
    words = [TimedWord("Two", 0.2, 0.5), TimedWord("tides", 0.5, 1.0)]
    hook, *captions = overlays_of(film(), words, UPRIGHT, look)
    assert (hook.start, hook.strength(0)) == (0, 1)
    assert [caption.start for caption in captions] == [0.2, 0.5]
    assert hook.top + hook.picture().height < captions[0].top


def test_a_film_without_a_title_has_captions_only() -> None:
    look = look_of(film(), UPRIGHT, PLATFORMS["tiktok"], None, FontChoice())
    assert len(list(overlays_of(film(title=""), [TimedWord("tides", 0.5, 1.0)], UPRIGHT, look))) == 1
