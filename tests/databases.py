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

import pytest

from tenxsom.store.postgres.schema import Schema
from tenxsom.store.postgres.session import Session
from tests.postgres_server import Databases, NoServer, PostgresServer

_sessions: dict[Path, list[Session]] = {}
_created: dict[Path, str] = {}


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
        _created[place], address = databases.create(template)
        file.write_text(address)
    return file.read_text()


def session(place: Path) -> Session:
    """Open a session as another process would."""
    opened = Session(url(place)).start()
    _sessions.setdefault(place, []).append(opened)
    return opened


def close(place: Path) -> None:
    """Close the sessions of a place, and drop its database."""
    for opened in _sessions.pop(place, ()):
        opened.close()
    if name := _created.pop(place, None):
        _all()[0].drop(name)
