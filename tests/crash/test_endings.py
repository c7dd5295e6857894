"""How jobs end, and what must not bring them back: reports that win, deadlines that come, vendors that never finish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tenxsom import atomic, clock
from tenxsom.app import App
from tests.belt import Belt, definition
from tests.crash.paper_vendor import PaperVendor, paper_suite

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class World:
    """A home, a vendor and a clock in the test's hands."""

    def __init__(self, home: Path) -> None:
        self.home, self.vendor, self.moment = home, PaperVendor(), START
        self.suite: App = paper_suite(home, self.vendor)

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def submit(self, **changes: Any) -> str:
        source = self.home / "lake.page.json"
        source.write_text(json.dumps(definition(**changes)))
        orchestrator = self.suite.orchestrator()
        state = orchestrator.submit_all(orchestrator.read([str(source)]))[0].state
        self.moment += timedelta(minutes=1)
        return state

    def tick(self, minutes: float = 10) -> None:
        self.suite.poller().tick()
        self.moment += timedelta(minutes=minutes)

    @property
    def state_file(self) -> Path:
        return self.home / "pending_video_jobs" / "lake.json"

    def report(self) -> dict | None:
        return self.suite.artifacts.final_report("lake")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path)
    monkeypatch.setattr(clock, "now", made.now)
    yield made
    made.suite.close()


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What state files held when they were removed: a crash at that moment would leave just that."""
    real, kept = atomic.remove, list[bytes]()

    def remove(path: str, **options: bool) -> None:
        kept.append(Path(path).read_bytes())
        real(path, **options)

    monkeypatch.setattr(atomic, "remove", remove)
    return kept


@pytest.mark.parametrize("comeback", ["a_tick", "the_same_definition"])
def test_a_job_that_a_crash_brought_back_after_its_report_is_cleared_away_and_the_report_stays(world, removed, comeback):
    world.submit()
    world.tick()
    assert world.report()["state"] == "completed"
    report_file = world.suite.artifacts.local("lake_completion_report.json")
    before = report_file.read_bytes()
    world.state_file.write_bytes(removed[0])
    if comeback == "a_tick":
        world.tick()
    else:
        assert world.submit() == "completed"
    assert not world.state_file.exists()
    assert report_file.read_bytes() == before
    assert len(world.vendor.charges) == 2


def test_a_cancelled_job_that_a_crash_brought_back_is_not_ordered_after_all(world, removed):
    world.vendor.mood = "busy"
    world.submit()
    world.suite.manager().cancel("lake")
    world.state_file.write_bytes(removed[0])
    assert world.submit() == "cancelled"
    world.tick()
    assert not world.vendor.charges
    assert not world.state_file.exists()


def test_an_old_job_warns_once_and_is_asked_for_all_the_same(world):
    world.submit()
    world.vendor.check = "running"
    for _ in range(8):
        world.tick()
    assert sum("longer than 30 minutes" in warning for warning in world.suite.store.load("lake").warnings) == 1
    world.vendor.check = "ready"
    world.tick()
    world.tick()
    assert world.report()["state"] == "completed"


@pytest.mark.parametrize("check", ["running", "down"])
def test_a_clip_that_never_comes_ends_with_a_failure_report_after_its_deadline(world, check):
    world.submit()
    world.vendor.check = check
    for _ in range(22):
        world.tick(minutes=60)
    assert world.report() is None, "it was given up before its deadline"
    for _ in range(30):
        world.tick(minutes=60)
    assert world.report()["state"] == "failed"
    assert len(world.vendor.charges) == 2


def test_a_deadline_that_was_missed_under_a_wrong_clock_is_no_end(world):
    world.submit()
    world.vendor.check = "running"
    world.moment = datetime(2100, 1, 1, tzinfo=UTC)
    for _ in range(3):
        world.tick()
    world.moment = START + timedelta(hours=1)
    world.vendor.check = "ready"
    world.tick()
    assert world.report()["state"] == "completed"


def test_a_job_is_given_up_in_the_end_although_a_wrong_clock_looked_at_it_once(world):
    world.submit()
    world.vendor.check = "running"
    world.moment = datetime(2100, 1, 1, tzinfo=UTC)
    world.tick()
    world.moment = START + timedelta(hours=25)
    for _ in range(30):
        world.tick(minutes=60)
    assert world.report()["state"] == "failed"


@pytest.mark.case
def test_a_full_log_changes_no_outcome(tmp_path):
    belt = Belt(tmp_path, {"LOG_FILE": "/dev/full", "LOG_LEVEL": "DEBUG"})
    ended = belt.run("master_orchestrator_v3.py", "--dry-run", "--json", belt.write(definition()))
    assert ended.code == 0, ended.err
    assert ended.document["ok"]
