"""A voice and music are ordered only for a film that can be paid as a whole; and all that is paid for a film counts together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom.app import App
from tenxsom.errors import OverBudget
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import JobState, VideoJob
from tenxsom.pipeline.orchestrator import MasterOrchestrator
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.paper_sounds import SOUNDS, PaperMusic, PaperVoice, with_sounds

PRICES = {"services": {"useapi_ltx": {"image_usd": "0.10", "clip_usd": "0.50", "clip_second_usd": "0"}}, "planners": {}}
SCRIPT = [{"text": "Moss remembers every rain.", "visual": "moss"}, {"text": "It forgets only the sun.", "visual": "sun"}]
FILM = {"script": SCRIPT, "target_duration": 8, "clips": "storyboard"}
"""Two clips with their stills: $1.20, and a voice of some cents; music is $0.06."""


class House:
    """A home whose vendors are of paper, with prices."""

    def __init__(self, home: Path) -> None:
        self.home, self.vendor, self.voice, self.music = home, PaperVendor(), PaperVoice(), PaperMusic()
        (home / "templates").mkdir()
        (home / "templates" / "prices.json").write_text(json.dumps(PRICES))

    @contextmanager
    def app(self, **changes: str) -> Iterator[App]:
        with with_sounds(paper_suite(self.home, self.vendor, **SOUNDS | changes), self.voice, self.music) as app:
            yield app

    def submit(self, content_id: str = "lake", settings: dict[str, str] | None = None, **page: Any) -> None:
        path = self.home / f"{content_id}.json"
        path.write_text(json.dumps(definition(content_id, **FILM | page)))
        with self.app(**settings or {}) as app:
            orchestrator = app.orchestrator()
            orchestrator.submit(orchestrator.read([str(path)])[0])

    def tick(self, content_id: str = "lake", **settings: str) -> None:
        with self.app(**settings) as app:
            app.poller().tick([content_id], at_once=True)

    def job(self, content_id: str = "lake") -> VideoJob:
        with self.app() as app:
            job = app.store.load(content_id)
        assert job
        return job

    @property
    def charges(self) -> tuple[int, int, int]:
        """How often voice, music and vendor were paid."""
        return len(self.voice.charges), len(self.music.charges), len(self.vendor.charges)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_a_film_needs_is_ordered_where_it_can_be_paid(house):
    house.submit(max_cost_usd=1.5)
    assert house.charges == (2, 1, 4)
    assert Decimal("1.26") < sum(Decimal(line["usd"]) for line in house.job().spend) < Decimal("1.5")


@pytest.mark.case
@pytest.mark.parametrize("cap", ["1.19", "1.25"])
def test_a_cap_that_is_too_small_for_the_whole_film_is_told_before_its_voice_is_paid(cap, house):
    with pytest.raises(OverBudget, match="max_cost_usd"):
        house.submit(max_cost_usd=float(cap))
    house.tick()
    assert house.charges == (0, 0, 0)
    assert house.job().state == JobState.OVER_BUDGET
    assert [entry["event"] for entry in house.job().history].count("over_budget") == 1


@pytest.mark.slow
def test_a_day_without_room_for_the_whole_film_is_waited_out_before_its_voice_is_paid(house):
    house.submit("first", settings={"DAILY_BUDGET_USD": "2.00"})
    before = house.charges
    with pytest.raises(OverBudget, match="goes on by itself tomorrow"):
        house.submit("second", settings={"DAILY_BUDGET_USD": "2.00"})
    house.tick("second", DAILY_BUDGET_USD="2.00")
    assert house.charges == before
    assert house.job("second").state == JobState.OVER_BUDGET
    house.tick("second", DAILY_BUDGET_USD="9.00")
    assert house.charges == tuple(2 * count for count in before)


@pytest.mark.slow
def test_a_film_that_costs_more_than_a_day_may_is_made_over_several_days_and_loses_nothing(house, monkeypatch):
    with pytest.raises(OverBudget):
        house.submit(settings={"DAILY_BUDGET_USD": "0.75"})
    assert house.charges == (2, 1, 2)
    monkeypatch.setattr("tenxsom.clock.day", lambda: "2030-01-01")
    house.tick(DAILY_BUDGET_USD="0.75")
    assert house.charges == (2, 1, 4)


@pytest.mark.slow
def test_a_rehearsal_waits_for_the_budget_of_rehearsals_only(house):
    house.submit("real", settings={"DAILY_BUDGET_USD": "2.00"})
    elsewhere = {"USEAPI_BASE_URL": "http://127.0.0.1:9/v1", "VERTEX_GENAI_BASE_URL": "http://127.0.0.1:9"}
    house.submit("tried", settings={"DAILY_BUDGET_USD": "2.00", **elsewhere})
    assert house.charges == (4, 2, 8)


@pytest.mark.slow
def test_pictures_are_as_many_as_the_cap_allows_beside_the_voice_and_the_music(house):
    """Upright films have a picture every few seconds where the cap allows it; the music must not use up what they were cut for."""
    longer = [{"text": " ".join(["Moss remembers every rain that fell on it."] * 3), "visual": "moss"}] * 2
    house.voice = PaperVoice(9.0)
    house.submit(script=longer, clips="auto", platform="tiktok", target_duration=20, max_cost_usd=2.43)
    job = house.job()
    assert job.state != JobState.OVER_BUDGET
    assert house.charges == (2, 1, 2 * len(job.clips))
    assert len(job.clips) > 1


def test_what_planning_has_cost_counts_too(house, monkeypatch):
    def plan(orchestrator: MasterOrchestrator, page: JobDefinition) -> tuple[Blueprint, Decimal]:
        return orchestrator.planner.plan(page), Decimal("0.05")

    monkeypatch.setattr(MasterOrchestrator, "_planned", plan)
    with pytest.raises(OverBudget):
        house.submit(max_cost_usd=1.3)
    assert house.charges == (0, 0, 0)
    assert house.job().state == JobState.OVER_BUDGET


@pytest.mark.slow
def test_music_that_was_ordered_already_is_not_reckoned_twice(house, request_stop_after: Callable[[str], None]):
    request_stop_after("compose")
    house.submit(max_cost_usd=1.3)
    assert house.charges[:2] == (2, 1)
    house.tick()
    assert house.charges == (2, 1, 4)


@pytest.fixture
def request_stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the next run end after a step of the orchestrator."""

    def patch(name: str) -> None:
        real = getattr(MasterOrchestrator, name)

        def step(self: MasterOrchestrator, claim: Any) -> None:
            real(self, claim)
            monkeypatch.setattr(MasterOrchestrator, name, real)
            monkeypatch.setattr(self.generator, "generate_with_useapi", lambda *_: None)

        monkeypatch.setattr(MasterOrchestrator, name, step)

    return patch
