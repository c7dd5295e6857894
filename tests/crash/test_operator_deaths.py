"""An operator's commands that change what is kept: a death at any of their changes loses no line of the ledger and no state."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.errors import BadInput, TenxsomError
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.store.files.ledger import FileLedger
from tests.belt import Belt
from tests.crash.deaths import DEATHS, DISK_TROUBLES, Blow, Death, struck
from tests.crash.test_kill_at_syscalls import SYSCALLS, can_trace, places, sample, traced
from tests.states import new_job

POINTS = 7
"""More durable changes than any of the commands makes."""
needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not installed or may not trace here: apt-get install strace")


def days_ago(count: int) -> str:
    return (clock.now() - timedelta(days=count)).date().isoformat()


OLD = (days_ago(70), days_ago(40), days_ago(39))


def put_ledger(path: Path) -> bytes:
    """Write a ledger of two months and today; return its content."""
    lines = [
        {"time": f"{day}T10:00:00.000Z", "day": day, "entry": "spent", "reference": f"{day}-{number}", "content_id": f"f{number}",
         "service": "maker", "step": "request_video", "clip": 0, "usd": "0.25"}
        for day in (*OLD, clock.day()) for number in range(3)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path.read_bytes()


def check_ledger(path: Path, *, is_over: bool = True) -> None:
    """Check that every day has its total, and every call its line; between two writes it may be in both files."""
    ledger = FileLedger(path)
    assert {day: ledger.total(day) for day in (*OLD, clock.day())} == dict.fromkeys((*OLD, clock.day()), Decimal("0.75"))
    found = [line["reference"] for line in FileLedger(path).lines()]
    assert {*found} == {f"{day}-{number}" for day in (*OLD, clock.day()) for number in range(3)}
    assert len(found) == len({*found}) or not is_over


@pytest.mark.parametrize("how", [*DEATHS, *DISK_TROUBLES])
def test_a_death_or_a_broken_disk_while_a_ledger_is_summed_up_loses_and_repeats_no_line(tmp_path, how):
    for point in range(1, POINTS):
        folder = tmp_path / str(point)
        folder.mkdir()
        path = folder / "spend_ledger.jsonl"
        put_ledger(path)
        with struck(Blow(point, how)), contextlib.suppress(Death, TenxsomError):
            FileLedger(path).compact(())
        check_ledger(path, is_over=False)
        FileLedger(path).compact(())
        check_ledger(path)
        assert len(path.read_text().splitlines()) == len(OLD) + 3


def put_aside(folder: Path) -> FileJobStore:
    """Return a queue with a state in quarantine, which was mended."""
    store = FileJobStore(folder)
    with store.accept(new_job("lake")):
        pass
    aside = folder / "quarantine"
    aside.mkdir()
    (folder / "lake.json").rename(aside / "lake.json")
    (aside / "lake.json.why.txt").write_text("It could not be read.")
    return store


def check_requeued(folder: Path) -> None:
    """Check that the state is there, and that putting it back once more ends with it on the queue."""
    store = FileJobStore(folder)
    assert store.load("lake") or (folder / "quarantine" / "lake.json").exists()
    try:
        store.requeue("lake")
    except BadInput:
        assert store.load("lake"), "it is refused only because the job is on the queue already"
    assert (store.ids(), store.load("lake") is not None) == (["lake"], True)


@pytest.mark.parametrize("how", [*DEATHS, *DISK_TROUBLES])
def test_a_death_or_a_broken_disk_while_a_state_is_put_back_leaves_it_in_one_place_at_least(tmp_path, how):
    for point in range(1, POINTS):
        folder = tmp_path / str(point)
        store = put_aside(folder)
        with struck(Blow(point, how)), contextlib.suppress(Death, TenxsomError):
            store.requeue("lake")
        check_requeued(folder)


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("syscall", SYSCALLS)
def test_kill_9_while_a_ledger_is_summed_up_loses_and_repeats_no_line(tmp_path, syscall):
    belt, path = Belt(tmp_path), tmp_path / "spend_ledger.jsonl"
    whole = put_ledger(path)
    counts = places(belt, tmp_path / "log", "manage_jobs.py", "ledger", "compact")
    assert counts[syscall]
    for place in sample(counts[syscall]):
        for left in tmp_path.glob("*spend_ledger*"):
            left.unlink()
        path.write_bytes(whole)
        traced(belt, f"{syscall}:signal=KILL:when={place}", "manage_jobs.py", "ledger", "compact")
        check_ledger(path, is_over=False)
        assert belt.run("manage_jobs.py", "ledger", "compact").code == 0
        check_ledger(path)


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("syscall", SYSCALLS)
def test_kill_9_while_a_state_is_put_back_leaves_it_in_one_place_at_least(tmp_path, syscall):
    belt = Belt(tmp_path)
    put_aside(tmp_path / "pending_video_jobs")
    counts = places(belt, tmp_path / "log", "manage_jobs.py", "requeue", "lake")
    for place in sample(counts[syscall]):
        home = tmp_path / str(place)
        home.mkdir()
        put_aside(home / "pending_video_jobs")
        traced(Belt(home), f"{syscall}:signal=KILL:when={place}", "manage_jobs.py", "requeue", "lake")
        check_requeued(home / "pending_video_jobs")
