"""The official LTX API's service speaks the documented contract: every request it makes, every answer and error it may get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from responses import matchers

from tenxsom import clock
from tenxsom.errors import (
    AccountError,
    BadSettings,
    BrokenMedia,
    NotFound,
    NotSent,
    RateLimited,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
    ServiceRefused,
    ServiceRetired,
    SubmitUnclear,
)
from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.http.links import UnsafeLink
from tenxsom.http.uploads import Uploader
from tenxsom.media.check import check_video
from tenxsom.model.money import clip_price
from tenxsom.services import ltx_api
from tenxsom.services.base import GenerationState, GenerationStatus, StartFrames, Submitted, Variant, VideoOrder
from tenxsom.services.ltx_api import LtxApi
from tenxsom.setting_values import Secret
from tenxsom.settings import ROOT, Settings
from tenxsom_studio.faults import write_rules
from tests.mocked_vendor import mocked_vendor
from tests.net_server import ScriptedServer, raw, reset_unread, unused_port
from tests.studio_doors import TIMEOUT, TOKEN, Door, over_a_socket, picture

BASE = "https://api.ltx.video"
JOB = "0f8fad5b-d9cb-469f-a165-70867728950e"
TEXT, IMAGE = f"{BASE}/v2/text-to-video", f"{BASE}/v2/image-to-video"
LINK = "https://storage.googleapis.com/ltx/uploads/1?X-Goog-Signature=abc"
TICKET: dict[str, Any] = {
    "upload_url": LINK,
    "storage_uri": "ltx://uploads/1",
    "expires_at": "2026-11-22T10:00:00Z",
    "required_headers": {"Content-Type": "image/png", "x-goog-content-length-range": "0,104857600"},
}
ORDER = VideoOrder("slow push in", "16:9", 6.0, "ltx://uploads/1", seed=7, archetype="explainer", cues=({"text": "x"},))


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    with mocked_vendor() as mock:
        yield mock


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made; none is."""
    made: list[float] = []
    monkeypatch.setattr(clock, "sleep", made.append)
    return made


@pytest.fixture
def service() -> LtxApi:
    return made()


@pytest.fixture
def still(tmp_path: Path) -> Path:
    path = tmp_path / "still.png"
    path.write_bytes(picture())
    return path


def made(base: str = BASE, variant: Variant | None = None) -> LtxApi:
    client = HttpClient(base, headers={"Authorization": "Bearer ltx-canary"}, name="ltx_api")
    return LtxApi(client, Downloader(service_url=base), Uploader(service_url=base), variant or Variant("ltx-2-3-fast", "1080p"))


def error(kind: str, message: str = "a reason") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


# Orders


def test_a_clip_from_a_picture_is_ordered_with_the_documented_fields_and_no_others(vendor, service):
    body = {
        "prompt": "slow push in",
        "model": "ltx-2-5-fast",
        "duration": 6,
        "resolution": "1280x720",
        "fps": 24,
        "generate_audio": True,
        "image_uri": "ltx://uploads/1",
    }
    bearer = matchers.header_matcher({"Authorization": "Bearer ltx-canary"})
    accepted = {"id": JOB, "created_at": "2026-07-19T10:00:00Z"}
    vendor.post(IMAGE, status=202, json=accepted, match=[matchers.json_params_matcher(body), bearer])
    submitted = service.request_video(ORDER._replace(variant=Variant("ltx-2-5-fast", "720p")), "ref-1")
    assert submitted == Submitted(JOB, endpoint=f"/v2/image-to-video/{JOB}")


def test_a_clip_from_the_prompt_alone_is_ordered_as_text_to_video(vendor, service):
    vendor.post(TEXT, status=202, json={"id": JOB, "created_at": "2026-07-19T10:00:00Z"})
    assert service.request_video(ORDER._replace(start_file_id=None), "ref").endpoint == f"/v2/text-to-video/{JOB}"
    assert "image_uri" not in json.loads(vendor.calls[0].request.body)


def test_the_duration_is_a_whole_number(vendor, service):
    vendor.post(TEXT, status=202, json={"id": JOB})
    service.request_video(ORDER._replace(start_file_id=None), "ref")
    assert b'"duration": 6,' in vendor.calls[0].request.body


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "size"),
    [
        ("720p", "16:9", "1280x720"),
        ("720p", "9:16", "720x1280"),
        ("1080p", "16:9", "1920x1080"),
        ("1080p", "9:16", "1080x1920"),
        ("1440p", "9:16", "1440x2560"),
        ("4K", "16:9", "3840x2160"),
        ("4K", "9:16", "2160x3840"),
    ],
)
def test_a_resolution_is_named_by_width_and_height_and_turned_for_portrait(vendor, service, resolution, aspect_ratio, size):
    vendor.post(IMAGE, status=202, json={"id": JOB})
    service.request_video(ORDER._replace(aspect_ratio=aspect_ratio, variant=Variant("ltx-2-3-fast", resolution)), "ref")
    assert json.loads(vendor.calls[0].request.body)["resolution"] == size


