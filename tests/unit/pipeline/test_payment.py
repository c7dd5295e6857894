"""Paying once: whatever breaks at whatever moment, a call is never made twice, and no money is forgotten."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom import atomic, clock
from tenxsom.errors import (
    AccountError,
    BadInput,
    BadSettings,
    DiskError,
    Interrupted,
    NotSent,
    OverBudget,
    PlanFailed,
    RevisionIsStale,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
    ServiceRefused,
    SubmitUnclear,
    TenxsomError,
    TryAgainLater,
)
from tenxsom.model.blueprint import PlannerRecord
from tenxsom.model.clip import Step
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.parts import Upload
from tenxsom.pipeline.payment import (
    BUDGET_PAUSE_SECONDS,
    DOUBT_SECONDS,
    LISTED_SECONDS,
    MAX_PAID_SENDS,
    UNPROVEN_SENDS,
    PaidCalls,
)
from tenxsom.pipeline.planning_costs import PlanningCosts
from tenxsom.pipeline.spend import spent_usd
from tenxsom.planning.model_service import ServiceFailed
from tenxsom.services.base import Submitted
from tenxsom.store.base import RELEASED, RESERVED, SPENT, UNKNOWN, Claim, Purchase
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.store.files.ledger import FileLedger
from tenxsom.store.files.till import FileTill
from tests.processes import running
from tests.states import new_clip, new_job

PRICE = Decimal("0.25")


@dataclass
class Service:
    """A scripted service: it answers as it is told, and counts what it was asked for."""

    answer: Submitted | BaseException = field(default_factory=lambda: Submitted("v1", "g1"))
    knows: Submitted | TenxsomError | None = None
    calls: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    during: Callable[[], object] = lambda: None

    def call(self, reference: str) -> Submitted:
        self.calls.append(reference)
        self.during()
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def find_submission(self, reference: str) -> Submitted | None:
        self.asked.append(reference)
        if isinstance(self.knows, TenxsomError):
            raise self.knows
        return self.knows


class Belt:
    """One job on a real queue with a real ledger, and a service that is not."""

    def __init__(self, folder: Path) -> None:
        self.store = FileJobStore(folder / "pending")
        self.ledger = FileLedger(folder / "ledger.jsonl")
        self.service = Service()

    @property
    def paid(self) -> PaidCalls:
        return PaidCalls(self.store, FileTill(self.ledger))

    @property
    def planning(self) -> PlanningCosts:
        return PlanningCosts(self.ledger)

    def put(self, *clips: Any, **changes: Any) -> None:
        with self.store.accept(new_job(clips=list(clips) or [new_clip()], **changes)) as claim:
            assert claim

    def pay(
        self, clip: int = 0, price: Decimal = PRICE, *, clip_price: Decimal = Decimal(0), can_be_asked: bool = False
    ) -> VideoJob:
        """What a run does with a clip: find out about an old call first, then make the paid one."""
        with self.store.claim("lake") as claim:
            assert claim
            self.paid.reconcile(claim, claim.job.clips[clip], lambda _: self.service)
            if claim.job.clips[clip].step in (Step.REQUEST_IMAGE, Step.REQUEST_VIDEO):
                call = self.service.call
                self.paid.pay(claim, claim.job.clips[clip], price, call, clip_price=clip_price, can_be_asked=can_be_asked)
            return claim.job

    def decide(self, how: Callable[[PaidCalls, Claim, Any], None]) -> None:
        with self.store.claim("lake") as claim:
            assert claim
            how(self.paid, claim, claim.job.clips[0])

    def on_disk(self) -> dict[str, Any]:
        return dict(json.loads(self.store.path("lake").read_bytes()))

    def clip_on_disk(self) -> dict[str, Any]:
        return dict(self.on_disk()["clips"][0])

    def entries(self) -> list[str]:
        return [line["entry"] for line in self.ledger.lines()]

    def counted(self) -> Decimal:
        return self.ledger.total(clock.day())


@pytest.fixture
def belt(tmp_path: Path) -> Belt:
    belt = Belt(tmp_path)
    belt.put()
    return belt


@pytest.fixture
def broken_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """A disk that refuses every state file and every line while the list holds True."""
    broken = [False]
    real = os.write

    def write(descriptor: int, data: Any) -> int:
        if broken[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    yield broken
    broken[0] = False


@pytest.fixture
def broken_states(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """A disk that takes lines but no new state files while the list holds True."""
    broken = [False]
    real = os.replace

    def replace(source: Any, target: Any) -> None:
        if broken[0]:
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    yield broken
    broken[0] = False


# the order of things


def test_the_intent_is_on_the_disk_before_the_call_is_made(belt):
    seen: list[Any] = []
    belt.service.during = lambda: seen.append((belt.clip_on_disk()["intent"], belt.entries()))
    belt.pay()
    ((intent, entries),) = seen
    assert (intent["step"], intent["usd"], intent["unclear"]) == ("request_image", "0.25", None)
    assert intent["reference"] == belt.service.calls[0]
    assert entries == [RESERVED]


def test_the_ids_are_on_the_disk_before_the_ledger_says_spent(belt, monkeypatch):
    real, seen = FileLedger.settle, []

    def settle(self: FileLedger, purchase: Purchase, entry: str, *rest: Any, **named: Any) -> None:
        seen.append((entry, belt.clip_on_disk()["image"], belt.clip_on_disk()["intent"]))
        real(self, purchase, entry, *rest, **named)

    monkeypatch.setattr(FileLedger, "settle", settle)
    belt.pay()
    assert seen == [(SPENT, {"job_id": "v1", "generation_id": "g1"}, None)]
    assert belt.entries() == [RESERVED, SPENT]


def test_a_paid_still_is_awaited_and_a_paid_clip_is_awaited(tmp_path):
    belt = Belt(tmp_path)
    belt.put(new_clip(), new_clip(1, step=Step.REQUEST_VIDEO, asset={"file_id": "f"}))
    job = belt.pay(0)
    assert (job.clips[0].step, job.clips[0].image.job_id, job.state) == (Step.AWAIT_IMAGE, "v1", JobState.SUBMITTING)
    job = belt.pay(1)
    assert (job.clips[1].step, job.clips[1].video.as_dict(), job.clips[1].submitted_at is not None) == (
        Step.AWAIT_VIDEO, {"job_id": "v1", "generation_id": "g1"}, True,
    )  # fmt: skip
    assert job.job_id == "v1"


def test_every_call_has_a_reference_of_its_own(tmp_path):
    belt = Belt(tmp_path)
    belt.put(new_clip(), new_clip(1))
    belt.service.answer = ServiceBusy("busy")
    for clip in (0, 0, 1, 1):
        with pytest.raises(ServiceBusy):
            belt.pay(clip)
    assert belt.service.calls == [
        "tx-1.0.request_image.1",
        "tx-1.0.request_image.2",
        "tx-1.1.request_image.1",
        "tx-1.1.request_image.2",
    ]


# certain refusals


@pytest.mark.parametrize(
    "refusal",
    [NotSent("no"), ServiceBusy("busy"), ServiceRefused("moderated", 422), AccountError("token", 401), BadSettings("no TLS")],
)
def test_a_certain_refusal_frees_the_money_and_may_be_tried_again(belt, refusal):
    belt.service.answer = refusal
    with pytest.raises(type(refusal)):
        belt.pay()
    assert belt.clip_on_disk()["intent"] is None
    assert belt.clip_on_disk()["step"] == "request_image"
    assert (belt.counted(), belt.entries()) == (0, [RESERVED, RELEASED])
    belt.service.answer = Submitted("v2")
    assert belt.pay().clips[0].image.job_id == "v2"
    assert (len(belt.service.calls), belt.counted()) == (2, PRICE)


# unclear outcomes

UNCLEAR = [
    SubmitUnclear("it took too long"),
    ServiceDown("500"),
    DiskError("full"),
    Interrupted("stop"),
    TryAgainLater("later"),
    BadInput("x"),
]


@pytest.mark.parametrize("outcome", UNCLEAR, ids=lambda error: type(error).__name__)
def test_whatever_is_no_certain_refusal_may_have_been_accepted_and_is_never_repeated(belt, outcome):
    belt.service.answer = outcome
    with pytest.raises(SubmitUnclear) as caught:
        belt.pay()
    assert caught.value.exit_code == 3
    belt.service.answer = Submitted("v2")
    for _ in range(3):
        with pytest.raises(SubmitUnclear, match=r"manage_jobs\.py resolve lake"):
            belt.pay()
    assert len(belt.service.calls) == 1
    assert belt.on_disk()["state"] == "submit_unknown"
    assert (belt.counted(), belt.entries()[-1]) == (PRICE, UNKNOWN)


def test_a_mistake_of_ours_in_the_middle_of_a_call_is_not_repeated_either(belt):
    belt.service.answer = KeyError("ours")
    with pytest.raises(KeyError):
        belt.pay()
    belt.service.answer = Submitted("v2")
    with pytest.raises(SubmitUnclear):
        belt.pay()
    assert (len(belt.service.calls), belt.counted()) == (1, PRICE)


def test_paying_over_an_open_intent_is_refused_without_a_call(belt):
    belt.service.answer = SubmitUnclear("it took too long")
    with pytest.raises(SubmitUnclear):
        belt.pay()
    belt.ledger.path.unlink()  # the state file alone is enough
    with belt.store.claim("lake") as claim, pytest.raises(SubmitUnclear):
        belt.paid.pay(claim, claim.job.clips[0], PRICE, belt.service.call)
    assert len(belt.service.calls) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.pipeline.test_payment import Belt
belt = Belt(Path(sys.argv[1]))
def killed():
    Path(sys.argv[1], "called").write_text("once")
    os.kill(os.getpid(), signal.SIGKILL)
belt.service.during = killed
belt.pay()
"""


