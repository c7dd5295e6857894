"""After the clips are in, a film ends: whatever a step of finishing raises, however often the program is killed in one."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.app import App
from tenxsom.disk import as_disk_error
from tenxsom.errors import (
    BadSettings,
    BrokenMedia,
    Interrupted,
    NoTurn,
    OutOfTime,
    ServiceDown,
    ServiceRefused,
    SubmitUnclear,
    TryAgainLater,
)  # fmt: skip
from tenxsom.model.clip import Step
from tenxsom.pipeline import limits, queue_view, reports
from tenxsom.pipeline.results import JobResult
from tenxsom.services.base import GenerationState, GenerationStatus
from tenxsom.services.images.base import PollPolicy
from tests import forked
from tests.belt import definition
from tests.crash.deaths import Death
from tests.crash.paper_vendor import PaperDelivery, PaperFinisher, PaperVendor, paper_suite

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEEDED = {"_gather_clips": "gather_clips", "_assemble_film": "assemble_film"}
SIDE_FILES = {"_make_thumbnail": "thumbnail", "_write_subtitles": "subtitles", "_write_blueprint": "blueprint"}
FULL = as_disk_error("a file", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
FOLDER_IN_ITS_PLACE = as_disk_error("a file", OSError(errno.EISDIR, os.strerror(errno.EISDIR)))


class World:
    """A home, a vendor, a clock in the test's hands, and steps of finishing that do what the test says."""

    def __init__(self, home: Path) -> None:
        self.home, self.vendor, self.moment = home, PaperVendor(), START
        self.app: App = paper_suite(home, self.vendor)
        self.tried: list[datetime] = []
        self.last: list[JobResult] = []

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def submit(self, **changes: Any) -> None:
        source = self.home / "lake.page.json"
        source.write_text(json.dumps(definition(**changes)))
        orchestrator = self.app.orchestrator()
        self.last = orchestrator.submit_all(orchestrator.read([str(source)]))
        self.moment += timedelta(minutes=1)

    def tick(self, minutes: float = 10) -> None:
        try:
            self.last = self.app.poller().tick()
        finally:
            self.moment += timedelta(minutes=minutes)

    def ticks(self, number: int, minutes: float = 10) -> None:
        for _ in range(number):
            self.tick(minutes)

    @property
    def state(self) -> dict[str, Any]:
        job = self.app.store.load("lake")
        assert job is not None
        return job.as_dict()

    @property
    def has_report(self) -> bool:
        return self.app.artifacts.final_report("lake") is not None

    @property
    def report(self) -> dict[str, Any]:
        found = self.app.artifacts.final_report("lake")
        assert found is not None, self.state
        return found

    def retry(self) -> str:
        manager = self.app.manager()
        job, cost = manager.retry_cost("lake")
        manager.retry(job)
        return cost


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path)
    monkeypatch.setattr(clock, "now", made.now)
    yield made
    made.app.close()


@pytest.fixture
def break_step(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[[], None]]:
    """Let a step of finishing raise; what is returned mends it."""

    def break_it(name: str, error: BaseException) -> Callable[[], None]:
        real = getattr(PaperFinisher, name)
        broken = [True]

        def step(self: PaperFinisher, claim: Any, deadline: Any = None) -> None:
            if not broken:
                real(self, claim, deadline)
                return
            world.tried.append(world.moment)
            raise error

        monkeypatch.setattr(PaperFinisher, name, step)
        world.app.__dict__["finisher"] = PaperFinisher(world.app.artifacts, world.app.delivery)
        world.app.__dict__.pop("unexpected_errors", None)
        return broken.clear

    return break_it


