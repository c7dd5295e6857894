"""Metrics: valid for Prometheus, true, added up between runs, and never in the way of a job."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tenxsom import clock
from tenxsom.app import App
from tenxsom.http import calls
from tenxsom.metrics import BUCKETS, Metric, Sample, exposition, queue_metrics, worker_metrics
from tenxsom.pipeline.results import JobResult
from tenxsom.store.base import UNKNOWN, Counts, Purchase
from tests.belt import ROOT, definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.states import new_job

GRAFANA = ROOT / "docs" / "grafana"


@pytest.fixture(autouse=True)
def counted_from_zero():
    calls.forget()
    calls.CIRCUITS.clear()


def suite(home: Path, vendor: PaperVendor | None = None, **changes: str) -> App:
    return paper_suite(home, vendor or PaperVendor(), METRICS_FILE=str(home / "tenxsom.prom"), **changes)


def samples(home: Path) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and its labels' values, as Prometheus itself reads the file."""
    families = list(text_string_to_metric_families((home / "tenxsom.prom").read_text()))
    assert all(family.name.startswith("tenxsom_") and family.documentation and family.type != "unknown" for family in families)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def submitted(app: App, *content_ids: str) -> None:
    pages = []
    for content_id in content_ids:
        page = app.settings.home / f"{content_id}.page.json"
        page.write_text(json.dumps(definition(content_id)))
        pages.append(str(page))
    orchestrator = app.orchestrator()
    orchestrator.submit_all(orchestrator.read(pages))
    app.observers.run_ended()


def ticked(app: App, *content_ids: str) -> None:
    with app.observers.tick() as tick:
        tick.ended(app.poller().tick(content_ids, at_once=bool(content_ids)), 0)


def test_a_run_that_changed_something_and_every_tick_write_the_metrics(home):
    app = suite(home)
    app.observers.run_ended()
    assert not (home / "tenxsom.prom").exists(), "nothing has changed"
    submitted(app, "lake", "sea")
    found = samples(home)
    assert found["tenxsom_jobs", "waiting"] == 2
    assert found["tenxsom_jobs", "submit_unknown"] == 0
    assert ("tenxsom_last_tick_timestamp_seconds",) not in found
    ticked(app, "lake")
    found = samples(home)
    assert found["tenxsom_jobs", "waiting"] == 1
    assert found["tenxsom_job_duration_seconds_count", "completed"] == 1
    assert found["tenxsom_job_duration_seconds_bucket", "completed", "+Inf"] == 1
    assert found["tenxsom_downloaded_bytes_total",] > 0
    assert abs(found["tenxsom_last_tick_timestamp_seconds",] - clock.now().timestamp()) < 600
    assert found["tenxsom_last_tick_jobs",] == 1
    assert found["tenxsom_ticks_total", "0"] == 1
    assert found["tenxsom_disk_free_bytes",] > 0


def test_what_is_counted_is_added_up_over_runs(home):
    for number in range(3):
        app = suite(home)
        submitted(app, f"job-{number}")
        ticked(app, f"job-{number}")
        with app.observers.tick() as tick:
            tick.ended([JobResult("x", "waiting", 75)], 75)
    found = samples(home)
    assert found["tenxsom_job_duration_seconds_count", "completed"] == 3
    assert (found["tenxsom_ticks_total", "0"], found["tenxsom_ticks_total", "75"]) == (3, 3)
    assert found["tenxsom_last_tick_exit_code",] == 75


def test_calls_errors_and_circuits_are_told_by_service_and_kind(home, monkeypatch):
    from tenxsom.errors import ServiceDown
    from tenxsom.http.client import HttpClient
    from tests.net_server import unused_port

    app = suite(home)
    with HttpClient(f"http://127.0.0.1:{unused_port()}", name="ltx_api") as client:
        for _ in range(5):
            with pytest.raises(ServiceDown):
                client.get("/v2/jobs/1", retries=0)
        ticked(app)
        ticked(app)
    found = samples(home)
    assert found["tenxsom_service_calls_total", "ltx_api", "get"] == 5, "they are counted once"
    assert found["tenxsom_service_errors_total", "ltx_api", "get", "service_down"] == 5
    assert found["tenxsom_service_call_seconds_total", "ltx_api", "get"] > 0
    assert found["tenxsom_circuit_open", "ltx_api"] == 1


