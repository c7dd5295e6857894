"""Veo on Vertex AI: an order is sent at most once, what became of it is never guessed, and no credentials leak.

The vendor's library is the real one; the servers misbehave for real.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image

from tenxsom import settings
from tenxsom.errors import (
    AccountError,
    BadSettings,
    BrokenMedia,
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
from tenxsom.google import genai as google_genai
from tenxsom.google.genai import GenAi
from tenxsom.http import paid
from tenxsom.http.errors import NotConnected
from tenxsom.services import vertex_veo
from tenxsom.services.base import GenerationState, GenerationStatus, StartFrames, Variant, VideoOrder
from tenxsom.services.vertex_veo import MODELS, VertexVeo, capabilities
from tests.net_server import (
    Behaviour,
    ScriptedServer,
    answer,
    certificate,
    close_at_once,
    drip,
    raw,
    reset_unread,
    stall_at_once,
    unused_port,
)
from tests.stub_vertex import TOKEN, Reply, StubVertex
from tests.studio_doors import picture

NAME = f"projects/demo-project/locations/us-central1/publishers/google/models/{MODELS[0]}/operations/6f1c"
ACCEPTED = {"name": NAME}
VIDEO = {"job_id": NAME, "generation_id": None}
CLIP = b"\x00\x00\x00\x18ftypmp42" + bytes(5000)


@pytest.fixture
def still(tmp_path: Path) -> Path:
    path = tmp_path / "still.png"
    path.write_bytes(picture())
    return path


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubVertex]:
    """Google's token service, and a service account's key file (`key.json`) whose tokens come from it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with StubVertex() as google:
        google.write_credentials(tmp_path / "key.json")
        yield google


def veo(url: str | None, **details: Any) -> VertexVeo:
    return VertexVeo(GenAi("vertex_veo", "demo-project", "us-central1", base_url=url, **details))


def clip_order(**changes: Any) -> VideoOrder:
    return VideoOrder("A cat yawns.", "16:9", 6.0, None)._replace(**changes)


def trouble_with_order(url: str | None, **details: Any) -> TenxsomError:
    service = veo(url, **details)
    try:
        with pytest.raises(TenxsomError) as caught:
            service.request_video(clip_order(), "job-1")
    finally:
        service.close()
    return caught.value


# what it can do


def test_veo_makes_4_6_and_8_seconds_with_sound_from_words_or_a_picture() -> None:
    found = capabilities(Variant(MODELS[0], "720p"))
    assert (found.durations, found.aspect_ratios, found.sound) == ((4, 6, 8), ("16:9", "9:16"), True)
    assert (found.start_frames, found.upload_hours, found.can_reconcile) == (StartFrames.OPTIONAL, None, False)


def test_the_lite_model_has_no_4k() -> None:
    assert "4K" in capabilities(Variant("veo-3.1-generate-001", "4K")).resolutions
    with pytest.raises(BadSettings, match="720p, 1080p, not 4K"):
        capabilities(Variant("veo-3.1-lite-generate-001", "4K"))


@pytest.mark.parametrize(
    ("retired", "instead"),
    [
        ("veo-2.0-generate-001", "veo-3.1-generate-001"),
        ("veo-3.0-generate-001", "veo-3.1-generate-001"),
        ("veo-3.0-fast-generate-001", "veo-3.1-fast-generate-001"),
        ("veo-3.1-fast-generate-preview", "veo-3.1-fast-generate-001"),
        ("veo-3.1-generate-preview", "veo-3.1-generate-001"),
    ],
)
def test_a_retired_model_is_refused_with_its_replacement(retired: str, instead: str) -> None:
    with pytest.raises(BadSettings, match=f"retired in 2026; use {instead} "):
        capabilities(Variant(retired, "720p"))


