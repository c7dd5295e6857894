"""The durable queue: cycles of accept, claim and finish per second, against a bare loop of system calls and against peers.

The bare loop does what no durable file queue can do without: write, fsync, rename, fsync of the folder, claim by renaming, read,
unlink. It knows no owners, no crashes and no wrong files. Every process works through jobs of its own in the folder that all share.
Peers are measured where they are installed (`pip install huey litequeue persist-queue`), each set so that an accepted job
survives a power cut: SQLite with `synchronous=FULL`. huey's FileHuey never syncs; it is shown, but not compared with.
Like with like: into each of them goes a job as a dict, and out of it comes a dict, so all write and read the same JSON.

Limits: at least 0.9 of the bare loop with one process and with four; ahead of every durable peer with four.
"""

from __future__ import annotations

import importlib.util
import json
import mailbox
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from harness import alternate, median, ratios, verdict

from tenxsom import clock
from tenxsom.cli.run import table
from tenxsom.model.accepted import AcceptedDefinition
from tenxsom.model.job import SCHEMA_VERSION, JobState, VideoJob
from tenxsom.store.files.jobs import FileJobStore

CYCLES, WARM_UP, PATIENCE_SECONDS = 250, 50, 60
TURNS = 28
"""Of ours and the bare loop, many and short: disks change their pace within seconds, and both are to meet the same ones."""
Cycle = Callable[[int], None]
Opened = Callable[[Path], Any]


def main() -> int:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        failed = against_the_loop(folder)
        return failed | against_peers(folder)


def against_the_loop(folder: Path) -> int:
    rows = []
    for processes in (1, 4):
        rates = alternate(TURNS, rate_of(file_queue, folder, processes), rate_of(bare_loop, folder, processes))
        words = "one process" if processes == 1 else f"{processes} processes"
        print(f"{words}: ours {median(rates[0]):.0f}/s, the bare loop {median(rates[1]):.0f}/s")
        rows.append((f"ours ÷ the bare loop, {words}", median(ratios(*rates)), "≥", 0.9))
    return verdict("Cycles of accept, claim and finish", rows)


def against_peers(folder: Path) -> int:
    found = {name: peer for name, (needs, peer) in PEERS.items() if present(name, needs)}
    works = [rate_of(worker, folder, 4) for worker in (file_queue, bare_loop, *found.values())]
    ours, loop, *peers = alternate(3, *works)
    shown = [("tenxsom FileJobStore", ours), ("the bare loop", loop), *zip(found, peers, strict=True)]
    lines = [(name, f"{median(rates):.0f}", f"{median(ratios(rates, loop)):.2f}") for name, rates in shown]
    print("\n" + table(("FOUR PROCESSES, ONE QUEUE", "CYCLES/S", "÷ BARE LOOP"), lines, right=(1, 2)))
    rows = [
        (f"ours ÷ {name}", median(ratios(ours, rates)), "≥", 1.0)
        for name, rates in zip(found, peers, strict=True)
        if name not in NO_DURABLE_QUEUES
    ]
    return verdict("Ahead of every peer that is as durable", rows)


def pending_job(content_id: str) -> VideoJob:
    """A job as it is accepted."""
    definition = {
        "content_id": content_id, "title": "The lake that glows at night", "archetype": "documentary_mystery", "tier": "volume",
        "target_duration": 30, "platform": "youtube", "prompt": "Divers, a lost lantern, blue algae", "metadata": {"campaign": 7},
    }  # fmt: skip
    job = VideoJob(
        schema_version=SCHEMA_VERSION,
        revision=1,
        content_id=content_id,
        job_id=None,
        title="The lake that glows at night",
        state=JobState.ACCEPTED,
        service="useapi_ltx",
        submit_time=clock.stamp(),
        status_endpoint=None,
        expected_file_path=f"completed_videos/{content_id}.mp4",
        run_id="tx-0123456789abcdef",
        definition=AcceptedDefinition.from_dict(definition),
        fingerprint="f" * 64,
    )
    job.record("accepted", "for useapi_ltx")
    return job


def rate_of(worker: Opened, folder: Path, processes: int) -> Callable[[], float]:
    """Measures cycles per second of so many processes that start together on an empty queue."""

    def measured() -> float:
        place = folder / "queue"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        fork = multiprocessing.get_context("fork")  # from Python 3.14 on another way is the default
        ready, begin = fork.Barrier(processes + 1), fork.Barrier(processes + 1)
        crew = [fork.Process(target=_work, args=(worker, place, number, ready, begin)) for number in range(processes)]
        for process in crew:
            process.start()
        start = time.perf_counter()
        try:
            ready.wait(PATIENCE_SECONDS)
            start = time.perf_counter()
            begin.wait(PATIENCE_SECONDS)
        except threading.BrokenBarrierError:
            pass  # one of them failed; its exit code says so below
        for process in crew:
            process.join()
        taken = time.perf_counter() - start
        if any(process.exitcode for process in crew):
            raise SystemExit(f"A worker of {worker.__name__} failed; its figure would mean nothing.")
        return processes * CYCLES / taken

    return measured


