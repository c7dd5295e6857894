"""The studio as Vertex AI: the real google-genai client finds Veo and an image model there, with Google's words and troubles.

The client takes a second to import, so only what uses it imports it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import av
import pytest
import requests
from google.oauth2.credentials import Credentials
from PIL import Image

from tenxsom.errors import AccountError, ServiceRefused, SubmitUnclear, TenxsomError
from tenxsom.google.genai import GenAi
from tenxsom.services.base import GenerationState, GenerationStatus, Variant, VideoOrder
from tenxsom.services.images.base import ImageOrder
from tenxsom.services.images.vertex_image import VertexImage
from tenxsom.services.vertex_veo import VertexVeo
from tenxsom_studio.faults import write_rules
from tenxsom_studio.server import StudioServer, running
from tenxsom_studio.studio import Studio
from tests.studio_doors import TIMEOUT, picture

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    import google.genai
    from google.genai import errors, types

VEO = "veo-3.1-fast-generate-001"
MODELS = "v1beta1/projects/demo-project/locations/us-central1/publishers/google/models"
PROMPT = "A paper boat on a stream. It turns."


@pytest.fixture
def world(tmp_path: Path) -> Path:
    folder = tmp_path / "world"
    folder.mkdir()
    (folder / "scale").write_text("0.1")
    return folder


@pytest.fixture
def server(world: Path) -> Iterator[StudioServer]:
    with running(world) as server:
        yield server


@pytest.fixture
def studio(server: StudioServer) -> Studio:
    found: Studio = server.app.extensions["studio"]
    return found


@pytest.fixture
def client(server: StudioServer) -> Iterator[google.genai.Client]:
    """Google's own client, as it comes."""
    import google.genai
    from google.genai import types

    credentials = Credentials("local")
    options = types.HttpOptions(base_url=server.url)
    client = google.genai.Client(
        vertexai=True, project="demo-project", location="us-central1", credentials=credentials, http_options=options
    )
    yield client
    client.close()


def order(
    client: google.genai.Client, model: str = VEO, image: dict[str, Any] | None = None, **config: Any
) -> types.GenerateVideosOperation:
    from google.genai import types

    source = types.GenerateVideosSource(prompt=PROMPT, image=types.Image(**image) if image else None)
    return client.models.generate_videos(
        model=model, source=source, config=types.GenerateVideosConfig(**({"duration_seconds": 4} | config))
    )


def operation_of(name: str | None) -> types.GenerateVideosOperation:
    from google.genai import types

    return types.GenerateVideosOperation(name=name)  # type: ignore[call-arg]


def refusal(match: str | None = None) -> pytest.RaisesExc[errors.ClientError]:
    """Expect that Google's client raises the error of a refused request."""
    from google.genai import errors

    return pytest.raises(errors.ClientError, match=match)


def finish(client: google.genai.Client, studio: Studio, operation: types.GenerateVideosOperation) -> types.GenerateVideosOperation:
    for _ in range(10):
        operation = client.operations.get(operation)
        if operation.done:
            return operation
        studio.drain(TIMEOUT)
    raise AssertionError("it never ended")


def facts(clip: bytes) -> tuple[int, int, float, int]:
    """Width, height, seconds, tracks of sound."""
    with av.open(io.BytesIO(clip), "r") as container:
        stream = container.streams.video[0]
        return stream.width, stream.height, (container.duration or 0) / 1e6, len(container.streams.audio)


# Veo


def test_googles_own_client_orders_asks_and_gets_a_clip_within_the_answer(client: google.genai.Client, studio: Studio) -> None:
    start = {"image_bytes": picture(), "mime_type": "image/png"}
    operation = order(client, image=start, aspect_ratio="9:16", resolution="1080p", generate_audio=True, seed=3)
    assert (operation.name or "").startswith(f"{MODELS}/{VEO}/operations/".removeprefix("v1beta1/"))
    resumed = operation_of(operation.name)
    assert not client.operations.get(resumed).done, "a clip takes several questions"
    done = finish(client, studio, resumed)
    video = done.response.generated_videos[0].video  # type: ignore[union-attr, index]
    assert video is not None
    assert video.mime_type == "video/mp4"
    assert facts(video.video_bytes or b"") == (108, 192, 4.0, 1), "1080p times the world's scale"


