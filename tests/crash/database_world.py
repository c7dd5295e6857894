"""A home, a vendor, and a database behind a proxy: what tests of a database's faults share."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tenxsom import clock
from tenxsom.app import App
from tenxsom.errors import TenxsomError
from tests import databases
from tests.belt import Belt, definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.crash.postgres_proxy import PostgresProxy

PRICES = {"services": {"useapi_ltx": {"image_usd": "0.01", "clip_usd": "0", "clip_second_usd": "0.08"}}, "planners": {}}


class IntentProxy(PostgresProxy):
    """Strikes at the COMMIT of the next intent, once, and lets nobody in afterwards."""

    how: str | None = None
    _intends = False

    def strike_for(self, request: bytes) -> str | None:
        self._intends = self._intends or b"reserved" in request
        if self.how is None or not self._intends or b"COMMIT" not in request:
            return None
        how, self.how, self.is_shut, self.has_struck = self.how, None, True, True
        return how


class World:
    """A home, a vendor of paper, and a database behind a proxy."""

    def __init__(self, home: Path, proxy: PostgresProxy) -> None:
        self.home, self.proxy, self.vendor = home, proxy, PaperVendor()
        home.mkdir(exist_ok=True)
        (home / "templates").mkdir(exist_ok=True)
        (home / "templates" / "prices.json").write_text(json.dumps(PRICES))
        self.direct = databases.url(home)

    @property
    def url(self) -> str:
        parts = urlsplit(self.direct)
        place = f"{parts.username}@127.0.0.1:{self.proxy.port}"
        return urlunsplit(parts._replace(netloc=place, query="sslmode=disable&gssencmode=disable"))

    def open(self, **changes: str) -> App:
        """Open the suite as another process would."""
        return paper_suite(self.home, self.vendor, **{"QUEUE_URL": self.url, "POLL_CONCURRENCY": "2"} | changes)

    def live(self, app: App, content_id: str = "lake", ticks: int = 30) -> None:
        """Submit a job, and tick until it has ended. Whatever a run raises is for the next one."""
        source = self.home / f"{content_id}.page.json"
        source.write_text(json.dumps(definition(content_id)))
        for number in range(ticks):
            try:
                if number % 10 == 0:  # a person who saw an error says it again
                    orchestrator = app.orchestrator()
                    orchestrator.submit_all(orchestrator.read([str(source)]))
                app.poller().tick([content_id], at_once=True)
                if app.artifacts.has_report(content_id):
                    return
            except TenxsomError:
                clock.nap(0.05)
        raise AssertionError(f"it has not ended: {app.results.of(content_id)}")

    def check(self, jobs: int = 1) -> None:
        """What must be true in the end, by the vendor's own count and by the tables."""
        calls = Counter(charge["replyRef"].rsplit(".", 1)[0] for charge in self.vendor.charges)
        assert set(calls.values()) == {1}, f"paid more than once: {calls}"
        with psycopg.connect(self.direct) as connection:
            rows = connection.execute("SELECT reference, entry, usd FROM tenxsom.movement ORDER BY number").fetchall()
            last = {reference: (entry, usd) for reference, entry, usd in rows}
            assert {last[charge["replyRef"]][0] for charge in self.vendor.charges} == {"spent"}
            counted = sum((usd for entry, usd in last.values() if entry != "released"), Decimal(0))
            assert connection.execute("SELECT sum(used) FROM tenxsom.budget_day").fetchall() == [(counted,)]
            assert connection.execute("SELECT count(*) FROM tenxsom.job").fetchall() == [(0,)]
            assert connection.execute("SELECT count(*) FROM tenxsom.report").fetchall() == [(jobs,)]
        assert counted == jobs * Decimal("0.25")


@dataclass
class DatabaseBelt(Belt):
    """A home whose queue is in a database."""

    direct: str = ""

    def report(self, content_id: str) -> dict[str, Any] | None:
        with psycopg.connect(self.direct) as connection:
            found = connection.execute("SELECT data FROM tenxsom.report WHERE content_id = %s", [content_id]).fetchall()
        return dict(json.loads(bytes(found[0][0]))) if found else None

    def state(self, content_id: str) -> dict[str, Any] | None:
        with psycopg.connect(self.direct) as connection:
            found = connection.execute("SELECT document FROM tenxsom.job WHERE content_id = %s", [content_id]).fetchall()
        return dict(found[0][0]) if found else None

    def end(self, content_id: str, charges: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
        """Tick until the job has ended. Of a call that was meant and never made a person says so, after a look at the vendor."""
        for _ in range(30):
            self.poll(content_id)
            if report := self.report(content_id):
                return report
            state = self.state(content_id)
            if state and state["state"] == "submit_unknown":
                [reference] = [clip["intent"]["reference"] for clip in state["clips"] if clip["intent"]]
                assert reference not in {charge["replyRef"] for charge in charges()}, "the vendor knows it, and was not asked"
                assert self.run("manage_jobs.py", "resolve", content_id, "--never-sent").code == 0
        raise AssertionError(f"{content_id} has no report: {self.state(content_id)}")
