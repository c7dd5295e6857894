"""Many processes on one queue: pollers and orchestrators side by side, killed at random, stopped for longer than any time-out."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator

import pytest

from tests.belt import TOKEN, Belt, definition
from tests.crash import invariants, wire_proxy
from tests.crash.wire_proxy import Relay, WireProxy
from tests.forked import Forked

pytestmark = pytest.mark.slow

POLLERS, JOBS, KILLS = 10, 6, 12


@pytest.fixture
def belt(tmp_path, studio) -> Belt:
    return Belt(tmp_path, {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{studio.url}/v1"})


@pytest.fixture
def proxy(studio) -> Iterator[WireProxy]:
    with wire_proxy.running(studio.url) as running:
        yield running


def end(processes: list[Forked]) -> None:
    for process in processes:
        process.communicate(timeout=120)


def test_two_orchestrators_with_the_same_definition_pay_once(belt, studio):
    job = belt.write(definition())
    end([belt.fork("master_orchestrator_v3.py", "--json", job) for _ in range(4)])
    assert len(studio.charges()) == 2
    invariants.all_hold(belt, studio.charges(), "lake")


def test_ten_pollers_share_a_queue_while_they_are_killed_at_random(belt, studio):
    ids = [f"job-{number}" for number in range(JOBS)]
    jobs = [belt.write(definition(content_id)) for content_id in ids]
    chance = random.Random(7)
    pollers: list[Forked] = []
    kills = 0
    end([belt.fork("master_orchestrator_v3.py", "--json", *jobs) for _ in range(2)])
    for _ in range(200):
        end([poller for poller in pollers if poller.poll() is not None])
        pollers = [poller for poller in pollers if poller.returncode is None]
        pollers += [belt.fork("poll_video_status.py", "--json", *ids) for _ in range(POLLERS - len(pollers))]
        if all(belt.report(content_id) for content_id in ids):
            break
        victim = chance.choice(pollers)
        if kills < KILLS:
            kills += 1
            victim.kill()
        end([victim])
    end([poller for poller in pollers if poller.returncode is None])
    for content_id in ids:
        assert belt.report(content_id)["state"] == "completed"
        assert belt.state(content_id) is None
    assert len(studio.charges()) == 2 * JOBS
    belt.poll()
    assert not [name for name in belt.leftovers() if not name.endswith(".tmp")]


def test_a_stopped_owner_keeps_its_job_for_as_long_as_it_is_stopped(belt, studio, proxy):
    belt.environment["USEAPI_BASE_URL"] = f"{proxy.url}/v1"
    belt.environment["STATUS_TIMEOUT_SECONDS"] = "0.5"
    belt.submit(definition())
    stopped: list[int] = []

    def stop_the_caller(relay: Relay) -> None:
        stopped.append(proxy.victims.get(timeout=60))
        os.kill(stopped[0], signal.SIGSTOP)
        Relay.pass_on(relay)

    proxy.script(1, stop_the_caller)
    owner = belt.fork("poll_video_status.py", "--json", "lake")
    proxy.victims.put(owner.pid)
    while not stopped:
        assert owner.poll() is None
    revision = belt.state("lake")["revision"]
    belt.environment["USEAPI_BASE_URL"] = f"{studio.url}/v1"
    for _ in range(3):
        assert belt.poll("lake").code == 75, "another process worked on a job that has an owner"
    assert belt.state("lake")["revision"] == revision
    os.kill(owner.pid, signal.SIGCONT)
    owner.communicate(timeout=60)
    assert belt.collect("lake")["state"] == "completed"


def test_the_death_of_an_owner_frees_its_job_at_once(belt, studio, proxy):
    belt.submit(definition())
    belt.environment["USEAPI_BASE_URL"] = f"{proxy.url}/v1"
    proxy.script(1, Relay.kill_before)
    owner = belt.fork("poll_video_status.py", "--json", "lake")
    proxy.victims.put(owner.pid)
    owner.communicate(timeout=60)
    assert belt.poll("lake").document["checked"] == 1


def test_eight_orchestrators_race_for_the_last_cent_of_the_budget(belt, studio):
    prices = {"services": {"useapi_ltx": {"image_usd": "0.01", "clip_usd": "0", "clip_second_usd": "0.08"}}, "planners": {}}
    (belt.home / "templates").mkdir()
    (belt.home / "templates" / "prices.json").write_text(json.dumps(prices))
    belt.environment["DAILY_BUDGET_USD"] = "0.75"  # three jobs of 0.01 + 3 × 0.08
    jobs = [belt.write(definition(f"race-{number}")) for number in range(8)]
    racers = [belt.fork("master_orchestrator_v3.py", "--json", job) for job in jobs]
    end(racers)
    spent = sum(0.01 if charge["kind"] == "image" else 0.24 for charge in studio.charges())
    assert round(spent, 2) <= 0.75
    assert {racer.returncode for racer in racers} <= {0, 3}
    assert any(racer.returncode == 3 for racer in racers)
    states = [belt.state(f"race-{number}")["state"] for number in range(8)]
    assert set(states) <= {"waiting", "over_budget"}
    invariants.paid_at_most_once(studio.charges())
    belt.environment["DAILY_BUDGET_USD"] = "100"
    for number in range(8):
        belt.poll(f"race-{number}")
    assert {belt.state(f"race-{number}")["state"] for number in range(8)} == {"waiting"}
