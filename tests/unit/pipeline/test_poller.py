"""One tick: how many jobs it works on at once, and what does not slow it down."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tenxsom import clock, settings
from tenxsom.app import App
from tenxsom.model.clip import Step
from tenxsom.pipeline import poller
from tenxsom.store.base import Claim
from tests.net_server import ScriptedServer, Visit, head
from tests.processes import in_a_shell
from tests.states import new_clip, new_job

ROOT = Path(__file__).resolve().parents[3]


def queue_of(home: Path, count: int) -> None:
    folder = home / "pending_video_jobs"
    folder.mkdir()
    for number in range(count):
        video = {"job_id": f"job-{number}", "generation_id": f"gen-{number}"}
        clip = new_clip(step=Step.AWAIT_VIDEO, video=video, submitted_at=clock.stamp())
        job = new_job(f"j{number}", service="useapi_ltx", clips=[clip])
        (folder / f"j{number}.json").write_bytes(job.as_json())


def tick(home: Path, server: ScriptedServer, limit: int | None = None) -> str:
    """What a tick in a process of its own says, and nothing on stderr."""
    environment = {"TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": "user:1-a", "USEAPI_BASE_URL": f"{server.url}/v1"}
    done = subprocess.run(
        in_a_shell(f"ulimit -n {limit}" if limit else ":", sys.executable, "poll_video_status.py"),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def active(visit: Visit, *, specified: bool = True) -> None:
    """Answer that a job is running; at the specification's endpoint only where `specified` says so."""
    while request := visit.read_request():
        known = specified or "/assets/" in request.target
        body = b'{"status": {"type": "active"}}' if known else b'{"error": "unknown"}'
        visit.sock.sendall(head(200 if known else 404, {"Content-Length": str(len(body))}) + body)


@pytest.mark.case
def test_a_tick_keeps_to_the_limit_of_open_files(home: Path) -> None:
    queue_of(home, 80)
    with ScriptedServer(active) as server:
        assert tick(home, server, limit=110) == "80 checked, 0 done, 80 pending."
        assert server.connections < 20


@pytest.mark.case
def test_a_tick_of_a_new_installation_has_nothing_to_say(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with App(settings.load({"TENXSOM_HOME": str(home)})) as app:
        assert app.poller().tick() == []
    assert caplog.messages == []
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("limit", "workers"),
    [(resource.RLIM_INFINITY, 64), (1_048_576, 64), (1024, 64), (256, 38), (128, 12), (64, 1), (20, 1)],
)
def test_as_many_jobs_at_once_as_the_limit_of_open_files_allows(limit: int, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert poller.jobs_at_once(64) == workers


def test_where_the_second_endpoint_is_the_right_one_jobs_are_asked_for_side_by_side_all_the_same(home: Path) -> None:
    """Each answer waits until several questions are under way at once: one by one, the tick would never get there."""
    together = threading.Barrier(8)

    def behave(visit: Visit) -> None:
        visit.read_request()
        together.wait(20)
        body = b'{"error": "unknown"}'
        visit.sock.sendall(head(404, {"Content-Length": str(len(body))}) + body)
        active(visit, specified=False)

    queue_of(home, 8)
    with ScriptedServer(behave) as server:
        assert tick(home, server) == "8 checked, 0 done, 8 pending."
        assert not together.broken


class Places(threading.BoundedSemaphore):
    """One place, which tells when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked = 0
        self.is_waited_for = threading.Event()

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        self.asked += 1
        if self.asked > 1:
            self.is_waited_for.set()
        return super().acquire(blocking, timeout)


class StoppedSubmitter:
    """Carries a submission on until another job waits for its turn, and is stopped then."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.carried_on: list[str] = []

    def carry_on(self, claim: Claim, *, deadline: clock.Deadline) -> None:
        self.carried_on.append(claim.job.content_id)
        assert self.places.is_waited_for.wait(30)
        clock.request_stop()


def test_a_job_that_waits_for_its_turn_is_not_planned_after_a_stop(home: Path) -> None:
    """A plan costs money, and the wait for it would have been given up at once."""
    folder = home / "pending_video_jobs"
    folder.mkdir()
    for content_id in ("lake", "hill"):
        (folder / f"{content_id}.json").write_bytes(new_job(content_id).as_json())
    places = Places()
    submitter = StoppedSubmitter(places)
    try:
        with App(settings.load({"TENXSOM_HOME": str(home)})) as app:
            app.visitor._submitter, app.visitor._limits = submitter, {"local_studio": places}
            results = app.poller().tick()
    finally:
        clock.forget_stop()
    assert len(submitter.carried_on) == 1
    assert [result.exit_code for result in results if result.content_id not in submitter.carried_on] == [75]
