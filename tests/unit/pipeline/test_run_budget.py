"""A run stops before the job that would make it cost more than its limit, and goes on from there when it is run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom.cli import render
from tenxsom.errors import BadSettings
from tenxsom.pipeline.intake import Order
from tenxsom.pipeline.lookup import SubmissionCheck
from tenxsom.pipeline.results import JobResult
from tenxsom.pipeline.run_budget import RunBudget
from tests.belt import definition as page
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.submitted import ROUTE, definition

PRICES = {"services": {"useapi_ltx": {"image_usd": "0.10", "clip_usd": "0.50", "clip_second_usd": "0"}}, "planners": {}}


def order(content_id: str) -> Order:
    return Order(definition(content_id=content_id), "batch.csv", ROUTE, "16:9")


def budget(limit: str, price: Callable[[Order], Decimal] = lambda _: Decimal(2)) -> RunBudget:
    return RunBudget(Decimal(limit), price, lambda _: Decimal(0))


def test_the_first_job_that_would_pass_the_limit_is_the_last_that_is_looked_at():
    prices = {"a": Decimal(2), "b": Decimal(3), "c": Decimal(0)}
    run = budget("4.99", lambda each: prices[each.definition.content_id])
    assert run.admit(order("a")) == ""
    assert "about $3.00 would pass --max-cost, $2.00 of $4.99 is used" in run.admit(order("b"))
    assert "because b before it would pass" in run.admit(order("c"))


def test_the_limit_itself_may_be_used_up():
    run = budget("4")
    assert [bool(run.admit(order(name))) for name in "abc"] == [False, False, True]


def test_what_a_job_has_really_cost_takes_the_place_of_its_estimate():
    run = budget("4")
    run.admit(order("a"))
    run.note(JobResult("a", "waiting", cost_usd="1"))
    run.admit(order("b"))
    run.note(JobResult("b", "submitting", cost_usd="0.5"))  # it still orders something
    assert "$3.00 of $4.00 is used" in run.admit(order("c"))


def test_a_job_without_a_price_does_not_start_and_stops_no_other():
    def price(each: Order) -> Decimal:
        if each.definition.content_id == "a":
            raise BadSettings("templates/prices.json has no usable price for it.")
        return Decimal(2)

    run = budget("2", price)
    assert "nobody can say what it would cost: templates/prices.json" in run.admit(order("a"))
    assert run.admit(order("b")) == ""


@pytest.fixture
def batch(tmp_path: Path) -> str:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "prices.json").write_text(json.dumps(PRICES))
    name = tmp_path / "batch.jsonl"
    name.write_text("\n".join(json.dumps(page(f"job-{number}")) for number in range(5)))
    return str(name)


def run_of(home: Path, vendor: PaperVendor, batch: str, limit: str) -> dict[str, Any]:
    """Run a batch with a limit; return the document of the run."""
    with paper_suite(home, vendor) as app:
        orchestrator = app.orchestrator()
        orders = orchestrator.read([batch])
        results = orchestrator.submit_all(orders, max_usd=Decimal(limit))
        shown = render.job_results(results, of_a_batch=True)
        return {"code": shown.exit_code, "text": shown.text, "states": [result.state for result in results]}


def test_a_batch_stops_at_its_limit_orders_nothing_more_and_goes_on_when_it_is_run_again(tmp_path, batch):
    vendor = PaperVendor()
    first = run_of(tmp_path, vendor, batch, "1.20")
    assert first["states"] == ["waiting"] * 2 + ["not started"] * 3
    assert first["code"] == 3
    assert len(list((tmp_path / "pending_video_jobs").glob("*.json"))) == 2
    second = run_of(tmp_path, vendor, batch, "1.20")
    assert second["states"] == ["waiting"] * 4 + ["not started"]
    assert "(already known)" in second["text"]
    third = run_of(tmp_path, vendor, batch, "0.60")
    assert (third["code"], third["states"]) == (0, ["waiting"] * 5)
    assert len(vendor.charges) == 10, "a still and a clip for each, once"


def test_jobs_that_are_known_cost_a_run_nothing(tmp_path, batch):
    vendor = PaperVendor()
    run_of(tmp_path, vendor, batch, "10")
    assert run_of(tmp_path, vendor, batch, "0")["code"] == 0
    assert len(vendor.charges) == 10


def test_a_long_batch_ends_with_a_table_and_says_what_repeats_once():
    results = [JobResult(f"job-{number}", "waiting", service="ltx_api", cost_usd="0.5", seconds=5.0) for number in range(12)]
    results += [JobResult(f"late-{number}", "not started", 3, "It was not started.") for number in range(9)]
    known = JobResult("old", "completed", message="It was already known.", report="r", file="f", standing=SubmissionCheck.COMPLETED)
    text = render.job_results([*results, known], of_a_batch=True).text
    assert text.count("It was not started.") == 1
    assert "late-0, late-1, late-2, … late-8 (9 jobs)" in text
    assert "It was already known" not in text
    assert [line.split() for line in text.splitlines()[-4:]] == [
        [*["at", "the", "service,", "collected", "by", "the", "next", "ticks"], "12", "60", "$6.00"],
        ["not", "started", "9", "$0.00"],
        ["done", "(already", "known)", "1", "$0.00"],
        ["all", "22", "60", "$6.00"],
    ]
