"""Paying once: the only place that makes a paid call.

    room on the disk → money reserved → intent saved → THE CALL → ids saved → money spent

A crash anywhere leaves either nothing that costs, or an intent on disk. An intent that is found later, and a call whose
outcome is unclear, are never repeated: the service is asked by our reference where it can tell, and otherwise the job waits
for somebody's decision.

The ledger is the second memory. When the state cannot be saved after a call (the disk broke, or somebody wrote an older
version of the file over ours), the ledger keeps what became of it, ids included, and no reference is ever used for two calls.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from tenxsom import clock
from tenxsom.errors import (
    BadInput,
    BadSettings,
    DiskTrouble,
    NotSent,
    OverBudget,
    ServiceBusy,
    ServiceRefused,
    SubmitUnclear,
    TenxsomError,
)
from tenxsom.model.clip import Clip, Intent, Step
from tenxsom.model.job import VideoJob
from tenxsom.model.money import ZERO, shown, text, usd
from tenxsom.pipeline.prices import payee
from tenxsom.pipeline.spend import book, spent_usd
from tenxsom.services.base import Submitted
from tenxsom.store.ledger import RELEASED, RESERVED, SPENT, UNKNOWN, Ledger, Purchase
from tenxsom.store.queue import Claim, JobQueue

log = logging.getLogger(__name__)

BUDGET_PAUSE_SECONDS = 600.0
"""How often a job that is over budget looks again: a new day or a higher budget lets it go on by itself."""

RECONCILE_PAUSE_SECONDS = 600.0
"""How often the service is asked again about a call whose outcome is unknown."""

CERTAINLY_NOT_ACCEPTED = (NotSent, ServiceBusy, ServiceRefused, BadSettings)
"""The only errors of a call after which its money is free again. Whatever else happens in a call, it may have been accepted.

