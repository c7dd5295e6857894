"""Two machines with disks of their own share a database and an object store: each may go on where the other one ended."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tenxsom import settings
from tenxsom.app import App
from tenxsom.services.base import GenerationState, GenerationStatus
from tests import databases
from tests.belt import PLAIN_FILMS, TOKEN, definition
from tests.odd_videos import write_clip
from tests.stores import stub_s3
from tests.unit.pipeline.test_delivery import FilmVendor


class SlowVendor(FilmVendor):
    """A vendor of whose clips one is ready in each tick."""

    ready = 0

    def video_status(self, video: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        self.ready -= 1
        return super().video_status(video, endpoint) if self.ready >= 0 else GenerationStatus(GenerationState.RUNNING, percent=10)


class Fleet:
    """A database, an object store, a vendor, and machines that take turns."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.vendor = SlowVendor(write_clip(place / "film.mp4", size=(320, 180)))
        self.shared = {"QUEUE_URL": databases.url(place), **stub_s3().settings(place.as_posix().strip("/"))}

    def machine(self, name: str) -> App:
        home = self.place / name
        home.mkdir(exist_ok=True)
        given = PLAIN_FILMS | {"TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": TOKEN, "KEEP_CLIPS_DAYS": "30", **self.shared}
        app = App(settings.load(given | {"CAPTIONS": "both"}))
        app._services["useapi_ltx"] = app._sources["flux", "useapi_ltx"] = self.vendor
        app.connect()
        return app

    def submit(self, name: str, **changes: Any) -> None:
        source = self.place / name / "lake.page.json"
        source.parent.mkdir(exist_ok=True)
        source.write_text(json.dumps(definition(**changes)))
        with self.machine(name) as app:
            orchestrator = app.orchestrator()
            orchestrator.submit_all(orchestrator.read([str(source)]))

    def tick(self, name: str) -> str:
        self.vendor.ready = 1
        with self.machine(name) as app:
            (outcome,) = app.poller().tick(["lake"], at_once=True)
            return outcome.state


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    yield Fleet(tmp_path)
    databases.close(tmp_path)


@pytest.mark.slow
def test_a_film_is_made_by_machines_that_take_turns_and_made_again_by_a_third(fleet, tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), "navy").save(picture, "PNG")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine.png").write_bytes(picture.getvalue())
    fleet.vendor.mood = "busy"
    fleet.submit("one", start_image="mine.png", target_duration=9, clips="storyboard")
    (tmp_path / "one" / "mine.png").unlink()
    states = []
    for number in range(20):
        states.append(fleet.tick(("two", "one")[number % 2]))
        if states[-1] not in ("submitting", "waiting", "accepted"):
            break
    assert states[-1] == "completed", states
    ordered = [charge for charge in fleet.vendor.charges if charge["kind"] == "video"]
    assert len(states) >= len(ordered) > 1, "each machine has fetched some"
    assert fleet.vendor.downloads == len(ordered), "a clip that one machine has fetched is not fetched by the other"
    assert len({charge["replyRef"] for charge in fleet.vendor.charges}) == len(fleet.vendor.charges)
    for name in ("one", "two"):
        assert list((tmp_path / name / "completed_videos").rglob("*")) == []
        assert [path.name for path in (tmp_path / name / "scratch").iterdir()] == [".locks"]

    with fleet.machine("three") as app:
        app.reassembler().reassemble("lake", {"title": "Another title"})
        report = app.artifacts.final_report("lake")
        assert report is not None
        assert report["title"] == "Another title"
        assert app.artifacts.exists("lake~1.mp4")
    with fleet.machine("one") as app:
        assert app.artifacts.local("lake.mp4").stat().st_size == report["media"]["size_bytes"]
    assert fleet.vendor.downloads == len(ordered)
