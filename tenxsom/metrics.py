"""Metrics in the text format of Prometheus, for node_exporter's textfile collector.

Runs are short, so what is counted is added up in a small file between them; what a killed run had counted is lost. Nothing here
raises: a metric that cannot be written ends nothing. The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenxsom import __version__, atomic, clock
from tenxsom.disk import free_bytes
from tenxsom.http import calls
from tenxsom.locks import lock_table
from tenxsom.log import describe
from tenxsom.model.job import JobState, VideoJob
from tenxsom.pipeline import money_report
from tenxsom.pipeline.events import JobEvent
from tenxsom.pipeline.queue_view import in_states
from tenxsom.safe_files import read_file
from tenxsom.store.base import RESERVED, SPENT, UNKNOWN, Counts, JobStore, SpendLedger

log = logging.getLogger(__name__)

BUCKETS = (60, 300, 900, 1800, 3600, 7200, 21_600, 86_400)
"""The upper bounds of a job's duration, in seconds."""
OVERDUE_SECONDS = 600.0
"""A job that is due for longer is overdue: ticks do not reach it."""
ENDINGS = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
ON_QUEUE = tuple(state for state in JobState if state not in (JobState.COMPLETED, JobState.FAILED))
MOST_BYTES = 4 * 1024 * 1024


class Durations(BaseModel):
    """How long jobs took: how many at most as long as each bucket, all, and their sum."""

    buckets: list[int] = Field(default_factory=lambda: [0] * len(BUCKETS))
    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.buckets = [number + (seconds <= most) for number, most in zip(self.buckets, BUCKETS, strict=True)]
        self.count += 1
        self.seconds += seconds


class CallTotal(BaseModel):
    """The calls of one service, kind and error."""

    service: str
    kind: str
    error: str
    count: int = 0
    seconds: float = 0.0


class LastTick(BaseModel):
    """The last tick."""

    at: float
    """When it ended, in seconds since 1970."""
    seconds: float
    exit_code: int
    jobs: int


class Totals(BaseModel):
    """What is kept between runs."""

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    calls: list[CallTotal] = Field(default_factory=list)
    durations: dict[str, Durations] = Field(default_factory=dict)
    circuits: dict[str, bool] = Field(default_factory=dict)
    ticks: dict[str, int] = Field(default_factory=dict)
    """How many ticks ended with each exit code."""
    downloaded_bytes: int = 0
    last_tick: LastTick | None = None


class Sample(NamedTuple):
    """One value of a metric."""

    labels: Mapping[str, str]
    value: float
    suffix: str = ""


