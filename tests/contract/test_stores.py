"""What every implementation of the stores must do: jobs on the queue, the spend ledger, finished files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.errors import BadInput, BrokenState, DiskError, JobIsBusy, OverBudget, RevisionIsStale, ServiceBusy, TenxsomError
from tenxsom.model import file_names
from tenxsom.model.clip import Step
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.pause import Pause
from tenxsom.store.base import RELEASED, RESERVED, SPENT, UNKNOWN, Artifacts, JobStore, Purchase
from tests import databases
from tests.processes import race, running, said
from tests.states import new_clip, new_job
from tests.stores import ARTIFACTS, KINDS, Stores, open_stores

Opener = Callable[..., Stores]

OPEN = """
import os, sys
from decimal import Decimal
from tenxsom.errors import JobIsBusy, OverBudget
from tenxsom.store.base import RELEASED, SPENT, UNKNOWN, Purchase
from tests.states import new_job
from tests.stores import open_stores
stores = open_stores(*sys.argv[1:])
"""


def slow_in_a_database(kind: str) -> Any:
    """A server takes seconds to start."""
    return pytest.param(kind, marks=pytest.mark.slow) if kind in ("postgres", "fleet") else kind


@pytest.fixture(autouse=True)
def _closed(tmp_path: Path) -> Iterator[None]:
    yield
    databases.close(tmp_path, is_as_made=True)


@pytest.fixture(params=[slow_in_a_database(kind) for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(kind: str, tmp_path: Path) -> Opener:
    """Opens the stores of one installation; each call as another process would."""
    if kind == "postgres":
        databases.url(tmp_path)  # the other processes of the test find it
    return lambda budget=None: open_stores(kind, tmp_path, budget)


@pytest.fixture
def jobs(opened: Opener) -> JobStore:
    return opened().jobs


@pytest.fixture(params=[slow_in_a_database(kind) for kind in ARTIFACTS])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Artifacts]:
    """Opens one installation's files; each call as another machine would."""
    return lambda: ARTIFACTS[request.param](tmp_path)


@pytest.fixture
def artifacts(machine: Callable[[], Artifacts]) -> Artifacts:
    return machine()


def put(jobs: JobStore, content_id: str = "lake", **changes: object) -> None:
    with jobs.accept(new_job(content_id, **changes)) as claim:
        assert claim


def loaded(jobs: JobStore, content_id: str = "lake") -> VideoJob:
    job = jobs.load(content_id)
    assert job
    return job


@contextmanager
def soon(take: Callable[[], AbstractContextManager[Any]], refusal: type[TenxsomError]) -> Iterator[Any]:
    """Take what the death of its owner frees: a server sees it a moment later, and a lease would take a minute."""
    deadline = clock.Deadline(10)
    with ExitStack() as stack:
        while True:
            try:
                taken = stack.enter_context(take())
                break
            except refusal:
                assert not deadline.passed(), "it is not free"
                clock.nap(0.02)
        yield taken


# looking for changes


def test_a_job_has_another_mark_after_each_save(jobs, opened):
    put(jobs, "lake")
    put(jobs, "hill")
    seen = [jobs.marks()]
    with jobs.claim("lake") as claim:
        for title in ("one", "two", "three"):
            claim.job.title = title
            claim.save()
            seen.append(opened().jobs.marks())
    assert len({marks["lake"] for marks in seen}) == 4
    assert len({marks["hill"] for marks in seen}) == 1
    with jobs.claim("hill") as claim:
        claim.finish()
    assert list(jobs.marks()) == ["lake"]


def test_a_save_right_after_a_look_is_seen_by_the_next_one(jobs):
    put(jobs, "lake")
    with jobs.claim("lake") as claim:
        for number in range(60):
            before = dict(jobs.marks())
            claim.job.title = f"{number}"
            claim.save()
            assert jobs.marks() != before


def test_documents_are_read_of_the_jobs_that_are_asked_for(jobs):
    for content_id in ("lake", "hill", "shore"):
        put(jobs, content_id)
    assert {content_id for content_id, _ in jobs.documents(["hill", "gone"])} == {"hill"}
    assert {content_id for content_id, _ in jobs.documents()} == {"lake", "hill", "shore"}


