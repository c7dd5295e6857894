"""Events: every entry of a job's audit trail is sent to subscribers once it is stored. A failing subscriber stops nothing.

`ObservedStore` wraps any job store and emits the saved entries. Events that a crash prevents after a save are lost: the audit
trail in the state and in the report is the record. What must not be lost is noted beforehand: `announce` sends the entries of a
save just before it, and who noted one finds in the audit trail whether it was stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict

from tenxsom import clock
from tenxsom.errors import BrokenState, DiskError
from tenxsom.model.job import VideoJob
from tenxsom.store.base import NO_IDS, Claim, Counts, JobStore, Purchase, Till

log = logging.getLogger(__name__)


class JobEvent(BaseModel):
    """Something that happened to a job."""

    model_config = ConfigDict(frozen=True)

    time: str
    """UTC, ISO 8601."""
    content_id: str
    event: str
    """The event's name in the audit trail: `accepted`, `video_requested`, `completed`, …"""
    detail: str = ""
    facts: Mapping[str, Any] = {}
    service: str = ""
    """The job's video service."""
    seconds: float | None = None
    """The time since the previous entry of the audit trail; None for the first one."""
    job_seconds: float = 0.0
    """The time since the job was accepted."""


class Events:
    """Sends events to subscribers, in the thread that works on the job, while it is owned."""

    def __init__(self) -> None:
        self._subscribers: tuple[Callable[[JobEvent], object], ...] = ()
        self._beforehand: tuple[Callable[[VideoJob, JobEvent], object], ...] = ()

    def subscribe(self, subscriber: Callable[[JobEvent], object]) -> None:
        """Call `subscriber` with every event from now on."""
        self._subscribers = (*self._subscribers, subscriber)

    def subscribe_beforehand(self, subscriber: Callable[[VideoJob, JobEvent], object]) -> None:
        """Call `subscriber` with every event just before the save that stores it, and again if that save is repeated."""
        self._beforehand = (*self._beforehand, subscriber)

    def announce(self, job: VideoJob) -> None:
        """Send the entries that the next save stores to those who note them beforehand."""
        for subscriber in self._beforehand:
            for entry in job.unheard():
                try:
                    subscriber(job, _event(job, entry))
                except Exception:  # a subscriber's error must not stop the job or the next subscriber
                    log.exception("A subscriber failed before %.200r", entry, extra={"content_id": job.content_id})

    def emit(self, job: VideoJob, entry: Mapping[str, Any]) -> None:
        """Send an entry of the audit trail to every subscriber. A failing subscriber is logged and stops nothing."""
        for subscriber in self._subscribers:
            try:
                subscriber(_event(job, entry))
            except Exception:  # a subscriber's error must not stop the job or the next subscriber
                log.exception("A subscriber failed with the event %.200r", entry, extra={"content_id": job.content_id})


class ObservedClaim:
    """A claim that emits, after each save, the entries of the audit trail since the previous one."""

    def __init__(self, claim: Claim, events: Events) -> None:
        self._claim = claim
        self._events = events

    @property
    def job(self) -> VideoJob:
        return self._claim.job

    @property
    def finished(self) -> bool:
        return self._claim.finished

    def save(self, *, durable: bool = True) -> None:
        """Store the job; what subscribers hear of is stored durably, for nobody can take back what they have told."""
        self._events.announce(self.job)
        self._claim.save(durable=durable or bool(self.job.unheard()))
        self.emit()

    def reload(self) -> None:
        self._claim.reload()

    def report(self, name: str, data: bytes) -> None:
        self._claim.report(name, data)

    def finish(self) -> None:
        self._events.announce(self.job)
        self._claim.finish()
        self.emit()

    def emit(self) -> None:
        """Emit the entries that are stored now."""
        for entry in self.job.take_unheard():
            self._events.emit(self.job, entry)


