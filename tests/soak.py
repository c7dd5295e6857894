"""The long proof: thousands of jobs through the vendor's contract, with kills, scripted faults and wire faults. `make soak`.

    python -m tests.soak [--jobs 10000] [--minutes M] [--write] [--seed N] [--queue files|postgres]

Orchestrators and pollers (the scripts' own classes, in forked processes) work on one home against a light vendor, half of them
through a proxy that breaks connections. They are killed, stopped and told to end at random and started again; a decider does
what a person would do about calls whose outcome nobody knows. At the end the disk is compared with the vendor's own count of
charges, and a table says what was survived; --write keeps it in docs/soak.md. Exit code 1 if any promise was broken.
With `--queue postgres` jobs, money and reports are in a database, whose connections are cut, which crashes, and whose disk is full
now and then; films are in an object store that goes away for seconds; and the programs run on three machines with homes of their
own and clocks that are an hour apart.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import light_vendor
from tests.belt import PLAIN_FILMS, ROOT, TOKEN, definition, unexpected_errors
from tests.crash import wire_proxy
from tests.crash.wire_proxy import Relay, Strike, WireProxy
from tests.soak_places import Database, Files, Place, Report, serve_database_proxy, serve_store

PAGE = ROOT / "docs" / "soak.md"
BATCH, ORCHESTRATORS, POLLERS = 12, 2, 3
TICK_JOBS, TICKS = 40, 6
"""A poller takes so many jobs at once, at random, and ends after so many ticks, as cron's would."""
BLOW_SECONDS = 0.35
"""About how long it is from one kill to the next."""
WIRE_STRIKES: tuple[Strike, ...] = (Relay.drop_after, Relay.reset, Relay.bad_gateway, Relay.garble, Relay.cut)
WIRE_SHARE = 0.015
LOADED_ONCE = (
    "master_orchestrator_v3", "poll_video_status", "manage_jobs", "tenxsom.app", "tenxsom.model.definition",
    "tenxsom.planning.archetypes", "tenxsom.planning.local", "tenxsom.media.check", "tenxsom.media.thumbnail",
    "tenxsom.services.ltx_api", "tenxsom.services.useapi_ltx", "tenxsom.services.images.flux", "tenxsom.services.images.registry",
    "tenxsom.http.paid", "tenxsom.http.downloads",
)  # fmt: skip
"""What every worker needs: loaded before forking, so that workers are killed at work and not while they import."""