class Metric(NamedTuple):
    """A metric with its samples."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


class Metrics:
    """Counts what happens in this run, and writes METRICS_FILE."""

    def __init__(self, file: Path, home: Path, pending_folder: Path, store: JobStore, ledger: SpendLedger) -> None:
        self._file, self._home = file, home
        self._totals_file = home / ".metrics_totals.json"
        self._locks = pending_folder / ".locks"
        self._store, self._ledger = store, ledger
        self._durations: list[tuple[str, float]] = []
        self._downloaded = 0
        self._tick: LastTick | None = None
        self.has_changed = False

    def hear(self, event: JobEvent) -> None:
        """Count an event of a job."""
        self.has_changed = True
        if event.event == "downloaded":
            self._downloaded += int(event.facts.get("bytes") or 0)
        if event.event in ENDINGS:
            self._durations.append((event.event, event.job_seconds))

    def tick_ended(self, seconds: float, exit_code: int, jobs: int) -> None:
        """Count a tick."""
        self._tick = LastTick(at=clock.now().timestamp(), seconds=seconds, exit_code=exit_code, jobs=jobs)

    def write(self, jobs: Sequence[VideoJob], left_over: int = 0) -> None:
        """Write the file: `jobs` are those on the queue, `left_over` the messages that wait for their delivery."""
        try:
            self._locks.parent.mkdir(exist_ok=True)
            with lock_table(self._locks).hold(".metrics"):
                totals = self._added_up(self._read())
                atomic.write(self._totals_file, totals.model_dump_json().encode(), 0o600)
                self._begin_anew()
                text = exposition(
                    [*self._of_queue(jobs), *money_metrics(self._ledger), *self._of_disk(left_over), *_of_totals(totals)]
                )
                atomic.write(self._file, text.encode())
        except Exception as error:  # noqa: BLE001  (a metric that cannot be written ends nothing: promise 14)
            log.warning("METRICS_FILE %s could not be written (%s).", self._file, describe(error))

    def _begin_anew(self) -> None:
        self._durations, self._downloaded, self._tick, self.has_changed = [], 0, None, False
        calls.forget()

    def _read(self) -> Totals:
        try:
            return Totals.model_validate_json(read_file(self._totals_file, MOST_BYTES))
        except FileNotFoundError:
            return Totals()
        except (OSError, ValidationError, ValueError):
            log.warning("%s cannot be read; metrics are counted from zero.", self._totals_file)
            return Totals()

    def _added_up(self, totals: Totals) -> Totals:
        by_key = {calls.CallKey(each.service, each.kind, each.error): each for each in totals.calls}
        for key, found in calls.totals().items():
            total = by_key.setdefault(key, CallTotal(service=key.service, kind=key.kind, error=key.error))
            total.count += found.count
            total.seconds += found.seconds
        totals.calls = list(by_key.values())
        for state, seconds in self._durations:
            totals.durations.setdefault(state, Durations()).add(seconds)
        totals.downloaded_bytes += self._downloaded
        totals.circuits |= {name: circuit.pause().shut_seconds > 0 for name, circuit in list(calls.CIRCUITS.items())}
        if self._tick:
            totals.last_tick = self._tick
            code = str(self._tick.exit_code)
            totals.ticks[code] = totals.ticks.get(code, 0) + 1
        return totals

    def _of_queue(self, jobs: Sequence[VideoJob]) -> Iterator[Metric]:
        found = in_states(jobs)
        states = sorted({*map(str, ON_QUEUE), *found})
        counts = [({"state": state}, found[state].number if state in found else 0) for state in states]
        yield _gauge("jobs", "Jobs on the queue by state.", counts)
        oldest = [({"state": state}, clock.age_seconds(found[state].oldest) if state in found else 0.0) for state in states]
        yield _gauge("oldest_job_age_seconds", "Age of the oldest job of each state; 0 without one.", oldest)
        yield _gauge("jobs_due", "Jobs that the next tick works on.", [({}, sum(job.is_due() for job in jobs))])
        overdue = sum(job.due_for_seconds() > OVERDUE_SECONDS for job in jobs)
        yield _gauge("jobs_overdue", f"Jobs that are due for more than {OVERDUE_SECONDS:.0f} seconds.", [({}, overdue)])
        yield _gauge("quarantined_states", "Unreadable states that wait for a user.", [({}, len(self._store.set_aside()))])

    def _of_disk(self, left_over: int) -> Iterator[Metric]:
        yield _gauge("disk_free_bytes", "Free space in TENXSOM_HOME.", [({}, free_bytes(self._home))])
        yield _gauge("notifications_waiting", "Notifications that are not delivered yet.", [({}, left_over)])
        yield _gauge("build_info", "The version of TenxSOM AI.", [({"version": __version__}, 1)])


def queue_metrics(counts: Counts) -> Iterator[Metric]:
    """Yield the queue in numbers, without reading its jobs."""
    numbers = {**{str(state): 0 for state in ON_QUEUE}, **counts.by_state}
    yield _gauge("jobs", "Jobs on the queue by state.", [({"state": state}, number) for state, number in sorted(numbers.items())])
    yield _gauge("jobs_due", "Jobs that a worker could visit now.", [({}, counts.due)])
    about_oldest = "For how long the first of them has been due; 0 without one."
    yield _gauge("oldest_due_seconds", about_oldest, [({}, counts.oldest_due_seconds)])


def money_metrics(ledger: SpendLedger) -> Iterator[Metric]:
    """Yield today's money and the budget."""
    today = money_report.today(ledger)
    totals = today.totals._asdict()
    parts = [({"entry": entry}, float(totals[entry])) for entry in (SPENT, RESERVED, UNKNOWN)]
    yield _gauge("money_today_usd", "US dollars of this UTC day, without rehearsals, by what became of them.", parts)
    budget = today.budget_usd
    yield _gauge("daily_budget_usd", "DAILY_BUDGET_USD; absent without one.", [] if budget is None else [({}, float(budget))])


