"""What a fleet costs over PostgreSQL: a visit, visits side by side, a waiting worker, a tick, a worker's memory.

A PostgreSQL of its own with the settings it comes with, and jobs of a few kilobytes, as in the other benchmarks. CPU time is that
of the worker and of all processes of the server together; wall-clock time is reported as a ratio. Limits:

- a visit (due, claim, save, release) takes 2 ms of CPU time, with 100,000 jobs that wait for later as with none;
- 1, 2 and 4 processes make at least half as many visits a second as pgbench, which sends the same statements from C and reads
  nothing of a job;
- a job that becomes due is visited within a second, at the median, by a worker that waits for work;
- a tick over 1,000 jobs takes at most 1.3 times as long as over files;
- a worker takes at most 120 MB while it looks after 16 jobs at once, whose clips are at the service.

How fast films go up is measured by `bench_media.py`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import bench_tick
import psycopg
from harness import ROOT, alternate, environment, median, ratios, verdict

from tenxsom import clock
from tenxsom.store.postgres.jobs import PostgresJobStore, columns
from tenxsom.store.postgres.queries import queries
from tenxsom.store.postgres.session import PLANS, Session
from tests.databases import made_on
from tests.postgres_server import NoServer, PostgresServer, binaries, running

VISITS, WARM_UP, WAITING, ROUNDS, RATE_ROUNDS = 400, 25, 100_000, 3, 5
AT_ONCE = 16
MOMENTS, MOMENTS_SECONDS = 60, 12.0
VISIT_MS, LATE_SECONDS, WORKER_MB, LEAST_RATE, MOST_TICK = 2.0, 1.0, 120.0, 0.5, 1.3
PATIENCE_SECONDS = 120.0
SERVER_OPTIONS = ("max_connections=100",)
JOBS = queries("jobs")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-fleet-", dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        try:
            with running(folder, options=SERVER_OPTIONS) as server:
                rows = [*of_a_visit(server), *of_rates(server), *of_a_worker(server, folder), *of_a_tick(server, folder)]
        except NoServer as error:
            raise SystemExit(f"There is no PostgreSQL to measure: {error}.") from None
    return verdict("A fleet over PostgreSQL", rows)


Row = tuple[str, float, str, float]

# a visit


class Taken(NamedTuple):
    """What a number of visits took."""

    visits: int
    seconds: float
    worker_seconds: float
    """On the processor, as the next one."""
    server_seconds: float

    @property
    def worker_ms(self) -> float:
        return 1000 * self.worker_seconds / self.visits

    @property
    def server_ms(self) -> float:
        return 1000 * self.server_seconds / self.visits


def of_a_visit(server: PostgresServer) -> list[Row]:
    """Visits in a queue where every job is due, and in one where most of them wait for later."""
    alone, among = made_on(server), made_on(server)
    let_wait(among, WAITING)
    taken: dict[str, list[Taken]] = {alone: [], among: []}

    def milliseconds(url: str) -> float:
        put(url, own_ids(1))
        taken[url].append(found := side_by_side(server, url, 1))
        return found.worker_ms + found.server_ms

    both = alternate(ROUNDS, lambda: milliseconds(alone), lambda: milliseconds(among))
    rows: list[Row] = []
    for words, url, figures in zip(("none", f"{WAITING:,}"), taken, both, strict=True):
        worker_ms = median([found.worker_ms for found in taken[url][1:]])
        server_ms = median([found.server_ms for found in taken[url][1:]])
        print(f"a visit with {words} waiting: worker {worker_ms:.2f} ms, server {server_ms:.2f} ms of the processor")
        rows.append((f"a visit with {words} waiting, of {VISIT_MS:g} ms", median(figures) / VISIT_MS, "≤", 1.0))
    return rows


def of_rates(server: PostgresServer) -> list[Row]:
    """Visits a second, ours and pgbench's."""
    url, rows = made_on(server), []
    for processes in (1, 2, 4):

        def ours(processes: int = processes) -> float:
            put(url, own_ids(processes))
            return VISITS / side_by_side(server, url, processes).seconds

        def theirs(processes: int = processes) -> float:
            put(url, own_ids(processes))
            return pgbench(url, processes)

        rates = alternate(RATE_ROUNDS, ours, theirs)
        words = "1 process" if processes == 1 else f"{processes} processes"
        print(f"{words}: {median(rates[0]):.0f} visits/s, pgbench {median(rates[1]):.0f}/s")
        rows.append((f"visits a second ÷ pgbench's, {words}", median(ratios(*rates)), "≥", LEAST_RATE))
    return rows


