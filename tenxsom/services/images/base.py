"""Where start frames come from: the protocol that the belt speaks. One file per source implements it.

The sources, by the names that START_FRAMES, state files and reports use:

    flux           an image model behind the UseAPI contract: UseAPI.net's, or the local studio's own
    vertex_image   an image model on Vertex AI
    own_picture    the definition's `start_image`: nothing is ordered, the picture is fetched
    none           no start frame: text to video
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tenxsom.services.base import Status, Submitted

FLUX, VERTEX_IMAGE, OWN_PICTURE, NONE = "flux", "vertex_image", "own_picture", "none"


class ImageOrder(NamedTuple):
    """A still to be made."""

    prompt: str
    aspect_ratio: str
    style: str | None = None
    seed: int | None = None
    mood: str = ""


class Patience(NamedTuple):
    """How a submission waits for its still, in seconds."""

    check_seconds: float
    """The longest pause between two questions; the first ones are shorter."""
    wait_seconds: float
    """How long before it leaves the rest to the poller."""


class StillSource(Protocol):
    """Makes start frames. Every method may raise the errors of `tenxsom.http.client`."""

    name: str
    patience: Patience
    can_reconcile: bool
    """Whether it can tell what became of an order that nobody saw return."""

    def request_image(self, order: ImageOrder, reference: str) -> Submitted:
        """Order a still. Paid. Raises SubmitUnclear when nobody knows whether it was accepted."""

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> Status:
        """How the still is coming along, asked at the endpoint that answered last; READY names where `fetch_image` gets it. Free.

        `image` holds `job_id` and, where the service named one, `generation_id`. Raises NotFound when the still is gone.
        """

    def fetch_image(self, url: str, part: Path, max_bytes: int, deadline_seconds: float) -> Any:
        """Get the picture into a `.part` file. Raises NotFound when it is not there any more: its status is asked for again."""

    def find_submission(self, reference: str) -> Submitted | None:
        """The still that was accepted under our reference; None as well where the source cannot tell. Free."""

    def ping(self) -> None:
        """Ask something, once and free of charge, only to see whether the source is there. Raises ServiceDown, AccountTrouble."""

    def discard(self, job_id: str) -> None:
        """The picture lies on our disk now; what the source itself keeps here for a crash can go."""

    def close(self) -> None:
        """Give up connections."""