def test_a_clip_whose_order_names_a_bucket_lies_there(client: google.genai.Client, studio: Studio, server: StudioServer) -> None:
    done = finish(client, studio, order(client, output_gcs_uri="gs://mine/veo", generate_audio=False))
    video = done.response.generated_videos[0].video  # type: ignore[union-attr, index]
    assert video is not None
    assert video.video_bytes is None
    name = (video.uri or "").removeprefix("gs://mine/")
    for door in ("storage", "download/storage"):
        address = f"{server.url}/{door}/v1/b/mine/o/{quote(name, safe='')}"
        assert requests.get(f"{address}?alt=media", timeout=TIMEOUT).status_code == 401
        got = requests.get(f"{address}?alt=media", headers={"Authorization": "Bearer local"}, timeout=TIMEOUT)
        assert facts(got.content) == (128, 72, 4.0, 0)
        about = requests.get(address, headers={"Authorization": "Bearer local"}, timeout=TIMEOUT).json()
        assert (about["bucket"], about["name"], about["size"]) == ("mine", name, str(len(got.content)))
        other = requests.get(address.replace("mine", "yours"), headers={"Authorization": "Bearer local"}, timeout=TIMEOUT)
        assert (other.status_code, other.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("model", "config", "words"),
    [
        (VEO, {"duration_seconds": 5}, "supported durations are"),
        (VEO, {"aspect_ratio": "1:1"}, "aspectRatio"),
        (VEO, {"resolution": "480p"}, "resolution"),
        ("veo-3.1-lite-generate-001", {"resolution": "4k"}, "resolution"),
        (VEO, {"seed": -1}, "seed"),
        (VEO, {"number_of_videos": 2}, "sampleCount"),
        (VEO, {"output_gcs_uri": "https://example.com"}, "gs://"),
        (VEO, {"image": {"gcs_uri": "gs://mine/still.png", "mime_type": "image/png"}}, "bytesBase64Encoded"),
        (VEO, {"image": {"image_bytes": b"no picture", "mime_type": "image/png"}}, "image"),
        (VEO, {"image": {"image_bytes": picture(), "mime_type": "image/jpeg"}}, "image/png"),
    ],
)
def test_an_order_that_veo_would_refuse_is_refused_in_googles_words(
    client: google.genai.Client, studio: Studio, model: str, config: dict[str, Any], words: str
) -> None:
    with refusal() as refused:
        order(client, model, **config)
    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")
    assert words in (refused.value.message or "")
    assert studio.charges() == []


@pytest.mark.parametrize("model", ["veo-2.0-generate-001", "veo-3.0-fast-generate-001", "veo-3.1-generate-preview", "veo-9"])
def test_a_retired_model_is_not_found(client: google.genai.Client, model: str) -> None:
    with refusal() as refused:
        order(client, model)
    assert (refused.value.code, refused.value.status) == (404, "NOT_FOUND")


def test_an_operation_is_known_by_its_whole_name_only(client: google.genai.Client) -> None:
    name = str(order(client).name)
    for other in (
        name[:-1] + ("0" if name[-1] != "0" else "1"),
        name.replace("demo-project", "other"),
        name.replace("fast-", "lite-"),
    ):
        with refusal() as refused:
            client.operations.get(operation_of(other))
        assert refused.value.code == 404


def test_without_a_token_nobody_comes_in(server: StudioServer) -> None:
    for path in (f"{MODELS}/{VEO}:predictLongRunning", f"{MODELS}/gemini-3-pro-image:generateContent"):
        refused = requests.post(f"{server.url}/{path}", json={}, timeout=TIMEOUT)
        assert refused.status_code == 401
        assert refused.json() == {"error": {"code": 401, "message": "Unauthorized", "status": "UNAUTHENTICATED"}}


