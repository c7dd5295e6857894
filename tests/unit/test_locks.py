"""One owner at a time, across processes and threads; the death of the owner frees the name at once."""

from __future__ import annotations

import errno
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenxsom import clock, locks
from tenxsom.errors import DiskError, DiskRefused, Interrupted, JobIsBusy, LockIsHeld
from tenxsom.locks import LockTable, lock_table
from tests.processes import race, running, said, tell

HOLD = """
import sys
from pathlib import Path
from tenxsom.locks import lock_table
with lock_table(Path(sys.argv[1])).hold(sys.argv[2]):
    print("holding", flush=True)
    sys.stdin.readline()
print("released", flush=True)
sys.stdin.readline()
"""

COUNT = """
import os, sys
from pathlib import Path
from tenxsom.locks import lock_table
locks, folder = lock_table(Path(sys.argv[1])), Path(sys.argv[1]).parent
print("ready", flush=True)
sys.stdin.readline()
for _ in range(300):
    with locks.hold("lake"):
        inside = folder / "inside"
        os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if anybody else is inside
        counter = folder / "counter"
        counter.write_text(str(int(counter.read_text()) + 1))
        inside.unlink()
"""

TRY = """
import os, sys
from pathlib import Path
from tenxsom.errors import JobIsBusy
from tenxsom.locks import lock_table
locks, folder = lock_table(Path(sys.argv[1])), Path(sys.argv[1]).parent
print("ready", flush=True)
sys.stdin.readline()
for number in range(400):
    try:
        with locks.hold(f"lake{number % 3}", wait=False):
            inside = folder / f"inside{number % 3}"
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            inside.unlink()
    except JobIsBusy:
        pass
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".locks"


def is_free(path: Path, name: str = "lake") -> bool:
    table = lock_table(path)
    if table.try_acquire(name):
        table.release(name)
        return True
    return False


def test_two_processes_never_hold_the_same_name(path):
    (path.parent / "counter").write_text("0")
    race(COUNT, path, count=2)
    assert (path.parent / "counter").read_text() == "600"


def test_processes_that_do_not_wait_never_hold_the_same_name_either(path):
    race(TRY, path, count=3)


def test_what_another_process_holds_is_busy_here(path):
    with running(HOLD, path, "lake") as (other,):
        assert said(other) == "holding"
        with pytest.raises(JobIsBusy) as caught, lock_table(path).hold("lake", wait=False):
            raise AssertionError
        assert caught.value.exit_code == 75
        assert "lake" in str(caught.value)


def test_a_name_is_free_again_when_its_holder_gives_it_back(path):
    with running(HOLD, path, "lake") as (other,):
        assert said(other) == "holding"
        tell(other)
        assert said(other) == "released"
        assert is_free(path)


def test_kill_9_frees_a_name_at_once(path):
    with running(HOLD, path, "lake") as (other,):
        assert said(other) == "holding"
        other.kill()
        other.wait()
        assert is_free(path)


def test_a_stopped_holder_keeps_its_name(path):
    with running(HOLD, path, "lake") as (other,):
        assert said(other) == "holding"
        other.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
        assert not is_free(path)
        other.send_signal(signal.SIGCONT)


def test_a_forked_child_owns_nothing_of_its_parents_and_does_not_outlive_them(path):
    """A child inherits the descriptor: without care the parent's names would stay taken after the parent's death."""
    forking = HOLD.replace(
        '    print("holding", flush=True)',
        "    import os, signal\n    if os.fork() == 0:\n        print('holding', flush=True)\n        signal.pause()",
    )
    with running(forking, path, "lake") as (other,):
        assert said(other) == "holding"
        children = Path(f"/proc/{other.pid}/task/{other.pid}/children").read_text().split()
        try:
            other.kill()
            other.wait()
            assert is_free(path)
        finally:
            for child in children:
                os.kill(int(child), signal.SIGKILL)


def test_different_names_do_not_exclude_each_other(path):
    with running(HOLD, path, "lake") as (other,):
        assert said(other) == "holding"
        assert is_free(path, "sea")


def test_threads_of_one_process_exclude_each_other(path):
    table, inside, most = lock_table(path), [0], [0]

    def work() -> None:
        for _ in range(200):
            with table.hold("lake"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_another_thread_may_give_a_name_back_and_a_waiting_one_gets_it(path):
    table, got = lock_table(path), threading.Event()

    def wait() -> None:
        with table.hold("lake"):
            got.set()

    table.acquire("lake")
    waiting = threading.Thread(target=wait)
    waiting.start()
    giving = threading.Thread(target=table.release, args=("lake",))
    giving.start()
    waiting.join()
    giving.join()
    assert got.is_set()
    assert is_free(path)


def test_many_threads_that_open_the_lock_file_together_share_one_descriptor(path):
    for _ in range(50):
        table, gate = LockTable(path), threading.Barrier(4)
        before = len(os.listdir("/proc/self/fd"))

        def work(number: int, table: LockTable = table, gate: threading.Barrier = gate) -> None:
            gate.wait()
            with table.hold(f"lake{number}"):
                pass

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(os.listdir("/proc/self/fd")) == before + 1
        assert table._descriptor is not None
        os.close(table._descriptor)


def test_a_name_held_here_is_busy_here(path):
    table = lock_table(path)
    with table.hold("lake"), pytest.raises(JobIsBusy), table.hold("lake", wait=False):
        raise AssertionError


def test_an_error_inside_gives_the_name_back(path):
    with pytest.raises(ZeroDivisionError), lock_table(path).hold("lake"):
        _ = 1 / 0
    assert is_free(path)


def test_one_lock_file_has_one_table_however_it_is_written(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lock_table(path) is lock_table(Path(".locks")) is lock_table(tmp_path / "." / ".locks")


def test_giving_back_what_nobody_here_holds_changes_nothing(path):
    with running(HOLD, path, "lake") as (other,):
        assert said(other) == "holding"
        lock_table(path).release("lake")
        assert not is_free(path)


def test_nothing_is_left_to_clean_up(path):
    for number in range(20):
        with lock_table(path).hold(f"lake{number}"):
            pass
    assert [item.name for item in path.parent.iterdir()] == [".locks"]
    assert path.read_bytes() == b""


# a holder that does not give back


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can wait for."""
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(locks, "FINISH_SECONDS", 0.1)