@pytest.mark.parametrize(
    "error", [IndexError("list index out of range"), BrokenMedia("no frame."), MemoryError(), RecursionError()]
)
@pytest.mark.parametrize("step", [*NEEDED, "_write_report"])
def test_a_step_that_the_film_needs_is_tried_five_times_with_growing_pauses_and_then_the_job_ends(world, break_step, step, error):
    mend = break_step(step, error)
    world.submit()
    codes = []
    while not world.has_report:
        world.tick()
        codes += [outcome.exit_code for outcome in world.last]
    repeated = 75 if isinstance(error, BrokenMedia) else 3
    assert codes == [75, repeated, repeated, repeated, 1]
    assert len(world.tried) == limits.TRIES
    minutes = [round((tried - START) / timedelta(minutes=1)) for tried in world.tried]
    pauses = [later - earlier for earlier, later in itertools.pairwise(minutes)]
    assert pauses == sorted(pauses)
    assert sum(pauses) > 60
    assert world.report["state"] == "failed"
    assert type(error).__name__ in world.report["reason"] or str(error).rstrip(".") in world.report["reason"]
    assert "manage_jobs.py retry lake" in world.report["advice"]
    assert (world.home / "completed_videos" / "lake.mp4").exists(), "the clip is kept"
    mend()
    assert "free of charge" in world.retry()
    world.tick()
    assert world.report["state"] == "completed"
    assert len(world.vendor.charges) == 2, "a still and a clip, and nothing for the retry"


@pytest.mark.parametrize("error", [IndexError("list index out of range"), BrokenMedia("no frame"), FOLDER_IN_ITS_PLACE], ids=repr)
@pytest.mark.parametrize("step", SIDE_FILES)
def test_a_side_file_that_cannot_be_made_decides_nothing(world, break_step, step, error):
    break_step(step, error)
    world.submit()
    world.tick()
    assert world.report["state"] == "completed"
    told = f"The video was published without its {SIDE_FILES[step]}: "
    assert any(warning.startswith(told) for warning in world.report["warnings"])


def test_the_warning_about_a_side_file_names_the_error_and_its_place(world, break_step):
    break_step("_write_subtitles", ValueError("a line that is too long"))
    world.submit()
    world.tick()
    assert any("ValueError: a line that is too long (tenxsom/pipeline/film_steps.py:" in each for each in world.report["warnings"])


@pytest.mark.parametrize("step", SIDE_FILES)
def test_a_side_file_waits_for_room_on_the_disk_but_not_for_ever(world, break_step, step):
    mend = break_step(step, FULL)
    world.submit()
    world.tick()
    assert not world.has_report
    assert world.last[0].exit_code == 75
    mend()
    world.tick()
    assert (world.report["state"], world.report["warnings"]) == ("completed", world.report["warnings"])
    assert not any("without its" in warning for warning in world.report["warnings"])


def test_a_film_is_published_without_a_side_file_on_a_disk_that_stays_full(world, break_step):
    break_step("_make_thumbnail", FULL)
    world.submit()
    world.ticks(5)
    assert world.report["state"] == "completed"
    assert any("without its thumbnail" in warning for warning in world.report["warnings"])


def test_a_film_waits_for_room_on_the_disk_until_the_jobs_deadline(world, break_step):
    break_step("_assemble_film", FULL)
    world.submit()
    world.ticks(23, minutes=60)
    assert not world.has_report, "what passes by itself uses up no try"
    world.ticks(3, minutes=60)
    assert world.report["state"] == "failed"
    assert "No space left" in world.report["reason"]


def test_a_step_that_no_tick_is_long_enough_for_ends_the_job_and_names_the_setting(world, break_step):
    mend = break_step("_assemble_film", OutOfTime("Decoding lake.mp4 ran out of time."))
    world.submit()
    world.ticks(4)
    assert len(world.tried) == 3
    assert world.report["state"] == "failed"
    assert "assemble_film: it takes longer than a tick lasts (110 s); set POLL_TIME_LIMIT_SECONDS higher" in world.report["reason"]
    assert "manage_jobs.py retry lake" in world.report["advice"]
    mend()
    world.retry()
    world.tick()
    assert world.report["state"] == "completed"
    assert len(world.vendor.charges) == 2


