"""Sources of start frames by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tenxsom.errors import BadSettings
from tenxsom.services import registry as services
from tenxsom.services.base import Capabilities, StartFrames, VideoService
from tenxsom.services.images import flux, own_picture, vertex_image
from tenxsom.services.images.base import FLUX, NONE, OWN_PICTURE, VERTEX_IMAGE, StillSource
from tenxsom.services.images.vertex_image import VertexImageSettings
from tenxsom.services.local_studio import LocalStudio
from tenxsom.services.useapi import UseApiSettings


class ImageSettings(UseApiSettings, VertexImageSettings):
    """The settings of all sources of start frames."""


def default_source(capabilities: Capabilities) -> str:
    """Return the default source of start frames: NONE where the service needs none."""
    return FLUX if capabilities.start_frames == StartFrames.NEEDED else NONE


def billed_service(name: str, service: str) -> str:
    """Return the service that bills a source's start frame for clips of `service`."""
    if name == FLUX:
        return service if service == services.PREVIEW else "useapi_ltx"
    return VERTEX_IMAGE if name == VERTEX_IMAGE else service


def is_made_by(name: str, service: str) -> bool:
    """Return whether a source's start frames come from the service of the clips."""
    return name == FLUX and services.speaks_useapi(service)


def model_of(name: str, settings: ImageSettings) -> str | None:
    """Return the model of a source; None where there is no choice."""
    return settings.vertex_image_model_id if name == VERTEX_IMAGE else None


def missing_credentials(name: str, service: str, settings: ImageSettings) -> str | None:
    """Return what a source needs before it can be used with a service and these settings; None if nothing is missing."""
    if name == FLUX and service != services.PREVIEW:
        return flux.missing_credentials(settings)
    if name == VERTEX_IMAGE:
        return vertex_image.missing_credentials(settings)
    return None


def is_rehearsal(name: str, settings: ImageSettings) -> bool:
    """Return whether a source's pictures cost nothing. `name` is the billed service, or the source with its own account."""
    return services.is_rehearsal("vertex_veo" if name == VERTEX_IMAGE else name, settings)


def open_source(
    name: str, service: VideoService, settings: ImageSettings, work_folder: Path, local: Callable[[str], Path]
) -> StillSource:
    """Return the source, ready for requests, for clips of `service`; `local` returns the path of a stored user's picture.

    Raises BadSettings when credentials are missing.
    """
    if name == FLUX:
        return flux.StudioFlux(service.api) if isinstance(service, LocalStudio) else flux.open_source(settings)
    if name == VERTEX_IMAGE:
        return vertex_image.open_source(settings, work_folder)
    if name == OWN_PICTURE:
        return own_picture.open_source(settings, local)
    raise BadSettings(f"There is no source of start frames {name!r}; known are {FLUX}, {VERTEX_IMAGE}, {OWN_PICTURE} and {NONE}.")
