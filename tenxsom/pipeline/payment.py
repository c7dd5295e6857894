"""Makes paid calls, at most once each. No other module does.

    free disk space → money reserved → intent saved → THE CALL → ids saved → money spent

A crash at any point leaves either no cost, or an intent on disk. An intent found later, and a call of unclear outcome, are never
repeated: the service is asked for our reference where it can tell, and otherwise the job waits for a user's decision.

The ledger is a second record. When the state cannot be saved after a call (a disk error, or an older version of the file was
restored), the ledger has the result of the call with its ids, and no reference is used for two calls.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Protocol, TypeVar

from tenxsom import clock
from tenxsom.errors import (
    BadInput,
    BadSettings,
    NotSent,
    OverBudget,
    ServiceBusy,
    ServiceClosed,
    ServiceRefused,
    SubmitUnclear,
    TenxsomError,
    TryAgainLater,
)
from tenxsom.http.paid import begun_by
from tenxsom.model.clip import Clip, Intent, Step
from tenxsom.model.job import VideoJob
from tenxsom.model.money import ZERO, shown, text, usd
from tenxsom.model.sound_order import SoundOrder
from tenxsom.pipeline.prices import billed_service
from tenxsom.pipeline.spend import book, check_cap, note_rehearsal
from tenxsom.services.base import Submitted
from tenxsom.store.base import RELEASED, RESERVED, SPENT, UNKNOWN, Claim, JobStore, Purchase, Till

log = logging.getLogger(__name__)

BUDGET_PAUSE_SECONDS = 600.0
"""The interval at which a job checks an exceeded budget again: it continues on a new day or with a higher budget."""

RECONCILE_PAUSE_SECONDS = 600.0
"""The interval of lookups of a call of unknown outcome."""

CERTAINLY_NOT_ACCEPTED = (NotSent, ServiceBusy, ServiceRefused, BadSettings)
"""The only errors of a call that release its money. After any other error the call may have been accepted.

Wrong settings (a TLS_CA_FILE that TLS cannot read) keep a connection from being opened at all.
"""

MAX_PAID_SENDS = 5
"""How often a paid step is sent without a certain refusal or a response with an id; after that a user must decide.

Counted in the state before each send. A certain refusal (429, 4xx, no connection) does not count.
"""

UNPROVEN_SENDS = 3
"""The same for a service without lookups by our reference: after this number of 503 a user must decide."""

SEND_SECONDS = 30.0
"""How long after its intent begins to be saved a call may be sent. A process that was stopped for longer may have lost its job to
another machine, where somebody may have said that the call was never sent."""

LISTED_SECONDS = 30.0
"""How long after a 503 the service's list may not yet contain the call."""

DOUBT_SECONDS = 6 * 3600.0
"""How long such a call waits for a certain lookup; after that a user must decide."""

Order = Clip | SoundOrder
"""What is paid for: a clip and its still, or a sound."""

AnyOrder = TypeVar("AnyOrder", Clip, SoundOrder)


NEVER_SENT = "never sent"
SECOND_DECISION_SECONDS = 60.0
"""The least age of a call about which the decision is `never sent` once more."""


class Finder(Protocol):
    """The called service or source of start frames."""

    def find_submission(self, reference: str) -> Submitted | None: ...


def never(_billed_service: str) -> bool:
    """Return False: no billed service is a rehearsal."""
    return False


