"""The official LTX API's contract, asked through both doors of the local studio; and its scripted misbehaviour."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
import requests

from tenxsom import clock
from tenxsom_studio.faults import write_rules
from tests.studio_doors import TIMEOUT, TOKEN, Door, over_a_socket, picture

pytestmark = pytest.mark.slow

TEXT, IMAGE = "/v2/text-to-video", "/v2/image-to-video"
VALID = {"prompt": "A circuit of microchips. Blue light.", "model": "ltx-2-3-fast", "duration": 6, "resolution": "1280x720"}


@dataclass
class Client:
    """Somebody who calls the LTX API of a studio."""

    door: Door

    def api(self, method: str, path: str, **details: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"} | details.pop("headers", {})
        return self.door.session.request(method, f"{self.door.url}{path}", headers=headers, timeout=TIMEOUT, **details)

    def order(self, path: str = TEXT, **body: Any) -> requests.Response:
        return self.api("POST", path, json={name: value for name, value in (VALID | body).items() if value != "missing"})

    def job(self, path: str = TEXT, **body: Any) -> str:
        answer = self.order(path, **body)
        assert answer.status_code == 202, answer.text
        return f"{path}/{answer.json()['id']}"

    def put(self, ticket: dict[str, Any], data: bytes, **headers: str) -> requests.Response:
        return self.door.fetch(ticket["upload_url"], "PUT", data=data, headers=ticket["required_headers"] | headers)

    def uploaded(self, data: bytes | None = None) -> str:
        ticket = self.api("POST", "/v1/upload").json()
        answer = self.put(ticket, data or picture())
        assert answer.status_code == 200, answer.text
        return str(ticket["storage_uri"])

    def finish(self, path: str) -> dict[str, Any]:
        for _ in range(5):
            status: dict[str, Any] = self.api("GET", path).json()
            if status["status"] in ("completed", "failed"):
                return status
            assert self.door.studio.drain(TIMEOUT)
        raise AssertionError(f"{path} never ended")

    def script(self, *rules: dict[str, Any]) -> None:
        write_rules(self.door.studio.world.root, rules)


@pytest.fixture
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    with over_a_socket(tmp_path / "world") as opened:
        (opened.studio.world.root / "scale").write_text("0.1")
        yield Client(opened)


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Client]:
    """Only the in-process door, for what has nothing to do with doors."""
    with over_a_socket(tmp_path / "world") as opened:
        (opened.studio.world.root / "scale").write_text("0.1")
        yield Client(opened)


@pytest.fixture
def idle(near: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A studio that renders nothing."""
    monkeypatch.setattr(near.door.studio.renders, "want", lambda key: None)
    return near


def refused(answer: requests.Response) -> tuple[int, str]:
    """The status and the type of an error, after a look at its form."""
    body = answer.json()
    assert (body["type"], sorted(body), sorted(body["error"])) == ("error", ["error", "type"], ["message", "type"])
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
    return answer.status_code, body["error"]["type"]


# Orders


def test_a_clip_from_a_picture_goes_from_pending_to_completed_and_really_plays(client: Client) -> None:
    accepted = client.order(IMAGE, image_uri=client.uploaded(picture(180, 320)), resolution="720x1280")
    assert (accepted.status_code, sorted(accepted.json())) == (202, ["created_at", "id"])
    assert "x-request-id" in accepted.headers
    path = f"{IMAGE}/{accepted.json()['id']}"
    assert client.api("GET", path).json()["status"] in ("pending", "processing", "completed")
    done = client.finish(path)
    assert sorted(done) == ["completed_at", "created_at", "id", "result", "status"]
    assert clock.parse(done["created_at"]) <= clock.parse(done["completed_at"]) <= clock.now()
    with av.open(io.BytesIO(client.door.fetch(done["result"]["video_url"]).content), "r") as clip:
        video = clip.streams.video[0]
        assert (video.width, video.height, len(clip.streams.audio)) == (72, 128, 1)
        assert video.average_rate == 24
        assert len(list(clip.decode(video))) == 6 * 24


def test_a_clip_from_the_prompt_alone_can_be_silent_and_fast(client: Client) -> None:
    done = client.finish(client.job(generate_audio=False, fps=48))
    with av.open(io.BytesIO(client.door.fetch(done["result"]["video_url"]).content), "r") as clip:
        assert (clip.streams.video[0].width, len(clip.streams.audio)) == (128, 0)
        assert clip.streams.video[0].average_rate == 48


