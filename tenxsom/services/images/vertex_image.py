"""Makes start frames with a Gemini image model on Vertex AI.

Imagen is no longer on Vertex AI: Google closed its last models in 2026 and names Gemini's image models as replacement (https://docs.cloud.google.com/vertex-ai/generative-ai/docs/image/configure-aspect-ratio,
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions). They are served in the location `global`.

The paid call returns the picture itself, so the picture is saved before the call returns: after a crash it is found on the
disk, and nothing is paid twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tenxsom import atomic
from tenxsom.disk import disk_errors, is_there, make_folder
from tenxsom.errors import BadSettings, BrokenMedia, DiskError, NotFound, NotSent, ServiceRefused, SubmitUnclear
from tenxsom.google.credentials import GenAiSettings
from tenxsom.http.downloads import Download
from tenxsom.media.first_bytes import picture_problem
from tenxsom.services.addresses import is_vendors
from tenxsom.services.base import GenerationState, GenerationStatus, PriceEntry, Submitted
from tenxsom.services.images.base import VERTEX_IMAGE, ImageOrder, PollPolicy
from tenxsom.setting_groups import setting


class VertexImageSettings(GenAiSettings):
    """The image model on Vertex AI."""

    section: ClassVar[str] = ""

    vertex_image_model_id: str | None = setting(
        None,
        "The image model on Vertex AI that makes start frames",
        allowed="an image model of Vertex AI",
        comment="The image model that makes start frames; only needed with START_FRAMES=vertex_image.",
    )
    vertex_image_location: str = setting(
        "global",
        "Vertex AI region of that image model",
        allowed="a region that serves it",
        comment="Region of that image model.",
    )


if TYPE_CHECKING:
    from tenxsom.google.genai import GenAi

EXAMPLES = ("gemini-3.1-flash-image", "gemini-3-pro-image")
"""Generally available since May 2026 (https://docs.cloud.google.com/gemini-enterprise-agent-platform/release-notes)."""

PRICES: PriceEntry | None = {
    "models": {
        "gemini-3.1-flash-image": {"image_usd": "0.07"},
        "gemini-3-pro-image": {"image_usd": "0.15"},
    },
    "note": "One picture of about a megapixel: 1,120 output tokens (0.0672 and 0.1344 USD), rounded up for the words and the"
    " thinking that are charged beside it.",
    "source": "https://ai.google.dev/gemini-api/docs/pricing",
}

_ROOM_BYTES = 50_000_000
_REFERENCE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")


class VertexImage:
    """Orders pictures and keeps them in `folder` until they are discarded; the id of a picture is our reference."""

    name = VERTEX_IMAGE
    poll_policy = PollPolicy(check_seconds=1, wait_seconds=1)  # the picture comes with the order's response
    can_reconcile = False

    def __init__(self, genai: GenAi, model: str, folder: Path) -> None:
        self._genai, self._model, self._folder = genai, model, folder

    def request_image(self, order: ImageOrder, reference: str) -> Submitted:
        """Order a picture and save it. Paid, except for a reference whose picture is already saved."""
        kept = self._kept(reference)
        try:
            if self._is_kept(reference):
                return Submitted(reference)
            make_folder(self._folder)
            atomic.check_writable(self._folder, _ROOM_BYTES)
        except DiskError as error:
            raise NotSent(f"No picture was ordered, because there is no place for it: {error}") from None
        try:
            picture = self._genai.paint(self._model, _prompt(order), order.aspect_ratio, order.seed)
        except NotFound as error:
            raise ServiceRefused(
                f"{self._model} is retired, or not offered in this location ({error}); set VERTEX_IMAGE_MODEL_ID to a current"
                f" model, such as {EXAMPLES[0]}, and VERTEX_IMAGE_LOCATION to global.",
                error.status,
                answer=error.answer,
            ) from None
        if picture.content is None and picture.image_tokens:
            raise SubmitUnclear(f"{self._model} sent no picture ({picture.reason}), but counts one, which is surely billed.")
        if picture.content is None:
            raise ServiceRefused(f"{self._model} painted no picture ({picture.reason}); change the words of the image prompt.")
        if complaint := picture_problem(picture.content[:64]):
            raise SubmitUnclear(f"{self._model} sent a picture, which is surely billed, but it cannot be used: {complaint}.")
        try:
            atomic.write(kept, picture.content)
        except DiskError as error:
            raise SubmitUnclear(f"{self._model} painted a picture, which is paid for, but it could not be kept: {error}") from None
        return Submitted(reference)

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:  # noqa: ARG002  (it is in our folder)
        if not self._is_kept(image["job_id"]):
            raise NotFound("The picture is not in our folder any more.")
        return GenerationStatus(GenerationState.READY, url=image["job_id"])

    def fetch_image(self, url: str, part: Path, max_bytes: int, deadline_seconds: float) -> Download:  # noqa: ARG002  (it is here)
        """Copy the picture to `part`; the saved one stays until `discard`."""
        try:
            data = self._kept(url).read_bytes()
        except FileNotFoundError:
            raise NotFound("The picture is not in our folder any more.") from None
        if len(data) > max_bytes:
            raise BrokenMedia(f"The picture is larger than {max_bytes} bytes, the most that is believed to be honest.")
        atomic.write(part, data)
        return Download(part, len(data), hashlib.sha256(data).hexdigest(), "")

    def find_submission(self, reference: str) -> Submitted | None:
        """Return the picture that was saved before a crash; None where there is none, lost or never made. Raises DiskError."""
        return Submitted(reference) if self._is_kept(reference) else None

    def ping(self) -> None:
        """Do nothing: Google charges every picture, and there is no free request."""

    def discard(self, job_id: str) -> None:
        """Remove the saved picture, if there is one."""
        atomic.remove(self._kept(job_id), sync_names=False)

    def close(self) -> None:
        self._genai.close()

    def _is_kept(self, reference: str) -> bool:
        """Return whether a picture is saved. Raises DiskError where nobody can tell: it would be painted and paid for again."""
        with disk_errors(self._kept(reference), "read"):
            return is_there(self._kept(reference))

    def _kept(self, reference: str) -> Path:
        """Return the path of a saved picture. Raises ServiceRefused for a reference that is not a plain file name."""
        if not _REFERENCE.fullmatch(reference):
            raise ServiceRefused(
                "A picture's reference holds only letters, digits, dots, dashes and underscores; this one does not."
            )
        return self._folder / reference


def billed_service(service: str) -> str:  # noqa: ARG001  (every source is asked alike)
    """Return the source itself: it has an account of its own."""
    return VERTEX_IMAGE


def model_of(settings: VertexImageSettings) -> str | None:
    return settings.vertex_image_model_id


def id_problem(job_id: str) -> str | None:
    """Return why an id cannot be that of a picture, which is the name of its file; None if it can."""
    return None if _REFERENCE.fullmatch(job_id) else "is no picture of this source; they have the names of references"


def is_rehearsal(settings: VertexImageSettings) -> bool:
    """Return whether the address is not the vendor's own: pictures cost nothing there."""
    return not is_vendors(settings.vertex_genai_base_url, "googleapis.com")


def missing_credentials(settings: VertexImageSettings) -> str | None:
    """Return what this source needs before it can be used: a missing setting, or a retired model; None if nothing."""
    if not settings.vertex_ai_project_id:
        return f"{VERTEX_IMAGE} needs VERTEX_AI_PROJECT_ID, and Google credentials; put them into production.env"
    model = settings.vertex_image_model_id
    if not model:
        return f"{VERTEX_IMAGE} needs VERTEX_IMAGE_MODEL_ID, such as {' or '.join(EXAMPLES)}; put it into production.env"
    if not model.startswith("gemini-") or model.endswith("-preview"):
        return (
            f"VERTEX_IMAGE_MODEL_ID: {model!r} is no current Gemini image model (Imagen and the previews were retired in 2026);"
            f" use {' or '.join(EXAMPLES)}"
        )
    return None


def open_source(settings: VertexImageSettings, folder: Path) -> VertexImage:
    """Return the image model in the settings, with its pictures in `folder`. Raises BadSettings when it cannot be used."""
    from tenxsom.google.genai import open_genai

    if complaint := missing_credentials(settings):
        raise BadSettings(f"{complaint}.")
    genai = open_genai(VERTEX_IMAGE, settings, settings.vertex_image_location)
    return VertexImage(genai, settings.vertex_image_model_id or "", folder)


def _prompt(order: ImageOrder) -> str:
    """Return the prompt with the style in it, because the model has no field for a style."""
    style = (order.style or "").replace("_", " ")
    return f"{order.prompt}\nStyle: {style}." if style else order.prompt
