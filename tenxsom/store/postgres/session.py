"""The connection of a process to its database: what the process owns is locked on the connection through which it writes.

A lock is a session-level advisory lock, which the server frees when the connection ends, by any death of its owner, and never
because of its age. Each connection is a new life of the session: locks and claims of an earlier life are gone, and an owner
that goes on writing takes its lock again first. Keepalives on both sides end the connection of a dead machine within half a minute.

A pooler in between would give the locks of one process to another one, so that it is recognised and refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tenxsom import clock
from tenxsom.errors import BadSettings, DiskRefused, StoreGone, TenxsomError
from tenxsom.store.postgres.queries import queries, schema_version

log = logging.getLogger(__name__)

START_SECONDS = 10.0
"""How long a program waits for a database that does not answer when it starts, and for each reading later."""
SAVE_SECONDS = 60.0
"""How long a save waits: the failover of a managed database takes 30 to 120 seconds, and nothing was paid yet."""
STOPPED_SECONDS = 20.0
"""How long all saves together wait after a stop request, within the time that a stopped program is given."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0

LEAST_VERSION = 14
"""The first version of PostgreSQL with `idle_session_timeout`."""
_NEWEST_PARAMETER = "idle_session_timeout"
"""What an older server refuses the connection for."""

_BOTH_ENDS = "tcp_user_timeout=25000"
PLANS = "-c plan_cache_mode=force_custom_plan"
"""Statements are parsed once, and planned each time: a plan that was made for an empty queue is not one for 100,000 jobs.

https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-PLAN-CACHE-MODE
"""
_SERVER_OPTIONS = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    f" -c {_BOTH_ENDS} -c statement_timeout=30000 -c idle_session_timeout=0 -c search_path=tenxsom {PLANS}"
)
"""By default a server notices the death of a machine after two hours.

https://www.postgresql.org/docs/current/runtime-config-connection.html
"""
_CLIENT_OPTIONS: Mapping[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25000,
    "connect_timeout": 10,
}

_PASSING = (
    "starting up", "shutting down", "recovery mode", "not yet accepting", "too many", "connection slots", "terminating",
    "could not", "out of memory",
)  # fmt: skip
"""What PostgreSQL says when it refuses a connection that it will accept later; "could not" is its machine's refusal, as a full
disk's is."""
_LOST_STATES = frozenset({"57P01", "57P02", "57P03", "57P05", "25006", "53300", "0A000"})
"""The server ends, starts, became a standby, has too many connections, or has parsed a statement before its tables changed."""
_REPEATED_STATES = frozenset({"40001", "40P01", "55P03", "57014"})
"""The statement was rolled back for the sake of another one, or took too long."""
_DISK_FULL = "53100"

Run = Callable[..., list[tuple[Any, ...]]]
"""Executes a statement with its parameters, and returns the rows."""


class ConnectionLost(StoreGone):
    """The connection broke in the middle; whether the last statement was done is not known."""


class Owner(NamedTuple):
    """A lock that this process holds, and the life of the session in which it took it."""

    key: int
    life: int