class PaidCalls:
    """Makes paid calls for jobs of one queue, booked in one till."""

    def __init__(self, store: JobStore, till: Till, is_rehearsal: Callable[[str], bool] = never) -> None:
        """`is_rehearsal` tells whether calls to a billed service cost nothing (the local studio, a stand-in's address)."""
        self._store = store
        self._till = till
        self._is_rehearsal = is_rehearsal

    def pay(
        self,
        claim: Claim,
        clip: Order,
        price: Decimal,
        call: Callable[[str], Submitted],
        *,
        clip_price: Decimal = ZERO,
        can_be_asked: bool = False,
    ) -> None:
        """Make the paid call of the clip's current step, `call(our reference)`, and save its result.

        A still is ordered only with `clip_price`, the price of its clip, reserved, until the clip is ordered or given up.
        `can_be_asked` tells whether the service can look up a call by our reference.

        Raises OverBudget and DiskError before anything is sent; SubmitUnclear when the outcome is unknown; ServiceClosed
        when the service answered with a 503, which proves nothing (see `_in_doubt`); the call's own certain refusals (NotSent,
        ServiceBusy, ServiceRefused, …) with the money released.
        """
        job = claim.job
        if clip.intent:
            raise SubmitUnclear(_waiting_sentence(job, clip))
        self._check_sends(job, clip)
        self._store.check_room()
        purchase = self._purchase(job, clip, price)
        if self._made_already(claim, clip, purchase):
            return
        then = self._clip_purchase(job, clip, clip_price) if clip_price > ZERO else None
        limit = clock.Deadline(SEND_SECONDS)
        self._intend(claim, clip, purchase, then)
        with begun_by(limit):
            self._call(claim, clip, purchase, call, can_be_asked)

    def release_unused(self, claim: Claim, *, has_ended: bool = False) -> None:
        """Release the reservations of calls that will not be made: those of final clips, or of a whole job that `has_ended`.
        The caller saves.
        """
        job = claim.job
        for clip in job.orders:
            unused = self._set_aside(job, clip) if has_ended or clip.is_final else []
            self._till.release(claim, unused)
            for each in unused:
                book(job, each, RELEASED)

    def reconcile_all(self, claim: Claim, who_knows: Callable[[Clip], Finder]) -> None:
        """Reconcile every clip; raise the first SubmitUnclear after all lookups."""
        unclear: SubmitUnclear | None = None
        for clip in claim.job.clips:
            try:
                self.reconcile(claim, clip, who_knows)
            except SubmitUnclear as error:
                unclear = unclear or error
        if unclear:
            raise unclear

    def reconcile(self, claim: Claim, clip: AnyOrder, who_knows: Callable[[AnyOrder], Finder]) -> None:
        """Look up a paid call that did not return; adopt it if the service knows it.

        Raises SubmitUnclear when the service does not know it, or cannot tell: the job then waits for a decision. A call that
        ended with a 503 may be sent again when the service does not know it; until then raises TryAgainLater.
        """
        job, intent = claim.job, clip.intent
        if intent is None or self._remembered(claim, clip, intent):
            return
        if not intent.unclear and not intent.doubt:
            self._mark_unknown(claim, clip, "the program ended between the call and its answer")
        trouble = None
        try:
            found = who_knows(clip).find_submission(intent.reference)
        except TenxsomError as error:
            log.warning(
                "Asking %s about %s failed: %s",
                billed_service(job, clip),
                intent.reference,
                error,
                extra={"content_id": job.content_id},
            )
            found, trouble = None, error
        if found is None:
            self._not_found(claim, clip, intent, trouble)
            return
        log.info(
            "%s knows the call: adopted, nothing is paid twice.", billed_service(job, clip), extra={"content_id": job.content_id}
        )
        job.record("adopted", f"{intent.step} of {clip.label} was found at the service")
        self._accepted(claim, clip, self._purchase(job, clip, usd(intent.usd)), found)

    def _not_found(self, claim: Claim, clip: Order, intent: Intent, trouble: TenxsomError | None) -> None:
        """Handle an open call that the service did not find: send it again, look it up again, or wait for a decision."""
        if clock.seconds_until(intent.at):  # the clock was set back since: its waiting counts from now on
            intent.at = clock.stamp()
        age = clock.age_seconds(intent.at)
        if intent.doubt and trouble is None and age >= LISTED_SECONDS:
            if sends(clip) < MAX_PAID_SENDS:
                claim.job.record("refused", "the service, asked for it, does not know the call", reference=intent.reference)
                self._close(claim, clip, self._purchase(claim.job, clip, usd(intent.usd)), RELEASED)
                return
            self._mark_unknown(
                claim, clip, f"{intent.doubt} It was sent {MAX_PAID_SENDS} times, and the service knows no such call"
            )
        elif intent.doubt and age >= DOUBT_SECONDS:
            self._mark_unknown(claim, clip, intent.doubt)
        elif intent.doubt:
            pause = clock.backoff_seconds(clip.count("asked")) if trouble else LISTED_SECONDS
            clip.next_check_at = clock.later(pause)
            claim.save()
            raise TryAgainLater(_doubtful_sentence(claim.job, clip, intent), pause)
        clip.next_check_at = clock.later(RECONCILE_PAUSE_SECONDS)
        claim.save()
        raise SubmitUnclear(_waiting_sentence(claim.job, clip))

    def adopt(self, claim: Claim, clip: Order, job_id: str) -> None:
        """Adopt the service's id of an unclear call, given by a user (see `pipeline.adoption`). The money is spent."""
        purchase = self._purchase(claim.job, clip, self._open_price(clip))
        self._decided(claim, clip, f"adopted as {job_id}")
        self._accepted(claim, clip, purchase, Submitted(job_id))

    def never_sent(self, claim: Claim, clip: Order) -> None:
        """Record a user's decision that the call was never sent: the money is released, and the step is repeated.

        Raises TryAgainLater for a call that was sent a moment ago after the same decision: two people, or a double click, would
        release a call that neither has looked at.
        """
        purchase = self._purchase(claim.job, clip, self._open_price(clip))
        _check_second_decision(claim.job, clip)
        self._decided(claim, clip, NEVER_SENT)
        clip.attempts.pop(_sent_key(clip), None)
        self._close(claim, clip, purchase, RELEASED)

    def write_off(self, claim: Claim, clip: Order) -> None:
        """Record a user's decision to write the call off: the money counts as spent, and the clip as failed."""
        purchase = self._purchase(claim.job, clip, self._open_price(clip))
        self._decided(claim, clip, "written off")
        clip.write_off()
        self._close(claim, clip, purchase, SPENT)

    def _made_already(self, claim: Claim, clip: Order, purchase: Purchase) -> bool:
        """Return whether the ledger has the ids of this call, which the state file does not have (any more); adopt them.

        Raises SubmitUnclear when the ledger has the call without ids. A reservation alone does not count: it precedes the call.
        """
        line = self._till.last(purchase.reference, claim.job.ledger_mark)
        if line is None or line["entry"] in (RESERVED, RELEASED):
            return False
        clip.intent = _new_intent(clip, purchase)
        if self._remembered(claim, clip, clip.intent):
            return True
        self._mark_unknown(claim, clip, "the ledger knows this call, but the state file had lost it")
        raise SubmitUnclear(_waiting_sentence(claim.job, clip))

    def _intend(self, claim: Claim, clip: Order, purchase: Purchase, then: Purchase | None) -> None:
        """Set the money aside, within the job's own cap and the day's budget, and save the intent.

        Raises OverBudget; the job then waits. After another failure nothing was sent, so the job's memory is reset.
        """
        job, both = claim.job, [purchase] if then is None else [purchase, then]

        def prepare() -> None:
            for each in both:
                book(job, each, RESERVED)
            clip.hold = None
            clip.intent = _new_intent(clip, purchase)
            clip.count(_sent_key(clip))
            job.record("intent", f"{clip.step} of {clip.label} for {shown(purchase.usd)}", reference=purchase.reference)

        try:
            check_cap(job, *both)
            self._till.intend(claim, purchase, then, prepare)
        except OverBudget as error:
            self._wait_for_a_budget(claim, clip, error)
            raise
        except BaseException:  # after any error or stop the call is not made
            if clip.intent:
                clip.intent = None
                self._take_back_send(clip)
                job.record("not_sent", "its intent could not be saved", reference=purchase.reference)
                for each in both:
                    book(job, each, RELEASED)
            raise

    @staticmethod
    def _wait_for_a_budget(claim: Claim, clip: Order, error: OverBudget) -> None:
        if clip.hold != "budget":
            claim.job.record("over_budget", str(error))
        clip.hold, clip.next_check_at = "budget", clock.later(BUDGET_PAUSE_SECONDS)
        claim.job.settle_state()
        claim.save()

    def _call(self, claim: Claim, clip: Order, purchase: Purchase, call: Callable[[str], Submitted], can_be_asked: bool) -> None:
        try:
            submitted = call(purchase.reference)
        except ServiceClosed as error:
            self._in_doubt(claim, clip, purchase, error, can_be_asked)
            raise
        except CERTAINLY_NOT_ACCEPTED as error:
            _keep_answer(clip, purchase, error)
            claim.job.record("refused", str(error), reference=purchase.reference)
            self._take_back_send(clip)
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

    def _in_doubt(self, claim: Claim, clip: Order, purchase: Purchase, error: ServiceClosed, can_be_asked: bool) -> None:
        """Handle a 503, which a gateway may send after the service behind it has accepted the call.

        A service with lookups by our reference is asked before the call is sent again. For others the first 503 responses count
        as refusals; after that a user must decide (SubmitUnclear).
        """
        _keep_answer(clip, purchase, error)
        if can_be_asked and clip.intent:
            clip.intent.doubt = str(error)
            claim.job.record("in_doubt", str(error), reference=purchase.reference)
            book(claim.job, purchase, UNKNOWN)
            claim.job.settle_state()
            self._till.book(claim, purchase, UNKNOWN)
        elif sends(clip) < UNPROVEN_SENDS:
            claim.job.record("refused", str(error), reference=purchase.reference)
            self._close(claim, clip, purchase, RELEASED)
        else:
            self._mark_unknown(claim, clip, f"{error} It was sent {sends(clip)} times")
            raise SubmitUnclear(_waiting_sentence(claim.job, clip)) from error

    def _check_sends(self, job: VideoJob, clip: Order) -> None:
        """Raise ServiceRefused for a step that was sent MAX_PAID_SENDS times."""
        if sends(clip) >= MAX_PAID_SENDS:
            service = billed_service(job, clip)
            raise ServiceRefused(
                f"{clip.step} of {clip.label} was sent to {service} {sends(clip)} times and never accepted; it is not sent again."
            )

    @staticmethod
    def _take_back_send(clip: Order) -> None:
        clip.attempts[_sent_key(clip)] = max(0, clip.attempts.get(_sent_key(clip), 0) - 1)

    def _remembered(self, claim: Claim, clip: Order, intent: Intent) -> bool:
        """Return whether the ledger has the result of a call whose state could not be saved; update the state from it."""
        line = self._till.last(intent.reference, claim.job.ledger_mark)
        purchase = self._purchase(claim.job, clip, usd(intent.usd))
        if line and line.get("job_id"):
            claim.job.record("adopted", f"{intent.step} of {clip.label} was found in the ledger")
            paid = purchase._replace(usd=usd(line["usd"]))
            self._accepted(claim, clip, paid, Submitted(line["job_id"], line.get("generation_id")))
            return True
        if line and line["entry"] == RELEASED:
            self._close(claim, clip, purchase, RELEASED)
            return True
        return False

    def _accepted(self, claim: Claim, clip: Order, purchase: Purchase, submitted: Submitted) -> None:
        """Save the vendor's ids before anything else happens."""
        ids: dict[str, str | None] = {"job_id": submitted.job_id, "generation_id": submitted.generation_id}
        purchase = purchase if submitted.usd is None else purchase._replace(usd=submitted.usd)
        event = clip.accept(ids, submitted.endpoint)
        clip.intent, clip.next_check_at = None, None
        claim.job.record(event, clip.label, usd=text(purchase.usd))
        book(claim.job, purchase, SPENT)
        note_rehearsal(claim.job)
        claim.job.settle_state()
        self._till.book(claim, purchase, SPENT, ids=ids)

    def _decided(self, claim: Claim, clip: Order, decision: str) -> None:
        claim.job.record("decided", _decision(clip, decision))

    def _close(self, claim: Claim, clip: Order, purchase: Purchase, entry: str) -> None:
        """End an open intent without ids; the step stays the same unless the money is spent.

        The price of a clip whose still was ordered stays reserved for its next attempt; that of a clip without a still is
        released.
        """
        job = claim.job
        clip.intent, clip.next_check_at = None, None
        book(job, purchase, entry)
        renewed = self._clip_purchase(job, clip, purchase.usd) if _keeps_its_price(job, clip, entry) else None
        unused = self._set_aside(job, clip)
        for each in unused:
            book(job, each, RELEASED)
        if renewed:
            book(job, renewed, RESERVED)
        job.settle_state()
        self._till.book(claim, purchase, entry, renewed, unused=unused)

    def _set_aside(self, job: VideoJob, clip: Order) -> list[Purchase]:
        """Return the reservations of a clip without an open call."""
        return [
            self._named(job, clip, line["reference"], line["step"], usd(line["usd"]))
            for line in job.spend
            if line.get("clip") == clip.index and line["entry"] == RESERVED and clip.intent is None and clip.pays_for(line["step"])
        ]

    @staticmethod
    def _open_price(clip: Order) -> Decimal:
        """Return the price of a clip's open intent. Raises BadInput when there is nothing to decide."""
        if clip.intent is None:
            raise BadInput(
                f"{clip.label[0].upper()}{clip.label[1:]} has no paid call whose outcome is open; there is nothing to resolve."
            )
        return usd(clip.intent.usd)

    def _mark_unknown(self, claim: Claim, clip: Order, why: str) -> None:
        if clip.intent is None:
            return
        clip.intent.unclear = why
        purchase = self._purchase(claim.job, clip, usd(clip.intent.usd))
        claim.job.record("submit_unknown", why, reference=purchase.reference)
        book(claim.job, purchase, UNKNOWN)
        claim.job.settle_state()
        self._till.book(claim, purchase, UNKNOWN)

    def _purchase(self, job: VideoJob, clip: Order, price: Decimal) -> Purchase:
        """Return the paid call of the clip's current step. Its reference consists of run, clip, step and attempt, so that the
        same call has the same reference after a crash. It is that of the money which was set aside for the step, if any.
        """
        step = clip.step
        if clip.intent:
            return self._named(job, clip, clip.intent.reference, step, price)
        kept = (each.reference for each in self._set_aside(job, clip) if each.step == step)
        return self._named(job, clip, next(kept, _next_reference(job, clip, step)), step, price)

    def _clip_purchase(self, job: VideoJob, clip: Order, price: Decimal) -> Purchase:
        """Return the order of the clip, which comes after its still."""
        return self._named(job, clip, _next_reference(job, clip, Step.REQUEST_VIDEO), Step.REQUEST_VIDEO, price)

    def _named(self, job: VideoJob, clip: Order, reference: str, step: str, price: Decimal) -> Purchase:
        who = billed_service(job, clip, step)
        return Purchase(reference, job.content_id, who, str(step), clip.index, price, self._is_rehearsal(who))


