"""Several processes over one world: races, kills, restarts; and what a world keeps and forgets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tenxsom import clock
from tenxsom.errors import DiskError
from tenxsom.services.local_studio import LocalStudio
from tenxsom_studio import ids, making
from tenxsom_studio.app import create_app
from tenxsom_studio.records import Order
from tenxsom_studio.renders import Renders
from tenxsom_studio.server import running, serve
from tenxsom_studio.studio import Studio
from tests.studio_doors import TIMEOUT, TOKEN, Door, over_a_socket

CHECK_UNTIL_OVER = """
import sys
from pathlib import Path
from tenxsom import clock
from tenxsom_studio import making
from tenxsom_studio.studio import Studio

really_render = making._render

def counted(world, order, name, progress):
    with open(Path(sys.argv[1]) / "renders.log", "a") as log:
        log.write("one\\n")
    return really_render(world, order, name, progress)

making._render = counted
studio = Studio(Path(sys.argv[1]))
job = studio.jobs.find(sys.argv[2])
while not job.is_over:
    job = studio.jobs.check(job)
    studio.drain(60)
    clock.sleep(0.01)
print(job.stage)
"""

CHECK_ONCE_AND_LEAVE = """
import sys
from pathlib import Path
from tenxsom_studio.studio import Studio

studio = Studio(Path(sys.argv[1]))
print(studio.jobs.check(studio.jobs.find(sys.argv[2])).stage)
"""

HOLD_THE_RENDER = """
import sys
from pathlib import Path
from tenxsom import clock
from tenxsom.locks import lock_table

lock_table(Path(sys.argv[1]) / ".locks").acquire("render:" + sys.argv[2])
print("held", flush=True)
clock.sleep(600)
"""

SERVE = """
import sys
from pathlib import Path
from tenxsom import clock
from tenxsom_studio.server import serve

