"""An installation moves into a database and back while jobs are on their way, killed at any change: nothing is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tenxsom import clock
from tenxsom.app import App
from tenxsom.errors import BadInput, BadSettings, StoreGone
from tenxsom.store.base import RESERVED, SPENT, SpendLedger
from tenxsom.store.files import moved
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.store.files.ledger import FileLedger
from tenxsom.store.postgres.moving import Files, Move, Mover
from tenxsom.store.postgres.session import Session
from tenxsom.store.postgres.spool import Spool
from tests import databases
from tests.belt import definition
from tests.contract.test_stores import purchase, put, report_of
from tests.crash.deaths import Blow, Death, struck
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.processes import running, said, tell

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    databases.close(folder)


def files_of(home: Path) -> Files:
    return Files(
        home / "pending_video_jobs", home / "completed_videos", home / "spend_ledger.jsonl", home / ".spool" / "calls.jsonl"
    )


def moving(home: Path, *, back: bool = False, dry_run: bool = False) -> Move:
    session = Session(databases.url(home), checks_schema=False)
    try:
        mover = Mover(files_of(home), session)
        return (mover.to_files if back else mover.to_database)(dry_run=dry_run)
    finally:
        session.close()


def query(home: Path, statement: str) -> list[Any]:
    with psycopg.connect(databases.url(home), autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def fill(home: Path) -> None:
    """An installation with two jobs, two reports, a state in quarantine, and three calls."""
    files = files_of(home)
    store, ledger = FileJobStore(files.pending), FileLedger(files.ledger)
    for content_id in ("lake", "river"):
        put(store, content_id, service="useapi_ltx")
    files.completed.mkdir(exist_ok=True)
    (files.completed / "hill_completion_report.json").write_bytes(report_of("hill"))
    (files.completed / "hill~1_failure_report.json").write_bytes(report_of("hill", "failed"))
    files.quarantine.mkdir()
    (files.quarantine / "storm.json").write_bytes(b'{"content_id": "storm", "broken\xff')
    ledger.settle(purchase("old", "0.5"), SPENT, day="2026-01-02")
    ledger.reserve(purchase("open"))
    ledger.reserve(purchase("done", "0.2"))
    ledger.settle(purchase("done", "0.2"), SPENT, job_id="v1")


def check_moved(home: Path) -> None:
    assert query(home, "SELECT content_id FROM tenxsom.job ORDER BY 1") == [("lake",), ("river",)]
    assert query(home, "SELECT name FROM tenxsom.report ORDER BY 1") == [
        ("hill_completion_report.json",),
        ("hill~1_failure_report.json",),
    ]
    assert query(home, "SELECT name FROM tenxsom.job_set_aside") == [("storm",)]
    assert query(home, "SELECT here FROM tenxsom.place") == [("here",)]
    assert query(home, "SELECT count(*) FROM tenxsom.movement") == [(4,)]
    today = clock.day()
    assert query(home, "SELECT day::text, used FROM tenxsom.budget_day ORDER BY 1") == [
        ("2026-01-02", Decimal("0.5")),
        (today, Decimal("0.3")),
    ]


def test_everything_moves_and_the_old_place_says_where_to(home):
    fill(home)
    assert moving(home, dry_run=True)[1:] == (2, 2, 1, 4)
    assert moved.moved_to(files_of(home).pending) is None
    moving(home)
    check_moved(home)
    store = FileJobStore(files_of(home).pending)
    with pytest.raises(BadSettings, match="has moved to"), store.claim("lake"):
        raise AssertionError
    with pytest.raises(BadSettings, match="has moved to"):
        put(store, "new")
    assert moving(home)[1:] == (2, 2, 1, 4), "the second time it is done already"
    with paper_suite(home, PaperVendor()) as app, pytest.raises(BadSettings, match="has moved to"):
        app.connect()


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_move_that_is_killed_at_any_change_of_a_file_goes_on(home, at, how):
    fill(home)
    with struck(Blow(at, how)), pytest.raises(Death):
        moving(home)
    moving(home)
    check_moved(home)


def test_what_cannot_be_moved_stops_it_before_anything_has_changed(home):
    put(FileJobStore(files_of(home).pending), "lake")  # of the local studio
    with pytest.raises(BadInput, match="local studio"):
        moving(home)
    assert moved.moved_to(files_of(home).pending) is None
    query(home, "INSERT INTO tenxsom.report (name, content_id, data) VALUES ('x', 'x', '') RETURNING 1")
    with pytest.raises(BadInput, match="empty database"):
        moving(home)


def test_a_job_moves_when_its_owner_has_finished_its_visit(home):
    fill(home)
    lines = """
