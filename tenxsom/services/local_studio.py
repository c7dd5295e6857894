"""The local studio as a service: the UseAPI contract, answered inside this process by an app that really paints and renders.

Needs no account and no network. Beside the contract it sends one field of its own, `preview`, so that the studio can paint in
the archetype's mood and show the script as captions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tenxsom.errors import BadSettings
from tenxsom.net.client import HttpClient
from tenxsom.net.download import Downloader
from tenxsom.net.inprocess import InProcessAdapter
from tenxsom.services import useapi_ltx
from tenxsom.services.base import Capabilities, Variant, VideoOrder
from tenxsom.services.useapi import UseApi
from tenxsom.services.useapi_ltx import UseApiLtx
from tenxsom.settings import Settings

BASE_URL = "http://local-studio/v1"
NAME = "local_studio"
MODELS = ("",)

CAPABILITIES = useapi_ltx.CAPABILITIES._replace(
    first_check_seconds=0.5, longest_check_seconds=60, concurrent_submissions=4, sound=True, shows_script=True
)


class LocalStudio(UseApiLtx):
    """UseApiLtx, with the studio of `world` mounted where the network would be."""

    name = NAME

    def __init__(self, world: Path, status_timeout: float = 15.0) -> None:
        from tenxsom_studio.app import create_app  # Flask loads when a video is made, not when a definition is looked at

        app = create_app(world)
        self._studio = app.extensions["studio"]
        headers = {"Authorization": "Bearer local"}
        client = HttpClient(BASE_URL, headers=headers, name=NAME, adapter_factory=lambda: InProcessAdapter(app))
        downloader = Downloader(adapter_factory=lambda: InProcessAdapter(app), service_url=BASE_URL)
        super().__init__(UseApi(NAME, client, downloader, None, status_timeout))

    def _body(self, order: VideoOrder) -> dict[str, Any]:
        return super()._body(order) | {"preview": {"mood": order.mood, "cues": list(order.cues)}, "audioSFX": True}

    def settle(self, seconds: float) -> None:
        """Wait until the clips that this process renders are finished, so that the next tick finds them."""
        self._studio.drain(seconds)

    def close(self) -> None:
        """Break off what is being rendered, before the interpreter takes the renderer's threads away; the next tick begins anew."""
        super().close()
        self._studio.close()


def capabilities(variant: Variant) -> Capabilities:
    """What it can make. Raises BadSettings when a model or a resolution is asked for: it offers no choice."""
    if variant != Variant():
        raise BadSettings(f"{NAME} offers no choice of models or resolutions; leave {' and '.join(filter(None, variant))} away.")
    return CAPABILITIES


def default_variant(settings: Settings) -> Variant:  # noqa: ARG001  (every service is asked alike)
    return Variant()


def missing(settings: Settings) -> str | None:  # noqa: ARG001  (every service is asked alike)
    """Nothing is ever missing: it needs no account."""
    return None


def open_service(settings: Settings) -> LocalStudio:
    return LocalStudio(settings.studio_folder, settings.status_timeout_seconds)