def test_a_published_file_has_another_mark_when_it_is_replaced(machine, artifacts):
    artifacts.write("lake.srt", b"1")
    artifacts.write("lake.mp4", b"1")
    first = machine().marks(".srt", ".vtt")
    artifacts.write("lake.srt", b"2")
    second = machine().marks(".srt", ".vtt")
    assert list(first) == list(second) == ["lake.srt"]
    assert first != second


# accepting


def test_an_accepted_job_is_stored_before_the_block_begins(jobs, opened):
    with jobs.accept(new_job(title="The lake")) as claim:
        assert claim.job.content_id == "lake"
        assert loaded(opened().jobs).title == "The lake"
        assert opened().jobs.ids() == ["lake"]


def test_an_accepted_job_is_owned_by_who_accepted_it(jobs, opened):
    with jobs.accept(new_job()), pytest.raises(JobIsBusy), opened().jobs.claim("lake"):
        raise AssertionError


def test_an_id_that_is_on_the_queue_is_not_accepted_again(jobs):
    put(jobs, title="first")
    with jobs.accept(new_job(title="second")) as claim:
        assert claim is None
    assert loaded(jobs).title == "first"


def test_a_job_is_not_accepted_where_a_last_look_says_so_while_nobody_else_can_accept_it(jobs, opened):
    def look() -> bool:
        with pytest.raises(JobIsBusy), opened().jobs.accept(new_job()):
            raise AssertionError
        return True

    with jobs.accept(new_job(), unless=look) as claim:
        assert claim is None
    assert jobs.ids() == []
    with jobs.accept(new_job(), unless=lambda: False) as claim:
        assert claim


def test_of_racing_processes_exactly_one_accepts_a_job(kind, tmp_path, jobs):
    lines = """
print("ready", flush=True)
sys.stdin.readline()
for number in range(30):
    try:
        with stores.jobs.accept(new_job(f"lake{number}")) as claim:
            if claim:
                print(number)
    except JobIsBusy:
        pass
"""
    won = [int(line) for output in race(OPEN + lines, kind, tmp_path, count=3) for line in output.split()]
    assert sorted(won) == list(range(30))
    assert len(jobs.ids()) == 30


# owning


def test_racing_processes_never_undo_each_others_saves(kind, tmp_path, jobs):
    put(jobs)
    lines = """
print("ready", flush=True)
sys.stdin.readline()
done = 0
while done < 40:
    try:
        with stores.jobs.claim("lake") as claim:
            claim.job.extra["count"] = claim.job.extra.get("count", 0) + 1
            claim.save()
            done += 1
    except JobIsBusy:
        pass
"""
    race(OPEN + lines, kind, tmp_path, count=3)
    job = loaded(jobs)
    assert (job.extra["count"], job.revision) == (120, 121)


def test_a_job_is_busy_until_its_owner_dies_and_free_at_once_then(kind, tmp_path, jobs):
    put(jobs)
    lines = """
with stores.jobs.claim("lake") as claim:
    claim.job.title = "saved"
    claim.save()
    claim.job.title = "not saved"
    print("holding", flush=True)
    sys.stdin.readline()
"""
    with running(OPEN + lines, kind, tmp_path) as (owner,):
        assert said(owner) == "holding"
        with pytest.raises(JobIsBusy), jobs.claim("lake"):
            raise AssertionError
        assert loaded(jobs).title == "saved"
        owner.kill()
        owner.wait()
        with soon(lambda: jobs.claim("lake"), JobIsBusy) as claim:
            assert claim.job.title == "saved"


def test_an_error_within_the_block_frees_the_job(jobs):
    put(jobs)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), jobs.claim("lake"):
            raise ZeroDivisionError
    with jobs.claim("lake") as claim:
        assert claim


def test_a_job_that_is_not_on_the_queue_cannot_be_claimed(jobs):
    with jobs.claim("lake") as claim:
        assert claim is None
    assert jobs.load("lake") is None
    assert jobs.ids() == jobs.due() == jobs.set_aside() == []


