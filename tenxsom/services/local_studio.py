"""The local studio as a service: the UseAPI contract, served by this process, which paints and renders real files.

Needs no account and no network. The server listens on a free loopback port while the service is open and requires a random
token, because other users of the machine can reach that port too. Orders have one additional field, `preview`, with the
archetype and the captions.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tenxsom.errors import BadSettings
from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.services import useapi_ltx
from tenxsom.services.base import Capabilities, PriceEntry, Variant, VideoOrder
from tenxsom.services.useapi import UseApi
from tenxsom.services.useapi_ltx import UseApiLtx
from tenxsom.setting_groups import CoreSettings, SettingsGroup

NAME = "local_studio"
MODELS = ("",)

PRICES: PriceEntry = {
    "image_usd": "0",
    "clip_usd": "0",
    "clip_second_usd": "0",
    "note": "Renders on this machine. Put prices of your own here to rehearse a budget.",
}

CAPABILITIES = useapi_ltx.CAPABILITIES._replace(
    first_check_seconds=0.5, longest_check_seconds=60, concurrent_submissions=4, sound=True, shows_script=True, marked_top=0.1
)


class LocalStudio(UseApiLtx):
    """UseApiLtx, with a local studio over the folder `world` as the vendor."""

    name = NAME

    def __init__(self, world: Path, status_timeout: float = 15.0) -> None:
        from tenxsom_studio.server import running  # Flask loads when a video is made, not when a definition is checked

        token = secrets.token_urlsafe(32)
        self._open = ExitStack()
        server = self._open.enter_context(running(world, token=token))
        self._studio = server.app.extensions["studio"]
        url = f"{server.url}/v1"
        client = HttpClient(url, headers={"Authorization": f"Bearer {token}"}, name=NAME)
        downloader = Downloader(service_url=url, name=NAME)
        super().__init__(UseApi(NAME, client, downloader, None, status_timeout))

    def _body(self, order: VideoOrder) -> dict[str, Any]:
        return super()._body(order) | {"preview": {"mood": order.archetype, "cues": list(order.cues)}, "audioSFX": True}

    def settle(self, seconds: float) -> None:
        """Wait until the clips that this process renders are finished."""
        self._studio.drain(seconds)

    def close(self) -> None:
        """Cancel unfinished renders before the interpreter stops the renderer's threads; the next tick restarts them."""
        super().close()
        self._open.close()


def capabilities(variant: Variant) -> Capabilities:
    """Return what the studio can make. Raises BadSettings for a model or a resolution: there is no choice."""
    if variant != Variant():
        raise BadSettings(f"{NAME} offers no choice of models or resolutions; leave {' and '.join(filter(None, variant))} away.")
    return CAPABILITIES


def default_variant(settings: SettingsGroup) -> Variant:  # noqa: ARG001  (every service is asked alike)
    return Variant()


def address(settings: SettingsGroup) -> None:
    """Return None: the studio is on this machine."""


def id_problem(job_id: str) -> str | None:
    """Return why an id cannot be that of a video, which the contract's ids tell; None if it can."""
    return useapi_ltx.id_problem(job_id)


def missing_credentials(settings: SettingsGroup) -> str | None:  # noqa: ARG001  (every service is asked alike)
    """Return None: the studio needs no account."""
    return None


def is_rehearsal(settings: SettingsGroup) -> bool:  # noqa: ARG001  (every service is asked alike)
    """Return True: the studio costs nothing."""
    return True


def open_service(settings: CoreSettings, is_ours: Callable[[str], bool] | None = None) -> LocalStudio:  # noqa: ARG001  (every service is opened alike)
    return LocalStudio(settings.studio_folder, settings.status_timeout_seconds)
