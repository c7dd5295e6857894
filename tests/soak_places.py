"""Where a soak's jobs, money and reports are: files of one home, or a PostgreSQL that crashes, behind a proxy that cuts."""

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
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests import databases
from tests.belt import ROOT
from tests.crash import postgres_proxy
from tests.crash.postgres_proxy import AFTER, BEFORE, PostgresProxy
from tests.postgres_server import PostgresServer

Report = dict[str, Any]
REPORTS = ("_completion_report.json", "_failure_report.json")

CUT_SHARE = 0.004
"""The share of requests to the database that are cut, half of them before the server sees them, half after it was done."""
CRASH_SECONDS = 30.0
"""About how long it is from one crash of the server to the next."""


class Place(Protocol):
    """Where jobs, money and reports are."""

    title: str

    def environment(self, chance: random.Random) -> dict[str, str]:
        """Return what a program is told to find them."""

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

    def environment(self, chance: random.Random) -> dict[str, str]:
        return {}

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
    """A PostgreSQL of its own. Half of the programs reach it through a proxy that cuts connections, and it crashes now and then."""

    title = "With PostgreSQL"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._server = PostgresServer(folder / "data")
        self._server.create()
        self._server.start()
        self._url = databases.made_on(self._server)
        words = [sys.executable, "-m", "tests.soak", "database", str(self._server.port), str(folder)]
        self._proxy = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._proxy.stdout is not None
        self._proxy_port = int(self._proxy.stdout.readline())
        self._crash_at = time.monotonic() + CRASH_SECONDS

    def environment(self, chance: random.Random) -> dict[str, str]:
        port = self._proxy_port if chance.random() < 0.5 else self._server.port
        database = self._url.rpartition("/")[2]
        return {"QUEUE_URL": f"postgresql://tests@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"}

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

    def promises(self) -> Iterator[tuple[str, int]]:
        counted = """
            SELECT count(*) FROM tenxsom.budget_day FULL JOIN (
                SELECT day, rehearsal, sum(usd) AS calls FROM (
                    SELECT DISTINCT ON (reference) day, entry, usd, rehearsal FROM tenxsom.movement ORDER BY reference, number DESC
                ) AS last WHERE entry IN ('reserved', 'spent', 'unknown') GROUP BY day, rehearsal
            ) AS summed USING (day, rehearsal) WHERE coalesce(used, 0) <> coalesce(calls, 0)"""
        yield "days whose budget is not the sum of its calls", self._rows(counted)[0][0]

    def struck(self) -> Counter[str]:
        return Counter(json.loads((self._folder / "cuts.json").read_text()))

    def close(self) -> None:
        self._proxy.terminate()
        self._proxy.wait()
        assert self._proxy.stdout is not None
        self._proxy.stdout.close()
        self._server.stop(signal.SIGQUIT)


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
