"""An installation whose queue, money and reports are in PostgreSQL: its stores, over one connection of the process."""

from __future__ import annotations

import logging
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from tenxsom.errors import BadSettings, TenxsomError
from tenxsom.store.base import Artifacts
from tenxsom.store.postgres.jobs import PostgresJobStore
from tenxsom.store.postgres.money import PostgresLedger, PostgresTill
from tenxsom.store.postgres.pauses import PostgresPauses
from tenxsom.store.postgres.reports import ReportsInDatabase
from tenxsom.store.postgres.session import Session
from tenxsom.store.postgres.spool import Spool

log = logging.getLogger(__name__)


class Database:
    """The stores. Nothing is connected before the first use of one."""

    def __init__(self, url: str, spool: Path, writable: tuple[Path, ...], daily_budget: Decimal | None = None) -> None:
        """`spool` is the file of this machine that keeps what became of paid calls while the database is away; `writable` are
        folders of this machine that must have room before a paid call.
        """
        self.session = Session(url)
        self.jobs = PostgresJobStore(self.session, writable)
        self._daily_budget = daily_budget
        self._spool = Spool(spool)
        self.session.on_connected.append(self._book_spooled)

    def connect(self, *, has_own_media: bool) -> None:
        """Connect to work on jobs. Raises BadSettings for a database that cannot be used, StoreGone for one that does not answer.

        With `has_own_media`, the files of jobs are on this machine alone: then no other machine may work on the same jobs.
        """
        self.session.works()
        self.session.start()
        others = self.session.other_hosts() if has_own_media else []
        if others:
            raise BadSettings(
                f"{', '.join(others)} works on the jobs at {self.session.place} as well, but the files of jobs are on"
                " this machine's own disk. Set MEDIA_URL on every machine, or run on one machine only."
            )

    def artifacts(self, files: Artifacts) -> ReportsInDatabase:
        """Return the files of jobs, with their reports in the database."""
        return ReportsInDatabase(self.session, files)

    @cached_property
    def ledger(self) -> PostgresLedger:
        return PostgresLedger(self.session, self._daily_budget)

    @cached_property
    def pauses(self) -> PostgresPauses:
        return PostgresPauses(self.session)

    @cached_property
    def till(self) -> PostgresTill:
        return PostgresTill(self.jobs, self.ledger, self._spool)

    def close(self) -> None:
        self.session.close()

    def _book_spooled(self) -> None:
        """Book what an earlier program on this machine could not."""
        try:
            self._spool.book(self.ledger.settle, self.ledger.release_unsent)
        except TenxsomError as error:
            log.error("What was kept on this machine could not be booked yet: %s", error)
