"""The local studio as a service: the UseAPI contract, answered inside this process by an app that really paints and renders.

Needs no account and no network. Beside the contract it sends one field of its own, `preview`, so that the studio can paint in
the archetype's mood and show the script as captions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tenxsom.net.client import HttpClient
from tenxsom.net.download import Downloader
from tenxsom.net.inprocess import InProcessAdapter
from tenxsom.services import useapi_ltx
from tenxsom.services.base import ImageOrder, VideoOrder
from tenxsom.services.useapi_ltx import UseApiLtx
from tenxsom.settings import Settings

BASE_URL = "http://local-studio/v1"

CAPABILITIES = useapi_ltx.CAPABILITIES._replace(
    first_check_seconds=0.5, longest_check_seconds=60, image_check_seconds=0.2, concurrent_submissions=4
)


class LocalStudio(UseApiLtx):
    """UseApiLtx, with the studio of `world` mounted where the network would be."""

    name = "local_studio"
    capabilities = CAPABILITIES

    def __init__(self, world: Path, status_timeout: float = 15.0) -> None:
        from tenxsom.studio.app import create_app  # Flask loads when a video is made, not when a definition is looked at

        app = create_app(world)
        self._studio = app.extensions["studio"]
        headers = {"Authorization": "Bearer local"}
        client = HttpClient(BASE_URL, headers=headers, name=self.name, adapter_factory=lambda: InProcessAdapter(app))
        super().__init__(
            client, Downloader(adapter_factory=lambda: InProcessAdapter(app), service_url=BASE_URL), status_timeout=status_timeout
        )

    def _image_body(self, order: ImageOrder, reference: str) -> dict[str, Any]:
        return super()._image_body(order, reference) | {"preview": {"mood": order.mood}}

    def _video_body(self, order: VideoOrder, reference: str) -> dict[str, Any]:
        cues = [{**cue, "text": cue["text"][:500]} for cue in order.cues]  # longer ones fit no picture
        preview = {"mood": order.mood, "cues": cues}
        return super()._video_body(order, reference) | {"preview": preview, "audioSFX": True}

    def settle(self, seconds: float) -> None:
        """Wait until the clips that this process renders are finished, so that the next tick finds them."""
        self._studio.drain(seconds)


def open_service(settings: Settings) -> LocalStudio:
    return LocalStudio(settings.studio_folder, settings.status_timeout_seconds)
