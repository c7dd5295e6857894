"""The pages of a worker: probes, and numbers for Prometheus."""

from __future__ import annotations

import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any

import pytest

from tenxsom.errors import BadInput, DiskError
from tenxsom.health import HealthPages, serving
from tenxsom.pipeline.worker import Condition
from tenxsom.store.base import Counts, DayTotals

WELL = Condition(is_alive=True, is_ready=True, problem="", in_hand=2, visits={"completed": 3})


class Told:
    """A worker, a queue and a ledger that say what a test wants."""

    daily_budget = Decimal(20)

    def __init__(self, condition: Condition, trouble: Exception | None = None) -> None:
        self._condition, self._trouble = condition, trouble

    def condition(self) -> Condition:
        return self._condition

    def summary(self) -> Counts:
        if self._trouble:
            raise self._trouble
        return Counts(4, 12.5, {"waiting": 7})

    def totals(self, day: str, *, rehearsal: bool = False) -> DayTotals:
        return DayTotals(Decimal("1.5"), Decimal(0), Decimal("0.25"))


def asked(told: Any, path: str, method: str = "GET") -> tuple[str, str]:
    status = []
    body = HealthPages(told, told, lambda: told)({"REQUEST_METHOD": method, "PATH_INFO": path}, lambda line, _: status.append(line))
    return status[0], b"".join(body).decode()


def test_a_well_worker_is_alive_and_ready() -> None:
    assert asked(Told(WELL), "/healthz") == ("200 OK", "alive\n")
    assert asked(Told(WELL), "/readyz") == ("200 OK", "ready\n")


def test_a_worker_without_its_queue_is_alive_so_that_nobody_starts_it_again() -> None:
    waits = WELL._replace(is_ready=False, problem="The database is not there.")
    assert asked(Told(waits), "/healthz")[0] == "200 OK"
    assert asked(Told(waits), "/readyz") == ("503 Service Unavailable", "The database is not there.\n")


def test_a_worker_that_hangs_is_not_alive() -> None:
    assert asked(Told(WELL._replace(is_alive=False)), "/healthz")[0] == "503 Service Unavailable"


def test_metrics_tell_of_the_worker_the_queue_and_the_money() -> None:
    status, text = asked(Told(WELL), "/metrics")
    assert status == "200 OK"
    lines = text.splitlines()
    for line in (
        "tenxsom_worker_visits_in_hand 2",
        'tenxsom_worker_visits_total{state="completed"} 3',
        "tenxsom_jobs_due 4",
        "tenxsom_oldest_due_seconds 12.5",
        'tenxsom_jobs{state="waiting"} 7',
        'tenxsom_money_today_usd{entry="spent"} 1.5',
        "tenxsom_daily_budget_usd 20",
    ):
        assert line in lines


def test_metrics_of_the_worker_are_there_without_the_queue() -> None:
    status, text = asked(Told(WELL, DiskError("The database is not there.")), "/metrics")
    assert status == "200 OK"
    assert "tenxsom_worker_ready 1" in text
    assert "tenxsom_jobs_due" not in text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", "404 Not Found"), ("POST", "/healthz", "405 Method Not Allowed")]
)
def test_nothing_else_is_answered(method: str, path: str, status: str) -> None:
    assert asked(Told(WELL), path, method)[0] == status


def test_the_pages_are_served_and_a_taken_port_is_refused_in_a_sentence() -> None:
    told: Any = Told(WELL)
    with serving(HealthPages(told, told, lambda: told), "127.0.0.1", 0) as address:
        with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
            assert answer.read() == b"alive\n"
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{address}/nothing", timeout=10)
        port = int(address.rpartition(":")[2])
        with pytest.raises(BadInput, match=f"--listen 127.0.0.1:{port} cannot be used"):
            serving(HealthPages(told, told, lambda: told), "127.0.0.1", port).__enter__()