def test_an_order_without_a_variant_gets_the_one_of_the_settings(vendor):
    vendor.post(IMAGE, status=202, json={"id": JOB})
    made(variant=Variant("ltx-2-3-pro", "1440p")).request_video(ORDER, "ref")
    body = json.loads(vendor.calls[0].request.body)
    assert (body["model"], body["resolution"]) == ("ltx-2-3-pro", "2560x1440")


def test_an_id_with_slashes_cannot_leave_its_path(vendor, service):
    vendor.post(IMAGE, status=202, json={"id": "../v1/upload?x"})
    submitted = service.request_video(ORDER, "ref")
    assert submitted.endpoint == "/v2/image-to-video/..%2Fv1%2Fupload%3Fx"


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", ServiceRefused),
        (401, "authentication_error", AccountError),
        (402, "insufficient_funds_error", AccountError),
        (404, "not_found_error", ServiceRetired),
        (408, "timeout", SubmitUnclear),
        (410, "gone", ServiceRetired),
        (413, "request_too_large", ServiceRefused),
        (422, "content_filtered_error", ServiceRefused),
        (429, "rate_limit_error", RateLimited),
        (429, "concurrency_limit_error", ServiceBusy),
        (500, "api_error", SubmitUnclear),
        (502, "bad_gateway", SubmitUnclear),
        (503, "service_unavailable", ServiceClosed),
        (504, "gateway_timeout", SubmitUnclear),
        (529, "overloaded_error", ServiceBusy),
    ],
)
def test_every_answer_to_an_order_has_one_meaning_and_the_order_is_sent_once(vendor, service, status, kind, expected):
    vendor.post(IMAGE, status=status, json=error(kind, "the vendor's words"))
    with pytest.raises(expected) as raised:
        service.request_video(ORDER, "ref")
    assert type(raised.value) is expected
    assert len(vendor.calls) == 1
    assert "canary" not in str(raised.value)
    if expected is not ServiceRetired:
        assert "the vendor's words" in str(raised.value)


def test_a_413_of_something_in_front_of_the_api_is_a_refusal_too(vendor, service):
    vendor.post(IMAGE, status=413, body="<html><title>Request Entity Too Large</title></html>", content_type="text/html")
    with pytest.raises(ServiceRefused, match="Request Entity Too Large"):
        service.request_video(ORDER, "ref")


@pytest.mark.parametrize("kind", ["rate_limit_error", "concurrency_limit_error"])
def test_both_kinds_of_429_pass_on_how_long_to_wait(vendor, service, kind):
    vendor.post(IMAGE, status=429, json=error(kind), headers={"Retry-After": "17"})
    with pytest.raises(ServiceBusy) as raised:
        service.request_video(ORDER, "ref")
    assert raised.value.retry_after == 17


@pytest.mark.parametrize("status", [401, 402])
def test_trouble_with_the_account_names_the_console(vendor, service, status):
    vendor.post(IMAGE, status=status, json=error("x", "This needs 36 credits."))
    with pytest.raises(AccountError, match=r"This needs 36 credits.*https://console\.ltx\.io") as raised:
        service.request_video(ORDER, "ref")
    assert raised.value.status == status


@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"id": ""}', '{"id": 5}', "[]", '{"id": null}', '{"job_id": "x"}'])
def test_a_2xx_that_names_no_id_is_unclear(vendor, service, body):
    vendor.post(IMAGE, status=202, body=body)
    with pytest.raises(SubmitUnclear):
        service.request_video(ORDER, "ref")


@pytest.mark.parametrize(
    "behaviour", [reset_unread, raw(b"", "reset"), raw(b"HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n{")]
)
def test_a_connection_that_breaks_after_the_order_is_unclear(behaviour):
    with ScriptedServer(behaviour) as server, pytest.raises(SubmitUnclear):
        made(server.url).request_video(ORDER, "ref")


def test_nothing_listening_means_certainly_not_sent():
    with pytest.raises(NotSent):
        made(f"http://127.0.0.1:{unused_port()}").request_video(ORDER, "ref")


