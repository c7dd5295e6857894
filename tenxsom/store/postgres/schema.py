"""The tables: made and brought up to date by numbered migrations, one program at a time."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from tenxsom.errors import BadInput, BadSettings, DiskRefused
from tenxsom.store.postgres.queries import migrations, queries, schema_version
from tenxsom.store.postgres.session import Run, Session, lock_key

SQL = queries("schema")


class SchemaStatus(NamedTuple):
    """What there is in a database."""

    place: str
    version: int | None
    """The version of the tables; None without any."""
    wanted: int
    """The version that this program works with."""
    here: str | None
    """`here`, or `arriving` or `leaving` while the queue is moved."""


class Schema:
    """The tables in the database of a session, which does not check them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def status(self) -> SchemaStatus:
        there = self._session.rows(SQL["place"]) if self._has_tables() else []
        here, version = there[0] if there else (None, None)
        return SchemaStatus(self._session.place, version, schema_version(), here)

    def init(self) -> SchemaStatus:
        """Make the tables, unless they are there. Raises BadSettings without the right, BadInput for tables of another version."""
        found = self.status()
        if found.version is None:
            self._migrate()
        elif found.version != found.wanted:
            raise BadInput(
                f"There are tables of version {found.version} at {found.place} already; run: manage_jobs.py database upgrade"
            )
        return self.status()

    def upgrade(self) -> SchemaStatus:
        """Bring the tables up to date, or make them. Raises BadSettings as `init`, and for a newer version.

        What a deployment runs before its workers, whatever is there.
        """
        found = self.status()
        if found.version is not None and found.version > found.wanted:
            raise BadSettings(
                f"The tables at {found.place} are of a newer version ({found.version}; this one knows {found.wanted}); update this"
                " installation."
            )
        self._migrate()
        return self.status()

    def _has_tables(self) -> bool:
        [[has_tables]] = self._session.rows("SELECT to_regclass('tenxsom.place') IS NOT NULL")
        return bool(has_tables)

    def _migrate(self) -> None:
        """Apply what is missing in one transaction, while every other program that wants to waits."""
        try:
            with self._session.guard:
                self._session.wait(0)
                with self._session.transaction() as run:
                    _apply(run)
        except (psycopg.errors.InsufficientPrivilege, DiskRefused) as error:
            raise BadSettings(
                f"The user of QUEUE_URL may make no tables at {self._session.place}; let its owner run this, or GRANT CREATE on the"
                f" database ({str(error).splitlines()[0]})."
            ) from None


def _apply(run: Run) -> None:
    run("SET LOCAL statement_timeout = 0")
    run("SELECT pg_advisory_xact_lock(%(key)s)", {"key": lock_key("schema", "")})
    for name in ("begin", "make_place", "put_place"):
        run(SQL[name])
    [[_, version]] = run(SQL["place"])
    for number, migration in migrations().items():
        if number > version:
            run(migration)
            run(SQL["set_version"], {"version": number})
