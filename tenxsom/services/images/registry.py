"""Sources of start frames by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from tenxsom.errors import BadSettings
from tenxsom.services import registry as services
from tenxsom.services.base import Capabilities, PriceEntry, StartFrames, VideoService
from tenxsom.services.images import flux, own_picture, vertex_image
from tenxsom.services.images.base import FLUX, NONE, OWN_PICTURE, VERTEX_IMAGE, StillSource
from tenxsom.services.images.vertex_image import VertexImageSettings
from tenxsom.services.local_studio import LocalStudio
from tenxsom.services.useapi import UseApiSettings

_MODULES: dict[str, ModuleType] = {FLUX: flux, VERTEX_IMAGE: vertex_image, OWN_PICTURE: own_picture}
SOURCES = tuple(_MODULES)
"""The sources of start frames, in the order of messages."""


class ImageSettings(UseApiSettings, VertexImageSettings):
    """The settings of all sources of start frames."""


def default_source(capabilities: Capabilities) -> str:
    """Return the default source of start frames: NONE where the service needs none."""
    return FLUX if capabilities.start_frames == StartFrames.NEEDED else NONE


def billed_service(name: str, service: str) -> str:
    """Return the service that bills a source's start frame for clips of `service`."""
    found: str = service if name == NONE else _module(name).billed_service(service)
    return found


def is_made_by(name: str, service: str) -> bool:
    """Return whether a source's start frames come from the service of the clips."""
    return name not in (NONE, OWN_PICTURE) and billed_service(name, service) == service


def model_of(name: str, settings: ImageSettings) -> str | None:
    """Return the model of a source; None where there is no choice."""
    found: str | None = None if name == NONE else _module(name).model_of(settings)
    return found


def prices(name: str) -> PriceEntry | None:
    """Return the prices that a source declares; None where its pictures cost nothing, or what their service declares."""
    found: PriceEntry | None = None if name == NONE else _module(name).PRICES
    return found


def id_problem(name: str, job_id: str) -> str | None:
    """Return why a source's picture cannot have an id; None if it can. A user has given the id."""
    found: str | None = _module(name).id_problem(job_id)
    return found


def missing_credentials(name: str, service: str, settings: ImageSettings) -> str | None:
    """Return what a source needs before it can be used with a service and these settings; None if nothing is missing."""
    if name == NONE or billed_service(name, service) == services.PREVIEW:
        return None
    found: str | None = _module(name).missing_credentials(settings)
    return found


def is_rehearsal(name: str, settings: ImageSettings) -> bool:
    """Return whether a source's pictures cost nothing. `name` is the billed service, or the source with its own account."""
    found: bool = _module(name).is_rehearsal(settings) if name in SOURCES else services.is_rehearsal(name, settings)
    return found


def open_source(
    name: str,
    service: VideoService,
    settings: ImageSettings,
    work_folder: Path,
    local: Callable[[str], Path],
    *,
    is_ours: Callable[[str], bool] | None = None,
) -> StillSource:
    """Return the source, ready for requests, for clips of `service`; `local` returns the path of a stored user's picture, and
    `is_ours` tells whether a job of ours has a vendor's id.

    Raises BadSettings when credentials are missing.
    """
    if name == FLUX:
        return flux.StudioFlux(service.api) if isinstance(service, LocalStudio) else flux.open_source(settings, is_ours)
    if name == VERTEX_IMAGE:
        return vertex_image.open_source(settings, work_folder)
    if name == OWN_PICTURE:
        return own_picture.open_source(settings, local)
    raise _unknown(name)


def _module(name: str) -> ModuleType:
    if name not in _MODULES:
        raise _unknown(name)
    return _MODULES[name]


def _unknown(name: str) -> BadSettings:
    return BadSettings(f"There is no source of start frames {name!r}; known are {', '.join(SOURCES)} and {NONE}.")