def test_nothing_can_be_found_by_our_reference(vendor, service):
    assert service.find_submission("ref") is None
    assert len(vendor.calls) == 0


# Uploads


def test_an_upload_is_a_link_and_a_put_with_every_required_header_and_without_our_key(vendor, service, still):
    vendor.post(f"{BASE}/v1/upload", json=TICKET, match=[matchers.header_matcher({"Authorization": "Bearer ltx-canary"})])
    vendor.put(LINK, match=[matchers.header_matcher(TICKET["required_headers"])])
    assert service.upload_image(still, "image/png") == "ltx://uploads/1"
    asked, sent = (call.request for call in vendor.calls)
    assert not asked.body
    assert sent.body == still.read_bytes()
    assert "Authorization" not in sent.headers
    assert "canary" not in f"{sent.url}{sent.headers}"


def test_a_link_is_asked_for_again_while_the_api_is_in_passing_trouble(vendor, service, still):
    vendor.post(f"{BASE}/v1/upload", status=503, json=error("service_unavailable"))
    vendor.post(f"{BASE}/v1/upload", status=429, json=error("rate_limit_error"), headers={"Retry-After": "1"})
    vendor.post(f"{BASE}/v1/upload", json=TICKET)
    vendor.put(LINK)
    assert service.upload_image(still, "image/png") == "ltx://uploads/1"


def test_a_put_that_fails_is_tried_once_more_with_a_fresh_link(vendor, service, still):
    second = TICKET | {"upload_url": LINK.replace("/1?", "/2?"), "storage_uri": "ltx://uploads/2"}
    vendor.post(f"{BASE}/v1/upload", json=TICKET)
    vendor.put(LINK, status=503)
    vendor.post(f"{BASE}/v1/upload", json=second)
    vendor.put(second["upload_url"])
    assert service.upload_image(still, "image/png") == "ltx://uploads/2"


def test_a_storage_host_that_stays_in_trouble_is_a_passing_trouble(vendor, service, still):
    vendor.post(f"{BASE}/v1/upload", json=TICKET)
    vendor.put(LINK, status=500)
    with pytest.raises(ServiceDown):
        service.upload_image(still, "image/png")
    assert len(vendor.calls) == 4


def test_a_storage_host_that_refuses_is_final(vendor, service, still):
    vendor.post(f"{BASE}/v1/upload", json=TICKET)
    vendor.put(LINK, status=403)
    with pytest.raises(ServiceRefused):
        service.upload_image(still, "image/png")
    assert len(vendor.calls) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"upload_url": None},
        {"storage_uri": 5},
        {"storage_uri": "https://elsewhere.example.com/x"},
        {"required_headers": ["Content-Type"]},
    ],
    ids=str,
)
def test_an_unusable_link_is_asked_for_again(vendor, service, still, changed):
    vendor.post(f"{BASE}/v1/upload", json=TICKET | changed)
    with pytest.raises(ServiceDown):
        service.upload_image(still, "image/png")


@pytest.mark.parametrize("url", ["http://storage.googleapis.com/x", "https://127.0.0.1/x", "https://localhost/x"])
def test_a_link_into_our_own_network_or_without_encryption_is_not_followed(vendor, service, still, url):
    vendor.post(f"{BASE}/v1/upload", json=TICKET | {"upload_url": url})
    with pytest.raises(UnsafeLink):
        service.upload_image(still, "image/png")


@pytest.mark.parametrize(("status", "expected"), [(401, AccountError), (404, ServiceRetired)])
def test_an_upload_that_the_api_refuses_says_where_to_look(vendor, service, still, status, expected):
    vendor.post(f"{BASE}/v1/upload", status=status, json=error("x"))
    with pytest.raises(expected):
        service.upload_image(still, "image/png")


# Status


def test_a_job_is_asked_for_at_the_endpoint_that_took_the_order(vendor, service):
    vendor.get(f"{TEXT}/{JOB}", json={"id": JOB, "status": "processing", "created_at": "x"})
    status = service.video_status({"job_id": JOB}, f"/v2/text-to-video/{JOB}")
    assert (status.progress, status.endpoint, status.percent) == (GenerationState.RUNNING, f"/v2/text-to-video/{JOB}", None)