def test_the_money_of_the_day_is_told_by_what_became_of_it_and_without_rehearsals(home):
    app = suite(home, DAILY_BUDGET_USD="12.50")
    for number, entry in enumerate(("reserved", "spent", "unknown", "released")):
        purchase = Purchase(f"tx-{number}", "lake", "ltx_api", "request_video", 0, Decimal(f"1.{number}"))
        app.ledger.reserve(purchase)
        if entry != "reserved":
            app.ledger.settle(purchase, entry)
    app.ledger.reserve(Purchase("tx-r", "lake", "local_studio", "request_video", 0, Decimal(9), rehearsal=True))
    ticked(app)
    found = samples(home)
    told = {entry: found["tenxsom_money_today_usd", entry] for entry in ("reserved", "spent", "unknown")}
    assert told == {"reserved": 1.0, "spent": 1.1, "unknown": 1.2}
    assert found["tenxsom_daily_budget_usd",] == 12.5
    assert UNKNOWN == "unknown"


def test_old_and_overdue_jobs_are_seen(home):
    app = suite(home)
    job = new_job(submit_time=clock.later(-7200))
    with app.store.accept(job):
        pass
    with app.observers.tick() as tick:
        tick.ended([], 0)
    found = samples(home)
    assert found["tenxsom_oldest_job_age_seconds", "accepted"] == pytest.approx(7200, abs=60)
    assert found["tenxsom_oldest_job_age_seconds", "waiting"] == 0
    assert (found["tenxsom_jobs_due",], found["tenxsom_jobs_overdue",]) == (1, 1)


def test_labels_are_escaped_as_prometheus_wants_it():
    ugly = 'a"b\\c\nd'
    text = exposition([Metric("tenxsom_x", "gauge", "X.", [Sample({"service": ugly}, 1.5)])])
    (family,) = text_string_to_metric_families(text)
    assert family.samples[0].labels == {"service": ugly}
    assert family.samples[0].value == 1.5


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"calls": 5}', b"\xff"])
def test_totals_that_cannot_be_read_are_counted_anew(home, data):
    (home / ".metrics_totals.json").write_bytes(data)
    ticked(suite(home))
    assert samples(home)["tenxsom_ticks_total", "0"] == 1


def test_metrics_that_cannot_be_written_end_nothing(home, caplog):
    app = suite(home)
    (home / "tenxsom.prom").mkdir()
    submitted(app, "lake")
    ticked(app, "lake")
    assert app.artifacts.has_report("lake")
    assert "METRICS_FILE" in caplog.text


def test_a_reader_sees_whole_files_that_others_may_read(home):
    ticked(suite(home))
    assert (home / "tenxsom.prom").stat().st_mode & 0o777 == 0o644
    assert (home / "tenxsom.prom").read_text().endswith("\n")
    assert [path.name for path in home.iterdir() if path.name.endswith(".tmp")] == []


# the dashboard and the alerts


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\btenxsom_[a-z_]+", text))


def known_names(home: Path) -> set[str]:
    app = suite(home, DAILY_BUDGET_USD="5")
    with calls.counted("ltx_api", calls.GET, "https://example.com/") as call:
        call.status = 500
    submitted(app, "lake")
    ticked(app)
    return {name for name, *_ in samples(home)} | names_in((home / "tenxsom.prom").read_text())


def test_every_metric_of_the_dashboard_exists(home):
    board = json.loads((GRAFANA / "dashboard.json").read_text())
    used = {name for panel in panels(board) for target in panel["targets"] for name in names_in(target["expr"])}
    assert len(used) > 12
    assert used <= known_names(home)


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_every_panel_has_a_title_a_place_of_its_own_and_a_question():
    board = json.loads((GRAFANA / "dashboard.json").read_text())
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len({*places}) == len(places)
    assert all(panel["title"] and all(target["expr"] for target in panel["targets"]) for panel in panels(board))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_metric_of_the_alert_rules_exists_and_every_rule_says_what_to_do(home):
    yaml = pytest.importorskip("yaml")
    text = (GRAFANA / "alerts.yml").read_text()
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert len(rules) >= 6
    for rule in rules:
        assert names_in(rule["expr"]) <= known_names(home), rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules_and_the_metrics(home):
    subprocess.run(["promtool", "check", "rules", str(GRAFANA / "alerts.yml")], check=True)
    ticked(suite(home))
    subprocess.run(["promtool", "check", "metrics"], input=(home / "tenxsom.prom").read_bytes(), check=True)


def test_every_metric_is_documented(home):
    page = (ROOT / "docs" / "reference" / "metrics-and-logs.md").read_text()
    of_a_worker = exposition([*worker_metrics(1, True, {"completed": 1}), *queue_metrics(Counts(0, 0.0, {}))])
    written = set(re.findall(r"^# TYPE (\S+)", _text(home) + of_a_worker, re.MULTILINE))
    assert written <= {*re.findall(r"`(tenxsom_[a-z_]+)", page)}
    assert {*re.findall(r"`(tenxsom_[a-z_]+)", page)} <= written
    assert BUCKETS[0] == 60


def _text(home: Path) -> str:
    known_names(home)
    return (home / "tenxsom.prom").read_text()