def test_a_film_is_published_without_a_side_file_that_no_tick_is_long_enough_for(world, break_step):
    break_step("_make_thumbnail", OutOfTime("Looking for a picture ran out of time."))
    world.submit()
    world.ticks(3)
    assert world.report["state"] == "completed"
    told = "without its thumbnail: it takes longer than a tick lasts (110 s); set POLL_TIME_LIMIT_SECONDS higher."
    assert any(told in warning for warning in world.report["warnings"])


@pytest.mark.parametrize("step", ["_assemble_film", "_make_thumbnail"])
def test_a_tick_with_too_little_time_left_for_a_step_uses_up_no_try(world, break_step, step):
    mend = break_step(step, NoTurn("Other videos are being decoded.", retry_after=1))
    world.submit()
    world.ticks(7, minutes=240)
    assert len(world.tried) == 7
    assert not world.has_report
    mend()
    world.tick()
    assert world.report["state"] == "completed"
    assert not any("without its thumbnail" in warning for warning in world.report["warnings"])


@pytest.mark.slow
def test_a_step_that_no_tick_ever_has_time_for_ends_after_its_deadline(world, break_step):
    break_step("_assemble_film", NoTurn("Other videos are being decoded.", retry_after=1))
    world.submit()
    world.ticks(60, minutes=60)
    assert world.report["state"] == "failed"


@pytest.mark.parametrize("step", [*NEEDED, "_write_report"])
def test_a_step_that_kills_the_program_is_counted_and_the_job_ends(world, break_step, step):
    break_step(step, Death())
    world.submit()
    for _ in range(20):
        with contextlib.suppress(Death):
            world.tick()
    assert len(world.tried) == limits.TRIES
    assert world.report["state"] == "failed"
    assert "the program ended 5 times" in world.report["reason"]


@pytest.mark.parametrize("step", SIDE_FILES)
def test_a_side_file_that_kills_the_program_is_done_without(world, break_step, step):
    mend = break_step(step, Death())
    world.submit()
    interrupted = world.home / "completed_videos" / "lake.jpg.part"
    interrupted.write_bytes(b"half a thumbnail")
    for _ in range(10):
        with contextlib.suppress(Death):
            world.tick()
        if len(world.tried) == 3:
            mend()  # a failure report would want the blueprint as well
    assert len(world.tried) == 3
    assert world.report["state"] == "completed"
    assert any(f"without its {SIDE_FILES[step]}" in warning for warning in world.report["warnings"])
    assert not interrupted.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from tenxsom import clock
from tenxsom.store.files.jobs import _FileClaim
from tests.crash.test_finishing import PaperFinisher, World

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def finish_and_die(claim, finish=_FileClaim.finish):
    finish(claim)
    die()

world = World(Path(sys.argv[1]))
clock.now = world.now
world.submit()
if sys.argv[2] == "in a step":
    PaperFinisher._publish_video = die
else:
    (world.home / "completed_videos" / "lake~still01").write_bytes(b"a still that was not needed after all")
    _FileClaim.finish = finish_and_die
