"""How many workers a fleet needs, by simulation: waiting time and cost of scaling policies beside fixed fleets.

    sim_scale.py [--write]      print the tables; with --write also docs/reference/scaling.md and docs/pictures/scaling.svg

Films arrive at random, three times as often in the middle third of the simulated time. A film is submitted, its clips wait for
places at the video service, are made there, are looked at until they are done, and the film is assembled. Workers start cold, die
at random, look after many jobs at once, and assemble on their own cores. Nothing is measured while it runs: the seconds of each
step are constants, so that a run gives the same table on any machine.

The policies are those of `deploy/kubernetes/`: KEDA looks at the queue every 15 seconds
(https://keda.sh/docs/latest/reference/scaledobject-spec/#pollinginterval) and Kubernetes starts at once and stops late
(https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#default-behavior).
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness import ROOT, median

from tenxsom.cli.run import table

PAGE = ROOT / "docs" / "reference" / "scaling.md"
PICTURE = ROOT / "docs" / "pictures" / "scaling.svg"

MINUTE, HOUR = 60.0, 3600.0


class Steps(NamedTuple):
    """How long the steps of a film take, in seconds. Processor seconds are of one core."""

    submit: float = 15.0
    """Plan, voice, stills and orders: mostly waiting for answers."""
    submit_cpu: float = 3.0
    clips: int = 4
    """Of a film of 30 s."""
    making: float = 120.0
    """What a service needs for a clip while it has a place for it."""
    look: float = 0.2
    look_cpu: float = 0.02
    looks_every: float = 20.0
    fetch: float = 8.0
    assemble_cpu: float = 60.0
    """A film of 30 s at 1080×1920 with voice, words, music, verification: `benchmarks/bench_film.py` prints the CPU seconds."""


class Fleet(NamedTuple):
    """What a worker is and costs."""

    visits: int = 16
    """How many jobs a worker looks after at once: `worker --concurrency`."""
    cores: int = 2
    cold_start: float = 40.0
    """From the decision to the first visit: a node is there, the image is pulled, Python starts."""
    hours_between_deaths: float = 6.0
    """Of one worker, by kill, eviction or crash. Its jobs are free at once; what it was doing is done again."""
    usd_an_hour: float = 0.10
    """Two virtual cores and 4 GB, as the large clouds ask on demand."""


class Load(NamedTuple):
    """What is asked of the fleet."""

    films_a_day: int
    places: int
    """Clips that the video service makes at the same time for this account."""
    hours: float = 3.0


class Scene(NamedTuple):
    """What a policy sees, 15 seconds apart."""

    due: int
    """Jobs whose moment has come and whom nobody looks after."""
    oldest: float
    """How long the first of them has been due, in seconds."""
    queued: int
    """All jobs that are not finished."""


Policy = Callable[[Scene], int]


def fixed(workers: int) -> Policy:
    """The same number of workers all day."""
    return lambda _: workers


def by_length(most: int) -> Policy:
    """One worker for every thirteen unfinished jobs, four fifths of what it looks after at once: the usual example."""
    return lambda scene: min(most, math.ceil(scene.queued / 12.8))


def by_due(most: int) -> Policy:
    """One worker for every two due jobs, one a core, and one for every half minute that the oldest has been due: `deploy/`."""
    return lambda scene: min(most, max(math.ceil(scene.due / 2), math.ceil(scene.oldest / 30)))


STEPS, FLEET = Steps(), Fleet()


def useful_workers(load: Load, steps: Steps = STEPS, fleet: Fleet = FLEET) -> int:
    """The number of workers that keeps up with all places of the video service; more have nothing to do.

    A quarter is added for waits that fall together, and for deaths.
    """
    films_a_second = load.places / (steps.clips * steps.making)
    of_cores = films_a_second * (steps.submit_cpu + steps.assemble_cpu) / fleet.cores
    of_visits = films_a_second * (steps.submit + steps.clips * steps.fetch + steps.assemble_cpu / fleet.cores) / fleet.visits
    return max(1, math.ceil(1.25 * max(of_cores, of_visits)))


class Outcome(NamedTuple):
    """What a simulation found. Minutes are from a film's arrival to its end, films that never ended counted as they stand."""

    arrived: int
    finished: int
    repeated: int
    """Visits that a death interrupted and that were done again."""
    minutes_half: float
    minutes_95: float
    most_workers: int
    worker_hours: float