def own_ids(processes: int) -> list[str]:
    """The ids of the jobs that `processes` visit, each its own: numbers, which pgbench can count."""
    each = VISITS // processes + WARM_UP
    return [str(1_000_000 * process + turn) for process in range(processes) for turn in range(1, each + 1)]


def side_by_side(server: PostgresServer, url: str, processes: int) -> Taken:
    """Let processes visit the jobs of `own_ids`; measured from when all of them are warm."""
    spawn, ids = multiprocessing.get_context("spawn"), own_ids(processes)
    each, crew = len(ids) // processes, []
    for number in range(processes):
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=visits, args=(url, ids[number * each : (number + 1) * each], theirs))
        process.start()
        crew.append((process, ours))
    for _, line in crew:
        line.recv()
    server_began, began = server_seconds(server), time.perf_counter()
    for _, line in crew:
        line.send("begin")
    worker_seconds = sum(line.recv() for _, line in crew)
    found = Taken(VISITS, time.perf_counter() - began, worker_seconds, server_seconds(server) - server_began)
    for process, line in crew:
        line.send("end")
        process.join()
    check_visited(url, len(ids))
    return found


def visits(url: str, ids: Sequence[str], told: Connection) -> None:
    """A process that visits jobs, and tells how long that took on the processor."""
    session = Session(url).start()
    store, later = PostgresJobStore(session), clock.later(3600)
    for content_id in ids[:WARM_UP]:
        visit(store, content_id, later)
    told.send("ready")
    told.recv()
    began = time.process_time()
    for content_id in ids[WARM_UP:]:
        visit(store, content_id, later)
    told.send(time.process_time() - began)
    told.recv()
    session.close()


def visit(store: PostgresJobStore, content_id: str, later: str) -> None:
    """What is done of a job whose clip is not there yet, without asking for it."""
    assert store.due(AT_ONCE)
    with store.claim(content_id) as claim:
        assert claim
        clip = claim.job.clips[0]
        clip.checks += 1
        clip.next_check_at = later
        claim.save()


def server_seconds(server: PostgresServer) -> float:
    """The time on the processor of a server's processes, and of those that have ended."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, (_, parent, *fields) = int(path.parent.name), path.read_text().rpartition(")")[2].split()
            own, of_ended = map(int, fields[9:11]), map(int, fields[11:13])
            ticks += sum(own) * (server.pid in (pid, int(parent))) + sum(of_ended) * (server.pid == pid)
    return ticks / os.sysconf("SC_CLK_TCK")


# pgbench

TURN = r"""
\set turn :turn + 1
\set id :client_id * 1000000 + :turn
"""
NEXT = r"""
\gset
\set before :revision
\set revision :revision + 1
"""


def pgbench(url: str, processes: int) -> float:
    """Visits a second by pgbench over the same jobs, with the statements of `visit`."""
    lock, unlock = "SELECT pg_try_advisory_lock(:id);", "SELECT pg_advisory_unlock(:id);"
    script = TURN + spoken("due") + lock + spoken("claim").rstrip(";") + NEXT + spoken("update") + unlock
    given = {"turn": 0, "most": AT_ONCE, "state": "waiting", "wait": 3600, "durable": "true"}
    words = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-f", "/dev/stdin", "-c", str(processes), "-j", str(processes)]
    words += ["-t", str(len(own_ids(processes)) // processes), *(f"-D{name}={value}" for name, value in given.items()), url]
    settings = environment(PGOPTIONS=f"-c search_path=tenxsom {PLANS}")
    done = subprocess.run(words, input=script, env=settings, check=True, capture_output=True, text=True)
    check_visited(url, len(own_ids(processes)))
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def spoken(name: str) -> str:
    """A statement as pgbench reads it."""
    return re.sub(r"%\((\w+)\)s", lambda found: ":id" if found[1] == "content_id" else f":{found[1]}", JOBS[name]) + ";\n"


# a worker and a tick


def of_a_worker(server: PostgresServer, folder: Path) -> list[Row]:
    """The memory of a worker after many visits at once, and how late it visits jobs that become due at random moments."""
    url = made_on(server)
    with bench_tick.vendor() as port, worker(folder / "worker", settings_of(url, port)) as process:
        put(url, own_ids(1))
        wait_for_visits(url, VISITS + WARM_UP, process)
        put(url, own_ids(1)[:MOMENTS], [1 + random.uniform(0, MOMENTS_SECONDS) for _ in range(MOMENTS)])
        wait_for_visits(url, MOMENTS, process)
        status = Path(f"/proc/{process.pid}/status").read_text()
    late = [seconds for [seconds] in run(url, LATE)]
    memory = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(f"a worker: {memory:.0f} MB; {MOMENTS} jobs visited {median(late):.2f} s late at the median, {max(late):.2f} s at most")
    return [
        ("a due job is visited, of 1 s at the median", median(late) / LATE_SECONDS, "≤", 1.0),
        (f"a worker's memory at {AT_ONCE} at once, of {WORKER_MB:g} MB", memory / WORKER_MB, "≤", 1.0),
    ]


LATE = "SELECT extract(epoch FROM saved_at - moment)::float8 FROM job JOIN moment USING (content_id)"


def of_a_tick(server: PostgresServer, folder: Path) -> list[Row]:
    """A tick over a database beside one over files."""
    url, home = made_on(server), folder / "tick"
    command = [sys.executable, str(ROOT / "poll_video_status.py")]
    with bench_tick.vendor() as port:
        settings = settings_of(url, port) | {"TENXSOM_HOME": str(home), "POLL_CONCURRENCY": str(bench_tick.CONCURRENCY)}

        def over_database() -> float:
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            put(url, [f"job-{number:04}" for number in range(bench_tick.JOBS)])
            taken = bench_tick.seconds(command, settings)
            check_visited(url, bench_tick.JOBS)
            return taken

        ours, files = alternate(ROUNDS, over_database, lambda: bench_tick.tick(folder, f"http://127.0.0.1:{port}/v1"))
    print(f"a tick over {bench_tick.JOBS} jobs: {median(ours):.2f} s, over files {median(files):.2f} s")
    return [(f"a tick over {bench_tick.JOBS} jobs ÷ one over files", median(ratios(ours, files)), "≤", MOST_TICK)]


def settings_of(url: str, port: int) -> dict[str, str]:
    return {"QUEUE_URL": url, "USEAPI_BEARER_TOKEN": "user:bench", "USEAPI_BASE_URL": f"http://127.0.0.1:{port}/v1"}


@contextlib.contextmanager
def worker(home: Path, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker for the length of a block."""
    home.mkdir()
    command = [sys.executable, "-m", "tenxsom", "worker", "--concurrency", str(AT_ONCE)]
    with (home / "told").open("wb") as told:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(**settings, TENXSOM_HOME=str(home)), stdout=told, stderr=told)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def wait_for_visits(url: str, wanted: int, process: subprocess.Popen[bytes]) -> None:
    deadline = clock.Deadline(PATIENCE_SECONDS)
    while visited(url) < wanted:
        if deadline.passed() or process.poll() is not None:
            raise SystemExit(f"The worker has visited {visited(url)} of {wanted} jobs; its figures would mean nothing.")
        clock.sleep(0.1)


