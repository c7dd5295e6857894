"""An owner that is stopped past every time-out (SIGSTOP): the server ends its session, another machine goes on, and it wakes up.

Whatever it was about to do, it changes nothing that the other one has done, and makes no call for which somebody else has answered.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tenxsom import clock
from tests import databases
from tests.belt import ROOT, TOKEN, definition
from tests.conftest import StudioBehindASocket
from tests.crash import postgres_proxy, wire_proxy
from tests.crash.database_world import DatabaseBelt, World
from tests.crash.invariants import paid_at_most_once
from tests.crash.postgres_proxy import PostgresProxy
from tests.crash.wire_proxy import Relay, WireProxy

pytestmark = pytest.mark.slow

SECONDS_TO_SEND = 1.0
"""What the stopped program has between the intent that it saves and its call, in place of half a minute."""


class StoppingProxy(PostgresProxy):
    """Stops its victim as an intent is committed: the reply arrives, and then the connection ends."""

    def __init__(self, upstream: int) -> None:
        super().__init__(upstream)
        self.victim: int | None = None
        self.stopped = threading.Event()
        self._intends = False

    def goes_on(self, request: bytes) -> bool:
        self._intends = self._intends or b"reserved" in request
        if self.victim is None or not self._intends or b"COMMIT" not in request:
            return True
        os.kill(self.victim, signal.SIGSTOP)
        self.victim = None
        self.stopped.set()
        return False


@contextmanager
def at_work(belt: DatabaseBelt, *, seconds_to_send: float) -> Iterator[int]:
    """A program of one machine that submits a job, with less patience than usual; yields its process id."""
    script = belt.home / "submit.py"
    script.write_text(
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from tenxsom.pipeline import payment\n"
        f"payment.SEND_SECONDS = {seconds_to_send}\n"
        f"runpy.run_path({str(ROOT / 'master_orchestrator_v3.py')!r}, run_name='__main__')\n"
    )
    process = belt.start(str(script), "--json", belt.write(definition()))
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)


class Machines:
    """Two machines with homes of their own, one database and one vendor. The first one's wires are in our hands."""

    def __init__(self, place: Path, database: StoppingProxy, wire: WireProxy, studio: StudioBehindASocket) -> None:
        self.studio, self.wire, self.database = studio, wire, database
        world = World(place / "one", database)
        self.direct = world.direct
        shared = {"USEAPI_BEARER_TOKEN": TOKEN, "VIDEO_SERVICE": "useapi_ltx", "MEDIA_URL": (place / "media").as_uri()}
        (place / "media").mkdir()
        (place / "two").mkdir()
        one = shared | {"QUEUE_URL": world.url, "USEAPI_BASE_URL": f"{wire.url}/v1"}
        two = shared | {"QUEUE_URL": world.direct, "USEAPI_BASE_URL": f"{studio.url}/v1"}
        self.one = DatabaseBelt(place / "one", one, direct=world.direct)
        self.two = DatabaseBelt(place / "two", two, direct=world.direct)

    def end_session(self, pid: int) -> None:
        """What a server does to a client that no longer answers."""
        with psycopg.connect(self.direct, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE %s", [f"%:{pid}.%"]
            ).fetchall()
        assert ended

    def check(self) -> None:
        paid_at_most_once(self.studio.charges())
        with psycopg.connect(self.direct) as connection:
            rows = connection.execute("SELECT reference, entry FROM tenxsom.movement ORDER BY number").fetchall()
            entries: dict[str, str] = dict(rows)
            assert {entries.get(charge["replyRef"]) for charge in self.studio.charges()} == {"spent"}
            assert connection.execute("SELECT count(*) FROM tenxsom.job").fetchall() == [(0,)]
        assert self.studio.charges()


@pytest.fixture
def machines(tmp_path: Path, studio: StudioBehindASocket) -> Iterator[Machines]:
    server = databases.server()
    if server is None:
        pytest.skip("a server of TENXSOM_TEST_DATABASE_URL is left as it is")
    with postgres_proxy.running(server.port, StoppingProxy) as database, wire_proxy.running(studio.url) as wire:
        assert isinstance(database, StoppingProxy)
        yield Machines(tmp_path, database, wire, studio)
        databases.close(tmp_path / "one")


def test_an_owner_that_wakes_up_after_its_call_was_booked_by_another_one_changes_nothing(machines: Machines) -> None:
    """It is stopped while the vendor answers its paid call; the other machine finds the call there, and makes the film."""
    stopped, goes_on = threading.Event(), threading.Event()

    def stop(relay: Relay) -> None:
        status, _, body = relay.fetch()
        os.kill(machines.wire.victims.get(timeout=60), signal.SIGSTOP)
        stopped.set()
        assert goes_on.wait(60)
        relay.send_response(status)
        relay.send_header("Content-Length", str(len(body)))
        relay.end_headers()
        relay.wfile.write(body)

    machines.wire.script(1, stop)
    with at_work(machines.one, seconds_to_send=30) as pid:
        machines.wire.victims.put(pid)
        assert stopped.wait(60)
        machines.end_session(pid)
        assert machines.two.end("lake", machines.studio.charges)["state"] == "completed"
        goes_on.set()
    machines.check()
    assert machines.one.report("lake") == machines.two.report("lake")


def test_an_owner_that_wakes_up_before_its_call_does_not_make_it(machines: Machines) -> None:
    """It is stopped between its intent and the call. The vendor knows of no call, somebody says so, and it is made by another."""
    with at_work(machines.one, seconds_to_send=SECONDS_TO_SEND) as pid:
        machines.database.victim = pid
        assert machines.database.stopped.wait(60)
        stopped = clock.Deadline(SECONDS_TO_SEND + 0.2)
        assert not machines.studio.charges()
        assert machines.two.end("lake", machines.studio.charges)["state"] == "completed"
        clock.sleep(stopped.left())
    machines.check()
