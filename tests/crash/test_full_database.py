"""The disk of the database is full: nothing is paid that cannot be written down, and all goes on when there is room again.

Two things happen to a PostgreSQL without room. A table that cannot grow is an error of one statement. A log that cannot grow
(pg_wal) ends the server, which does not start again before there is room.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tenxsom.errors import TenxsomError
from tests import databases
from tests.belt import definition
from tests.crash import postgres_proxy
from tests.crash.database_world import World
from tests.crash.small_disk import NoMount, SmallDisk, mounted
from tests.postgres_server import NoServer, PostgresServer

pytestmark = pytest.mark.slow

DISK_BYTES = 80_000_000


class Small(World):
    """A world whose database has a small disk of its own."""

    def __init__(self, home: Path, proxy: postgres_proxy.PostgresProxy, server: PostgresServer, disk: SmallDisk) -> None:
        super().__init__(home, proxy)
        self.server, self.disk = server, disk

    def submit(self, content_id: str = "lake") -> str:
        """Submit a job; return what is said about it."""
        source = self.home / f"{content_id}.page.json"
        source.write_text(json.dumps(definition(content_id)))
        try:
            with self.open() as app:
                orchestrator = app.orchestrator()
                outcomes = orchestrator.submit_all(orchestrator.read([str(source)]))
                return " ".join(outcome.message for outcome in outcomes)
        except TenxsomError as error:
            return str(error)

    def end_the_log(self) -> None:
        """Write to the log of a database without room until the server crashes."""
        self.disk.fill()
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.direct, autocommit=True) as connection:
            for _ in range(1000):
                connection.execute("SELECT pg_logical_emit_message(false, 'a test', repeat('a', 8000))")
                connection.execute("SELECT pg_switch_wal()")
            raise AssertionError("the log has room")
        self.disk.fill()  # it starts again by itself, if it can

    def make_room(self) -> None:
        self.disk.empty()
        self.server.restart()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, SmallDisk]]:
    try:
        with mounted(tmp_path_factory.mktemp("small") / "disk", DISK_BYTES) as disk:
            server = PostgresServer(disk.folder / "data", log=disk.folder.parent / "postgres.log")
            server.create("--wal-segsize=1")  # megabytes: a small log, which has to grow soon
            server.start()
            try:
                yield server, disk
            finally:
                server.kill()
    except (NoMount, NoServer) as error:
        pytest.skip(str(error))


@pytest.fixture
def world(tmp_path: Path, small: tuple[PostgresServer, SmallDisk]) -> Iterator[Small]:
    server, disk = small
    home = tmp_path / "home"
    home.mkdir()
    (home / "database.url").write_text(databases.made_on(server))
    with postgres_proxy.running(server.port) as proxy:
        found = Small(home, proxy, server, disk)
        yield found
        found.make_room()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("money.IDS_SECONDS", "jobs.SAVE_SECONDS", "session.START_SECONDS"):
        monkeypatch.setattr(f"tenxsom.store.postgres.{name}", 0.3)


def test_a_full_disk_is_named_and_nothing_is_paid_for(world: Small, impatient: None) -> None:
    world.disk.fill()
    told = world.submit()
    assert "The disk of the database at postgresql://127.0.0.1" in told
    assert "is full" in told
    assert not world.vendor.charges
    world.disk.empty()
    with world.open() as app:
        world.live(app)
    world.check()


class WhenFull(logging.Handler):
    """Does something when the first program says that the disk is full."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self.seen = 0
        self._work = work

    def emit(self, record: logging.LogRecord) -> None:
        if "is full" in record.getMessage():
            self.seen += 1
            self._work()


def test_programs_wait_for_room_and_go_on_by_themselves(world: Small) -> None:
    """The disk is full at every paid call and at every save after one, each time until somebody notices."""
    real = world.vendor._paid

    def paid(kind: str, reference: str) -> Any:
        submitted = real(kind, reference)
        world.disk.fill()
        return submitted

    world.vendor._paid = paid  # type: ignore[method-assign]
    handler = WhenFull(world.disk.empty)
    logging.getLogger("tenxsom").addHandler(handler)
    try:
        for number in range(4):
            assert world.submit(f"lake-{number}") == ""
            with world.open() as app:
                world.live(app, f"lake-{number}")
    finally:
        logging.getLogger("tenxsom").removeHandler(handler)
    assert handler.seen
    assert not (world.home / ".spool" / "calls.jsonl").exists()
    world.check(4)


@pytest.mark.parametrize("how", ["tables", "log"])
def test_ids_of_a_call_that_a_full_database_does_not_take_are_kept_and_booked_later(
    world: Small, impatient: None, how: str
) -> None:
    """At each of the two paid calls of a job, and the vendor cannot be asked: what is on this machine's disk is all there is."""
    world.vendor.remembers = False
    real = world.vendor._paid

    def paid(kind: str, reference: str) -> Any:
        submitted = real(kind, reference)
        if how == "log":
            world.end_the_log()
        else:
            world.disk.fill()
        return submitted

    world.vendor._paid = paid  # type: ignore[method-assign]
    spooled = 0
    for _ in range(10):
        with world.open() as app, contextlib.suppress(AssertionError):
            world.live(app, ticks=1)
        spool = world.home / ".spool" / "calls.jsonl"
        spooled += len(spool.read_text().splitlines()) if spool.exists() else 0
        world.make_room()
        with world.open() as app:
            if app.artifacts.has_report("lake"):
                break
    assert spooled == 2 if how == "tables" else True
    world.check()
