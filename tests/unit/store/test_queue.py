"""The queue as a folder: accepted means safe, one owner, no half files, and nothing is ever lost."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tenxsom import atomic, clock
from tenxsom.errors import BadInput, BrokenState, DiskTrouble, JobIsBusy, NewerState, RevisionIsStale, SetAside
from tenxsom.model import json_bytes, record
from tenxsom.model.clip import Intent, Step
from tenxsom.model.job import State, VideoJob
from tenxsom.store import state_file, writer
from tenxsom.store.queue import FileQueue
from tenxsom.store.state_file import MAX_STATE_BYTES
from tests.processes import race, running, said, tell
from tests.states import new_clip, new_job

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def queue(tmp_path: Path) -> FileQueue:
    (tmp_path / "pending").mkdir()
    return FileQueue(tmp_path / "pending")


def put(queue: FileQueue, job: VideoJob) -> Path:
    with queue.accept(job) as claim:
        assert claim
    return queue.path(job.content_id)


def quarantined(queue: FileQueue) -> list[str]:
    folder = queue.folder / "quarantine"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# accepting


def test_an_accepted_job_is_on_the_disk_before_the_block_begins(queue):
    with queue.accept(new_job()) as claim:
        assert json.loads(queue.path("lake").read_bytes())["content_id"] == "lake"
        assert claim.job.content_id == "lake"


def test_an_accepted_job_is_owned_by_whoever_put_it_there(queue):
    with queue.accept(new_job()), pytest.raises(JobIsBusy), queue.claim("lake"):
        raise AssertionError


def test_an_id_that_is_on_the_queue_already_is_not_accepted_again(queue):
    before = put(queue, new_job(title="first")).read_bytes()
    with queue.accept(new_job(title="second")) as claim:
        assert claim is None
    assert queue.path("lake").read_bytes() == before


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_job_that_could_not_be_written_is_not_accepted_and_left_nothing(queue, monkeypatch, call):
    with monkeypatch.context() as broken:

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        broken.setattr(os, call, fail)
        with pytest.raises(DiskTrouble), queue.accept(new_job()):
            raise AssertionError
    assert queue.ids() == []
    assert [path.name for path in queue.folder.iterdir()] == [".locks"]


ACCEPT = """
import sys
from pathlib import Path
from tenxsom.errors import JobIsBusy
from tenxsom.store.queue import FileQueue
from tests.states import new_job
queue = FileQueue(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    try:
        with queue.accept(new_job(f"lake{number}")) as claim:
            if claim:
                print(number)
    except JobIsBusy:
        pass
"""


def test_of_several_processes_exactly_one_gets_to_accept_a_job(tmp_path):
    won = [line for output in race(ACCEPT, tmp_path / "pending", count=3) for line in output.split()]
    assert sorted(map(int, won)) == list(range(40))


# claiming


CLAIM = """
import os, sys
from pathlib import Path
from tenxsom.errors import JobIsBusy
from tenxsom.store.queue import FileQueue
queue, done = FileQueue(Path(sys.argv[1])), 0
print("ready", flush=True)
sys.stdin.readline()
while done < 60:
    try:
        with queue.claim("lake") as claim:
            claim.job.extra["count"] = claim.job.extra.get("count", 0) + 1
            claim.save()
            done += 1
    except JobIsBusy:
        pass
"""


def test_processes_that_claim_the_same_job_never_undo_each_others_saves(queue):
    put(queue, new_job())
    race(CLAIM, queue.folder, count=3)
    job = queue.load("lake")
    assert job.extra["count"] == 180
    assert job.revision == 181


HOLD = """
import sys
from pathlib import Path
from tenxsom.store.queue import FileQueue
with FileQueue(Path(sys.argv[1])).claim("lake") as claim:
    print("holding", flush=True)
    sys.stdin.readline()
    claim.save()
"""


def test_a_job_that_another_process_works_on_is_busy_until_that_process_dies(queue):
    put(queue, new_job())
    with running(HOLD, queue.folder) as (other,):
        assert said(other) == "holding"
        with pytest.raises(JobIsBusy), queue.claim("lake"):
            raise AssertionError
        assert queue.load("lake").content_id == "lake"
        other.kill()
        other.wait()
        with queue.claim("lake") as claim:
            assert claim.job.revision == 1


def test_a_job_that_is_not_on_the_queue_cannot_be_claimed(queue):
    with queue.claim("lake") as claim:
        assert claim is None
    assert queue.load("lake") is None


def test_a_finished_job_is_gone_and_no_save_brings_it_back(queue):
    put(queue, new_job())
    with queue.claim("lake") as claim:
        claim.finish()
        with pytest.raises(RevisionIsStale):
            claim.save()
    assert queue.ids() == []


def test_only_state_files_are_listed(queue):
    put(queue, new_job())
    for name in (".lake.json.1-ab-0.tmp", ".hidden.json", "notes.txt", "lake.json~"):
        (queue.folder / name).touch()
    (queue.folder / "quarantine").mkdir()
    assert queue.ids() == ["lake"]


HOSTILE = ["", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "x\0", "x" * 251, "ü" * 126]


@pytest.mark.parametrize("content_id", HOSTILE)
def test_an_id_that_leads_out_of_the_folder_is_refused_and_touches_nothing(queue, tmp_path, content_id):
    (tmp_path / "x.json").write_text("somebody else's")
    for use in (queue.claim, lambda name: queue.accept(new_job(name))):
        with pytest.raises(BadInput), use(content_id):
            raise AssertionError
    with pytest.raises(BadInput):
        queue.load(content_id)
    assert (tmp_path / "x.json").read_text() == "somebody else's"
    assert quarantined(queue) == []


# saving


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"The lake", b"The sea!"))


def edited_without_a_trace(path: Path) -> None:
    facts = path.stat()
    edited(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("meddle", [edited, edited_without_a_trace, emptied, Path.unlink])
def test_a_save_over_what_somebody_else_did_meanwhile_is_refused(queue, meddle):
    path = put(queue, new_job())
    with queue.claim("lake") as claim:
        claim.save()
        meddle(path)
        left = path.read_bytes() if path.exists() else None
        with pytest.raises(RevisionIsStale) as caught:
            claim.save()
    assert caught.value.exit_code == 75
    assert (path.read_bytes() if path.exists() else None) == left


def test_somebody_who_replaces_the_file_right_after_a_save_is_noticed_too(queue, monkeypatch):
    path = put(queue, new_job())
    with queue.claim("lake") as claim:
        real = atomic.write

        def write_and_lose(target: str, data: bytes) -> None:
            real(target, data)
            edited(Path(target))

        with monkeypatch.context() as meddling:
            meddling.setattr(atomic, "write", write_and_lose)
            claim.save()
        with pytest.raises(RevisionIsStale):
            claim.save()
    assert b"The sea!" in path.read_bytes()


def test_a_file_that_was_restored_as_it_was_is_no_reason_to_refuse_a_save(queue):
    path = put(queue, new_job())
    with queue.claim("lake") as claim:
        shutil.copy(path, path.with_name("backup"))
        path.with_name("backup").replace(path)
        claim.save()
    assert queue.load("lake").revision == 2


def test_every_save_raises_the_revision(queue):
    put(queue, new_job())
    with queue.claim("lake") as claim:
        for _ in range(3):
            claim.save()
    assert queue.load("lake").revision == 4


def test_after_a_save_that_failed_the_old_state_is_whole_and_the_next_save_works(queue, monkeypatch):
    path = put(queue, new_job())
    before = path.read_bytes()
    with queue.claim("lake") as claim:
        claim.job.title = "new"
        with monkeypatch.context() as broken:

            def fail(*_: object) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            broken.setattr(os, "write", fail)
            with pytest.raises(DiskTrouble):
                claim.save()
        assert path.read_bytes() == before
        claim.save()
    assert queue.load("lake").title == "new"


def test_a_folder_that_cannot_be_synced_does_not_lock_the_owner_out(queue, monkeypatch):
    put(queue, new_job())

    def fail(_folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with queue.claim("lake") as claim:
        with monkeypatch.context() as broken:
            broken.setattr(atomic, "sync_folder", fail)
            with pytest.raises(DiskTrouble):
                claim.save()
        claim.save()
    assert queue.load("lake").revision == 3


def test_a_text_that_utf_8_cannot_hold_is_saved_and_read_back(queue):
    put(queue, new_job())
    with queue.claim("lake") as claim:
        claim.job.error = "the service said \ud800 ü"
        claim.save()
    assert queue.load("lake").error == "the service said \ud800 ü"
    queue.path("lake").read_text(encoding="utf-8")


def test_there_is_room_only_when_every_folder_takes_a_write(tmp_path, monkeypatch):
    for name in ("pending", "completed"):
        (tmp_path / name).mkdir()
    queue = FileQueue(tmp_path / "pending", also_writable=(tmp_path / "completed",))
    queue.check_room()
    (tmp_path / "completed").rmdir()
    with pytest.raises(DiskTrouble):
        queue.check_room()


def test_temporary_files_of_processes_killed_long_ago_are_swept_at_the_start(queue):
    leftover = queue.folder / ".lake.json.1-ab-0.tmp"
    leftover.touch()
    os.utime(leftover, (0, 0))
    FileQueue(queue.folder)
    assert not leftover.exists()


# jotting down


def jot(queue: FileQueue, content_id: str = "lake", note: Any = "seen") -> None:
    with queue.claim(content_id) as claim:
        claim.job.extra["note"] = note
        claim.jot()


def on_disk(queue: FileQueue, content_id: str = "lake") -> dict[str, Any]:
    return json.loads(queue.path(content_id).read_bytes())


@pytest.fixture
def gate(monkeypatch) -> Iterator[threading.Event]:
    """A disk that takes nothing until the gate is opened."""
    opened, real = threading.Event(), os.fsync

    def fsync(descriptor: int) -> None:
        opened.wait()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    yield opened
    opened.set()
    writer.group_commit.wait()


def test_what_was_jotted_down_is_on_the_disk_after_settling(queue):
    for number in range(100):
        put(queue, new_job(f"lake{number}"))
        jot(queue, f"lake{number}")
    queue.settle()
    assert [on_disk(queue, f"lake{number}")["note"] for number in range(100)] == ["seen"] * 100
    assert queue.load("lake7").revision == 2
    assert len(list(queue.folder.iterdir())) == 101  # and the locks: no temporary file is left


def test_a_jotting_is_what_the_job_was_when_it_was_jotted_down(queue):
    put(queue, new_job())
    with queue.claim("lake") as claim:
        claim.jot()
        claim.job.title = "changed later, and not saved"
    assert queue.load("lake").title == "The lake"


def test_a_process_reads_what_it_has_jotted_down(queue):
    put(queue, new_job())
    for number in range(5):
        jot(queue, note=number)
        assert queue.load("lake").extra["note"] == number


def test_a_process_can_go_on_at_once_with_a_job_about_which_it_has_jotted_something_down(queue):
    put(queue, new_job())
    for number in range(5):
        with queue.claim("lake") as claim:
            assert claim.job.revision == 1 + number
            claim.jot()


def test_a_new_owner_who_is_as_quick_as_the_writer_is_not_forgotten(queue):
    path = str(put(queue, new_job()))
    ended: list[object] = []

    def second_owner(_trouble: object) -> None:
        late = writer.Jotting(path, b"second", b"first", ended.append)
        writer.group_commit.hand_over(late)

    writer.group_commit.hand_over(writer.Jotting(path, b"first", Path(path).read_bytes(), second_owner))
    for _owner in range(2):
        writer.group_commit.wait()
    assert ended == [None]
    assert queue.path("lake").read_bytes() == b"second"


TRY_TO_CLAIM = """
import sys
from pathlib import Path
from tenxsom.errors import JobIsBusy
from tenxsom.store.queue import FileQueue
queue = FileQueue(Path(sys.argv[1]))
while True:
    try:
        with queue.claim("lake") as claim:
            print(claim.job.revision, flush=True)
    except JobIsBusy:
        print("busy", flush=True)
    sys.stdin.readline()
"""


def test_a_job_is_owned_until_its_jotting_is_written_and_nobody_waits_for_the_disk(queue, gate):
    gate.set()
    put(queue, new_job())
    gate.clear()
    jot(queue)  # comes back although the disk does not
    with running(TRY_TO_CLAIM, queue.folder) as (other,):
        assert said(other) == "busy"
        assert on_disk(queue)["revision"] == 1
        gate.set()
        queue.settle()
        tell(other)
        assert said(other) == "2"


def test_a_jotting_over_what_somebody_else_did_meanwhile_is_dropped_and_the_log_says_so(queue, caplog):
    path = put(queue, new_job())
    with queue.claim("lake") as claim:
        edited(path)
        claim.jot()
    queue.settle()
    assert b"The sea!" in path.read_bytes()
    assert on_disk(queue)["revision"] == 1
    assert "lake.json was changed by somebody else" in caplog.text


def test_a_save_after_a_jotting_is_what_stays(queue):
    put(queue, new_job())
    with queue.claim("lake") as claim:
        claim.jot()
        claim.job.title = "saved"
        claim.save()
    queue.settle()
    assert on_disk(queue)["title"] == "saved"


def test_a_jotting_does_not_bring_a_finished_job_back(queue):
    put(queue, new_job())
    with queue.claim("lake") as claim:
        claim.jot()
        claim.finish()
    queue.settle()
    assert queue.ids() == []


def test_what_was_jotted_down_before_an_error_is_kept(queue):
    put(queue, new_job())

    def jot_and_fail() -> None:
        with queue.claim("lake") as claim:
            claim.jot()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        jot_and_fail()
    assert queue.load("lake").revision == 2


def test_trouble_with_jottings_is_told_once_when_settling_and_the_jobs_are_free_again(queue, monkeypatch, caplog):
    for number in range(3):
        put(queue, new_job(f"lake{number}"))
    with monkeypatch.context() as broken:

        def fail(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        broken.setattr(os, "write", fail)
        for number in range(3):
            jot(queue, f"lake{number}")
        writer.group_commit.wait()
    with pytest.raises(DiskTrouble, match="No space left"):
        queue.settle()
    assert [record.levelname for record in caplog.records if "No space" in record.message].count("WARNING") == 1
    jot(queue, "lake1")
    queue.settle()
    assert [queue.load(f"lake{number}").revision for number in range(3)] == [1, 2, 1]


FILL = """
import resource, sys
from pathlib import Path
from tenxsom.errors import DiskTrouble
from tenxsom.store.queue import FileQueue
queue = FileQueue(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for number in range(10):
    with queue.claim(f"lake{number}") as claim:
        claim.job.extra["note"] = "x" * (1_000_000 if number == 4 else 1)
        claim.jot()
try:
    queue.settle()
except DiskTrouble as error:
    print(error)
with queue.claim("lake4") as claim:
    print(claim.job.revision)
"""


def test_a_jotting_for_which_there_is_no_room_harms_no_other(queue):
    """The kernel itself refuses the large one, in the middle of its write."""
    for number in range(10):
        put(queue, new_job(f"lake{number}"))
    with running(FILL, queue.folder) as (other,):
        trouble, revision = said(other), said(other)
        assert other.wait(timeout=60) == 0
    assert "lake4.json: File too large" in trouble
    assert revision == "1"
    assert [on_disk(queue, f"lake{number}")["revision"] for number in range(10)] == [2, 2, 2, 2, 1, 2, 2, 2, 2, 2]
    assert not list(queue.folder.glob(f".*{atomic.TEMPORARY_SUFFIX}"))


KILLED = """
import os, signal, sys
from pathlib import Path
from tenxsom.store.queue import FileQueue
queue, call, left = FileQueue(Path(sys.argv[1])), sys.argv[2], [int(sys.argv[3])]
real = getattr(os, call)
def deadly(*arguments):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(os, call, deadly)
for number in range(20):
    with queue.claim(f"lake{number}") as claim:
        claim.jot()
queue.settle()
"""


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_kill_in_the_middle_of_many_jottings_leaves_whole_files_and_free_jobs(queue, call):
    for number in range(20):
        put(queue, new_job(f"lake{number}"))
    with running(KILLED, queue.folder, call, 7) as (killed,):
        assert killed.wait(timeout=60) == -9
    revisions = []
    for number in range(20):
        with queue.claim(f"lake{number}") as claim:
            revisions.append(claim.job.revision)
    assert set(revisions) <= {1, 2}
    assert revisions.count(2) <= 7
    assert quarantined(queue) == []


COUNT = """
import sys
from pathlib import Path
from threading import Thread
from tenxsom.errors import JobIsBusy
from tenxsom.store.queue import FileQueue
queue = FileQueue(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
def work():
    done = 0
    while done < 25:
        try:
            with queue.claim(f"lake{done % 3}") as claim:
                claim.job.extra["count"] = claim.job.extra.get("count", 0) + 1
                claim.jot()
                done += 1
        except JobIsBusy:
            pass
threads = [Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
"""


def test_threads_and_processes_that_jot_about_the_same_jobs_never_undo_each_other_and_lose_nothing_at_their_end(queue):
    for number in range(3):
        put(queue, new_job(f"lake{number}"))
    race(COUNT, queue.folder, count=2)
    assert sum(on_disk(queue, f"lake{number}")["count"] for number in range(3)) == 2 * 4 * 25


FORK = """
import os, signal, sys, threading
from pathlib import Path
from tenxsom.store.queue import FileQueue
queue, gate, real = FileQueue(Path(sys.argv[1])), threading.Event(), os.fsync
def slow(descriptor):
    gate.wait()
    real(descriptor)
os.fsync = slow
def jot(content_id):
    with queue.claim(content_id) as claim:
        claim.job.extra["by"] = os.getpid()
        claim.jot()
jot("lake")
child = os.fork()
if child == 0:
    os.fsync = real
    signal.alarm(30)
    queue.settle()
    assert queue.load("lake").revision == 1
    jot("sea")
    queue.settle()
    assert queue.load("sea").extra["by"] == os.getpid()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
gate.set()
queue.settle()
print(queue.load("lake").extra["by"] == os.getpid(), queue.load("lake").revision, flush=True)
"""


def test_a_forked_child_has_jottings_of_its_own_and_none_of_its_parents(queue):
    put(queue, new_job("lake"))
    put(queue, new_job("sea"))
    with running(FORK, queue.folder) as (parent,):
        assert [said(parent), said(parent)] == ["0", "True 2"]


def test_a_child_that_was_forked_while_its_parent_read_a_file_reads_on_its_own(queue):
    put(queue, new_job("lake"))
    with state_file._reading:
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            with queue.claim("lake") as claim:
                os._exit(0 if claim else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_no_thread_is_started_unless_something_is_jotted_down(queue, monkeypatch):
    def fail(_thread: threading.Thread) -> None:
        raise AssertionError

    monkeypatch.setattr(threading.Thread, "start", fail)
    put(queue, new_job())
    with queue.claim("lake") as claim:
        claim.save()
    queue.settle()


def test_where_no_thread_can_be_started_a_jotting_is_written_all_the_same(queue, monkeypatch):
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    put(queue, new_job())
    monkeypatch.setattr(threading.Thread, "start", fail)
    jot(queue)
    assert on_disk(queue)["revision"] == 2


# files that cannot be used


def state(**changes: Any) -> dict[str, Any]:
    return {**new_job().as_dict(), **changes}


def with_clip(**changes: Any) -> dict[str, Any]:
    return state(clips=[{**new_clip().as_dict(), **changes}])


INTENT = {"step": "request_image", "attempt": 1, "reference": "r", "usd": "1", "at": "2026-11-22T00:00:00Z"}
BROKEN_DOCUMENTS = {
    "a list": [], "a text": "x", "null": None, "an empty object": {}, "another object": {"name": "package", "version": "1"},
    "version 0": state(schema_version=0), "version true": state(schema_version=True), "version null": state(schema_version=None),
    "version text": state(schema_version="3"), "version 1.5": state(schema_version=1.5),
    "another id": state(content_id="sea"), "no id": state(content_id=None), "id in a list": state(content_id=["lake"]),
    "no time": state(submit_time="soon"), "time as number": state(submit_time=5), "clips as text": state(clips="x"),
    "clips null": state(clips=None), "clips of numbers": state(clips=[1]), "revision text": state(revision="5"),
    "history text": state(history="x"), "history entry": state(history=[{"event": "accepted"}]),
    "spend": state(spend=[{"usd": "1"}]),
    "spend not a number": state(spend=[{"reference": "r", "entry": "spent", "usd": "NaN"}]),
    "spend negative": state(spend=[{"reference": "r", "entry": "spent", "usd": "-1"}]), "definition list": state(definition=[]),
    "warnings": state(warnings=[1]), "title": state(title=None), "cancelled": state(cancelled="no"),
    "unknown step": with_clip(step="banana"), "step null": with_clip(step=None), "due text": with_clip(next_check_at="tomorrow"),
    "due number": with_clip(next_check_at=5), "index": with_clip(index=3), "seconds": with_clip(seconds=0),
    "seconds NaN": with_clip(seconds=float("nan")), "asked": with_clip(asked_seconds=-1),
    "seconds beyond all floats": with_clip(seconds=10**400),
    "attempts": with_clip(attempts={"x": "y"}),
    "awaits without id": with_clip(step="await_video"), "awaits null": with_clip(step="await_video", video={"job_id": None}),
    "fetches without url": with_clip(step="fetch_image", image={"job_id": "i"}), "no asset": with_clip(step="request_video"),
    "unknown clip field only": state(clips=[{"x": 1}]), "intent text": with_clip(intent="x"), "intent empty": with_clip(intent={}),
    "intent price": with_clip(intent={**INTENT, "usd": "free"}), "intent price NaN": with_clip(intent={**INTENT, "usd": "NaN"}),
    "missing field": {name: value for name, value in state().items() if name != "service"},
}  # fmt: skip

BROKEN_FILES = {name: json.dumps(document).encode() for name, document in BROKEN_DOCUMENTS.items()} | {
    "empty": b"", "half": json.dumps(state()).encode()[:200], "no utf-8": b'{"x": "\xff"}', "binary": bytes(range(256)),
    "zeros": b"\0" * 4096, "endless nesting": b"[" * 200_000, "long number": b'{"schema_version": ' + b"9" * 5000 + b"}",
    "two documents": b"{}{}", "huge": b" " * (MAX_STATE_BYTES + 1),
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_file_that_cannot_be_used_is_set_aside_whole_with_its_reason(queue, data):
    queue.path("lake").write_bytes(data)
    put(queue, new_job("sea"))
    with pytest.raises(BrokenState):
        queue.load("lake")
    with pytest.raises(SetAside, match="move it back") as caught, queue.claim("lake"):
        raise AssertionError
    assert caught.value.exit_code == 3
    assert (queue.folder / "quarantine" / "lake.json").read_bytes() == data
    reason = (queue.folder / "quarantine" / "lake.json.why.txt").read_text()
    assert reason.startswith("lake.json was moved here because it")
    assert len(reason) < 400
    assert queue.ids() == ["sea"]


def test_a_second_broken_file_of_the_same_name_is_kept_beside_the_first(queue):
    for text in ("one", "two"):
        queue.path("lake").write_text(text)
        with pytest.raises(SetAside), queue.claim("lake"):
            raise AssertionError
    assert quarantined(queue) == ["lake.json", "lake.json.why.txt", "lake.json~2", "lake.json~2.why.txt"]
    assert queue.set_aside() == ["lake", "lake~2"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_at_all_is_set_aside_without_waiting_for_it(queue, make):
    make(queue.path("lake"))
    with pytest.raises(SetAside), queue.claim("lake"):
        raise AssertionError
    assert quarantined(queue) == ["lake.json", "lake.json.why.txt"]


def test_a_file_name_that_is_no_utf_8_is_set_aside_like_any_other(queue, caplog):
    caplog.set_level(logging.CRITICAL)  # test runners that send captured logs between processes stumble over such a name
    name = os.fsdecode(b"\xff\xfe")
    (queue.folder / f"{name}.json").write_text("x")
    assert queue.ids() == [name]
    with pytest.raises(SetAside), queue.claim(name):
        raise AssertionError
    assert queue.ids() == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EAGAIN])
def test_a_disk_that_cannot_be_read_is_no_reason_to_set_a_file_aside(queue, monkeypatch, number):
    put(queue, new_job())
    with monkeypatch.context() as broken:

        def fail(*_: object) -> bytes:
            raise OSError(number, os.strerror(number))

        broken.setattr(os, "read", fail)
        with pytest.raises(DiskTrouble), queue.claim("lake"):
            raise AssertionError
    assert queue.load("lake").content_id == "lake"
    assert quarantined(queue) == []


@pytest.mark.parametrize("rest", [{}, {"clips": "in a new way"}, {"anything": [1, 2]}])
def test_a_file_of_a_newer_version_is_left_alone_with_a_clear_message(queue, caplog, rest):
    data = json.dumps({"schema_version": 3, "content_id": "lake", **rest}).encode()
    queue.path("lake").write_bytes(data)
    with queue.claim("lake") as claim:
        assert claim is None
    assert "newer version" in caplog.text
    with pytest.raises(NewerState, match="update this installation"):
        queue.load("lake")
    assert queue.path("lake").read_bytes() == data
    assert quarantined(queue) == []


# fields of others


def test_unknown_fields_survive_a_rewrite_at_every_level(queue):
    intent = {**INTENT, "noted": {"by": "me"}}
    document = with_clip(intent=intent, colour="blue", extra="word")
    document |= {"campaign": {"id": 7, "ü": [None]}, "extra": {"of": "mine"}}
    queue.path("lake").write_text(json.dumps(document))
    with queue.claim("lake") as claim:
        claim.job.record("seen")
        claim.save()
    after = json.loads(queue.path("lake").read_bytes())
    assert after["campaign"] == {"id": 7, "ü": [None]}
    assert after["extra"] == {"of": "mine"}
    assert (after["clips"][0]["colour"], after["clips"][0]["extra"]) == ("blue", "word")
    assert after["clips"][0]["intent"] == {**intent, "unclear": None}


@pytest.mark.parametrize("size", [20_000, 32_768, 100_000])
def test_a_long_state_is_read_whole(queue, size):
    put(queue, new_job(title="x" * size))
    with queue.claim("lake") as claim:
        assert claim.job.title == "x" * size
        claim.save()


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, -(2**70), 10**30, 0.12345678901234567, 1e300])
def test_a_number_of_any_length_survives(queue, number):
    put(queue, new_job(extra={"note": [{"x": number}]}))
    for _ in range(2):
        with queue.claim("lake") as claim:
            assert repr(claim.job.extra["note"][0]["x"]) == repr(number)
            claim.save()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_in_json_becomes_null_and_costs_no_job(queue, number):
    put(queue, new_job(extra={"note": number}))
    assert queue.load("lake").extra["note"] is None


def test_what_is_no_json_is_a_mistake_that_is_told(queue):
    with pytest.raises(TypeError):
        new_job(extra={"note": ValueError("left in a job")}).as_json()


def test_a_stop_while_a_state_is_written_is_not_lost(monkeypatch):
    def stop(_record: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "_document", stop)
    with pytest.raises(KeyboardInterrupt):
        json_bytes.encode([object()], record._document)


def test_deep_nesting_does_not_make_a_state_too_large_to_be_read(queue):
    deep: Any = list(range(100_000))
    for _ in range(60):
        deep = [deep]
    put(queue, new_job(extra={"note": deep}))
    with queue.claim("lake") as claim:
        claim.save()
    assert queue.path("lake").stat().st_size < 1_000_000
    assert queue.load("lake").extra["note"] == deep


def test_a_state_is_readable_for_people(queue):
    path = put(queue, new_job(title="Der „See“"))
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


def test_what_is_saved_is_what_is_read(queue):
    job = new_job(clips=[new_clip(intent=Intent("request_image", 2, "r", "0.25", clock.stamp(), "timed out")), new_clip(1)])
    job.record("accepted", "for local_studio", usd="1")
    put(queue, job)
    assert queue.load("lake").as_dict() == job.as_dict()


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -1, 0.0, 1.5, "", 'ü "\n\u2028', [], {}, [[], {}, None], {"a": {"b": [0, False]}}]
)
def test_a_value_of_any_kind_is_written_as_it_is(value):
    job = new_job(clips=[new_clip()], extra={"note": value})
    assert json.loads(job.as_json()) == job.as_dict()
    assert repr(json.loads(job.as_json())["note"]) == repr(value)


# files of other versions


def golden(folder: str) -> list[Path]:
    found = sorted((GOLDEN / folder).glob("*.json"))
    assert found
    return found


@pytest.fixture
def filled(queue: FileQueue) -> Callable[[Path], str]:
    def fill(path: Path) -> str:
        shutil.copy(path, queue.folder / path.name)
        return path.stem

    return fill


@pytest.mark.parametrize("path", golden("original"), ids=lambda path: path.stem)
def test_a_state_file_of_the_original_system_waits_for_its_paid_clip(queue, filled, path):
    original = json.loads(path.read_bytes())
    with queue.claim(filled(path)) as claim:
        job = claim.job
        assert (job.state, job.service, job.job_id) == (State.WAITING, "useapi_ltx", original["job_id"])
        (clip,) = job.clips
        assert (clip.step, clip.video["job_id"], clip.intent) == (Step.AWAIT_VIDEO, original["job_id"], None)
        assert clip.is_due()
        assert clip.seconds > 0
        assert clock.parse(job.submit_time).year == 2025
        assert job.title
        claim.save()
    assert queue.load(path.stem).as_dict() == job.as_dict()
    assert quarantined(queue) == []


@pytest.mark.parametrize("path", golden("original"), ids=lambda path: path.stem)
def test_nothing_that_the_original_system_wrote_is_lost_by_a_rewrite(queue, filled, path):
    original = json.loads(path.read_bytes())
    with queue.claim(filled(path)) as claim:
        claim.save()
    after = json.loads(queue.path(path.stem).read_bytes())
    kept = {
        **after["original"],
        **{name: value for name, value in after.items() if name in original and name not in after["original"]},
    }
    assert kept == original


def test_the_times_of_the_original_system_are_understood(queue, filled):
    times = {path.stem: queue.load(filled(path)).submit_time for path in golden("original")}
    assert times["LAKE_001"] == "2025-08-08T14:03:27.481Z"
    assert times["epoch_seconds"] == "2025-08-08T14:03:27.480Z"
    assert times["with_offset"] == "2025-08-08T14:03:27.000Z"
    assert times["My first video"] == "2025-08-08T14:03:27.000Z"


def test_two_original_jobs_are_two_runs_and_one_read_twice_is_one(queue, filled):
    runs = {path.stem: queue.load(filled(path)).run_id for path in golden("original")}
    assert len(set(runs.values())) == len(runs)
    assert queue.load("bare").run_id == runs["bare"]


@pytest.mark.parametrize("job_id", [None, "", 5, ["x"]])
def test_an_original_file_without_the_services_id_is_set_aside(queue, job_id):
    queue.path("lake").write_text(json.dumps({"job_id": job_id, "submit_time": "2025-08-08T14:03:27Z"}))
    with pytest.raises(SetAside), queue.claim("lake"):
        raise AssertionError
    assert quarantined(queue) == ["lake.json", "lake.json.why.txt"]


@pytest.mark.parametrize("moment", ["soon", None, 1e30, "9999-99-99", [1]])
def test_an_original_file_without_a_time_is_set_aside(queue, moment):
    queue.path("lake").write_text(json.dumps({"job_id": "j", "submit_time": moment}))
    with pytest.raises(BrokenState, match="is no time"):
        queue.load("lake")


@pytest.mark.parametrize("path", golden("v1"), ids=lambda path: path.stem)
def test_a_state_file_of_version_1_keeps_all_it_says_and_becomes_one_of_version_2(queue, filled, path):
    before = json.loads(path.read_bytes())
    with queue.claim(filled(path)) as claim:
        claim.save()
    after = json.loads(queue.path(path.stem).read_bytes())
    clips, old_clips = after.pop("clips"), before.pop("clips")
    assert {name: after[name] for name in before} == before | {"revision": before["revision"] + 1, "schema_version": 2}
    assert [{name: clip[name] for name in old} for clip, old in zip(clips, old_clips, strict=True)] == old_clips


@pytest.mark.parametrize("path", golden("v2"), ids=lambda path: path.stem)
def test_a_state_file_of_version_2_is_read_and_written_as_it_is(queue, filled, path):
    with queue.claim(filled(path)) as claim:
        before = json.loads(path.read_bytes())
        assert claim.job.as_dict() == before
        claim.save()
    after = json.loads(queue.path(path.stem).read_bytes())
    assert after == before | {"revision": before["revision"] + 1}
    assert list(after) == list(before)