def _decision(clip: Order, decision: str) -> str:
    return f"{clip.step} of {clip.label}: {decision}"


def _check_second_decision(job: VideoJob, clip: Order) -> None:
    age = clock.age_seconds(clip.intent.at) if clip.intent else SECOND_DECISION_SECONDS
    before = {"event": "decided", "detail": _decision(clip, NEVER_SENT)}
    if age < SECOND_DECISION_SECONDS and any(before.items() <= entry.items() for entry in job.history):
        raise TryAgainLater(
            f"{job.content_id} was decided about before, and the call was sent again only {max(0, int(age))} s ago. Look at the"
            " service once more, and say it again in a minute if that call was never sent either.",
            SECOND_DECISION_SECONDS - max(0.0, age),
        )


def _sent_key(clip: Order) -> str:
    """Return the counter of sends of the clip's current paid step."""
    return f"{clip.step}_sent"


def sends(clip: Order) -> int:
    """Return how often the clip's current paid step was sent without a certain refusal."""
    return clip.attempts.get(_sent_key(clip), 0)


def _keeps_its_price(job: VideoJob, clip: Order, entry: str) -> bool:
    """Return whether a refused order keeps its reservation, because its ordered still is useless without the clip."""
    stills = (line for line in job.spend if line.get("clip") == clip.index and line.get("step") == Step.REQUEST_IMAGE)
    return entry == RELEASED and clip.step == Step.REQUEST_VIDEO and any(line["entry"] != RELEASED for line in stills)


