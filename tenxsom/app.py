"""Settings become objects: the one place where the parts are put together."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Self

from tenxsom.errors import BadInput, BrokenState, DiskTrouble
from tenxsom.model.job import VideoJob
from tenxsom.pipeline import results as outcome
from tenxsom.pipeline.delivery import ClipDelivery
from tenxsom.pipeline.finisher import Finisher
from tenxsom.pipeline.results import Outcome
from tenxsom.pipeline.spend import set_aside
from tenxsom.pipeline.unexpected import UnexpectedErrors
from tenxsom.services import registry as services
from tenxsom.services.addresses import is_vendors
from tenxsom.settings import ROOT, SERVICES, Settings
from tenxsom.store.base import Artifacts, Claim, JobStore
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore

if TYPE_CHECKING:
    from tenxsom.model.vocabulary import Vocabulary
    from tenxsom.pipeline.payment import PaidCalls
    from tenxsom.pipeline.planning_costs import PlanningCosts
    from tenxsom.pipeline.prices import Prices
    from tenxsom.pipeline.rerouting import Rerouter
    from tenxsom.pipeline.routing import Chooser
    from tenxsom.pipeline.steps import ClipSteps
    from tenxsom.services.base import VideoService
    from tenxsom.services.images.base import StillSource
    from tenxsom.store.base import SpendLedger
    from tenxsom.store.templates import Templates


class App:
    """Everything a script works with, made from the settings when it is first needed.

    Imported then, too: a tick that only asks for clips needs no prices, no ledger and nothing that submits.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.artifacts: Artifacts = FileArtifacts(settings.completed_folder)
        self.store: JobStore = FileJobStore(settings.pending_folder, also_writable=(settings.completed_folder,))
        self._services: dict[str, VideoService] = {}
        self._sources: dict[tuple[str, str], StillSource] = {}
        self._opening = threading.RLock()

    @cached_property
    def templates(self) -> Templates:
        from tenxsom.store.templates import Templates

        return Templates(self.settings.home, ROOT)

    @cached_property
    def ledger(self) -> SpendLedger:
        from tenxsom.store.files.ledger import FileLedger

        return FileLedger(self.settings.ledger_file, self.settings.daily_budget_usd)

    @cached_property
    def paid_calls(self) -> PaidCalls:
        from tenxsom.pipeline.payment import PaidCalls

        return PaidCalls(self.store, self.ledger, self.is_rehearsal)

    @cached_property
    def planning_costs(self) -> PlanningCosts:
        from tenxsom.pipeline.planning_costs import PlanningCosts

        rehearsal = not is_vendors(self.settings.vertex_ai_base_url, "googleapis.com")
        return PlanningCosts(self.ledger, rehearsal)

    def is_rehearsal(self, payee: str) -> bool:
        """Whether nobody is paid for what is ordered from a service, or a source of stills."""
        from tenxsom.services.images import registry as stills

        return stills.is_rehearsal(payee, self.settings)

    @cached_property
    def finisher(self) -> Finisher:
        return Finisher(self.artifacts, self.delivery, self.settings.job_deadline_hours, self.release)

    def release(self, claim: Claim) -> None:
        """Free what is set aside for a job that has ended; most have nothing, and then no ledger is opened."""
        if set_aside(claim.job):
            self.paid_calls.release_unused(claim, has_ended=True)

    @cached_property
    def delivery(self) -> ClipDelivery:
        return ClipDelivery(self.service, self.artifacts, self.settings)

    @cached_property
    def unexpected_errors(self) -> UnexpectedErrors:
        return UnexpectedErrors(self.settings.job_deadline_hours, self.finisher.fail)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return self.templates.vocabulary(SERVICES)

    @cached_property
    def chooser(self) -> Chooser:
        from tenxsom.pipeline.routing import Chooser

        return Chooser(self.settings, self.templates)

    @cached_property
    def rerouter(self) -> Rerouter:
        from tenxsom.pipeline.rerouting import Rerouter

        return Rerouter(self.chooser, self.vocabulary, self.service)

    @cached_property
    def prices(self) -> Prices:
        from tenxsom.pipeline.prices import Prices

        return Prices(self.templates, self.settings)

    @cached_property
    def clip_steps(self) -> ClipSteps:
        from tenxsom.pipeline.steps import ClipSteps

        return ClipSteps(
            service_of=self.service,
            source_of=self.source,
            capabilities_of=services.capabilities,
            artifacts=self.artifacts,
            paid_calls=self.paid_calls,
            prices=self.prices,
            deadline_hours=self.settings.job_deadline_hours,
            has_fallback=bool(self.settings.video_service_fallback),
        )

    def service(self, name: str) -> VideoService:
        """The service of that name, opened once. Raises BadSettings when its credentials are missing."""
        with self._opening:
            if name not in self._services:
                self._services[name] = services.open_service(name, self.settings)
            return self._services[name]

    def source(self, name: str, service: str) -> StillSource:
        """Where the start frames of a service's clips come from, opened once. Raises BadSettings like `service`."""
        from tenxsom.services.images import registry as stills

        with self._opening:
            if (name, service) not in self._sources:
                work = self.settings.pending_folder / "stills"
                self._sources[name, service] = stills.open_source(name, self.service(service), self.settings, work)
            return self._sources[name, service]

    def standing(self, content_id: str, message: str = "", exit_code: int = 0) -> Outcome:
        """Where a job stands, read from the disk: what this says is what a crash would leave."""
        try:
            job = self.store.load(content_id)
            report = None if job else self.artifacts.final_report(content_id)
        except (BrokenState, DiskTrouble) as error:
            return Outcome(content_id, "unreadable", exit_code or 3, message or str(error))
        if job:
            return self.outcome(job, message, exit_code)
        if report:
            return outcome.of_report(report, self.artifacts, message, exit_code)
        return Outcome(content_id, "not accepted", exit_code, message)

    def unknown(self, content_id: str) -> BadInput:
        """What to say of an id that is neither on the queue nor among the finished ones."""
        from tenxsom.model.vocabulary import nearest
        from tenxsom.pipeline.intake import is_set_aside

        if is_set_aside(content_id, self.store):
            return BadInput(f"The state of {content_id!r} cannot be read. {self.store.remedy(content_id)}")
        hint = nearest(content_id, self.store.ids())
        return BadInput(f"There is no job {content_id!r}, neither on the queue nor among the finished ones.{hint}")

    def outcome(self, job: VideoJob, message: str = "", exit_code: int = 0) -> Outcome:
        """The outcome of a job that is on the queue."""
        return outcome.of_job(job, self.store.place(job.content_id), message, exit_code)

    def settle_services(self, seconds: float) -> None:
        """Let work that runs inside this process finish (the local studio's rendering)."""
        for service in list(self._services.values()):
            service.settle(seconds)

    def close(self) -> None:
        for source in self._sources.values():
            source.close()
        for service in self._services.values():
            service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
