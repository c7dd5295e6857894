"""UseAPI.net's LTX Studio API v1: uploaded assets, LTX image-to-video. Its Flux stills: `tenxsom.services.images.flux`.

The vendor put a notice of retirement on its pages dated 9 March 2026
(https://www.useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets.html). The contract is kept as documented, and the local
studio serves it for real. Facts and their pages:

- creates, ids, durations, aspect ratios: https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-videos-ltx-create
- uploads keep their trailing slash; a generated artifact is refused as a start frame, an upload of `type=image` is taken:
  https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-assets
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenxsom.errors import BadSettings
from tenxsom.http.downloads import Download
from tenxsom.services.addresses import is_vendors
from tenxsom.services.base import Capabilities, GenerationStatus, PriceEntry, StartFrames, Submitted, Variant, VideoOrder
from tenxsom.services.useapi import UseApi, UseApiSettings, kind_problem, missing_credentials, open_api

__all__ = ["MODELS", "UseApiLtx", "capabilities", "default_variant", "missing_credentials", "open_service"]

NAME = "useapi_ltx"
RETIREMENT = "UseAPI.net put a notice of retirement on the pages of its LTX Studio API, dated 9 March 2026; orders may be refused."

MODELS = ("",)

PRICES: PriceEntry = {
    "image_usd": "0",
    "clip_usd": "0",
    "clip_second_usd": "0",
    "note": "UseAPI.net asks for a flat subscription (15 USD a month) and no price per call; the tokens of the LTX Studio plan are"
    " paid to Lightricks, which publishes no price per clip. Put your own figures here to have budgets count them.",
    "source": "https://useapi.net/docs/subscription",
}

CAPABILITIES = Capabilities(
    durations=(3, 5, 7, 9, 15, 30),
    aspect_ratios=("16:9", "9:16", "1:1"),
    resolutions=(),
    prompt_limit=2000,
    start_frames=StartFrames.NEEDED,
    sound=False,
    concurrent_submissions=10,  # the accounts page: the API slows down above roughly 10 jobs
    concurrent_jobs=None,
    first_check_seconds=45,
    longest_check_seconds=600,
    upload_hours=None,
    result_hours=None,  # a link expires, and the status call returns a new one
    can_reconcile=True,
)


class UseApiLtx:
    """LTX clips from uploaded start frames."""

    name = NAME

    def __init__(self, api: UseApi) -> None:
        self.api = api

    def upload_image(self, picture: Path, mime_type: str) -> str:
        return self.api.upload(picture, mime_type)

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        submitted = self.api.create("/ltxstudio/videos/ltx-create", self._body(order), reference)
        return submitted._replace(endpoint=self.api.endpoint_of(submitted))

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> GenerationStatus:
        return self.api.status(video["job_id"], video.get("generation_id"), endpoint)

    def find_submission(self, reference: str) -> Submitted | None:
        return self.api.find(reference)

    def fetch(self, status: GenerationStatus, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        return self.api.fetch(str(status.url), part, max_bytes, deadline_seconds, "video")

    def ping(self) -> None:
        self.api.ping()

    def settle(self, seconds: float) -> None:
        """Do nothing: a remote vendor runs no work in this process."""

    def close(self) -> None:
        self.api.close()

    def _body(self, order: VideoOrder) -> dict[str, Any]:
        body: dict[str, Any] = {
            "prompt": order.prompt,
            "duration": f"{order.seconds:g}",  # the vendor wants a text: "5"
            "aspectRatio": order.aspect_ratio,
        }
        if order.start_file_id:
            body["startAssetId"] = order.start_file_id
        if order.seed is not None:
            body["seed"] = order.seed
        return body


def capabilities(variant: Variant) -> Capabilities:
    """Return what the API can make. Raises BadSettings for a model or a resolution: there is no choice."""
    if variant != Variant():
        raise BadSettings(f"{NAME} offers no choice of models or resolutions; leave {' and '.join(filter(None, variant))} away.")
    return CAPABILITIES


def default_variant(settings: UseApiSettings) -> Variant:  # noqa: ARG001  (every service is asked alike)
    return Variant()


def address(settings: UseApiSettings) -> str:
    """Return the base address of the API."""
    return settings.useapi_base_url


def id_problem(job_id: str) -> str | None:
    """Return why an id cannot be that of a video; None if it can."""
    return kind_problem(job_id, "video")


def is_rehearsal(settings: UseApiSettings) -> bool:
    """Return whether the address is not the vendor's own: orders cost nothing there."""
    return not is_vendors(settings.useapi_base_url, "useapi.net")


def open_service(settings: UseApiSettings, is_ours: Callable[[str], bool] | None = None) -> UseApiLtx:
    """Return the service with the account in the settings. Raises BadSettings without a token."""
    return UseApiLtx(open_api(settings, NAME, is_ours))
