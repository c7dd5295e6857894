"""A job's brand is what it was when the job was accepted, whatever becomes of the brand's files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import BadDefinition, BadInput
from tenxsom.model import file_names
from tenxsom.model.brand import Brand
from tenxsom.model.job import VideoJob
from tests.states import new_job

PAGE = {"content_id": "lake", "title": "Why lakes are still", "archetype": "explainer", "tier": "volume", "target_duration": 3,
        "platform": "youtube_shorts"}  # fmt: skip


@pytest.fixture
def brands(home: Path) -> Path:
    """A brand called `steam`, with a logo."""
    folder = home / "templates" / "brands"
    (folder / "steam").mkdir(parents=True)
    Image.new("RGB", (64, 64), "red").save(folder / "steam" / "logo.png")
    written = {"name": "Steam", "logo": {"file": "steam/logo.png"}, "voice": "none", "colours": {"accent": "#FF0000"}}
    (folder / "steam.json").write_text(json.dumps(written))
    return folder


def accepted(app: App, home: Path, **changes: Any) -> VideoJob:
    file = home / "lake.json"
    file.write_text(json.dumps(PAGE | changes))
    orchestrator = app.orchestrator()
    (order,) = orchestrator.read([str(file)])
    with orchestrator._owned(order) as claim:
        assert claim
        app.finisher.archive_previous_run(claim)
        job = app.store.load("lake")
    assert job
    return job


def logo_of(kit: Brand) -> Path:
    assert kit.logo
    return Path(kit.logo.file or "")


def test_a_brand_that_is_removed_after_acceptance_is_that_of_the_film_all_the_same(brands: Path, home: Path) -> None:
    logo = (brands / "steam" / "logo.png").read_bytes()
    with App(settings.load()) as app:
        job = accepted(app, home, brand="steam")
        shutil.rmtree(brands)
    with App(settings.load()) as later:
        chosen = later.brands.of(job)
        assert chosen.name == "steam"
        assert chosen.kit
        assert chosen.kit.voice == "none"
        assert logo_of(chosen.kit).read_bytes() == logo
        assert logo_of(chosen.kit).parent == home / "completed_videos"


def test_a_brand_that_is_changed_after_acceptance_changes_no_film(brands: Path, home: Path) -> None:
    with App(settings.load()) as app:
        job = accepted(app, home, brand="steam")
    (brands / "steam.json").write_text('{"name": "Water", "colours": {"accent": "#00FF00"}}')
    Image.new("RGB", (64, 64), "green").save(brands / "steam" / "logo.png")
    with App(settings.load()) as later:
        kit = later.brands.of(job).kit
        assert kit
        assert (kit.name, kit.colours.accent) == ("Steam", "#FF0000")
        assert Image.open(logo_of(kit)).getpixel((0, 0)) == (255, 0, 0)


def test_the_brand_of_the_settings_is_kept_too_and_a_later_one_is_not_taken(
    brands: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with App(settings.load()) as app:
        plain = accepted(app, home)
    monkeypatch.setenv("BRAND", "steam")
    with App(settings.load()) as app:
        assert app.brands.of(plain).name == ""
        (home / "pending_video_jobs" / "lake.json").unlink()
        branded = accepted(app, home)
    monkeypatch.delenv("BRAND")
    with App(settings.load()) as app:
        assert app.brands.of(branded).name == "steam"


def test_a_job_of_an_earlier_version_has_the_brand_of_the_templates(brands: Path) -> None:
    with App(settings.load()) as app:
        job = new_job(definition={"content_id": "lake", "brand": "steam"})
        assert app.brands.of(job) == app.brands.of(VideoJob.from_dict(job.as_dict()))
        assert app.brands.of(job).kit == app.templates.brand("steam")
        shutil.rmtree(brands)
    with App(settings.load()) as later, pytest.raises(BadDefinition, match="steam"):
        later.brands.of(job)


def test_files_of_the_kit_are_parts_of_the_job_and_go_with_its_clips(brands: Path, home: Path) -> None:
    with App(settings.load()) as app:
        job = accepted(app, home, brand="steam")
        (name,) = job.brand_files()
        assert file_names.is_part(name)
        assert file_names.owner_of_part(name) == "lake"
        with app.store.claim("lake") as claim:
            assert claim
            claim.job.clips = []
            app.finisher.remove_from_queue(claim, keep_clips=True)
            assert app.artifacts.exists(name)
            app.finisher._keeps_parts = False
            app.finisher.remove_from_queue(claim)
        assert not app.artifacts.exists(name)


def test_a_second_run_has_its_own_brand_and_a_first_one_that_is_not_done_keeps_its(brands: Path, home: Path) -> None:
    with App(settings.load()) as app:
        first = accepted(app, home, brand="steam")
        (home / "pending_video_jobs" / "lake.json").unlink()
        (home / "completed_videos" / "lake.mp4").write_bytes(b"of the first run")
        Image.new("RGB", (64, 64), "blue").save(brands / "steam" / "logo.png")
        second = accepted(app, home, brand="steam")
        assert first.brand_files() != second.brand_files()
        assert app.brands.missing_file(second) is None


def test_a_translation_takes_the_brand_over_with_files_of_its_own(brands: Path, home: Path) -> None:
    with App(settings.load()) as app:
        job = accepted(app, home, brand="steam")
        shutil.rmtree(brands)
        other = new_job("lake-de")
        app.brands.take_over(other, job)
        (theirs,), (ours,) = job.brand_files(), other.brand_files()
        assert ours.startswith("lake-de~")
        app.artifacts.remove(theirs)
        assert app.brands.missing_file(other) is None
        with pytest.raises(BadInput, match="not kept any more"):
            app.brands.take_over(new_job("lake-fr"), job)


def test_a_brands_file_that_disappears_before_acceptance_is_a_bad_definition(brands: Path, home: Path) -> None:
    with App(settings.load()) as app:
        file = home / "lake.json"
        file.write_text(json.dumps(PAGE | {"brand": "steam"}))
        orchestrator = app.orchestrator()
        (order,) = orchestrator.read([str(file)])
        (brands / "steam" / "logo.png").unlink()
        with pytest.raises(BadDefinition, match=r"logo\.png is not there"), orchestrator._owned(order):
            pytest.fail("it was accepted")
        assert app.store.ids() == []


def test_a_word_in_braces_that_stands_for_nothing_is_refused_before_it_is_in_a_film(home, brands):
    (brands / "steam.json").write_text(json.dumps({"outro": {"text": "{titel}: the end"}}))
    (home / "lake.json").write_text(json.dumps(PAGE | {"brand": "steam"}))
    with App(settings.load()) as app, pytest.raises(BadDefinition, match=r"brand.outro.text: \{titel\} stands for nothing"):
        app.orchestrator().read([str(home / "lake.json")])