def test_a_kill_during_the_call_leaves_an_intent_that_is_asked_about_and_never_repeated(belt, tmp_path):
    with running(KILLED, tmp_path) as (killed,):
        assert killed.wait(timeout=60) == -9
    assert (tmp_path / "called").exists()
    assert belt.clip_on_disk()["intent"]["unclear"] is None
    with pytest.raises(SubmitUnclear):
        belt.pay()
    assert belt.service.asked == ["tx-1.0.request_image.1"]
    assert (belt.service.calls, belt.counted(), belt.on_disk()["state"]) == ([], PRICE, "submit_unknown")


# finding out


@pytest.fixture
def unclear(belt: Belt) -> Belt:
    """A belt whose call nobody saw return."""
    belt.service.answer = SubmitUnclear("it took too long")
    with pytest.raises(SubmitUnclear):
        belt.pay()
    belt.service.answer = Submitted("another")
    return belt


def test_a_call_that_the_service_knows_by_our_reference_is_adopted(unclear):
    unclear.service.knows = Submitted("v7", "g7")
    job = unclear.pay()
    assert (job.clips[0].image.job_id, job.clips[0].step, job.clips[0].intent) == ("v7", Step.AWAIT_IMAGE, None)
    assert unclear.service.asked == unclear.service.calls
    assert (unclear.counted(), unclear.entries()) == (PRICE, [RESERVED, UNKNOWN, SPENT])


