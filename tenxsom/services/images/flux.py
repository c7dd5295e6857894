"""Flux stills over the UseAPI.net LTX Studio contract, from UseAPI.net or the local studio.

Fields and styles: https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-images-flux-create
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tenxsom.http.downloads import Download
from tenxsom.services import local_studio, useapi_ltx
from tenxsom.services.base import GenerationStatus, PriceEntry, Submitted
from tenxsom.services.images.base import FLUX, ImageOrder, PollPolicy
from tenxsom.services.useapi import UseApi, UseApiSettings, kind_problem, missing_credentials, open_api

__all__ = ["PRICES", "Flux", "StudioFlux", "billed_service", "id_problem", "missing_credentials", "model_of", "open_source"]

PRICES: PriceEntry | None = None

STYLES = frozenset({
    "cinematic", "vintage", "low_key", "indy", "y2k", "pop", "grunge", "dreamy",
    "hand_drawn", "2d_novel", "boost", "scribble", "film_noir", "anime", "3d_cartoon", "colored",
})  # fmt: skip
"""The styles that Flux knows by name; any other style goes into the prompt."""


class Flux:
    """Flux at UseAPI.net."""

    name = FLUX
    poll_policy = PollPolicy(check_seconds=3, wait_seconds=90)  # the vendor's own pollForResult waits 3 s between two calls
    can_reconcile = True

    def __init__(self, api: UseApi) -> None:
        self._api = api

    def request_image(self, order: ImageOrder, reference: str) -> Submitted:
        return self._api.create("/ltxstudio/images/flux-create", self._body(order), reference)

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        return self._api.status(image["job_id"], image.get("generation_id"), endpoint)

    def fetch_image(self, url: str, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        return self._api.fetch(url, part, max_bytes, deadline_seconds, "image")

    def find_submission(self, reference: str) -> Submitted | None:
        return self._api.find(reference)

    def ping(self) -> None:
        self._api.ping()

    def discard(self, job_id: str) -> None:
        """Do nothing: the vendor keeps its own pictures."""

    def close(self) -> None:
        self._api.close()

    def _body(self, order: ImageOrder) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": order.prompt, "aspectRatio": order.aspect_ratio}
        if order.style in STYLES:
            body["style"] = order.style
        if order.seed is not None:
            body["seed"] = order.seed
        return body


class StudioFlux(Flux):
    """Flux of the local studio: faster, and with the archetype and the picture's number in the order."""

    poll_policy = PollPolicy(check_seconds=0.2, wait_seconds=90)

    def _body(self, order: ImageOrder) -> dict[str, Any]:
        return super()._body(order) | {"preview": {"mood": order.archetype, "number": order.number}}


def billed_service(service: str) -> str:
    """Return the service of the clips where that makes stills too, else UseAPI.net."""
    return service if service == local_studio.NAME else useapi_ltx.NAME


def model_of(settings: UseApiSettings) -> str | None:  # noqa: ARG001  (every source is asked alike)
    return None


def id_problem(job_id: str) -> str | None:
    """Return why an id cannot be that of a still; None if it can."""
    return kind_problem(job_id, "image")


def open_source(settings: UseApiSettings, is_ours: Callable[[str], bool] | None = None) -> Flux:
    """Return Flux with the account in the settings. Raises BadSettings without a token."""
    return Flux(open_api(settings, FLUX, is_ours))