def test_ten_clips_are_made_at_once_and_the_eleventh_waits(client: google.genai.Client, studio: Studio) -> None:
    studio.renders.close()  # so that none of them ends meanwhile
    for _ in range(10):
        order(client)
    with refusal() as busy:
        order(client)
    assert (busy.value.code, busy.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert len(studio.charges()) == 10


# an image model


def test_an_image_model_paints_within_its_answer(client: google.genai.Client, studio: Studio) -> None:
    from google.genai import types

    config = types.GenerateContentConfig(response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="16:9"))
    answer = client.models.generate_content(model="gemini-3.1-flash-image", contents=PROMPT, config=config)
    data = answer.candidates[0].content.parts[0].inline_data.data  # type: ignore[index, union-attr]
    still = Image.open(io.BytesIO(data or b""))
    assert still.format == "PNG"
    assert still.width / still.height == pytest.approx(16 / 9, abs=0.05)
    (charge,) = studio.charges()
    assert (charge["service"], charge["kind"]) == ("vertex_image", "image")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"response_modalities": ["TEXT"]}, "IMAGE"),
        ({"response_modalities": ["IMAGE"], "image_config": {"aspect_ratio": "5:1"}}, "aspectRatio"),
        ({"response_modalities": ["IMAGE"], "candidate_count": 2}, "Multiple candidates"),
    ],
)
def test_an_image_that_cannot_be_painted_is_refused(client: google.genai.Client, config: dict[str, Any], words: str) -> None:
    from google.genai import types

    with refusal(words):
        client.models.generate_content(model="gemini-3-pro-image", contents=PROMPT, config=types.GenerateContentConfig(**config))


def test_imagen_is_gone(server: StudioServer) -> None:
    address = f"{server.url}/{MODELS}/imagen-4.0-generate-001:predict"
    refused = requests.post(address, json={"instances": [{}]}, headers={"Authorization": "Bearer local"}, timeout=TIMEOUT)
    assert (refused.status_code, refused.json()["error"]["status"]) == (404, "NOT_FOUND")


# our services at the studio, with scripted faults


class Rehearsal:
    """Both of our clients before a studio in this process."""

    def __init__(self, world: Path, server: StudioServer, folder: Path) -> None:
        self.world, self.studio = world, server.app.extensions["studio"]
        url = server.url
        self.bucket = VertexVeo(GenAi("vertex_veo", "demo-project", "us-central1", base_url=url), output_uri="gs://mine/veo")
        self.veo = VertexVeo(GenAi("vertex_veo", "demo-project", "us-central1", base_url=url))
        stills = GenAi("vertex_image", "demo-project", "global", base_url=url)
        self.stills = VertexImage(stills, "gemini-3.1-flash-image", folder)

    def script(self, on: str, do: str, **details: Any) -> None:
        write_rules(self.world, [{"on": on, "do": do, **details}])

    def order(self, veo: VertexVeo | None = None) -> dict[str, Any]:
        wanted = VideoOrder(PROMPT, "16:9", 4.0, None, seed=1, variant=Variant(VEO, "720p"))
        return {"job_id": (veo or self.veo).request_video(wanted, "job-1").job_id}

    def finish(self, video: dict[str, Any]) -> GenerationStatus:
        for _ in range(10):
            status = self.veo.video_status(video, None)
            if status.progress is not GenerationState.RUNNING:
                return status
            self.studio.drain(TIMEOUT)
        raise AssertionError("it never ended")


@pytest.fixture
def rehearsal(world: Path, server: StudioServer, tmp_path: Path) -> Iterator[Rehearsal]:
    rehearsal = Rehearsal(world, server, tmp_path / "stills")
    yield rehearsal
    for client in (rehearsal.bucket, rehearsal.veo, rehearsal.stills):
        client.close()


def test_a_clip_is_ordered_finished_and_fetched_from_the_answer_and_from_a_bucket(rehearsal: Rehearsal, tmp_path: Path) -> None:
    found = []
    for veo in (rehearsal.veo, rehearsal.bucket):
        status = rehearsal.finish(rehearsal.order(veo))
        got = veo.fetch(status, tmp_path / "clip.part", 10_000_000, TIMEOUT)
        assert facts(got.path.read_bytes())[2] == 4.0
        found.append((got.size_bytes, got.sha256))
    assert found[0] == found[1], "the same order makes the same clip"
    assert [charge["service"] for charge in rehearsal.studio.charges()] == ["vertex_veo", "vertex_veo"]


