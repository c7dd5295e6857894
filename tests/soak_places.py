"""Where a soak's jobs, money, reports and films are: files of one home, or a PostgreSQL and an object store that many share.

The PostgreSQL crashes, half of the programs reach it through a proxy that cuts, and its disk is full now and then. The store goes
away for seconds. Programs run on three machines: homes of their own, and clocks that are an hour ahead, right, or an hour behind.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

from tenxsom import clock, settings
from tenxsom.errors import DiskError
from tests import databases, stub_s3
from tests.belt import PLAIN_FILMS, ROOT
from tests.crash import postgres_proxy
from tests.crash.postgres_proxy import AFTER, BEFORE, PostgresProxy
from tests.crash.small_disk import NoMount, SmallDisk
from tests.postgres_server import PostgresServer

if TYPE_CHECKING:
    from tenxsom.app import App

Report = dict[str, Any]
REPORTS = ("_completion_report.json", "_failure_report.json")

CUT_SHARE = 0.004
"""The share of requests to the database that are cut, half of them before the server sees them, half after it was done."""
CRASH_SECONDS = 30.0
"""About how long it is from one crash of the server to the next."""
FULL_SECONDS = 20.0
"""About how long it is from one full disk to the next."""
DISK_BYTES = 8_000_000_000
"""The size of the database's disk while it has room; it takes memory as it is used."""
AWAY_SECONDS = 25.0
"""About how long it is until the object store goes away again."""
MACHINES = {"ahead": 3600, "right": 0, "behind": -3600}
"""The machines, and by how many seconds their clocks are wrong."""


class Place(Protocol):
    """Where jobs, money and reports are."""

    title: str

    def machine(self, chance: random.Random) -> dict[str, str]:
        """Make this process a program of some machine; return what it is told to find jobs, money and films."""

    def settle(self) -> None:
        """Let every machine do what is left to be done, before it is looked at."""

    def film(self, content_id: str) -> bytes: ...

    def leftovers(self) -> list[str]:
        """Return names of files that should not outlive their use."""

    def end_sessions(self, pid: int) -> bool:
        """End what a process has open there; return whether there was anything."""

    def pending(self) -> list[str]: ...

    def ended(self) -> set[str]: ...

    def report(self, content_id: str) -> Report | None: ...

    def set_aside(self) -> int:
        """Return how many states and reports were put into quarantine."""

    def entries(self) -> dict[str, str]:
        """Return what became of each paid call, by its reference."""

    def strike(self, chance: random.Random, blows: Counter[str]) -> None:
        """Strike the place itself, now and then."""

    def promises(self) -> Iterator[tuple[str, int]]:
        """Yield promises of its own with the number of times that they were broken."""

    def struck(self) -> Counter[str]: ...

    def close(self) -> None: ...


class Files:
    """Files of one home."""

    title = "With files"

    def __init__(self, home: Path) -> None:
        self._home = home

    def machine(self, chance: random.Random) -> dict[str, str]:
        return {}

    def settle(self) -> None:
        return

    def film(self, content_id: str) -> bytes:
        return (self._home / "completed_videos" / f"{content_id}.mp4").read_bytes()

    def leftovers(self) -> list[str]:
        return [name for name in os.listdir(self._home / "completed_videos") if ".part" in name or "~" in name]

    def end_sessions(self, pid: int) -> bool:
        return False

    def pending(self) -> list[str]:
        return sorted(self._names("pending_video_jobs", ".json"))

    def ended(self) -> set[str]:
        return {name for ending in REPORTS for name in self._names("completed_videos", ending)}

    def _names(self, folder: str, ending: str) -> set[str]:
        return {name.removesuffix(ending) for name in os.listdir(self._home / folder) if name.endswith(ending)}

    def report(self, content_id: str) -> Report | None:
        for ending in REPORTS:
            path = self._home / "completed_videos" / f"{content_id}{ending}"
            if path.exists():
                return dict(json.loads(path.read_bytes()))
        return None

    def set_aside(self) -> int:
        quarantine = self._home / "pending_video_jobs" / "quarantine"
        return len(os.listdir(quarantine)) if quarantine.exists() else 0

    def entries(self) -> dict[str, str]:
        last: dict[str, str] = {}
        for raw in (self._home / "spend_ledger.jsonl").read_bytes().splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # a line that a kill cut short
            last[line["reference"]] = line["entry"]
        return last

    def strike(self, chance: random.Random, blows: Counter[str]) -> None:
        return

    def promises(self) -> Iterator[tuple[str, int]]:
        return iter(())

    def struck(self) -> Counter[str]:
        return Counter()

    def close(self) -> None:
        return


