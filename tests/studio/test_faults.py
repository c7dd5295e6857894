"""Scripted misbehaviour, as a client sees it through both doors."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import pytest
import requests

from tenxsom import clock
from tenxsom.errors import BadInput
from tenxsom_studio.faults import Call, Faults, write_rules
from tenxsom_studio.world import World
from tests.studio_doors import TIMEOUT, TOKEN, Door, over_a_socket, picture

pytestmark = pytest.mark.slow

CREATE = "POST /videos/ltx-create"
STATUS = "GET /assets/{jobId}"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with over_a_socket(tmp_path / "world") as opened:
        yield opened


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Door]:
    """Only the in-process door, for what has nothing to do with doors."""
    with over_a_socket(tmp_path / "world") as opened:
        yield opened


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, str]]:
    """A studio with one finished still, and the still's job."""
    with over_a_socket(tmp_path_factory.mktemp("gallery")) as opened:
        job_id = opened.job()
        opened.finish(job_id)
        yield opened, job_id


def order(door: Door, *rules: dict[str, Any]) -> None:
    write_rules(door.studio.world.root, rules)


@pytest.mark.parametrize("status", [401, 402, 404, 412, 422, 429, 500, 502, 503, 596])
def test_any_status_can_be_ordered_and_comes_once(door: Door, status: int) -> None:
    order(door, {"on": CREATE, "do": "status", "status": status, "message": "Ordered."})
    answer = door.create("video")
    assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (status, "Ordered.", status)
    assert door.studio.charges() == []
    assert door.create("video").status_code == 200


def test_an_ordered_429_says_when_to_come_back(near: Door) -> None:
    order(near, {"on": "* *", "do": "status", "status": 429, "retry_after": 7})
    answer = near.api("GET", "scheduler")
    assert answer.headers["Retry-After"] == "7"
    assert 5 < (clock.parse(answer.json()["retryAfter"]) - clock.now()).total_seconds() <= 7


def test_an_ordered_answer_may_have_its_own_body_and_headers(near: Door) -> None:
    body = {"error": {"code": 503, "message": "upstream", "status": "UNAVAILABLE"}}
    order(near, {"on": "GET /scheduler", "do": "status", "status": 503, "body": body, "headers": {"Via": "test"}})
    answer = near.api("GET", "scheduler")
    assert (answer.json(), answer.headers["Via"]) == (body, "test")


def test_a_522_is_a_web_page(door: Door) -> None:
    order(door, {"on": STATUS, "do": "status", "status": 522})
    answer = door.api("GET", f"assets/{door.job()}")
    assert (answer.status_code, answer.text[:15]) == (522, "<!DOCTYPE html>")


def test_a_rule_lets_calls_pass_before_it_strikes(near: Door) -> None:
    order(near, {"on": "GET /scheduler", "do": "status", "skip": 2, "times": 2})
    assert [near.api("GET", "scheduler").status_code for _ in range(5)] == [200, 200, 500, 500, 200]


def test_rules_strike_one_after_another(near: Door) -> None:
    order(near, *({"on": "GET /scheduler", "do": "status", "status": status} for status in (503, 502)))
    assert [near.api("GET", "scheduler").status_code for _ in range(3)] == [503, 502, 200]


def test_a_rule_can_be_narrowed_to_a_kind_and_to_a_text(near: Door) -> None:
    still, clip = near.job(), near.job("video")
    order(near, {"on": STATUS, "kind": "video", "do": "status"}, {"on": "POST *", "contains": "job-9", "do": "status"})
    assert [near.api("GET", f"assets/{job_id}").status_code for job_id in (still, clip)] == [200, 500]
    assert [near.create(replyRef=name).status_code for name in ("job-8", "job-9")] == [200, 500]


def test_a_new_script_starts_its_counts_anew(near: Door) -> None:
    for _ in range(2):
        order(near, {"on": "GET /scheduler", "do": "status"})
        assert [near.api("GET", "scheduler").status_code for _ in range(2)] == [500, 200]


