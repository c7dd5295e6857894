"""kill -9, and disk errors, at the writes, fsyncs and renames of a submission and of a collection (injected by strace).

`make test-slow` strikes at a sample of the places, `make soak` at every one (CRASH_POINTS=all).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tenxsom_studio.server import running
from tests.belt import TOKEN, Belt, definition
from tests.crash import invariants
from tests.crash.deaths import ALL

SYSCALLS = ("write", "fsync", "rename")
SAMPLE = 3
"""So many places of each kind are struck, spread evenly, unless CRASH_POINTS=all."""
ERRORS = ("ENOSPC", "EIO", "EROFS")
BROKEN = [
    (syscall, error)
    for row, syscall in enumerate(SYSCALLS)
    for column, error in enumerate(ERRORS)
    if ALL or (row + column) % len(ERRORS) == 0
]
"""Each system call with one error of its own, or with each error."""


def can_trace() -> bool:
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_trace(), reason="strace is not installed or may not trace here: apt-get install strace"),
]


def belt_of(home: Path, url: str) -> Belt:
    return Belt(home, {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{url}/v1"})


@pytest.fixture
def belt(tmp_path, studio) -> Belt:
    return belt_of(tmp_path, studio.url)


@pytest.fixture(scope="module")
def counts(tmp_path_factory) -> Counter[str]:
    """How often each of the system calls happens in an undisturbed submission."""
    home, world = tmp_path_factory.mktemp("counted"), tmp_path_factory.mktemp("studio")
    (world / "scale").write_text("0.2")
    with running(world) as studio:
        belt = belt_of(home, studio.url)
        return places(belt, home / "log", "master_orchestrator_v3.py", "--json", belt.write(definition("counted")))


STRACE = ("strace", "-f", "--seccomp-bpf", "-qq")
"""Stops a process at the traced system calls only: at all of them, a start would take twice as long."""


def traced(belt: Belt, injection: str, script: str, *arguments: object) -> int:
    syscall = injection.partition(":")[0]
    process = belt.start(
        script, *arguments, before=(*STRACE, "-o", "/dev/null", "-e", f"trace={syscall}", "-e", f"inject={injection}")
    )
    process.communicate(timeout=120)
    return process.returncode


def places(belt: Belt, log: Path, script: str, *arguments: object) -> Counter[str]:
    """How often each of the system calls happens in an undisturbed run."""
    traced_calls = ",".join((*SYSCALLS, "renameat", "renameat2"))
    process = belt.start(script, *arguments, before=(*STRACE, "-o", str(log), "-e", f"trace={traced_calls}"))
    process.communicate(timeout=120)
    return Counter(re.findall(r"^\d+\s+(\w+)\(", log.read_text(), re.MULTILINE))


def sample(count: int) -> list[int]:
    if ALL or count <= SAMPLE:
        return list(range(1, count + 1))
    return sorted({round(1 + step * (count - 1) / (SAMPLE - 1)) for step in range(SAMPLE)})


def broken_at(count: int, error: str) -> list[int]:
    """Where a disk breaks with this error: each of the errors at another place, so that three of a kind are struck."""
    return sample(count)[1:-1:2] if ALL else [round(count * (1 + ERRORS.index(error)) / (1 + len(ERRORS)))]


@pytest.mark.parametrize("syscall", SYSCALLS)
def test_a_submission_killed_while_it_writes_is_carried_on_without_paying_twice(belt, studio, counts, syscall):
    assert counts[syscall] > 3
    for place in sample(counts[syscall]):
        content_id = f"{syscall}-{place}"
        job = belt.write(definition(content_id))
        traced(belt, f"{syscall}:signal=KILL:when={place}", "master_orchestrator_v3.py", "--json", job)
        invariants.paid_at_most_once(studio.charges())
        belt.run("master_orchestrator_v3.py", "--json", job)
        assert belt.state(content_id)["state"] in ("waiting", "submit_unknown"), belt.state(content_id)
        invariants.all_hold(belt, studio.charges(), content_id)
        for path in (belt.home / "pending_video_jobs").glob("quarantine/*"):
            raise AssertionError(f"a half file was found: {path}")


@pytest.mark.parametrize(("syscall", "error"), BROKEN)
def test_a_disk_error_while_submitting_loses_nothing_and_pays_nothing_twice(belt, studio, counts, syscall, error):
    for place in broken_at(counts[syscall], error):
        content_id = f"{syscall}-{place}-{error}".lower()
        job = belt.write(definition(content_id))
        code = traced(belt, f"{syscall}:error={error}:when={place}+", "master_orchestrator_v3.py", "--json", job)
        assert code != 0
        invariants.paid_at_most_once(studio.charges())
        belt.run("master_orchestrator_v3.py", "--json", job)
        assert belt.state(content_id)["state"] in ("waiting", "submit_unknown")
        invariants.all_hold(belt, studio.charges(), content_id)
        if belt.state(content_id)["state"] == "waiting":  # a still that the fault left behind goes at the latest with its job
            assert belt.collect(content_id)["state"] == "completed"
        assert not belt.leftovers()
