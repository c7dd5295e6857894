"""The stills of a long storyboard: ordered as the service has places for them, and asked for while the next are ordered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.app import App
from tenxsom.errors import OverBudget, ServiceBusy, ServiceClosed, TryAgainLater
from tenxsom.model.clip import Step
from tenxsom.services.base import GenerationState, GenerationStatus, Submitted
from tenxsom.services.images.base import PollPolicy
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.states import new_clip, new_job

CLIPS = 6


class Studio(PaperVendor):
    """A vendor with so many places for stills, each of which takes so many looks; it writes down what it was asked for."""

    poll_policy = PollPolicy(check_seconds=3, wait_seconds=90)

    def __init__(self, places: int, looks: int) -> None:
        super().__init__()
        self.places, self.looks = places, looks
        self.running: dict[str, int] = {}
        self.log: list[str] = []
        self.refusal: type[ServiceBusy] = ServiceBusy

    def request_image(self, order: Any, reference: str) -> Submitted:
        number = reference.split(".")[1]
        if len(self.running) >= self.places:
            self.log.append(f"no place for {number}")
            raise self.refusal("no place", 20)
        self.log.append(f"order {number}")
        submitted = super().request_image(order, reference)
        self.running[submitted.job_id] = self.looks
        return submitted

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        job_id = image["job_id"]
        self.running[job_id] = self.running.get(job_id, 0) - 1
        self.log.append(f"look {job_id.split('.')[1]}")
        if self.running[job_id] > 0:
            return GenerationStatus(GenerationState.RUNNING)
        del self.running[job_id]
        return GenerationStatus(GenerationState.READY, url="https://storage.example.com/result")

    def request_video(self, order: Any, reference: str) -> Submitted:
        self.log.append(f"clip {reference.split('.')[1]}")
        return super().request_video(order, reference)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves."""
    pauses: list[float] = []
    monkeypatch.setattr(clock, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(clock, "sleep", lambda seconds: pauses.append(max(seconds, 0.01)))
    return pauses


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    prices = {"useapi_ltx": {"image_usd": "0.10", "clip_usd": "0.50", "clip_second_usd": "0"}}
    (tmp_path / "templates" / "prices.json").write_text(json.dumps({"services": prices, "planners": {}}))
    return tmp_path


def generate(home: Path, studio: Studio, deadline: clock.Deadline | None = None, **changes: str) -> App:
    """Submit a storyboard of six clips."""
    app = paper_suite(home, studio, **changes)
    clips = [new_clip(number, service="useapi_ltx") for number in range(CLIPS)]
    with app.store.accept(new_job(clips=clips, service="useapi_ltx", definition=definition())) as claim:
        assert claim
        app.generator.generate_with_useapi(claim, *([deadline] if deadline else []))
    return app


def steps(app: App) -> list[str]:
    job = app.store.load("lake")
    assert job
    return [str(clip.step) for clip in job.clips]


def test_a_storyboard_that_is_longer_than_the_service_has_places_is_submitted_in_one_run(home, slept):
    studio = Studio(places=2, looks=3)
    app = generate(home, studio)
    assert steps(app) == [Step.AWAIT_VIDEO] * CLIPS
    orders = [line for line in studio.log if line.startswith("order")]
    assert orders == [f"order {number}" for number in range(CLIPS)]
    assert sum(line.startswith("no place") for line in studio.log) <= CLIPS  # not once at every look
    assert len(studio.charges) == 2 * CLIPS


def test_a_still_is_asked_for_while_the_next_ones_are_ordered(home, slept):
    studio = Studio(places=CLIPS, looks=1)
    generate(home, studio)
    assert studio.log.index("clip 0") < studio.log.index("order 2")
    assert steps_of_last_order(studio) > studio.log.index("look 3")


def steps_of_last_order(studio: Studio) -> int:
    return studio.log.index(f"order {CLIPS - 1}")


def test_all_stills_are_made_side_by_side_where_there_are_places(home, slept):
    studio = Studio(places=CLIPS, looks=4)
    generate(home, studio)
    assert sum(slept) < 5  # as long as one still takes, and not as six
    assert sum(line.startswith("look") for line in studio.log) <= 4 * CLIPS


def test_no_place_at_all_is_told_as_that_and_the_rest_goes_on_with_the_next_run(home, slept):
    studio = Studio(places=0, looks=1)
    with pytest.raises(ServiceBusy):
        generate(home, studio)
    assert studio.log == ["no place for 0"]
    studio.places = CLIPS
    app = paper_suite(home, studio)
    with app.store.claim("lake") as claim:
        assert claim
        app.generator.generate_with_useapi(claim)
    assert steps(app) == [Step.AWAIT_VIDEO] * CLIPS


def test_a_503_is_no_lack_of_places(home, slept):
    studio = Studio(places=1, looks=3)
    studio.refusal = ServiceClosed
    with pytest.raises(ServiceClosed):
        generate(home, studio)
    assert studio.log[-1] == "no place for 1"


def test_what_has_its_money_set_aside_is_made_although_the_budget_holds_no_further_still(home, slept):
    studio = Studio(places=CLIPS, looks=2)
    with pytest.raises(OverBudget):
        generate(home, studio, DAILY_BUDGET_USD="1.30")
    app = paper_suite(home, studio)
    assert steps(app) == [Step.AWAIT_VIDEO] * 2 + [Step.REQUEST_IMAGE] * 4
    job = app.store.load("lake")
    assert job
    assert (job.state, len(studio.charges)) == ("over_budget", 4)


def test_stills_that_do_not_come_are_left_to_the_next_run_after_a_while(home, slept):
    studio = Studio(places=3, looks=10_000)
    with pytest.raises(TryAgainLater, match="Waiting for the still of clip 1 ran out of time"):
        generate(home, studio)
    assert sum(slept) == pytest.approx(90, abs=25)  # from the last order on, which waits for its place
    assert len(studio.charges) == 3


def test_nothing_is_waited_for_beyond_the_end_of_the_tick(home, slept):
    studio = Studio(places=CLIPS, looks=10_000)
    app = generate(home, studio, clock.Deadline(5))
    assert sum(slept) == pytest.approx(5, abs=0.1)
    assert steps(app) == [Step.AWAIT_IMAGE] * CLIPS