@pytest.mark.parametrize("answer", [None, ServiceDown("500"), AccountError("401", 401), ServiceBusy("busy")])
def test_a_service_that_cannot_tell_leaves_the_job_waiting_and_is_asked_again_later(unclear, answer):
    unclear.service.knows = answer
    for _ in range(2):
        with pytest.raises(SubmitUnclear):
            unclear.pay()
    assert len(unclear.service.asked) == 2
    assert unclear.clip_on_disk()["next_check_at"] > clock.stamp()
    assert unclear.counted() == PRICE
    unclear.service.knows = Submitted("v7")
    assert unclear.pay().clips[0].image.job_id == "v7"


def test_without_an_open_call_nobody_is_asked(belt):
    belt.pay()
    assert belt.service.asked == []


# decisions


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let so many seconds pass, from the next morning on, so that it stays one UTC day and one budget whenever the tests run."""
    real = clock.now
    morning = (real() + timedelta(days=1)).replace(hour=8, minute=0)
    shift = [(morning - real()).total_seconds()]
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=shift[0]))
    return lambda seconds: shift.__setitem__(0, shift[0] + seconds)


def test_an_id_that_somebody_found_is_adopted_and_the_money_is_spent(unclear):
    unclear.decide(lambda paid, claim, clip: paid.adopt(claim, clip, "v9"))
    clip = unclear.clip_on_disk()
    assert (clip["image"]["job_id"], clip["step"], clip["intent"]) == ("v9", "await_image", None)
    assert (unclear.counted(), unclear.entries()[-1], len(unclear.service.calls)) == (PRICE, SPENT, 1)


def test_a_call_that_was_never_sent_is_made_once_more_under_a_new_reference(unclear):
    unclear.decide(lambda paid, claim, clip: paid.never_sent(claim, clip))
    assert (unclear.counted(), unclear.on_disk()["state"]) == (0, "submitting")
    assert unclear.pay().clips[0].image.job_id == "another"
    assert unclear.service.calls == ["tx-1.0.request_image.1", "tx-1.0.request_image.2"]
    assert unclear.counted() == PRICE


def test_the_same_decision_twice_releases_only_the_call_that_was_looked_at(unclear, passing):
    unclear.decide(lambda paid, claim, clip: paid.never_sent(claim, clip))
    unclear.service.answer = SubmitUnclear("timed out again")
    with pytest.raises(SubmitUnclear):
        unclear.pay()
    entries = unclear.entries()
    with pytest.raises(TryAgainLater, match="say it again in a minute") as caught:
        unclear.decide(lambda paid, claim, clip: paid.never_sent(claim, clip))
    assert caught.value.exit_code == 75
    assert (unclear.entries(), unclear.counted()) == (entries, PRICE)
    assert len(unclear.service.calls) == 2
    passing(61)
    unclear.decide(lambda paid, claim, clip: paid.never_sent(claim, clip))
    assert unclear.counted() == 0


def test_a_call_that_is_written_off_counts_as_spent_and_ends_the_clip(unclear):
    unclear.decide(lambda paid, claim, clip: paid.write_off(claim, clip))
    clip = unclear.clip_on_disk()
    assert (clip["step"], clip["intent"]) == ("failed", None)
    assert "written off" in clip["error"]
    assert (unclear.counted(), unclear.entries()[-1]) == (PRICE, SPENT)


@pytest.mark.parametrize(
    "decision",
    [lambda p, c, x: p.adopt(c, x, "v"), lambda p, c, x: p.never_sent(c, x), lambda p, c, x: p.write_off(c, x)],
    ids=["adopt", "never_sent", "write_off"],
)
def test_where_nothing_is_open_nothing_can_be_decided(belt, decision):
    before = belt.on_disk()
    with pytest.raises(BadInput):
        belt.decide(decision)
    assert (belt.on_disk(), belt.entries()) == (before, [])


# a 503, which proves nothing


@pytest.mark.case
def test_after_a_503_the_service_is_asked_before_anything_is_sent_again(belt, passing):
    belt.service.answer = ServiceClosed("HTTP 503")
    with pytest.raises(ServiceClosed):
        belt.pay(can_be_asked=True)
    assert (belt.on_disk()["state"], belt.counted(), belt.entries()) == ("submitting", PRICE, [RESERVED, UNKNOWN])
    belt.service.knows = Submitted("v7")
    passing(1)
    job = belt.pay(can_be_asked=True)
    assert (job.clips[0].image.job_id, len(belt.service.calls), belt.counted()) == ("v7", 1, PRICE)
    assert belt.service.asked == belt.service.calls


@pytest.mark.parametrize("can_be_asked", [True, False])
def test_what_a_503_says_is_kept_for_who_must_decide(belt, can_be_asked):
    said = {"status": 503, "text": "Queued as vid-7; please do not send it again.", "ids": []}
    belt.service.answer = ServiceClosed("HTTP 503", answer=said)
    with pytest.raises(ServiceClosed):
        belt.pay(can_be_asked=can_be_asked)
    (kept,) = belt.clip_on_disk()["answers"]
    assert (kept["reference"], kept["text"]) == ("tx-1.0.request_image.1", said["text"])


def test_a_call_that_ended_with_a_503_and_that_the_service_does_not_know_is_sent_again_under_a_new_reference(belt, passing):
    belt.service.answer = ServiceClosed("HTTP 503")
    with pytest.raises(ServiceClosed):
        belt.pay(can_be_asked=True)
    belt.service.answer = Submitted("v2")
    with pytest.raises(TryAgainLater, match="is asked whether it has accepted request_image of clip 1"):
        belt.pay(can_be_asked=True)  # its list may not have it yet
    assert (len(belt.service.calls), belt.clip_on_disk()["next_check_at"] > clock.stamp()) == (1, True)
    passing(LISTED_SECONDS + 1)
    job = belt.pay(can_be_asked=True)
    assert (job.clips[0].image.job_id, belt.counted()) == ("v2", PRICE)
    assert belt.service.calls == ["tx-1.0.request_image.1", "tx-1.0.request_image.2"]


def test_a_call_in_doubt_that_was_made_under_a_clock_of_another_century_does_not_wait_for_that_century(belt, passing):
    century = timedelta(days=36_525).total_seconds()
    passing(century)
    belt.service.answer = ServiceClosed("HTTP 503")
    with pytest.raises(ServiceClosed):
        belt.pay(can_be_asked=True)
    passing(-century)
    belt.service.answer = Submitted("v2")
    with pytest.raises(TryAgainLater):
        belt.pay(can_be_asked=True)  # it may have been made a second ago
    passing(LISTED_SECONDS + 1)
    assert belt.pay(can_be_asked=True).clips[0].image.job_id == "v2"


@pytest.mark.parametrize("trouble", [ServiceDown("503"), AccountError("401", 401), ServiceBusy("429")])
def test_while_the_service_cannot_be_asked_nothing_is_sent_again_and_in_the_end_somebody_must_decide(belt, passing, trouble):
    belt.service.answer, belt.service.knows = ServiceClosed("HTTP 503"), trouble
    with pytest.raises(ServiceClosed):
        belt.pay(can_be_asked=True)
    for _ in range(5):
        passing(LISTED_SECONDS + 1)
        with pytest.raises(TryAgainLater) as waits:
            belt.pay(can_be_asked=True)
        assert waits.value.exit_code == 75
    passing(DOUBT_SECONDS)
    with pytest.raises(SubmitUnclear):
        belt.pay(can_be_asked=True)
    assert (len(belt.service.calls), belt.counted(), belt.on_disk()["state"]) == (1, PRICE, "submit_unknown")


def test_a_paid_step_is_sent_only_so_often_even_where_the_service_knows_none_of_the_calls(belt, passing):
    belt.service.answer = ServiceClosed("HTTP 503")
    for _ in range(MAX_PAID_SENDS):
        with pytest.raises(ServiceClosed):
            belt.pay(can_be_asked=True)
        passing(LISTED_SECONDS + 1)
    for _ in range(3):
        with pytest.raises(SubmitUnclear):
            belt.pay(can_be_asked=True)
        passing(LISTED_SECONDS + 1)
    assert (len(belt.service.calls), belt.on_disk()["state"]) == (MAX_PAID_SENDS, "submit_unknown")
    belt.decide(lambda paid, claim, clip: paid.never_sent(claim, clip))
    belt.service.answer = Submitted("v9")
    assert belt.pay(can_be_asked=True).clips[0].image.job_id == "v9"  # somebody knows that nothing had arrived


def test_where_nobody_can_be_asked_a_few_503_make_the_call_unclear(belt):
    belt.service.answer = ServiceClosed("HTTP 503")
    for _ in range(UNPROVEN_SENDS - 1):
        with pytest.raises(ServiceClosed):
            belt.pay()
    assert belt.counted() == 0
    for _ in range(3):
        with pytest.raises(SubmitUnclear):
            belt.pay()
    assert (len(belt.service.calls), belt.counted(), belt.on_disk()["state"]) == (UNPROVEN_SENDS, PRICE, "submit_unknown")


def test_limits_between_the_503_do_not_start_the_count_again_and_are_not_counted_themselves(belt):
    for number in range(1, UNPROVEN_SENDS):
        for _ in range(7):
            belt.service.answer = ServiceBusy("429")
            with pytest.raises(ServiceBusy):
                belt.pay()
        belt.service.answer = ServiceClosed("HTTP 503")
        with pytest.raises(ServiceClosed):
            belt.pay()
        assert belt.clip_on_disk()["attempts"]["request_image_sent"] == number
    with pytest.raises(SubmitUnclear):
        belt.pay()


def test_a_send_is_counted_on_the_disk_before_it_is_made(belt):
    seen: list[int] = []
    belt.service.during = lambda: seen.append(belt.clip_on_disk()["attempts"]["request_image_sent"])
    belt.service.answer = ServiceClosed("HTTP 503")
    for _ in range(2):
        with pytest.raises(ServiceClosed):
            belt.pay()
    assert seen == [1, 2]


def test_a_step_that_was_sent_as_often_as_any_may_be_is_not_sent_again_whatever_the_state_says(tmp_path):
    belt = Belt(tmp_path)
    belt.put(new_clip(attempts={"request_image_sent": MAX_PAID_SENDS}))
    with pytest.raises(ServiceRefused, match=f"{MAX_PAID_SENDS} times and never accepted"):
        belt.pay()
    assert belt.service.calls == []


# a still only with its clip's price set aside


def lines_of(belt: Belt) -> list[tuple[str, str, str]]:
    return [(line["step"], line["usd"], line["entry"]) for line in belt.on_disk()["spend"]]


CLIP = Decimal("1.00")


def test_a_still_is_ordered_only_when_the_budget_holds_its_clip_too(belt):
    belt.ledger.daily_budget = PRICE + CLIP - Decimal("0.01")
    with pytest.raises(OverBudget):
        belt.pay(clip_price=CLIP)
    assert (belt.service.calls, belt.counted(), lines_of(belt)) == ([], 0, [])
    belt.ledger.daily_budget = PRICE + CLIP
    belt.pay(clip_price=CLIP)
    assert (belt.counted(), len(belt.service.calls)) == (PRICE + CLIP, 1)
    assert lines_of(belt) == [("request_image", "0.25", SPENT), ("request_video", "1", RESERVED)]


def test_a_still_is_ordered_only_when_the_jobs_cap_holds_its_clip_too(tmp_path):
    belt = Belt(tmp_path)
    belt.put(definition={"content_id": "lake", "max_cost_usd": 1.24})
    with pytest.raises(OverBudget, match=r"\$0\.25 for request_image and \$1\.00 for request_video would pass max_cost_usd"):
        belt.pay(clip_price=CLIP)
    assert belt.service.calls == []


def ordered(belt: Belt) -> Belt:
    """The still is there and uploaded; the clip comes next."""
    belt.ledger.daily_budget = PRICE + CLIP
    belt.pay(clip_price=CLIP)
    with belt.store.claim("lake") as claim:
        assert claim
        claim.job.clips[0].step, claim.job.clips[0].asset = Step.REQUEST_VIDEO, Upload(file_id="f")
        claim.save()
    return belt


def test_the_clip_takes_the_money_that_was_set_aside_for_it(belt):
    ordered(belt).pay(price=CLIP)
    assert belt.counted() == PRICE + CLIP
    assert lines_of(belt) == [("request_image", "0.25", SPENT), ("request_video", "1", SPENT)]


@pytest.mark.parametrize("refusal", [ServiceBusy("429"), NotSent("no network"), ServiceClosed("503")])
def test_the_money_of_a_clip_that_has_to_wait_stays_set_aside(belt, refusal):
    ordered(belt)
    belt.service.answer = refusal
    with pytest.raises(type(refusal)):
        belt.pay(price=CLIP)
    assert belt.counted() == PRICE + CLIP
    with pytest.raises(OverBudget):  # nobody else gets it meanwhile
        FileLedger(belt.ledger.path, PRICE + CLIP).reserve(
            Purchase("other", "x", "local_studio", "request_video", 0, Decimal("0.01"))
        )
    belt.service.answer = Submitted("v2")
    assert belt.pay(price=CLIP).clips[0].step == Step.AWAIT_VIDEO
    assert belt.counted() == PRICE + CLIP


@pytest.mark.parametrize("refusal", [None, ServiceBusy("429")])
def test_the_clip_takes_the_money_that_was_set_aside_for_it_whatever_was_tried_in_between(belt, refusal):
    """A failed look whether the service is there, and a pause of our own choice, count as attempts of the step, too."""

    def try_something(_paid: PaidCalls, claim: Claim, clip: Any) -> None:
        clip.count_attempt()
        claim.save()

    ordered(belt)
    if refusal:
        belt.service.answer = refusal
        with pytest.raises(type(refusal)):
            belt.pay(price=CLIP)
    belt.decide(try_something)
    belt.service.answer = Submitted("v2")
    belt.pay(price=CLIP)
    assert belt.counted() == PRICE + CLIP
    assert {entry for _, _, entry in lines_of(belt)} == ({SPENT, RELEASED} if refusal else {SPENT})
    assert len({*belt.service.calls}) == len(belt.service.calls)


@pytest.mark.parametrize("refusal", [ServiceBusy("429"), ServiceRefused("moderated", 422)])
def test_a_still_that_was_refused_frees_its_clips_money_too(belt, refusal):
    belt.service.answer = refusal
    with pytest.raises(type(refusal)):
        belt.pay(clip_price=CLIP)
    assert (belt.counted(), {entry for _, _, entry in lines_of(belt)}) == (0, {RELEASED})
    belt.service.answer = Submitted("v2")
    belt.pay(clip_price=CLIP)
    assert belt.counted() == PRICE + CLIP


def test_the_money_of_a_clip_that_was_given_up_is_free_again(belt):
    ordered(belt)
    with belt.store.claim("lake") as claim:
        assert claim
        claim.job.clips[0].step = Step.FAILED
        for _ in range(2):
            belt.paid.release_unused(claim)
        claim.save()
    assert (belt.counted(), lines_of(belt)[-1]) == (PRICE, ("request_video", "1", RELEASED))


def test_a_still_that_is_written_off_frees_its_clips_money(belt):
    belt.service.answer = SubmitUnclear("it took too long")
    with pytest.raises(SubmitUnclear):
        belt.pay(clip_price=CLIP)
    assert belt.counted() == PRICE + CLIP
    belt.decide(lambda paid, claim, clip: paid.write_off(claim, clip))
    assert belt.counted() == PRICE


def test_where_the_intent_cannot_be_saved_the_clips_money_is_free_too(belt, broken_states):
    broken_states[0] = True
    with pytest.raises(DiskError):
        belt.pay(clip_price=CLIP)
    assert (belt.service.calls, belt.counted()) == ([], 0)


# budgets


def test_over_the_days_budget_the_job_waits_and_nothing_is_called(belt):
    belt.ledger.daily_budget = Decimal("0.24")
    with pytest.raises(OverBudget):
        belt.pay()
    clip = belt.clip_on_disk()
    assert (clip["hold"], clip["intent"], belt.on_disk()["state"]) == ("budget", None, "over_budget")
    assert 0 < (clock.parse(clip["next_check_at"]) - clock.now()).total_seconds() <= BUDGET_PAUSE_SECONDS
    assert (belt.service.calls, belt.counted()) == ([], 0)


def test_a_job_over_budget_goes_on_by_itself_when_the_budget_allows_it(belt):
    belt.ledger.daily_budget = Decimal("0.24")
    for _ in range(3):
        with pytest.raises(OverBudget):
            belt.pay()
    assert [entry["event"] for entry in belt.on_disk()["history"]] == ["over_budget"]
    belt.ledger.daily_budget = Decimal("0.25")
    job = belt.pay()
    assert (job.clips[0].hold, job.state, len(belt.service.calls)) == (None, JobState.SUBMITTING, 1)


def test_the_jobs_own_cap_holds_with_everything_it_has_cost(tmp_path):
    belt = Belt(tmp_path)
    belt.put(new_clip(), new_clip(1), definition={"content_id": "lake", "max_cost_usd": 0.3})
    with belt.store.claim("lake") as claim:
        assert claim is not None
        belt.planning.pay(claim, Decimal("0.06"), lambda: ("a plan", Decimal("0.05")))
        claim.save()
    belt.pay(0)
    with pytest.raises(OverBudget, match="max_cost_usd"):
        belt.pay(1, Decimal("0.01"))
    assert (len(belt.service.calls), belt.counted()) == (1, Decimal("0.30"))


def test_money_that_was_released_does_not_count_against_the_jobs_cap(tmp_path):
    belt = Belt(tmp_path)
    belt.put(definition={"content_id": "lake", "max_cost_usd": 0.25})
    belt.service.answer = ServiceBusy("busy")
    for _ in range(3):
        with pytest.raises(ServiceBusy):
            belt.pay()
    belt.service.answer = Submitted("v1")
    assert spent_usd(belt.pay()) == PRICE


def test_planning_is_booked_each_time_it_is_done(belt):
    for _ in range(2):
        with belt.store.claim("lake") as claim:
            belt.planning.pay(claim, Decimal("0.03"), lambda: ("a plan", Decimal("0.01")))  # and the program ends before it saves
    assert belt.counted() == Decimal("0.02")


def test_a_plan_at_another_address_is_marked_as_a_rehearsal_in_its_job(belt):
    for rehearsal in (True, False):
        with belt.store.claim("lake") as claim:
            PlanningCosts(belt.ledger, rehearsal).pay(claim, Decimal("0.03"), lambda: ("a plan", Decimal("0.01")))
            assert [line.get("rehearsal", False) for line in claim.job.spend] == [rehearsal]


def test_planning_that_costs_nothing_is_not_booked(belt):
    with belt.store.claim("lake") as claim:
        assert belt.planning.pay(claim, Decimal(0), lambda: ("a plan", Decimal(0))) == "a plan"
        assert (claim.job.spend, belt.entries()) == ([], [])


def test_planning_that_the_days_budget_does_not_hold_asks_nobody_and_waits(belt):
    belt.ledger.daily_budget = Decimal("0.02")
    with belt.store.claim("lake") as claim, pytest.raises(OverBudget):
        belt.planning.pay(claim, Decimal("0.03"), lambda: pytest.fail("it asked"))
    assert (belt.on_disk()["state"], belt.counted()) == ("over_budget", Decimal(0))
    belt.ledger.daily_budget = Decimal("0.03")
    with belt.store.claim("lake") as claim:
        assert claim is not None
        belt.planning.pay(claim, Decimal("0.03"), lambda: ("a plan", Decimal("0.01")))
        assert (claim.job.state, belt.counted()) == (JobState.ACCEPTED, Decimal("0.01"))


def test_planning_that_was_interrupted_may_be_billed(belt):
    with belt.store.claim("lake") as claim, pytest.raises(Interrupted):
        belt.planning.pay(claim, Decimal("0.03"), lambda: _raise(Interrupted("stop")))
    assert belt.counted() == Decimal("0.03")


def test_planning_that_fails_costs_what_the_service_counted(belt):
    record = PlannerRecord(name="claude_on_vertex", cost_usd="0.01")
    with belt.store.claim("lake") as claim:
        with pytest.raises(PlanFailed):
            belt.planning.pay(claim, Decimal("0.03"), lambda: _raise(PlanFailed("no plan")))
        assert belt.counted() == Decimal(0)
        with pytest.raises(PlanFailed):
            belt.planning.pay(claim, Decimal("0.03"), lambda: _raise(ServiceFailed("no translation", record)))
        assert spent_usd(claim.job) == Decimal("0.01")
    assert belt.counted() == Decimal("0.01")


def _raise(error: BaseException) -> Any:
    raise error


# a disk that breaks


def test_a_disk_that_is_full_before_the_call_is_found_before_the_call(belt, broken_disk):
    before = belt.on_disk()
    broken_disk[0] = True
    with pytest.raises(DiskError):
        belt.pay()
    assert (belt.service.calls, belt.on_disk(), belt.entries()) == ([], before, [])


def test_a_folder_that_could_not_take_the_video_is_found_before_anything_is_booked(tmp_path):
    belt = Belt(tmp_path)
    belt.put()
    belt.store = FileJobStore(tmp_path / "pending", also_writable=(tmp_path / "completed",))
    with pytest.raises(DiskError):
        belt.pay()
    assert (belt.service.calls, belt.entries(), belt.clip_on_disk()["intent"]) == ([], [], None)


def test_an_intent_that_could_not_be_saved_is_none_and_its_money_is_free(belt, broken_states):
    broken_states[0] = True
    with belt.store.claim("lake") as claim:
        with pytest.raises(DiskError):
            belt.paid.pay(claim, claim.job.clips[0], PRICE, belt.service.call)
        broken_states[0] = False
        claim.save()  # as the belt does when it puts the clip off
    assert (belt.service.calls, belt.clip_on_disk()["intent"], belt.counted()) == ([], None, 0)
    assert belt.pay().clips[0].image.job_id == "v1"
    assert (len(belt.service.calls), belt.counted()) == (1, PRICE)


def test_a_folder_that_cannot_be_synced_stops_the_call_and_the_next_run_makes_it_once(belt, monkeypatch):
    def fail(_folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(atomic, "sync_folder", lambda folder: fail(folder) if Path(folder) == belt.store.folder else None)
        with pytest.raises(DiskError):
            belt.pay()
    assert belt.clip_on_disk()["intent"] is not None  # the rename came before the error
    assert belt.pay().clips[0].image.job_id == "v1"
    assert (len(belt.service.calls), belt.service.asked, belt.counted()) == (1, [], PRICE)


def test_ids_that_cannot_be_saved_are_kept_by_the_ledger_and_adopted_from_there(belt, broken_states, caplog):
    belt.service.during = lambda: broken_states.__setitem__(0, True)
    with pytest.raises(DiskError):
        belt.pay()
    assert "v1" in caplog.text
    assert belt.clip_on_disk()["intent"] is not None
    broken_states[0] = False
    job = belt.pay()
    assert (job.clips[0].image.as_dict(), job.clips[0].step) == ({"job_id": "v1", "generation_id": "g1"}, Step.AWAIT_IMAGE)
    assert (len(belt.service.calls), belt.service.asked, belt.counted()) == (1, [], PRICE)


def test_a_refusal_that_cannot_be_saved_is_remembered_by_the_ledger(belt, broken_states):
    belt.service.answer = ServiceBusy("busy")
    belt.service.during = lambda: broken_states.__setitem__(0, True)
    with pytest.raises(DiskError):
        belt.pay()
    broken_states[0] = False
    belt.service.answer, belt.service.during = Submitted("v2"), lambda: None
    assert belt.pay().clips[0].image.job_id == "v2"
    assert (belt.service.asked, belt.counted()) == ([], PRICE)


def test_when_even_the_ledger_cannot_be_written_the_intent_remains_and_the_service_is_asked(belt, broken_disk):
    belt.service.during = lambda: broken_disk.__setitem__(0, True)
    with pytest.raises(DiskError):
        belt.pay()
    broken_disk[0] = False
    belt.service.during = lambda: None
    with pytest.raises(SubmitUnclear):
        belt.pay()
    belt.service.knows = Submitted("v1")
    assert belt.pay().clips[0].image.job_id == "v1"
    assert (len(belt.service.calls), belt.counted()) == (1, PRICE)


def test_a_ledger_that_fails_after_the_ids_are_saved_costs_nothing_and_is_not_paid_again(belt, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise DiskError("full")

    with monkeypatch.context() as broken:
        broken.setattr(FileLedger, "settle", fail)
        with pytest.raises(DiskError):
            belt.pay()
    assert belt.clip_on_disk()["step"] == "await_image"
    belt.pay()
    assert (len(belt.service.calls), belt.counted(), belt.entries()) == (1, PRICE, [RESERVED])


# somebody who edits the state file by hand, in the middle of a call


def test_an_older_version_written_over_the_state_does_not_make_the_call_twice(belt):
    older = belt.store.path("lake").read_bytes()
    belt.service.during = lambda: belt.store.path("lake").write_bytes(older)
    with pytest.raises(RevisionIsStale):
        belt.pay()
    assert belt.clip_on_disk()["intent"] is None
    belt.service.answer = Submitted("v2")
    job = belt.pay()
    assert job.clips[0].image.as_dict() == {"job_id": "v1", "generation_id": "g1"}
    assert (len(belt.service.calls), belt.counted(), belt.clip_on_disk()["step"]) == (1, PRICE, "await_image")


def test_an_older_version_written_over_an_unclear_call_leaves_it_unclear(belt):
    older = belt.store.path("lake").read_bytes()
    belt.service.answer = SubmitUnclear("it took too long")
    belt.service.during = lambda: belt.store.path("lake").write_bytes(older)
    with pytest.raises(RevisionIsStale):
        belt.pay()
    belt.service.answer, belt.service.during = Submitted("v2"), lambda: None
    for _ in range(2):
        with pytest.raises(SubmitUnclear):
            belt.pay()
    assert (len(belt.service.calls), belt.counted(), belt.on_disk()["state"]) == (1, PRICE, "submit_unknown")


def test_a_state_file_that_was_deleted_during_the_call_keeps_its_ids_in_the_ledger(belt):
    belt.service.during = belt.store.path("lake").unlink
    with pytest.raises(RevisionIsStale):
        belt.pay()
    line = belt.ledger.last(belt.service.calls[0])
    assert (line["entry"], line["job_id"], line["content_id"]) == (SPENT, "v1", "lake")


def test_a_crash_between_reservation_and_intent_reserves_the_same_money_again(belt):
    belt.ledger.daily_budget = PRICE
    belt.ledger.reserve(Purchase("tx-1.0.request_image.1", "lake", "local_studio", "request_image", 0, PRICE))
    belt.pay()
    assert (len(belt.service.calls), belt.counted()) == (1, PRICE)


# a crash at every single write


WRITES = """
import os, signal, sys
from decimal import Decimal
from pathlib import Path
from tests.unit.pipeline.test_payment import Belt