import sys
from pathlib import Path
from tenxsom.store.files.jobs import FileJobStore
with FileJobStore(Path(sys.argv[1])).claim("lake") as claim:
    print("holding", flush=True)
    sys.stdin.readline()
    claim.job.title = "saved at the last moment"
    claim.save()
"""
    mover = """
import sys
from pathlib import Path
from tests.unit.store.postgres.test_moving import moving
moving(Path(sys.argv[1]))
"""
    databases.url(home)
    with running(lines, files_of(home).pending) as (owner,), running(mover, home) as (moves,):
        assert said(owner) == "holding"
        deadline = clock.Deadline(60)
        while moved.moved_to(files_of(home).pending) is None and not deadline.passed():
            clock.nap(0.05)
        tell(owner)
        assert moves.wait(timeout=60) == 0
    [[title]] = query(home, "SELECT document->>'title' FROM tenxsom.job WHERE content_id = 'lake'")
    assert title == "saved at the last moment"


def entry_of(ledger: SpendLedger, reference: str) -> str:
    line = ledger.last(reference)
    assert line
    return str(line["entry"])


def live(app: App, home: Path, *, submit: bool) -> None:
    """Tick until the job has ended; with `submit` only order it."""
    source = home / "lake.page.json"
    source.write_text(json.dumps(definition()))
    orchestrator = app.orchestrator()
    orchestrator.submit_all(orchestrator.read([str(source)]))
    for _ in range(0 if submit else 20):
        app.poller().tick(["lake"], at_once=True)
        if app.artifacts.has_report("lake"):
            return
    assert submit


def test_a_job_that_moves_on_its_way_is_paid_once_and_comes_back_with_its_report_and_its_money(home):
    vendor = PaperVendor()
    vendor.check = "running"
    with paper_suite(home, vendor) as app:
        live(app, home, submit=True)
    moving(home)
    vendor.check = "ready"
    with paper_suite(home, vendor, QUEUE_URL=databases.url(home)) as app:
        live(app, home, submit=False)
        assert entry_of(app.ledger, vendor.charges[0]["replyRef"]) == SPENT
        lines = list(app.ledger.lines())
    assert set(Counter(charge["replyRef"].rsplit(".", 1)[0] for charge in vendor.charges).values()) == {1}
    moving(home, back=True)
    with paper_suite(home, vendor, QUEUE_URL=databases.url(home)) as app, pytest.raises(StoreGone, match="leaving"):
        app.connect()
    with paper_suite(home, vendor) as app:
        app.connect()
        assert (app.artifacts.final_report("lake") or {})["state"] == "completed"
        assert app.store.ids() == []
        assert [(line["reference"], line["entry"]) for line in app.ledger.lines()] == [
            (line["reference"], line["entry"]) for line in lines
        ]


def test_ids_that_a_machine_keeps_come_back_with_the_ledger(home):
    moving(home)
    Spool(files_of(home).spool).put(purchase("paid"), SPENT, {"job_id": "v2"})
    moving(home, back=True)
    assert not files_of(home).spool.exists()
    [line] = [line for line in FileLedger(files_of(home).ledger).lines() if line["reference"] == "paid"]
    assert (line["entry"], line["job_id"]) == (SPENT, "v2")


def test_jobs_come_back_as_they_are_and_open_money_stays_set_aside(home):
    fill(home)
    moving(home)
    with paper_suite(home, PaperVendor(), QUEUE_URL=databases.url(home)) as app:
        with app.store.claim("lake") as claim:
            assert claim
            claim.job.title = "changed over there"
            claim.save()
        app.ledger.reserve(purchase("later"))
    moving(home, back=True)
    moving(home, back=True)
    store, ledger = FileJobStore(files_of(home).pending), FileLedger(files_of(home).ledger)
    assert sorted(store.ids()) == ["lake", "river"]
    with store.claim("lake") as claim:
        assert claim
        assert claim.job.title == "changed over there"
    assert entry_of(ledger, "later") == entry_of(ledger, "open") == RESERVED
    assert ledger.total(clock.day()) == Decimal("0.4")