def test_veo_needs_a_project_and_todays_model(tmp_path: Path) -> None:
    empty = settings.Settings(home=tmp_path)
    assert "VERTEX_AI_PROJECT_ID" in (vertex_veo.missing_credentials(empty) or "")
    with pytest.raises(BadSettings, match="VERTEX_AI_PROJECT_ID"):
        vertex_veo.open_service(empty)
    ready = settings.Settings(home=tmp_path, vertex_ai_project_id="demo-project")
    assert vertex_veo.missing_credentials(ready) is None
    assert vertex_veo.default_variant(ready) == Variant(MODELS[0], "720p")
    vertex_veo.open_service(ready).close()
    with pytest.raises(BadSettings, match=r"use veo-3\.1-generate-001"):
        vertex_veo.capabilities(
            vertex_veo.default_variant(settings.Settings(home=tmp_path, vertex_veo_model_id="veo-2.0-generate-001"))
        )


def test_saying_what_it_can_do_does_not_load_googles_library() -> None:
    probe = (
        "import sys; from tenxsom.services import vertex_veo; from tenxsom.services.base import Variant\n"
        "vertex_veo.capabilities(Variant())\n"
        "print([name for name in sys.modules if name.startswith(('google.genai', 'google.auth', 'httpx'))])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=settings.ROOT)
    assert done.stdout.strip() == "[]"


# ordering


def test_an_order_carries_the_picture_and_the_variant(still: Path) -> None:
    with ScriptedServer(answer(200, ACCEPTED)) as google:
        service = veo(google.url)
        order = clip_order(start_file_id=service.upload_image(still, "image/png"), start_picture=still, seed=7, seconds=4.0)
        submitted = service.request_video(order._replace(variant=Variant("veo-3.1-generate-001", "4K")), "job-1")
        service.close()
    assert submitted.job_id == submitted.endpoint == NAME
    (request,) = google.requests
    assert request.target == (
        "/v1beta1/projects/demo-project/locations/us-central1/publishers/google/models/veo-3.1-generate-001:predictLongRunning"
    )
    body = json.loads(request.body)
    assert body["instances"] == [
        {"prompt": "A cat yawns.", "image": {"bytesBase64Encoded": base64.b64encode(picture()).decode(), "mimeType": "image/png"}}
    ]
    assert body["parameters"] == {
        "sampleCount": 1,
        "durationSeconds": 4,
        "aspectRatio": "16:9",
        "resolution": "4k",
        "generateAudio": True,
        "seed": 7,
    }


def test_a_bucket_of_the_settings_is_where_clips_are_to_go() -> None:
    with ScriptedServer(answer(200, ACCEPTED)) as google:
        service = VertexVeo(GenAi("vertex_veo", "demo-project", "us-central1", base_url=google.url), output_uri="gs://mine/veo")
        service.request_video(clip_order(), "job-1")
        service.close()
    body = json.loads(google.requests[0].body)
    assert body["parameters"]["storageUri"] == "gs://mine/veo"
    assert "image" not in body["instances"][0]


def test_a_picture_that_veo_does_not_take_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    large, webp = tmp_path / "large.png", tmp_path / "still.webp"
    large.write_bytes(picture() + bytes(20_000_000))
    Image.new("RGB", (64, 64)).save(webp)
    with ScriptedServer(answer(200, ACCEPTED)) as google:
        service = veo(google.url)
        for path, words in ((large, "20 MB"), (webp, "PNG and JPEG")):
            with pytest.raises(ServiceRefused, match=words):
                service.upload_image(path, "image/png")
            with pytest.raises(ServiceRefused, match=words):
                service.request_video(clip_order(start_file_id="inline", start_picture=path), "job-1")
        with pytest.raises(ServiceRefused, match="not at hand"):
            service.request_video(clip_order(start_file_id="inline"), "job-1")
        service.close()
    assert google.connections == 0


def test_a_jpeg_is_taken_for_what_it_is(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG")
    still = tmp_path / "still"
    still.write_bytes(file.getvalue())
    with ScriptedServer(answer(200, ACCEPTED)) as google:
        service = veo(google.url)
        service.request_video(clip_order(start_file_id="inline", start_picture=still), "job-1")
        service.close()
    assert json.loads(google.requests[0].body)["instances"][0]["image"]["mimeType"] == "image/jpeg"


# trouble with an order


def google_error(status: int, message: str = "No.", **headers: str) -> Behaviour:
    return answer(status, {"error": {"code": status, "message": message, "status": "ANYTHING"}}, **headers)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (google_error(400), ServiceRefused),
        (google_error(401), AccountError),
        (google_error(403), AccountError),
        (google_error(404), ServiceRetired),
        (google_error(408), SubmitUnclear),
        (google_error(409), ServiceRefused),
        (google_error(429), ServiceBusy),
        (google_error(499), ServiceRefused),
        (google_error(500), SubmitUnclear),
        (google_error(502), SubmitUnclear),
        (google_error(503), ServiceClosed),
        (google_error(504), SubmitUnclear),
        (answer(302, b"", Location="https://example.com/"), SubmitUnclear),
        (answer(307, b"", Location="https://example.com/"), ServiceRefused),
        (answer(201, ACCEPTED), SubmitUnclear),
        (answer(200, {}), SubmitUnclear),
        (answer(200, {"name": ""}), SubmitUnclear),
        (answer(200, {"name": 5}), SubmitUnclear),
        (answer(200, [1, 2]), SubmitUnclear),
        (answer(200, b"<html>Please sign in</html>"), SubmitUnclear),
        (answer(200, b""), SubmitUnclear),
        (close_at_once, SubmitUnclear),
        (reset_unread, SubmitUnclear),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"), SubmitUnclear),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", then="reset"), SubmitUnclear),
        (raw(b"HTTP/1.1 400 No\r\nContent-Length: 1000\r\n\r\n{"), ServiceRefused),
        (raw(b"I am no HTTP\r\n\r\n"), SubmitUnclear),
    ],
)
def test_an_answer_to_an_order_means_exactly_one_thing(behaviour: Behaviour, error: type[TenxsomError]) -> None:
    with ScriptedServer(behaviour) as google:
        assert type(trouble_with_order(google.url)) is error
        assert google.connections == 1, "an order is sent at most once"


