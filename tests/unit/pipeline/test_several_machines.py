"""The files of a job are known by name only: each of its steps may run on another machine, with an empty disk of its own."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tenxsom import settings
from tenxsom.app import App
from tests.belt import PLAIN_FILMS, TOKEN, definition
from tests.memory_artifacts import MemoryArtifacts
from tests.odd_videos import payload, write_clip
from tests.unit.pipeline.test_delivery import FilmVendor


class Machines:
    """One queue and one store of files; every command runs on a new machine."""

    def __init__(self, place: Path, *films: Path) -> None:
        self.place, self.vendor = place, FilmVendor(*films)
        self.objects: dict[str, bytes] = {}
        self.started = 0

    def new(self) -> App:
        self.started += 1
        artifacts = MemoryArtifacts(self.objects, self.place / f"machine-{self.started}")
        app = App(settings.load(PLAIN_FILMS | {"TENXSOM_HOME": str(self.place), "USEAPI_BEARER_TOKEN": TOKEN}), artifacts)
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


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "film.mp4", size=(320, 180))


def test_a_film_of_several_clips_is_made_with_every_step_on_another_machine(tmp_path, film):
    machines = Machines(tmp_path, film)
    machines.submit(target_duration=9, clips="storyboard")
    assert machines.collect() == "completed"
    paid = [charge["kind"] for charge in machines.vendor.charges]
    assert paid.count("video") == machines.vendor.downloads > 1
    assert set(machines.objects) == {
        "lake.mp4",
        "lake.jpg",
        "lake.srt",
        "lake.blueprint.json",
        "lake_completion_report.json",
    }
    assert not list((tmp_path / "completed_videos").iterdir())


def test_a_picture_of_ones_own_reaches_the_machine_that_uploads_it(tmp_path, film):
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), "navy").save(picture, "PNG")
    (tmp_path / "mine.png").write_bytes(picture.getvalue())
    machines = Machines(tmp_path, film)
    machines.vendor.mood = "busy"
    machines.submit(start_image="mine.png")
    (tmp_path / "mine.png").unlink()
    assert machines.collect() == "completed"
    assert "lake~start" not in machines.objects
    assert [charge["kind"] for charge in machines.vendor.charges] == ["video"]


def test_a_refused_file_is_decided_about_on_another_machine(tmp_path, film):
    data = bytearray(film.read_bytes())
    for at, size in payload(film, "audio")[1:]:
        data[at : at + size] = os.urandom(size)
    film.write_bytes(data)
    machines = Machines(tmp_path, film)
    machines.submit()
    states = [machines.tick() for _ in range(3)]
    assert states[-1] == "needs_decision"
    assert "lake~refused01.mp4" in machines.objects
    machines.new().manager().resolve("lake", None, take_as_is=True)
    assert machines.collect() == "completed"
    assert "lake~refused01.mp4" not in machines.objects
