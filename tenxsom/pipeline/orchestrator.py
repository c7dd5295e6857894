"""Submits jobs: accepts a definition, plans it, cuts the plan into clips and orders them, saving every step."""

from __future__ import annotations

import contextlib
import logging
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial

from tenxsom import clock, threads
from tenxsom.errors import BadDefinition, BadInput, BadInputs, PlanFailed, TenxsomError
from tenxsom.model import file_names, money
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.choices import is_sound_file
from tenxsom.model.definition import JobDefinition, check_definition, parse_definition
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.narration import with_measured
from tenxsom.model.sound_order import SoundStep
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline import clips, intake, lookup, run_budget, sources
from tenxsom.pipeline.approval import Approvals
from tenxsom.pipeline.brand_kits import BrandKits
from tenxsom.pipeline.cutting import Cutter, brand_voice, measured_quiet
from tenxsom.pipeline.estimate import STOCK_WORDS, Estimate, estimate, planned_job
from tenxsom.pipeline.film_intake import FilmIntake
from tenxsom.pipeline.finisher import Finisher, all_final
from tenxsom.pipeline.generator import NO_LIMIT, ProductionVideoGenerator
from tenxsom.pipeline.intake import Batch, Order, Refusal
from tenxsom.pipeline.lookup import Lookup, SubmissionCheck
from tenxsom.pipeline.means import Means, is_unpaid
from tenxsom.pipeline.music import Composer
from tenxsom.pipeline.narration import Narrator
from tenxsom.pipeline.planner import ClaudeVideoService
from tenxsom.pipeline.planning_costs import PlanningCosts
from tenxsom.pipeline.prices import Prices
from tenxsom.pipeline.results import ALREADY_KNOWN, JobResult, JobResults, exit_code_of
from tenxsom.pipeline.routing import Chooser, Route, route_of
from tenxsom.pipeline.run_budget import RunBudget
from tenxsom.pipeline.spend import spent_usd
from tenxsom.pipeline.translation import Translations
from tenxsom.pipeline.unexpected import SUBMITTING, UnexpectedErrors
from tenxsom.services.images import registry as stills
from tenxsom.services.music.registry import MUSIC
from tenxsom.settings import Settings
from tenxsom.store.base import RESERVED, Artifacts, Claim, JobStore, SpendLedger

log = logging.getLogger("orchestrate")

ENDED = (SubmissionCheck.COMPLETED, SubmissionCheck.FAILED)
"""The results of a lookup for which nothing is done."""

MOST_BAD_INPUTS = 50
"""After so many bad definitions a run reads no further: of a table with a wrong column nobody reads ten thousand messages."""