@pytest.mark.parametrize(
    ("resolution", "size"),
    [("1920x1080", (1920, 1080)), ("1080x1920", (1080, 1920)), ("2560x1440", (2560, 1440)), ("2160x3840", (2160, 3840))],
)
def test_a_clip_has_the_size_that_was_ordered(idle: Client, resolution: str, size: tuple[int, int]) -> None:
    idle.job(resolution=resolution)
    world = idle.door.studio.world
    (world.root / "scale").unlink()
    assert world.size(world.executing()[0].order) == size


def test_the_caption_is_how_the_prompt_begins(idle: Client) -> None:
    idle.job()
    order = idle.door.studio.world.executing()[0].order
    assert (order.cues, order.badge) == (((0.0, 6.0, "A circuit of microchips."),), "PREVIEW")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "missing"}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "x" * 5001}, "prompt"),
        ({"model": "missing"}, "model"),
        ({"model": None}, "model"),
        ({"model": "sora"}, "model"),
        ({"model": "ltx-2-fast"}, "15 August 2026"),
        ({"model": "ltx-2-pro"}, "15 August 2026"),
        ({"duration": "missing"}, "duration"),
        ({"duration": "6"}, "duration"),
        ({"duration": 6.5}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": 5}, "duration"),
        ({"duration": None}, "duration"),
        ({"duration": 12}, "duration"),
        ({"duration": 20, "resolution": "1920x1080", "model": "ltx-2-3-pro"}, "duration"),
        ({"duration": 20, "resolution": "1920x1080", "fps": 50}, "duration"),
        ({"duration": 12, "resolution": "2560x1440", "model": "ltx-2-5-fast"}, "duration"),
        ({"resolution": "missing"}, "resolution"),
        ({"resolution": "720p"}, "resolution"),
        ({"resolution": "1024x1024"}, "resolution"),
        ({"resolution": "3840x2160", "model": "ltx-2-5-pro"}, "resolution"),
        ({"fps": 30}, "fps"),
        ({"fps": 48, "model": "ltx-2-5-pro"}, "fps"),
        ({"generate_audio": "yes"}, "generate_audio"),
        ({"camera_motion": "spin"}, "camera_motion"),
        ({"seed": 7}, "seed"),
        ({"aspect_ratio": "16:9"}, "aspect_ratio"),
        ({"preview": {"mood": "tech_news"}}, "preview"),
        ({"image_uri": "ltx://uploads/1"}, "image_uri"),
    ],
    ids=str,
)
def test_an_order_that_breaks_a_rule_is_refused_and_not_charged(idle: Client, body: dict[str, Any], named: str) -> None:
    answer = idle.order(**body)
    assert refused(answer) == (400, "invalid_request_error")
    assert named in answer.json()["error"]["message"]
    assert idle.door.studio.charges() == []


@pytest.mark.parametrize("data", [b"", b"[]", b"prompt=x", b'"text"'])
def test_a_body_that_is_no_object_is_refused(client: Client, data: bytes) -> None:
    answer = client.api("POST", TEXT, data=data, headers={"Content-Type": "application/json"})
    assert refused(answer) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    "body",
    [
        {"duration": 20, "resolution": "1080x1920"},
        {"duration": 20, "resolution": "1920x1080", "fps": 25},
        {"duration": 10, "resolution": "3840x2160"},
        {"duration": 18, "model": "ltx-2-5-fast"},
        {"duration": None, "model": "ltx-2-5-pro"},
        {"model": "ltx-2-5-pro", "fps": 50},
        {"camera_motion": "dolly_in"},
    ],
    ids=str,
)
def test_what_the_models_page_offers_is_accepted(idle: Client, body: dict[str, Any]) -> None:
    assert idle.order(**body).status_code == 202


def test_a_third_job_at_a_time_is_429_with_a_wait(idle: Client) -> None:
    idle.job()
    idle.job()
    answer = idle.order()
    assert refused(answer) == (429, "concurrency_limit_error")
    assert answer.headers["Retry-After"] == "5"
    assert len(idle.door.studio.charges()) == 2


def test_a_world_may_give_an_account_more_places(idle: Client) -> None:
    (idle.door.studio.world.root / "places").write_text('{"ltx_api": 3}')
    for _ in range(3):
        idle.job()
    assert refused(idle.order()) == (429, "concurrency_limit_error")


def test_a_job_leaves_its_place_when_it_is_rendered_though_nobody_asks(near: Client) -> None:
    near.job()
    near.job()
    assert near.door.studio.drain(TIMEOUT)
    assert near.order().status_code == 202


