"""Veo 3.1 on Vertex AI: text or a picture becomes a clip with sound.

Facts and their pages (November 2026):

- models, lengths, shapes, resolutions: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/veo/3-1-generate
- what was retired, and what replaces it: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/veo/2-0-generate
- requests and answers: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation

There is no upload and no idempotency key: the picture goes within the order, and an order that nobody saw accepted cannot be
found again. An order returns the name of an operation; the name is stored, and any process asks on with it.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tenxsom import atomic
from tenxsom.errors import (
    AccountTrouble,
    BadSettings,
    BrokenMedia,
    NotFound,
    ServiceBusy,
    ServiceClosed,
    ServiceDown,
    ServiceRefused,
    ServiceRetired,
)
from tenxsom.google.credentials import GenAiSettings
from tenxsom.http.downloads import Download, looks_like_mp4
from tenxsom.services.addresses import is_vendors
from tenxsom.services.base import INLINE, NO_JOB, Capabilities, Progress, StartFrames, Status, Submitted, Variant, VideoOrder
from tenxsom.setting_groups import CloudFolder, setting
from tenxsom.setting_values import choice


class VeoSettings(GenAiSettings):
    """Veo on Vertex AI."""

    section: ClassVar[str] = ""

    vertex_veo_location: str = setting(
        "us-central1",
        "Vertex AI region of Veo",
        allowed="a region that serves Veo",
        comment="Region of Veo.",
    )
    vertex_veo_model_id: str = setting(
        "veo-3.1-fast-generate-001",
        "The Veo model that makes clips",
        allowed="`veo-3.1-generate-001`, `veo-3.1-fast-generate-001`, `veo-3.1-lite-generate-001`",
        comment="veo-3.1-generate-001, veo-3.1-fast-generate-001 or veo-3.1-lite-generate-001.",
    )
    vertex_veo_resolution: Annotated[str, choice("720p", "1080p", "4K")] = setting(
        "720p",
        "In which resolution Veo makes them",
        allowed="`720p`, `1080p`, `4K` (not with Lite)",
        comment="720p, 1080p or 4K.",
    )
    vertex_veo_output_uri: CloudFolder | None = setting(
        None,
        "A gs:// folder that Veo writes to; without it clips come in the answer",
        allowed="a `gs://bucket/folder` that the credentials may write to and read from",
        comment="Where Veo writes its clips, for example gs://my-bucket/veo; empty: they come within the answer.",
    )


if TYPE_CHECKING:
    from tenxsom.google.genai import GenAi, Operation

NAME = "vertex_veo"
MODELS = ("veo-3.1-fast-generate-001", "veo-3.1-generate-001", "veo-3.1-lite-generate-001")
LARGEST_PICTURE_BYTES = 20_000_000
"""The largest picture that Google names for image-to-video is 20 MB."""

INLINE_AT_ONCE = 4
"""So many answers with clips in them are read side by side."""

_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""How the pictures begin that Veo takes."""