@pytest.mark.parametrize("content_id", ["", ".", "..", "../lake", "/etc/passwd", "a/b", "lake\0", "x" * 300])
def test_what_can_be_no_id_is_refused(jobs, content_id):
    with pytest.raises(BadInput):
        jobs.load(content_id)
    with pytest.raises(BadInput), jobs.claim(content_id):
        raise AssertionError


# saving and leaving


def test_every_save_raises_the_revision_and_a_reload_forgets_what_was_not_saved(jobs):
    put(jobs)
    with jobs.claim("lake") as claim:
        claim.job.title = "first"
        claim.save()
        claim.job.title = "second"
        claim.reload()
        assert (claim.job.title, claim.job.revision) == ("first", 2)
        claim.save()
    assert (loaded(jobs).title, loaded(jobs).revision) == ("first", 3)


def test_a_save_that_need_not_be_durable_is_seen_by_others_and_by_the_next_one(jobs, opened):
    put(jobs)
    with jobs.claim("lake") as claim:
        claim.job.title = "still on its way"
        claim.save(durable=False)
        assert (loaded(opened().jobs).title, loaded(jobs).revision) == ("still on its way", 2)
        claim.save()
    assert (loaded(jobs).title, loaded(jobs).revision) == ("still on its way", 3)


def test_a_finished_job_is_gone_and_no_save_brings_it_back(jobs, opened):
    put(jobs)
    with jobs.claim("lake") as claim:
        assert not claim.finished
        claim.finish()
        assert claim.finished
        for durable in (True, False):
            with pytest.raises(RevisionIsStale):
                claim.save(durable=durable)
    assert opened().jobs.ids() == []
    put(jobs, title="again")


def test_unknown_fields_survive_a_rewrite_at_every_level(jobs):
    clip = new_clip(step=Step.AWAIT_VIDEO, video={"job_id": "v1", "mood": "blue"})
    clip.extra["weather"] = {"wind": [1, 2.5, None]}
    put(jobs, clips=[clip], extra={"tomorrow": [{"deep": "value"}]})
    with jobs.claim("lake") as claim:
        claim.save()
    job = loaded(jobs)
    assert job.extra["tomorrow"] == [{"deep": "value"}]
    assert job.clips[0].extra["weather"] == {"wind": [1, 2.5, None]}
    assert job.as_dict()["clips"][0]["video"]["mood"] == "blue"


# what is due


def test_the_jobs_that_were_left_alone_for_the_longest_time_come_first(jobs):
    for content_id in ("c", "a", "b"):
        put(jobs, content_id)
    with jobs.claim("c") as claim:
        claim.save()
    assert sorted(jobs.due()) == sorted(jobs.ids()) == ["a", "b", "c"]
    assert jobs.due() == ["a", "b", "c"]


def test_of_a_limited_number_none_is_taken_by_a_job_that_is_not_due(jobs):
    put(jobs, "later", clips=[new_clip(next_check_at=clock.later(1800))])
    for content_id in ("first", "second"):
        put(jobs, content_id)
    assert jobs.due(1) == ["first"]
    assert jobs.due(5) == ["first", "second"]


def test_people_are_told_where_a_job_is_and_what_to_do_about_one_that_cannot_be_read(jobs):
    assert "lake" in jobs.place("lake")
    assert "lake" in jobs.remedy("lake")


# leaving with a report, numbers, places, pauses


def test_a_finished_job_is_gone_and_its_report_is_there(opened):
    stores = opened()
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        claim.report(file_names.completion_report("lake"), report_of("lake"))
        claim.finish()
    other = opened()
    assert other.jobs.load("lake") is None
    assert other.artifacts.has_report("lake")
    assert other.artifacts.final_report("lake")["run_id"] == "tx-1"
    assert [stem for stem, _ in other.artifacts.reports()] == ["lake"]