@pytest.mark.parametrize("endpoint", [None, "", "/ltxstudio/assets/x", "https://elsewhere.example.com/v2/text-to-video/x"])
def test_an_adopted_job_is_looked_for_under_both_names(vendor, service, endpoint):
    vendor.get(f"{IMAGE}/{JOB}", status=404, json=error("not_found_error"))
    vendor.get(f"{TEXT}/{JOB}", json={"id": JOB, "status": "pending"})
    status = service.video_status({"job_id": JOB, "generation_id": None}, endpoint)
    assert (status.progress, status.endpoint) == (GenerationState.RUNNING, f"/v2/text-to-video/{JOB}")


def test_completed_with_a_url_is_ready(vendor, service):
    done = {"id": JOB, "status": "completed", "result": {"video_url": "https://storage.example.com/clip.mp4"}}
    vendor.get(f"{IMAGE}/{JOB}", json=done)
    status = service.video_status({"job_id": JOB}, f"/v2/image-to-video/{JOB}")
    assert (status.progress, status.url) == (GenerationState.READY, "https://storage.example.com/clip.mp4")


@pytest.mark.parametrize("result", [None, {}, {"video_url": ""}, {"video_url": 7}, {"exr_frames_url": "https://x"}, [], "x"])
def test_completed_without_a_url_means_ask_again(vendor, service, result):
    vendor.get(f"{IMAGE}/{JOB}", json={"id": JOB, "status": "completed", "result": result})
    assert service.video_status({"job_id": JOB}, f"/v2/image-to-video/{JOB}").progress == GenerationState.RUNNING


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (
            {"type": "content_filtered_error", "message": "Rejected by\nsafety filters"},
            "content_filtered_error: Rejected by safety filters",
        ),
        ({"type": "api_error"}, "api_error"),
        ({"message": "no words"}, "no words"),
        ({}, "the service gave no reason"),
        (None, "the service gave no reason"),
    ],
)
def test_failed_carries_the_type_and_the_message(vendor, service, failure, message):
    vendor.get(f"{IMAGE}/{JOB}", json={"id": JOB, "status": "failed", "error": failure})
    assert service.video_status({"job_id": JOB}, f"/v2/image-to-video/{JOB}") == GenerationStatus(
        GenerationState.FAILED, message=message, endpoint=f"/v2/image-to-video/{JOB}", explained=bool(failure)
    )


def test_an_unknown_word_counts_as_running_and_is_passed_on_with_the_answer_around_it(vendor, service):
    vendor.get(f"{IMAGE}/{JOB}", json={"id": JOB, "status": "daydreaming"})
    status = service.video_status({"job_id": JOB}, f"/v2/image-to-video/{JOB}")
    assert status.progress == GenerationState.RUNNING
    assert "'daydreaming'" in status.unknown
    assert JOB in status.unknown


@pytest.mark.parametrize("body", [{}, [], {"status": 3}, {"status": None}, {"status": ["completed"]}])
def test_a_status_of_another_shape_counts_as_running(vendor, service, body):
    vendor.get(f"{IMAGE}/{JOB}", json=body)
    assert service.video_status({"job_id": JOB}, f"/v2/image-to-video/{JOB}").progress == GenerationState.RUNNING


@pytest.mark.parametrize("endpoint", [f"/v2/image-to-video/{JOB}", None])
def test_a_job_that_is_gone_is_told_with_the_24_hours(vendor, service, endpoint):
    vendor.get(f"{IMAGE}/{JOB}", status=404, json=error("not_found_error"))
    if endpoint is None:
        vendor.get(f"{TEXT}/{JOB}", status=404, json=error("not_found_error"))
    with pytest.raises(NotFound, match="24 hours"):
        service.video_status({"job_id": JOB}, endpoint)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_a_status_call_that_fails_is_only_a_passing_trouble(vendor, service, status):
    vendor.get(f"{IMAGE}/{JOB}", status=status, json=error("x"))
    with pytest.raises((ServiceDown, ServiceBusy)):
        service.video_status({"job_id": JOB}, f"/v2/image-to-video/{JOB}")


def test_a_wrong_key_at_a_status_call_is_account_trouble(vendor, service):
    vendor.get(f"{IMAGE}/{JOB}", status=401, json=error("authentication_error"))
    with pytest.raises(AccountError):
        service.video_status({"job_id": JOB}, None)


# Results


def test_a_clip_is_fetched_without_our_key(vendor, service, tmp_path):
    vendor.get("https://storage.example.com/clip.mp4", body=b"\0\0\0\x18ftypmp42 and more", content_type="video/mp4")
    status = GenerationStatus(GenerationState.READY, url="https://storage.example.com/clip.mp4")
    assert service.fetch(status, tmp_path / "clip.part", 1000, 5).size_bytes == 21
    assert "Authorization" not in vendor.calls[0].request.headers


