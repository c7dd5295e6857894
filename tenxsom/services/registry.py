"""The services by name. A service is a module of its name in this folder, imported on first use."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from types import ModuleType

from tenxsom.errors import BadSettings
from tenxsom.services.base import Capabilities, PriceEntry, Variant, VideoService
from tenxsom.setting_groups import SettingsGroup

SERVICES = ("local_studio", "useapi_ltx", "ltx_api", "vertex_veo")
"""The video services, in the order of messages."""

AUTOMATIC = ("useapi_ltx", "ltx_api")
"""The services that VIDEO_SERVICE=auto tries, in this order. Veo is missing because it shares the planner's credentials and is
expensive: it is used only when it is named."""

PREVIEW = "local_studio"
"""The service that makes previews without an account."""


def capabilities(name: str, variant: Variant) -> Capabilities:
    """Return what a service can make, without opening it. Raises BadSettings for an unknown service, model or resolution."""
    found: Capabilities = _module(name).capabilities(variant)
    return found


def pace(name: str, variant: Variant) -> Capabilities:
    """Return the capabilities for collecting clips, also those of a model that is no longer on offer."""
    try:
        return capabilities(name, variant)
    except BadSettings:
        return capabilities(name, Variant())


def default_variant(name: str, settings: SettingsGroup) -> Variant:
    """Return the model and the resolution in the settings of a service."""
    found: Variant = _module(name).default_variant(settings)
    return found


def missing_credentials(name: str, settings: SettingsGroup) -> str | None:
    """Return what a service needs before it can be used with these settings; None if nothing is missing."""
    found: str | None = _module(name).missing_credentials(settings)
    return found


def is_rehearsal(name: str, settings: SettingsGroup) -> bool:
    """Return whether orders cost nothing: at the local studio, and at an address that is not the vendor's own."""
    found: bool = _module(name).is_rehearsal(settings)
    return found


def address(name: str, settings: SettingsGroup) -> str | None:
    """Return the base address of a service's API; None where it needs no network."""
    found: str | None = _module(name).address(settings)
    return found


def retirement(name: str) -> str | None:
    """Return the sentence that a vendor switches its service off; None where it does not."""
    found: str | None = getattr(_module(name), "RETIREMENT", None)
    return found


def prices(name: str) -> PriceEntry:
    """Return the prices that a service declares."""
    found: PriceEntry = _module(name).PRICES
    return found


def id_problem(name: str, job_id: str) -> str | None:
    """Return why a service's clip cannot have an id; None if it can. A user has given the id."""
    found: str | None = _module(name).id_problem(job_id)
    return found


def open_service(name: str, settings: SettingsGroup, is_ours: Callable[[str], bool] | None = None) -> VideoService:
    """Return the service, ready for requests. Raises BadSettings when credentials are missing.

    `is_ours` tells whether a job of ours has a vendor's id.
    """
    service: VideoService = _module(name).open_service(settings, is_ours)
    return service


@cache
def _module(name: str) -> ModuleType:
    if name not in SERVICES:
        raise BadSettings(f"There is no video service {name!r}; known are {', '.join(SERVICES)}.")
    return importlib.import_module(f"tenxsom.services.{name}")