class Database:
    """A PostgreSQL and an object store of its own, and three machines."""

    title = "With PostgreSQL"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._disk = SmallDisk(folder / "disk", DISK_BYTES)
        try:
            self._disk.mount()
            self._can_be_full = True
        except NoMount as error:
            print(f"The disk of the database is never full: {error}", file=sys.stderr)
            self._can_be_full = False
        self._server = PostgresServer(self._disk.folder / "data")
        self._server.create("--wal-segsize=1")
        self._server.start()
        self._url = databases.made_on(self._server)
        self._processes: list[subprocess.Popen[str]] = []
        self._proxy_port = self._started("database", str(self._server.port), str(folder))
        self._store = stub_s3.StubS3(url=f"http://127.0.0.1:{self._started('store', str(folder))}")
        self._crash_at = time.monotonic() + CRASH_SECONDS
        self._full_at = time.monotonic() + FULL_SECONDS
        self._app: App | None = None
        for name in MACHINES:
            (folder / name).mkdir()

    def _started(self, *words: str) -> int:
        """Start a process of this module; return its port."""
        process = subprocess.Popen([sys.executable, "-m", "tests.soak", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        self._processes.append(process)
        return int(process.stdout.readline())

    def machine(self, chance: random.Random) -> dict[str, str]:
        name = chance.choice(sorted(MACHINES))
        set_wrong(MACHINES[name])
        return self._settings(name, self._proxy_port if chance.random() < 0.5 else self._server.port)

    def _settings(self, machine: str, port: int) -> dict[str, str]:
        database = self._url.rpartition("/")[2]
        url = f"postgresql://tests@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"
        return {"TENXSOM_HOME": str(self._folder / machine), "QUEUE_URL": url, **self._store.settings()}

    def settle(self) -> None:
        for name in MACHINES:
            with self._opened(name) as app:
                app.connect()  # what is kept on its disk is booked before anything else

    def _opened(self, machine: str) -> App:
        from tenxsom.app import App

        return App(settings.load(PLAIN_FILMS | self._settings(machine, self._server.port)))

    def film(self, content_id: str) -> bytes:
        self._app = self._app or self._opened("right")
        while True:
            try:
                return self._app.artifacts.local(f"{content_id}.mp4").read_bytes()
            except DiskError:  # the store is away
                clock.nap(0.1)

    def leftovers(self) -> list[str]:
        made = [self._folder / name / "completed_videos" for name in MACHINES]
        return [name for folder in made if folder.is_dir() for name in os.listdir(folder) if name[0] != "."]

    def end_sessions(self, pid: int) -> bool:
        ended = """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE %s"""
        return bool(self._rows(ended, f"tenxsom %:{pid}.%"))

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def pending(self) -> list[str]:
        return sorted(content_id for [content_id] in self._rows("SELECT content_id FROM tenxsom.job"))

    def ended(self) -> set[str]:
        names = [name for [name] in self._rows("SELECT name FROM tenxsom.report")]
        return {name.removesuffix(ending) for name in names for ending in REPORTS if name.endswith(ending)}

    def report(self, content_id: str) -> Report | None:
        names = [f"{content_id}{ending}" for ending in REPORTS]
        rows = self._rows("SELECT data FROM tenxsom.report WHERE name = ANY(%s) ORDER BY name", names)
        return dict(json.loads(bytes(rows[0][0]))) if rows else None

    def set_aside(self) -> int:
        return sum(self._rows(f"SELECT count(*) FROM tenxsom.{name}")[0][0] for name in ("job_set_aside", "report_set_aside"))

    def entries(self) -> dict[str, str]:
        return dict(
            self._rows("SELECT DISTINCT ON (reference) reference, entry FROM tenxsom.movement ORDER BY reference, number DESC")
        )

    def strike(self, chance: random.Random, blows: Counter[str]) -> None:
        if time.monotonic() > self._crash_at:
            self._crash_at = time.monotonic() + CRASH_SECONDS * chance.uniform(0.5, 1.5)
            self._server.crash_and_restart()
            blows["crashes of PostgreSQL (restart -m immediate)"] += 1
        if self._can_be_full and time.monotonic() > self._full_at:
            self._full_at = time.monotonic() + FULL_SECONDS * chance.uniform(0.5, 1.5)
            self._disk.fill()
            blows["full disks of PostgreSQL"] += 1
            time.sleep(chance.uniform(0.5, 3))
            self._disk.empty()
            self._server.restart()

    def promises(self) -> Iterator[tuple[str, int]]:
        counted = """
            SELECT count(*) FROM tenxsom.budget_day FULL JOIN (
                SELECT day, rehearsal, sum(usd) AS calls FROM (
                    SELECT DISTINCT ON (reference) day, entry, usd, rehearsal FROM tenxsom.movement ORDER BY reference, number DESC
                ) AS last WHERE entry IN ('reserved', 'spent', 'unknown') GROUP BY day, rehearsal
            ) AS summed USING (day, rehearsal) WHERE coalesce(used, 0) <> coalesce(calls, 0)"""
        yield "days whose budget is not the sum of its calls", self._rows(counted)[0][0]
        yield "machines that still keep ids on their own disk", len(list(self._folder.glob("*/.spool/calls.jsonl")))

    def struck(self) -> Counter[str]:
        counts = [Counter[str](json.loads((self._folder / name).read_text())) for name in ("cuts.json", "away.json")]
        return sum(counts, Counter[str]())

    def close(self) -> None:
        if self._app:
            self._app.close()
        for process in self._processes:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self._server.kill()
        self._disk.unmount()


class WrongClock(datetime):
    """The time of the machine whose program this process is."""

    wrong = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.now(tz) + cls.wrong


def set_wrong(seconds: int) -> None:
    """Set this process's clock wrong, but never into another day: a job's report says on which days it was paid."""
    moment = datetime.now(UTC)
    WrongClock.wrong = timedelta(seconds=seconds)
    if (moment + WrongClock.wrong).date() != moment.date():
        WrongClock.wrong = timedelta()
    vars(clock)["datetime"] = WrongClock


class RandomDatabaseProxy(PostgresProxy):
    """Cuts now and then, and remembers how."""

    def __init__(self, upstream: int) -> None:
        super().__init__(upstream)
        self._chance, self.cuts = random.Random(5), Counter[str]()

    def number(self) -> str | None:
        with self._lock:
            if self._chance.random() >= CUT_SHARE:
                return None
            how = self._chance.choice((BEFORE, AFTER))
            self.cuts[f"database_request_cut_{how}_it_was_done"] += 1
            return how


def serve_database_proxy(port: int, folder: Path) -> None:
    """Serve until TERM; then say what was cut."""
    with postgres_proxy.running(port, RandomDatabaseProxy) as proxy:
        assert isinstance(proxy, RandomDatabaseProxy)
        print(proxy.port, flush=True)
        signal.sigwait({signal.SIGTERM})
        (folder / "cuts.json").write_text(json.dumps(proxy.cuts))


def serve_store(folder: Path) -> None:
    """Serve an object store until TERM, which goes away for seconds now and then; then say how often."""
    chance, away = random.Random(7), Counter[str]()
    with stub_s3.serving() as store:
        print(store.url.rpartition(":")[2], flush=True)
        while not signal.sigtimedwait({signal.SIGTERM}, AWAY_SECONDS * chance.uniform(0.5, 1.5)):
            away["store_away_for_seconds"] += 1
            store.fails("cut")
            time.sleep(chance.uniform(1, 4))
            store.works()
        (folder / "away.json").write_text(json.dumps(away))
