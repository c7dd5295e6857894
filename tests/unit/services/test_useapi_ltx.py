"""The UseAPI service speaks the documented contract: every request it makes, every answer and error it may get."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses
from responses import matchers

from tenxsom.errors import (
    AccountError,
    NotFound,
    NotSent,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
    ServiceRefused,
    ServiceRetired,
    SubmitUnclear,
    TenxsomError,
)
from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.services.base import GenerationState, GenerationStatus, Submitted, VideoOrder
from tenxsom.services.images.base import ImageOrder
from tenxsom.services.images.flux import Flux
from tenxsom.services.useapi import PAGE_ITEMS, UseApi
from tenxsom.services.useapi_ltx import UseApiLtx
from tests.mocked_vendor import mocked_vendor

BASE = "https://api.useapi.net/v1"
VIDEO_JOB = "email:owner@example.com-job:11-type:video"
VENDOR_PATH = f"{BASE}/ltxstudio/assets/email%3Aowner%40example.com-job%3A11-type%3Avideo"
IMAGE_JOB = "email:owner@example.com-job:9-type:image"
IMAGE_PATH = f"{BASE}/ltxstudio/assets/email%3Aowner%40example.com-job%3A9-type%3Aimage"
IMAGE = ImageOrder("a lake at dawn", "16:9", style="cinematic", seed=7, archetype="explainer")
VIDEO = VideoOrder("slow push in", "9:16", 5, "asset:1-type:image/png", seed=7, archetype="explainer", cues=({"text": "x"},))


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    with mocked_vendor() as mock:
        yield mock


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> UseApiLtx:
    monkeypatch.setattr("tenxsom.clock.sleep", lambda seconds: None)
    return made()


def made(email: str | None = None) -> UseApiLtx:
    client = HttpClient(BASE, headers={"Authorization": "Bearer user:1-canary"}, name="useapi_ltx")
    return UseApiLtx(UseApi("useapi_ltx", client, Downloader(service_url=BASE), email, status_timeout=15))


@pytest.fixture
def flux(service: UseApiLtx) -> Flux:
    return Flux(service.api)


def active(**extra: object) -> dict[str, object]:
    return {"status": {"type": "active", "progress": 37}, "jobId": VIDEO_JOB, "code": 200, **extra}


def complete(url: str | None) -> dict[str, object]:
    artifact = {"assetUrl": url, "expirationDateString": "1748919477350"} if url else {}
    return {"status": {"type": "completed", "artifact": artifact}, "jobId": VIDEO_JOB}


def test_a_still_is_ordered_with_the_documented_fields(vendor, flux):
    body = {"prompt": "a lake at dawn", "aspectRatio": "16:9", "style": "cinematic", "seed": 7, "replyRef": "ref-1"}
    vendor.post(
        f"{BASE}/ltxstudio/images/flux-create",
        json={"jobId": "email:owner@example.com-job:9-type:image", "generationId": "gen_9"},
        match=[matchers.json_params_matcher(body), matchers.header_matcher({"Authorization": "Bearer user:1-canary"})],
    )
    assert flux.request_image(IMAGE, "ref-1") == Submitted("email:owner@example.com-job:9-type:image", "gen_9")


def test_a_style_that_flux_does_not_know_is_left_to_the_prompt(vendor, flux):
    vendor.post(f"{BASE}/ltxstudio/images/flux-create", json={"jobId": "j"})
    flux.request_image(IMAGE._replace(style="oil on copper"), "ref")
    assert "style" not in json.loads(vendor.calls[0].request.body)


def test_a_clip_is_ordered_with_a_text_for_its_duration_and_the_uploaded_asset(vendor, service):
    body = {
        "prompt": "slow push in",
        "duration": "5",
        "aspectRatio": "9:16",
        "startAssetId": "asset:1-type:image/png",
        "seed": 7,
        "replyRef": "ref-2",
    }
    vendor.post(f"{BASE}/ltxstudio/videos/ltx-create", json={"jobId": VIDEO_JOB}, match=[matchers.json_params_matcher(body)])
    assert service.request_video(VIDEO, "ref-2") == Submitted(VIDEO_JOB, None, VENDOR_PATH.removeprefix(BASE))


def test_the_account_goes_with_every_create_and_upload_when_it_is_set(vendor, tmp_path):
    service = made("owner@example.com")
    still = tmp_path / "still.png"
    still.write_bytes(b"png")
    vendor.post(f"{BASE}/ltxstudio/videos/ltx-create", json={"jobId": VIDEO_JOB})
    vendor.post(
        f"{BASE}/ltxstudio/assets/",
        json={"asset": {"type": "image", "fileId": "f", "mimeType": "image/png"}},
        match=[matchers.query_param_matcher({"type": "image", "email": "owner@example.com"})],
    )
    service.request_video(VIDEO, "ref")
    service.upload_image(still, "image/png")
    assert json.loads(vendor.calls[0].request.body)["email"] == "owner@example.com"


def test_an_upload_sends_the_raw_bytes_with_their_own_mime_type_to_the_path_with_the_slash(vendor, service, tmp_path):
    still = tmp_path / "still"
    still.write_bytes(b"\xff\xd8\xffpicture")
    vendor.post(
        f"{BASE}/ltxstudio/assets/",
        json={"assetUrl": "u", "asset": {"type": "image", "fileId": "asset:5-type:image/jpeg", "mimeType": "image/jpeg"}},
        match=[matchers.header_matcher({"Content-Type": "image/jpeg"}), matchers.query_param_matcher({"type": "image"})],
    )
    assert service.upload_image(still, "image/jpeg") == "asset:5-type:image/jpeg"
    assert vendor.calls[0].request.body == b"\xff\xd8\xffpicture"


def test_an_upload_that_names_no_file_is_tried_again(vendor, service, tmp_path):
    (tmp_path / "still").write_bytes(b"x")
    vendor.post(f"{BASE}/ltxstudio/assets/", json={"assetUrl": "u"})
    with pytest.raises(ServiceDown):
        service.upload_image(tmp_path / "still", "image/png")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ServiceRefused),
        (401, AccountError),
        (402, AccountError),
        (403, AccountError),
        (404, ServiceRetired),
        (408, SubmitUnclear),
        (410, ServiceRetired),
        (412, AccountError),
        (422, ServiceRefused),
        (429, ServiceBusy),
        (500, SubmitUnclear),
        (502, SubmitUnclear),
        (503, ServiceClosed),
        (504, SubmitUnclear),
        (522, SubmitUnclear),
        (596, AccountError),
    ],
)
def test_every_answer_to_a_paid_call_has_one_meaning(vendor, service, status, error):
    vendor.post(f"{BASE}/ltxstudio/videos/ltx-create", status=status, json={"error": "a reason", "code": status})
    with pytest.raises(error) as raised:
        service.request_video(VIDEO, "ref")
    assert type(raised.value) is error
    assert sum(call.request.method == "POST" for call in vendor.calls) == 1
    assert raised.value.answer["status"] == status
    assert "a reason" in raised.value.answer["text"]
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"jobId": ""}', '{"jobId": 5}', "[]", '{"jobId": null}'])
def test_a_paid_call_that_succeeds_without_naming_a_job_is_unclear(vendor, flux, body):
    vendor.post(f"{BASE}/ltxstudio/images/flux-create", body=body)
    with pytest.raises(SubmitUnclear):
        flux.request_image(IMAGE, "ref")


def test_a_service_that_is_gone_says_that_it_was_retired_and_names_the_living_ones(vendor, flux):
    vendor.post(f"{BASE}/ltxstudio/images/flux-create", status=404, body="<html><title>Not found</title></html>")
    with pytest.raises(ServiceRetired, match=r"retired its LTX Studio API in March 2026.* ltx_api .* vertex_veo"):
        flux.request_image(IMAGE, "ref")


@pytest.mark.parametrize("lists", [200, 404])
def test_a_web_page_with_a_200_leaves_a_paid_call_unclear_whatever_the_other_paths_say(vendor, service, lists):
    vendor.assert_all_requests_are_fired = False
    for path in ("scheduler", "accounts"):
        vendor.get(f"{BASE}/ltxstudio/{path}", status=lists, body="<html>We will be back soon</html>", content_type="text/html")
    vendor.post(f"{BASE}/ltxstudio/videos/ltx-create", body="<html>We will be back soon</html>", content_type="text/html")
    with pytest.raises(SubmitUnclear, match="We will be back soon") as raised:
        service.request_video(VIDEO, "ref")
    assert raised.value.answer is not None
    assert raised.value.answer["text"] == "<html>We will be back soon</html>"


@pytest.mark.parametrize(("lists", "certain"), [(404, True), (410, True), (200, False), (500, False)])
def test_a_service_is_certainly_retired_only_when_its_lists_are_gone_as_well(vendor, service, lists, certain):
    vendor.assert_all_requests_are_fired = False
    vendor.post(f"{BASE}/ltxstudio/videos/ltx-create", status=404, body="<html><title>Not found</title></html>")
    for path in ("scheduler", "accounts"):
        vendor.get(f"{BASE}/ltxstudio/{path}", status=lists, body="<html>Welcome</html>", content_type="text/html")
    with pytest.raises(ServiceRetired) as raised:
        service.request_video(VIDEO, "ref")
    assert raised.value.certain is certain


def test_a_job_that_a_retired_service_does_not_know_any_more_is_gone_for_that_reason(vendor, service):
    for path in (VENDOR_PATH, f"{BASE}/ltxstudio/scheduler", f"{BASE}/ltxstudio/accounts"):
        vendor.get(path, status=410, body="gone")
    with pytest.raises(NotFound, match="retired"):
        service.video_status({"job_id": VIDEO_JOB}, None)


def test_nothing_listening_means_certainly_not_sent(monkeypatch):
    client = HttpClient("http://127.0.0.1:9/v1", name="useapi_ltx")
    service = UseApiLtx(UseApi("useapi_ltx", client, Downloader(service_url="http://127.0.0.1:9"), None, status_timeout=15))
    with pytest.raises(NotSent):
        service.request_video(VIDEO, "ref")


def test_completed_without_a_url_means_ask_again(vendor, service):
    vendor.get(VENDOR_PATH, json=complete(None))
    assert service.video_status({"job_id": VIDEO_JOB}, None).progress == GenerationState.RUNNING


def test_completed_with_a_url_is_ready(vendor, service):
    vendor.get(VENDOR_PATH, json=complete("https://storage.googleapis.com/x.mp4"))
    status = service.video_status({"job_id": VIDEO_JOB}, None)
    assert (status.progress, status.url) == (GenerationState.READY, "https://storage.googleapis.com/x.mp4")


def test_failed_carries_the_vendors_message(vendor, service):
    vendor.get(VENDOR_PATH, json={"status": {"type": "failed", "message": "prompt was moderated"}})
    status = service.video_status({"job_id": VIDEO_JOB}, None)
    assert (status.progress, status.message) == (GenerationState.FAILED, "prompt was moderated")


def test_progress_is_passed_on(vendor, service):
    vendor.get(VENDOR_PATH, json=active())
    assert service.video_status({"job_id": VIDEO_JOB}, None).percent == 37


@pytest.mark.parametrize("status", [{"type": "paused"}, {"type": 3}, {}, None, "completed", []])
def test_an_unknown_status_counts_as_still_running(vendor, service, status):
    vendor.get(VENDOR_PATH, json={"status": status})
    assert service.video_status({"job_id": VIDEO_JOB}, None).progress == GenerationState.RUNNING


def test_the_specified_endpoint_is_asked_first_and_the_vendors_after_its_404(vendor, service):
    vendor.get(f"{BASE}/ltxstudio/generations/gen_1", status=404, json={"error": "x", "code": 404})
    vendor.get(VENDOR_PATH, json=active())
    status = service.video_status({"job_id": VIDEO_JOB, "generation_id": "gen_1"}, "/ltxstudio/generations/gen_1")
    assert status.endpoint == VENDOR_PATH.removeprefix(BASE)


def test_the_endpoint_that_answered_is_asked_from_then_on_by_the_whole_process(vendor, service):
    vendor.get(f"{BASE}/ltxstudio/generations/gen_1", status=404, json={})
    vendor.get(VENDOR_PATH, json=active())
    service.video_status({"job_id": VIDEO_JOB, "generation_id": "gen_1"}, None)
    vendor.get(VENDOR_PATH.replace("11", "12"), json=active(jobId=VIDEO_JOB.replace("11", "12")))
    service.video_status({"job_id": VIDEO_JOB.replace("11", "12"), "generation_id": "gen_2"}, None)
    assert not any("gen_2" in call.request.url for call in vendor.calls)
    vendor.post(f"{BASE}/ltxstudio/videos/ltx-create", json={"jobId": VIDEO_JOB, "generationId": "gen_3"})
    assert service.request_video(VIDEO, "ref").endpoint == VENDOR_PATH.removeprefix(BASE)


def test_the_specified_endpoint_is_used_where_it_answers(vendor, service):
    vendor.get(f"{BASE}/ltxstudio/generations/gen_1", json=active())
    vendor.post(f"{BASE}/ltxstudio/videos/ltx-create", json={"jobId": VIDEO_JOB, "generationId": "gen_1"})
    first = service.request_video(VIDEO, "ref").endpoint
    assert service.video_status({"job_id": VIDEO_JOB, "generation_id": "gen_1"}, first).endpoint == first


@pytest.mark.case
def test_a_still_is_asked_for_at_the_specified_endpoint_first_and_where_it_was_answered_from_then_on(vendor, flux):
    image = {"job_id": IMAGE_JOB, "generation_id": "gen_7"}
    vendor.get(f"{BASE}/ltxstudio/generations/gen_7", json=active(jobId=IMAGE_JOB))
    first = flux.image_status(image, None)
    assert (first.progress, first.endpoint) == (GenerationState.RUNNING, "/ltxstudio/generations/gen_7")
    assert flux.image_status(image, first.endpoint).endpoint == first.endpoint
    assert [call.request.url.rpartition("/")[2] for call in vendor.calls] == ["gen_7", "gen_7"]


def test_a_still_that_the_specified_endpoint_does_not_know_is_asked_for_at_the_vendors(vendor, flux):
    vendor.get(f"{BASE}/ltxstudio/generations/gen_7", status=404, json={"error": "x", "code": 404})
    vendor.get(IMAGE_PATH, json=complete("https://storage.googleapis.com/x.png") | {"jobId": IMAGE_JOB})
    found = flux.image_status({"job_id": IMAGE_JOB, "generation_id": "gen_7"}, None)
    assert (found.progress, found.endpoint) == (GenerationState.READY, IMAGE_PATH.removeprefix(BASE))
    flux.image_status({"job_id": IMAGE_JOB, "generation_id": "gen_8"}, None)
    assert not any("gen_8" in call.request.url for call in vendor.calls), "the endpoint that answered is asked from then on"


def test_a_job_that_both_endpoints_do_not_know_is_gone(vendor, service):
    vendor.get(f"{BASE}/ltxstudio/generations/gen_1", status=404, json={})
    vendor.get(VENDOR_PATH, status=404, json={"error": "Job not found or has expired.", "code": 404})
    vendor.get(f"{BASE}/ltxstudio/scheduler", json=[])
    with pytest.raises(NotFound):
        service.video_status({"job_id": VIDEO_JOB, "generation_id": "gen_1"}, None)


def test_a_whole_address_that_the_original_system_stored_is_understood(vendor, service):
    vendor.get(VENDOR_PATH, json=active())
    service.video_status({"job_id": VIDEO_JOB}, VENDOR_PATH)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 522])
def test_a_status_call_that_fails_is_only_a_passing_trouble(vendor, service, status):
    for _ in range(3):
        vendor.get(VENDOR_PATH, status=status, body="<html>oops</html>")
    with pytest.raises(ServiceDown):
        service.video_status({"job_id": VIDEO_JOB}, None)


def test_a_wrong_token_at_a_status_call_is_account_trouble(vendor, service):
    vendor.get(VENDOR_PATH, status=401, json={"error": "Unauthorized", "code": 401})
    with pytest.raises(AccountError):
        service.video_status({"job_id": VIDEO_JOB}, None)


def test_a_running_job_is_found_by_our_reference(vendor, service):
    others = [{"jobId": "a", "replyRef": "other"}, {"jobId": VIDEO_JOB, "replyRef": "ref-2"}]
    vendor.get(f"{BASE}/ltxstudio/scheduler", json=others)
    assert service.find_submission("ref-2") == Submitted(VIDEO_JOB)


def test_a_job_that_has_finished_already_is_found_among_the_newest_assets(vendor, service):
    vendor.get(f"{BASE}/ltxstudio/scheduler", json=[])
    vendor.get(f"{BASE}/ltxstudio/assets/", json={"items": [{"id": "1"}, {"id": "2", "jobId": VIDEO_JOB}], "meta": {}})
    vendor.get(VENDOR_PATH, json=complete("u") | {"replyRef": "ref-2"})
    assert service.find_submission("ref-2") == Submitted(VIDEO_JOB)


def test_a_job_that_a_busy_queue_has_pushed_off_the_first_page_is_found_and_each_is_asked_for_once(vendor, service):
    newer = [{"jobId": f"newer-{number}"} for number in range(PAGE_ITEMS)]
    uploads = [{"id": "an upload"}] * PAGE_ITEMS
    vendor.get(f"{BASE}/ltxstudio/scheduler", json=[])
    for page, items in enumerate((newer, uploads, [{"jobId": VIDEO_JOB}]), 1):
        asked = matchers.query_param_matcher({"page": page, "limit": PAGE_ITEMS})
        vendor.get(f"{BASE}/ltxstudio/assets/", json={"items": items}, match=[asked])
    vendor.get(re.compile(r".*/assets/newer-\d+"), json={"replyRef": "other"})
    vendor.get(VENDOR_PATH, json=complete("u") | {"replyRef": "ref-2"})
    assert service.find_submission("ref-2") == Submitted(VIDEO_JOB)
    calls = len(vendor.calls)
    assert service.find_submission("ref-3") is None
    assert len(vendor.calls) == calls + 4


def test_a_reference_that_nothing_carries_finds_nothing(vendor, service):
    vendor.get(f"{BASE}/ltxstudio/scheduler", json=[{"jobId": "a"}])
    vendor.get(f"{BASE}/ltxstudio/assets/", json={"items": []})
    assert service.find_submission("ref-2") is None


def test_the_token_never_reaches_the_storage_host(vendor, flux, tmp_path):
    vendor.get("https://storage.googleapis.com/x.png", body=b"\x89PNG\r\n\x1a\n123", content_type="image/png")
    flux.fetch_image("https://storage.googleapis.com/x.png", Path(tmp_path / "x.part"), 1000, 5)
    assert "Authorization" not in vendor.calls[0].request.headers


def test_a_page_in_place_of_a_video_is_refused(vendor, service, tmp_path):
    vendor.get("https://storage.googleapis.com/x.mp4", body=b"<!doctype html><title>Sign in</title>", content_type="text/html")
    with pytest.raises(TenxsomError):
        service.fetch(
            GenerationStatus(GenerationState.READY, "https://storage.googleapis.com/x.mp4"), Path(tmp_path / "x.part"), 1000, 5
        )
    assert not (tmp_path / "x.part").exists()
