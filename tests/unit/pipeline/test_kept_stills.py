"""A still that was paid for and fetched is kept until its job has its film: a retry uploads it again and pays for none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tenxsom.app import App
from tenxsom.errors import NotFound
from tenxsom.model.blueprint import parse_blueprint
from tenxsom.services.base import GenerationStatus
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite

PLAN = {"segment_type": "part", "content": "A lake glows.", "visual_cue": "A lake at night.", "duration": 3}


class Painter(PaperVendor):
    """An image model whose order's response is the picture: what it has painted is not there a second time."""

    name = "vertex_image"
    can_reconcile = False

    def __init__(self) -> None:
        super().__init__()
        self.given: set[str] = set()

    def discard(self, job_id: str) -> None:
        self.given.add(job_id)

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        if image["job_id"] in self.given:
            raise NotFound("The picture is not in our folder any more.")
        return super().image_status(image, endpoint)


class House:
    """A service whose uploads expire, with stills of an image model."""

    def __init__(self, home: Path) -> None:
        self.vendor, self.painter = PaperVendor(), Painter()
        settings = {
            "VIDEO_SERVICE": "ltx_api",
            "LTX_API_KEY": "key",
            "START_FRAMES": "vertex_image",
            "VERTEX_AI_PROJECT_ID": "demo-project",
            "VERTEX_IMAGE_MODEL_ID": "gemini-3.1-flash-image",
        }
        self.app: App = paper_suite(home, self.vendor, **settings)
        self.app._services["ltx_api"] = self.vendor
        self.app._sources["vertex_image", "ltx_api"] = self.painter

    def submit(self, **changes: Any) -> None:
        page = self.app.settings.home / "lake.page.json"
        page.write_text(json.dumps(definition(length="at_least", **changes)))  # paper cannot be cut
        blueprint = parse_blueprint(json.dumps({"video_plan": {"title": "Lake", "script_segments": [PLAN]}}).encode(), "plan.json")
        orchestrator = self.app.orchestrator(again=bool(self.report))
        orchestrator.submit_all(orchestrator.read([str(page)]), blueprint)

    def retry(self) -> str:
        job, cost = self.app.manager().retry_cost("lake")
        self.app.manager().retry(job)
        return cost

    def ticks(self) -> None:
        for _ in range(4):
            self.app.poller().tick(self.app.store.ids(), at_once=True)

    @property
    def report(self) -> dict[str, Any] | None:
        return self.app.artifacts.final_report("lake")

    @property
    def state(self) -> str | None:
        return self.report["state"] if self.report else None


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.app.close()


def refused_at_the_order(house: House) -> None:
    house.vendor.mood = "refuse"
    house.submit()


def failed_at_the_service(house: House) -> None:
    house.submit()
    house.vendor.check = "failed"
    house.ticks()
    house.vendor.check = "ready"


def cancelled(house: House) -> None:
    house.vendor.mood = "not_sent"
    house.submit()
    house.app.manager().cancel("lake")


@pytest.mark.parametrize("fail", [refused_at_the_order, failed_at_the_service, cancelled])
def test_a_retry_uses_the_still_that_was_paid_for(house, fail):
    fail(house)
    assert house.state in ("failed", "cancelled")
    assert len(house.painter.charges) == 1
    clip_alone = house.app.prices.of_clip(job := house.app.manager().retry_cost("lake")[0], job.clips[0])
    cost = house.retry()
    house.ticks()
    assert house.state == "completed"
    assert f"${clip_alone}" in cost
    assert len(house.painter.charges) == 1
    assert [name for name in house.app.artifacts.files_of("lake") if "~still" in name] == []


def test_a_still_that_is_gone_is_in_the_price_of_the_retry(house):
    refused_at_the_order(house)
    kept, _ = house.app.manager().retry_cost("lake")
    house.app.artifacts.remove("lake~still01")
    gone, _ = house.app.manager().retry_cost("lake")
    assert kept.clips[0].step == "upload_asset"
    assert gone.clips[0].step == "request_image"
    house.retry()
    house.ticks()
    assert house.state == "completed"
    assert len(house.painter.charges) == 2


def test_a_still_that_disappears_after_the_price_was_said_is_not_paid_for_unasked(house):
    refused_at_the_order(house)
    house.retry()
    house.app.artifacts.remove("lake~still01")
    for _ in range(8):
        house.ticks()
    assert house.state == "failed"
    assert len(house.painter.charges) == 1
    assert house.app.manager().retry_cost("lake")[0].clips[0].step == "request_image"


def test_a_deliberate_second_job_makes_its_own_still_and_keeps_the_first_one(house):
    refused_at_the_order(house)
    house.submit()
    house.ticks()
    assert house.state == "completed"
    assert len(house.painter.charges) == 2
    assert house.app.artifacts.exists("lake~1~still01")
    assert not house.app.artifacts.exists("lake~still01")