@pytest.mark.parametrize(
    "behaviour", [stall_at_once, drip(b'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n{"name": ' + b" " * 10_000)]
)
def test_an_order_whose_answer_does_not_come_in_time_is_unclear(behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_genai, "_ORDER_SECONDS", 0.3)
    monkeypatch.setattr("tenxsom.http.paid.CONNECT_SECONDS", 0.3)
    with ScriptedServer(behaviour) as google:
        assert isinstance(trouble_with_order(google.url), SubmitUnclear)


def test_an_order_to_a_closed_door_was_certainly_not_sent() -> None:
    assert "connection refused" in str(trouble_with_order(f"http://127.0.0.1:{unused_port()}"))
    assert type(trouble_with_order(f"http://127.0.0.1:{unused_port()}")) is NotSent


def test_an_order_whose_tls_handshake_fails_was_certainly_not_sent(tmp_path: Path) -> None:
    with ScriptedServer(close_at_once) as plain:
        assert type(trouble_with_order(f"https://{plain.host}")) is NotSent
    server, _ = certificate(tmp_path)
    with ScriptedServer(answer(200, ACCEPTED), tls=server) as stranger:
        trouble = trouble_with_order(stranger.url)
    assert type(trouble) is NotSent
    assert "certificate could not be verified" in str(trouble)
    assert stranger.requests == []


def test_an_order_to_a_name_that_nobody_knows_was_certainly_not_sent(account: StubVertex, tmp_path: Path) -> None:
    trouble = trouble_with_order("https://vertex.invalid", credentials_file=tmp_path / "key.json")
    assert type(trouble) is NotSent


def test_a_busy_veo_says_how_long_to_wait_and_a_retired_model_what_to_set() -> None:
    with ScriptedServer(google_error(429, "Quota exceeded", Retry_After="17")) as google:
        assert trouble_with_order(google.url).retry_after == 17.0  # type: ignore[attr-defined]
    with ScriptedServer(google_error(404, "Publisher Model was not found")) as google:
        assert "VERTEX_VEO_MODEL_ID" in str(trouble_with_order(google.url))