def test_jobs_of_the_two_apis_do_not_count_against_each_other_and_are_not_listed_there(idle: Client) -> None:
    for _ in range(3):
        idle.door.job("video")
    path = idle.job(IMAGE, image_uri=idle.uploaded())
    assert len(idle.door.api("GET", "scheduler").json()) == 3
    assert idle.door.api("GET", "assets/").json()["items"] == []
    assert idle.door.api("GET", f"assets/{path.rpartition('/')[2]}").status_code == 404
    charges = idle.door.fetch(f"{idle.door.url}/studio/charges", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert [charge["service"] for charge in charges] == ["useapi_ltx"] * 3 + ["ltx_api"]
    assert (charges[3]["kind"], charges[3]["duration"], charges[3]["jobId"]) == ("video", "6", path.rpartition("/")[2])


# Uploads


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_put_to_the_link_with_its_headers(client: Client, form: str) -> None:
    ticket = client.api("POST", "/v1/upload")
    assert sorted(ticket.json()) == ["expires_at", "required_headers", "storage_uri", "upload_url"]
    assert "x-request-id" in ticket.headers
    assert 3500 < (clock.parse(ticket.json()["expires_at"]) - clock.now()).total_seconds() <= 3600
    assert ticket.json()["storage_uri"].startswith("ltx://uploads/")
    assert "Content-Type" in ticket.json()["required_headers"]
    assert client.put(ticket.json(), picture(form=form)).status_code == 200
    assert client.order(IMAGE, image_uri=ticket.json()["storage_uri"]).status_code == 202


def test_a_link_takes_one_file(client: Client) -> None:
    ticket = client.api("POST", "/v1/upload").json()
    assert [client.put(ticket, picture()).status_code for _ in range(2)] == [200, 412]


@pytest.mark.parametrize("name", ["Content-Type", "x-goog-content-length-range"])
def test_every_required_header_must_come_back_as_it_was(client: Client, name: str) -> None:
    ticket = client.api("POST", "/v1/upload").json()
    wanted = dict(ticket["required_headers"])
    for headers in ({**wanted, name: "another/value"}, {key: value for key, value in wanted.items() if key != name}):
        answer = client.door.fetch(ticket["upload_url"], "PUT", data=picture(), headers=headers)
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)
    assert client.put(ticket, picture()).status_code == 200


def test_an_upload_refuses_the_bearer_token(client: Client) -> None:
    ticket = client.api("POST", "/v1/upload").json()
    assert client.put(ticket, picture(), Authorization=f"Bearer {TOKEN}").status_code == 400


