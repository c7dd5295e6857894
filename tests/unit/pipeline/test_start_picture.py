"""A user's own start picture: kept with its job from acceptance to the end, known by name, whatever becomes of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tenxsom.app import App
from tenxsom.errors import BadDefinition, BadInput, DiskError
from tenxsom.pipeline import lookup
from tenxsom.pipeline.intake import Order
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite


@pytest.fixture
def vendor() -> PaperVendor:
    return PaperVendor()


@pytest.fixture
def app(home: Path, vendor: PaperVendor) -> App:
    Image.new("RGB", (64, 36), (200, 40, 30)).save(home / "mine.png")
    return paper_suite(home, vendor)


def order(app: App, **changes: Any) -> Order:
    page = app.settings.home / "lake.page.json"
    page.write_text(json.dumps(definition(start_image="mine.png") | changes))
    (read,) = app.orchestrator().read([str(page)])
    return read


def submitted(app: App, wanted: Order) -> str:
    (outcome,) = app.orchestrator().submit_all([wanted])
    return outcome.state


def stored(app: App) -> str:
    return (app.settings.pending_folder / "lake.json").read_text()


def tick(app: App) -> str:
    (outcome,) = app.poller().tick(["lake"], at_once=True)
    return outcome.state


def test_no_state_names_a_place_of_this_machine_and_the_file_may_go_once_it_is_accepted(app, vendor):
    wanted = order(app)
    app.events.subscribe(lambda event: (app.settings.home / "mine.png").unlink(missing_ok=True))  # with the first word of it
    assert submitted(app, wanted) == "waiting"
    assert str(app.settings.home) not in stored(app)
    assert json.loads(stored(app))["route"]["start_image"] == "lake~start"
    assert app.artifacts.exists("lake~start")
    assert tick(app) == "completed"
    assert [charge["kind"] for charge in vendor.charges] == ["video"]
    assert not app.artifacts.exists("lake~start")


def test_another_installation_of_the_folders_goes_on_with_the_picture(app, vendor, tmp_path):
    vendor.mood = "not_sent"
    submitted(app, order(app))
    vendor.mood = "accept"
    moved = tmp_path / "moved"
    app.settings.home.rename(moved)
    (moved / "mine.png").unlink()
    elsewhere = paper_suite(moved, vendor)
    with elsewhere.store.claim("lake") as claim:  # as a clip that has to be fetched once more
        assert claim
        claim.job.clips[0].step = claim.job.clips[0].first_step
        claim.save()
    for _ in range(3):
        state = tick(elsewhere)
    assert state == "completed"


def test_a_failed_job_keeps_its_picture_and_a_retry_begins_with_it(app, vendor):
    vendor.mood = "refuse"
    assert submitted(app, order(app)) == "failed"
    (app.settings.home / "mine.png").unlink()
    assert app.artifacts.exists("lake~start")
    manager = app.manager()
    manager.retry(manager.retry_cost("lake")[0])
    vendor.mood = "accept"
    for _ in range(3):
        state = tick(app)
    assert state == "completed"
    assert not app.artifacts.exists("lake~start")


def test_a_state_of_an_earlier_version_with_a_path_still_works(app, vendor):
    vendor.mood = "not_sent"
    submitted(app, order(app))
    app.artifacts.remove("lake~start")
    with app.store.claim("lake") as claim:
        path = str(app.settings.home / "mine.png")
        claim.job.route.start_image = path
        clip = claim.job.clips[0]
        clip.image.job_id = clip.image.url = path
        clip.step = clip.first_step
        claim.save()
    vendor.mood = "accept"
    for _ in range(3):
        state = tick(app)
    assert state == "completed"
    assert (app.settings.home / "mine.png").exists()


def test_a_job_that_was_accepted_meanwhile_keeps_the_picture_it_was_accepted_with(app, monkeypatch):
    late = order(app)
    assert submitted(app, late) == "waiting"
    before = app.artifacts.local("lake~start").read_bytes()
    Image.new("RGB", (64, 36), (0, 0, 250)).save(app.settings.home / "mine.png")
    monkeypatch.setattr(lookup, "look_up", lambda *_, **__: lookup.Lookup(lookup.SubmissionCheck.NEW))
    app.orchestrator().submit(late)
    assert app.artifacts.local("lake~start").read_bytes() == before


def test_a_picture_that_has_gone_since_it_was_looked_at_has_nothing_accepted(app):
    wanted = order(app)
    (app.settings.home / "mine.png").unlink()
    with pytest.raises(BadInput, match="start_image"):
        app.orchestrator().submit(wanted)
    assert app.store.ids() == []


def test_a_picture_that_cannot_be_kept_has_nothing_accepted(app, monkeypatch):
    wanted = order(app)

    def full(path: Path, *_: object) -> None:
        raise DiskError(f"{path} cannot be written: no space left.")

    monkeypatch.setattr(app.artifacts, "write", full)
    with pytest.raises(DiskError):
        app.orchestrator().submit(wanted)
    assert app.store.ids() == []


@pytest.mark.case
@pytest.mark.parametrize("size", [(1, 1), (50_000, 1), (31, 400)])
def test_a_picture_that_is_too_small_to_be_seen_is_refused_before_anything_is_paid(app, size):
    Image.new("RGB", size).save(app.settings.home / "icon.png")
    with pytest.raises(BadDefinition, match=f"icon.png has {size[0]}x{size[1]} pixels; a start frame needs 32 at least"):
        order(app, start_image="icon.png")