def test_a_slow_answer_is_late_and_otherwise_right(door: Door) -> None:
    order(door, {"on": "GET /scheduler", "do": "slow", "seconds": 0.6})
    with pytest.raises(requests.ReadTimeout):
        door.session.get(f"{door.url}/v1/ltxstudio/scheduler", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=0.1)
    order(door, {"on": "GET /scheduler", "do": "slow", "seconds": 0.01})
    assert door.api("GET", "scheduler").json() == []


def test_accepted_work_can_hide_behind_a_502(door: Door) -> None:
    order(door, {"on": CREATE, "do": "accept_then_status"})
    assert door.create("video", replyRef="r1").status_code == 502
    assert [charge["replyRef"] for charge in door.studio.charges()] == ["r1"]
    assert door.api("GET", "scheduler").json()[0]["jobId"] == door.studio.charges()[0]["jobId"]


def test_accepted_work_can_hide_behind_a_broken_connection(door: Door) -> None:
    order(door, {"on": CREATE, "do": "accept_then_drop"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        door.create("video", replyRef="r1")
    assert len(door.studio.charges()) == 1
    assert door.create("video").status_code == 200


def test_accepted_work_can_come_without_a_job_id(near: Door) -> None:
    order(near, {"on": CREATE, "do": "no_job_id"})
    assert near.create("video").json() == {}
    assert len(near.studio.charges()) == 1


def test_a_refused_create_does_not_use_up_a_fault_of_accepted_ones(near: Door) -> None:
    order(near, {"on": CREATE, "do": "accept_then_status"})
    assert near.create("video", prompt="").status_code == 400
    assert near.create("video").status_code == 502


def test_completed_can_lack_its_file_for_as_long_as_ordered(gallery: tuple[Door, str]) -> None:
    near, job_id = gallery
    order(near, {"on": STATUS, "do": "completed_without_url", "times": 3})
    seen = [near.status(job_id) for _ in range(4)]
    assert {status["type"] for status in seen} == {"completed"}
    assert ["artifact" in status for status in seen] == [False, False, False, True]


@pytest.mark.parametrize("on", [CREATE, STATUS])
def test_a_job_can_be_made_to_fail_with_a_message(near: Door, on: str) -> None:
    order(near, {"on": on, "do": "fail", "message": "The model was overloaded"})
    assert near.finish(near.job("video")) == {"type": "failed", "message": "The model was overloaded"}
    assert near.api("GET", "scheduler").json() == []


def test_a_status_outside_the_documented_set_can_be_ordered(near: Door) -> None:
    order(near, {"on": STATUS, "do": "unknown_status", "type": "aborted"})
    job_id = near.job()
    assert [near.status(job_id)["type"] for _ in range(2)] == ["aborted", "active"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_retired_service_answers_every_path_with_a_web_page(door: Door, status: int) -> None:
    job_id, link = door.job(), door.upload()["assetUrl"]
    order(door, {"do": "retired", "status": status})
    for path in ("accounts", "scheduler", f"assets/{job_id}", "anything/else"):
        answer = door.api("GET", path)
        assert (answer.status_code, answer.text[:15]) == (status, "<!DOCTYPE html>")
    assert door.create().status_code == status
    assert door.fetch(link).content == picture()


def test_the_specifications_status_call_can_be_switched_on(near: Door) -> None:
    assert near.api("GET", f"generations/{near.create().json()['generationId']}").status_code == 404
    order(near, {"do": "serve_generation"})
    for name in ("generationId", "jobId"):
        created = near.create().json()
        assert near.api("GET", f"generations/{created[name]}").json()["jobId"] == created["jobId"]
    assert near.api("GET", f"generations/gen_{'0' * 32}").status_code == 404


def test_a_truncated_download_is_a_broken_connection(door: Door) -> None:
    link = door.upload()["assetUrl"]
    order(door, {"on": "GET /storage", "do": "truncate", "bytes": 100})
    with door.fetch(link, stream=True) as answer:
        assert int(answer.headers["Content-Length"]) == len(picture())
        received = answer.raw.read(100)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            answer.content  # noqa: B018
    rest = door.fetch(link, headers={"Range": "bytes=100-"})
    assert received + rest.content == picture()


def test_a_dead_link_stays_dead_and_a_status_call_gives_a_living_one(gallery: tuple[Door, str]) -> None:
    near, job_id = gallery
    link = near.status(job_id)["artifact"]["assetUrl"]
    order(near, {"on": "GET /storage", "do": "expired"})
    assert [near.fetch(link).status_code for _ in range(2)] == [403, 403]
    assert near.fetch(near.status(job_id)["artifact"]["assetUrl"]).status_code == 200


def test_a_download_can_be_a_web_page(near: Door) -> None:
    link = near.upload()["assetUrl"]
    order(near, {"on": "GET /storage", "do": "html"})
    answer = near.fetch(link)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_download_can_go_on_for_ever(door: Door) -> None:
    link = door.upload()["assetUrl"]
    order(door, {"on": "GET /storage", "do": "endless"})
    with door.fetch(link, stream=True) as answer:
        assert "Content-Length" not in answer.headers
        pieces = answer.iter_content(1 << 16)
        head = next(pieces)
        assert sum(len(piece) for piece in itertools.islice(pieces, 100)) > 5_000_000
    assert head[:4] == b"\x89PNG"


def test_a_download_can_be_noise_of_the_right_size(near: Door) -> None:
    link = near.upload()["assetUrl"]
    order(near, {"on": "GET /storage", "do": "wrong_content"})
    noise = near.fetch(link).content
    assert (len(noise), noise != picture()) == (len(picture()), True)


def test_a_download_can_be_a_shorter_clip_than_ordered(near: Door, tmp_path: Path) -> None:
    job_id = near.clip()
    link = near.finish(job_id)["artifact"]["assetUrl"]
    order(near, {"on": "GET /storage", "do": "wrong_content", "seconds": 1})
    clip = tmp_path / "clip.mp4"
    for frames in (24, 72):
        clip.write_bytes(near.fetch(link).content)
        with av.open(str(clip)) as container:
            assert container.streams.video[0].frames == frames


def test_faults_can_be_ordered_and_read_over_http(door: Door) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    rule = {"on": "GET /scheduler", "do": "status", "status": 503}
    assert door.session.post(f"{door.url}/studio/faults", json=[rule], headers=headers, timeout=TIMEOUT).json() == [
        rule | {"seen": 0}
    ]
    assert door.api("GET", "scheduler").status_code == 503
    assert door.fetch(f"{door.url}/studio/faults", headers=headers).json() == [rule | {"seen": 1}]
    refused = door.session.post(f"{door.url}/studio/faults", json=[{"do": "nonsense"}], headers=headers, timeout=TIMEOUT)
    assert (refused.status_code, "nonsense" in refused.json()["error"]) == (400, True)
    assert door.session.post(f"{door.url}/studio/faults", json=[], timeout=TIMEOUT).status_code == 401


@pytest.mark.parametrize(
    "rule",
    [
        {"on": CREATE, "do": "explode"},
        {"do": "status"},
        {"on": "create", "do": "status"},
        {"on": CREATE, "do": "status", "times": -1},
        {"on": CREATE, "do": "status", "tmies": 2},
        "status",
    ],
    ids=str,
)
def test_a_rule_that_is_none_is_refused_when_it_is_written(tmp_path: Path, rule: Any) -> None:
    with pytest.raises(BadInput, match="rule 0"):
        write_rules(tmp_path, [rule])
    assert not (tmp_path / "faults.json").exists()


def test_a_broken_script_is_said_and_not_passed_over(near: Door) -> None:
    (near.studio.world.root / "faults.json").write_text("[{")
    answer = near.api("GET", "scheduler")
    assert (answer.status_code, "faults.json is not valid JSON" in answer.json()["error"]) == (500, True)


def test_two_callers_at_once_never_get_the_same_fault(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_rules(tmp_path, [{"on": "GET /x", "do": "status", "skip": 10, "times": 20}])
    scripts = [Faults(world) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda number: scripts[number % 4].take(Call("GET", "/x", "", ""), "answering"), range(100)))
    assert sum(rule is not None for rule in taken) == 20
    assert json.loads((tmp_path / "faults-used.json").read_text())["used"] == {"0": 30}