class ObservedTill:
    """A till that stores jobs itself, in a transaction with their money; their entries are emitted as after a save."""

    def __init__(self, till: Till, events: Events) -> None:
        self._till = till
        self._events = events

    def intend(self, claim: Claim, purchase: Purchase, then: Purchase | None, prepare: Callable[[], None]) -> None:
        def prepared() -> None:
            prepare()
            self._events.announce(claim.job)

        self._till.intend(stored_claim(claim), purchase, then, prepared)
        self._emit(claim)

    def book(
        self,
        claim: Claim,
        purchase: Purchase,
        entry: str,
        renewed: Purchase | None = None,
        /,
        *,
        unused: Collection[Purchase] = (),
        ids: Mapping[str, str | None] = NO_IDS,
    ) -> None:
        self._events.announce(claim.job)
        self._till.book(stored_claim(claim), purchase, entry, renewed, unused=unused, ids=ids)
        self._emit(claim)

    def release(self, claim: Claim, unused: Collection[Purchase]) -> None:
        self._till.release(stored_claim(claim), unused)

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        return self._till.last(reference, since)

    @staticmethod
    def _emit(claim: Claim) -> None:
        if isinstance(claim, ObservedClaim):
            claim.emit()


def stored_claim(claim: Claim) -> Claim:
    """Return the store's own claim within an observed one."""
    return claim._claim if isinstance(claim, ObservedClaim) else claim


class ObservedStore:
    """A job store whose claims emit their saved entries."""

    def __init__(self, store: JobStore, events: Events, check_files: Callable[[], None]) -> None:
        """`check_files` raises DiskError unless the files of the next paid call can be kept, as `Artifacts.check_room` does."""
        self._store = store
        self._events = events
        self._check_files = check_files

    @contextmanager
    def accept(self, job: VideoJob, unless: Callable[[], bool] | None = None) -> Iterator[Claim | None]:
        with self._store.accept(job, unless) as claim:
            observed = ObservedClaim(claim, self._events) if claim else None
            if observed:
                observed.emit()
            yield observed

    @contextmanager
    def claim(self, content_id: str) -> Iterator[Claim | None]:
        with self._store.claim(content_id) as claim:
            yield ObservedClaim(claim, self._events) if claim else None

    def load(self, content_id: str) -> VideoJob | None:
        return self._store.load(content_id)

    def ids(self) -> list[str]:
        return self._store.ids()

    def marks(self) -> Mapping[str, Hashable]:
        return self._store.marks()

    def documents(self, only: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, Any] | BrokenState | DiskError]]:
        return self._store.documents(only)

    def requeue(self, name: str, unless: Callable[[VideoJob], bool] | None = None) -> VideoJob:
        return self._store.requeue(name, unless)

    def due(self, most: int | None = None) -> list[str]:
        return self._store.due(most)

    def summary(self) -> Counts:
        return self._store.summary()

    def slot(self, service: str, most: int) -> AbstractContextManager[None]:
        return self._store.slot(service, most)

    def set_aside(self) -> list[str]:
        return self._store.set_aside()

    def place(self, content_id: str) -> str:
        return self._store.place(content_id)

    def remedy(self, content_id: str) -> str:
        return self._store.remedy(content_id)

    def check_room(self) -> None:
        self._store.check_room()
        self._check_files()


def _event(job: VideoJob, entry: Mapping[str, Any]) -> JobEvent:
    return JobEvent(
        time=entry["time"],
        content_id=job.content_id,
        event=entry["event"],
        detail=entry.get("detail", ""),
        facts={name: value for name, value in entry.items() if name not in ("time", "event", "detail")},
        service=job.service,
        seconds=_since_previous(job.history, entry),
        job_seconds=_between(job.submit_time, entry["time"]),
    )


def _since_previous(history: Sequence[Mapping[str, Any]], entry: Mapping[str, Any]) -> float | None:
    at = next((number for number, each in enumerate(history) if each is entry), 0)
    return _between(history[at - 1]["time"], entry["time"]) if at else None


def _between(earlier: str, later: str) -> float:
    """Return the seconds between two stamps; 0.0 after the clock was set back."""
    return max(0.0, (clock.parse(later) - clock.parse(earlier)).total_seconds())
