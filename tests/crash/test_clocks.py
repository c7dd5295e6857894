"""Clocks that are wrong: an hour and a day back and forward, 1970, 2100, and jumping at every step.

The scripts' own classes in this process, with a clock that the test turns; the vendor is a process of its own, with a right one.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock, settings
from tenxsom.app import App
from tests import light_vendor
from tests.belt import PLAIN_FILMS, ROOT, TOKEN, definition
from tests.crash import wire_proxy
from tests.crash.wire_proxy import WireProxy

RIGHT = datetime(2026, 11, 22, 12, tzinfo=UTC)
WRONG = {
    "an_hour_back": RIGHT - timedelta(hours=1),
    "an_hour_forward": RIGHT + timedelta(hours=1),
    "a_day_back": RIGHT - timedelta(days=1),
    "a_day_forward": RIGHT + timedelta(days=1),
    "1970": datetime(1970, 1, 1, tzinfo=UTC),
    "2100": datetime(2100, 1, 1, tzinfo=UTC),
}
CHECKS = 4
"""So many status calls a clip takes."""
wrong_clocks = pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())


class Time:
    """The wall clock, as the test sets it; it goes on by a millisecond whenever somebody looks."""

    def __init__(self) -> None:
        self.moment = RIGHT

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def goes_on(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    turned = Time()
    monkeypatch.setattr(clock, "now", turned.now)
    return turned


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    light_vendor.make_media(folder)
    return folder


@pytest.fixture
def vendor(media: Path) -> Iterator[WireProxy]:
    """An honest vendor behind a proxy that counts the calls."""
    (media / "charges.jsonl").unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.light_vendor", str(media), str(CHECKS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with wire_proxy.running(f"http://127.0.0.1:{int(process.stdout.readline())}") as proxy:
            yield proxy
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def suite_of(tmp_path: Path, vendor: WireProxy) -> Iterator[Callable[..., App]]:
    opened: list[App] = []

    def open_suite(**changes: Any) -> App:
        environment = {"TENXSOM_HOME": str(tmp_path), "USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{vendor.url}/v1"}
        opened.append(App(settings.load(PLAIN_FILMS | environment | changes)))
        return opened[-1]

    yield open_suite
    for suite in opened:
        suite.close()


def submit(suite: App, *content_ids: str) -> list[str]:
    orchestrator, folder = suite.orchestrator(), suite.settings.home
    for content_id in content_ids:
        (folder / f"{content_id}.page.json").write_text(json.dumps(definition(content_id)))
    orders = orchestrator.read([str(folder / f"{content_id}.page.json") for content_id in content_ids])
    return [outcome.state for outcome in orchestrator.submit_all(orders)]


def status_calls(vendor: WireProxy) -> int:
    return sum(call.startswith("GET /v1/ltxstudio/assets/") for call in vendor.calls)


def ticks(suite: App, time: Time, count: int, minutes: float = 2) -> None:
    """So many runs of cron's."""
    for _ in range(count):
        suite.poller().tick()
        time.goes_on(60 * minutes)


@wrong_clocks
def test_a_clock_that_jumps_while_a_clip_is_made_fails_nothing_and_hammers_nobody(suite_of, vendor, time, wrong):
    suite = suite_of()
    assert submit(suite, "lake") == ["waiting"]
    asked = status_calls(vendor)
    time.moment = wrong
    for _ in range(5):  # all within one second of the wrong clock: at most one of them may ask
        suite.poller().tick()
    assert status_calls(vendor) - asked <= 1
    assert suite.store.load("lake").state == "waiting"
    time.moment = RIGHT + timedelta(minutes=5)
    ticks(suite, time, 12, minutes=10)
    assert suite.artifacts.final_report("lake")["state"] == "completed"
    assert len(vendor_charges(vendor)) == 2


@wrong_clocks
def test_a_job_that_was_submitted_under_a_wrong_clock_is_collected_under_the_right_one(suite_of, vendor, time, wrong):
    time.moment = wrong
    suite = suite_of()
    assert submit(suite, "lake") == ["waiting"]
    time.moment = RIGHT
    asked = status_calls(vendor)
    for _ in range(5):
        suite.poller().tick()
    assert status_calls(vendor) - asked <= 1
    ticks(suite, time, 12, minutes=10)
    assert suite.artifacts.final_report("lake")["state"] == "completed"


def test_a_clock_that_jumps_at_every_step_loses_and_repeats_nothing(suite_of, vendor, time):
    chance, moments = random.Random(3), [RIGHT, *WRONG.values()]
    suite, ids = suite_of(), [f"lake-{number}" for number in range(3)]
    for content_id in ids:
        time.moment = chance.choice(moments)
        submit(suite, content_id)
    for tick in range(60):
        time.moment = chance.choice(moments) + timedelta(minutes=10 * tick)
        calls = len(vendor.calls)
        suite.poller().tick()
        assert len(vendor.calls) - calls <= 2 * len(ids), "a tick asked more than once, or loaded more than once, for a clip"
    assert [suite.artifacts.final_report(content_id)["state"] for content_id in ids] == ["completed"] * 3
    assert len(vendor_charges(vendor)) == 6


def test_no_duration_in_a_report_is_negative_after_a_clock_was_set_back(suite_of, vendor, time):
    suite = suite_of()
    submit(suite, "lake")
    time.moment = WRONG["a_day_back"]
    ticks(suite, time, 10, minutes=30)
    report = suite.artifacts.final_report("lake")
    assert report["state"] == "completed"
    assert min(report["times"]["total_seconds"], *(step["seconds"] for step in report["steps"])) >= 0


@pytest.mark.parametrize("moments", [("a_day_back", "a_day_forward"), ("1970", "2100")], ids="_and_".join)
def test_budgets_are_kept_on_every_day_that_a_wandering_clock_shows(suite_of, vendor, time, moments, tmp_path):
    prices = {"services": {"useapi_ltx": {"image_usd": "0.01", "clip_usd": "0.24", "clip_second_usd": "0"}}, "planners": {}}
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "prices.json").write_text(json.dumps(prices))
    suite = suite_of(DAILY_BUDGET_USD="0.50")
    for number in range(6):
        time.moment = WRONG[moments[number % 2]]
        submit(suite, f"lake-{number}")
    totals = {line["day"]: suite.ledger.total(line["day"], rehearsal=True) for line in suite.ledger.lines()}
    assert set(totals.values()) == {Decimal("0.50")}
    assert len(vendor_charges(vendor)) == 8
    states = [suite.store.load(f"lake-{number}").state for number in range(6)]
    assert sorted(states) == ["over_budget"] * 2 + ["waiting"] * 4


def test_a_job_over_budget_goes_on_by_itself_on_the_next_day(suite_of, vendor, time, tmp_path):
    prices = {"services": {"useapi_ltx": {"image_usd": "0.01", "clip_usd": "0.24", "clip_second_usd": "0"}}, "planners": {}}
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "prices.json").write_text(json.dumps(prices))
    suite = suite_of(DAILY_BUDGET_USD="0.30")
    assert submit(suite, "lake", "river").count("over_budget") == 1
    ticks(suite, time, 3)
    assert len(vendor_charges(vendor)) < 4
    time.goes_on(86_400)
    ticks(suite, time, 1)
    assert len(vendor_charges(vendor)) == 4


def vendor_charges(vendor: WireProxy) -> list[str]:
    """The paid calls that reached the vendor."""
    return [call for call in vendor.calls if call.startswith("POST /v1/ltxstudio/") and call.endswith("-create")]