# the queue


def put(url: str, ids: Sequence[str], moments: Sequence[float] = ()) -> None:
    """Fill a queue anew, beside what waits: jobs that are due, or become due after so many seconds, which `moment` remembers."""
    waits = moments or [0.0] * len(ids)
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM job WHERE content_id NOT LIKE 'waiting-%'")
        rows = [columns(job, job.as_json()) for job in map(bench_tick.waiting_job, ids)]
        cursor.executemany(JOBS["insert"], [{**row, "wait": wait} for row, wait in zip(rows, waits, strict=True)])
        cursor.execute("DROP TABLE IF EXISTS moment")
        cursor.execute("CREATE TABLE moment AS SELECT content_id, due_at AS moment FROM job WHERE content_id NOT LIKE 'waiting-%'")
    with connected(url) as connection:
        connection.execute("VACUUM (ANALYZE, INDEX_CLEANUP on) job")


def let_wait(url: str, jobs: int) -> None:
    """Fill a queue with jobs that become due tomorrow."""
    job = bench_tick.waiting_job("waiting-0")
    with connected(url) as connection:
        connection.execute(JOBS["insert"], {**columns(job, job.as_json()), "wait": 86_400})
        connection.execute(MANY, {"jobs": jobs - 1})
        connection.execute("VACUUM ANALYZE job")
        connection.execute("CHECKPOINT")


MANY = """
INSERT INTO job (content_id, revision, state, due_at, document)
SELECT 'waiting-' || number, revision, state, due_at + number * interval '1 second', document
FROM job, generate_series(1, %(jobs)s) AS number WHERE content_id = 'waiting-0'
"""


def visited(url: str) -> int:
    [[count]] = run(url, "SELECT count(*) FROM job WHERE revision = 2")
    return int(count)


def check_visited(url: str, wanted: int) -> None:
    if visited(url) != wanted:
        raise SystemExit(f"{visited(url)} of {wanted} jobs were visited once; the figures would mean nothing.")


def run(url: str, statement: Any) -> list[tuple[Any, ...]]:
    with connected(url) as connection:
        return connection.execute(statement).fetchall()


@contextlib.contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(url, autocommit=True, options="-c search_path=tenxsom") as connection:
        yield connection


if __name__ == "__main__":
    sys.exit(main())