def test_a_download_from_a_bucket_that_is_cut_is_carried_on(rehearsal: Rehearsal, tmp_path: Path) -> None:
    status = rehearsal.finish(rehearsal.order(rehearsal.bucket))
    rehearsal.script("GET /storage", "truncate", bytes=5000)
    got = rehearsal.bucket.fetch(status, tmp_path / "clip.part", 10_000_000, TIMEOUT)
    assert facts(got.path.read_bytes())[2] == 4.0
    rehearsal.script("GET /storage", "status", status=403)
    with pytest.raises(AccountError, match=r"storage\.objectViewer"):
        rehearsal.bucket.fetch(status, tmp_path / "again.part", 10_000_000, TIMEOUT)


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (
            {"type": "filtered", "message": "Support codes: 58061214"},
            "Google's filters kept the clip back: Support codes: 58061214",
        ),
        ({"type": "13", "message": "Internal error. Please try again later."}, "Internal error"),
    ],
)
@pytest.mark.parametrize("on", ["POST *:predictLongRunning", "POST *:fetchPredictOperation"])
def test_a_scripted_failure_or_filter_stays_what_it_is(rehearsal: Rehearsal, on: str, details: dict[str, Any], words: str) -> None:
    rehearsal.script(on, "fail", **details)
    video = rehearsal.order()
    for _ in range(2):
        status = rehearsal.finish(video)
        assert status.progress is GenerationState.FAILED
        assert words in status.message


def test_a_done_operation_may_hold_no_clip(rehearsal: Rehearsal) -> None:
    rehearsal.script("POST *:fetchPredictOperation", "completed_without_url", service="vertex_veo")
    assert "no clip" in rehearsal.finish(rehearsal.order()).message


def test_an_unheard_of_state_counts_as_running(rehearsal: Rehearsal) -> None:
    rehearsal.script("POST *:fetchPredictOperation", "unknown_status", times=None)
    assert rehearsal.veo.video_status(rehearsal.order(), None).progress is GenerationState.RUNNING


@pytest.mark.parametrize(("do", "details"), [("accept_then_drop", {}), ("no_job_id", {}), ("accept_then_status", {"status": 502})])
def test_an_order_that_was_charged_without_an_answer_is_unclear(rehearsal: Rehearsal, do: str, details: dict[str, Any]) -> None:
    rehearsal.script("POST *:predictLongRunning", do, **details)
    with pytest.raises(SubmitUnclear):
        rehearsal.order()
    assert len(rehearsal.studio.charges()) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(403, AccountError), (404, ServiceRefused), (429, TenxsomError), (500, SubmitUnclear)]
)
def test_a_scripted_status_comes_in_googles_words_and_charges_nothing(
    rehearsal: Rehearsal, status: int, error: type[TenxsomError]
) -> None:
    rehearsal.script("POST *:predictLongRunning", "status", status=status, message="As scripted.", kind="video")
    with pytest.raises(error, match=r"As scripted"):
        rehearsal.order()
    assert rehearsal.studio.charges() == []


def test_a_still_is_painted_kept_and_fetched(rehearsal: Rehearsal, tmp_path: Path) -> None:
    rehearsal.stills.request_image(ImageOrder(PROMPT, "9:16", "anime", 4), "job-1.image")
    got = rehearsal.stills.fetch_image("job-1.image", tmp_path / "still.part", 10_000_000, TIMEOUT)
    with Image.open(got.path) as still:
        assert still.height > still.width


def test_a_still_that_the_model_will_not_paint_is_refused_and_not_charged(rehearsal: Rehearsal) -> None:
    rehearsal.script("POST *:generateContent", "fail", message="It is unsafe.", kind="image", service="vertex_image")
    with pytest.raises(ServiceRefused, match="IMAGE_SAFETY; It is unsafe"):
        rehearsal.stills.request_image(ImageOrder(PROMPT, "1:1"), "job-1.image")
    assert rehearsal.studio.charges() == []


def test_a_start_frame_that_comes_within_an_order_is_the_clips_first_picture(rehearsal: Rehearsal, tmp_path: Path) -> None:
    red = io.BytesIO()
    Image.new("RGB", (320, 180), (220, 20, 20)).save(red, "PNG")
    still = tmp_path / "red.png"
    still.write_bytes(red.getvalue())
    wanted = VideoOrder(PROMPT, "16:9", 4.0, rehearsal.veo.upload_image(still, "image/png"), start_picture=still)
    status = rehearsal.finish({"job_id": rehearsal.veo.request_video(wanted, "job-1").job_id})
    with av.open(io.BytesIO(status.content or b""), "r") as container:
        red_part, green_part, _ = next(container.decode(video=0)).to_image().resize((1, 1)).getpixel((0, 0))
    assert red_part > 150
    assert green_part < 90