def test_a_link_is_good_for_its_own_file_and_its_own_hour(near: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = near.api("POST", "/v1/upload").json()
    other = re.sub(r"uploads/\w+", f"uploads/{'0' * 32}", ticket["upload_url"])
    assert near.put(ticket | {"upload_url": other}, picture()).status_code == 403
    assert near.put(ticket | {"upload_url": ticket["upload_url"].replace("Expires=1", "Expires=2")}, picture()).status_code == 403
    assert near.door.fetch(ticket["upload_url"]).status_code == 403
    monkeypatch.setattr("tenxsom_studio.ltx.UPLOAD_LINK_SECONDS", -1)
    answer = near.put(near.api("POST", "/v1/upload").json(), picture())
    assert (answer.status_code, "ExpiredToken" in answer.text) == (403, True)


@pytest.mark.parametrize("data", [b"", b"GIF89a no picture", picture()[:200]], ids=["nothing", "no picture", "half a picture"])
def test_what_is_no_picture_is_refused(client: Client, data: bytes) -> None:
    ticket = client.api("POST", "/v1/upload").json()
    assert client.put(ticket, data).status_code == 400
    assert refused(client.order(IMAGE, image_uri=ticket["storage_uri"])) == (400, "invalid_request_error")
    assert client.put(ticket, picture()).status_code == 200


def test_an_upload_over_the_limit_is_refused(near: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenxsom_studio.ltx.LARGEST_UPLOAD_BYTES", 100)
    answer = near.put(near.api("POST", "/v1/upload").json(), picture())
    assert (answer.status_code, "EntityTooLarge" in answer.text) == (400, True)


def test_a_body_over_every_limit_is_413(near: Client) -> None:
    near.door.app.config["MAX_CONTENT_LENGTH"] = 100
    assert refused(near.order(prompt="x" * 200)) == (413, "request_too_large")


# Forms of a start frame


def test_a_data_uri_is_a_start_frame(client: Client) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    assert client.finish(client.job(IMAGE, image_uri=uri))["status"] == "completed"


def test_an_end_frame_is_taken(idle: Client) -> None:
    assert idle.order(IMAGE, image_uri=idle.uploaded(), last_frame_uri=idle.uploaded()).status_code == 202
    broken = idle.order(IMAGE, image_uri=idle.uploaded(), last_frame_uri="ltx://uploads/x")
    assert "last_frame_uri" in broken.json()["error"]["message"]


@pytest.mark.parametrize(
    "uri",
    [
        "missing",
        7,
        "ltx://uploads/0123456789abcdef0123456789abcdef",
        "ltx://uploads/../secret",
        "ltx://uploads/",
        "https://example.com/picture.png",
        "http://example.com/picture.png",
        "data:image/gif;base64,R0lGODlh",
        "data:image/png;base64,!!!",
        "data:image/jpeg;base64," + base64.b64encode(picture()).decode(),
        "data:image/png;base64," + "A" * 7_000_004,
    ],
    ids=lambda uri: str(uri)[:50],
)
def test_a_start_frame_that_cannot_be_had_is_refused(idle: Client, uri: Any) -> None:
    answer = idle.order(IMAGE, image_uri=uri)
    assert refused(answer) == (400, "invalid_request_error")
    assert idle.door.studio.charges() == []


def test_an_https_address_is_refused_with_the_reason(idle: Client) -> None:
    assert "no network" in idle.order(IMAGE, image_uri="https://example.com/x.png").json()["error"]["message"]


def test_an_upload_of_yesterday_is_gone(idle: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = idle.uploaded()
    monkeypatch.setattr("tenxsom_studio.ltx_orders.UPLOAD_LIFE_SECONDS", -1)
    assert refused(idle.order(IMAGE, image_uri=uri)) == (400, "invalid_request_error")


def test_an_upload_of_the_other_api_is_no_start_frame_here(idle: Client) -> None:
    key = re.findall(r"[0-9a-f]{32}", idle.door.upload()["asset"]["fileId"])[0]
    assert idle.order(IMAGE, image_uri=f"ltx://uploads/{key}").status_code == 400


# Status and results


def test_another_endpoint_name_than_the_orders_is_404(client: Client) -> None:
    path = client.job()
    assert refused(client.api("GET", path.replace(TEXT, IMAGE))) == (404, "not_found_error")
    assert client.api("GET", path).status_code == 200


@pytest.mark.parametrize("path", [f"{TEXT}/nonsense", f"{TEXT}/{'0' * 32}", "/v2/retake/1", "/v2/x"])
def test_what_is_not_there_is_404(client: Client, path: str) -> None:
    assert refused(client.api("GET", path)) == (404, "not_found_error")


def test_a_job_of_the_other_api_is_unknown_here(near: Client) -> None:
    uuid = re.findall(r"job:([0-9a-f-]{36})", near.door.job("video"))[0]
    assert near.api("GET", f"{TEXT}/{uuid}").status_code == 404


def test_a_day_after_its_end_a_job_is_404_and_so_is_its_link(near: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = near.job()
    done = near.finish(path)
    monkeypatch.setattr("tenxsom_studio.ltx.KEEP_SECONDS", 0.001)
    late = near.api("GET", path)
    assert refused(late) == (404, "not_found_error")
    job = near.door.studio.world.load_job(path.rpartition("/")[2].replace("-", ""))
    assert job is not None
    expires = int(re.findall(r"Expires=(\d+)", done["result"]["video_url"])[0]) / 1000
    assert expires - clock.parse(job.ended or "").timestamp() == pytest.approx(24 * 3600, abs=2)


def test_a_result_is_fetched_without_the_token(client: Client) -> None:
    url = client.finish(client.job())["result"]["video_url"]
    assert client.door.fetch(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 400
    assert client.door.fetch(url).content[4:8] == b"ftyp"


@pytest.mark.parametrize("header", ["", "Bearer other", "Basic abc"])
def test_a_wrong_key_is_an_authentication_error(client: Client, header: str) -> None:
    for method, path in (("POST", TEXT), ("POST", "/v1/upload"), ("GET", f"{TEXT}/1")):
        assert refused(client.api(method, path, headers={"Authorization": header})) == (401, "authentication_error")


def test_a_wrong_method_is_an_error_in_the_vendors_words(client: Client) -> None:
    assert refused(client.api("GET", TEXT)) == (405, "invalid_request_error")


# Scripted misbehaviour


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "insufficient_funds_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "content_filtered_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "service_unavailable"),
        (529, "overloaded_error"),
    ],
)
def test_any_status_can_be_ordered_in_the_vendors_words(idle: Client, status: int, kind: str) -> None:
    idle.script({"on": f"POST {TEXT}", "do": "status", "status": status, "message": "Ordered."})
    answer = idle.order()
    assert refused(answer) == (status, kind)
    assert answer.json()["error"]["message"] == "Ordered."
    assert idle.door.studio.charges() == []
    assert idle.order().status_code == 202


def test_an_error_of_another_type_can_be_ordered(idle: Client) -> None:
    idle.script({"on": "POST /v2/*", "do": "status", "status": 429, "type": "concurrency_limit_error", "retry_after": 9})
    answer = idle.order()
    assert (refused(answer), answer.headers["Retry-After"]) == ((429, "concurrency_limit_error"), "9")


def test_accepted_work_can_hide_behind_a_502_a_broken_connection_and_an_empty_answer(client: Client) -> None:
    client.script({"on": f"POST {TEXT}", "do": "accept_then_status"})
    assert refused(client.order()) == (502, "api_error")
    client.script({"on": f"POST {IMAGE}", "do": "accept_then_drop"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.order(IMAGE, image_uri=client.uploaded())
    assert client.door.studio.drain(TIMEOUT)
    client.script({"on": f"POST {TEXT}", "do": "no_job_id"})
    answer = client.order()
    assert (answer.status_code, answer.json()) == (202, {})
    assert len(client.door.studio.charges()) == 3


@pytest.mark.parametrize("on", [f"POST {TEXT}", f"GET {TEXT}/{{id}}"])
def test_a_job_can_be_made_to_fail_with_a_type_and_a_message(idle: Client, on: str) -> None:
    idle.script({"on": on, "do": "fail", "type": "content_filtered_error", "message": "Rejected."})
    path = idle.job()
    failed = idle.api("GET", path).json()
    assert sorted(failed) == ["completed_at", "created_at", "error", "id", "status"]
    assert (failed["status"], failed["error"]) == ("failed", {"type": "content_filtered_error", "message": "Rejected."})


def test_a_failure_without_a_type_is_an_api_error(idle: Client) -> None:
    idle.script({"on": f"POST {TEXT}", "do": "fail"})
    assert idle.api("GET", idle.job()).json()["error"]["type"] == "api_error"


def test_a_status_outside_the_documented_set_can_be_ordered(idle: Client) -> None:
    idle.script({"on": f"GET {TEXT}/*", "do": "unknown_status", "type": "paused"})
    path = idle.job()
    assert [idle.api("GET", path).json()["status"] for _ in range(2)] == ["paused", "pending"]


def test_completed_can_lack_its_file_for_as_long_as_ordered(near: Client) -> None:
    near.script({"on": f"GET {TEXT}/*", "do": "completed_without_url", "times": 2})
    path = near.job()
    assert near.finish(path)["result"] == {}
    assert [sorted(near.finish(path)["result"]) for _ in range(2)] == [[], ["video_url"]]


def test_one_api_can_be_retired_while_the_other_lives(client: Client) -> None:
    client.script({"do": "retired", "service": "useapi_ltx"})
    gone = client.door.api("GET", "scheduler")
    assert (gone.status_code, gone.text[:15]) == (404, "<!DOCTYPE html>")
    assert client.order().status_code == 202
    client.script({"do": "retired", "service": "ltx_api", "status": 410})
    assert client.order().status_code == 410
    assert client.door.api("GET", "scheduler").status_code == 200


def test_uploads_to_a_link_can_fail_too(client: Client) -> None:
    client.script({"on": "PUT /storage", "do": "status", "status": 503})
    ticket = client.api("POST", "/v1/upload").json()
    assert [client.put(ticket, picture()).status_code for _ in range(2)] == [503, 200]


def test_a_slow_answer_is_late_and_otherwise_right(client: Client) -> None:
    client.script({"on": "POST /v1/upload", "do": "slow", "seconds": 0.01})
    assert client.api("POST", "/v1/upload").status_code == 200


def test_a_dead_link_stays_dead_and_a_status_call_gives_a_living_one(near: Client) -> None:
    path = near.job()
    link = near.finish(path)["result"]["video_url"]
    near.script({"on": "GET /storage", "kind": "video", "do": "expired"})
    assert [near.door.fetch(link).status_code for _ in range(2)] == [403, 403]
    assert near.door.fetch(near.finish(path)["result"]["video_url"]).status_code == 200


def test_rules_count_calls_by_kind_and_text(idle: Client) -> None:
    idle.script(
        {"on": "* *", "kind": "image", "do": "status"}, {"on": "* *", "contains": "microchips", "do": "status", "status": 529}
    )
    assert idle.api("POST", "/v1/upload").status_code == 500
    assert [idle.order().status_code for _ in range(2)] == [529, 202]