@pytest.fixture
def stop() -> Iterator[Callable[[], None]]:
    yield clock.request_stop
    clock.forget_stop()


@pytest.mark.case
@pytest.mark.usefixtures("short_waits")
def test_a_stopped_holder_is_waited_for_with_a_limit_and_named(path):
    with running(HOLD, path, "ledger") as (other,):
        assert said(other) == "holding"
        other.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
        with pytest.raises(LockIsHeld, match=r"'ledger' of .*\.locks.*kill -CONT") as caught, lock_table(path).hold("ledger"):
            raise AssertionError
        assert caught.value.exit_code == 75
        other.send_signal(signal.SIGCONT)


def test_a_holder_that_gives_back_in_time_is_waited_for(path):
    with running(HOLD, path, "ledger") as (other,):
        assert said(other) == "holding"
        tell(other)
        with lock_table(path).hold("ledger"):
            assert said(other) == "released"


def test_a_stop_request_ends_a_wait_at_once(path, monkeypatch, stop):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 600)
    with running(HOLD, path, "ledger") as (other,):
        assert said(other) == "holding"
        threading.Timer(0.05, stop).start()
        with pytest.raises(Interrupted), lock_table(path).hold("ledger"):
            raise AssertionError
    assert is_free(path, "ledger")


def test_the_end_of_a_paid_step_still_gets_a_lock_after_a_stop_request(path, stop):
    stop()
    with lock_table(path).hold("ledger", finishing=True):
        pass
    with running(HOLD, path, "ledger") as (other,):
        assert said(other) == "holding"
        threading.Timer(0.05, tell, (other,)).start()
        with lock_table(path).hold("ledger", finishing=True):
            pass


def test_the_end_of_a_paid_step_does_not_wait_for_ever_after_a_stop_request(path, monkeypatch, stop):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 600)
    monkeypatch.setattr(locks, "FINISH_SECONDS", 0.1)
    with running(HOLD, path, "ledger") as (other,):
        assert said(other) == "holding"
        stop()
        with pytest.raises(LockIsHeld), lock_table(path).hold("ledger", finishing=True):
            raise AssertionError


# whose the lock file is


@pytest.mark.case
def test_no_other_user_can_hold_a_name(path):
    """A process that can open the file can lock all of it."""
    with lock_table(path).hold("lake"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_lock_file_of_an_earlier_version_becomes_its_owners_alone(path):
    path.touch(0o644)
    with lock_table(path).hold("lake"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_the_place_of_the_lock_file_is_not_followed(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskRefused, match="Remove the link"), lock_table(path).hold("lake"):
        raise AssertionError
    assert not (tmp_path / "elsewhere").exists()


# systems without OFD locks


def test_posix_locks_keep_other_processes_out_too(path):
    (path.parent / "counter").write_text("0")
    race("from tenxsom import locks\nlocks._set_byte = locks._set_posix_lock\n" + COUNT, path, count=2)
    assert (path.parent / "counter").read_text() == "600"


def test_a_name_that_is_no_text_for_utf_8_can_be_locked_too(path):
    assert is_free(path, os.fsdecode(b"\xff\xfe"))


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks_is_a_disk_error_and_nobody_owns_anything(path, monkeypatch, number):
    def broken(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as context:
        context.setattr(locks, "_set_byte", broken)
        for wait in (True, False):
            with pytest.raises(DiskError), lock_table(path).hold("lake", wait=wait):
                raise AssertionError
    assert is_free(path)


def test_a_folder_that_is_not_there_is_a_disk_error(tmp_path):
    with pytest.raises(DiskError), lock_table(tmp_path / "nowhere" / ".locks").hold("lake", wait=False):
        raise AssertionError


def test_a_device_in_a_files_place_keeps_its_rights(tmp_path):
    """Root would take /dev/null from every other user of the machine."""
    os.mkfifo(tmp_path / "device")
    (tmp_path / "device").chmod(0o666)
    with locks.hold_file(tmp_path / "device"):
        pass
    assert stat.S_IMODE((tmp_path / "device").stat().st_mode) == 0o666