def lock_key(what: str, name: str) -> int:
    """Return the number of a lock. All programs that use a database share one space of them."""
    digest = hashlib.blake2b(f"tenxsom {what} {name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Session:
    """The connection of this process. Thread-safe: one statement, or one transaction, at a time."""

    def __init__(self, url: str, *, checks_schema: bool = True, host: str = "") -> None:
        """`checks_schema`: refuse a database whose tables are missing or of another version. `host`: this machine's name."""
        self.guard = threading.RLock()
        self.life = 0
        self.place = place_of(url)
        self.on_connected: list[Callable[[], None]] = []
        """Called after each new connection, before anything else is done over it."""
        self._url = url
        self._checks_schema = checks_schema
        self._host = re.sub(r"[^A-Za-z0-9.-]", "-", host or socket.gethostname())[:30]
        self._name = f"tenxsom looks {self._host}:{os.getpid()}.{id(self) % 65536:x}"
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._backend = 0
        self._held: set[int] = set()
        self._stopped: clock.Deadline | None = None
        """When waiting ends after a stop request; threads that wait one after the other share that time."""

    def works(self) -> None:
        """Say, before it is connected, that this program works on jobs, so that `other_hosts` of others finds it."""
        self._name = self._name.replace(" looks ", " works ")

    def other_hosts(self) -> list[str]:
        """Return the machines on which other programs work on these jobs now."""
        ours = f"tenxsom works {self._host}:%"
        return sorted(host for [host] in self.rows(queries("schema")["other_hosts"], {"ours": ours}))

    def start(self) -> Self:
        """Connect. Raises BadSettings for a database that can never be used like this, StoreGone for one that does not answer."""
        self.wait(START_SECONDS)
        return self

    def close(self) -> None:
        with self.guard:
            self._drop()

    def rows(self, statement: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Execute a statement that can be repeated. Waits for a database that is away; raises StoreGone after START_SECONDS."""
        deadline = clock.Deadline(START_SECONDS)
        while True:
            with self.guard:
                self.wait(deadline.left())
                try:
                    return self._run(statement, parameters)
                except StoreGone as error:
                    if deadline.passed() or not _can_be_repeated(error):
                        raise
            clock.nap(FIRST_PAUSE_SECONDS)

    @contextlib.contextmanager
    def transaction(self, *, of_one: bool = False) -> Iterator[Run]:
        """Execute the block's statements together: all or none. A block `of_one` statement needs no BEGIN and COMMIT around it.

        Raises ConnectionLost when the connection broke, so that the outcome is not known, StoreGone when nothing was done. The
        caller holds the guard.
        """
        connection = self._connection
        if connection is None:
            raise ConnectionLost(self._gone("it is not connected"))
        try:
            with contextlib.nullcontext() if of_one else connection.transaction():
                yield self._run
        except psycopg.Error as error:
            raise self._told(error) from error

    def wait(self, seconds: float, *, finishing: bool = False) -> None:
        """Connect again if the connection is gone. Raises StoreGone after `seconds`.

        A stop request ends the wait (Interrupted); with `finishing` (what must be saved) it only shortens the wait.
        """
        with self.guard:
            if self._connection is not None:
                return
            self._wait(seconds, finishing=finishing)
            for call in self.on_connected:
                call()

    # locks

    def try_lock(self, key: int) -> Owner | None:
        """Take a lock if it is free. In a session a lock is granted again and again, so that the guard decides between threads."""
        with self.guard:
            if key in self._held:
                return None
            [[is_ours]] = self.rows("SELECT pg_try_advisory_lock(%(key)s)", {"key": key})
            if not is_ours:
                return None
            self._held.add(key)
            return Owner(key, self.life)

    def try_lock_again(self, owner: Owner, seconds: float = 3.0) -> Owner | None:
        """Take a lock of an earlier life again; waits a little, because the server may not know yet that its owner is gone."""
        deadline = clock.Deadline(seconds)
        while True:
            if found := self.try_lock(owner.key):
                return found
            if deadline.passed() or owner.key in self._held:
                return None
            clock.nap(FIRST_PAUSE_SECONDS)

    def is_held(self, owner: Owner) -> bool:
        return owner.life == self.life and self._connection is not None

    def unlock(self, owner: Owner, statement: LiteralString = "", parameters: Mapping[str, Any] | None = None) -> bool:
        """Free a lock, after a last statement that may be lost; return whether that was done.

        The end of the connection has freed the lock already. A database without room for the statement frees it all the same.
        """
        with self.guard:
            if not self.is_held(owner):
                return not statement
            self._held.discard(owner.key)
            is_done = not statement or self.attempt(statement, parameters)
            if not self.attempt("SELECT pg_advisory_unlock(%(key)s)", {"key": owner.key}):
                self._drop()  # a lock that could not be freed ends with its connection
            return is_done

    def attempt(self, statement: LiteralString, parameters: Mapping[str, Any] | None = None) -> bool:
        """Execute a statement that may be lost, without waiting for a database that is away; return whether it was done."""
        with self.guard:
            try:
                self._run(statement, parameters)
            except StoreGone as error:
                log.info("%s", error)
                return False
            return True

    # the connection

    def _run(self, statement: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows; none for a statement without."""
        connection = self._connection
        if connection is None:
            raise ConnectionLost(self._gone("it is not connected"))
        try:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description is not None else [()] * max(0, cursor.rowcount)
        except psycopg.Error as error:
            raise self._told(error) from error

    def _wait(self, seconds: float, *, finishing: bool = False) -> None:
        deadline, pause = clock.Deadline(seconds), FIRST_PAUSE_SECONDS
        while True:
            try:
                self._connect()
                return
            except StoreGone as error:
                if deadline.passed() or (finishing and self._has_waited_after_stop()):
                    raise
                log.debug("%s", error)
            if not finishing:
                clock.check_stop()
            clock.nap(min(pause, deadline.left()))
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    def _has_waited_after_stop(self) -> bool:
        """Return whether the time after a stop request is over."""
        if not clock.stop_requested():
            return False
        self._stopped = self._stopped or clock.Deadline(STOPPED_SECONDS)
        return self._stopped.passed()

    def _connect(self) -> None:
        """Open a connection and check where it leads. Raises BadSettings, StoreGone."""
        is_first = self.life == 0
        try:
            connection = psycopg.connect(
                self._url,
                autocommit=True,
                options=_SERVER_OPTIONS,
                application_name=self._name,
                **_CLIENT_OPTIONS,
            )
        except psycopg.Error as error:
            raise self._refused(error, is_first=is_first) from None
        try:
            self._check(connection, is_first=is_first)
        except BaseException:  # after any error or stop no connection stays open
            connection.close()
            raise
        self._connection, self._held = connection, set()
        self.life += 1

    def _check(self, connection: psycopg.Connection[tuple[Any, ...]], *, is_first: bool) -> None:
        known = queries("schema")
        try:
            [[pid, is_standby, is_read_only, version, now, has_tables, _]] = connection.execute(known["where_am_i"]).fetchall()
            if connection.info.backend_pid != pid:
                raise BadSettings(
                    f"QUEUE_URL leads to a connection pooler at {self.place}, which would give the locks of one process to another"
                    " one. Name the database's own port (a direct or session connection)."
                )
            if version < LEAST_VERSION * 10_000:
                raise BadSettings(
                    f"The database at {self.place} is PostgreSQL {version // 10_000}; the least that is needed is {LEAST_VERSION}."
                )
            if is_standby or is_read_only:
                told = f"The database at {self.place} is a standby, or read-only; QUEUE_URL must lead to the primary."
                raise BadSettings(told) if is_first else StoreGone(told)
            if self._checks_schema:
                self._check_schema(connection.execute(known["place"]).fetchall() if has_tables else [])
            if self._backend:  # an earlier connection may still live on the server, with our locks
                connection.execute(known["end_session"], {"pid": self._backend, "name": self._name})
        except psycopg.errors.InsufficientPrivilege:
            raise BadSettings(
                f"The user of QUEUE_URL has no right to the tables at {self.place}; GRANT them, or name their owner."
            ) from None
        except psycopg.Error as error:
            raise StoreGone(self._gone(_first_line(error))) from None
        self._backend = pid
        clock.follow(now)

    def _check_schema(self, place: Sequence[tuple[Any, ...]]) -> None:
        if not place:
            raise BadSettings(f"The database at {self.place} has no tables of ours yet; run: manage_jobs.py database init")
        [[here, version]] = place
        wanted = schema_version()
        if version > wanted:
            raise BadSettings(
                f"The tables at {self.place} are of a newer version ({version}; this one knows {wanted}); update this installation."
            )
        if version < wanted:
            raise BadSettings(
                f"The tables at {self.place} are of version {version}, and {wanted} is needed; run: manage_jobs.py database upgrade"
            )
        if here != "here":
            raise StoreGone(
                f"The queue at {self.place} is {here}: it is being moved (manage_jobs.py migrate); it goes on afterwards."
            )

    def _drop(self) -> None:
        """Forget the connection; the server frees the locks."""
        connection, self._connection = self._connection, None
        self._held = set()
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()

    def _told(self, error: psycopg.Error) -> Exception:
        """Return our error for one of the database's; its own where it can only be a mistake of the program."""
        state, connection = error.sqlstate or "", self._connection
        is_lost = connection is None or connection.closed or connection.broken
        if is_lost or state[:2] == "08" or state in _LOST_STATES or isinstance(error, psycopg.InterfaceError):
            self._drop()
            return ConnectionLost(self._gone(_first_line(error)))
        if state == _DISK_FULL:
            return StoreGone(
                f"The disk of the database at {self.place} is full ({_first_line(error)}); nothing is lost, and everything goes on"
                " when there is room again."
            )
        if state in _REPEATED_STATES or state[:2] in ("53", "58"):
            return StoreGone(self._gone(_first_line(error)))
        if state == "42501":
            return DiskRefused(f"The user of QUEUE_URL has no right to do that at {self.place} ({_first_line(error)}).")
        return error

    def _refused(self, error: psycopg.Error, *, is_first: bool) -> TenxsomError:
        """Return the error of a connection that could not be opened: for good, or for now."""
        told = _first_line(error)
        if is_first and ("unsupported startup parameter" in told or "pgbouncer" in told.lower()):
            return BadSettings(
                f"QUEUE_URL leads to a connection pooler at {self.place}, which would give the locks of one process to another one."
                " Name the database's own port (a direct or session connection)."
            )
        if is_first and f'parameter "{_NEWEST_PARAMETER}' in told:
            return BadSettings(f"The database at {self.place} is older than PostgreSQL {LEAST_VERSION}, the least that is needed.")
        is_for_good = ("FATAL" in told and not any(words in told for words in _PASSING)) or "resolve host" in told
        if is_first and (is_for_good or isinstance(error, psycopg.ProgrammingError)):
            return BadSettings(f"QUEUE_URL: the database at {self.place} cannot be used: {told}.")
        return StoreGone(self._gone(told))

    def _gone(self, why: str) -> str:
        return f"The database at {self.place} is out of reach ({why}); nothing is lost, it will be tried again."


def place_of(url: str) -> str:
    """Return where a database is, without user and password. Raises BadSettings for an address that is none."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise BadSettings(f"QUEUE_URL is no address of a PostgreSQL ({_first_line(error).split(chr(34))[0].strip()}).") from None
    host = parts.get("host") or parts.get("hostaddr") or "this machine"
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{host}{port}/{parts.get('dbname') or ''}"


def _can_be_repeated(error: StoreGone) -> bool:
    return isinstance(error, ConnectionLost) or isinstance(error.__cause__, psycopg.Error)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    fatal = next((line for line in text.splitlines() if "FATAL" in line), None)
    return (fatal or text.split("\n", maxsplit=1)[0]).strip().rstrip(".")[:300] or type(error).__name__