def test_a_page_in_place_of_a_clip_is_refused(vendor, service, tmp_path):
    vendor.get("https://storage.example.com/clip.mp4", body=b"<!doctype html><title>Sign in</title>", content_type="text/html")
    with pytest.raises(BrokenMedia):
        service.fetch(
            GenerationStatus(GenerationState.READY, url="https://storage.example.com/clip.mp4"), tmp_path / "clip.part", 1000, 5
        )


# Capabilities and settings


@pytest.mark.parametrize(
    ("model", "resolution", "longest"),
    [
        ("ltx-2-3-fast", "720p", 10),
        ("ltx-2-3-fast", "1080p", 20),
        ("ltx-2-3-fast", "1440p", 10),
        ("ltx-2-3-fast", "4K", 10),
        ("ltx-2-3-pro", "720p", 10),
        ("ltx-2-3-pro", "1080p", 10),
        ("ltx-2-3-pro", "4K", 10),
        ("ltx-2-5-fast", "720p", 20),
        ("ltx-2-5-fast", "1080p", 20),
        ("ltx-2-5-fast", "1440p", 10),
        ("ltx-2-5-fast", "4K", 10),
        ("ltx-2-5-pro", "720p", 10),
        ("ltx-2-5-pro", "1080p", 10),
    ],
)
def test_lengths_depend_on_the_model_and_the_resolution(model, resolution, longest):
    durations = ltx_api.capabilities(Variant(model, resolution)).durations
    assert durations == ((6, 8, 10) if longest == 10 else (6, 8, 10, 12, 14, 16, 18, 20))


def test_the_limits_of_the_vendor_are_told():
    can = ltx_api.capabilities(Variant())
    assert (can.start_frames, can.sound, can.can_reconcile) == (StartFrames.OPTIONAL, True, False)
    assert (can.concurrent_jobs, can.concurrent_submissions, can.aspect_ratios) == (2, 2, ("16:9", "9:16"))
    assert can.result_hours == 24
    assert can.upload_hours is not None
    assert 12 < can.upload_hours < 24
    assert can.longest_check_seconds < 1800


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (Variant("ltx-2-fast", "1080p"), "removed .* on 15 August 2026; set LTX_API_MODEL=ltx-2-3-fast"),
        (Variant("ltx-2-pro", "1080p"), "set LTX_API_MODEL=ltx-2-3-pro"),
        (Variant("ltx-2-3-fst", "1080p"), "did you mean ltx-2-3-fast"),
        (Variant("sora", "1080p"), "set LTX_API_MODEL to one of ltx-2-3-fast"),
        (Variant("ltx-2-5-pro", "4K"), "makes 720p, 1080p, not 4K; change LTX_API_RESOLUTION"),
    ],
)
def test_a_variant_that_cannot_be_had_is_refused_with_its_remedy(variant, words):
    with pytest.raises(BadSettings, match=words):
        ltx_api.capabilities(variant)


def test_every_model_in_every_resolution_has_a_price():
    prices = json.loads((ROOT / "templates" / "prices.json").read_text())
    for model in ltx_api.MODELS:
        for resolution in ltx_api.capabilities(Variant(model)).resolutions:
            assert clip_price(prices, "ltx_api", model, resolution, 6) > 0
    assert str(clip_price(prices, "ltx_api", "ltx-2-3-fast", "720p", 6)) == "0.18"


def test_a_missing_key_is_told_with_where_to_get_one(tmp_path):
    assert "LTX_API_KEY" in str(ltx_api.missing_credentials(Settings(home=tmp_path)))
    with pytest.raises(BadSettings, match="LTX_API_KEY"):
        ltx_api.open_service(Settings(home=tmp_path))


def test_the_settings_choose_the_variant(tmp_path):
    settings = Settings(home=tmp_path, ltx_api_key=Secret("k" * 20), ltx_api_model="ltx-2-5-pro", ltx_api_resolution="720p")
    assert ltx_api.default_variant(settings) == Variant("ltx-2-5-pro", "720p")
    assert ltx_api.missing_credentials(settings) is None
    ltx_api.open_service(settings).close()


def test_a_removed_model_in_the_settings_is_refused_for_orders_but_does_not_keep_clips_from_being_collected(tmp_path):
    removed = Settings(home=tmp_path, ltx_api_key=Secret("k" * 20), ltx_api_model="ltx-2-fast")
    with pytest.raises(BadSettings, match="removed"):
        ltx_api.capabilities(ltx_api.default_variant(removed))
    ltx_api.open_service(removed).close()