class RandomProxy(WireProxy):
    """Strikes now and then, and remembers what it did."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.chance, self.struck = random.Random(11), Counter[str]()

    def strike_for(self, number: int, method: str) -> Strike:
        if self.chance.random() >= WIRE_SHARE:
            return Relay.pass_on
        strike = self.chance.choice(WIRE_STRIKES)
        self.struck[f"wire_{strike.__name__}"] += 1
        return strike

    def number(self, call: str) -> int:
        return 0  # thousands of calls are not remembered


@dataclass
class Run:
    """One soak: where it happens, who works on it, and what was done to them."""

    home: Path
    place: Place
    vendor_folder: Path
    ids: list[str]
    urls: list[str]
    chance: random.Random
    waiting: list[list[str]]
    workers: dict[int, tuple[str, list[str]]] = field(default_factory=dict)
    blows: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, help="accept no further jobs after so many minutes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queue", choices=("files", "postgres"), default="files", help="where jobs, money and reports are")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/soak.md")
    arguments = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    start = time.monotonic()
    place: Place = Database(folder / "database") if arguments.queue == "postgres" else Files(folder / "home")
    with Vendors(folder / "vendor") as vendors:
        run = new_run(folder / "home", place, vendors, arguments.jobs, arguments.seed)
        work(run, arguments.minutes * 60 if arguments.minutes else None)
    rows, broken = account(run, vendors, time.monotonic() - start)
    print(table_of(rows))
    if arguments.write:
        PAGE.write_text(page({**sections(), place.title: table_of(rows)}))
    if not broken:
        shutil.rmtree(folder)
    return 1 if broken else 0


def new_run(home: Path, place: Place, vendors: Vendors, jobs: int, seed: int) -> Run:
    ids = [f"soak-{number:05}" for number in range(jobs)]
    for name in ("pending_video_jobs", "completed_videos", "definitions"):
        (home / name).mkdir(parents=True)
    for content_id in ids:
        (home / "definitions" / f"{content_id}.json").write_text(json.dumps(definition(content_id)))
    batches = [ids[first : first + BATCH] for first in range(0, jobs, BATCH)]
    return Run(home, place, vendors.folder, ids, vendors.urls, random.Random(seed), batches[::-1])


def work(run: Run, accept_seconds: float | None) -> None:
    """Keep the crew at work, and strike it, until every job has ended. The parent stays single-threaded: it forks."""
    for name in LOADED_ONCE:
        importlib.import_module(name)

    started = told = time.monotonic()
    accepted: set[str] = set()
    while True:
        if accept_seconds and time.monotonic() - started > accept_seconds:
            run.waiting.clear()
        bury(run)
        pending, ended = run.place.pending(), run.place.ended()
        accepted |= set(pending) | ended
        if not run.waiting and not pending and not any(kind != "poll" for kind, _ in run.workers.values()):
            break
        employ(run, pending)
        if time.monotonic() - told > 20:
            told = time.monotonic()
            blows = sum(run.blows.values())
            print(f"{told - started:4.0f} s: {len(ended)} ended, {len(pending)} on the queue, {blows} blows", file=sys.stderr)
        time.sleep(run.chance.uniform(0, 2 * BLOW_SECONDS))
        strike(run)
    for pid in run.workers:
        os.kill(pid, signal.SIGTERM)
    while run.workers:
        bury(run, wait=True)
    run.ids = sorted(accepted | run.place.ended() | set(run.place.pending()))


def employ(run: Run, pending: Sequence[str]) -> None:
    """Bring the crew to its full number."""
    kinds = Counter(kind for kind, _ in run.workers.values())
    while kinds["submit"] < ORCHESTRATORS and run.waiting and len(pending) < 400:
        hire(run, "submit", run.waiting.pop(), submit)
        kinds["submit"] += 1
    while kinds["poll"] < POLLERS and pending:
        hire(run, "poll", run.chance.sample(pending, min(len(pending), TICK_JOBS)), collect)
        kinds["poll"] += 1
    if not kinds["decide"] and pending:
        hire(run, "decide", list(pending), decide)


def hire(run: Run, kind: str, ids: list[str], task: Callable[[Run, list[str], str], None]) -> None:
    url = run.chance.choice(run.urls)
    pid = os.fork()
    if pid:
        run.workers[pid] = (kind, ids)
        return
    from tenxsom.errors import TryAgainLater

    try:
        task(run, ids, url)
    except TryAgainLater:  # as of a script: the database stayed away, say
        os._exit(75)
    except BaseException as error:  # a worker must not become a second parent, whatever happens
        if not isinstance(error, SystemExit | KeyboardInterrupt):
            logging.getLogger("soak").exception("A program failed by itself: %s", kind)
        os._exit(70)
    os._exit(0)


def bury(run: Run, wait: bool = False) -> None:
    """Take note of workers that have ended. A batch that was not submitted to its end is submitted again."""
    while run.workers:
        pid, status = os.waitpid(-1, 0 if wait else os.WNOHANG)
        if not pid:
            return
        if pid not in run.workers:
            continue
        kind, ids = run.workers.pop(pid)
        if kind == "submit" and status:
            run.waiting.append(ids)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 75 and kind != "submit":
            run.blows["programs that gave up for now, because the database stayed away (exit code 75)"] += 1
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 70:
            run.blows["workers that failed by themselves (must be 0)"] += 1


def strike(run: Run) -> None:
    """Kill, stop or end one worker; strike the place of their jobs."""
    run.place.strike(run.chance, run.blows)
    if not run.workers or (len(run.workers) < ORCHESTRATORS + POLLERS and run.chance.random() < 0.5):
        return
    pid = run.chance.choice(sorted(run.workers))
    kind = run.workers[pid][0]
    who = {"submit": "orchestrators", "poll": "pollers", "decide": "deciders"}[kind]
    dice = run.chance.random()
    if dice < 0.7:
        os.kill(pid, signal.SIGKILL)
        run.blows[f"{who} killed (kill -9)"] += 1
    elif dice < 0.85:
        os.kill(pid, signal.SIGTERM)
        run.blows[f"{who} told to end (TERM)"] += 1
    else:
        os.kill(pid, signal.SIGSTOP)
        if run.chance.random() < 0.5 and run.place.end_sessions(pid):
            run.blows[f"{who} stopped, and their session ended by the server meanwhile"] += 1
        time.sleep(run.chance.uniform(0, 1.5))
        os.kill(pid, signal.SIGCONT)
        run.blows[f"{who} stopped for longer than a time-out (SIGSTOP)"] += 1


# what the workers do


def suite_for(run: Run, url: str) -> Any:
    from tenxsom import clock, log, settings
    from tenxsom.app import App
    from tenxsom.services.images.base import PollPolicy
    from tenxsom.services.images.flux import Flux

    environment = {"TENXSOM_HOME": str(run.home), "USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{url}/v1"}
    environment |= {"POLL_CONCURRENCY": "8", "STATUS_TIMEOUT_SECONDS": "1", "DAILY_BUDGET_USD": "1000000"}
    loaded = settings.load(PLAIN_FILMS | environment | run.place.machine(run.chance))
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (the log file has it all; this process ends by _exit)
    log.start("ERROR", "text", run.home / "soak.log")
    clock.stop_on_signals()
    Flux.poll_policy = PollPolicy(check_seconds=0.2, wait_seconds=2)
    return App(loaded)


def submit(run: Run, ids: list[str], url: str) -> None:

    with suite_for(run, url) as suite:
        orchestrator = suite.orchestrator()
        orchestrator.submit_all(orchestrator.read([str(run.home / "definitions" / f"{content_id}.json") for content_id in ids]))
        missing = [content_id for content_id in ids if suite.results.of(content_id).state == "not accepted"]
        if missing:
            os._exit(75)  # told to end before it got there


def collect(run: Run, ids: list[str], url: str) -> None:
    from tenxsom import clock

    with suite_for(run, url) as suite:
        poller = suite.poller()
        for _ in range(TICKS):
            poller.tick(ids, at_once=True)
            if clock.stop_requested():
                return


def decide(run: Run, ids: list[str], url: str) -> None:
    """Somebody who looks at the vendor's own list, and says what became of the calls that nobody saw return."""
    from tenxsom.errors import BadInput, TryAgainLater

    lines = (run.vendor_folder / "charges.jsonl").read_bytes().splitlines()
    charged = {line["replyRef"]: line["jobId"] for line in map(json.loads, lines)}
    with suite_for(run, url) as suite:
        for content_id in ids:
            job = suite.store.load(content_id)
            unclear = [clip for clip in job.clips if clip.intent and is_old_enough(clip.intent)] if job else []
            if not unclear:
                continue
            job_id = charged.get(unclear[0].intent.reference)
            write_off = run.chance.random() < 0.1
            try:
                suite.manager().resolve(
                    content_id, None, adopt=None if write_off else job_id, never_sent=job_id is None and not write_off
                )
            except (BadInput, TryAgainLater):
                continue


