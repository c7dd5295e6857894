"""Start frames by an image model on Vertex AI: what was paid for is on the disk before anybody is told."""

from __future__ import annotations

import base64
import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tenxsom import settings
from tenxsom.errors import (
    AccountError,
    BadSettings,
    BrokenMedia,
    DiskError,
    NotFound,
    NotSent,
    ServiceBusy,
    ServiceRefused,
    SubmitUnclear,
    TenxsomError,
)
from tenxsom.google.genai import GenAi
from tenxsom.services.base import GenerationState, GenerationStatus, Submitted
from tenxsom.services.images import vertex_image
from tenxsom.services.images.base import ImageOrder
from tenxsom.services.images.vertex_image import VertexImage
from tests.broken_stat import break_stat
from tests.net_server import Behaviour, ScriptedServer, Visit, answer, close_at_once, raw, unused_port
from tests.studio_doors import picture

MODEL = "gemini-3.1-flash-image"
ORDER = ImageOrder("A lighthouse at dawn.", "9:16")


def painted(data: bytes | None = None, **part: Any) -> dict[str, Any]:
    inline = {"mimeType": "image/png", "data": base64.b64encode(data or picture()).decode()}
    return {"candidates": [{"content": {"role": "model", "parts": [{"inlineData": inline} | part]}, "finishReason": "STOP"}]}


def source(url: str, folder: Path) -> VertexImage:
    return VertexImage(GenAi("vertex_image", "demo-project", "global", base_url=url), MODEL, folder)


def trouble_with(behaviour: Behaviour, folder: Path) -> TenxsomError:
    with ScriptedServer(behaviour) as google:
        stills = source(google.url, folder)
        with pytest.raises(TenxsomError) as caught:
            stills.request_image(ORDER, "job-1.image")
        stills.close()
        assert google.connections == 1, "an order is sent at most once"
    return caught.value


def test_an_order_carries_shape_seed_and_style(tmp_path: Path) -> None:
    with ScriptedServer(answer(200, painted())) as google:
        stills = source(google.url, tmp_path)
        stills.request_image(ORDER._replace(style="film_noir", seed=7), "job-1.image")
        stills.close()
    (request,) = google.requests
    assert request.target == f"/v1beta1/projects/demo-project/locations/global/publishers/google/models/{MODEL}:generateContent"
    body = json.loads(request.body)
    assert body["contents"][0]["parts"] == [{"text": "A lighthouse at dawn.\nStyle: film noir."}]
    config = body["generationConfig"]
    assert (config["responseModalities"], config["seed"], config["candidateCount"]) == (["IMAGE"], 7, 1)
    assert config["imageConfig"] == {"aspectRatio": "9:16", "imageSize": "1K"}


def test_a_picture_is_on_the_disk_before_anybody_is_told_and_is_found_there_after_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "stills"
    with ScriptedServer(answer(200, painted())) as google:
        first = source(google.url, folder)
        assert first.find_submission("job-1.image") is None
        assert first.request_image(ORDER, "job-1.image") == Submitted("job-1.image")
        first.close()
        after_a_crash = source(google.url, folder)
        assert after_a_crash.find_submission("job-1.image") == Submitted("job-1.image")
        assert after_a_crash.request_image(ORDER, "job-1.image") == Submitted("job-1.image")
        assert after_a_crash.image_status({"job_id": "job-1.image"}, None) == GenerationStatus(
            GenerationState.READY, url="job-1.image"
        )
        after_a_crash.close()
    assert google.connections == 1, "the second order found the first one's picture"
    assert (folder / "job-1.image").read_bytes() == picture()


def test_fetching_leaves_the_picture_until_it_is_discarded(tmp_path: Path) -> None:
    stills, part = source("http://127.0.0.1:1", tmp_path), tmp_path / "still.part"
    (tmp_path / "job-1.image").write_bytes(picture())
    for _ in range(2):
        assert stills.fetch_image("job-1.image", part, 100_000, 5).size_bytes == len(picture())
        assert part.read_bytes() == picture()
    with pytest.raises(BrokenMedia):
        stills.fetch_image("job-1.image", part, 10, 5)
    stills.discard("job-1.image")
    stills.discard("job-1.image")
    for ask in (
        lambda: stills.image_status({"job_id": "job-1.image"}, None),
        lambda: stills.fetch_image("job-1.image", part, 100_000, 5),
    ):
        with pytest.raises(NotFound):
            ask()
    stills.close()


@pytest.mark.parametrize("reference", ["", ".", "..", ".hidden", "a/b", "../../etc/passwd", "a b", "é", "x" * 300])
def test_a_reference_that_is_no_plain_file_name_is_refused(reference: str, tmp_path: Path) -> None:
    stills = source("http://127.0.0.1:1", tmp_path)
    asked = (stills.find_submission, stills.discard, lambda name: stills.image_status({"job_id": name}, None))
    for ask in (*asked, lambda name: stills.request_image(ORDER, name)):
        with pytest.raises(ServiceRefused, match="reference"):
            ask(reference)
    stills.close()


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "It is forbidden."}},
            "PROHIBITED_CONTENT; It is",
        ),
        ({"candidates": [{"finishReason": "IMAGE_SAFETY", "finishMessage": "Unsafe."}]}, "IMAGE_SAFETY; Unsafe"),
        ({"candidates": [{"content": {"parts": [{"text": "I would rather not."}]}, "finishReason": "STOP"}]}, "I would rather not"),
        (painted(thought=True), "STOP"),
    ],
)
def test_a_picture_that_was_not_painted_is_a_refusal_with_its_reason(document: dict[str, Any], reason: str, tmp_path: Path) -> None:
    trouble = trouble_with(answer(200, document), tmp_path)
    assert type(trouble) is ServiceRefused
    assert reason in str(trouble)
    assert list(tmp_path.iterdir()) == []