_POLL, _STOP_AFTER = 15.0, 300.0
_BUSY_FIRST, _BUSY_MOST = 20.0, 600.0
_LONGEST = 4.0
"""A simulation ends at the latest after so many times the hours in which films arrive."""


class _Film:
    __slots__ = ("arrived", "clips_left", "due", "ended", "refusals", "stage")

    def __init__(self, arrived: float, clips: int) -> None:
        self.arrived = self.due = arrived
        self.ended: float | None = None
        self.clips_left = clips
        self.refusals = 0
        self.stage = "submit"


class _Worker:
    __slots__ = ("alive", "busy_cores", "held", "leaving", "started", "waiting_for_core")

    def __init__(self, started: float) -> None:
        self.started = started
        self.alive, self.leaving = True, False
        self.held: dict[_Film, None] = {}
        self.busy_cores = 0
        self.waiting_for_core: deque[tuple[float, Callable[[], None]]] = deque()


class Simulation:
    """One fleet under one load. `run` gives the outcome; the same seed gives the same one."""

    def __init__(
        self, load: Load, policy: Policy, *, seed: int = 1, steps: Steps = STEPS, fleet: Fleet = FLEET, least: int = 1
    ) -> None:
        self._load, self._policy, self._steps, self._fleet, self._least = load, policy, steps, fleet, least
        self._random = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._now = 0.0
        self._end = load.hours * HOUR
        self._due: list[tuple[float, int, _Film]] = []
        self._to_assemble: deque[_Film] = deque()
        self._films: list[_Film] = []
        self._workers: list[_Worker] = []
        self._open = 0
        self._places_taken = 0
        self._worker_seconds = 0.0
        self._most = self._repeated = 0
        self._wanted: deque[tuple[float, int]] = deque()
        self._coming = 0
        self._is_asking = False

    def run(self) -> Outcome:
        """Simulate the arrivals, and then until the last film has ended."""
        for moment in arrivals(self._load, self._random):
            self._at(moment, self._arrive)
        for _ in range(max(self._least, self._policy(Scene(0, 0.0, 0)))):
            self._start_worker()
        self._at(_POLL, self._scale)
        while self._events and (self._now < self._end or self._open) and self._now < _LONGEST * self._end:
            self._now, _, event = heapq.heappop(self._events)
            event()
        for worker in [*self._workers]:
            self._gone(worker)
        minutes = sorted(((film.ended or self._now) - film.arrived) / MINUTE for film in self._films)
        return Outcome(
            arrived=len(self._films),
            finished=sum(film.ended is not None for film in self._films),
            repeated=self._repeated,
            minutes_half=median(minutes) if minutes else 0.0,
            minutes_95=minutes[int(len(minutes) * 0.95)] if minutes else 0.0,
            most_workers=self._most,
            worker_hours=self._worker_seconds / HOUR,
        )

    # the film's way

    def _arrive(self) -> None:
        film = _Film(self._now, self._steps.clips)
        self._films.append(film)
        self._open += 1
        self._make_due(film, self._now)

    def _visit(self, worker: _Worker, film: _Film) -> None:
        """Do what is next for a film that a worker has just claimed."""
        steps = self._steps
        if film.stage == "submit":
            self._on_core(worker, steps.submit_cpu, lambda: self._later(worker, film, steps.submit, self._submitted))
        elif film.stage == "order":
            self._on_core(worker, steps.look_cpu, lambda: self._later(worker, film, steps.look, self._order))
        elif film.stage == "fetch":
            self._on_core(worker, steps.look_cpu, lambda: self._later(worker, film, steps.look + steps.fetch, self._fetched))
        else:
            self._on_core(worker, steps.assemble_cpu, lambda: self._assembled(worker, film))

    def _submitted(self, worker: _Worker, film: _Film) -> None:
        film.stage = "order"
        self._order(worker, film)

    def _order(self, worker: _Worker, film: _Film) -> None:
        """Order the clips for which there are places; a refusal waits longer each time, as the pipeline does."""
        ordered = min(film.clips_left, self._load.places - self._places_taken)
        self._places_taken += ordered
        film.clips_left -= ordered
        for _ in range(ordered):
            self._at(self._now + self._steps.making, self._free_place)
        if film.clips_left and not ordered:
            film.refusals += 1
            wait = min(_BUSY_MOST, _BUSY_FIRST * 2 ** min(film.refusals - 1, 10)) * self._random.uniform(0.8, 1.2)
        elif film.clips_left:
            film.refusals, wait = 0, _BUSY_FIRST
        else:
            film.stage, wait = "fetch", self._steps.making + self._random.uniform(0, self._steps.looks_every)
        self._let_go(worker, film, self._now + wait)

    def _free_place(self) -> None:
        self._places_taken -= 1

    def _fetched(self, worker: _Worker, film: _Film) -> None:
        film.stage = "assemble"
        self._let_go(worker, film, self._now)

    def _assembled(self, worker: _Worker, film: _Film) -> None:
        film.ended = self._now
        self._open -= 1
        worker.held.pop(film, None)
        self._fill(worker)

    # workers

    def _fill(self, worker: _Worker) -> None:
        """Let a worker claim what is due while it has room. It takes films to assemble only while a core is free, so that the
        others stay due: a worker with free cores, or one that is started for them, takes them.
        """
        while worker.alive and not worker.leaving and self._to_assemble and self._has_core(worker):
            film = self._to_assemble.popleft()
            worker.held[film] = None
            self._visit(worker, film)
        while worker.alive and not worker.leaving and len(worker.held) < self._fleet.visits and self._due:
            if self._due[0][0] > self._now:
                return
            _, _, film = heapq.heappop(self._due)
            worker.held[film] = None
            self._visit(worker, film)
        if worker.alive and worker.leaving and not worker.held:
            self._gone(worker)

    def _has_core(self, worker: _Worker) -> bool:
        return worker.busy_cores + len(worker.waiting_for_core) < self._fleet.cores and len(worker.held) < self._fleet.visits

    def _on_core(self, worker: _Worker, seconds: float, then: Callable[[], None]) -> None:
        worker.waiting_for_core.append((seconds, then))
        self._use_cores(worker)

    def _use_cores(self, worker: _Worker) -> None:
        while worker.alive and worker.waiting_for_core and worker.busy_cores < self._fleet.cores:
            seconds, then = worker.waiting_for_core.popleft()
            worker.busy_cores += 1

            def done(then: Callable[[], None] = then) -> None:
                if worker.alive:
                    worker.busy_cores -= 1
                    then()
                    self._use_cores(worker)
                    self._fill(worker)

            self._at(self._now + seconds, done)

    def _later(self, worker: _Worker, film: _Film, seconds: float, then: Callable[[_Worker, _Film], None]) -> None:
        self._at(self._now + seconds, lambda: then(worker, film) if worker.alive else None)

    def _let_go(self, worker: _Worker, film: _Film, due: float) -> None:
        worker.held.pop(film, None)
        self._make_due(film, due)
        self._fill(worker)

    def _make_due(self, film: _Film, due: float) -> None:
        film.due = due
        if film.stage == "assemble":
            self._to_assemble.append(film)
        else:
            heapq.heappush(self._due, (due, next(self._number), film))
        self._at(due, self._offer)

    def _offer(self) -> None:
        """Let one of a few workers, taken at random, claim what has become due; if all are full, ask again after a second."""
        if not self._is_any_due():
            return
        asked = self._random.sample(self._workers, min(4, len(self._workers)))
        for worker in sorted(asked, key=lambda one: (one.busy_cores, len(one.held))):
            self._fill(worker)
        if self._is_any_due() and not self._is_asking:
            self._is_asking = True
            self._at(self._now + 1.0, self._offer_again)

    def _is_any_due(self) -> bool:
        return bool(self._to_assemble) or bool(self._due and self._due[0][0] <= self._now)

    def _offer_again(self) -> None:
        self._is_asking = False
        self._offer()

    def _start_worker(self) -> None:
        worker = _Worker(self._now)
        self._workers.append(worker)
        self._most = max(self._most, len(self._workers))
        self._at(self._now + self._random.expovariate(1 / (self._fleet.hours_between_deaths * HOUR)), lambda: self._die(worker))
        self._fill(worker)

    def _die(self, worker: _Worker) -> None:
        """A worker is killed: all it held is due at once, and a fixed number of workers is kept up by a new one."""
        if worker.alive:
            held = [*worker.held]
            self._repeated += len(held)
            self._gone(worker)
            for film in held:
                self._make_due(film, self._now)

    def _gone(self, worker: _Worker) -> None:
        worker.alive = False
        self._worker_seconds += min(self._now, _LONGEST * self._end) - worker.started
        self._workers.remove(worker)

    def _scale(self) -> None:
        """What KEDA and Kubernetes do every 15 seconds: start at once, stop what was not wanted for five minutes."""
        waiting = [*self._to_assemble, *(film for due, _, film in self._due if due <= self._now)]
        oldest = max((self._now - film.due for film in waiting), default=0.0)
        wanted = max(self._least, self._policy(Scene(len(waiting), oldest, self._open)))
        self._wanted.append((self._now, wanted))
        while self._wanted[0][0] < self._now - _STOP_AFTER:
            self._wanted.popleft()
        staying = [worker for worker in self._workers if not worker.leaving]
        have = len(staying) + self._coming
        if wanted > have:
            for _ in range(min(wanted - have, max(4, have))):
                self._coming += 1
                self._at(self._now + self._fleet.cold_start, self._arrived_worker)
        elif (kept := max(count for _, count in self._wanted)) < len(staying):
            for worker in sorted(staying, key=lambda one: len(one.held))[: len(staying) - kept]:
                worker.leaving = True
                self._fill(worker)
        self._at(self._now + _POLL, self._scale)

    def _arrived_worker(self) -> None:
        self._coming -= 1
        self._start_worker()

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._number), event))


