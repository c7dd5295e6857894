"""Being told, with the scripts as processes: notifications, webhooks, the dead-man's switch, metrics, logs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.belt import Belt, definition
from tests.crash.test_secrets import search
from tests.hooks import KEY, SECRET, Receiver, receiving
from tests.net_server import unused_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def belt(tmp_path: Path, studio) -> Belt:
    home = tmp_path / "home"
    home.mkdir()
    return Belt(home, {"USEAPI_BASE_URL": f"{studio.url}/v1", "USEAPI_BEARER_TOKEN": "user:1-test"})


def hooked(belt: Belt, url: str) -> None:
    belt.environment |= {"WEBHOOK_URL": f"{url}/hooks/tx", "WEBHOOK_SECRET": SECRET}


@pytest.mark.slow
def test_a_process_that_is_killed_between_event_and_delivery_loses_nothing(belt, receiver):
    hooked(belt, receiver.url)
    assert belt.submit(definition()).code == 0
    receiver.is_held = True
    deadline = time.monotonic() + 100
    while not receiver.arrived:
        assert time.monotonic() < deadline
        process = belt.start("poll_video_status.py", "--json", "lake")
        while process.poll() is None and not receiver.arrived:
            time.sleep(0.01)
        if receiver.arrived:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    assert belt.report("lake"), "the job has ended, and nobody was told"
    receiver.is_held = False
    receiver.released.set()
    assert belt.run("poll_video_status.py").code == 0, "a tick over an empty queue delivers what is left"
    assert receiver.events() == ["completed", "completed"]
    assert receiver.arrived[0].id == receiver.arrived[1].id
    assert receiver.arrived[1].is_signed_with(KEY)
    belt.run("poll_video_status.py")
    assert len(receiver.arrived) == 2


def test_a_tick_over_an_empty_queue_pings_its_check(belt, receiver):
    (belt.home / "pending_video_jobs").mkdir()
    (belt.home / "production.env").write_text(f"# being told\nHEALTHCHECK_URL={receiver.url}/check-1\n")
    assert belt.run("poll_video_status.py").code == 0
    assert [each.path.partition("?")[0] for each in receiver.arrived] == ["/check-1/start", "/check-1"]


def test_a_tick_over_an_empty_queue_writes_its_metrics(belt):
    (belt.home / "pending_video_jobs").mkdir()
    belt.environment["METRICS_FILE"] = str(belt.home / "tenxsom.prom")
    assert belt.run("poll_video_status.py").code == 0
    assert "\ntenxsom_last_tick_exit_code 0\n" in (belt.home / "tenxsom.prom").read_text()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"WEBHOOK_URL": "https://example.com/hook", "WEBHOOK_SECRET": "whsec_nonsense!"},
            "WEBHOOK_SECRET: its value is no secret",
        ),
        ({"NOTIFY_URLS": "nosuchservice://token"}, "NOTIFY_URLS: Apprise cannot use address 1 (nosuchservice://…)"),
        ({"NOTIFY_ON": "competed"}, "did you mean completed?"),
        ({"HEALTHCHECK_URL": "hc-ping.com/x"}, "HEALTHCHECK_URL: its value is no http or https address"),
        ({"METRICS_FILE": "/nowhere/at/all.prom"}, "METRICS_FILE: "),
    ],
)
def test_a_target_that_cannot_work_stops_the_program_before_anything_is_paid(belt, studio, changes, sentence):
    belt.environment |= changes
    ended = belt.submit(definition())
    assert ended.code == 2
    assert sentence in ended.err or sentence in ended.out
    assert "nonsense" not in ended.err + ended.out
    assert studio.charges() == []
    assert belt.state("lake") is None


@pytest.mark.slow
@pytest.mark.parametrize("style", ["text", "json"])
def test_no_secret_of_a_target_is_in_any_file_or_output_whatever_fails(belt, receiver, style):
    canary, check, key = (f"{secrets.token_hex(12)}canary7" for _ in range(3))
    receiver.status = 404
    belt.environment |= {
        "WEBHOOK_URL": f"{receiver.url}/{canary}?key={key}",
        "WEBHOOK_SECRET": SECRET,
        "HEALTHCHECK_URL": f"http://127.0.0.1:{unused_port()}/{check}",
        "NOTIFY_URLS": f"json://user:{key}@127.0.0.1:{receiver.server_address[1]}/{canary} discord://{check}/{key}",
        "METRICS_FILE": str(belt.home / "tenxsom.prom"),
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": style,
        "LOG_FILE": str(belt.home / "all.log"),
        "HTTPS_PROXY": f"http://127.0.0.1:{unused_port()}",  # Discord is not there
    }
    said = [belt.submit(definition())]
    belt.collect("lake")
    said += [belt.poll(), belt.run("manage_jobs.py", "status")]
    assert receiver.arrived
    assert len(list((belt.home / ".outbox").glob("*.json"))) == 1
    assert "failed" in (belt.home / "all.log").read_text()
    search(belt, said, canary, check, key, SECRET, SECRET.removeprefix("whsec_"))


@pytest.mark.slow
def test_a_json_log_tells_each_event_with_its_service_its_step_and_its_money(belt):
    belt.environment |= {"LOG_FORMAT": "json", "LOG_FILE": str(belt.home / "all.log"), "LOG_LEVEL": "DEBUG"}
    belt.submit(definition())
    belt.collect("lake")
    entries = [json.loads(line) for line in (belt.home / "all.log").read_text().splitlines()]
    ordered = next(entry for entry in entries if entry.get("action") == "video_requested")
    assert (ordered["content_id"], ordered["service"], ordered["step"]) == ("lake", "useapi_ltx", "request_video")
    assert ordered["seconds"] >= 0
    assert "usd" in ordered
    calls = [entry for entry in entries if entry["logger"] == "tenxsom.http.calls"]
    assert {entry["action"] for entry in calls} >= {"get", "paid", "post", "download"}
    assert all(entry["service"] and entry["seconds"] >= 0 for entry in calls)
    assert "Bearer" not in (belt.home / "all.log").read_text()
