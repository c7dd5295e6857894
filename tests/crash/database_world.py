"""A home, a vendor of paper, and a database behind a proxy: what tests of a database's faults share."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tenxsom import clock
from tenxsom.app import App
from tenxsom.errors import TenxsomError
from tests import databases
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.crash.postgres_proxy import PostgresProxy

PRICES = {"services": {"useapi_ltx": {"image_usd": "0.01", "clip_usd": "0", "clip_second_usd": "0.08"}}, "planners": {}}


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
        return paper_suite(self.home, self.vendor, QUEUE_URL=self.url, POLL_CONCURRENCY="2", **changes)

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
