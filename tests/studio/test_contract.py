"""The vendor's contract, asked through both doors of the local studio."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import av
import pytest
from PIL import Image

from tenxsom import clock
from tests.studio_doors import TIMEOUT, TOKEN, Door, over_a_socket, picture


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with over_a_socket(tmp_path / "world") as opened:
        yield opened


def test_a_still_is_active_then_completed_without_a_file_then_complete(door: Door) -> None:
    created = door.create(replyRef="job-7").json()
    assert re.fullmatch(r"email:studio@example\.com-job:[0-9a-f-]{36}-type:image", created["jobId"])
    assert re.fullmatch(r"gen_[0-9a-f]{32}", created["generationId"])
    assert door.status(created["jobId"])["type"] == "active"
    assert door.status(created["jobId"]) == {"type": "completed", "progress": 100}
    last = door.api("GET", f"assets/{created['jobId']}").json()
    assert (last["jobId"], last["replyRef"], last["code"]) == (created["jobId"], "job-7", 200)
    artifact = last["status"]["artifact"]
    assert int(artifact["expirationDateString"]) > clock.now().timestamp() * 1000
    assert re.fullmatch(r"asset:[0-9a-f]+-type:image/png", artifact["asset"].pop("fileId"))
    assert artifact["asset"] == {"type": "artifact", "mimeType": "image/png", "artifactSubtype": "vertex-ai"}
    still = Image.open(io.BytesIO(door.fetch(artifact["assetUrl"]).content))
    assert (still.format, still.size) == ("PNG", (1600, 900))
    assert door.api("GET", "assets/?filter=images").json()["items"][0]["jobId"] == created["jobId"]


def test_a_clip_is_rendered_from_an_uploaded_picture_and_really_plays(door: Door) -> None:
    start = door.upload()["asset"]["fileId"]
    job_id = door.job("video", startAssetId=start, duration="3", aspectRatio="9:16", audioSFX=True)
    assert door.status(job_id)["type"] == "active"
    assert door.studio.drain(TIMEOUT)
    assert door.status(job_id) == {"type": "completed", "progress": 100}
    artifact = door.status(job_id)["artifact"]
    assert artifact["asset"]["artifactSubtype"] == "model-serving"
    with av.open(io.BytesIO(door.fetch(artifact["assetUrl"]).content), "r") as clip:
        video = clip.streams.video[0]
        assert (video.width, video.height, len(clip.streams.audio)) == (720, 1280, 1)
        assert len(list(clip.decode(video))) == 3 * 24


def test_a_job_id_may_come_percent_encoded(door: Door) -> None:
    job_id = door.job()
    assert door.api("GET", f"assets/{quote(job_id, safe='')}").json()["jobId"] == job_id


def test_poll_for_result_answers_with_the_unfinished_state_when_its_attempts_are_used_up(door: Door) -> None:
    assert door.create(pollForResult=1).json()["status"]["type"] == "active"


def test_a_multipart_body_is_as_good_as_json(door: Door) -> None:
    fields = {"prompt": "A", "seed": "7", "audioSFX": "true", "maxJobs": "3", "preview": '{"mood": "tech_news"}'}
    answer = door.api("POST", "videos/ltx-create", files={name: (None, value) for name, value in fields.items()})
    assert answer.status_code == 200
    job = door.studio.world.executing()[0]
    assert (job.order.seed, job.order.sound, job.order.mood) == (7, True, "tech_news")


def test_a_generated_artifact_is_refused_as_start_frame_until_it_is_uploaded_again(tmp_path: Path) -> None:
    with over_a_socket(tmp_path) as door:
        door.studio.poll_pace_seconds = 0
        artifact = door.create(aspectRatio="1:1", pollForResult=5).json()["status"]["artifact"]
        refused = door.create("video", startAssetId=artifact["asset"]["fileId"])
        assert (refused.status_code, refused.json()) == (400, {"error": "Parameter startAssetId has incorrect format", "code": 400})
        uploaded = door.upload(door.fetch(artifact["assetUrl"]).content)
        assert door.create("video", startAssetId=uploaded["asset"]["fileId"]).status_code == 200


def test_an_upload_without_content_type_is_refused(door: Door) -> None:
    answer = door.api("POST", "assets/?type=image", data=picture())
    assert (answer.status_code, answer.json()["error"]) == (400, "Content-Type header is required")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_pictures_of_three_formats_can_be_uploaded_and_come_back_byte_by_byte(door: Door, form: str) -> None:
    data, mime_type = picture(form=form), f"image/{form.lower()}"
    stored = door.api("POST", "assets/?type=reference-image", data=data, headers={"Content-Type": mime_type}).json()
    assert (stored["asset"]["type"], stored["asset"]["mimeType"]) == ("image", mime_type)
    assert door.fetch(stored["assetUrl"]).content == data


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [(b"GIF89a not a picture", "image/png"), (picture()[:200], "image/png"), (picture(), "image/jpeg"), (b"", "image/png")],
    ids=["no picture", "half a picture", "another type than it says", "nothing"],
)
def test_an_upload_that_is_not_the_picture_it_says_is_refused(door: Door, data: bytes, mime_type: str) -> None:
    assert door.api("POST", "assets/", data=data, headers={"Content-Type": mime_type}).status_code == 400


def test_assets_without_the_trailing_slash_time_out_at_the_proxy(door: Door) -> None:
    answer = door.api("POST", "assets?type=image", data=picture(), headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (522, "text/html")


def test_a_signed_link_refuses_the_bearer_token(door: Door) -> None:
    link = door.upload()["assetUrl"]
    assert door.fetch(link, headers={"Authorization": "Bearer leaked"}).status_code == 400


def test_a_link_with_a_changed_expiry_is_refused(door: Door) -> None:
    link = door.upload()["assetUrl"]
    assert door.fetch(link.replace("Expires=1", "Expires=2")).status_code == 403


def test_downloads_can_be_resumed_by_range(door: Door) -> None:
    link, data = door.upload()["assetUrl"], picture()
    etag = door.fetch(link).headers["ETag"]
    rest = door.fetch(link, headers={"Range": "bytes=100-", "If-Range": etag})
    assert (rest.status_code, rest.content) == (206, data[100:])
    assert rest.headers["Content-Range"] == f"bytes 100-{len(data) - 1}/{len(data)}"
    assert door.fetch(link, headers={"Range": "bytes=100-", "If-Range": '"another"'}).content == data
    assert door.fetch(link, headers={"Range": f"bytes={len(data)}-"}).status_code == 416


def test_head_tells_the_length_without_a_body(door: Door) -> None:
    answer = door.fetch(door.upload()["assetUrl"], "HEAD")
    assert (int(answer.headers["Content-Length"]), answer.content) == (len(picture()), b"")


@pytest.mark.parametrize("header", [{"Authorization": ""}, {"Authorization": "Bearer other"}, {"Authorization": "Basic abc"}])
def test_a_wrong_token_is_401(door: Door, header: dict[str, str]) -> None:
    answer = door.api("GET", "scheduler", headers=header)
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized", "code": 401})


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": ""},
        {"prompt": "x" * 2001},
        {"prompt": 7},
        {"duration": "4"},
        {"duration": 5},
        {"aspectRatio": "4:3"},
        {"model": "flux"},
        {"intensity": "extreme"},
        {"audioSFX": "yes"},
        {"seed": "seven"},
        {"pollForResult": 21},
        {"maxJobs": 0},
        {"email": "other@example.com"},
        {"startAssetId": "asset:1-type:image/png"},
        {"startAssetId": f"asset:{'0' * 32}-type:image/png"},
        {"preview": {"cues": [{"start": 2, "end": 1, "text": "backwards"}]}},
    ],
    ids=str,
)
def test_a_clip_that_breaks_a_rule_is_refused_and_not_charged(door: Door, body: dict[str, object]) -> None:
    answer = door.create("video", **body)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert next(iter(body)) in answer.json()["error"]
    assert door.studio.charges() == []


@pytest.mark.parametrize(
    "body", [{"style": "baroque"}, {"reference_strength": 101}, {"shotAngle": "worm"}, {"referenceAssetId": "x"}], ids=str
)
def test_a_still_that_breaks_a_rule_is_refused(door: Door, body: dict[str, Any]) -> None:
    assert door.create(**body).status_code == 400


@pytest.mark.parametrize("duration", ["3", "5", "7", "9", "15", "30"])
def test_every_documented_duration_is_accepted(door: Door, duration: str) -> None:
    assert door.create("video", duration=duration).status_code == 200


def test_unknown_fields_are_ignored(door: Door) -> None:
    assert door.create(colour="green").status_code == 200


def test_a_reference_image_is_no_start_frame(door: Door) -> None:
    reference = door.upload(use="reference-image")["asset"]["fileId"]
    assert door.create(referenceAssetId=reference).status_code == 200
    assert door.create("video", startAssetId=reference).status_code == 400


@pytest.mark.parametrize(
    "path", ["assets/nonsense", f"assets/email:studio@example.com-job:{'0' * 8}-type:video", "generations/gen_1", "x"]
)
def test_what_is_not_there_is_404(door: Door, path: str) -> None:
    answer = door.api("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, 404)


def test_a_job_id_with_another_account_is_unknown(door: Door) -> None:
    assert door.api("GET", "assets/" + door.job().replace("studio@", "other@")).status_code == 404


def test_the_scheduler_lists_what_executes_until_it_is_over(door: Door) -> None:
    job_id = door.job(replyRef="find-me")
    entry = door.api("GET", "scheduler").json()[0]
    assert (entry["jobId"], entry["replyRef"], entry["email"]) == (job_id, "find-me", "studio@example.com")
    assert re.fullmatch(r"\d\d:\d\d", entry["elapsed"])
    available = door.api("GET", "scheduler/available").json()
    assert available["available"] == [{"email": "studio@example.com", "maxJobs": 20, "executing": 1, "available": 19}]
    door.end(job_id)
    assert door.api("GET", "scheduler").json() == []


def test_deleting_from_the_scheduler_stops_the_tracking_and_not_the_work(door: Door) -> None:
    job_id = door.job()
    assert door.api("DELETE", f"scheduler/{quote(job_id, safe='')}").status_code == 200
    assert door.api("GET", "scheduler").json() == []
    assert door.status(job_id)["type"] == "active"
    assert door.create(maxJobs=1).status_code == 429


def test_more_jobs_than_allowed_are_429_with_a_wait(door: Door) -> None:
    door.job("video")
    busy = door.create("video", maxJobs=1)
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "5")
    assert clock.parse(busy.json()["retryAfter"]) > clock.now()
    assert len(door.studio.charges()) == 1


def test_finished_jobs_make_room_for_others(door: Door) -> None:
    door.end(door.job())
    assert door.create(maxJobs=1).status_code == 200


def test_assets_are_listed_newest_first_page_by_page(door: Door) -> None:
    first = door.upload()
    clock.sleep(0.002)
    second = door.upload(picture(form="WEBP"), mime_type="image/webp")
    listed = door.api("GET", "assets/?limit=1&filter=images").json()
    assert listed["meta"] == {"totalItems": 2, "itemCount": 1, "itemsPerPage": 1, "totalPages": 2, "currentPage": 1}
    assert listed["items"][0]["signedAsset"]["asset"] == second["asset"]
    assert door.api("GET", "assets/?limit=1&page=2").json()["items"][0]["signedAsset"]["asset"] == first["asset"]
    assert door.api("GET", "assets/?filter=videos").json()["items"] == []
    assert door.api("GET", "assets/?page=0").status_code == 400


def test_an_account_shows_its_limits_and_balance_but_no_secret(door: Door) -> None:
    door.job()
    account = door.api("GET", "accounts/studio@example.com").json()
    assert (account["maxJobs"], account["balance"]) == (20, {"LTXStudio_token": 99_999})
    assert door.api("GET", "accounts/other@example.com").status_code == 404


def test_with_several_accounts_the_email_is_required(door: Door) -> None:
    for email in ("one@example.com", "two@example.com"):
        cookie = f"lt_id={email}; lt_token=secret; lt_refresh_token=secret"
        added = door.api("POST", "accounts", json={"cookie": cookie, "maxJobs": 3})
        assert added.json()["email"] == email
        assert "secret;" not in added.text
    assert door.create().status_code == 400
    assert door.create(email="two@example.com").json()["jobId"].startswith("email:two@example.com-job:")


def test_an_account_without_its_tokens_is_refused(door: Door) -> None:
    answer = door.api("POST", "accounts", json={"cookie": "lt_id=1"})
    assert answer.json() == {"error": "Missing required cookie fields: lt_token | lt_refresh_token", "code": 400}


def test_every_accepted_create_is_charged_once(door: Door) -> None:
    still, clip = door.job(), door.job("video", duration="5", replyRef="r1")
    door.status(still)
    charges = door.fetch(f"{door.url}/studio/charges", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert charges == door.studio.charges()
    assert [(charge["kind"], charge["jobId"], charge["duration"], charge["replyRef"]) for charge in charges] == [
        ("image", still, None, None),
        ("video", clip, "5", "r1"),
    ]
