"""What looks on: notifications, webhooks, the dead-man's switch, metrics, the log of events. None of it can end anything.

Each part is imported and created only where its setting asks for it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tenxsom import clock
from tenxsom.errors import TenxsomError, UnexpectedError
from tenxsom.log import describe
from tenxsom.model.job import VideoJob
from tenxsom.pipeline.events import Events, JobEvent
from tenxsom.pipeline.results import JobResult
from tenxsom.setting_values import webhook_keys
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts, JobStore, SpendLedger

if TYPE_CHECKING:
    from tenxsom.http.notices import Poster
    from tenxsom.metrics import Metrics
    from tenxsom.notify.heartbeat import Heartbeat
    from tenxsom.notify.notifier import Notifier, Target

log = logging.getLogger(__name__)

STEP_OF = {
    "planned": "plan",
    "image_requested": "request_image",
    "image_ready": "fetch_image",
    "image_fetched": "fetch_image",
    "asset_uploaded": "upload_asset",
    "video_requested": "request_video",
    "video_ready": "await_video",
    "downloaded": "download",
    "joined": "assemble_film",
    "verified": "assemble_film",
    "completed": "write_report",
}
"""The step that an event ends, for the log."""


class Tick:
    """A tick in progress. Tell how it ended."""

    def __init__(self) -> None:
        self.results: Sequence[JobResult] = ()
        self.exit_code = 0

    def ended(self, results: Sequence[JobResult], exit_code: int) -> None:
        self.results, self.exit_code = results, exit_code


class Observers:
    """Everything that looks on, as the settings ask for it."""

    def __init__(
        self, settings: Settings, events: Events, store: JobStore, artifacts: Artifacts, ledger_of: Callable[[], SpendLedger]
    ) -> None:
        self._settings, self._store, self._artifacts, self._ledger_of = settings, store, artifacts, ledger_of
        self._has_news = False
        if settings.webhook_url or settings.notify_urls:
            events.subscribe_beforehand(self._notifier.note)
            events.subscribe(self._hear)
        if settings.metrics_file:
            events.subscribe(self._metrics.hear)
            events.subscribe(self._hear)
        if settings.log_format == "json" or settings.log_level == "DEBUG":
            events.subscribe(self._log_event)

    @contextmanager
    def tick(self) -> Iterator[Tick]:
        """Look on at a tick: the check is pinged at its start and end, then messages are delivered and metrics are written."""
        began, tick = clock.monotonic(), Tick()
        if self._heartbeat:
            self._heartbeat.start()
        try:
            yield tick
        except BaseException as error:  # the check is told of any end, and the error goes on
            tick.exit_code = error.exit_code if isinstance(error, TenxsomError) else UnexpectedError.exit_code
            self._tick_ended(tick, began, describe(error))
            raise
        self._tick_ended(tick, began, _summary(tick))

    def run_ended(self) -> None:
        """Deliver and write what happened in this run since its last tick."""
        if self._has_news:
            self._finish(())

    def _tick_ended(self, tick: Tick, began: float, told: str) -> None:
        if self._heartbeat:
            answers = self._heartbeat.end(tick.exit_code, told)
            if answers:
                self._notifier.has_answered(self._heartbeat.place)
        if self._settings.metrics_file:
            self._metrics.tick_ended(clock.monotonic() - began, tick.exit_code, len(tick.results))
        self._finish(tick.results)

    def _finish(self, results: Sequence[JobResult]) -> None:
        self._has_news = False
        tells = bool(self._settings.webhook_url or self._settings.notify_urls)
        needs_queue = self._settings.metrics_file is not None or (tells and self._notifier.wants_queue())
        jobs = jobs_of(self._store) if needs_queue else None
        if tells or self._heartbeat:
            self._notifier.after_run(results, jobs)
        if self._settings.metrics_file:
            self._metrics.write(jobs or [], self._notifier.waiting() if tells else 0)

    def _hear(self, _: JobEvent) -> None:
        self._has_news = True

    @staticmethod
    def _log_event(event: JobEvent) -> None:
        """Log an event of a job, for programs that read the log."""
        facts = {
            "content_id": event.content_id,
            "service": event.service,
            "step": STEP_OF.get(event.event),
            "action": event.event,
            "seconds": None if event.seconds is None else round(event.seconds, 3),
            "usd": _number(event.facts.get("usd")),
        }
        log.info("%s%s", event.event, f": {event.detail}" if event.detail else "", extra=facts)

    @cached_property
    def _poster(self) -> Poster:
        from tenxsom.http.notices import Poster

        return Poster(self._settings.proxies, self._settings.tls_ca_file)

    @cached_property
    def _heartbeat(self) -> Heartbeat | None:
        from tenxsom.notify.heartbeat import Heartbeat

        url = self._settings.healthcheck_url
        return Heartbeat(url.reveal(), self._poster, self._notifier.has_failed) if url else None

    @cached_property
    def _metrics(self) -> Metrics:
        from tenxsom.metrics import Metrics

        settings = self._settings
        return Metrics(settings.metrics_file or Path(), settings.home, settings.pending_folder, self._store, self._ledger_of())

    @cached_property
    def _notifier(self) -> Notifier:
        from tenxsom.notify.notifier import Notifier
        from tenxsom.store.files.outbox import FileOutbox

        settings = self._settings
        outbox = FileOutbox(settings.outbox_folder)
        minutes = settings.job_age_warning_minutes
        return Notifier(
            list(self._targets()),
            settings.notify_on,
            store=self._store,
            artifacts=self._artifacts,
            outbox=outbox,
            age_warning_minutes=minutes,
        )

    def _targets(self) -> Iterator[Target]:
        settings = self._settings
        if settings.webhook_url and settings.webhook_secret:
            from tenxsom.notify.webhook import Webhook

            yield Webhook(settings.webhook_url.reveal(), webhook_keys(settings.webhook_secret), self._poster)
        if settings.notify_urls:
            from tenxsom.notify.chat import Chat, addresses

            for number, address in enumerate(addresses(settings.notify_urls), 1):
                yield Chat(number, address, self._picture)

    def _picture(self, name: str) -> Path | None:
        """Return the path of a picture among the artifacts; None where it cannot be read."""
        try:
            return self._artifacts.local(name)
        except (OSError, TenxsomError):
            return None


def jobs_of(store: JobStore) -> list[VideoJob]:
    """Return the jobs on the queue that can be read now."""
    jobs = []
    try:
        for _, document in store.documents():  # in a few readings, where loading each would be a request to a database
            if isinstance(document, dict):
                with contextlib.suppress(TenxsomError):  # its next claim reports it
                    jobs.append(VideoJob.from_dict(document))
    except TenxsomError:
        return []
    return jobs


def _summary(tick: Tick) -> str:
    """Return what a tick did, in a line for each job that needs attention."""
    lines = [f"{len(tick.results)} jobs were worked on."]
    lines += [f"{result.content_id}: {result.state}: {result.message}" for result in tick.results if result.exit_code]
    return "\n".join(lines)


def _number(usd: object) -> float | None:
    try:
        return None if usd is None else float(str(usd))
    except ValueError:
        return None