def arrivals(load: Load, chance: random.Random) -> Iterator[float]:
    """Yield the moments at which films are submitted, in seconds: the day's share, three times as dense in the middle."""
    even = load.films_a_day / 24 / HOUR * 3 / 5
    now, end = 0.0, load.hours * HOUR
    while True:
        in_burst = end / 3 <= now < end * 2 / 3
        now += chance.expovariate(even * (3 if in_burst else 1))
        if now >= end:
            return
        yield now


# what is shown

LOADS = (
    Load(200, 5),
    Load(2_000, 20),
    Load(20_000, 50),
    Load(20_000, 220),
    Load(200_000, 2_200),
    Load(1_000_000, 11_000, hours=1.0),
)
FILM_USD = 1.80
"""What the clips of a film cost: 30 s of ltx-2-3-fast at 1080p (`PRICES` in tenxsom/services/ltx_api.py)."""


class Row(NamedTuple):
    """One policy under one load."""

    load: Load
    policy: str
    outcome: Outcome
    workers_usd: float

    @property
    def usd_per_thousand(self) -> float:
        return 1000 * self.workers_usd / max(1, self.outcome.finished)


def compare(load: Load, steps: Steps = STEPS, fleet: Fleet = FLEET, seed: int = 1) -> list[Row]:
    """Simulate fixed fleets around the useful number, the queue's length and what is due, under one load."""
    useful = useful_workers(load, steps, fleet)
    sizes = sorted({max(1, round(useful * share)) for share in (0.125, 0.25, 0.5, 0.75, 1, 2)})
    policies = [(f"{size} fixed", fixed(size), size) for size in sizes]
    policies += [("queue length", by_length(20 * useful), 1), ("due and oldest", by_due(useful), 1)]
    rows = []
    for name, policy, least in policies:
        outcome = Simulation(load, policy, seed=seed, steps=steps, fleet=fleet, least=least).run()
        rows.append(Row(load, name, outcome, outcome.worker_hours * fleet.usd_an_hour))
    return rows


