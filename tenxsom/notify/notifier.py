"""Tells people and programs what happened: notes messages in the outbox, and delivers them after the work.

event about to be stored → its message is in the outbox → event stored → … → the run's end → delivery, within a few seconds

A crash in between loses nothing: the next run of any command delivers what the outbox holds, once the audit trail has the
event. A target that is slow, dead or wrong is left alone for growing pauses, which is logged once. Nothing here raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pydantic import ValidationError

from tenxsom import clock
from tenxsom.errors import TenxsomError
from tenxsom.log import describe
from tenxsom.model.job import VideoJob
from tenxsom.notify import telling
from tenxsom.notify.bounded import OutOfTimeError, within
from tenxsom.notify.message import Message, message
from tenxsom.pipeline.events import JobEvent
from tenxsom.pipeline.results import JobResult
from tenxsom.store.base import Artifacts, JobStore, Outbox

log = logging.getLogger(__name__)

DELIVERY_SECONDS = 8.0
"""How long a run delivers at its end; the rest waits for the next run."""
CALL_SECONDS = 5.0
"""How long one target may take for one message."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 4 * 3600.0
"""The pauses after which a target that failed is tried again."""
MOST_MESSAGES = 1_000
"""So many messages wait at most; the oldest are dropped."""
LONGEST_WAIT_SECONDS = 3 * 86_400.0
"""A message that is older is dropped: nobody wants to be told of it any more."""
UNCONFIRMED_SECONDS = 86_400.0
"""A message whose event was not stored by then is dropped: its process died before, and the event happened once more, or not."""
REMEMBERED_SECONDS = 86_400.0
"""What stops jobs is told again when it comes back after so long."""


class Target(Protocol):
    """Something that takes messages."""

    name: str
    """Its name in the outbox, without anything secret."""
    place: str
    """Its name in sentences."""

    def send(self, message: Message, seconds: float) -> None:
        """Deliver a message, or raise an error with the reason."""


