"""A machine that is gone, with its network: nothing says goodbye to the server, which finds out by its own keepalives.

The machine is a network namespace, which needs root; the cable between it and the server is pulled.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.store.postgres.session import Session, lock_key
from tests import databases
from tests.belt import ROOT
from tests.postgres_server import NoServer, PostgresServer

pytestmark = pytest.mark.slow

HALF_A_MINUTE = 30
OWNS = """
import sys, time
from tenxsom.store.postgres import session
for real, quick in (("idle=10", "idle=1"), ("interval=5", "interval=1"), ("user_timeout=25000", "user_timeout=2000")):
    assert real in session._SERVER_OPTIONS
    session._SERVER_OPTIONS = session._SERVER_OPTIONS.replace(real, quick)
opened = session.Session(sys.argv[1]).start()
assert opened.try_lock(session.lock_key("job", "lake"))
print("owns", flush=True)
time.sleep(600)
"""
"""What the machine's program does. Its session asks the server for keepalives that are quicker than the real ones: where a time-out
of TCP is set, it takes the place of the count of keepalives. https://man7.org/linux/man-pages/man7/tcp.7.html (TCP_USER_TIMEOUT)"""


def ip(*words: str) -> bool:
    try:
        return subprocess.run(["ip", *words], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


class Cable:
    """A network of two: this machine at `here`, and a namespace called `name`."""

    def __init__(self) -> None:
        number = os.getpid() % 65536
        self.name, self._end = f"tenxsom{number}", f"tx{number}"
        network = f"10.213.{number // 64 % 256}.{number % 64 * 4}"
        first, _, last = network.rpartition(".")
        self.here, self._there = f"{first}.{int(last) + 1}", f"{first}.{int(last) + 2}"

    @contextmanager
    def laid(self) -> Iterator[None]:
        """Skip the test where that is not allowed."""
        steps = (
            ("netns", "add", self.name),
            ("link", "add", self._end, "type", "veth", "peer", "name", "eth0", "netns", self.name),
            ("addr", "add", f"{self.here}/30", "dev", self._end),
            ("link", "set", self._end, "up"),
            ("-n", self.name, "addr", "add", f"{self._there}/30", "dev", "eth0"),
            ("-n", self.name, "link", "set", "eth0", "up"),
        )
        try:
            if not all(ip(*step) for step in steps):
                pytest.skip("a network namespace cannot be made here (it needs root)")
            yield
        finally:
            ip("link", "del", self._end)
            ip("netns", "del", self.name)

    def pull(self) -> None:
        assert ip("link", "set", self._end, "down")


def test_a_machine_that_is_gone_frees_its_jobs(tmp_path: Path) -> None:
    cable = Cable()
    with cable.laid():
        server = PostgresServer(tmp_path / "data")
        try:
            server.create()
            server.listen(cable.here)
            server.start()
        except NoServer as error:
            pytest.skip(str(error))
        url = databases.made_on(server)
        command = ["ip", "netns", "exec", cable.name, sys.executable, "-c", OWNS, url.replace("127.0.0.1", cable.here)]
        gone = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert gone.stdout is not None
            assert gone.stdout.readline() == "owns\n"
            here = Session(url).start()
            assert here.try_lock(lock_key("job", "lake")) is None
            cable.pull()
            limit = clock.Deadline(HALF_A_MINUTE * 2)
            while here.try_lock(lock_key("job", "lake")) is None:
                assert not limit.passed(), "the server still believes in the machine"
                clock.nap(0.1)
            here.close()
        finally:
            gone.kill()
            gone.communicate()
            server.kill()


def test_the_server_is_asked_to_find_a_dead_machine_within_half_a_minute(tmp_path: Path) -> None:
    kept: dict[str, int] = dict(
        databases.session(tmp_path).rows("SELECT name, setting::int FROM pg_settings WHERE name LIKE 'tcp_%'")
    )
    databases.close(tmp_path)
    assert kept["tcp_keepalives_idle"] + kept["tcp_keepalives_interval"] * kept["tcp_keepalives_count"] <= HALF_A_MINUTE
    assert 0 < kept["tcp_user_timeout"] <= HALF_A_MINUTE * 1000