Wrong settings (a TLS_CA_FILE that TLS cannot read) keep a connection from being opened at all.
"""

AFTER_PAYMENT = {Step.REQUEST_IMAGE: Step.AWAIT_IMAGE, Step.REQUEST_VIDEO: Step.AWAIT_VIDEO}


class Finder(Protocol):
    """A service, or a source of start frames: whoever was called."""

    def find_submission(self, reference: str) -> Submitted | None: ...


class PaidCalls:
    """Makes paid calls for jobs of one queue, booked in one ledger."""

    def __init__(self, queue: JobQueue, ledger: Ledger) -> None:
        self._queue = queue
        self._ledger = ledger

    def pay(self, claim: Claim, clip: Clip, price: Decimal, call: Callable[[str], Submitted], then: Decimal = ZERO) -> None:
        """Make the paid call of the clip's current step, `call(our reference)`, and save what it brought.

        Not made, if today's budget does not hold what must be bought `then` for it to be of any use.

        Raises OverBudget and DiskTrouble before anything is sent; SubmitUnclear when nobody knows the outcome; the call's own
        certain refusals (NotSent, ServiceBusy, ServiceRefused, …) with the money released.
        """
        job = claim.job
        if clip.intent:
            raise SubmitUnclear(_waiting_sentence(job, clip))
        self._queue.check_room()
        purchase = self._purchase(job, clip, price)
        if self._made_already(claim, clip, purchase):
            return
        self._reserve(claim, clip, purchase, then)
        self._intend(claim, clip, purchase)
        self._call(claim, clip, purchase, call)

    def reconcile_all(self, claim: Claim, who_knows: Callable[[Clip], Finder]) -> None:
        """Reconcile every clip; raises the first SubmitUnclear only after all of them were asked for."""
        unclear: SubmitUnclear | None = None
        for clip in claim.job.clips:
            try:
                self.reconcile(claim, clip, who_knows)
            except SubmitUnclear as error:
                unclear = unclear or error
        if unclear:
            raise unclear

    def reconcile(self, claim: Claim, clip: Clip, who_knows: Callable[[Clip], Finder]) -> None:
        """Find out what became of a paid call that nobody saw return; adopt it if the service knows it.

        Raises SubmitUnclear when the service does not, or cannot tell: the job then waits for a decision.
        """
        job, intent = claim.job, clip.intent
        if intent is None or self._remembered(claim, clip, intent):
            return
        if not intent.unclear:
            self._mark_unknown(claim, clip, "the program ended between the call and its answer")
        try:
            found = who_knows(clip).find_submission(intent.reference)
        except TenxsomError as error:
            log.warning(
                "Asking %s about %s failed: %s", payee(job, clip), intent.reference, error, extra={"content_id": job.content_id}
            )
            found = None
        if found is None:
            clip.next_check_at = clock.later(RECONCILE_PAUSE_SECONDS)
            claim.save()
            raise SubmitUnclear(_waiting_sentence(job, clip))
        log.info("%s knows the call: adopted, nothing is paid twice.", payee(job, clip), extra={"content_id": job.content_id})
        job.record("adopted", f"{intent.step} of clip {clip.index + 1} was found at the service")
        self._accepted(claim, clip, self._purchase(job, clip, usd(intent.usd)), found)

    def adopt(self, claim: Claim, clip: Clip, job_id: str) -> None:
        """Somebody found the job at the service: this is its id (see `belt.adoption`). The money is spent."""
        purchase = self._purchase(claim.job, clip, self._open_price(clip))
        self._decided(claim, clip, f"adopted as {job_id}")
        self._accepted(claim, clip, purchase, Submitted(job_id))

    def never_sent(self, claim: Claim, clip: Clip) -> None:
        """Somebody made sure that the service never got the call: the money is free, and the step will be taken again."""
        purchase = self._purchase(claim.job, clip, self._open_price(clip))
        self._decided(claim, clip, "never sent")
        self._close(claim, clip, purchase, RELEASED)

    def write_off(self, claim: Claim, clip: Clip) -> None:
        """Somebody gives the call up: the money counts as spent, and the clip as failed."""
        purchase = self._purchase(claim.job, clip, self._open_price(clip))
        self._decided(claim, clip, "written off")
        clip.error = "its paid call was written off, because nobody could say what became of it"
        self._close(claim, clip, purchase, SPENT)

    def _made_already(self, claim: Claim, clip: Clip, purchase: Purchase) -> bool:
        """Whether the ledger knows this very call, which the state file does not (any more), and its ids: they are adopted.

        Raises SubmitUnclear when it knows the call without its ids. A mere reservation is none: the call comes after it.
        """
        line = self._ledger.last(purchase.reference)
        if line is None or line["entry"] in (RESERVED, RELEASED):
            return False
        clip.intent = _new_intent(clip, purchase)
        if self._remembered(claim, clip, clip.intent):
            return True
        self._mark_unknown(claim, clip, "the ledger knows this call, but the state file had lost it")
        raise SubmitUnclear(_waiting_sentence(claim.job, clip))

    def _intend(self, claim: Claim, clip: Clip, purchase: Purchase) -> None:
        """Save the intent. When that fails nothing was sent, and nothing in memory or in the ledger may say otherwise."""
        job, clip.hold = claim.job, None
        clip.intent = _new_intent(clip, purchase)
        job.record("intent", f"{clip.step} of clip {clip.index + 1} for {shown(purchase.usd)}", reference=purchase.reference)
        try:
            claim.save()
        except BaseException:  # whatever it was, a stop too: the call will not be made, and the money must be free again
            clip.intent = None
            job.record("not_sent", "its intent could not be saved", reference=purchase.reference)
            book(job, purchase, RELEASED)
            with contextlib.suppress(DiskTrouble):
                self._ledger.settle(purchase, RELEASED)
            raise

    def _call(self, claim: Claim, clip: Clip, purchase: Purchase, call: Callable[[str], Submitted]) -> None:
        try:
            submitted = call(purchase.reference)
        except CERTAINLY_NOT_ACCEPTED as error:
            _keep_answer(clip, purchase, error)
            claim.job.record("refused", str(error), reference=purchase.reference)
            self._close(claim, clip, purchase, RELEASED)
            raise
        except SubmitUnclear as error:
            _keep_answer(clip, purchase, error)
            self._mark_unknown(claim, clip, str(error))
            raise
        except TenxsomError as error:
            _keep_answer(clip, purchase, error)
            self._mark_unknown(claim, clip, str(error))
            raise SubmitUnclear(_waiting_sentence(claim.job, clip)) from error
        self._accepted(claim, clip, purchase, submitted)

    def _remembered(self, claim: Claim, clip: Clip, intent: Intent) -> bool:
        """Whether the ledger remembers what became of a call whose state could not be saved; the state then catches up."""
        line, purchase = self._ledger.last(intent.reference), self._purchase(claim.job, clip, usd(intent.usd))
        if line and line.get("job_id"):
            claim.job.record("adopted", f"{intent.step} of clip {clip.index + 1} was found in the ledger")
            self._accepted(claim, clip, purchase, Submitted(line["job_id"], line.get("generation_id")))
            return True
        if line and line["entry"] == RELEASED:
            self._close(claim, clip, purchase, RELEASED)
            return True
        return False

    def _accepted(self, claim: Claim, clip: Clip, purchase: Purchase, submitted: Submitted) -> None:
        """The vendor's ids go to disk before anything else happens."""
        ids: dict[str, Any] = {"job_id": submitted.job_id, "generation_id": submitted.generation_id}
        if clip.step == Step.REQUEST_IMAGE:
            clip.image, event = ids, "image_requested"
        else:
            clip.video, event, clip.submitted_at = ids, "video_requested", clock.stamp()
            clip.status_endpoint, clip.percent = submitted.endpoint, None  # an earlier order's would answer for that order
        clip.step, clip.intent, clip.next_check_at = AFTER_PAYMENT[Step(clip.step)], None, None
        claim.job.record(event, f"clip {clip.index + 1}", usd=text(purchase.usd))
        book(claim.job, purchase, SPENT)
        claim.job.settle_state()
        self._save(claim, purchase, SPENT, **ids)

    def _save(self, claim: Claim, purchase: Purchase, entry: str, **ids: str | None) -> None:
        """The state first, then the ledger; where the state cannot be saved, the ledger keeps the ids as well."""
        try:
            claim.save()
        except BaseException:  # whatever it was, a stop too: a paid call's ids must not be lost with it
            told = (purchase.reference, entry, ids.get("job_id") or "no id")
            log.critical("%s is %s (%s), but the state could not be saved.", *told, extra={"content_id": claim.job.content_id})
            with contextlib.suppress(DiskTrouble):
                self._ledger.settle(purchase, entry, **ids)
            raise
        self._ledger.settle(purchase, entry)

    def _decided(self, claim: Claim, clip: Clip, decision: str) -> None:
        claim.job.record("decided", f"{clip.step} of clip {clip.index + 1}: {decision}")

    def _close(self, claim: Claim, clip: Clip, purchase: Purchase, entry: str) -> None:
        """End an open intent without ids; the step stays the same unless the money is gone."""
        clip.intent, clip.next_check_at = None, None
        if entry == SPENT:
            clip.step = Step.FAILED
        book(claim.job, purchase, entry)
        claim.job.settle_state()
        self._save(claim, purchase, entry)

    @staticmethod
    def _open_price(clip: Clip) -> Decimal:
        """The price of a clip's open intent. Raises BadInput when there is nothing to decide."""
        if clip.intent is None:
            raise BadInput(f"Clip {clip.index + 1} has no paid call whose outcome is open; there is nothing to resolve.")
        return usd(clip.intent.usd)

    def _mark_unknown(self, claim: Claim, clip: Clip, why: str) -> None:
        if clip.intent is None:
            return
        clip.intent.unclear = why
        purchase = self._purchase(claim.job, clip, usd(clip.intent.usd))
        claim.job.record("submit_unknown", why, reference=purchase.reference)
        book(claim.job, purchase, UNKNOWN)
        claim.job.settle_state()
        self._save(claim, purchase, UNKNOWN)

    def _reserve(self, claim: Claim, clip: Clip, purchase: Purchase, then: Decimal) -> None:
        job, cap = claim.job, claim.job.definition.get("max_cost_usd")
        try:
            used = spent_usd(job, but=purchase.reference)
            if cap is not None and used + purchase.usd > usd(cap):
                cost = f"{shown(purchase.usd)} for {purchase.step}"
                raise OverBudget(
                    f"{cost} would pass max_cost_usd: {shown(used)} of {shown(usd(cap))} is used."
                    " Cancel the job, raise max_cost_usd in the definition and run it again with --again."
                )
            self._ledger.reserve(purchase, then)
        except OverBudget as error:
            if clip.hold != "budget":
                job.record("over_budget", str(error))
            clip.hold, clip.next_check_at = "budget", clock.later(BUDGET_PAUSE_SECONDS)
            job.settle_state()
            claim.save()
            raise
        book(job, purchase, RESERVED)

    @staticmethod
    def _purchase(job: VideoJob, clip: Clip, price: Decimal) -> Purchase:
        """The reference names the run, the clip, the step and the attempt: the same call, after a crash, has the same one."""
        attempt = clip.intent.attempt if clip.intent else clip.attempts.get(clip.step, 0) + 1
        reference = clip.intent.reference if clip.intent else f"{job.run_id}.{clip.index}.{clip.step}.{attempt}"
        return Purchase(reference, job.content_id, payee(job, clip), str(clip.step), clip.index, price)


def _keep_answer(clip: Clip, purchase: Purchase, error: TenxsomError) -> None:
    """What the service answered is saved with what becomes of the call: somebody may have to decide about it."""
    if error.answer:
        clip.keep_answer(purchase.reference, error.answer)


def _new_intent(clip: Clip, purchase: Purchase) -> Intent:
    return Intent(
        step=str(clip.step),
        attempt=clip.count_attempt(),
        reference=purchase.reference,
        usd=text(purchase.usd),
        at=clock.stamp(),
    )


def _waiting_sentence(job: VideoJob, clip: Clip) -> str:
    step, why = (clip.intent.step, clip.intent.unclear) if clip.intent else (clip.step, "")
    return (
        f"{job.content_id}: nobody knows whether {payee(job, clip)} accepted the paid call {step} of clip {clip.index + 1} ({why})."
        " Nothing is sent again by itself; the next ticks ask the service, where it can tell. Else look there yourself, then run:"
        f" manage_jobs.py resolve {job.content_id} --adopt JOB_ID | --never-sent | --write-off"
    )
