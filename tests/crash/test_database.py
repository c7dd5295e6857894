"""PostgreSQL is struck at every request of a job's life: whatever is lost, nothing is paid twice, and no job disappears."""

from __future__ import annotations

import json
import queue
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import databases
from tests.belt import TOKEN, definition
from tests.conftest import StudioBehindASocket
from tests.crash import postgres_proxy
from tests.crash.database_world import DatabaseBelt, IntentProxy, World
from tests.crash.deaths import ALL
from tests.crash.invariants import paid_at_most_once
from tests.crash.postgres_proxy import AFTER, BEFORE
from tests.postgres_server import running as running_server

pytestmark = pytest.mark.slow

EVERY = 1 if ALL else 7


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    server = databases.server()
    if server is None:
        pytest.skip("a server of TENXSOM_TEST_DATABASE_URL is left as it is")
    home = tmp_path / "home"
    home.mkdir()
    with postgres_proxy.running(server.port) as proxy:
        yield World(home, proxy)
        databases.close(home)


@pytest.mark.parametrize("how", [BEFORE, AFTER])
def test_a_connection_that_is_cut_at_any_request_costs_nothing_and_loses_nothing(world: World, how: str) -> None:
    """Replies to COMMIT among them, of which nobody knows whether it was done."""
    with world.open() as app:
        world.live(app)
    last = world.proxy.requests
    assert last > 50
    points = range(1, last + 1, EVERY)
    for jobs, at in enumerate(points, 2):
        world.proxy.script(at, how)
        with world.open() as app:
            world.live(app, f"lake-{at}")
        assert world.proxy.has_struck, at
        try:
            world.check(jobs)
        except AssertionError as error:
            raise AssertionError(f"request {at} cut {how}") from error


def test_a_server_that_crashes_between_any_two_steps_keeps_every_promise(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        url = databases.made_on(server)
        home = tmp_path / "home"
        home.mkdir()
        (home / "database.url").write_text(url)
        with postgres_proxy.running(server.port) as proxy:
            world = World(home, proxy)
            restarts = iter([True, False, True, False])

            def crash() -> None:
                if next(restarts, False):
                    server.crash_and_restart()

            real = world.vendor._paid

            def paid(kind: str, reference: str) -> Any:
                submitted = real(kind, reference)
                crash()  # the call is made, and its ids have no place to go to
                return submitted

            world.vendor._paid = paid  # type: ignore[method-assign]
            with world.open() as app:
                world.live(app)
            world.check()


def test_ids_that_the_database_never_took_are_booked_by_the_next_program_on_this_machine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("money.IDS_SECONDS", "jobs.SAVE_SECONDS", "session.START_SECONDS"):
        monkeypatch.setattr(f"tenxsom.store.postgres.{name}", 0.2)
    world.vendor.remembers = False  # the vendor cannot be asked, so that the ids on the disk are all there is
    real = world.vendor._paid

    def paid(kind: str, reference: str) -> Any:
        submitted = real(kind, reference)
        world.proxy.is_shut = True
        world.proxy.script(1, BEFORE)
        return submitted

    world.vendor._paid = paid  # type: ignore[method-assign]
    with world.open() as app:
        with pytest.raises(AssertionError, match="it has not ended"):
            world.live(app, ticks=1)
    spool = world.home / ".spool" / "calls.jsonl"
    [line] = [json.loads(line) for line in spool.read_text().splitlines()]
    assert (line["entry"], line["step"]) == ("spent", "request_image")
    assert line["ids"]["job_id"].startswith("job-")
    world.vendor._paid, world.proxy.is_shut = real, False  # type: ignore[method-assign]
    with world.open() as app:
        world.live(app)
    assert not spool.exists()
    world.check()


@pytest.mark.parametrize("somebody_looks", [False, True])
@pytest.mark.parametrize("how", [BEFORE, AFTER])
def test_an_intent_of_a_database_that_stays_away_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, somebody_looks: bool
) -> None:
    """The reply to its COMMIT is lost, and its program gives up. Whether the intent is there is found out when the database is."""
    for name in ("money.IDS_SECONDS", "jobs.SAVE_SECONDS", "session.START_SECONDS"):
        monkeypatch.setattr(f"tenxsom.store.postgres.{name}", 0.2)
    server = databases.server()
    if server is None:
        pytest.skip("a server of TENXSOM_TEST_DATABASE_URL is left as it is")
    with postgres_proxy.running(server.port, IntentProxy) as proxy:
        assert isinstance(proxy, IntentProxy)
        world = World(tmp_path / "home", proxy)
        world.vendor.remembers = False
        with world.open() as app:
            app.connect()
            proxy.how = how
            with pytest.raises(AssertionError, match="it has not ended"):
                world.live(app, ticks=1)
        assert proxy.has_struck
        assert not world.vendor.charges
        if somebody_looks:
            shutil.copytree(world.home / "templates", tmp_path / "other" / "templates")
            with world.open(QUEUE_URL=world.direct, TENXSOM_HOME=str(tmp_path / "other")) as app:
                app.poller().tick(["lake"], at_once=True)
        proxy.is_shut = False
        with world.open() as app:
            world.live(app)
        world.check()
    databases.close(world.home)


@pytest.mark.parametrize("how", [BEFORE, AFTER])
def test_a_program_that_is_killed_at_any_request_is_carried_on_without_paying_twice(
    world: World, studio: StudioBehindASocket, how: str
) -> None:
    environment = {
        "QUEUE_URL": world.url,
        "USEAPI_BEARER_TOKEN": TOKEN,
        "USEAPI_BASE_URL": f"{studio.url}/v1",
        "VIDEO_SERVICE": "useapi_ltx",
    }
    belt = DatabaseBelt(world.home, environment, direct=world.direct)
    belt.submit(definition("first"))
    last = world.proxy.requests
    assert last > 20
    for at in range(last // 6, last, 1 if ALL else last // 3):
        content_id = f"lake-{at}"
        world.proxy.script(at, how)
        world.proxy.victims = queue.SimpleQueue()
        process = belt.fork("master_orchestrator_v3.py", "--json", belt.write(definition(content_id)))
        world.proxy.victims.put(process.pid)
        process.communicate(timeout=120)
        world.proxy.victims = None
        assert process.returncode == -signal.SIGKILL
        belt.submit(definition(content_id))
        assert belt.end(content_id, studio.charges)["state"] == "completed", (at, how)
    paid_at_most_once(studio.charges())
    with psycopg.connect(world.direct) as connection:
        rows = connection.execute("SELECT reference, entry FROM tenxsom.movement ORDER BY number").fetchall()
    entries: dict[str, str] = dict(rows)
    assert {entries.get(charge["replyRef"]) for charge in studio.charges()} == {"spent"}