def enough(rows: Sequence[Row]) -> Row:
    """The smallest fixed fleet that a larger one does not beat: its films wait half a minute, or a twentieth, longer at most."""
    of_fixed = sorted((row for row in rows if row.policy.endswith("fixed")), key=lambda row: row.outcome.most_workers)
    best = min(row.outcome.minutes_95 for row in of_fixed)
    return next(row for row in of_fixed if row.outcome.minutes_95 <= max(best + 0.5, best * 1.05))


HEADERS = (
    "FILMS A DAY",
    "PLACES",
    "POLICY",
    "HALF (MIN)",
    "95 % (MIN)",
    "MOST WORKERS",
    "WORKER HOURS",
    "WORKERS $",
    "CLIPS $",
    "ENDED",
)


def cells(row: Row) -> tuple[str, ...]:
    one = row.outcome
    return (
        f"{row.load.films_a_day:,}", f"{row.load.places:,}", row.policy, f"{one.minutes_half:.1f}", f"{one.minutes_95:.1f}",
        str(one.most_workers), f"{one.worker_hours:.1f}", f"{row.workers_usd:.2f}", f"{one.finished * FILM_USD:,.0f}",
        f"{one.finished:,} of {one.arrived:,}",
    )  # fmt: skip


def sentence(rows: Sequence[Row]) -> str:
    """Where more workers stop helping under one load, and what the policy of `deploy/` makes of it."""
    best, ours = enough(rows), next(row for row in rows if row.policy == "due and oldest")
    load, count = best.load, best.outcome.most_workers
    return (
        f"{load.films_a_day:,} films a day with {load.places:,} places: more than {count} "
        f"{'worker does' if count == 1 else 'workers do'} not help "
        f"(95 % of the films within {best.outcome.minutes_95:.1f} minutes, {best.usd_per_thousand:.2f} $ a thousand films); "
        f"by what is due, {ours.outcome.minutes_95:.1f} minutes and {ours.usd_per_thousand:.2f} $, "
        f"{ours.outcome.most_workers} at most."
    )