# Against the local studio


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with over_a_socket(tmp_path / "world") as opened:
        (opened.studio.world.root / "scale").write_text("0.1")
        yield opened


@pytest.fixture
def rehearsal(door: Door) -> Iterator[LtxApi]:
    """The service with the studio where the vendor would be."""
    client = HttpClient(door.url, headers={"Authorization": f"Bearer {TOKEN}"}, name="ltx_api")
    service = LtxApi(
        client,
        Downloader(service_url=door.url),
        Uploader(service_url=door.url),
        Variant("ltx-2-3-fast", "720p"),
    )
    yield service
    service.close()


def finish(door: Door, service: LtxApi, submitted: Submitted) -> GenerationStatus:
    for _ in range(5):
        status = service.video_status({"job_id": submitted.job_id}, submitted.endpoint)
        if status.progress != GenerationState.RUNNING:
            return status
        assert door.studio.drain(TIMEOUT)
    raise AssertionError("it never ended")


def test_a_clip_is_made_end_to_end_from_an_uploaded_picture(door, rehearsal, still, tmp_path):
    uploaded = rehearsal.upload_image(still, "image/png")
    submitted = rehearsal.request_video(ORDER._replace(start_file_id=uploaded), "ref")
    status = finish(door, rehearsal, submitted)
    rehearsal.fetch(status, tmp_path / "clip.part", 50_000_000, TIMEOUT)
    facts = check_video(tmp_path / "clip.part")
    assert (facts.seconds, facts.width, facts.height, facts.fps, facts.audio_codec) == (6.0, 128, 72, 24, "aac")
    assert [(charge["service"], charge["kind"], charge["jobId"]) for charge in door.studio.charges()] == [
        ("ltx_api", "video", submitted.job_id)
    ]


def test_a_clip_is_made_end_to_end_from_the_prompt_alone(door, rehearsal, tmp_path):
    submitted = rehearsal.request_video(ORDER._replace(start_file_id=None, aspect_ratio="9:16", seconds=8.0), "ref")
    assert rehearsal.video_status({"job_id": submitted.job_id}, None).endpoint == submitted.endpoint
    rehearsal.fetch(finish(door, rehearsal, submitted), tmp_path / "clip.part", 50_000_000, TIMEOUT)
    facts = check_video(tmp_path / "clip.part")
    assert (facts.seconds, facts.width, facts.height) == (8.0, 72, 128)


def test_a_third_job_is_busy_until_one_of_two_has_ended(door, rehearsal, monkeypatch):
    monkeypatch.setattr(door.studio.renders, "want", lambda key: None)  # so that nothing ends by itself
    text = ORDER._replace(start_file_id=None)
    first, _ = rehearsal.request_video(text, "1"), rehearsal.request_video(text, "2")
    with pytest.raises(ServiceBusy) as raised:
        rehearsal.request_video(text, "3")
    assert raised.value.retry_after == 5
    fault = {"on": "GET /v2/text-to-video/{id}", "do": "fail", "type": "content_filtered_error", "message": "No."}
    write_rules(door.studio.world.root, [fault])
    status = rehearsal.video_status({"job_id": first.job_id}, first.endpoint)
    assert (status.progress, status.message) == (GenerationState.FAILED, "content_filtered_error: No.")
    rehearsal.request_video(text, "3")
    assert len(door.studio.charges()) == 3


@pytest.mark.parametrize("fault", ["accept_then_status", "accept_then_drop", "no_job_id"])
def test_an_accepted_order_that_hides_is_unclear_and_was_charged(door, rehearsal, fault):
    write_rules(door.studio.world.root, [{"on": "POST /v2/text-to-video", "do": fault}])
    with pytest.raises(SubmitUnclear):
        rehearsal.request_video(ORDER._replace(start_file_id=None), "ref")
    assert len(door.studio.charges()) == 1


def test_a_result_of_yesterday_is_gone(door, rehearsal, monkeypatch):
    submitted = rehearsal.request_video(ORDER._replace(start_file_id=None), "ref")
    assert finish(door, rehearsal, submitted).progress == GenerationState.READY
    monkeypatch.setattr("tenxsom_studio.ltx.KEEP_SECONDS", -1)
    with pytest.raises(NotFound, match="24 hours"):
        rehearsal.video_status({"job_id": submitted.job_id}, submitted.endpoint)