def test_after_five_failures_veo_is_left_alone_and_nothing_is_sent() -> None:
    with ScriptedServer(google_error(500)) as google:
        service = veo(google.url)
        for _ in range(5):
            with pytest.raises(SubmitUnclear):
                service.request_video(clip_order(), "job-1")
        with pytest.raises(NotSent, match="left alone"):
            service.request_video(clip_order(), "job-1")
        with pytest.raises(ServiceDown, match="left alone"):
            service.video_status(VIDEO, NAME)
        service.close()
    assert google.connections == 5


# credentials


def test_a_rehearsal_on_this_machine_never_sees_real_credentials(account: StubVertex, tmp_path: Path) -> None:
    with ScriptedServer(answer(200, ACCEPTED)) as google:
        service = veo(google.url, credentials_file=tmp_path / "key.json")
        service.request_video(clip_order(), "job-1")
        service.close()
    assert google.requests[0].headers["authorization"] == "Bearer local"
    assert account.calls == []


def test_real_credentials_never_go_over_plain_http() -> None:
    with pytest.raises(BadSettings, match="unencrypted"):
        veo("http://vertex.example.com")


def test_without_credentials_the_job_waits_for_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "CLOUDSDK_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    trouble = trouble_with_order("https://vertex.invalid")
    assert type(trouble) is AccountError
    assert "gcloud auth application-default login" in str(trouble)