def worker_metrics(in_hand: int, is_ready: bool, visits: Mapping[str, int]) -> Iterator[Metric]:
    """Yield what one worker does: jobs in hand, whether the queue answers it, and its visits by the state they left the job in."""
    yield _gauge("worker_visits_in_hand", "Jobs that this worker visits now.", [({}, in_hand)])
    yield _gauge("worker_ready", "Whether the queue answered the worker's last look.", [({}, int(is_ready))])
    ended = [({"state": state}, number) for state, number in sorted(visits.items())]
    yield _counter("worker_visits_total", "Visits of this worker by the state in which they left their job.", ended)


def _of_totals(totals: Totals) -> Iterator[Metric]:
    by_kind: Counter[tuple[str, str]] = Counter()
    seconds: Counter[tuple[str, str]] = Counter()
    for each in totals.calls:
        by_kind[each.service, each.kind] += each.count
        seconds[each.service, each.kind] += each.seconds  # type: ignore[assignment]  # a Counter adds up any numbers
    named = [({"service": service, "kind": kind}, count) for (service, kind), count in sorted(by_kind.items())]
    yield _counter("service_calls_total", "Calls by service and kind: get, post, paid, download.", named)
    took = [({"service": service, "kind": kind}, float(total)) for (service, kind), total in sorted(seconds.items())]
    yield _counter("service_call_seconds_total", "Seconds that those calls took.", took)
    failed = [
        ({"service": each.service, "kind": each.kind, "error": each.error}, each.count) for each in totals.calls if each.error
    ]
    yield _counter("service_errors_total", "Calls that failed, by service, kind and error.", failed)
    open_now = [({"service": name}, int(is_open)) for name, is_open in sorted(totals.circuits.items())]
    yield _gauge("circuit_open", "Whether a service was left alone after failures, when it was called last.", open_now)
    yield _histogram(totals.durations)
    yield _counter("downloaded_bytes_total", "Bytes of downloaded clips.", [({}, totals.downloaded_bytes)])
    ended = [({"exit_code": code}, count) for code, count in sorted(totals.ticks.items())]
    yield _counter("ticks_total", "Ticks by exit code.", ended)
    yield from _of_last_tick(totals.last_tick)


def _of_last_tick(tick: LastTick | None) -> Iterator[Metric]:
    if tick is None:
        return
    yield _gauge("last_tick_timestamp_seconds", "When the last tick ended.", [({}, tick.at)])
    yield _gauge("last_tick_duration_seconds", "How long it took.", [({}, tick.seconds)])
    yield _gauge("last_tick_exit_code", "Its exit code.", [({}, tick.exit_code)])
    yield _gauge("last_tick_jobs", "Jobs that it worked on.", [({}, tick.jobs)])


def _histogram(durations: Mapping[str, Durations]) -> Metric:
    samples = []
    for state in map(str, ENDINGS):
        found = durations.get(state, Durations())
        bounds = [(str(most), number) for most, number in zip(BUCKETS, found.buckets, strict=True)]
        samples += [Sample({"state": state, "le": most}, number, "_bucket") for most, number in [*bounds, ("+Inf", found.count)]]
        samples += [Sample({"state": state}, found.seconds, "_sum"), Sample({"state": state}, found.count, "_count")]
    return Metric("tenxsom_job_duration_seconds", "histogram", "How long ended jobs took, from acceptance to report.", samples)


def _gauge(name: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Metric:
    return Metric(f"tenxsom_{name}", "gauge", text, [Sample(labels, value) for labels, value in samples])


def _counter(name: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Metric:
    return Metric(f"tenxsom_{name}", "counter", text, [Sample(labels, value) for labels, value in samples])


def exposition(metrics: Iterable[Metric]) -> str:
    """Return metrics in the text format of Prometheus."""
    lines = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for sample in metric.samples:
            labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
            lines.append(f"{metric.name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {float(sample.value):.17g}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").encode("utf-8", "replace").decode()