PAGE_TEXT = """# How many workers

Made by `benchmarks/sim_scale.py --write`, which simulates a fleet: films arrive, three times as densely in the middle third;
workers start cold and die at random; the video service makes so many clips at a time and no more.

{sentences}

![Waiting time over the cost of the workers, a panel for each load: fixed fleets, and the policies](../pictures/scaling.svg)

Two things end the use of more workers. Where the service has too few places, films wait for places, whatever is started. Where
it has enough, a film waits for a core that assembles it, until there are cores for the burst. A policy that counts all unfinished
jobs starts workers that can only watch; one that counts what is due starts them when there is work for them. The most that can be
of use is *places ÷ (clips × seconds a clip) × processor seconds a film ÷ cores*, and a quarter more: `maxReplicaCount` in
`deploy/kubernetes/`.

{rows}

The times are from a film's arrival to its end. The cost of the clips stands beside that of the workers to compare the two: workers
are a small part at every size, so scale for waiting, not for money.

## What is assumed

| | |
| --- | --- |
| a submission | {steps.submit:.0f} s, {steps.submit_cpu:.0f} s of a core |
| a film | {steps.clips} clips, {film_usd:.2f} $ at the service |
| a clip | {steps.making:.0f} s of a place, {steps.fetch:.0f} s to fetch |
| assembly | {steps.assemble_cpu:.0f} s of a core (`benchmarks/bench_film.py`: 30 s of film) |
| a worker | {fleet.cores} cores, {fleet.visits} jobs at once, {fleet.usd_an_hour:.2f} $ an hour |
| its start | {fleet.cold_start:.0f} s |
| its death | once in {fleet.hours_between_deaths:.0f} hours; what it was doing is done again |

Change `Steps` and `Fleet` in the program to what yours are.
"""


