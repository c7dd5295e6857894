"""Two machines whose clocks are an hour ahead of their database's and an hour behind it: the database's decides for both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tenxsom import clock
from tenxsom.app import App
from tenxsom.model.pause import Pause
from tests import databases
from tests.belt import definition
from tests.crash.database_world import PRICES
from tests.crash.paper_vendor import PaperVendor, paper_suite

pytestmark = pytest.mark.slow


class WrongClock(datetime):
    """The time of the machine that is at work."""

    wrong = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.now(tz) + cls.wrong


class Machine:
    """A home, and a clock that is wrong by some hours. All of its work is done within `at_work`."""

    def __init__(self, home: Path, hours: int) -> None:
        self.home = home
        self._wrong, self._ahead = timedelta(hours=hours), timedelta()
        self._app: App | None = None
        (home / "templates").mkdir(parents=True)
        (home / "templates" / "prices.json").write_text(json.dumps(PRICES))

    @contextmanager
    def at_work(self, vendor: PaperVendor, **settings: str) -> Iterator[App]:
        """Set this process's clock to the machine's; its connection stays open, so that nothing is asked anew by itself."""
        WrongClock.wrong, clock._ahead = self._wrong, self._ahead
        try:
            self._app = self._app or paper_suite(self.home, vendor, **settings)
            yield self._app
        finally:
            self._ahead = clock._ahead
            WrongClock.wrong, clock._ahead = timedelta(), timedelta()

    def close(self) -> None:
        if self._app:
            self._app.close()


class Fleet:
    """Two such machines with one database and one vendor."""

    def __init__(self, place: Path) -> None:
        self.vendor, self.direct = PaperVendor(), databases.url(place)
        self.fast, self.slow = Machine(place / "fast", 1), Machine(place / "slow", -1)
        self._settings = {"QUEUE_URL": self.direct, "MEDIA_URL": (place / "media").as_uri()}
        (place / "media").mkdir()

    def set(self, **settings: str) -> None:
        self._settings |= settings

    def at(self, machine: Machine) -> AbstractContextManager[App]:
        return machine.at_work(self.vendor, **self._settings)

    def submit(self, machine: Machine, content_id: str = "lake", **changes: Any) -> str:
        source = machine.home / f"{content_id}.page.json"
        source.write_text(json.dumps(definition(content_id, **changes)))
        with self.at(machine) as app:
            orchestrator = app.orchestrator()
            [outcome] = orchestrator.submit_all(orchestrator.read([str(source)]))
            return outcome.state

    def tick(self, machine: Machine, *, at_once: bool = True) -> list[str]:
        with self.at(machine) as app:
            named = app.store.ids() if at_once else []
            return [outcome.state for outcome in app.poller().tick(named, at_once=at_once)]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.direct) as connection:
            return connection.execute(statement.encode()).fetchall()

    def now(self) -> datetime:
        [[moment]] = self.rows("SELECT now()")
        assert isinstance(moment, datetime)
        return moment


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setattr(clock, "datetime", WrongClock)
    found = Fleet(tmp_path)
    yield found
    found.fast.close()
    found.slow.close()
    databases.close(tmp_path)


def test_machines_that_take_turns_agree_on_what_is_due_on_the_day_and_on_what_took_how_long(fleet: Fleet) -> None:
    began = fleet.now()
    assert fleet.submit(fleet.fast) == "waiting"
    [[wait]] = fleet.rows("SELECT extract(epoch FROM due_at - now())::float8 FROM tenxsom.job")
    for machine in (fleet.fast, fleet.slow):
        with fleet.at(machine) as app:
            job = app.store.load("lake")
            assert job is not None
            assert abs(job.wait_seconds() - max(0.0, wait)) < 30, "both see the moment that the database knows"
    for number in range(10):
        if "completed" in fleet.tick((fleet.slow, fleet.fast)[number % 2]):
            break
    ended = fleet.now()
    with fleet.at(fleet.slow) as app:
        report = app.artifacts.final_report("lake")
    assert report is not None
    assert report["state"] == "completed"
    assert 0 <= report["times"]["total_seconds"] <= (ended - began).total_seconds() + 2
    days = {began.date(), ended.date()}
    assert {day for [day] in fleet.rows("SELECT day FROM tenxsom.movement UNION SELECT day FROM tenxsom.budget_day")} <= days
    stamps = [clock.parse(entry["time"]) for entry in report["history"]]
    assert began - timedelta(seconds=2) < min(stamps) <= max(stamps) < ended + timedelta(seconds=2)
    assert len({charge["replyRef"].rsplit(".", 1)[0] for charge in fleet.vendor.charges}) == len(fleet.vendor.charges) == 2


def test_two_machines_have_one_budget_of_one_day(fleet: Fleet) -> None:
    fleet.set(DAILY_BUDGET_USD="0.30")
    states = [fleet.submit(machine, machine.home.name) for machine in (fleet.fast, fleet.slow)]
    assert states == ["waiting", "over_budget"]
    assert len(fleet.vendor.charges) == 2


def test_nothing_begins_or_ends_an_hour_too_early_and_pauses_last_as_long_as_they_should(fleet: Fleet) -> None:
    fleet.set(JOB_DEADLINE_HOURS="0.5")
    later = (fleet.now() + timedelta(minutes=30)).isoformat(timespec="seconds")
    assert fleet.submit(fleet.slow, "later", not_before=later) == "accepted"
    fleet.tick(fleet.fast, at_once=False)
    fleet.tick(fleet.slow, at_once=False)
    assert not fleet.vendor.charges

    assert fleet.submit(fleet.slow) == "waiting"
    fleet.vendor.check = "running"
    for _ in range(8):  # an hour and a half after the deadline, by the clocks of the two
        fleet.tick(fleet.fast)
    with fleet.at(fleet.fast) as app:
        job = app.store.load("lake")
        assert job is not None
        assert not job.clips[0].attempts.get("overdue")
        app.pauses.exchange({"useapi_ltx": Pause(60.0, 0.0)})
    with fleet.at(fleet.slow) as app:
        assert 30 < app.pauses.exchange({})["useapi_ltx"].shut_seconds <= 60
