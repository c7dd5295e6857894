"""A submission that cannot go on waits as a whole, and goes on by itself."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.app import App
from tenxsom.errors import NotSent, ServiceBusy, SubmitUnclear, TenxsomError
from tenxsom.model.job import VideoJob
from tenxsom.services.base import Submitted, VideoOrder
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite

SCRIPT = [{"text": f"{word} remembers every rain.", "visual": word} for word in ("Moss", "Bark", "Stone")]


class Vendor(PaperVendor):
    """Takes stills, and answers `trouble` to each order of a clip while there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: TenxsomError | None = None
        self.orders = 0

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        self.orders += 1
        if self.trouble:
            raise self.trouble
        return super().request_video(order, reference)


def submit(app: App) -> None:
    source = app.settings.home / "lake.json"
    source.write_text(json.dumps(definition(script=SCRIPT, target_duration=12, clips="storyboard")))
    orchestrator = app.orchestrator()
    orchestrator.submit_all(orchestrator.read([str(source)]))


def job_of(app: App) -> VideoJob:
    job = app.store.load("lake")
    assert job
    return job


def assert_quiet(app: App, vendor: Vendor) -> None:
    for _ in range(5):
        assert not job_of(app).is_due()
        app.poller().tick()
    assert vendor.orders == 1


@pytest.mark.parametrize("trouble", [NotSent("connection refused"), ServiceBusy("429", 60)], ids=["not_sent", "busy"])
def test_a_pause_holds_for_all_clips_of_a_job(tmp_path: Path, trouble: TenxsomError) -> None:
    vendor = Vendor()
    vendor.trouble = trouble
    with paper_suite(tmp_path, vendor) as app:
        submit(app)
        assert len(job_of(app).clips) == 3
        assert_quiet(app, vendor)


def test_after_the_pause_all_clips_are_ordered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor()
    vendor.trouble = NotSent("connection refused")
    with paper_suite(tmp_path, vendor) as app:
        submit(app)
        vendor.trouble, now = None, clock.now
        monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=2))
        app.poller().tick()
    assert Counter(charge["kind"] for charge in vendor.charges) == {"image": 3, "video": 3}


def test_an_unclear_call_is_looked_up_once_and_not_by_every_tick_for_the_sake_of_the_other_clips(tmp_path: Path) -> None:
    vendor = Vendor()
    vendor.trouble, vendor.remembers = SubmitUnclear("the connection broke"), False
    with paper_suite(tmp_path, vendor) as app:
        submit(app)
        app.poller().tick()
        assert_quiet(app, vendor)
