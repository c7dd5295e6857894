"""The operator's commands on jobs: show, retry, cancel, and decisions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.errors import BadInput
from tenxsom.model import file_names, money
from tenxsom.model.clip import DECISION, Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.model.sound_order import SoundOrder
from tenxsom.pipeline import adoption
from tenxsom.pipeline.delivery import ClipDelivery
from tenxsom.pipeline.finisher import Finisher, all_final
from tenxsom.pipeline.limits import give_up
from tenxsom.pipeline.lookup import has_moved_on
from tenxsom.pipeline.payment import PaidCalls
from tenxsom.pipeline.prices import Prices
from tenxsom.pipeline.results import JobResult, JobResults
from tenxsom.pipeline.spend import note_rehearsal
from tenxsom.services import registry as services
from tenxsom.services.base import INLINE, Variant, VideoService
from tenxsom.services.images.base import StillSource
from tenxsom.store.base import Artifacts, Claim, JobStore, SpendLedger


class JobDetails(NamedTuple):
    """Everything about one job."""

    document: dict[str, Any]
    """The job's state while it is on the queue, its final report afterwards."""
    result: JobResult
    clips: Sequence[Clip]


class JobManager:
    """The operator's commands. They order nothing themselves: the next tick does."""

    def __init__(
        self,
        *,
        store: JobStore,
        artifacts: Artifacts,
        ledger: SpendLedger,
        prices: Prices,
        paid_calls: PaidCalls,
        delivery: ClipDelivery,
        finisher: Finisher,
        results: JobResults,
        service_of: Callable[[str], VideoService],
        source_of: Callable[[str, str], StillSource],
        is_rehearsal: Callable[[str], bool],
    ) -> None:
        """`service_of` and `source_of` open the service or source that checks an id; `is_rehearsal` tells if it costs nothing."""
        self._store = store
        self._artifacts = artifacts
        self._ledger = ledger
        self._prices = prices
        self._paid_calls = paid_calls
        self._delivery = delivery
        self._finisher = finisher
        self._results = results
        self._service_of = service_of
        self._source_of = source_of
        self._is_rehearsal = is_rehearsal

    def show(self, content_id: str) -> JobDetails:
        """Return everything about one job: its state while it is on the queue, its report afterwards. Raises BadInput."""
        job = self._store.load(content_id)
        found = job.as_dict() if job else self._artifacts.final_report(content_id)
        if found is None:
            raise self._results.unknown(content_id)
        result = self._results.of_job(job) if job else self._results.of(content_id)
        return JobDetails(found, result, job.clips if job else [])

    def retry_cost(self, content_id: str) -> tuple[VideoJob, str]:
        """Return the job of a retry, and a sentence about its cost. Raises BadInput."""
        report = self._artifacts.final_report(content_id)
        if self._store.load(content_id):
            raise BadInput(f"{content_id!r} has not ended yet: what was ordered is still collected. Try again once it has.")
        if report is None:
            raise self._results.unknown(content_id)
        if "job" not in report:
            raise BadInput(f"{content_id!r} is no failed or cancelled job, so there is nothing to make once more.")
        job = VideoJob.from_dict(report["job"])
        prices, total = self._prices, money.ZERO
        for clip in job.clips:
            if clip.step == Step.FAILED:
                kept = services.pace(job.service_of(clip), Variant())
                has_still = self._artifacts.exists(file_names.still(content_id, clip.index))
                clip.retry(keep_asset=kept.upload_hours is None and clip.asset.file_id != INLINE, has_still=has_still)
                if clip.step != Step.AWAIT_VIDEO:
                    needs_still = clip.step == Step.REQUEST_IMAGE
                    total += prices.of_clip(job, clip) + (prices.of_still(job, clip) if needs_still else money.ZERO)
        if not job.clips:
            return job, f"{job.service} will make all of it; what that costs is known when it has been planned"
        if all(clip.step == Step.DONE for clip in job.clips):
            return job, "Every clip is there; finishing the film is tried again, free of charge"
        return job, f"{job.service} will make what is missing for {money.shown(total)}"

    def retry(self, job: VideoJob) -> None:
        """Put a failed job back on the queue as a new run; its earlier report is renamed to a numbered stem.

        Raises BadInput when the job is on the queue already, or was made since its report was read.
        """
        ended_run = job.run_id
        job.ledger_mark = self._ledger.mark()
        job.rehearsal = self._is_rehearsal(job.service)
        note_rehearsal(job)
        job.run_id, job.submit_time = f"tx-{uuid.uuid4().hex[:16]}", clock.stamp()
        job.cancelled = False
        job.begin_anew()
        job.record("retried")
        job.settle_state()
        with self._store.accept(job, unless=partial(has_moved_on, job.content_id, self._artifacts, ended_run)) as claim:
            if claim is None:
                raise BadInput(f"{job.content_id} was put back on the queue by another command meanwhile; see what became of it.")
            self._finisher.archive_previous_run(claim)
            claim.save()

    def requeue(self, name: str) -> VideoJob:
        """Put a quarantined state, by the name that `status` shows, back on the queue. Raises BadInput, which says why not.

        A state whose run, or a later one, has a final report stays where it is: it would order everything once more.
        """

        def has_ended(job: VideoJob) -> bool:
            report = self._artifacts.final_report(job.content_id)
            accepted = (report.get("times") or {}).get("accepted") if report else None
            return report is not None and (report["run_id"] == job.run_id or (accepted or job.submit_time) >= job.submit_time)

        return self._store.requeue(name, unless=has_ended)

    def cancel(self, content_id: str) -> str:
        """Cancel further orders of a job. Returns a sentence about its paid clips."""
        with self._claimed(content_id) as claim:
            job = claim.job
            if self._finisher.already_reported(claim):
                return f"{content_id} has ended already."
            if any(order.intent for order in job.orders):
                raise BadInput(
                    f"{content_id} has a paid call whose outcome is unknown; resolve that first (manage_jobs.py resolve)."
                )
            job.cancelled = True
            for clip in job.clips:
                if not clip.is_submitted:
                    give_up(job, clip, "cancelled before it was ordered")
            self._finisher.release(claim)
            job.settle_state()
            claim.save()
            if not job.clips or all_final(job):
                self._finisher.end(claim)
                return f"{content_id} is cancelled; nothing was at the service."
            job.record("cancelled", "what is at the service is still collected")
            claim.save()
            return f"{content_id} is cancelled; what is already paid for is still collected and kept."

    def resolve(
        self,
        content_id: str,
        clip_number: int | None,
        *,
        adopt: str | None = None,
        never_sent: bool = False,
        take_as_is: bool = False,
    ) -> str:
        """Decide about a paid call of unknown outcome: adopt an id, declare it never sent, or write it off.

        For a delivered clip that was refused or is too short: accept it, or write it off.

        Returns a sentence about the effect. Raises BadInput when there is nothing to decide, or the id cannot be right; also for a
        call that was made since this command began: it is another one than the user has looked at.
        """
        seen = self._open_references(content_id)
        if take_as_is:
            self._bring_back_refused(content_id)
        with self._claimed(content_id) as claim:
            if take_as_is or not (adopt is not None or never_sent or any(order.intent for order in claim.job.orders)):
                return self._decide(claim, clip_number, take_as_is)
            clip = self._open_order(claim, clip_number)
            if clip.intent and clip.intent.reference not in seen:
                raise BadInput(f"{content_id} was decided about by another command meanwhile, and has made another call since.")
            if isinstance(clip, SoundOrder):
                return self._resolve_sound(claim, clip, adopt, never_sent=never_sent)
            if adopt is not None:  # an empty shell variable in the command must not write anything off
                adoption.check_free(adopt, claim.job, clip, self._store, self._artifacts)
                adoption.check_known(adopt, claim.job, clip, self._service_of, self._source_of)
                self._paid_calls.adopt(claim, clip, adopt)
                return f"Clip {clip.index + 1} of {content_id} is {adopt} now; the next tick goes on with it."
            if never_sent:
                self._paid_calls.never_sent(claim, clip)
                return f"Clip {clip.index + 1} of {content_id} is ordered again by the next tick."
            self._paid_calls.write_off(claim, clip)
            if all_final(claim.job):
                self._finisher.end(claim)
            return f"Clip {clip.index + 1} of {content_id} is written off; its price counts as spent."

    def _resolve_sound(self, claim: Claim, sound: SoundOrder, adopt: str | None, *, never_sent: bool) -> str:
        """Decide about the unclear paid call of a sound, which no service keeps: it is ordered again, or given up."""
        which = f"{sound.label[0].upper()}{sound.label[1:]} of {claim.job.content_id}"
        if adopt is not None:
            raise BadInput(f"{which} came, or was lost, with the answer; no id can be adopted. Use --never-sent or --write-off.")
        claim.job.next_check_at = None
        if never_sent:
            self._paid_calls.never_sent(claim, sound)
            return f"{which} is ordered again by the next tick."
        self._paid_calls.write_off(claim, sound)
        return f"{which} is written off; its price counts as spent, and the next tick goes on without it."

    def _bring_back_refused(self, content_id: str) -> None:
        """Put an ended job with refused clips back on the queue for the decision, unless it is there."""
        report = None if self._store.load(content_id) else self._artifacts.final_report(content_id)
        if report is None or "job" not in report:
            return
        job = VideoJob.from_dict(report["job"])
        failed = [clip for clip in job.clips if clip.step == Step.FAILED]
        if not failed or not all(clip.refusal and clip.refusal.file for clip in failed):
            raise BadInput(f"{content_id!r} did not end over a clip that could be taken as it is; {report['advice']}")
        for clip in failed:
            clip.step, clip.hold = Step.DOWNLOAD, DECISION
        self.retry(job)

    def _decide(self, claim: Claim, number: int | None, take_as_is: bool) -> str:
        """Accept the clips that wait for a decision, or give them up."""
        job = claim.job
        held = [clip for clip in job.clips if clip.hold == DECISION]
        waiting = [clip for clip in held if number in (None, clip.index + 1)]
        if held and not waiting:
            raise BadInput(f"Clip {number} of {job.content_id} needs no decision; {_needing(held)}.")
        if not waiting:
            raise BadInput(f"{job.content_id} has nothing to decide: no paid call of unknown outcome, no clip that was refused.")
        for clip in waiting:
            if take_as_is:
                self._delivery.take_as_is(claim, clip)
            else:
                give_up(job, clip, f"given up ({clip.error})")
                clip.refused = True
        job.settle_state()
        claim.save()
        which = f"Clip {' and '.join(str(clip.index + 1) for clip in waiting)} of {job.content_id}"
        if take_as_is:
            return f"{which} is taken as it is; the next tick publishes it."
        if all_final(job):
            self._finisher.end(claim)
        return f"{which} is given up; manage_jobs.py retry {job.content_id} names the price of another."

    @contextmanager
    def _claimed(self, content_id: str) -> Iterator[Claim]:
        with self._store.claim(content_id) as claim:
            if claim is None and (report := self._artifacts.final_report(content_id)):
                raise BadInput(f"{content_id!r} has ended already ({report['state']}).")
            if claim is None:
                raise self._results.unknown(content_id)
            yield claim

    def _open_references(self, content_id: str) -> set[str]:
        """Return our references of a job's open calls, without owning the job."""
        job = self._store.load(content_id)
        return {order.intent.reference for order in job.orders if order.intent} if job else set()

    @staticmethod
    def _open_order(claim: Claim, number: int | None) -> Clip | SoundOrder:
        """Return the order whose call is unclear: a sound, or the clip of this number."""
        sound = next((sound for sound in claim.job.sounds if sound.intent), None)
        if sound and number is None:
            return sound
        unclear = [clip for clip in claim.job.clips if clip.intent]
        open_clips = [clip for clip in unclear if number in (None, clip.index + 1)]
        if unclear and not open_clips:
            raise BadInput(f"Clip {number} of {claim.job.content_id} needs no decision; {_needing(unclear)}.")
        if not open_clips:
            raise BadInput(f"{claim.job.content_id} has no paid call whose outcome is unknown.")
        if len(open_clips) > 1:
            raise BadInput(
                f"{claim.job.content_id} has several unclear calls; say which with --clip (one of {_numbers(open_clips)})."
            )
        return open_clips[0]


def _needing(clips: Sequence[Clip]) -> str:
    return f"clip {_numbers(clips)} does" if len(clips) == 1 else f"clips {_numbers(clips)} do"


def _numbers(clips: Sequence[Clip]) -> str:
    """Return the numbers of clips, from 1."""
    return ", ".join(str(clip.index + 1) for clip in clips)
