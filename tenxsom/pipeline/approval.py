"""Stops a planned job before anything is paid for it, until a user approves its plan; the plan may be edited meanwhile.

The plan lies beside the films as `<content_id>~plan.json`. What is approved is what stands there at that moment, checked as a
definition is. Only the job's state says whether it is approved, so that a crash leaves it approved or not, never in between.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tenxsom import clock
from tenxsom.errors import BadDefinition, BadInput, BrokenState, NotApproved, Problem, TenxsomError
from tenxsom.model import file_names
from tenxsom.model.approval import Approval
from tenxsom.model.blueprint import Blueprint, parse_blueprint
from tenxsom.model.definition import JobDefinition, check_definition
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.money import ZERO, shown, text
from tenxsom.model.strict_json import pretty
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline import clips
from tenxsom.pipeline.brand_kits import BrandKits
from tenxsom.pipeline.cutting import Cutter, brand_voice
from tenxsom.pipeline.narration import Narrator
from tenxsom.pipeline.prices import Prices
from tenxsom.pipeline.results import JobResults
from tenxsom.pipeline.routing import route_of
from tenxsom.store.base import Artifacts, Claim, JobStore

if TYPE_CHECKING:
    from collections.abc import Iterator


LENGTH_TOLERANCE_SECONDS = 0.5
"""How far a plan's length may be from the definition's target_duration."""


class PlannedCosts(NamedTuple):
    """What a plan will cost, and the clips that it becomes."""

    usd: Decimal
    clips: int
    seconds: float


class Approved(NamedTuple):
    """A job whose plan was approved."""

    content_id: str
    costs: PlannedCosts
    is_edited: bool


class Proposal(NamedTuple):
    """A plan that waits for an approval, as it stands now."""

    job: VideoJob
    plan: Blueprint
    costs: PlannedCosts
    is_edited: bool

    @property
    def price(self) -> str:
        """Return what the plan becomes and what that costs, in words."""
        return _words(self.costs)


class Approvals:
    """Asks for approvals, and takes them."""

    def __init__(
        self,
        *,
        is_required: bool,
        store: JobStore,
        artifacts: Artifacts,
        results: JobResults,
        vocabulary: Vocabulary,
        cutter: Cutter,
        prices: Prices,
        narrator: Narrator,
        brands: BrandKits,
    ) -> None:
        """`is_required` tells whether every plan is approved, and not only those whose definitions say so."""
        self._is_required = is_required
        self._store = store
        self._artifacts = artifacts
        self._results = results
        self._vocabulary = vocabulary
        self._cutter = cutter
        self._prices = prices
        self._narrator = narrator
        self._brands = brands

    def check(self, claim: Claim) -> None:
        """Raise NotApproved, saved with the job, for a planned job that is to be approved and is not."""
        job = claim.job
        if job.approval is None and self._is_to_be_approved(job):
            self._ask(claim)
        if job.waits_for_approval:
            raise NotApproved(self._sentence(job))

    def waiting(self) -> list[str]:
        """Return the ids of the jobs that wait for an approval, the oldest first."""
        found = []
        for content_id in self._store.ids():
            try:
                job = self._store.load(content_id)
            except TenxsomError:
                continue  # its next claim reports it
            if job and job.waits_for_approval:
                found.append((job.submit_time, content_id))
        return [content_id for _, content_id in sorted(found)]

    def proposal(self, content_id: str) -> Proposal:
        """Return the plan of a job as it stands in its file now, and what it will cost; nothing is changed.

        Raises BadInput for a job that waits for no approval, and for a plan that cannot be made, with every problem.
        """
        job = self._store.load(content_id)
        if job is None or not job.waits_for_approval or job.blueprint is None:
            raise self._nothing_to_approve(content_id, job)
        edited = self._edited(job)
        job.blueprint = edited or job.blueprint
        return Proposal(job, job.blueprint, self._costs(job), edited is not None)

    def approve(self, content_id: str) -> Approved:
        """Approve the plan of a job as it stands in its file now; the next tick goes on with it.

        Raises BadInput for a job that waits for no approval, and for a plan that cannot be made, with every problem; then the job
        waits on.
        """
        with self._store.claim(content_id) as claim:
            asked = claim.job.approval if claim else None
            if claim is None or asked is None or asked.given_at:
                raise self._nothing_to_approve(content_id, claim.job if claim else None)
            job = claim.job
            edited = self._edited(job)
            if edited:
                job.blueprint = edited
            costs = self._costs(job)
            job.approval = asked.model_copy(update={"given_at": clock.stamp(), "usd": text(costs.usd)})
            job.error = job.next_check_at = None
            job.settle_state()
            job.record("approved", f"{'an edited plan, ' if edited else ''}{_words(costs)}")
            claim.save()
            self._artifacts.remove(file_names.plan(content_id))
            return Approved(content_id, costs, edited is not None)

    def _is_to_be_approved(self, job: VideoJob) -> bool:
        """Return whether a job is to be approved for which nothing is ordered yet; what was ordered before goes on."""
        is_begun = bool(job.clips or job.sounds or job.narration)
        return not is_begun and (self._is_required or job.definition.approve)

    def _ask(self, claim: Claim) -> None:
        """Publish the plan, and leave the job to a user's approval."""
        job = claim.job
        if job.blueprint is None:
            return
        costs = self._costs(job)
        self._artifacts.write(file_names.plan(job.content_id), pretty(job.blueprint.as_dict()))
        job.approval = Approval(asked_at=clock.stamp(), usd=text(costs.usd), clips=costs.clips, seconds=costs.seconds)
        job.state, job.error, job.next_check_at = JobState.NEEDS_DECISION, None, None
        job.record("approval_needed", f"{_words(costs)}. The plan: {self._artifacts.location(file_names.plan(job.content_id))}")
        claim.save()

    def _sentence(self, job: VideoJob) -> str:
        asked = job.approval
        price = _words(PlannedCosts(Decimal(asked.usd), asked.clips, asked.seconds)) if asked else ""
        plan = self._artifacts.location(file_names.plan(job.content_id))
        return (
            f"{job.content_id} waits for your approval: {price}. Read {plan}, edit it if you like,"
            f" and run: manage_jobs.py approve {job.content_id}"
        )

    def _edited(self, job: VideoJob) -> Blueprint | None:
        """Return the plan in the job's file, if it is another one than the job's. Raises BadInput with its problems."""
        name = file_names.plan(job.content_id)
        if not self._artifacts.exists(name):
            return None
        place = self._artifacts.location(name)
        found = parse_blueprint(self._artifacts.local(name).read_bytes(), place)
        if job.blueprint is None or found == parse_blueprint(pretty(job.blueprint.as_dict()), place):
            return None
        definition = self._definition(job)
        if problems := list(self._problems(job, definition, found)):
            raise BadDefinition(place, problems)
        planned = definition.model_copy(update={"target_duration": found.seconds})
        clips.check_feasible(planned, definition.shape(self._vocabulary), route_of(job), place)
        return found.model_copy(update={"planner": job.blueprint.planner})

    def _problems(self, job: VideoJob, definition: JobDefinition, found: Blueprint) -> Iterator[Problem]:
        if found.content_id != job.content_id:
            yield Problem("content_id", f"it must stay {job.content_id!r}")
        if abs(found.seconds - definition.target_duration) > LENGTH_TOLERANCE_SECONDS and not job.clips_of:
            wrong = f"the segments last {found.seconds:g} seconds, and target_duration is {definition.target_duration:g}"
            yield Problem("video_plan.script_segments", f"{wrong}; change their durations until they fit")

    def _costs(self, job: VideoJob) -> PlannedCosts:
        """Return what a planned job will cost: its voice, and its clips and music, except for a film over the clips of another."""
        if job.blueprint is None:
            return PlannedCosts(ZERO, 0, 0.0)
        voice = self._narrator.price_of(self._definition(job), job.blueprint, brand_voice(self._brands.of(job)))
        if job.clips_of:
            return PlannedCosts(voice, 0, job.blueprint.seconds)
        planned = job.model_copy(deep=True)
        self._cutter.cut(planned, route_of(job))
        return PlannedCosts(
            voice + self._prices.of_job(planned), len(planned.clips), round(sum(clip.seconds for clip in planned.clips), 3)
        )

    def _definition(self, job: VideoJob) -> JobDefinition:
        return check_definition(job.definition.as_dict(), job.content_id, self._vocabulary)

    def _nothing_to_approve(self, content_id: str, job: VideoJob | None) -> BadInput:
        if job is None:
            report = self._report_state(content_id)
            return BadInput(f"{content_id!r} has ended already ({report}).") if report else self._results.unknown(content_id)
        given = job.approval.given_at if job.approval else None
        if given:
            return BadInput(f"{content_id} was approved already, at {given[:16].replace('T', ' ')} UTC.")
        planned = "" if job.blueprint else " It is not planned yet."
        return BadInput(f"{content_id} waits for no approval; it is {job.state}.{planned}")

    def _report_state(self, content_id: str) -> str | None:
        try:
            report = self._artifacts.final_report(content_id)
        except BrokenState:
            return None
        return str(report["state"]) if report else None


def _words(costs: PlannedCosts) -> str:
    return f"{costs.clips} clip{'s' * (costs.clips != 1)}, {costs.seconds:g} s, about {shown(costs.usd)}"