world.tick()
"""


def killed(home: Path, when: str) -> None:
    """Submit a job in a process that is killed in its tick. The process is no child of this one, whose threads may hold locks."""
    with closing(forked.Lines(KILLED, home, when)) as process:
        assert process.ended(60) == (-signal.SIGKILL, "")


def test_a_real_kill_in_a_step_is_found_in_the_state(world):
    killed(world.home, "in a step")
    assert (world.state["step"], world.state["attempts"]) == ("assemble_film", {"assemble_film": 1})
    assert world.state["next_check_at"] > clock.stamp(), "the next tick has time for the other jobs"


def test_a_kill_after_a_job_left_the_queue_leaves_nothing_behind(world):
    killed(world.home, "after the queue")
    assert world.report["state"] == "completed"
    assert not (world.home / "completed_videos" / "lake~still01").exists()


def test_a_stop_while_a_film_is_finished_uses_up_no_try(world, break_step):
    mend = break_step("_assemble_film", Interrupted("TERM"))
    world.submit()
    world.ticks(7)
    assert len(world.tried) == 7
    assert world.state["attempts"] == {}
    mend()
    world.tick()
    assert world.report["state"] == "completed"


def test_a_tick_that_is_over_leaves_the_rest_of_a_film_to_the_next_one(world, monkeypatch):
    world.submit()
    real = PaperFinisher._publish_video

    def slow(self: PaperFinisher, job: Any, deadline: clock.Deadline) -> Any:
        monkeypatch.setattr(deadline, "left", lambda: 0.0)
        return real(self, job, deadline)

    monkeypatch.setattr(PaperFinisher, "_publish_video", slow)
    world.tick()
    assert not world.has_report
    assert world.state["media"]["seconds"] == 3.0
    monkeypatch.setattr(PaperFinisher, "_publish_video", real)
    world.tick()
    assert world.report["state"] == "completed"
    assert world.report["media"]["seconds"] == 3.0


def test_a_finished_film_survives_a_mistake_in_its_report(world, monkeypatch):
    def broken(*_: Any) -> Any:
        raise KeyError("width")

    world.submit()
    monkeypatch.setattr(reports, "_clip", broken)
    world.tick()
    assert world.report["state"] == "completed"
    assert any("tells less than usual" in warning for warning in world.report["warnings"])


UNREADABLE_REPORTS = {"half": b'{"content_id": "lake", "sta', "empty": b"", "of_another_program": b"[]", "deep": b"[" * 200_000}


@pytest.mark.parametrize("data", UNREADABLE_REPORTS.values(), ids=UNREADABLE_REPORTS)
@pytest.mark.parametrize("kind", ["completion_report", "failure_report"])
def test_an_unreadable_report_is_set_aside_and_the_job_goes_on_from_its_state(world, kind, data):
    world.submit()
    path = world.home / "completed_videos" / f"lake_{kind}.json"
    path.write_bytes(data)
    world.ticks(3)
    assert world.report["state"] == "completed"
    assert [each.exit_code for each in world.last] in ([], [0])
    assert len(world.vendor.charges) == 2
    assert any("was moved to" in warning for warning in world.report["warnings"])
    kept = path.parent / "quarantine" / path.name
    assert kept.read_bytes() == data
    assert path.name in kept.with_name(kept.name + ".why.txt").read_text()


def test_an_unreadable_report_does_not_keep_a_job_from_its_orders(world):
    world.vendor.mood = "busy"
    world.submit()
    (world.home / "completed_videos" / "lake_failure_report.json").write_bytes(b"\xff")
    world.ticks(4)
    assert world.report["state"] == "completed"
    assert len(world.vendor.charges) == 2


def test_a_report_that_the_disk_does_not_give_stays_where_it_is(world, monkeypatch):
    world.submit()
    path = world.home / "completed_videos" / "lake_completion_report.json"
    path.write_bytes(b"{}")
    with monkeypatch.context() as broken:

        def fail(*_: object) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        broken.setattr("tenxsom.store.files.artifacts.read_file", fail)
        world.ticks(3)
        assert [each.exit_code for each in world.last] == [75]
        assert path.read_bytes() == b"{}"
    world.ticks(2)
    assert world.report["state"] == "completed"


def test_a_clip_whose_file_disappears_each_time_is_not_fetched_for_ever(world, monkeypatch):
    world.submit()
    real = PaperFinisher._gather_clips

    def gather(self: PaperFinisher, claim: Any, deadline: Any) -> None:
        (world.home / "completed_videos" / "lake.mp4").unlink(missing_ok=True)
        real(self, claim, deadline)

    monkeypatch.setattr(PaperFinisher, "_gather_clips", gather)
    world.app.__dict__["finisher"] = PaperFinisher(world.app.artifacts, world.app.delivery)
    world.ticks(40)
    assert world.report["state"] == "failed"
    assert "disappeared 5 times" in world.report["reason"]


# Errors that no code expected, elsewhere


def raises(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("an accident with user:12345-test")


PLACES = {
    "planning": "tenxsom.pipeline.orchestrator.MasterOrchestrator._planned",
    "cutting": "tenxsom.pipeline.clips.clips_for",
    "budget": "tenxsom.pipeline.steps.ClipSteps.check_cap",
    "still": "tenxsom.pipeline.steps.ClipSteps.request_image",
    "upload": "tenxsom.pipeline.steps.ClipSteps.upload_asset",
}


@pytest.mark.case
@pytest.mark.parametrize("place", PLACES)
def test_an_unexpected_error_before_the_order_is_told_and_ends_after_a_few_tries(world, monkeypatch, place):
    with monkeypatch.context() as patched:
        patched.setattr(PLACES[place], raises)
        world.submit()
        assert (world.last[0].exit_code, world.state["unexpected"]["count"]) == (75, 1)
        assert world.state["unexpected"]["error"].startswith("ZeroDivisionError: an accident")
        assert world.state["unexpected"]["place"].startswith("tenxsom/pipeline/")
        world.tick()
        assert (world.last[0].exit_code, world.state["unexpected"]["count"]) == (3, 2)
        assert "ZeroDivisionError" in world.last[0].message
        world.tick(minutes=0)
        world.tick()
        assert not world.has_report, "the tries are spread over time"
        world.ticks(20)
        assert world.report["state"] == "failed"
        assert "ZeroDivisionError" in world.report["reason"]
    before = len(world.vendor.charges)
    world.retry()
    world.ticks(3)
    assert world.report["state"] == "completed"
    assert [charge["kind"] for charge in world.vendor.charges].count("image") == 1, "a still that is paid for is used"
    assert before <= len(world.vendor.charges) == 2


def test_an_unexpected_error_while_a_paid_clip_is_asked_for_waits_for_its_deadline(world, monkeypatch):
    world.submit()
    with monkeypatch.context() as patched:
        patched.setattr(PaperVendor, "video_status", raises)
        world.ticks(20, minutes=60)
        assert not world.has_report, "asking is free, and a paid clip is not given up for a mistake of ours"
        assert world.state["clips"][0]["error"].startswith("ZeroDivisionError")
        assert world.last[0].exit_code == 3
        assert sum(entry["event"] == "unexpected_error" for entry in world.state["history"]) == 1
    world.tick()
    world.tick()
    assert world.report["state"] == "completed"


@pytest.mark.case
def test_an_unexpected_error_for_ever_ends_with_the_deadline(world, monkeypatch):
    world.submit()
    monkeypatch.setattr(PaperVendor, "video_status", raises)
    world.ticks(40, minutes=60)
    assert world.report["state"] == "failed"
    assert "ZeroDivisionError" in world.report["reason"]
    assert len(world.vendor.charges) == 2


def test_a_verification_that_raises_what_nobody_expected_is_no_death_of_the_program(world, monkeypatch):
    world.submit()
    monkeypatch.setattr(PaperDelivery, "verify", raises)
    world.ticks(15, minutes=60)
    assert not world.has_report, "a paid clip has its deadline"
    world.ticks(20, minutes=60)
    assert "ZeroDivisionError" in world.report["reason"]


def test_what_went_well_again_is_forgotten(world, monkeypatch):
    world.submit()
    world.vendor.check = "running"
    with monkeypatch.context() as patched:
        patched.setattr(PaperVendor, "video_status", raises)
        world.tick()
    assert world.state["unexpected"]
    world.tick()
    assert world.state["unexpected"] is None


# Deadlines hold in every state


def always(error: str) -> Callable[[World], None]:
    def order(world: World) -> None:
        real = world.vendor._paid

        def paid(kind: str, reference: str) -> Any:
            world.vendor.mood = error
            return real(kind, reference)

        setattr(world.vendor, "_paid", paid)  # noqa: B010  (mypy lets no method be replaced)

    return order


def upload_fails(world: World) -> None:
    def upload_image(*_: Any) -> str:
        raise TryAgainLater("the upload was refused")

    setattr(world.vendor, "upload_image", upload_image)  # noqa: B010  (mypy lets no method be replaced)


def checks(word: str) -> Callable[[World], None]:
    def order(world: World) -> None:
        world.vendor.check = word

    return order


WAITS = {
    "the order is always refused as busy": always("busy"),
    "the service is never reached": always("not_sent"),
    "the account is always refused": always("account"),
    "uploads always fail": upload_fails,
    "the still is never ready": checks("running"),
    "the still's status always fails": checks("down"),
}


@pytest.mark.parametrize("wait", WAITS)
def test_every_wait_is_told_and_has_its_deadline(world, wait):
    WAITS[wait](world)
    world.submit()
    world.ticks(20, minutes=60)
    assert not world.has_report
    assert sum("JOB_AGE_WARNING_MINUTES" in warning for warning in world.state["warnings"]) == 1
    while not world.has_report:
        world.tick(minutes=60)
    assert world.last[0].exit_code == 1, "the tick in which it fails for good"
    assert world.report["state"] == "failed"
    assert "24 hours after" in world.report["reason"]


def test_over_budget_waits_for_another_day_without_a_deadline(tmp_path, monkeypatch):
    world = World(tmp_path)
    (tmp_path / "templates").mkdir()
    prices = {"services": {"useapi_ltx": {"image_usd": "1", "clip_usd": "1", "clip_second_usd": "0"}}, "planners": {}}
    (tmp_path / "templates" / "prices.json").write_text(json.dumps(prices))
    world.app.close()
    world.app = paper_suite(tmp_path, world.vendor, DAILY_BUDGET_USD="0.5")
    monkeypatch.setattr(clock, "now", world.now)
    world.submit()
    world.ticks(60, minutes=60)
    assert world.state["state"] == "over_budget"
    assert world.last[0].exit_code == 3
    assert any("JOB_AGE_WARNING_MINUTES" in warning for warning in world.state["warnings"])
    world.app.close()


def test_a_failure_without_a_reason_is_asked_about_once_more(world):
    world.submit()
    world.vendor.check = "unexplained"
    world.tick()
    assert not world.has_report
    world.vendor.check = "ready"
    world.tick()
    assert world.report["state"] == "completed"


def test_a_failure_that_stays_without_a_reason_is_one(world):
    world.submit()
    world.vendor.check = "unexplained"
    world.ticks(2)
    assert world.report["state"] == "failed"


def test_a_status_of_no_table_is_in_the_trail_once(world):
    world.submit()
    world.vendor.check = "odd"
    world.ticks(4)
    told = [entry["detail"] for entry in world.state["history"] if entry["event"] == "unknown_status"]
    assert told == ["clip 1: 'daydreaming' in {}"]


@pytest.mark.case
def test_a_wait_for_a_status_of_no_table_is_told_with_it_to_the_end(world):
    world.submit()
    world.vendor.check = "odd"
    world.tick()
    assert "'daydreaming'" in queue_view.queued_job(world.state).waits_for
    world.ticks(40, minutes=60)
    assert "24 hours after" in world.report["reason"]
    assert "'daydreaming'" in world.report["reason"]


def test_a_wait_that_has_become_an_ordinary_one_is_told_as_one(world):
    world.submit()
    for check, is_told in (("odd", True), ("running", False)):
        world.vendor.check = check
        world.tick()
        assert ("'daydreaming'" in queue_view.queued_job(world.state).waits_for) is is_told


@pytest.mark.parametrize("mood", ["refused", "unset"])
def test_a_status_call_that_is_refused_has_the_clips_deadline(world, mood):
    errors = {"refused": ServiceRefused("400: bad request", 400), "unset": BadSettings("no key")}

    def video_status(*_: Any) -> Any:
        raise errors[mood]

    world.submit()
    setattr(world.vendor, "video_status", video_status)  # noqa: B010  (mypy lets no method be replaced)
    world.tick()
    assert world.last[0].exit_code == {"refused": 75, "unset": 3}[mood], "nothing has failed for good"
    world.ticks(20, minutes=60)
    assert not world.has_report
    world.ticks(20, minutes=60)
    assert world.report["state"] == "failed"


def test_a_file_that_kills_the_program_while_it_is_taken_in_does_so_five_times_and_no_more(world, monkeypatch):
    deaths = []

    def verify(*_: Any) -> Any:
        deaths.append(world.moment)
        raise Death

    world.submit()
    monkeypatch.setattr(PaperDelivery, "verify", verify)
    for _ in range(30):
        with contextlib.suppress(Death):
            world.tick()
    assert len(deaths) == limits.TRIES
    assert world.report["state"] == "failed"
    assert "the program ended 5 times while it took the clip in" in world.report["reason"]
    assert "$0" in world.retry()


def test_a_still_is_not_waited_for_when_the_tick_is_over(world, monkeypatch):
    world.vendor.check = "running"
    world.submit()
    monkeypatch.setattr(PaperVendor, "poll_policy", PollPolicy(check_seconds=3, wait_seconds=90))
    monkeypatch.setattr(clock, "sleep", lambda _: pytest.fail("it slept past the end of the tick"))
    with world.app.store.claim("lake") as claim:
        world.app.generator.generate_with_useapi(claim, clock.Deadline(0))
        assert claim.job.clips[0].step == Step.AWAIT_IMAGE


@pytest.mark.parametrize("kind", [ServiceRefused, SubmitUnclear])
def test_what_was_answered_to_a_paid_call_is_in_the_state_and_in_the_report(world, kind):
    said = {"status": 422, "text": "Moderated: request 17 of owner@example.com", "ids": ["17"]}

    def request_image(*_: Any) -> Any:
        raise kind("no", answer=said)

    setattr(world.vendor, "request_image", request_image)  # noqa: B010  (mypy lets no method be replaced)
    world.submit()
    if kind is SubmitUnclear:
        (kept,) = world.state["clips"][0]["answers"]
        assert (kept["step"], kept["text"], kept["ids"]) == ("request_image", said["text"], ["17"])
        world.app.manager().resolve("lake", None)
    (told,) = world.report["clips"][0]["answers"]
    assert (told["status"], told["ids"]) == (422, ["17"])
    assert "owner@example.com" not in told["text"]


@pytest.mark.parametrize("retry_after", [None, 1.0], ids=["silent", "with a pause"])
def test_a_still_whose_link_leads_to_a_host_that_stays_away_is_asked_for_a_fresh_link(world, retry_after):
    real, links = world.vendor.fetch_image, []

    def fetch_image(url: str, *arguments: Any) -> Any:
        links.append(url)
        if url == links[0]:
            world.vendor.check = "moved"
            raise ServiceDown("its host is away", retry_after)
        return real(url, *arguments)

    setattr(world.vendor, "fetch_image", fetch_image)  # noqa: B010  (mypy lets no method be replaced)

    def image_status(*_: Any) -> GenerationStatus:
        return GenerationStatus(GenerationState.READY, url=f"https://{world.vendor.check}.example.com")

    setattr(world.vendor, "image_status", image_status)  # noqa: B010
    world.submit()
    world.ticks(6)
    assert world.report["state"] == "completed"
    assert links[0] != links[-1]
    assert len(world.vendor.charges) == 2


@pytest.mark.parametrize("step", ["image_status", "upload_image"])
def test_one_odd_refusal_on_the_way_to_the_order_does_not_cost_a_paid_still(world, step):
    real, answers = getattr(world.vendor, step), [400]

    def once(*arguments: Any) -> Any:
        if answers:
            raise ServiceRefused(f"HTTP {answers[0]}", answers.pop())
        return real(*arguments)

    setattr(world.vendor, step, once)
    world.submit()
    assert world.last[0].exit_code == 75
    world.ticks(3)
    assert world.report["state"] == "completed"


@pytest.mark.parametrize("step", ["image_status", "upload_image"])
def test_a_refusal_that_stays_ends_the_clip(world, step):
    def refused(*_: Any) -> Any:
        raise ServiceRefused("HTTP 400: not this picture", 400)

    setattr(world.vendor, step, refused)
    world.submit()
    world.ticks(10)
    assert "not this picture" in world.report["reason"]