class Notifier:
    """Tells of the events of NOTIFY_ON to the targets."""

    def __init__(
        self,
        targets: Sequence[Target],
        events: Sequence[str],
        *,
        store: JobStore,
        artifacts: Artifacts,
        outbox: Outbox,
        age_warning_minutes: float,
    ) -> None:
        self._targets = list(targets)
        self._events = frozenset(events)
        self._store, self._artifacts, self._outbox = store, artifacts, outbox
        self._age_warning_minutes = age_warning_minutes
        self._has_moved = False
        self._complaints: dict[str, tuple[str, str]] = {}
        self._answering: set[str] = set()

    # noting

    def note(self, job: VideoJob, event: JobEvent) -> None:
        """Put the message about an event into the outbox, before the event is stored."""
        self._has_moved = self._has_moved or event.event in telling.PROGRESS
        if telling.EVENT_OF_ENTRY.get(event.event) is None or not self._targets:
            return
        found = telling.of_entry(job, event, self._artifacts)
        if found:
            self._put(found)

    def _put(self, found: Message) -> None:
        if self._targets and found.event in self._events:
            found.waiting = [target.name for target in self._targets]
            self._outbox.put(found.id, found.model_dump_json().encode())

    # what only a whole run shows

    def after_run(self, results: Sequence[JobResult] = (), jobs: Sequence[VideoJob] | None = None) -> None:
        """Note what the results of a run and the whole queue (`jobs`, where it was read) show, and deliver."""
        if not (self._targets or self._complaints or self._answering):
            return
        try:
            with self._outbox.deliver() as alone:
                memory = self._outbox.memory()
                before = repr(memory)
                if not alone:  # another process delivers what is noted here, and remembers
                    self._note_troubles(memory, results)
                    return
                self._look_around(memory, results, jobs)
                self._deliver(memory)
                if repr(memory) != before:
                    self._outbox.remember(memory)
        except Exception as error:  # noqa: BLE001  (a notification that fails ends nothing: promise 14)
            log.warning("Notifications could not be delivered (%s); the next run tries again.", describe(error))

    def wants_queue(self) -> bool:
        """Return whether the whole queue is needed for what is told."""
        return bool(self._targets) and bool({"queue_stuck", "result_expiring"} & self._events)

    def waiting(self) -> int:
        """Return how many messages are not delivered yet."""
        try:
            return len(self._outbox.messages())
        except (OSError, TenxsomError):
            return 0

    def has_failed(self, place: str, reason: str) -> None:
        """Note that something beside the targets does not answer: it is told once, like a target's failure."""
        self._complaints[place] = (place, reason)

    def has_answered(self, place: str) -> None:
        """Note that it answers."""
        self._answering.add(place)

    def _look_around(self, memory: dict[str, Any], results: Sequence[JobResult], jobs: Sequence[VideoJob] | None) -> None:
        if self._has_moved:
            memory["progress_at"], self._has_moved = clock.stamp(), False
        self._complain(memory)
        self._note_troubles(memory, results)
        if jobs is None or not self._targets:
            return
        for found in telling.of_expiring(jobs):
            self._put_once(memory, found)
        stuck = telling.of_stuck_queue(jobs, memory.get("progress_at"), self._age_warning_minutes)
        if stuck:
            self._put_once(memory, stuck)

    def _put_once(self, memory: dict[str, Any], found: Message) -> None:
        """Put a message that a state of the queue is the reason for, once for as long as it lasts."""
        told = _recent(memory, "told")
        if found.id not in told:
            self._put(found)
        told[found.id] = clock.stamp()

    def _note_troubles(self, memory: dict[str, Any], results: Sequence[JobResult]) -> None:
        told = _recent(memory, "told")
        for reason, stopped in telling.troubles(results).items():
            found = telling.of_trouble(stopped[0], len(stopped) - 1)
            key = message("needs_decision", ("trouble", reason), "").id
            if key not in told:
                self._put(found)
            told[key] = clock.stamp()

    def _complain(self, memory: dict[str, Any]) -> None:
        for place in self._answering:
            self._succeeded(memory, place, place)
        for place, reason in self._complaints.values():
            self._failed(memory, place, place, reason, None)
        self._complaints, self._answering = {}, set()

    # delivering

    def _deliver(self, memory: dict[str, Any]) -> None:
        messages = self._kept(self._messages())
        deadline = clock.Deadline(DELIVERY_SECONDS)
        for target in self._targets:
            if not clock.is_due(self._state(memory, target.name).get("next_at"), 2 * LONGEST_PAUSE_SECONDS):
                continue
            for each in sorted(messages, key=lambda each: (each.failures, each.time)):
                if deadline.passed() or clock.stop_requested():
                    return
                if target.name in each.waiting and self._is_stored(each) and not self._send(memory, target, each, deadline):
                    break

    def _send(self, memory: dict[str, Any], target: Target, found: Message, deadline: clock.Deadline) -> bool:
        """Deliver one message to one target; return whether the target takes more."""
        seconds = min(CALL_SECONDS, max(0.1, deadline.left()))
        try:
            within(seconds, lambda: target.send(found, seconds))
        except OutOfTimeError:
            reason, pause = f"it did not answer within {seconds:.0f} seconds", None
        except TenxsomError as error:
            reason, pause = str(error), getattr(error, "retry_after", None)
        except Exception as error:  # noqa: BLE001  (a library's own error is a failure of its target like any other)
            reason, pause = describe(error), None
        else:
            self._succeeded(memory, target.name, target.place)
            found.waiting.remove(target.name)
            self._keep(found)
            return True
        found.failures += 1
        self._keep(found)
        self._failed(memory, target.name, target.place, reason, pause)
        return False

    def _keep(self, found: Message) -> None:
        """Store what is left to do about a message."""
        known = {target.name for target in self._targets}
        found.waiting = [name for name in found.waiting if name in known]
        if found.waiting:
            self._outbox.put(found.id, found.model_dump_json().encode())
        else:
            self._outbox.remove(found.id)

    def _messages(self) -> list[Message]:
        found = []
        for message_id, data in self._outbox.messages():
            try:
                found.append(Message.model_validate_json(data))
            except ValidationError:
                log.warning("The message %s in the outbox cannot be read; it is dropped.", message_id)
                self._outbox.remove(message_id)
        return found

    def _kept(self, messages: list[Message]) -> list[Message]:
        """Drop what is too old or too much, and what was for targets that are gone."""
        newest = sorted(messages, key=lambda each: each.time)[-MOST_MESSAGES:]
        ids = {each.id for each in newest if clock.age_seconds(each.time) < LONGEST_WAIT_SECONDS}
        known = {target.name for target in self._targets}
        kept, dropped = [], 0
        for each in messages:
            if each.id in ids and known & {*each.waiting}:
                kept.append(each)
                continue
            dropped += bool(known & {*each.waiting})
            self._outbox.remove(each.id)
        if dropped:
            log.warning("%d notifications could not be delivered for days, or were too many; they are dropped.", dropped)
        return kept

    def _is_stored(self, found: Message) -> bool:
        """Return whether the event of a message is in its job's audit trail; after a day without it the message is dropped."""
        if found.entry is None or found.content_id is None:
            return True
        try:
            job = self._store.load(found.content_id)
            report = None if job else self._artifacts.final_report(found.content_id)
        except TenxsomError:
            return False  # unreadable now; the next run looks again
        history = job.history if job else report.get("history", []) if report else []
        if any(entry.get("event") == found.entry and entry.get("time") == found.time for entry in history):
            return True
        if clock.age_seconds(found.time) > UNCONFIRMED_SECONDS:
            self._outbox.remove(found.id)
        return False

    # what is known of the targets

    @staticmethod
    def _state(memory: dict[str, Any], name: str) -> dict[str, Any]:
        targets = memory.setdefault("targets", {})
        state = targets.get(name) if isinstance(targets, dict) else None
        return state if isinstance(state, dict) else {}

    def _succeeded(self, memory: dict[str, Any], name: str, place: str) -> None:
        if self._state(memory, name):
            log.info("%s takes messages again.", place)
            del memory["targets"][name]

    def _failed(self, memory: dict[str, Any], name: str, place: str, reason: str, pause: float | None) -> None:
        """Leave a target alone for a while. The first failure in a row is logged, the others only at DEBUG."""
        state = self._state(memory, name)
        failures = int(state.get("failures", 0)) + 1
        seconds = pause or clock.backoff_seconds(failures, first=FIRST_PAUSE_SECONDS, most=LONGEST_PAUSE_SECONDS)
        memory["targets"][name] = {
            "failures": failures,
            "since": state.get("since") or clock.stamp(),
            "next_at": clock.later(min(seconds, LONGEST_PAUSE_SECONDS)),
            "reason": reason,
        }
        tell: Callable[..., None] = log.warning if failures == 1 else log.debug
        tell("%s failed: %s. It is tried again, after growing pauses; this is told once.", place, reason)


def _recent(memory: dict[str, Any], name: str) -> dict[str, str]:
    """Return what was told in the last day, by its key; older entries are forgotten."""
    found = memory.get(name)
    known = found if isinstance(found, dict) else {}
    memory[name] = {key: at for key, at in known.items() if clock.age_seconds(at) < REMEMBERED_SECONDS}
    recent: dict[str, str] = memory[name]
    return recent