clock.stop_on_signals()
serve(Path(sys.argv[1]), "127.0.0.1", 0, ready=lambda address: print(address, flush=True))
print("ended")
"""


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Door]:
    with over_a_socket(tmp_path / "world") as opened:
        yield opened


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def key_of(door: Door, job_id: str) -> str:
    key = ids.key_of_job(job_id)
    assert key is not None
    return key


@pytest.mark.slow
def test_two_processes_that_want_the_same_clip_render_it_once(near: Door) -> None:
    world, key = near.studio.world.root, key_of(near, near.clip())
    both = [start(CHECK_UNTIL_OVER, world, key) for _ in range(2)]
    assert [process.communicate(timeout=60) for process in both] == [("complete\n", "")] * 2
    assert (world / "renders.log").read_text() == "one\n"


@pytest.mark.slow
def test_a_clip_whose_renderer_was_killed_is_rendered_by_the_process_that_asks_next(near: Door) -> None:
    job_id = near.clip()
    with start(HOLD_THE_RENDER, near.studio.world.root, key_of(near, job_id)) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        near.studio.world.report_progress(key_of(near, job_id), 40)
        for _ in range(2):
            assert near.status(job_id) == {"type": "active", "progress": 40}
            assert near.studio.drain(TIMEOUT)  # it gave way to the other process
        os.kill(other.pid, signal.SIGKILL)
    assert "artifact" in near.finish(job_id)


@pytest.mark.slow
def test_a_process_that_ends_breaks_its_render_off_and_loses_nothing(near: Door) -> None:
    job_id = near.clip(duration="30")
    other = start(CHECK_ONCE_AND_LEAVE, near.studio.world.root, key_of(near, job_id))
    assert other.communicate(timeout=60) == ("active\n", "")
    assert list((near.studio.world.root / "media").glob("*.mp4")) == []
    assert list((near.studio.world.root / "work").iterdir()) == []
    assert near.status(job_id)["type"] == "active"


def test_a_restarted_studio_carries_on_where_the_old_one_stopped(tmp_path: Path) -> None:
    with over_a_socket(tmp_path) as door:
        job_id = door.job()
        assert door.status(job_id)["type"] == "active"
    with over_a_socket(tmp_path) as door:
        assert "artifact" in door.finish(job_id)
        assert len(door.studio.charges()) == 1


def test_a_job_that_was_accepted_just_before_a_kill_is_charged_when_it_is_checked(near: Door) -> None:
    job_id = near.job()
    (near.studio.world.root / "charges.jsonl").unlink()
    near.status(job_id)
    assert [charge["jobId"] for charge in near.studio.charges()] == [job_id]


def test_a_torn_line_of_charges_spoils_only_itself(near: Door) -> None:
    near.job()
    with open(near.studio.world.root / "charges.jsonl", "ab") as file:
        file.write(b'{"time": "20')
    near.job()
    assert len(near.studio.charges()) == 2


def test_a_full_disk_is_a_clear_refusal_and_no_free_work(near: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near.studio.world, "charge", _full_disk)
    assert near.create("video").status_code == 503
    assert near.api("GET", "scheduler").json() == []
    assert list((near.studio.world.root / "jobs").iterdir()) == []


def test_what_is_older_than_a_day_goes_with_the_next_job(near: Door) -> None:
    old, link = near.job(), near.upload()["assetUrl"]
    root = near.studio.world.root
    for path in [*root.glob("*/*"), root / ".pruned"]:
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 90_000))
    new = near.job()
    assert near.api("GET", f"assets/{old}").json() == {"error": "Job not found or has expired.", "code": 404}
    assert near.fetch(link).status_code == 404
    assert [path.stem for path in root.glob("[jam]*/*")] == [key_of(near, new)]


def test_an_expired_link_is_403(near: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenxsom_studio.storage.LINK_LIFE_SECONDS", 0)
    assert near.fetch(near.upload()["assetUrl"]).status_code == 403


def test_an_abandoned_job_stops_counting_against_the_limit(near: Door) -> None:
    key = key_of(near, near.job())
    assert near.create(maxJobs=1).status_code == 429
    for marker in near.studio.world.root.glob(f"executing/*/{key}"):
        os.utime(marker, (0, 0))
    assert near.create(maxJobs=1).status_code == 200


def test_a_service_that_is_closed_has_no_render_left_for_the_interpreters_end(tmp_path: Path) -> None:
    """A renderer whose threads are taken away while it works fails its clip for good."""
    service, begun = LocalStudio(tmp_path), threading.Event()
    renders = service._studio.renders

    def make(_key: str) -> None:
        begun.set()
        while not renders.is_ending():
            clock.sleep(0.01)

    renders._make = make
    renders.want("a")
    assert begun.wait(10)
    service.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "studio-render"]


def test_a_clip_that_cannot_be_rendered_fails_its_job_with_a_reason(near: Door) -> None:
    start_frame = near.upload()["asset"]["fileId"]
    job_id = near.job("video", startAssetId=start_frame)
    near.studio.world.media(near.studio.world.assets()[0]).unlink()
    status = near.finish(job_id)
    assert status == {"type": "failed", "message": "The clip could not be rendered. Its start frame has expired."}


def test_links_point_to_the_storage_host_that_was_asked_for(tmp_path: Path) -> None:
    app = create_app(tmp_path, storage_host="storage.invalid")
    with app.test_request_context("http://api.invalid/"):
        studio: Studio = app.extensions["studio"]
        job = studio.jobs.accept("image", Order("A", "16:9", 1), studio.world.accounts()["studio@example.com"], 20)
        assert studio.storage.signed(making.artifact(job))["assetUrl"].startswith("http://storage.invalid/storage/local-studio/")


def test_without_a_token_of_its_own_the_studio_takes_any(tmp_path: Path) -> None:
    client = create_app(tmp_path).test_client()
    assert client.get("/v1/ltxstudio/scheduler", headers={"Authorization": "Bearer any"}).status_code == 200
    assert client.get("/v1/ltxstudio/scheduler").status_code == 401


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8765"])
def test_a_studio_over_a_socket_answers_to_its_own_names(tmp_path: Path, host: str) -> None:
    with running(tmp_path, token=TOKEN) as server:
        asked = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
        assert requests.get(f"{server.url}/v1/ltxstudio/scheduler", headers=asked, timeout=TIMEOUT).status_code == 200


@pytest.mark.parametrize("host", ["studio.example", "localhost.example:8765", "127.0.0.1.example", "10.0.0.1", "[::2]", "[", ""])
@pytest.mark.parametrize("path", ["/v1/ltxstudio/scheduler", "/studio/charges", "/storage/x"])
def test_a_name_that_somebody_elses_server_leads_here_gets_nothing(tmp_path: Path, host: str, path: str) -> None:
    """As a page in a browser does it: a name of its own that resolves to this machine (DNS rebinding)."""
    with running(tmp_path) as server:
        asked = {"Host": host, "Authorization": "Bearer any"}
        assert requests.get(f"{server.url}{path}", headers=asked, timeout=TIMEOUT).status_code == 421


def test_renders_run_only_so_many_at_once_and_each_wish_once() -> None:
    made: list[str] = []
    running_now: list[str] = []
    most: list[int] = []
    two, gate = threading.Event(), threading.Event()

    def make(key: str) -> None:
        running_now.append(key)
        most.append(len(running_now))
        if len(running_now) == 2:
            two.set()
        gate.wait(TIMEOUT)
        running_now.remove(key)
        made.append(key)

    renders = Renders(make, workers=2)
    for key in ["a", "b", "c", "a", "c"]:
        renders.want(key)
    assert two.wait(TIMEOUT)
    assert not renders.drain(0)
    gate.set()
    assert renders.drain(TIMEOUT)
    assert (sorted(made), max(most)) == (["a", "b", "c"], 2)


@pytest.mark.parametrize("end", [Renders.close, lambda _: clock.request_stop()], ids=["close", "stop request"])
def test_at_the_end_what_waits_is_dropped_and_what_runs_is_told(end: Callable[[Renders], Any]) -> None:
    made: list[str] = []
    started = threading.Event()

    def make(key: str) -> None:
        started.set()
        while not renders.is_ending():
            os.sched_yield()
        made.append(key)

    renders = Renders(make, workers=1)
    renders.want("runs")
    renders.want("waits")
    try:
        assert started.wait(TIMEOUT)
        end(renders)
        renders.want("too late")
        renders.close()
    finally:
        clock.forget_stop()
    assert made == ["runs"]


def test_a_machine_without_another_thread_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    made: list[str] = []
    renders = Renders(made.append, workers=1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        renders.want("a")
    assert renders.drain(0)
    renders.want("a")
    assert renders.drain(TIMEOUT)
    assert made == ["a"]
    renders.close()


def test_the_server_ends_cleanly_on_term(tmp_path: Path) -> None:
    server = start(SERVE, tmp_path)
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{address}/v1/ltxstudio/scheduler", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=TIMEOUT)
    assert answer.json() == []
    server.send_signal(signal.SIGTERM)
    assert server.communicate(timeout=TIMEOUT) == ("ended\n", "")
    assert server.returncode == 0


def test_a_taken_port_is_said_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as server, pytest.raises(OSError, match="in use"):
        serve(tmp_path, "127.0.0.1", int(server.url.rpartition(":")[2]))


def _full_disk(*_: object) -> None:
    raise DiskError("No room.")