def run(folder, moment):
    belt, left = Belt(folder), [moment]
    def counted(real):
        def call(*arguments, **named):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)
        return call
    real_write = os.write
    def called():
        real_write(os.open(folder / "calls", os.O_CREAT | os.O_WRONLY | os.O_APPEND), belt.service.calls[-1].encode())
    belt.service.during = called
    for name in ("write", "replace", "fsync", "open", "close"):
        setattr(os, name, counted(getattr(os, name)))
    belt.pay(clip_price=Decimal(sys.argv[2]))

for moment in range(200):
    folder = Path(sys.argv[1]) / str(moment)
    Belt(folder).put()
    child = os.fork()
    if not child:
        run(folder, moment)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        print(moment)
        break
"""


@pytest.mark.parametrize("clip_price", [Decimal(0), Decimal(1)], ids=["alone", "with its clip's price set aside"])
def test_killed_at_any_moment_the_call_is_made_at_most_once_and_its_money_always_counts(tmp_path, clip_price):
    with running(WRITES, tmp_path, clip_price) as (process,):
        moments = int(process.communicate(timeout=60)[0])
    assert moments > 20
    outcomes = set()
    for moment in range(moments + 1):
        belt = Belt(tmp_path / str(moment))
        calls = belt.store.folder.parent / "calls"
        belt.service.calls = [calls.read_text()] if calls.exists() else []
        made_before = len(belt.service.calls)
        try:
            belt.pay(clip_price=clip_price)
            outcomes.add((made_before, "goes on"))
        except SubmitUnclear:
            outcomes.add((made_before, "unclear"))
        assert len(belt.service.calls) <= 1, f"paid twice after a kill at moment {moment}"
        assert belt.counted() == PRICE + clip_price, f"money forgotten after a kill at moment {moment}"
        assert len(list(belt.store.folder.glob("*.json"))) == 1
    assert outcomes == {(0, "goes on"), (0, "unclear"), (1, "unclear"), (1, "goes on")}
