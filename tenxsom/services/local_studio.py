"""The local studio as a service: the UseAPI contract, answered by a server of this process that really paints and renders.

Needs no account and no network: it listens on a free port of the loopback interface while the service is open, and answers only
to those who know a random token, because other users of the machine can reach that port, too. Beside the contract it sends one
field of its own, `preview`, so that the studio can paint in the archetype's mood and show the script as captions.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tenxsom.errors import BadSettings
from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Downloader
from tenxsom.services import useapi_ltx
from tenxsom.services.base import Capabilities, Variant, VideoOrder
from tenxsom.services.useapi import UseApi
from tenxsom.services.useapi_ltx import UseApiLtx
from tenxsom.setting_groups import CoreSettings

NAME = "local_studio"
MODELS = ("",)

CAPABILITIES = useapi_ltx.CAPABILITIES._replace(
    first_check_seconds=0.5, longest_check_seconds=60, concurrent_submissions=4, sound=True, shows_script=True
)


class LocalStudio(UseApiLtx):
    """UseApiLtx, with a studio over the folder `world` as the vendor."""

    name = NAME

    def __init__(self, world: Path, status_timeout: float = 15.0) -> None:
        from tenxsom_studio.server import running  # Flask loads when a video is made, not when a definition is looked at

        token = secrets.token_urlsafe(32)
        self._open = ExitStack()
        server = self._open.enter_context(running(world, token=token))
        self._studio = server.app.extensions["studio"]
        url = f"{server.url}/v1"
        client = HttpClient(url, headers={"Authorization": f"Bearer {token}"}, name=NAME)
        downloader = Downloader(service_url=url)
        super().__init__(UseApi(NAME, client, downloader, None, status_timeout))

    def _body(self, order: VideoOrder) -> dict[str, Any]:
        return super()._body(order) | {"preview": {"mood": order.mood, "cues": list(order.cues)}, "audioSFX": True}

    def settle(self, seconds: float) -> None:
        """Wait until the clips that this process renders are finished, so that the next tick finds them."""
        self._studio.drain(seconds)

    def close(self) -> None:
        """Break off what is being rendered, before the interpreter takes the renderer's threads away; the next tick begins anew."""
        super().close()
        self._open.close()


def capabilities(variant: Variant) -> Capabilities:
    """What it can make. Raises BadSettings when a model or a resolution is asked for: it offers no choice."""
    if variant != Variant():
        raise BadSettings(f"{NAME} offers no choice of models or resolutions; leave {' and '.join(filter(None, variant))} away.")
    return CAPABILITIES


def default_variant(settings: CoreSettings) -> Variant:  # noqa: ARG001  (every service is asked alike)
    return Variant()


def missing(settings: CoreSettings) -> str | None:  # noqa: ARG001  (every service is asked alike)
    """Nothing is ever missing: it needs no account."""
    return None


def is_rehearsal(settings: CoreSettings) -> bool:  # noqa: ARG001  (every service is asked alike)
    """Always: nobody is paid."""
    return True


def open_service(settings: CoreSettings) -> LocalStudio:
    return LocalStudio(settings.studio_folder, settings.status_timeout_seconds)