COUNTED = {"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}]}


@pytest.mark.parametrize(
    "document",
    [
        {"candidates": []},
        {},
        painted(b"<html></html>"),
        {"candidates": [{"content": {}, "finishReason": "OTHER"}], "usageMetadata": COUNTED},
    ],
)
def test_an_answer_without_a_usable_picture_and_without_a_reason_may_have_been_billed(
    document: dict[str, Any], tmp_path: Path
) -> None:
    assert type(trouble_with(answer(200, document), tmp_path)) is SubmitUnclear
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (answer(400, {"error": {"message": "No."}}), ServiceRefused),
        (answer(403, {"error": {"message": "No."}}), AccountError),
        (answer(404, {"error": {"message": "No."}}), ServiceRefused),
        (answer(429, {"error": {"message": "No."}}), ServiceBusy),
        (answer(500, {"error": {"message": "No."}}), SubmitUnclear),
        (answer(200, b"<html>"), SubmitUnclear),
        (answer(200, {"candidates": 5}), SubmitUnclear),
        (answer(200, {"candidates": [{"content": {"parts": [{"inlineData": {"data": "no base64!"}}]}}]}), SubmitUnclear),
        (close_at_once, SubmitUnclear),
        (raw(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"candidates": '), SubmitUnclear),
    ],
)
def test_trouble_with_a_still_means_exactly_one_thing(behaviour: Behaviour, error: type[TenxsomError], tmp_path: Path) -> None:
    assert type(trouble_with(behaviour, tmp_path)) is error


def test_a_closed_door_means_that_nothing_was_sent(tmp_path: Path) -> None:
    stills = source(f"http://127.0.0.1:{unused_port()}", tmp_path)
    with pytest.raises(NotSent):
        stills.request_image(ORDER, "job-1.image")
    stills.close()


def test_a_retired_model_says_what_to_set(tmp_path: Path) -> None:
    assert "VERTEX_IMAGE_MODEL_ID" in str(trouble_with(answer(404, {"error": {"message": "not found"}}), tmp_path))


def test_a_folder_that_takes_no_picture_is_noticed_before_one_is_paid_for(tmp_path: Path) -> None:
    (tmp_path / "stills").write_text("a file where the folder should be")
    with ScriptedServer(answer(200, painted())) as google:
        stills = source(google.url, tmp_path / "stills")
        with pytest.raises(NotSent):
            stills.request_image(ORDER, "job-1.image")
        stills.close()
    assert google.connections == 0


def test_a_picture_that_was_paid_for_and_cannot_be_kept_is_no_reason_to_pay_again(tmp_path: Path) -> None:
    folder = tmp_path / "stills"

    def take_the_folder_away(visit: Visit) -> None:
        visit.reader.peek(1)
        shutil.rmtree(folder)
        answer(200, painted())(visit)

    trouble = trouble_with(take_the_folder_away, folder)
    assert type(trouble) is SubmitUnclear
    assert "paid for" in str(trouble)


def test_there_is_no_model_by_default_and_imagen_is_gone(tmp_path: Path) -> None:
    project = {"home": tmp_path, "vertex_ai_project_id": "demo-project"}
    assert "VERTEX_AI_PROJECT_ID" in (vertex_image.missing_credentials(settings.Settings(home=tmp_path)) or "")
    assert "gemini-3.1-flash-image" in (vertex_image.missing_credentials(settings.Settings(**project)) or "")  # type: ignore[arg-type]
    for model, words in (
        (None, "VERTEX_IMAGE_MODEL_ID"),
        ("imagen-4.0-generate-001", "retired"),
        ("gemini-3-pro-image-preview", "retired"),
    ):
        with pytest.raises(BadSettings, match=words):
            vertex_image.open_source(settings.Settings(**project, vertex_image_model_id=model), tmp_path)  # type: ignore[arg-type]
    ready = settings.Settings(**project, vertex_image_model_id=MODEL)  # type: ignore[arg-type]
    assert vertex_image.missing_credentials(ready) is None
    vertex_image.open_source(ready, tmp_path).close()


def test_a_disk_that_does_not_answer_is_no_missing_picture_and_none_is_paid_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(answer(200, painted())) as google:
        stills = source(google.url, tmp_path)
        (tmp_path / "job-1.image").write_bytes(picture())
        break_stat(monkeypatch, tmp_path / "job-1.image", errno.ESTALE)
        with pytest.raises(NotSent):
            stills.request_image(ORDER, "job-1.image")
        with pytest.raises(DiskError):
            stills.image_status({"job_id": "job-1.image"}, None)
        with pytest.raises(DiskError):
            stills.find_submission("job-1.image")
        stills.close()
    assert google.connections == 0
