"""Fixtures that several test files share."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import ipaddress
import json
import logging
import os
import signal
import socket
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tenxsom import clock, settings
from tests.belt import PLAIN_FILMS
from tests.crash.deaths import ALL

profiles = {
    "quick": 12,
    "thorough": 100,
}  # examples of each property: `make test` and test-slow try the first, test-all the second
for name, examples in profiles.items():
    too_slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile(name, deadline=None, max_examples=examples, suppress_health_check=too_slow)
hypothesis.settings.load_profile("quick")


END_SECONDS = 120.0
"""How long a run may take to end after its last test; the servers of its databases stop within seconds."""

WAITING = ("/test_cron.py", "/test_belt.py")
"""Files whose tests wait for a minute, or for seconds, of the clock."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits, so that the others run meanwhile; give a test that strikes everywhere the time that it takes."""
    items.sort(key=lambda item: not any(file in item.nodeid for file in WAITING))
    if ALL:
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


for signum, heard in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, lambda *_: None)):
    if signal.getsignal(signum) == signal.SIG_IGN:  # as in the background of a script, or under nohup: programs would stay deaf
        signal.signal(signum, heard)

gc.disable()  # until all is collected: thousands of tests are made, and none is garbage


def pytest_collection_finish() -> None:
    """Keep what was collected out of Python's garbage collection, which would look through all of it again and again."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """End a run that hangs after its last test, and say what its threads do: Python waits for them, and no test is on."""
    faulthandler.dump_traceback_later(END_SECONDS, file=2, exit=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what UTF-8 cannot carry in a test's log (half of a surrogate pair): the whole run would end, as workers send it on."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def disk_without_waiting() -> Iterator[None]:
    """Do not wait for the disk inside the tests' own process, which writes thousands of small files.

    A process that is killed loses nothing of what it wrote, and no test cuts a machine's power. That writing syncs in the right
    order is a test of `atomic`; the processes that tests start sync really.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: os.fstat(descriptor) and None)
        yield


@pytest.fixture(scope="session", autouse=True)
def names_of_this_machine_alone() -> Iterator[None]:
    """Ask no name server: what a name server answers, and when, is no fact about the product. Other hosts' names are unknown."""
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name in (None, "", "localhost", socket.gethostname()) or is_address(name):
            return real(host, *arguments, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    """Undo what a script that runs inside the test's process does to the log: its level and its handlers."""
    root = logging.getLogger()
    level, handlers, raises = root.level, root.handlers[:], logging.raiseExceptions
    yield
    for handler in root.handlers:
        if handler not in handlers:
            with contextlib.suppress(OSError):  # as logging itself closes them at the end
                handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, untouched_logging: None) -> Iterator[Path]:
    """An empty TENXSOM_HOME, in an environment without any setting of ours but those of plain films."""
    folder = tmp_path / "home"
    folder.mkdir()
    names = [setting.name for setting in settings.SETTINGS]
    for name in [*names, *(f"{name}_FILE" for name in names), "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TENXSOM_HOME", str(folder))
    for name, value in PLAIN_FILMS.items():
        monkeypatch.setenv(name, value)
    yield folder
    clock.forget_stop()


@dataclass
class StudioBehindASocket:
    """A local studio that other processes reach at `url`, with its script of faults and its count of charges."""

    url: str
    world: Path

    def write_faults(self, *rules: dict[str, Any]) -> None:
        (self.world / "faults.json").write_text(json.dumps(rules))

    def charges(self) -> list[dict[str, Any]]:
        path = self.world / "charges.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[StudioBehindASocket]:
    """A fresh studio on a free port of this machine. Its pictures are small, because most tests do not look at them."""
    from tenxsom_studio.server import running

    world = tmp_path / "studio"
    world.mkdir()
    (world / "scale").write_text("0.2")
    with running(world) as server:
        yield StudioBehindASocket(server.url, world)
