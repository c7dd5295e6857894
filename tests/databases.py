"""Databases for tests: a server of this process, or the one of TENXSOM_TEST_DATABASE_URL; each place of a test has a database.

A server is started when the first test asks for one, and ends with the process. The other processes of a test find the database of
their place in a file there.
"""

from __future__ import annotations

import atexit
import os
import signal
import tempfile
from functools import cache
from pathlib import Path

import psycopg
import pytest

from tenxsom.store.postgres.schema import Schema
from tenxsom.store.postgres.session import Session
from tests.postgres_server import Databases, NoServer, PostgresServer

_sessions: dict[Path, list[Session]] = {}
_created: dict[Path, tuple[str, str]] = {}
_emptied: list[tuple[str, str]] = []
"""Databases that are as they were made, to be used again: to copy one takes longer than most tests."""


@cache
def server() -> PostgresServer | None:
    """Return this process's server; None where TENXSOM_TEST_DATABASE_URL names another one. Skips the test where none works."""
    if os.environ.get("TENXSOM_TEST_DATABASE_URL"):
        return None
    folder = tempfile.TemporaryDirectory(prefix="tenxsom-postgres-")
    try:
        found = PostgresServer(Path(folder.name) / "data")
        found.create()
        found.start()
    except NoServer as error:
        folder.cleanup()
        pytest.skip(f"There is no PostgreSQL: {error}")
    atexit.register(folder.cleanup)
    atexit.register(found.stop, signal.SIGQUIT)
    return found


@cache
def _all() -> tuple[Databases, str]:
    """Return the server's databases, and the name of one with our tables."""
    own = server()
    databases = Databases(own.url("postgres") if own else os.environ["TENXSOM_TEST_DATABASE_URL"])
    name, url = databases.create()
    _make_tables(url)
    return databases, name


def _make_tables(url: str) -> None:
    session = Session(url, checks_schema=False).start()
    Schema(session).init()
    session.close()


def made_on(server: PostgresServer) -> str:
    """Return the address of a new database with our tables on a server."""
    _, url = Databases(server.url("postgres")).create()
    _make_tables(url)
    return url


def url(place: Path) -> str:
    """Return the address of a place's database, which is made when it is asked for the first time."""
    file = place / "database.url"
    if not file.exists():
        databases, template = _all()
        if not _emptied:
            _emptied.append(databases.create(template))
        _created[place] = _emptied.pop()
        file.write_text(_created[place][1])
    return file.read_text()


def session(place: Path) -> Session:
    """Open a session as another process would."""
    opened = Session(url(place)).start()
    _sessions.setdefault(place, []).append(opened)
    return opened


def close(place: Path, *, is_as_made: bool = False) -> None:
    """Close the sessions of a place, and drop its database; one with our tables as they were made is emptied for another."""
    for opened in _sessions.pop(place, ()):
        opened.close()
    name, address = _created.pop(place, ("", ""))
    if name and is_as_made:
        _empty(address)
        _emptied.append((name, address))
    elif name:
        _all()[0].drop(name)


def _empty(address: str) -> None:
    """Take every row out of our tables, but that of the schema's version, once nobody is connected to them any more."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        tables = connection.execute(
            "SELECT format('tenxsom.%I', tablename) FROM pg_tables WHERE schemaname = 'tenxsom' AND tablename <> 'place'"
        ).fetchall()
        connection.execute(f"TRUNCATE {', '.join(name for (name,) in tables)} RESTART IDENTITY".encode())
