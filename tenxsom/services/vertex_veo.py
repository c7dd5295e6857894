"""Veo 3.1 on Vertex AI: makes clips with sound from a prompt, with or without a picture.

Facts and their pages (November 2026):

- models, lengths, shapes, resolutions: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/veo/3-1-generate
- what was retired, and what replaces it: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/veo/2-0-generate
- requests and answers: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation

There is no upload and no idempotency key: the order contains the picture, and an order whose response was lost cannot be
found. An order returns the name of an operation; the name is stored, and any process can poll it.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tenxsom import atomic, threads
from tenxsom.errors import (
    AccountError,
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
from tenxsom.http.downloads import Download
from tenxsom.media.first_bytes import video_problem
from tenxsom.services.addresses import is_vendors
from tenxsom.services.base import (
    INLINE,
    NO_JOB,
    Capabilities,
    GenerationState,
    GenerationStatus,
    PriceEntry,
    StartFrames,
    Submitted,
    Variant,
    VideoOrder,
)
from tenxsom.setting_groups import CloudFolder, ServiceSettings, setting
from tenxsom.setting_values import choice


class VeoSettings(ServiceSettings, GenAiSettings):
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
PRICES: PriceEntry = {
    "image_usd": "0",
    "clip_usd": "0",
    "models": {
        "veo-3.1-fast-generate-001": {"720p": "0.10", "1080p": "0.12", "4K": "0.30"},
        "veo-3.1-generate-001": {"720p": "0.40", "1080p": "0.40", "4K": "0.60"},
        "veo-3.1-lite-generate-001": {"720p": "0.05", "1080p": "0.08"},
    },
    "note": "USD per second of a clip with sound. Google's own price page could not be read when these were taken down; they are"
    " what price maps and articles of 2026 agree on, the higher figure where they do not. Compare them with your bill.",
    "source": "https://cloud.google.com/gemini-enterprise-agent-platform/generative-ai/pricing",
}
LARGEST_PICTURE_BYTES = 20_000_000
"""Google's limit for image-to-video: 20 MB."""

INLINE_AT_ONCE = 4
"""How many responses that contain clips are read at once."""

_OPERATION = re.compile(r"projects/\S+/operations/[^/\s]+")

_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""The first bytes of the picture formats that Veo accepts."""


class VertexVeo:
    """The service over one GenAi, which has the credentials. `output_uri` is a gs:// folder for the clips; None: inline."""

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
        # Without a folder of ours the responses contain the clips: only a few at a time fit into memory.
        self._inline = threading.BoundedSemaphore(at_once if output_uri else INLINE_AT_ONCE)

    def upload_image(self, picture: Path, mime_type: str) -> str:  # noqa: ARG002  (the picture itself says what it is)
        """Check that Veo accepts the picture; the order sends it. Raises ServiceRefused."""
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

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> GenerationStatus:  # noqa: ARG002  (the name says where to ask)
        name = str(video["job_id"])
        try:
            with threads.turn(self._inline):
                found = self._genai.operation(name, self._status_timeout)
        except (NotFound, AccountError):
            raise
        except (ServiceBusy, ServiceRefused) as trouble:
            raise ServiceDown(str(trouble), getattr(trouble, "retry_after", None)) from None
        return _status(found)._replace(endpoint=name)

    def find_submission(self, reference: str) -> Submitted | None:  # noqa: ARG002  (Veo lists nothing by reference)
        """Return None: Veo cannot tell."""
        return None

    def fetch(self, status: GenerationStatus, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        """Save or download the clip. Raises NotFound when its response is gone: the caller asks for the status again."""
        if status.url and status.url.startswith("gs://"):
            return self._genai.bucket.fetch_clip(status.url, part, max_bytes, deadline_seconds)
        if status.content is None:
            raise NotFound("The clip came within an answer, and that is gone; its status is asked for again.")
        _check_clip(status.content, max_bytes)
        atomic.write(part, status.content)
        return Download(part, len(status.content), hashlib.sha256(status.content).hexdigest(), "video/mp4")

    def ping(self) -> None:
        """Request an operation that does not exist."""
        try:
            self._genai.operation(self._genai.operation_name(self._model, NO_JOB), self._status_timeout)
        except AccountError:
            raise
        except ServiceClosed as error:
            raise ServiceDown(str(error), error.retry_after) from None
        except ServiceBusy:
            pass  # a rate limit proves that the service is available
        except ServiceRefused as error:
            if error.status is None:  # nothing was sent
                raise ServiceDown(str(error)) from None

    def settle(self, seconds: float) -> None:
        """Do nothing: a remote vendor runs no work in this process."""

    def close(self) -> None:
        self._genai.close()


def capabilities(variant: Variant) -> Capabilities:
    """Return what a Veo model can make. Raises BadSettings for a retired or unknown model, or an unknown resolution."""
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
        concurrent_submissions=4,  # Google grants 10 requests a minute; further orders get 429 and wait
        concurrent_jobs=10,
        first_check_seconds=40,
        longest_check_seconds=300,
        upload_hours=None,
        # Undocumented for Vertex AI. Google's Gemini API keeps its clips for two days (https://ai.google.dev/gemini-api/docs/video);
        # half of that is assumed here. Clips in the user's own bucket stay, but Google may delete their operation all the same.
        result_hours=24,
        can_reconcile=False,
    )