class MasterOrchestrator:
    """The first stage: plan → order → pending job."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        artifacts: Artifacts,
        ledger: SpendLedger,
        vocabulary: Vocabulary,
        chooser: Chooser,
        prices: Prices,
        brands: BrandKits,
        cutter: Cutter,
        film_intake: FilmIntake,
        translations: Translations,
        narrator: Narrator,
        composer: Composer,
        planner: ClaudeVideoService,
        local_planner: ClaudeVideoService,
        planning_costs: PlanningCosts,
        approvals: Approvals,
        generator: ProductionVideoGenerator,
        finisher: Finisher,
        unexpected_errors: UnexpectedErrors,
        results: JobResults,
        is_rehearsal: Callable[[str], bool],
        service: str | None = None,
        by_tier: bool = False,
        again: bool = False,
        dry_run: bool = False,
    ) -> None:
        """`local_planner` plans estimates; `is_rehearsal` tells whether a service costs nothing. The last four are the user's."""
        self._settings = settings
        self._store = store
        self._artifacts = artifacts
        self._ledger = ledger
        self._means = Means(ledger)
        self._vocabulary = vocabulary
        self._chooser = chooser
        self._prices = prices
        self._brands = brands
        self._cutter = cutter
        self._film_intake = film_intake
        self._translations = translations
        self._narrator = narrator
        self._composer = composer
        self._planning_costs = planning_costs
        self._approvals = approvals
        self._finisher = finisher
        self._unexpected_errors = unexpected_errors
        self._results = results
        self._is_rehearsal = is_rehearsal
        self._service = service
        self._by_tier = by_tier
        self._again = again
        self._dry_run = dry_run
        self._local_planner = local_planner
        self.planner = planner
        self.generator = generator

    def read(self, names: Sequence[str]) -> list[Order]:
        """Read and validate every definition. Raises BadInput with the problems of all files; nothing has happened then."""
        batch = self.read_batch(names)
        if batch.refused:
            raise batch.refused[0].error
        return batch.orders

    def read_batch(self, names: Sequence[str]) -> Batch:
        """Read and validate every definition. Raises BadInput with the problems of all files; nothing has happened then.

        A valid definition that cannot be submitted, because its id is taken or its state is unreadable, becomes a Refusal.
        Raises its error where it is the only one.
        """
        orders: list[Order] = []
        refused: list[Refusal] = []
        problems: list[BadInput] = []
        for source in sources.sources(names):
            if len(problems) >= MOST_BAD_INPUTS:
                problems.append(BadInput(f"Reading has stopped after {MOST_BAD_INPUTS} bad definitions; mend these first."))
                break
            try:
                order = self._order(source.name, source.read())
            except BadInput as error:
                problems.append(error)
                continue
            if isinstance(order, Refusal):
                refused.append(order)
            else:
                orders.append(order)
        orders, copies = intake.without_copies(orders)
        problems += intake.same_id_twice(orders)
        if problems:
            raise problems[0] if len(problems) == 1 else BadInputs(problems)
        if len(refused) == 1 and not orders:
            raise refused[0].error
        return Batch(orders, refused, [*sources.conflict_copies(names), *copies])

    def read_one(self, source: str, data: bytes) -> Order:
        """Validate one definition, which `source` names in messages. Raises BadInput, and what stands against its submission."""
        order = self._order(source, data)
        if isinstance(order, Refusal):
            raise order.error
        return order

    def accept(self, order: Order) -> bool:
        """Store the job of a definition, without going on: the next tick plans and orders it. Returns whether it is a new one."""
        if order.standing != SubmissionCheck.NEW:
            return False
        with self._owned(order) as claim:
            return claim is not None

    def submit_all(
        self, orders: Sequence[Order], blueprint: Blueprint | None = None, max_usd: Decimal | None = None
    ) -> list[JobResult]:
        """Submit the orders, as many at once as their services allow; return one result for each, in the same order.

        With `max_usd` the run stops before the order that would make it cost more.
        """
        routes = [order.route for order in orders if order.standing not in ENDED]
        side_by_side = min((route.capabilities.concurrent_submissions for route in routes), default=1)
        budget = None if max_usd is None else RunBudget(max_usd, self._price_of, self._cost_of)
        taking, waiting = threading.Lock(), iter(orders)

        def work() -> Iterator[tuple[Order, JobResult]]:
            while True:
                with taking:
                    order = next(waiting, None)
                    why = budget.admit(order) if budget and order else ""
                if order is None:
                    return
                result = run_budget.not_started(order, why) if why else self._submit(order, blueprint)
                if budget and not why:
                    with taking:
                        budget.note(result)
                yield order, result

        workers = max(1, min(side_by_side, len(orders)))
        made = [each for of_worker in threads.side_by_side(lambda: list(work()), workers, "submit") for each in of_worker]
        by_id = {order.definition.content_id: result for order, result in made}
        return [by_id[order.definition.content_id] for order in orders]

    def submit(self, order: Order, blueprint: Blueprint | None = None) -> VideoJob | None:
        """Submit one definition and take it as far as possible; None if it has been made already."""
        with self._owned(order) as claim:
            if claim:
                self._submitted(claim, blueprint)
            return claim.job if claim else None

    def _submitted(self, claim: Claim, blueprint: Blueprint | None) -> None:
        """Continue a job, and end it if all its clips have failed. Raises the error that stopped it, saved with the job."""
        try:
            self.carry_on(claim, blueprint)
        except TenxsomError:
            raise
        except Exception as error:  # a bug is saved with its job, and the next tick tries again
            raise self._unexpected_errors.record(claim, SUBMITTING, error) from error
        if all_final(claim.job):
            self._finisher.end(claim)

    def carry_on(self, claim: Claim, blueprint: Blueprint | None = None, deadline: clock.Deadline = NO_LIMIT) -> None:
        """Plan, cut and submit a job, without repeating finished steps; before its `not_before` only keep the user's plan.

        After `deadline` no call is begun, and the next run continues; a call that was begun is bounded by its own timeout.
        """
        job = claim.job
        self._finisher.archive_previous_run(claim)
        if job.blueprint is None and (blueprint or not job.is_held):
            self.plan(claim, blueprint)
        if job.is_held:
            return
        if not job.clips:
            self._approvals.check(claim)
            self._check_means_for_voice(claim)
            if not self.narrate(claim, deadline):
                return
            self.cut(claim)
        if deadline.passed():
            return
        self.compose(claim)
        if self._by_tier:
            self.generator.generate_video(claim)
        else:
            self.generator.generate_with_useapi(claim, deadline)

    def plan(self, claim: Claim, blueprint: Blueprint | None = None) -> None:
        """Set the job's blueprint: Claude's, the archetype templates', or the user's."""
        job = claim.job
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        plan = partial(self._translated, job) if job.clips_of else partial(self._planned, definition)
        try:
            made = blueprint or self._planning_costs.pay(claim, self._most_usd(job), plan)
        except PlanFailed as error:  # only of a translation, for which no template can take the planner's place
            self._finisher.fail(claim, str(error))
            raise
        job.blueprint = made
        job.error = job.next_check_at = None
        job.record(
            "planned", made.planner.name + (f" ({made.planner.reason})" if made.planner.reason else ""), usd=made.planner.cost_usd
        )
        for warning in made.warnings:
            job.warn(warning)
        claim.save()

    def _most_usd(self, job: VideoJob) -> Decimal:
        """Return the highest cost of planning. Raises BadSettings when it is unknown and there is a budget."""
        if self._ledger.daily_budget is not None or job.definition.max_cost_usd is not None:
            self.planner.check_price()
        return self.planner.most_usd()

    def _planned(self, definition: JobDefinition) -> tuple[Blueprint, Decimal]:
        made = self.planner.plan(definition)
        return made, money.usd(made.planner.cost_usd or 0)

    def _translated(self, job: VideoJob) -> tuple[Blueprint, Decimal]:
        made = self.planner.translate(self._translations.blueprint_of(job.clips_of or ""), job.definition.language)
        return made.model_copy(update={"content_id": job.content_id}), money.usd(made.planner.cost_usd or 0)

    def translate(self, source: VideoJob, language: str) -> str:
        """Make a finished film in another language, and return the id of the new one. Raises like `carry_on`, and BadInput."""
        self.planner.check_translates()
        job = self._translations.new_job(source, language)
        with self._store.accept(job) as claim:
            if claim is None:
                raise BadInput(f"{job.content_id} is being made by another command; see what became of it.")
            self._submitted(claim, None)
        return job.content_id

    def narrate(self, claim: Claim, deadline: clock.Deadline = NO_LIMIT) -> bool:
        """Make the voice of a planned job, before its clips; return whether it is complete.

        After `deadline` the next run continues. Raises like `Narrator.narrate`.
        """
        job = claim.job
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        return self._narrator.narrate(claim, definition, deadline, brand_voice(self._brands.of(job)))

    def _check_means_for_voice(self, claim: Claim) -> None:
        """Raise OverBudget before a paid voice is begun whose film could not be paid: a voice without clips is no film."""
        job = claim.job
        if job.blueprint is None or job.clips_of or (job.narration is not None and job.narration.segments):
            return
        definition = check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)
        voice = self._narrator.price_of(definition, job.blueprint, brand_voice(self._brands.of(job)))
        if voice == money.ZERO:
            return
        planned = job.model_copy(deep=True)
        planned.spend.append({"reference": "voice", "usd": money.text(voice), "entry": RESERVED})
        with contextlib.suppress(BadInput):  # the real voice decides whether the film has a fitting length
            self._cutter.cut(planned, route_of(job))
            self._means.check(claim, voice + self._prices.of_job(planned))

    def _check_means_for_music(self, claim: Claim, service: str) -> None:
        """Raise OverBudget before paid music is ordered for clips that could not be paid."""
        job, unpaid = claim.job, [clip for clip in claim.job.clips if is_unpaid(clip)]
        if any(order.kind == SoundStep.COMPOSE and (order.intent or order.step != SoundStep.COMPOSE) for order in job.sounds):
            return
        self._means.check(claim, self._prices.of_music(service) + self._prices.of_rest(job, unpaid))

    def compose(self, claim: Claim) -> None:
        """Order the music of a film where it is paid for, before its clips; without it the film gets music of this machine."""
        job, film = claim.job, claim.job.film
        if film is None or film.music not in MUSIC or all(clip.is_submitted for clip in job.clips):
            return
        self._check_means_for_music(claim, film.music)
        description = " ".join(filter(None, (job.blueprint.video_plan.music if job.blueprint else "", f"Mood: {film.mood}.")))
        if not self._composer.compose(claim, film.music, description, zlib.crc32(job.content_id.encode()) % 2**31):
            film.music = "bed"
            claim.save()

    def cut(self, claim: Claim) -> None:
        """Cut the blueprint into clips, in durations that the service offers."""
        job = claim.job
        if job.clips_of:
            job.clips = self._translations.take_over(job)
            self._cutter.cut_over(job)
        else:
            self._cutter.cut(job, route_of(job))
        job.warnings = with_measured(job.warnings, measured_quiet(job.film))
        for sentence in [*clips.differences(job), *self._cutter.differences(job)]:
            job.warn(sentence)
        job.settle_state()
        claim.save()

    def estimate(self, order: Order) -> Estimate:
        """Plan an order from the local templates and cut it into clips, without writing, calling or paying anything."""
        blueprint = self._local_planner.plan(order.definition)
        voice = self._voice_price(order.definition, blueprint)
        found = estimate(order, blueprint, self._chooser, self._prices, self._cutter, voice_usd=voice)
        if order.standing in ENDED:
            return found
        has_words = bool(order.definition.prompt or order.definition.script)
        note = self._local_planner.announcement() or ("" if has_words else STOCK_WORDS)
        return found._replace(notes=[*found.notes, note]) if note else found

    def _price_of(self, order: Order) -> Decimal:
        """Return about what an order will cost from now on: planning at most, and the calls for a plan from the templates."""
        if order.standing in ENDED:
            return money.ZERO
        job = self._store.load(order.definition.content_id)
        if job and job.clips:
            return max(money.ZERO, self._prices.of_job(job) - spent_usd(job))
        blueprint = (job and job.blueprint) or self._local_planner.plan(order.definition)
        planning = money.ZERO if job and job.blueprint else self.planner.most_usd()
        voice = self._voice_price(order.definition, blueprint)
        return planning + voice + self._prices.of_job(planned_job(order, blueprint, order.route, self._cutter))

    def _cost_of(self, order: Order) -> Decimal:
        """Return what the job of an order has cost until now."""
        job = self._store.load(order.definition.content_id)
        return spent_usd(job) if job else money.ZERO

    def _voice_price(self, definition: JobDefinition, blueprint: Blueprint) -> Decimal:
        return self._narrator.price_of(definition, blueprint, brand_voice(self._brands.named_by(definition)))

    def _order(self, source: str, data: bytes) -> Order | Refusal:
        try:
            definition = parse_definition(data, source, self._vocabulary)
        except BadDefinition:
            known_one = None if self._again else lookup.known_definition(data, source, self._store, self._artifacts)
            if known_one is None or self._dry_run:
                raise
            definition = known_one
        try:
            for_real = self._goes_to_a_vendor(definition)
            known = lookup.look_up(definition, self._store, self._artifacts, self._again, for_real=for_real)
        except TenxsomError as error:
            return Refusal(definition.content_id, source, error)
        if known.route and not self._dry_run:
            shape = definition.aspect_ratio or self._vocabulary.platforms.get(definition.platform, "16:9")
            return Order(definition, source, known.route, shape, known.standing, known.ended_run)
        return self._new_order(definition, source, known)

    def _new_order(self, definition: JobDefinition, source: str, known: Lookup) -> Order:
        """Choose the route of a definition. Raises BadInput when it cannot be made here."""
        picture, usable = intake.with_its_picture(definition, source, self._settings), not self._dry_run
        route = self._route(definition)._replace(start_image=picture)
        shape = definition.shape(self._vocabulary)
        longest = self._vocabulary.longest.get(definition.platform)
        also = self._film_intake.problems(definition, source, usable=usable)
        clips.check_feasible(definition, shape, route, source, platform_seconds=longest, also=also)
        if usable:
            self._prices.check(route)
        return Order(definition, source, known.route or route, shape, known.standing, known.ended_run)

    def _route(self, definition: JobDefinition) -> Route:
        """Return the route of a definition if it is accepted now. Raises BadSettings when it cannot be made here."""
        usable = not self._dry_run
        if self._by_tier:
            return self._chooser.by_tier(definition.tier, definition.start_image, usable=usable)
        return self._chooser.choose(definition, self._service, usable=usable)

    def _goes_to_a_vendor(self, definition: JobDefinition) -> bool:
        """Return whether a vendor makes the definition if it is accepted now, and not a rehearsal."""
        try:
            return not self._is_rehearsed(definition, self._route(definition))
        except BadInput:
            return False  # it cannot be made now, but a known job is still reported

    def _is_rehearsed(self, definition: JobDefinition, route: Route) -> bool:
        """Return whether anything that is seen or heard of a definition's film comes from a stand-in."""
        seen = {route.service, stills.billed_service(route.start_frame, route.service)}
        return any(map(self._is_rehearsal, (*seen, *self._film_intake.billed_services(definition))))

    @contextlib.contextmanager
    def _owned(self, order: Order) -> Iterator[Claim | None]:
        """Own the job of an order: accept it, or find it on the queue; None if it is done."""
        content_id = order.definition.content_id
        rehearsal = self._is_rehearsed(order.definition, order.route)
        known = lookup.look_up(order.definition, self._store, self._artifacts, self._again, for_real=not rehearsal)
        if known.standing in ENDED:
            yield None
            return
        if known.standing == SubmissionCheck.ON_ITS_WAY:
            with self._store.claim(content_id) as claim:
                yield None if claim and self._finisher.already_reported(claim) else claim
            return
        expected = self._settings.completed_folder.relative_to(self._settings.home) / file_names.video(content_id)
        mark = self._ledger.mark()
        route = intake.kept_picture_route(order.route, file_names.start_picture(content_id))
        job = intake.new_job(order.definition, route, str(expected), ledger_mark=mark, rehearsal=rehearsal)
        with self._store.accept(job, unless=lambda: self._is_taken(order) or not self._keep_own_files(order, job)) as claim:
            yield claim

    def _keep_own_files(self, order: Order, job: VideoJob) -> bool:
        """Copy the user's own picture and music, and the brand, to the job and its artifacts, where any machine finds them.

        It is called before the job is stored, while no other process can accept its id. Returns False, and copies nothing, if the
        id is on the queue: that job has its own. Raises BadDefinition for a file that has disappeared.
        """
        has_picture, has_music = intake.is_local_picture(order.route), is_sound_file(order.definition.music)
        brand = self._brands.named_by(order.definition)
        if not has_picture and not has_music and not brand.name:
            self._brands.keep(job, brand, order.source)
            return True
        if self._store.load(order.definition.content_id):
            return False
        if has_picture:
            self._artifacts.write(file_names.start_picture(order.definition.content_id), intake.read_own_picture(order))
        if has_music:
            self._film_intake.keep_music(order.definition, order.source, self._artifacts)
        self._brands.keep(job, brand, order.source)
        return True

    def _is_taken(self, order: Order) -> bool:
        """Return whether an id was made or quarantined since its lookup, while no other process can accept or end it."""
        content_id = order.definition.content_id
        is_lost = not self._again and lookup.is_set_aside(content_id, self._store)
        return is_lost or lookup.has_moved_on(content_id, self._artifacts, order.ended_run)

    def _submit(self, order: Order, blueprint: Blueprint | None) -> JobResult:
        content_id = order.definition.content_id
        try:
            clock.check_stop()
            job = self.submit(order, blueprint)
        except TenxsomError as error:
            log.info("%s", error, extra={"content_id": content_id})
            return self._results.of(content_id, str(error), exit_code_of(error))._replace(standing=order.standing)
        except Exception as error:  # a bug with one job must not stop the others
            log.exception("Unexpected error", extra={"content_id": content_id})
            return self._results.of(content_id, f"an unexpected error, please report it: {error!r}", 75)
        error_code = 1 if job and job.state == JobState.FAILED else 0
        result = self._results.of(content_id, (job.error if job else None) or "", error_code)
        return result._replace(standing=order.standing, message=result.message or ALREADY_KNOWN.get(order.standing, ""))
