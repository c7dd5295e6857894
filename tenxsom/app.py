"""Creates all objects from the settings and connects them.

What a tick over waiting jobs does not need is imported where it is created: most ticks find nothing else.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Self

from tenxsom.http import calls
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.observers import Observers
from tenxsom.pipeline.collector import ClipCollector
from tenxsom.pipeline.delivery import ClipDelivery
from tenxsom.pipeline.events import Events, ObservedStore, ObservedTill
from tenxsom.pipeline.finisher import Finisher
from tenxsom.pipeline.kept_parts import KeptParts
from tenxsom.pipeline.poller import VideoStatusPoller
from tenxsom.pipeline.results import JobResults
from tenxsom.pipeline.spend import set_aside
from tenxsom.pipeline.unexpected import UnexpectedErrors
from tenxsom.pipeline.visits import JobVisitor
from tenxsom.planning import registry as planners
from tenxsom.services import registry as services
from tenxsom.services.base import VideoService
from tenxsom.services.images import registry as stills
from tenxsom.services.images.base import StillSource
from tenxsom.services.music import registry as music
from tenxsom.services.music.base import MusicService
from tenxsom.settings import ROOT, SERVICES, Settings
from tenxsom.store.base import Artifacts, Channels, Claim, JobStore, Pauses, SpendLedger, Till
from tenxsom.store.files import moved
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.store.files.pauses import FilePauses
from tenxsom.voices import registry as voices
from tenxsom.voices.base import Voice

if TYPE_CHECKING:
    from tenxsom.pipeline.approval import Approvals
    from tenxsom.pipeline.brand_kits import BrandKits
    from tenxsom.pipeline.cutting import Cutter
    from tenxsom.pipeline.film_intake import FilmIntake
    from tenxsom.pipeline.film_maker import FilmMaker
    from tenxsom.pipeline.generator import ProductionVideoGenerator
    from tenxsom.pipeline.music import Composer
    from tenxsom.pipeline.narration import Narrator
    from tenxsom.pipeline.operations import JobManager
    from tenxsom.pipeline.orchestrator import MasterOrchestrator
    from tenxsom.pipeline.payment import PaidCalls
    from tenxsom.pipeline.planning_costs import PlanningCosts
    from tenxsom.pipeline.prices import Prices
    from tenxsom.pipeline.reassembly import Reassembler
    from tenxsom.pipeline.rerouting import Rerouter
    from tenxsom.pipeline.routing import Chooser
    from tenxsom.pipeline.steps import ClipSteps
    from tenxsom.store.postgres.database import Database
    from tenxsom.store.templates import Templates


class App:
    """The objects of a command, created from the settings on first use."""

    def __init__(self, settings: Settings, artifacts: Artifacts | None = None) -> None:
        """`artifacts` stores the jobs' files; by default they are where the settings say."""
        self.settings = settings
        self.events = Events()
        self.database, self.artifacts, jobs = _stores(settings, artifacts)
        self.store: JobStore = ObservedStore(jobs, self.events, self.artifacts.check_room)
        self.results = JobResults(self.store, self.artifacts)
        self.observers = Observers(settings, self.events, self.store, self.artifacts, lambda: self.ledger)
        self._services: dict[str, VideoService] = {}
        self._sources: dict[tuple[str, str], StillSource] = {}
        self._voices: dict[tuple[str, str | None], Voice] = {}
        self._music: dict[str, MusicService] = {}
        self._opening = threading.RLock()

    @cached_property
    def templates(self) -> Templates:
        from tenxsom.store.templates import Templates

        return Templates(self.settings.home, ROOT)

    @cached_property
    def brands(self) -> BrandKits:
        from tenxsom.pipeline.brand_kits import BrandKits

        return BrandKits(self.settings, self.templates, self.artifacts)

    @cached_property
    def channels(self) -> Channels:
        from tenxsom.store.files.channels import FileChannels

        return FileChannels(self.settings.channels_folder)

    def connect(self) -> None:
        """Connect to the database of QUEUE_URL, if there is one. Raises BadSettings for one that cannot be used, StoreGone; also
        BadSettings for a queue of files that has moved to a database.
        """
        if self.database:
            self.database.connect(has_own_media=not self.settings.media_url)
        else:
            moved.check_here(str(self.settings.pending_folder))

    @cached_property
    def ledger(self) -> SpendLedger:
        if self.database:
            return self.database.ledger
        from tenxsom.store.files.ledger import FileLedger

        return FileLedger(self.settings.ledger_file, self.settings.daily_budget_usd)

    @cached_property
    def pauses(self) -> Pauses:
        return self.database.pauses if self.database else FilePauses()

    def share_pauses(self) -> None:
        """Tell the processes that share the queue which services are left alone, and leave alone what they do."""
        calls.take_over(self.pauses.exchange(calls.pauses()))

    @cached_property
    def till(self) -> Till:
        if self.database:
            return ObservedTill(self.database.till, self.events)
        from tenxsom.store.files.till import FileTill

        return FileTill(self.ledger)

    @cached_property
    def paid_calls(self) -> PaidCalls:
        from tenxsom.pipeline.payment import PaidCalls

        return PaidCalls(self.store, self.till, self.is_rehearsal)

    @cached_property
    def planning_costs(self) -> PlanningCosts:
        from tenxsom.pipeline.planning_costs import PlanningCosts

        rehearsal = planners.is_rehearsal(planners.chosen(self.settings), self.settings)
        return PlanningCosts(self.ledger, rehearsal)

    def is_rehearsal(self, billed_service: str) -> bool:
        """Return whether orders from a service, or a source of stills, cost nothing."""
        if billed_service in voices.VOICES:
            return voices.is_rehearsal(billed_service, self.settings)
        if billed_service in music.MUSIC:
            return music.is_rehearsal(billed_service, self.settings)
        return stills.is_rehearsal(billed_service, self.settings)

    @cached_property
    def approvals(self) -> Approvals:
        from tenxsom.pipeline.approval import Approvals

        return Approvals(
            is_required=self.settings.require_approval == "1",
            store=self.store,
            artifacts=self.artifacts,
            results=self.results,
            vocabulary=self.vocabulary,
            cutter=self.cutter,
            prices=self.prices,
            narrator=self.narrator,
            brands=self.brands,
        )

    @cached_property
    def narrator(self) -> Narrator:
        from tenxsom.pipeline.narration import Narrator

        return Narrator(self.settings, self.artifacts, self.paid_calls, self.prices, self.voice)

    def voice(self, service: str, name: str | None) -> Voice:
        """Return a voice, opened once. Raises BadSettings when it cannot be used."""
        with self._opening:
            if (service, name) not in self._voices:
                self._voices[service, name] = voices.open_voice(service, self.settings, name)
            return self._voices[service, name]

    @cached_property
    def composer(self) -> Composer:
        from tenxsom.pipeline.music import Composer

        return Composer(self.settings, self.artifacts, self.paid_calls, self.prices, self.music)

    def music(self, service: str) -> MusicService:
        """Return a service that composes, opened once. Raises BadSettings when it cannot be used."""
        with self._opening:
            if service not in self._music:
                self._music[service] = music.open_music(service, self.settings)
            return self._music[service]

    @cached_property
    def finisher(self) -> Finisher:
        return Finisher(
            self.artifacts,
            self.delivery,
            self.settings.job_deadline_hours,
            self.release,
            open_film_maker=self.film_maker,
            keeps_parts=self.settings.keep_clips_days > 0,
        )

    def film_maker(self) -> FilmMaker:
        from tenxsom.pipeline.film_maker import FilmMaker

        return FilmMaker(self.artifacts, self.templates, self.brands, self.settings)

    @property
    def film_intake(self) -> FilmIntake:
        from tenxsom.pipeline.film_intake import FilmIntake

        return FilmIntake(self.settings, self.brands, self.narrator, self.composer)

    def release(self, claim: Claim) -> None:
        """Release the reservations of an ended job; the ledger is opened only if there are any."""
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

        return Rerouter(self.chooser, self.vocabulary, self.cutter, self.service)

    @cached_property
    def prices(self) -> Prices:
        from tenxsom.pipeline.prices import Prices

        return Prices(self.templates, self.settings)

    @cached_property
    def cutter(self) -> Cutter:
        from tenxsom.pipeline.cutting import Cutter

        return Cutter(self.settings, self.templates, self.brands, self.prices, self.vocabulary)

    @cached_property
    def generator(self) -> ProductionVideoGenerator:
        from tenxsom.pipeline.generator import ProductionVideoGenerator

        return ProductionVideoGenerator(self.clip_steps, self.chooser, self.rerouter, self.settings.job_deadline_hours)

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
        """Return a service, opened once. Raises BadSettings when its credentials are missing."""
        with self._opening:
            if name not in self._services:
                self._services[name] = services.open_service(name, self.settings, self.is_ours)
            return self._services[name]

    def is_ours(self, job_id: str) -> bool:
        """Return whether a job on the queue, or an ended one, has a vendor's id."""
        from tenxsom.pipeline import adoption

        return adoption.is_ours(job_id, self.store, self.artifacts)

    def source(self, name: str, service: str) -> StillSource:
        """Return a source of start frames for a service's clips, opened once. Raises BadSettings like `service`."""
        with self._opening:
            if (name, service) not in self._sources:
                work = self.settings.pending_folder / "stills"
                self._sources[name, service] = stills.open_source(
                    name, self.service(service), self.settings, work, self.artifacts.local, is_ours=self.is_ours
                )
            return self._sources[name, service]

    def orchestrator(
        self, *, service: str | None = None, by_tier: bool = False, again: bool = False, dry_run: bool = False
    ) -> MasterOrchestrator:
        """Return an orchestrator. `service` and `by_tier` select the services; `again` repeats ended jobs.

        Raises BadSettings when the store of files cannot be used as it is set.
        """
        from tenxsom.pipeline.orchestrator import MasterOrchestrator
        from tenxsom.pipeline.planner import ClaudeVideoService
        from tenxsom.pipeline.translation import Translations

        if not dry_run:
            self.artifacts.check()
        local_planner = ClaudeVideoService(self.settings, self.templates, local_only=True)
        return MasterOrchestrator(
            settings=self.settings,
            store=self.store,
            artifacts=self.artifacts,
            ledger=self.ledger,
            vocabulary=self.vocabulary,
            chooser=self.chooser,
            prices=self.prices,
            cutter=self.cutter,
            brands=self.brands,
            translations=Translations(self.store, self.artifacts, self.brands, self.ledger, self.vocabulary),
            film_intake=self.film_intake,
            narrator=self.narrator,
            composer=self.composer,
            planner=local_planner if dry_run else ClaudeVideoService(self.settings, self.templates, channels=self.channels),
            local_planner=local_planner,
            planning_costs=self.planning_costs,
            approvals=self.approvals,
            generator=self.generator,
            finisher=self.finisher,
            unexpected_errors=self.unexpected_errors,
            results=self.results,
            is_rehearsal=self.is_rehearsal,
            service=service,
            by_tier=by_tier,
            again=again,
            dry_run=dry_run,
        )

    def poller(self, time_limit_seconds: float | None = None) -> VideoStatusPoller:
        """Return a poller; without a limit a tick takes at most POLL_TIME_LIMIT_SECONDS."""
        return VideoStatusPoller(
            settings=self.settings,
            store=self.store,
            visitor=self.visitor,
            results=self.results,
            kept_parts=self.kept_parts,
            settle_services=self.settle_services,
            time_limit_seconds=time_limit_seconds,
        )

    @cached_property
    def visitor(self) -> JobVisitor:
        return JobVisitor(
            settings=self.settings,
            store=self.store,
            collector=ClipCollector(self.service, services.pace, self.delivery, self.settings),
            finisher=self.finisher,
            unexpected_errors=self.unexpected_errors,
            results=self.results,
            open_submitter=self.orchestrator,
        )

    @cached_property
    def kept_parts(self) -> KeptParts:
        return KeptParts(self.artifacts, self.store, self.settings.keep_clips_days)

    def reassembler(self) -> Reassembler:
        """Return what makes finished films again. Raises BadSettings like `orchestrator`."""
        from tenxsom.pipeline.reassembly import Reassembler

        self.artifacts.check()

        return Reassembler(
            settings=self.settings,
            store=self.store,
            artifacts=self.artifacts,
            brands=self.brands,
            ledger=self.ledger,
            vocabulary=self.vocabulary,
            cutter=self.cutter,
            finisher=self.finisher,
        )

    def manager(self) -> JobManager:
        """Return the manager of an operator's commands."""
        from tenxsom.pipeline.operations import JobManager

        return JobManager(
            store=self.store,
            artifacts=self.artifacts,
            ledger=self.ledger,
            prices=self.prices,
            paid_calls=self.paid_calls,
            delivery=self.delivery,
            finisher=self.finisher,
            results=self.results,
            service_of=self.service,
            source_of=self.source,
            is_rehearsal=self.is_rehearsal,
        )

    def settle_services(self, seconds: float) -> None:
        """Wait for work inside this process (the local studio's rendering)."""
        for service in list(self._services.values()):
            service.settle(seconds)

    def close(self) -> None:
        self.observers.run_ended()
        for composer in self._music.values():
            composer.close()
        for voice in self._voices.values():
            voice.close()
        for source in self._sources.values():
            source.close()
        for service in self._services.values():
            service.close()
        self.artifacts.close()
        if self.database:
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def opened_artifacts(settings: Settings, files: Artifacts) -> Artifacts:
    """Return the store of the jobs' files: `files`, or the object store of MEDIA_URL, whose library is loaded only for it."""
    if not settings.media_url:
        return files
    from tenxsom.store.objects.artifacts import open_artifacts

    return open_artifacts(settings, files, settings.google_application_credentials)


def _stores(settings: Settings, artifacts: Artifacts | None) -> tuple[Database | None, Artifacts, JobStore]:
    """Return the database of QUEUE_URL, if there is one, and where the jobs and their files are; `artifacts` are given ones."""
    files = artifacts or FileArtifacts(settings.completed_folder)
    if settings.queue_url is None:
        files = artifacts or opened_artifacts(settings, files)
        return None, files, FileJobStore(settings.pending_folder, (settings.completed_folder,), files)
    from tenxsom.store.postgres.database import Database  # a tick over files does not wait for it

    writable = (settings.completed_folder, settings.pending_folder)  # the second one for what is about this machine alone
    database = Database(settings.queue_url.reveal(), settings.spool_file, writable, settings.daily_budget_usd)
    return database, opened_artifacts(settings, database.artifacts(files)), database.jobs