def test_a_token_service_that_refuses_or_is_away_means_that_nothing_was_sent(account: StubVertex, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    account.token_reply = Reply({"error": "invalid_grant", "error_description": "Invalid JWT"}, 400)
    refused = trouble_with_order("https://vertex.invalid", credentials_file=key)
    assert type(refused) is AccountError
    assert "invalid_grant" in str(refused)
    key.write_text(key.read_text().replace(account.url, f"http://127.0.0.1:{unused_port()}"))
    assert type(trouble_with_order("https://vertex.invalid", credentials_file=key)) is NotSent


def test_a_token_that_the_service_repeats_is_in_no_message(
    account: StubVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, trusted = certificate(tmp_path)
    monkeypatch.setattr(google_genai, "is_this_machine", lambda _: False)
    failed = {"name": NAME, "done": True, "error": {"code": 3, "message": f"{TOKEN} of me@example.com"}}
    script = (google_error(403, f"{TOKEN} of me@example.com may not"), answer(200, failed))
    with ScriptedServer(*script, tls=server) as google:
        service = veo(google.url, credentials_file=tmp_path / "key.json", ca_file=trusted)
        with pytest.raises(AccountError) as refused:
            service.request_video(clip_order(), "job-1")
        status = service.video_status(VIDEO, NAME)
        service.close()
    assert google.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    for text in (str(refused.value), status.message):
        assert TOKEN not in text
        assert "me@example.com" not in text
    assert "roles/aiplatform.user" in str(refused.value)


def test_a_token_that_is_repeated_beside_a_sound_goes_no_further(
    account: StubVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, trusted = certificate(tmp_path)
    monkeypatch.setattr(google_genai, "is_this_machine", lambda _: False)
    part = {"inlineData": {"mimeType": f"audio/wav; {TOKEN}", "data": base64.b64encode(b"sound").decode()}}
    script = (
        answer(200, {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}),
        answer(200, {"candidates": [{"finishReason": "OTHER", "finishMessage": f"{TOKEN} may not"}]}),
        answer(200, {"predictions": [], "raiFilteredReason": f"{TOKEN} may not"}),
        answer(200, {"outputs": [{"type": "text", "text": f"{TOKEN} may not"}]}),
    )
    with ScriptedServer(*script, tls=server) as google:
        details: dict[str, Any] = {"base_url": google.url, "credentials_file": tmp_path / "key.json", "ca_file": trusted}
        genai = GenAi("gemini", "demo-project", "us-central1", **details)
        spoken = [genai.speak("gemini-tts", "Hello.", "Kore", "") for _ in range(2)]
        music = [genai.predict_music("lyria-002", "calm", "", None), genai.interact_for_music("lyria-3", "calm")]
        genai.close()
    assert google.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert spoken[0].content == b"sound"
    assert TOKEN not in repr([spoken, music])


def test_the_environment_does_not_change_where_credentials_go(
    account: StubVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def nowhere(_: object, request: requests.PreparedRequest, *args: object, **kwargs: object) -> paid.Reply:
        asked.append(str(request.url))
        raise NotConnected

    monkeypatch.setattr(google_genai, "send_once", nowhere)
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "https://elsewhere.example.com")
    monkeypatch.setenv("GOOGLE_API_KEY", "a-key-of-somebody")
    trouble = trouble_with_order(None, credentials_file=tmp_path / "key.json")
    assert type(trouble) is NotSent
    service = veo(None, credentials_file=tmp_path / "key.json")
    for location in ("europe-west4", "global"):
        with pytest.raises(NotSent):
            service.video_status({"job_id": NAME.replace("us-central1", location)}, None)
    service.close()
    hosts = [urlsplit(url).hostname for url in asked]
    assert hosts == ["us-central1-aiplatform.googleapis.com", "europe-west4-aiplatform.googleapis.com", "aiplatform.googleapis.com"]


# what became of it


def status_of(document: object) -> GenerationStatus:
    with ScriptedServer(answer(200, document)) as google:
        service = veo(google.url)
        try:
            return service.video_status(VIDEO, NAME)
        finally:
            service.close()


def test_a_stored_name_is_all_that_asking_needs() -> None:
    with ScriptedServer(answer(200, {"name": NAME})) as google:
        service = veo(google.url)
        found = service.video_status(VIDEO, None)
        service.close()
    assert found == GenerationStatus(GenerationState.RUNNING, endpoint=NAME)
    (request,) = google.requests
    assert request.target == f"/v1beta1/{NAME.partition('/operations/')[0]}:fetchPredictOperation"
    assert json.loads(request.body) == {"operationName": NAME}


@pytest.mark.parametrize(
    ("document", "progress", "words"),
    [
        ({"name": NAME, "done": False}, GenerationState.RUNNING, ""),
        (
            {"name": NAME, "done": True, "error": {"code": 3, "message": "The prompt is too long."}},
            GenerationState.FAILED,
            "too long",
        ),
        ({"name": NAME, "done": True, "error": {"code": 13}}, GenerationState.FAILED, "13"),
        (
            {"done": True, "response": {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["Support codes: 58061214"]}},
            GenerationState.FAILED,
            "filters kept the clip back: Support codes: 58061214",
        ),
        ({"done": True, "response": {"raiMediaFilteredCount": 1}}, GenerationState.FAILED, "filters"),
        ({"done": True, "response": {"videos": []}}, GenerationState.FAILED, "no clip"),
        ({"done": True, "response": {}}, GenerationState.FAILED, "no clip"),
        ({"done": True}, GenerationState.FAILED, "no clip"),
        ({"done": True, "response": {"videos": [{"mimeType": "video/mp4"}]}}, GenerationState.FAILED, "no clip"),
    ],
)
def test_done_alone_is_no_success(document: object, progress: GenerationState, words: str) -> None:
    found = status_of(document)
    assert found.progress is progress
    assert words in found.message


def test_a_clip_comes_within_the_answer_or_lies_in_a_bucket() -> None:
    inline = {"bytesBase64Encoded": base64.b64encode(CLIP).decode(), "mimeType": "video/mp4"}
    found = status_of({"done": True, "response": {"videos": [inline]}})
    assert found == GenerationStatus(GenerationState.READY, url=f"inline:{len(CLIP)}", endpoint=NAME, content=CLIP)
    stored = status_of({"done": True, "response": {"videos": [{"gcsUri": "gs://mine/veo/1/sample_0.mp4"}]}})
    assert stored == GenerationStatus(GenerationState.READY, url="gs://mine/veo/1/sample_0.mp4", endpoint=NAME)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (google_error(404), NotFound),
        (google_error(401), AccountError),
        (google_error(403), AccountError),
        (google_error(400), ServiceDown),
        (google_error(429), ServiceDown),
        (google_error(500), ServiceDown),
        (google_error(503), ServiceDown),
        (answer(200, b"<html>"), ServiceDown),
        (answer(200, [1]), ServiceDown),
        (answer(200, {}), ServiceDown),
        (answer(200, {"done": True, "response": {"videos": [{"bytesBase64Encoded": "no base64!"}]}}), ServiceDown),
        (answer(200, {"done": True, "response": {"videos": 7}}), ServiceDown),
        (answer(204, b""), ServiceDown),
        (close_at_once, ServiceDown),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"), ServiceDown),
    ],
)
def test_trouble_with_asking_never_ends_a_job_but_for_404(behaviour: Behaviour, error: type[TenxsomError]) -> None:
    with ScriptedServer(behaviour) as google:
        service = veo(google.url)
        with pytest.raises(TenxsomError) as caught:
            service.video_status(VIDEO, NAME)
        service.close()
    assert type(caught.value) is error


def test_an_answer_that_falls_silent_is_given_up_after_the_settings_time() -> None:
    with ScriptedServer(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", then="stall")) as google:
        service = VertexVeo(GenAi("vertex_veo", "demo-project", "us-central1", base_url=google.url), status_timeout=0.2)
        with pytest.raises(ServiceDown, match="took too long"):
            service.video_status(VIDEO, NAME)
        service.close()


# fetching


def test_an_inline_clip_is_written_down_whole(tmp_path: Path) -> None:
    service, part = veo("http://127.0.0.1:1"), tmp_path / "clip.part"
    got = service.fetch(GenerationStatus(GenerationState.READY, url=f"inline:{len(CLIP)}", content=CLIP), part, 10_000, 5)
    service.close()
    assert part.read_bytes() == CLIP
    assert (got.path, got.size_bytes, got.sha256) == (part, len(CLIP), hashlib.sha256(CLIP).hexdigest())


def test_an_inline_clip_that_is_gone_too_large_or_none_is_no_clip(tmp_path: Path) -> None:
    service, part = veo("http://127.0.0.1:1"), tmp_path / "clip.part"
    with pytest.raises(NotFound, match="asked for again"):
        service.fetch(GenerationStatus(GenerationState.READY, url="inline:5"), part, 10_000, 5)
    with pytest.raises(BrokenMedia, match="larger"):
        service.fetch(GenerationStatus(GenerationState.READY, url="inline:5", content=CLIP), part, 100, 5)
    with pytest.raises(BrokenMedia, match="MP4"):
        service.fetch(GenerationStatus(GenerationState.READY, url="inline:5", content=b"<html>" * 10), part, 10_000, 5)
    service.close()
    assert not part.exists()


def fetch_from(behaviour: Behaviour, part: Path) -> Any:
    with ScriptedServer(behaviour) as storage:
        service = veo(storage.url)
        try:
            return service.fetch(
                GenerationStatus(GenerationState.READY, url="gs://mine/veo/a b/sample_0.mp4"), part, 10_000, 5
            ), storage.requests
        finally:
            service.close()


def test_a_clip_in_a_bucket_is_downloaded_with_our_token(tmp_path: Path) -> None:
    got, (request,) = fetch_from(answer(200, CLIP), tmp_path / "clip.part")
    assert request.target == "/storage/v1/b/mine/o/veo%2Fa%20b%2Fsample_0.mp4?alt=media"
    assert request.headers["authorization"] == "Bearer local"
    assert (got.size_bytes, got.sha256) == (len(CLIP), hashlib.sha256(CLIP).hexdigest())


def test_the_token_does_not_follow_a_redirect(tmp_path: Path) -> None:
    with ScriptedServer(answer(200, CLIP)) as elsewhere:
        fetch_from(answer(302, b"", Location=f"{elsewhere.url}/clip.mp4"), tmp_path / "clip.part")
    assert "authorization" not in elsewhere.requests[0].headers


@pytest.mark.parametrize(("status", "error"), [(403, AccountError), (401, AccountError), (404, NotFound)])
def test_a_bucket_that_refuses_says_what_to_do(status: int, error: type[TenxsomError], tmp_path: Path) -> None:
    with pytest.raises(error):
        fetch_from(google_error(status), tmp_path / "clip.part")


def test_a_clip_in_a_bucket_may_not_be_larger_than_believed(tmp_path: Path) -> None:
    with pytest.raises(BrokenMedia):
        fetch_from(answer(200, CLIP + bytes(10_000)), tmp_path / "clip.part")
