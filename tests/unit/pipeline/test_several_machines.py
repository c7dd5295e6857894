"""The files of a job are known by name only: each of its steps may run on another machine, with an empty disk of its own."""

from __future__ import annotations

import io
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import ServiceRefused
from tenxsom.store.base import Artifacts
from tests.belt import PLAIN_FILMS, TOKEN, definition
from tests.odd_videos import payload, write_clip
from tests.stores import ARTIFACTS
from tests.unit.pipeline.test_delivery import FilmVendor


class Machines:
    """One queue and one store of files; every command runs on a new machine."""

    def __init__(self, place: Path, kind: str, *films: Path) -> None:
        self.place, self.kind, self.vendor = place, kind, FilmVendor(*films)

    def files(self) -> Artifacts:
        """Open the files of all machines, on the disk of another one."""
        return ARTIFACTS[self.kind](self.place)

    def new(self) -> App:
        app = App(settings.load(PLAIN_FILMS | {"TENXSOM_HOME": str(self.place), "USEAPI_BEARER_TOKEN": TOKEN}), self.files())
        app._services["useapi_ltx"] = app._sources["flux", "useapi_ltx"] = self.vendor
        return app

    def submit(self, **changes: Any) -> None:
        source = self.place / "lake.page.json"
        source.write_text(json.dumps(definition(**changes)))
        orchestrator = self.new().orchestrator()
        orchestrator.submit_all(orchestrator.read([str(source)]))

    def tick(self) -> str:
        (outcome,) = self.new().poller().tick(["lake"], at_once=True)
        return outcome.state

    def collect(self) -> str:
        for _ in range(10):
            if (state := self.tick()) not in ("submitting", "waiting"):
                break
        return state


@pytest.fixture(params=["s3", *(pytest.param(name, marks=pytest.mark.slow) for name in ("objects", "memory"))])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "film.mp4", size=(320, 180))


def test_a_film_of_several_clips_is_made_with_every_step_on_another_machine(tmp_path, kind, film):
    machines = Machines(tmp_path, kind, film)
    machines.submit(target_duration=9, clips="storyboard")
    assert machines.collect() == "completed"
    paid = [charge["kind"] for charge in machines.vendor.charges]
    assert paid.count("video") == machines.vendor.downloads > 1
    published = ["lake.mp4", "lake.jpg", "lake.srt", "lake.blueprint.json", "lake_completion_report.json"]
    assert machines.files().files_of("lake") == published
    assert not list(machines.files().scratch_files())
    assert not list((tmp_path / "completed_videos").iterdir())


def test_a_picture_of_ones_own_reaches_the_machine_that_uploads_it(tmp_path, kind, film):
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), "navy").save(picture, "PNG")
    (tmp_path / "mine.png").write_bytes(picture.getvalue())
    machines = Machines(tmp_path, kind, film)
    machines.vendor.mood = "busy"
    machines.submit(start_image="mine.png")
    (tmp_path / "mine.png").unlink()
    assert machines.collect() == "completed"
    assert not machines.files().exists("lake~start")
    assert [charge["kind"] for charge in machines.vendor.charges] == ["video"]


def test_a_refused_file_is_decided_about_on_another_machine(tmp_path, kind, film):
    data = bytearray(film.read_bytes())
    for at, size in payload(film, "audio")[1:]:
        data[at : at + size] = os.urandom(size)
    film.write_bytes(data)
    machines = Machines(tmp_path, kind, film)
    machines.submit()
    states = [machines.tick() for _ in range(3)]
    assert states[-1] == "needs_decision"
    assert machines.files().exists("lake~refused01.mp4")
    machines.new().manager().resolve("lake", None, take_as_is=True)
    assert machines.collect() == "completed"
    assert not machines.files().exists("lake~refused01.mp4")


def test_a_retry_on_another_machine_finds_the_clips_that_are_there(tmp_path, kind, film, monkeypatch):
    machines = Machines(tmp_path, kind, film)
    order, calls = machines.vendor.request_video, itertools.count(1)

    def refuse_the_second(asked: Any, reference: str) -> Any:
        if next(calls) == 2:
            raise ServiceRefused("422: moderated", 422)
        return order(asked, reference)

    monkeypatch.setattr(machines.vendor, "request_video", refuse_the_second)
    machines.submit(target_duration=9, clips="storyboard")
    assert machines.collect() == "failed"
    fetched = machines.vendor.downloads
    kept = [name for name in machines.files().files_of("lake") if "~clip" in name]
    assert len(kept) == fetched > 0
    manager = machines.new().manager()
    manager.retry(manager.retry_cost("lake")[0])
    assert machines.collect() == "completed"
    ordered = [charge for charge in machines.vendor.charges if charge["kind"] == "video"]
    assert machines.vendor.downloads == len(ordered) > fetched, "each clip is fetched once"