class VertexVeo:
    """The service over one GenAi, which holds the credentials. `output_uri` is a gs:// folder for the clips; None: inline."""

    name = NAME

    def __init__(
        self,
        genai: GenAi,
        model: str = MODELS[0],
        output_uri: str | None = None,
        status_timeout: float = 15.0,
        *,
        at_once: int = 64,
    ) -> None:
        self._genai, self._model = genai, model
        self._parameters = {"output_gcs_uri": output_uri} if output_uri else {}
        self._status_timeout = status_timeout
        # Without a folder of ours the clips come within the answers: a few at a time, or they would fill the memory.
        self._inline = threading.BoundedSemaphore(at_once if output_uri else INLINE_AT_ONCE)

    def upload_image(self, picture: Path, mime_type: str) -> str:  # noqa: ARG002  (the picture itself says what it is)
        """Look whether Veo takes the picture. It is not sent before the order. Raises ServiceRefused."""
        _read_picture(picture)
        return INLINE

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:  # noqa: ARG002  (Veo takes no reference of ours)
        if order.start_file_id and order.start_picture is None:
            raise ServiceRefused(f"{NAME} takes a start frame within the order, and the picture is not at hand; nothing was sent.")
        picture = _read_picture(order.start_picture) if order.start_file_id and order.start_picture else None
        resolution = {"resolution": order.variant.resolution.lower()} if order.variant.resolution else {}
        model = order.variant.model or self._model
        try:
            name = self._genai.order_video(
                model,
                order.prompt,
                picture,
                number_of_videos=1,
                duration_seconds=int(order.seconds),
                aspect_ratio=order.aspect_ratio,
                generate_audio=True,
                seed=order.seed,
                **resolution,
                **self._parameters,
            )
        except NotFound as error:
            raise ServiceRetired(
                f"{model} is retired, or not offered in this location ({error}); set VERTEX_VEO_MODEL_ID to one of"
                f" {', '.join(MODELS)}, and VERTEX_VEO_LOCATION to one that its page names, such as us-central1.",
                error.status,
                answer=error.answer,
            ) from None
        return Submitted(name, endpoint=name)

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> Status:  # noqa: ARG002  (the name says where to ask)
        name = str(video["job_id"])
        try:
            with self._inline:
                found = self._genai.operation(name, self._status_timeout)
        except (NotFound, AccountTrouble):
            raise
        except (ServiceBusy, ServiceRefused) as trouble:
            raise ServiceDown(str(trouble), getattr(trouble, "retry_after", None)) from None
        return _status(found)._replace(endpoint=name)

    def find_submission(self, reference: str) -> Submitted | None:  # noqa: ARG002  (Veo lists nothing by reference)
        """None: Veo cannot tell."""
        return None

    def fetch(self, status: Status, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        """Write down or download the clip. Raises NotFound for one that came with an answer that is gone: ask again."""
        if status.url and status.url.startswith("gs://"):
            return self._genai.bucket.fetch_clip(status.url, part, max_bytes, deadline_seconds)
        if status.content is None:
            raise NotFound("The clip came within an answer, and that is gone; its status is asked for again.")
        _check_clip(status.content, max_bytes)
        atomic.write(part, status.content)
        return Download(part, len(status.content), hashlib.sha256(status.content).hexdigest(), "video/mp4")

    def ping(self) -> None:
        """Ask for an operation that does not exist."""
        try:
            self._genai.operation(self._genai.operation_name(self._model, NO_JOB), self._status_timeout)
        except AccountTrouble:
            raise
        except ServiceClosed as error:
            raise ServiceDown(str(error), error.retry_after) from None
        except ServiceBusy:
            pass  # a limit is a sign of life
        except ServiceRefused as error:
            if error.status is None:  # it was not asked
                raise ServiceDown(str(error)) from None

    def settle(self, seconds: float) -> None:
        """Nothing of a remote vendor's runs in this process."""

    def close(self) -> None:
        self._genai.close()


def capabilities(variant: Variant) -> Capabilities:
    """What a Veo model makes. Raises BadSettings for one that is retired or unknown, and for a resolution it does not have."""
    model = variant.model or MODELS[0]
    if model not in MODELS:
        raise BadSettings(_unknown(model))
    resolutions = ("720p", "1080p") if "lite" in model else ("720p", "1080p", "4K")
    if variant.resolution and variant.resolution not in resolutions:
        raise BadSettings(f"{model} makes {', '.join(resolutions)}, not {variant.resolution}; change VERTEX_VEO_RESOLUTION.")
    return Capabilities(
        durations=(4, 6, 8),
        aspect_ratios=("16:9", "9:16"),
        resolutions=resolutions,
        prompt_limit=2000,  # Google counts 1,024 tokens (https://ai.google.dev/gemini-api/docs/video), of about four letters each
        start_frames=StartFrames.OPTIONAL,
        sound=True,
        concurrent_submissions=4,  # Google grants 10 requests a minute; what comes too fast is told 429 and waits
        concurrent_jobs=10,
        first_check_seconds=40,
        longest_check_seconds=300,
        upload_hours=None,
        # Undocumented for Vertex AI. Google's Gemini API keeps its clips for two days (https://ai.google.dev/gemini-api/docs/video);
        # half of that is believed here. What lies in a bucket of one's own stays, but its operation may be forgotten all the same.
        result_hours=24,
        can_reconcile=False,
    )


def default_variant(settings: VeoSettings) -> Variant:
    """The model and the resolution that the settings ask for."""
    return Variant(settings.vertex_veo_model_id, settings.vertex_veo_resolution)


def missing(settings: VeoSettings) -> str | None:
    """What keeps Veo from being used; None if nothing does. Whether the Google credentials are good shows at the first call."""
    if settings.vertex_ai_project_id:
        return None
    return f"{NAME} needs VERTEX_AI_PROJECT_ID, and Google credentials; put them into production.env."


def is_rehearsal(settings: VeoSettings) -> bool:
    """Whether its address is not the vendor's own: nobody is paid there."""
    return not is_vendors(settings.vertex_genai_base_url, "googleapis.com")


def open_service(settings: VeoSettings) -> VertexVeo:
    """Veo in the project of the settings. Raises BadSettings when there is none."""
    from tenxsom.google.genai import open_genai

    variant = default_variant(settings)
    genai = open_genai(NAME, settings, settings.vertex_veo_location)
    uri, timeout = settings.vertex_veo_output_uri, settings.status_timeout_seconds
    return VertexVeo(genai, variant.model, uri, timeout, at_once=settings.poll_concurrency)


def _unknown(model: str) -> str:
    kind = next((kind for kind in ("fast", "lite") if kind in model), "")
    instead = next(name for name in MODELS if kind in name and ("fast" in name) == (kind == "fast"))
    state = "was retired in 2026" if model.startswith(("veo-2.", "veo-3.0")) or "preview" in model else "is no Veo model known here"
    return f"VERTEX_VEO_MODEL_ID: {model!r} {state}; use {instead} (known are {', '.join(MODELS)})."


def _status(found: Operation) -> Status:
    """What an operation means for a job."""
    if not found.done:
        return Status(Progress.RUNNING)
    if found.content:
        return Status(Progress.READY, url=f"{INLINE}:{len(found.content)}", content=found.content)
    if found.uri and found.uri.startswith("gs://"):
        return Status(Progress.READY, url=found.uri)
    if found.error:
        return Status(Progress.FAILED, message=found.error)
    if found.filtered:
        return Status(Progress.FAILED, message=f"Google's filters kept the clip back: {found.filtered}")
    return Status(Progress.FAILED, message="the operation is done, but there is no clip in it", explained=False)


def _read_picture(picture: Path) -> tuple[bytes, str]:
    """A start frame with its MIME type. Raises ServiceRefused for one that Veo would not take."""
    if picture.stat().st_size > LARGEST_PICTURE_BYTES:
        raise ServiceRefused(f"{NAME} takes start frames of up to 20 MB; make this one smaller. Nothing was sent.")
    data = picture.read_bytes()
    for start, mime_type in _PICTURES.items():
        if data.startswith(start):
            return data, mime_type
    raise ServiceRefused(f"{NAME} takes PNG and JPEG pictures as start frames; give it one of these. Nothing was sent.")


def _check_clip(content: bytes, max_bytes: int) -> None:
    if len(content) > max_bytes:
        raise BrokenMedia(f"The file is larger than {max_bytes} bytes, the most that is believed to be honest.")
    if complaint := looks_like_mp4(content[:4096]):
        raise BrokenMedia(f"{NAME} did not send what it should: {complaint}.")
