"""The protocol of a source of start frames. One file per source implements it.

The sources, by their names in START_FRAMES, state files and reports:

    flux           an image model behind the UseAPI contract: UseAPI.net's, or the local studio's
    vertex_image   an image model on Vertex AI
    own_picture    the definition's `start_image`: not ordered, only fetched
    none           no start frame: text to video

The module of a source contains, beside its class:

    PRICES                        its prices, an entry of `stills` in templates/prices.json, which overrides them; None where its
                                  pictures cost nothing, or what the service that bills them declares
    billed_service(service)       who bills its start frames for clips of `service`
    model_of(settings)            the model in the settings; None where there is no choice
    is_rehearsal(settings)        for a source that bills for itself: whether the address is not the vendor's own
    missing_credentials(settings) one sentence about what is not set; None when there is all
    id_problem(job_id)            why an id cannot be that of a still; None if it can
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tenxsom.services.base import GenerationStatus, Submitted

FLUX, VERTEX_IMAGE, OWN_PICTURE, NONE = "flux", "vertex_image", "own_picture", "none"


class ImageOrder(NamedTuple):
    """An order for a still."""

    prompt: str
    aspect_ratio: str
    style: str | None = None
    seed: int | None = None
    archetype: str = ""
    number: int = 0
    """The picture's place in its film; neighbours that the plan shows at the same place have the same."""


class PollPolicy(NamedTuple):
    """Polling interval and time limit of a submission that waits for its still, in seconds."""

    check_seconds: float
    """The longest interval between two status calls; the first ones are shorter."""
    wait_seconds: float
    """The time limit; after it the poller continues."""


class StillSource(Protocol):
    """Makes start frames. Every method may raise the errors of `tenxsom.http.client`."""

    name: str
    poll_policy: PollPolicy
    can_reconcile: bool
    """Whether the source can find an order whose response was lost."""

    def request_image(self, order: ImageOrder, reference: str) -> Submitted:
        """Order a still. Paid. Raises SubmitUnclear when it is unknown whether the order was accepted."""

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        """Return a still's status from the endpoint that responded last; READY has the URL for `fetch_image`. Free.

        `image` has `job_id` and, where the service named one, `generation_id`. Raises NotFound when the still is gone.
        """

    def fetch_image(self, url: str, part: Path, max_bytes: int, deadline_seconds: float) -> Any:
        """Download the picture to a `.part` file. Raises NotFound when it is gone: the caller asks for its status again."""

    def find_submission(self, reference: str) -> Submitted | None:
        """Return the still that was accepted under our reference; None also where the source cannot tell. Free."""

    def ping(self) -> None:
        """Check with one free request whether the source is available. Raises ServiceDown, AccountError."""

    def discard(self, job_id: str) -> None:
        """Delete the source's own copy of a picture that is stored with its job now."""

    def close(self) -> None:
        """Close the connections."""
