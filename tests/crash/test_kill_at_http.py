"""kill -9 at every HTTP call of a submission and of a collection, before and after the vendor has acted; then run again."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator

import pytest

from tests.belt import TOKEN, Belt, definition
from tests.crash import invariants, wire_proxy
from tests.crash.deaths import ALL
from tests.crash.wire_proxy import Relay, WireProxy

pytestmark = pytest.mark.slow

SUBMISSION_CALLS = 8
"""flux-create, four status calls (the first at the endpoint of the specification), the picture, the upload, ltx-create."""
KILLS = [
    (call, strike)
    for call in range(1, SUBMISSION_CALLS + 1)
    for row, strike in enumerate((Relay.kill_before, Relay.kill_after))
    if ALL or call in (1, SUBMISSION_CALLS) or call % 2 == row
]
"""Where a submission is killed: before and after its paid calls, and before or after the others, unless CRASH_POINTS=all."""


@pytest.fixture
def proxy(studio) -> Iterator[WireProxy]:
    with wire_proxy.running(studio.url) as running:
        yield running


@pytest.fixture
def belt(tmp_path, proxy) -> Belt:
    return Belt(tmp_path, {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{proxy.url}/v1"})


def run_and_die(belt: Belt, proxy: WireProxy, script: str, *arguments: object) -> None:
    process = belt.fork(script, *arguments)
    proxy.victims.put(process.pid)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, "the call at which it should have died was never made"


@pytest.mark.parametrize(("call", "strike"), KILLS, ids=lambda value: getattr(value, "__name__", value))
def test_a_submission_that_was_killed_at_a_call_is_carried_on_without_paying_twice(belt, proxy, studio, call, strike):
    job = belt.write(definition())
    proxy.script(call, strike)
    run_and_die(belt, proxy, "master_orchestrator_v3.py", "--json", job)
    invariants.all_hold(belt, studio.charges(), "lake")
    proxy.script(None)
    ended = belt.run("master_orchestrator_v3.py", "--json", job)
    invariants.all_hold(belt, studio.charges(), "lake")
    if ended.code == 3:  # killed before the call was made: nobody can know that, so somebody has to say it
        assert (call, strike) in ((1, Relay.kill_before), (SUBMISSION_CALLS, Relay.kill_before))
        assert belt.state("lake")["state"] == "submit_unknown"
        assert belt.run("manage_jobs.py", "resolve", "lake", "--never-sent").code == 0
        assert belt.poll("lake").code == 0
    assert belt.state("lake")["state"] == "waiting"
    assert len(studio.charges()) == 2


@pytest.mark.parametrize(
    "strike",
    [Relay.drop_after, Relay.reset, Relay.bad_gateway, Relay.garble, Relay.cut],
    ids=["drop", "reset", "502", "garbage", "cut"],
)
@pytest.mark.parametrize("call", [1, SUBMISSION_CALLS], ids=["image", "video"])
def test_a_paid_call_whose_answer_was_lost_is_found_again_or_waits(belt, proxy, studio, call, strike):
    proxy.script(call, strike)
    ended = belt.submit(definition())
    proxy.script(None)
    invariants.all_hold(belt, studio.charges(), "lake")
    for _ in range(3):
        belt.poll("lake")
    invariants.all_hold(belt, studio.charges(), "lake")
    if strike is Relay.reset:
        assert ended.code == 3
        assert belt.state("lake")["state"] == "submit_unknown"
    else:
        assert (belt.report("lake") or belt.state("lake"))["state"] in ("waiting", "completed")


def test_a_collection_that_was_killed_at_any_call_is_carried_on(belt, proxy, studio, tmp_path):
    belt.submit(definition())
    kept = tmp_path / "kept"
    folders = ("pending_video_jobs", "completed_videos")
    calls = 0
    while not (report := belt.report("lake")):
        shutil.rmtree(kept, ignore_errors=True)
        for folder in folders:
            shutil.copytree(belt.home / folder, kept / folder)
        proxy.script(None)
        belt.poll("lake")
        calls = len(proxy.calls)
    assert report["state"] == "completed"
    for call in range(1, calls + 1):
        for folder in folders:
            shutil.rmtree(belt.home / folder)
            shutil.copytree(kept / folder, belt.home / folder)
        proxy.script(call, Relay.kill_after)
        run_and_die(belt, proxy, "poll_video_status.py", "lake")
        proxy.script(None)
        assert belt.collect("lake")["state"] == "completed"
        assert not belt.leftovers()
        invariants.paid_at_most_once(studio.charges())
