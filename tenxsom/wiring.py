"""Settings become objects: the one place where the parts are put together."""

from __future__ import annotations

import importlib
import logging
import threading
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Self

from tenxsom.belt import outcome
from tenxsom.belt.finish import Finisher
from tenxsom.belt.outcome import Outcome
from tenxsom.belt.payment import PaidCalls
from tenxsom.errors import BadSettings
from tenxsom.model.job import VideoJob
from tenxsom.model.money import ServicePrice, service_price
from tenxsom.reports import Shelf
from tenxsom.settings import ROOT, SERVICES, Settings
from tenxsom.store.ledger import Ledger
from tenxsom.store.queue import FileQueue, JobQueue
from tenxsom.store.templates import Templates

if TYPE_CHECKING:
    from tenxsom.model.vocabulary import Vocabulary
    from tenxsom.services.base import Capabilities, VideoService

log = logging.getLogger(__name__)


class Suite:
    """Everything a script works with, made from the settings when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shelf = Shelf(settings.completed_folder)
        self.queue: JobQueue = FileQueue(settings.pending_folder, also_writable=(settings.completed_folder,))
        self.templates = Templates(settings.home, ROOT)
        self._services: dict[str, VideoService] = {}
        self._opening = threading.Lock()

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_file, self.settings.daily_budget_usd)

    @cached_property
    def paid_calls(self) -> PaidCalls:
        return PaidCalls(self.queue, self.ledger)

    @cached_property
    def finisher(self) -> Finisher:
        return Finisher(self.shelf)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return self.templates.vocabulary(SERVICES)

    def service(self, name: str) -> VideoService:
        """The service of that name, opened once. Raises BadSettings when its credentials are missing."""
        with self._opening:
            if name not in self._services:
                self._services[name] = _open_service(name, self.settings)
            return self._services[name]

    @staticmethod
    def capabilities(name: str) -> Capabilities:
        """What a service can make, without opening it. Raises BadSettings when there is no such service."""
        capabilities: Capabilities = _module_of(name).CAPABILITIES
        return capabilities

    def chosen_service(self, wanted: str | None = None, usable: bool = True) -> str:
        """The service to use: the one that is wanted, else VIDEO_SERVICE, else the first with credentials of its own.

        Raises BadSettings when a service is named that has no credentials, unless it need not be `usable` (for an estimate).
        """
        name = wanted or self.settings.video_service
        if name == "auto":
            name = "useapi_ltx" if self.settings.useapi_bearer_token else "local_studio"
        if usable and name == "useapi_ltx" and not self.settings.useapi_bearer_token:
            raise BadSettings("The service useapi_ltx needs USEAPI_BEARER_TOKEN; put it into production.env, or use local_studio.")
        return name

    def price(self, service: str) -> ServicePrice:
        """What a service charges. Raises BadSettings when templates/prices.json does not know it."""
        try:
            return service_price(self.templates.prices, service)
        except (KeyError, TypeError, ArithmeticError):
            raise BadSettings(
                f"templates/prices.json has no usable prices for {service}; add them, 0 where nothing is charged."
            ) from None

    def standing(self, content_id: str, message: str = "", exit_code: int = 0) -> Outcome:
        """Where a job stands, read from the disk: what this says is what a crash would leave."""
        job = self.queue.load(content_id)
        if job:
            return self.outcome(job, message, exit_code)
        report = self.shelf.final_report(content_id)
        if report:
            return outcome.of_report(report, self.shelf, message, exit_code)
        return Outcome(content_id, "not accepted", exit_code, message)

    def outcome(self, job: VideoJob, message: str = "", exit_code: int = 0) -> Outcome:
        """The outcome of a job that is on the queue."""
        return outcome.of_job(job, f"{self.settings.pending_folder}/{job.content_id}.json", message, exit_code)

    def settle_services(self, seconds: float) -> None:
        """Let work that runs inside this process finish (the local studio's rendering)."""
        for service in list(self._services.values()):
            service.settle(seconds)

    def close(self) -> None:
        for service in self._services.values():
            service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _module_of(name: str) -> ModuleType:
    """A service is a module of its name, with CAPABILITIES and `open_service(settings)`; it is imported when it is first used."""
    if name not in SERVICES:
        raise BadSettings(f"There is no video service {name!r}; known are {', '.join(SERVICES)}.")
    return importlib.import_module(f"tenxsom.services.{name}")


def _open_service(name: str, settings: Settings) -> VideoService:
    service: VideoService = _module_of(name).open_service(settings)
    return service