def _work(worker: Opened, place: Path, number: int, ready: Any, begin: Any) -> None:
    try:
        with worker(place) as cycle:
            for turn in range(WARM_UP):  # what a process does once in its life is not what a cycle costs
                cycle(-1 - number * WARM_UP - turn)
            ready.wait(PATIENCE_SECONDS)
            begin.wait(PATIENCE_SECONDS)
            for turn in range(CYCLES):
                cycle(number * CYCLES + turn)
            os._exit(0)  # what the interpreter does at its end is not what is measured
    except BaseException:
        ready.abort()
        begin.abort()
        raise


@contextmanager
def file_queue(place: Path) -> Iterator[Cycle]:
    queue = FileJobStore(place)
    job = pending_job("none")

    def cycle(number: int) -> None:
        job.content_id = f"job-{number}"
        with queue.accept(job) as accepted:
            assert accepted
        with queue.claim(job.content_id) as claim:
            assert claim
            claim.finish()

    yield cycle


def bare_loop(place: Path) -> AbstractContextManager[Cycle]:
    return system_calls(place, lambda document: json.dumps(document).encode(), json.loads)


@contextmanager
def system_calls(place: Path, encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> Iterator[Cycle]:
    document, folder = pending_job("job-1000").as_dict(), str(place)

    def cycle(number: int) -> None:
        path, data = f"{folder}/job-{number}.json", encode(document)
        descriptor = os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, data)
        os.fsync(descriptor)
        os.close(descriptor)
        os.rename(f"{path}.tmp", path)
        sync(folder)
        os.rename(path, f"{path}.mine")
        descriptor = os.open(f"{path}.mine", os.O_RDONLY)
        decode(os.read(descriptor, len(data) + 1))
        os.close(descriptor)
        os.unlink(f"{path}.mine")

    yield cycle


def sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def a_document() -> dict[str, Any]:
    return pending_job("job-1000").as_dict()


@contextmanager
def maildir(place: Path) -> Iterator[Cycle]:
    """The standard library's Maildir with the folder synced after each delivery (it syncs the message), claimed by renaming."""
    for name in ("tmp", "new", "cur"):  # the library makes them, too, but not when four processes do so at once
        (place / "mail" / name).mkdir(parents=True, exist_ok=True)
    box = mailbox.Maildir(place / "mail", create=False)
    document, new = a_document(), str(place / "mail" / "new")

    def cycle(_: int) -> None:
        key = box.add(json.dumps(document).encode())
        sync(new)
        os.rename(f"{new}/{key}", f"{place}/mail/cur/{key}")
        json.loads(Path(f"{place}/mail/cur/{key}").read_bytes())
        os.unlink(f"{place}/mail/cur/{key}")

    yield cycle
    box.close()


@contextmanager
def huey_sqlite(place: Path) -> Iterator[Cycle]:
    from huey.storage import SqliteStorage

    store = SqliteStorage(filename=str(place / "huey.db"), fsync=True, timeout=60)
    document = a_document()

    def cycle(_: int) -> None:
        store.enqueue(json.dumps(document).encode())
        json.loads(bytes(store.dequeue()))

    yield cycle


@contextmanager
def huey_file(place: Path) -> Iterator[Cycle]:
    from huey.storage import FileStorage

    store = FileStorage("bench", str(place / "huey"))
    document = a_document()

    def cycle(_: int) -> None:
        store.enqueue(json.dumps(document).encode())
        json.loads(bytes(store.dequeue()))

    yield cycle


@contextmanager
def litequeue(place: Path) -> Iterator[Cycle]:
    from litequeue import LiteQueue

    queue = LiteQueue(place / "lite.db", timeout=60)
    queue.conn.execute("PRAGMA synchronous = FULL")
    document = a_document()

    def cycle(_: int) -> None:
        queue.put(json.dumps(document))
        message = queue.pop()
        json.loads(message.data)
        queue.done(message.message_id)

    with closing(queue.conn):
        yield cycle


@contextmanager
def persist_queue(place: Path) -> Iterator[Cycle]:
    """Its acknowledging queue, without taking over what the other processes hold when it opens."""
    from persistqueue import Empty, SQLiteAckQueue

    queue = SQLiteAckQueue(str(place / "persist"), auto_commit=True, multithreading=True, auto_resume=False, timeout=60)
    for connection in (queue._getter, queue._putter):
        connection.execute("PRAGMA synchronous = FULL")
    document = a_document()

    def cycle(_: int) -> None:
        queue.put(json.dumps(document))
        try:
            item = queue.get(block=False)
            json.loads(item)
            queue.ack(item)
        except Empty:  # it keeps its place in memory: what others have taken hides what is there
            pass

    yield cycle


PEERS: dict[str, tuple[str, Opened]] = {
    "Maildir with fsync": ("mailbox", maildir),
    "huey SqliteHuey": ("huey", huey_sqlite),
    "litequeue": ("litequeue", litequeue),
    "persist-queue SQLiteAckQueue": ("persistqueue", persist_queue),
    "huey FileHuey (never syncs)": ("huey", huey_file),
}
"""What is measured beside ours: the module it needs, and how it is opened."""

NO_DURABLE_QUEUES = frozenset({"huey FileHuey (never syncs)"})


def present(name: str, module: str) -> bool:
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"{name} is not measured, because {module} is not installed.")
    return found


if __name__ == "__main__":
    sys.exit(main())