def page(of_loads: Sequence[Sequence[Row]]) -> str:
    """The document: sentences, picture, table, and what was assumed."""
    head = "| " + " | ".join(header.capitalize() for header in HEADERS) + " |"
    rule = "|" + "|".join(" --- " if number == 2 else " ---: " for number in range(len(HEADERS))) + "|"
    rows = ["| " + " | ".join(cells(row)) + " |" for rows in of_loads for row in rows]
    sentences = "\n".join(f"- {sentence(rows)}" for rows in of_loads)
    return PAGE_TEXT.format(sentences=sentences, rows="\n".join([head, rule, *rows]), steps=STEPS, fleet=FLEET, film_usd=FILM_USD)


def draw(of_loads: Sequence[Sequence[Row]], path: Path) -> None:
    """Draw a panel for each load: waiting over cost, both logarithmic."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "tenxsom", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9})
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
    for panel, rows in zip(panels.flat, of_loads, strict=True):
        _panel(panel, rows)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    path.write_text("\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()) + "\n", encoding="utf-8")


def _panel(panel: Any, rows: Sequence[Row]) -> None:
    lines = [row for row in rows if row.policy.endswith("fixed")]
    best, load = enough(rows), rows[0].load
    panel.plot(
        [row.usd_per_thousand for row in lines],
        [row.outcome.minutes_95 for row in lines],
        "o-",
        color="#999",
        ms=4,
        label="fixed fleets",
    )
    for row in lines:
        where = (row.usd_per_thousand, row.outcome.minutes_95)
        panel.annotate(str(row.outcome.most_workers), where, textcoords="offset points", xytext=(4, 5), color="#666")
    marks = [("more than this does not help", best, "o", "#0072b2", True)]
    marks += [("by queue length", _of(rows, "queue length"), "X", "#d55e00", False)]
    marks += [("by what is due, and for how long", _of(rows, "due and oldest"), "D", "#009e73", False)]
    for label, row, mark, colour, hollow in marks:
        face = "none" if hollow else colour
        panel.plot(
            row.usd_per_thousand,
            row.outcome.minutes_95,
            mark,
            ms=13 if hollow else 8,
            mfc=face,
            mec=colour,
            mew=2,
            ls="",
            label=label,
        )
    panel.set(xscale="log", yscale="log", title=f"{load.films_a_day:,} films a day, {load.places:,} places")
    panel.set_xlabel("workers, $ a thousand films")
    panel.set_ylabel("95 % of the films within, minutes")
    panel.set(xlim=(0.7, 30), ylim=(2, 1000), xticks=(1, 2, 5, 10, 20), yticks=(3, 10, 30, 100, 300, 1000))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.minorticks_off()
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)


def _of(rows: Sequence[Row], policy: str) -> Row:
    return next(row for row in rows if row.policy == policy)


def main() -> int:
    parser = argparse.ArgumentParser(description="How many workers a fleet needs, by simulation.")
    parser.add_argument("--write", action="store_true", help="write docs/reference/scaling.md and docs/pictures/scaling.svg")
    arguments = parser.parse_args()
    of_loads = []
    for load in LOADS:
        rows = compare(load)
        print(table(HEADERS, [cells(row) for row in rows], right=(0, 1, 3, 4, 5, 6, 7, 8, 9)))
        print(f"\n{sentence(rows)}\n")
        of_loads.append(rows)
    if arguments.write:
        draw(of_loads, PICTURE)
        PAGE.write_text(page(of_loads), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