def default_variant(settings: VeoSettings) -> Variant:
    """Return the model and the resolution in the settings."""
    return Variant(settings.vertex_veo_model_id, settings.vertex_veo_resolution)


def missing_credentials(settings: VeoSettings) -> str | None:
    """Return what Veo needs before it can be used; None if nothing is missing. The first call checks the credentials."""
    if settings.vertex_ai_project_id:
        return None
    return f"{NAME} needs VERTEX_AI_PROJECT_ID, and Google credentials; put them into production.env"


def address(settings: VeoSettings) -> str:
    """Return the base address of the API."""
    return settings.vertex_genai_base_url or "https://aiplatform.googleapis.com"


def id_problem(job_id: str) -> str | None:
    """Return why an id cannot be that of an order, which is the name of an operation; None if it can."""
    return None if _OPERATION.fullmatch(job_id) else f"is no operation of {NAME}; they look like projects/…/operations/…"


def is_rehearsal(settings: VeoSettings) -> bool:
    """Return whether the address is not the vendor's own: orders cost nothing there."""
    return not is_vendors(settings.vertex_genai_base_url, "googleapis.com")


def open_service(settings: VeoSettings, is_ours: Callable[[str], bool] | None = None) -> VertexVeo:  # noqa: ARG001  (every service is opened alike)
    """Return Veo in the project of the settings. Raises BadSettings without a project."""
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


def _status(found: Operation) -> GenerationStatus:
    """Return the status of a job from its operation."""
    if not found.done:
        return GenerationStatus(GenerationState.RUNNING)
    if found.content:
        return GenerationStatus(GenerationState.READY, url=f"{INLINE}:{len(found.content)}", content=found.content)
    if found.uri and found.uri.startswith("gs://"):
        return GenerationStatus(GenerationState.READY, url=found.uri)
    if found.error:
        return GenerationStatus(GenerationState.FAILED, message=found.error)
    if found.filtered:
        return GenerationStatus(GenerationState.FAILED, message=f"Google's filters kept the clip back: {found.filtered}")
    return GenerationStatus(GenerationState.FAILED, message="the operation is done, but there is no clip in it", explained=False)


def _read_picture(picture: Path) -> tuple[bytes, str]:
    """Read a start frame and its MIME type. Raises ServiceRefused for a picture that Veo does not accept."""
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
    if complaint := video_problem(content[:4096]):
        raise BrokenMedia(f"{NAME} did not send what it should: {complaint}.")