def test_the_queue_in_numbers(jobs):
    put(jobs, "later", clips=[new_clip(next_check_at=clock.later(1800))], state=JobState.WAITING)
    put(jobs, "due")
    put(jobs, "overdue", clips=[new_clip(next_check_at=clock.later(-120))])
    counts = jobs.summary()
    assert (counts.due, dict(counts.by_state)) == (2, {"accepted": 2, "waiting": 1})
    assert counts.oldest_due_seconds > 0


def test_a_service_has_so_many_places_and_no_more_over_all_processes(opened):
    one, other = opened().jobs, opened().jobs
    with one.slot("ltx_api", 2), other.slot("ltx_api", 2):
        for jobs in (one, other):
            with pytest.raises(ServiceBusy), jobs.slot("ltx_api", 2):
                raise AssertionError
        with one.slot("another", 1):
            pass
    with one.slot("ltx_api", 1):
        pass


def test_the_place_of_a_process_that_dies_is_free_at_once(kind, tmp_path, jobs):
    lines = """
with stores.jobs.slot("ltx_api", 1):
    print("holding", flush=True)
    sys.stdin.readline()
"""
    with running(OPEN + lines, kind, tmp_path) as (holder,):
        assert said(holder) == "holding"
        with pytest.raises(ServiceBusy), jobs.slot("ltx_api", 1):
            raise AssertionError
        holder.kill()
        holder.wait()
        with soon(lambda: jobs.slot("ltx_api", 1), ServiceBusy):
            pass


def test_what_a_process_knows_of_a_service_stays_known(opened):
    pauses = opened().pauses
    assert pauses.exchange({}) == {}
    told = pauses.exchange({"ltx_api": Pause(shut_seconds=20.0, held_seconds=5.0)})
    assert 18 < told["ltx_api"].shut_seconds <= 20
    assert 3 < told["ltx_api"].held_seconds <= 5


# money


def purchase(reference: str = "r1", usd: str = "0.10", *, rehearsal: bool = False) -> Purchase:
    return Purchase(reference, "lake", "useapi_ltx", "request_video", 0, Decimal(usd), rehearsal)