def is_old_enough(intent: Any) -> bool:
    """The belt's own search comes first, several times."""
    from tenxsom import clock

    return bool(intent.unclear) and clock.age_seconds(intent.at) > 15


# what came of it


class Vendors:
    """The vendor and the proxy, in processes of their own, for the length of a block."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.urls, self._processes = folder, list[str](), list[subprocess.Popen[str]]()

    def __enter__(self) -> Vendors:
        self.folder.mkdir(parents=True)
        light_vendor.make_media(self.folder)
        (self.folder / "charges.jsonl").touch()
        self._start("tests.light_vendor", str(self.folder))
        self._start("tests.soak", "proxy", self.urls[0], str(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes[::-1]:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def _start(self, module: str, *arguments: str) -> None:
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        self._processes.append(process)
        self.urls.append(f"http://127.0.0.1:{int(process.stdout.readline())}")

    def struck(self) -> Counter[str]:
        files = [self.folder / name for name in ("mischief.json", "wire.json")]
        return sum((Counter(json.loads(file.read_text())) for file in files), Counter[str]())

    def charges(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in (self.folder / "charges.jsonl").read_bytes().splitlines()]


def serve_proxy(upstream: str, folder: Path) -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (its clients die all the time)
    with wire_proxy.running(upstream, RandomProxy) as proxy:
        assert isinstance(proxy, RandomProxy)
        print(proxy.url.rsplit(":", 1)[1], flush=True)
        signal.sigwait({signal.SIGTERM})
        (folder / "wire.json").write_text(json.dumps(proxy.struck))


Rows = list[tuple[str, str, str]]


def account(run: Run, vendors: Vendors, seconds: float) -> tuple[Rows, bool]:
    """The table, and whether a promise was broken."""
    run.place.settle()
    reports = {content_id: run.place.report(content_id) for content_id in run.ids}
    events = Counter(entry["event"] for report in reports.values() if report for entry in report["history"])
    decisions = Counter(
        entry["detail"].rsplit(": ", 1)[1].split(" as ")[0]
        for report in reports.values() if report for entry in report["history"] if entry["event"] == "decided"
    )  # fmt: skip
    charges = vendors.charges()
    twice = sum(count - 1 for count in Counter(charge["replyRef"].rsplit(".", 1)[0] for charge in charges).values())
    lost = sum(1 for report in reports.values() if report is None)
    half = half_files(run.place, reports) + run.place.set_aside()
    unbooked = not_in_the_ledger(run.place.entries(), charges)
    states = Counter(report["state"] for report in reports.values() if report)
    unexpected = with_unexpected_errors(run.home, reports)
    of_place = [*run.place.promises()]
    run.place.close()
    failed_workers = run.blows.pop("workers that failed by themselves (must be 0)", 0)
    rows: Rows = [
        ("Jobs", "accepted", f"{len(run.ids):,}"),
        ("", "completed, each with a verified video and its report", f"{states['completed']:,}"),
        ("", "failed, each with its report (refused or failed by the vendor, or written off)", f"{states['failed']:,}"),
        ("", "duration", f"{seconds / 60:.1f} minutes on {os.cpu_count()} cores"),
    ]
    rows += [("Blows" if place == 0 else "", what, f"{count:,}") for place, (what, count) in enumerate(sorted(run.blows.items()))]
    struck = sorted((vendors.struck() + run.place.struck()).items())
    rows += [("Faults" if place == 0 else "", what.replace("_", " "), f"{count:,}") for place, (what, count) in enumerate(struck)]
    rows += [
        ("Unclear paid calls", "altogether", f"{events['submit_unknown']:,}"),
        ("", "found again at the vendor by themselves, or in the ledger", f"{events['adopted']:,}"),
        *(("", f"decided by somebody: {what}", f"{count:,}") for what, count in sorted(decisions.items())),
        ("Promises", "paid calls that the vendor charged for", f"{len(charges):,}"),
        ("", "**charged twice**", f"**{twice}**"),
        ("", "**charged, but not in the ledger**", f"**{unbooked}**"),
        ("", "**jobs lost**", f"**{lost}**"),
        ("", "**half or wrong files**", f"**{half}**"),
        ("", "**programs that failed by themselves**", f"**{failed_workers}**"),
        ("", "**unexpected errors**", f"**{unexpected}**"),
        *(("", f"**{what}**", f"**{count}**") for what, count in of_place),
    ]
    broken = (twice, lost, half, unbooked, failed_workers, unexpected, *(count for _, count in of_place))
    return rows, any(broken)


def half_files(place: Place, reports: dict[str, Report | None]) -> int:
    """Videos that are not what their report says, downloads that were left behind."""
    wrong = 0
    for content_id, report in reports.items():
        if report and report["state"] == "completed":
            wrong += hashlib.sha256(place.film(content_id)).hexdigest() != report["media"]["sha256"]
    kept = {content_id for content_id, report in reports.items() if report and report["state"] != "completed"}  # for a retry
    left = [name for name in place.leftovers() if "~still" not in name or name.partition("~")[0] not in kept]
    return wrong + len(left)


def with_unexpected_errors(home: Path, reports: dict[str, Report | None]) -> int:
    """Jobs whose report tells of an unexpected error, and unexpected errors that only the log knows."""
    log = home / "soak.log"
    logged = log.read_text(errors="replace").count("Unexpected error") if log.exists() else 0
    return max(logged, sum(1 for report in reports.values() if report and unexpected_errors(report)))


def not_in_the_ledger(entries: dict[str, str], charges: list[dict[str, str]]) -> int:
    return sum(entries.get(charge["replyRef"]) not in ("spent", "unknown", "reserved") for charge in charges)


def table_of(rows: Rows) -> str:
    return "| | | |\n|---|---|---:|\n" + "\n".join(f"| {group} | {what} | {count} |" for group, what, count in rows) + "\n"


def sections() -> dict[str, str]:
    """The tables of the page, by their titles."""
    parts = PAGE.read_text().split("\n## ")[1:]
    return {title: table.strip() + "\n" for title, _, table in (part.partition("\n") for part in parts)}


def page(tables: dict[str, str]) -> str:
    return (
        "# What the last soak survived\n\n"
        "Made by `make soak` (`tests/soak.py`): real orchestrators and pollers on one queue, killed, stopped and ended at random,\n"
        "against a vendor that misbehaves and a wire that breaks; with PostgreSQL half of its connections are cut now and then,\n"
        "the server crashes, its disk is full, the store of films goes away, and machines have clocks an hour apart. The bold\n"
        "lines are the promises; each must be 0.\n" + "".join(f"\n## {title}\n\n{table}" for title, table in sorted(tables.items()))
    )


if __name__ == "__main__":
    if sys.argv[1:2] in (["proxy"], ["database"], ["store"]):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if sys.argv[1:2] == ["proxy"]:
        serve_proxy(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1:2] == ["database"]:
        serve_database_proxy(int(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1:2] == ["store"]:
        serve_store(Path(sys.argv[2]))
    else:
        sys.exit(main())