def _next_reference(job: VideoJob, clip: Order, step: str) -> str:
    return f"{job.run_id}.{clip.index}.{step}.{clip.attempts.get(step, 0) + 1}"


def _doubtful_sentence(job: VideoJob, clip: Order, intent: Intent) -> str:
    return (
        f"{intent.doubt} {billed_service(job, clip)} is asked whether it has accepted {intent.step} of {clip.label}"
        " before anything is sent again."
    )


def _keep_answer(clip: Order, purchase: Purchase, error: TenxsomError) -> None:
    """Keep the service's response with the call, for a user's decision."""
    if error.answer:
        clip.keep_answer(purchase.reference, error.answer)


def _new_intent(clip: Order, purchase: Purchase) -> Intent:
    return Intent(
        step=str(clip.step),
        attempt=clip.count_attempt(),
        reference=purchase.reference,
        usd=text(purchase.usd),
        at=clock.stamp(),
    )


def _waiting_sentence(job: VideoJob, clip: Order) -> str:
    step, why = (clip.intent.step, clip.intent.unclear) if clip.intent else (clip.step, "")
    service, resolve = billed_service(job, clip), f"manage_jobs.py resolve {job.content_id}"
    told = f"{job.content_id}: nobody knows whether {service} accepted the paid call {step} of {clip.label} ({why})."
    if isinstance(clip, SoundOrder):
        return (
            f"{told} Nothing is sent again by itself. Order it again with {resolve} --never-sent, or go on without it with"
            f" {resolve} --write-off"
        )
    return (
        f"{told} Nothing is sent again by itself; the next ticks ask the service, where it can tell. Else look there yourself,"
        f" then run: {resolve} --adopt JOB_ID | --never-sent | --write-off"
    )