def test_a_budget_is_held_to_the_cent_and_what_is_over_it_is_not_written(opened):
    ledger = opened("0.30").ledger
    for number in range(3):
        ledger.reserve(purchase(f"r{number}"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("r4", "0.01"))
    assert [line["reference"] for line in ledger.lines()] == ["r0", "r1", "r2"]
    assert opened().ledger.total(clock.day()) == Decimal("0.30")


@pytest.mark.parametrize(("entry", "counted"), [(SPENT, "0.10"), (UNKNOWN, "0.10"), (RELEASED, "0")])
def test_what_is_spent_or_unknown_counts_and_what_is_released_is_free_again(opened, entry, counted):
    ledger = opened("0.10").ledger
    ledger.reserve(purchase())
    ledger.settle(purchase(), entry, generation="g1")
    assert ledger.total(clock.day()) == Decimal(counted)
    last = opened().ledger.last("r1")
    assert (last["entry"], last["generation"], last["usd"]) == (entry, "g1", "0.1")


def test_reserving_the_same_call_again_costs_nothing_more(opened):
    for _ in range(3):
        opened("0.10").ledger.reserve(purchase())
    assert opened().ledger.total(clock.day()) == Decimal("0.10")


def test_a_purchase_is_reserved_with_the_one_that_must_follow_it_or_not_at_all(opened):
    ledger = opened("0.30").ledger
    ledger.reserve(purchase("still", "0.05"), purchase("clip", "0.20"))
    with pytest.raises(OverBudget):
        ledger.reserve(purchase("still 2", "0.01"), purchase("clip 2", "0.05"))
    assert ledger.last("still 2") is None
    assert ledger.total(clock.day()) == Decimal("0.25")


def test_a_rehearsal_takes_nothing_from_the_real_budget(opened):
    ledger = opened("0.10").ledger
    ledger.reserve(purchase("real"))
    ledger.reserve(purchase("rehearsed", rehearsal=True))
    assert ledger.total(clock.day()) == ledger.total(clock.day(), rehearsal=True) == Decimal("0.10")


def test_a_cost_that_was_not_reserved_counts_on_its_day_and_money_is_set_aside_anew_in_the_same_breath(opened):
    ledger = opened("1").ledger
    ledger.settle(purchase("plan", "0.20"), SPENT, purchase("plan 2", "0.20"), day="2026-11-01")
    assert ledger.total("2026-11-01") == Decimal("0.40")
    assert [line["entry"] for line in ledger.lines()] == [SPENT, RESERVED]


def test_a_mark_made_before_a_reference_finds_it_and_one_that_came_after_does_not(opened):
    ledger = opened().ledger
    before = ledger.mark()
    ledger.reserve(purchase())
    ledger.reserve(purchase("r2"))
    assert ledger.last("r1", before)["entry"] == RESERVED
    assert opened().ledger.last("r1", ledger.mark()) is None
    assert opened().ledger.last("never") is None


def test_racing_processes_hold_the_budget_at_every_moment(kind, tmp_path, opened):
    lines = """
print("ready", flush=True)
sys.stdin.readline()
for number in range(9):
    mine = Purchase(f"{os.getpid()}.{number}", "lake", "a", "request_video", 0, Decimal("0.07"))
    try:
        stores.ledger.reserve(mine)
    except OverBudget:
        continue
    stores.ledger.settle(mine, (SPENT, UNKNOWN, RELEASED)[number % 3])
"""
    race(OPEN + lines, kind, tmp_path, "1.00", count=4)
    held: dict[str, Decimal] = {}
    highest = Decimal(0)
    for line in opened().ledger.lines():
        held[line["reference"]] = Decimal(0) if line["entry"] == RELEASED else Decimal(line["usd"])
        highest = max(highest, sum(held.values(), Decimal(0)))
    assert Decimal("0.93") < highest <= Decimal("1.00")  # they want 1.68


# a job and its money


def test_an_intent_and_its_money_are_stored_together(opened):
    stores = opened("0.30")
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        stores.till.intend(claim, purchase("still", "0.05"), purchase("clip", "0.20"), lambda: setattr(claim.job, "title", "meant"))
    other = opened("0.30")
    assert loaded(other.jobs).title == "meant"
    assert [other.till.last(reference)["entry"] for reference in ("still", "clip")] == [RESERVED, RESERVED]


def test_over_budget_neither_intent_nor_money_is_stored(opened):
    stores = opened("0.10")
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        with pytest.raises(OverBudget):
            stores.till.intend(claim, purchase("still", "0.11"), None, lambda: pytest.fail("it was prepared"))
        claim.save()
    assert stores.till.last("still") is None
    assert stores.ledger.total(clock.day()) == 0


def test_an_intent_of_a_job_that_another_process_has_ended_sets_no_money_aside(opened):
    stores = opened("0.10")
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        claim.finish()
        with pytest.raises(RevisionIsStale):
            stores.till.intend(claim, purchase(), None, lambda: None)
    assert opened().ledger.total(clock.day()) == 0
    opened("0.10").ledger.reserve(purchase("another"))


def test_what_became_of_a_call_is_booked_with_the_job(opened):
    stores = opened("1")
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        stores.till.intend(claim, purchase(), purchase("then"), lambda: None)
        claim.job.title = "ordered"
        stores.till.book(claim, purchase(), SPENT, purchase("renewed"), unused=[purchase("then")], ids={"job_id": "v1"})
    other = opened("1")
    assert loaded(other.jobs).title == "ordered"
    assert {name: other.till.last(name)["entry"] for name in ("r1", "renewed", "then")} == {
        "r1": SPENT,
        "renewed": RESERVED,
        "then": RELEASED,
    }
    assert other.ledger.total(clock.day()) == Decimal("0.20")


def test_the_ids_of_a_call_whose_job_is_gone_are_kept_with_its_money(opened):
    stores = opened()
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        stores.till.intend(claim, purchase(), None, lambda: None)
        claim.finish()
        with pytest.raises(RevisionIsStale):
            stores.till.book(claim, purchase(), SPENT, ids={"job_id": "v\x00\ud800"})
    line = opened().till.last("r1")
    assert (line["entry"], line["job_id"]) == (SPENT, "v\x00\ud800")


def test_money_that_is_not_needed_is_released(opened):
    stores = opened("1")
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        stores.till.intend(claim, purchase("still"), purchase("clip"), lambda: None)
        stores.till.release(claim, [purchase("clip")])
        claim.save()
    assert stores.ledger.total(clock.day()) == Decimal("0.10")


# finished files


def report_of(content_id: str, state: str = "completed", **changes: object) -> bytes:
    page = {"content_id": content_id, "state": state, "run_id": "tx-1", "fingerprint": "f", "service": "ltx_api"}
    page |= {"reason": "clip 1: refused", "advice": "Try again."} if state != "completed" else {}
    return json.dumps({**page, "planner": {}, "clips": [], "cost": {"total_usd": "0"}, "warnings": [], **changes}).encode()


def test_a_file_is_not_there_before_it_is_published_and_whole_on_every_machine_then(artifacts, machine):
    scratch = artifacts.scratch("lake.mp4")
    scratch.write_bytes(b"half")
    assert not artifacts.exists("lake.mp4")
    assert artifacts.size("lake.mp4") is None
    with pytest.raises(FileNotFoundError):
        artifacts.local("lake.mp4")
    scratch.write_bytes(b"the whole film")
    artifacts.publish(scratch, "lake.mp4")
    assert not scratch.exists()
    assert machine().exists("lake.mp4")
    assert machine().size("lake.mp4") == 14
    assert machine().local("lake.mp4").read_bytes() == b"the whole film"


def test_the_sizes_of_many_files_are_found_together(artifacts, machine):
    names = {
        "lake.mp4": b"1",
        "lake~clip01.mp4": b"12",
        "hill.jpg": b"123",
        "hill_failure_report.json": report_of("hill", "failed"),
    }
    for name, data in names.items():
        artifacts.write(name, data)
    asked = [*names, "lake.jpg", "shore.mp4"]
    assert machine().sizes(asked) == {name: len(data) for name, data in names.items()}
    assert machine().sizes([]) == {}


def test_an_interrupted_file_is_continued_by_the_next_process_of_the_machine(artifacts):
    artifacts.scratch("lake.mp4").write_bytes(b"half")
    assert artifacts.scratch("lake.mp4").read_bytes() == b"half"


def test_a_later_file_replaces_an_earlier_one_of_its_name(artifacts, machine):
    for data in (b"first", b"second"):
        artifacts.write("lake.srt", data)
    assert machine().local("lake.srt").read_bytes() == b"second"
    artifacts.write("lake.vtt", b"third")
    artifacts.rename("lake.vtt", "lake.srt")
    assert machine().local("lake.srt").read_bytes() == b"third"
    assert not machine().exists("lake.vtt")


def test_a_file_that_is_not_there_cannot_be_renamed_and_nothing_happens(artifacts):
    artifacts.write("lake.mp4", b"film")
    with pytest.raises(DiskError):
        artifacts.rename("lake~clip01.mp4", "lake.mp4")
    assert artifacts.local("lake.mp4").read_bytes() == b"film"


def test_a_removed_file_is_gone_with_its_scratch_and_removing_it_again_is_no_error(artifacts, machine):
    artifacts.write("lake~still01", b"picture")
    artifacts.scratch("lake~still01").write_bytes(b"half")
    for _ in range(2):
        artifacts.remove("lake~still01")
        assert not machine().exists("lake~still01")
        assert not artifacts.scratch("lake~still01").exists()


def test_scratch_files_are_discarded_and_the_file_stays(artifacts):
    artifacts.write("lake.mp4", b"film")
    part = artifacts.scratch("lake.mp4")
    left = [part, *(part.with_name(part.name + end) for end in (".resume", ".fit", ".crop"))]
    for path in left:
        path.write_bytes(b"half")
    artifacts.discard("lake.mp4")
    assert not any(path.exists() for path in left)
    assert artifacts.local("lake.mp4").read_bytes() == b"film"


def test_the_scratch_of_one_job_is_never_the_file_of_another(artifacts):
    for other in ("lake.mp4.part", "lake.mp4", "lake"):
        artifacts.write(file_names.video(other), b"film")
    artifacts.discard("lake.mp4")
    artifacts.discard("lake.mp4.mp4")
    assert all(artifacts.exists(file_names.video(other)) for other in ("lake.mp4.part", "lake.mp4", "lake"))


def test_a_location_names_the_file(artifacts):
    assert artifacts.location("lake.mp4").endswith("/lake.mp4")


def test_a_report_is_found_and_a_broken_one_is_told(artifacts, machine):
    assert artifacts.final_report("lake") is None
    assert not artifacts.has_report("lake")
    artifacts.write("lake_failure_report.json", report_of("lake", "failed"))
    assert machine().has_report("lake")
    assert machine().final_report("lake")["state"] == "failed"
    artifacts.write("lake_completion_report.json", report_of("lake"))
    assert artifacts.final_report("lake")["state"] == "completed"
    for broken in (b"{", b"[]", b'{"state": "completed"}'):
        artifacts.write("lake_completion_report.json", broken)
        with pytest.raises(BrokenState):
            artifacts.final_report("lake")


@pytest.mark.parametrize("name", ["lake_completion_report.json", "lake_failure_report.json"])
def test_an_unreadable_report_is_set_aside_and_the_other_one_counts(artifacts, machine, name):
    artifacts.write(name, b'{"state": "comp')
    assert name in artifacts.quarantine_report("lake")
    assert not machine().has_report("lake")
    assert machine().quarantine_report("lake") is None
    artifacts.write("lake_failure_report.json", report_of("lake", "failed"))
    assert artifacts.quarantine_report("lake") is None
    assert artifacts.final_report("lake")["state"] == "failed"


@pytest.mark.parametrize(
    "changes", [{"clips": None}, {"planner": "x"}, {"cost": {}}, {"warnings": 3}, {"service": 1}, {"reason": 5}]
)
def test_a_report_that_commands_cannot_read_is_a_broken_one(artifacts, changes):
    artifacts.write("lake_failure_report.json", report_of("lake", "failed", **changes))
    with pytest.raises(BrokenState):
        artifacts.final_report("lake")


def test_the_owner_of_a_services_id_is_found_among_ended_jobs(artifacts):
    artifacts.write("lake_completion_report.json", report_of("lake", clips=[{"video_job_id": "job-17"}]))
    assert artifacts.owner_of("job-17") == "lake"
    artifacts.set_aside("lake")
    assert artifacts.owner_of("job-17") == "lake"
    assert artifacts.owner_of("other") is None


def test_files_of_an_earlier_run_are_kept_under_the_next_number_and_no_other_jobs_are_touched(artifacts):
    for number in (1, 2):
        for name in ("lake.mp4", "lake~clip01.mp4", "lake~voice-01.wav", "lake_sheet.jpg", "lake_completion_report.json"):
            artifacts.write(name, f"run {number}".encode())
        for name in ("lake2.mp4", "lake_sheet~thumbnail.jpg", "lake.x.mp4", "lak.mp4"):
            artifacts.write(name, b"another job's")
        assert artifacts.set_aside("lake") == number
        assert artifacts.files_of("lake") == []
    assert artifacts.set_aside("lake") is None
    for number in (1, 2):
        for name in (f"lake~{number}.mp4", f"lake~{number}~voice-01.wav", f"lake~{number}_sheet.jpg"):
            assert artifacts.local(name).read_text() == f"run {number}"
    for name in ("lake2.mp4", "lake_sheet~thumbnail.jpg", "lake.x.mp4", "lak.mp4"):
        assert artifacts.local(name).read_text() == "another job's"


def test_what_the_present_run_goes_on_with_is_not_set_aside(artifacts):
    for name in ("lake~clip01.mp4", "lake~clip02.mp4", "lake_failure_report.json"):
        artifacts.write(name, b"x")
    artifacts.set_aside("lake", ["lake~clip02.mp4"])
    assert artifacts.files_of("lake") == ["lake~clip02.mp4"]
