"""The protocol of a video service. One file per service implements it.

A service knows its vendor's API; it keeps no state, writes no job files and decides nothing about money or retries.
The module `tenxsom.services.<name>` contains, beside the service's class:

    MODELS                        the models on offer, the default first; ("",) where there is no choice
    PRICES                        the vendor's prices, an entry of templates/prices.json, which overrides them
    capabilities(variant)         what a model can make in a resolution; raises BadSettings for an unknown variant
    default_variant(settings)     the model and the resolution in the settings
    is_rehearsal(settings)        whether the address is not the vendor's own
    missing_credentials(settings) one sentence about the credentials that are not set; None when there are all
    address(settings)             the base address of its API; None where it needs no network
    id_problem(job_id)            why an id cannot be that of a clip; None if it can, or where the vendor's ids have no format
    open_service(settings, is_ours)   the service, ready for requests; `is_ours` tells whether a job of ours has a vendor's id
    RETIREMENT                    optional: that the vendor switches the service off, one sentence with the date, for the doctor
"""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

PriceEntry = dict[str, Any]
"""Prices in US dollars as in templates/prices.json: an amount is text, `note` says what it means, `source` is the vendor's page."""


class Variant(NamedTuple):
    """A model of a service and a resolution; empty where the service offers no choice."""

    model: str = ""
    resolution: str = ""
    """`720p`, `1080p`, `1440p`, `4K`: the shorter side of the picture, as vendors name it."""


class StartFrames(StrEnum):
    """Whether a clip starts from a picture."""

    NEEDED = "needed"
    OPTIONAL = "optional"
    """The service also makes clips from the prompt alone."""


class Capabilities(NamedTuple):
    """What a service can make, and how often it may be called."""

    durations: tuple[float, ...]
    """Clip lengths on offer, in seconds, ascending."""
    aspect_ratios: tuple[str, ...]
    """The native aspect ratios; others are cropped from these where possible (`16:9` → `1:1`)."""
    resolutions: tuple[str, ...]
    """The resolutions on offer; empty where there is no choice."""
    prompt_limit: int
    """The longest prompt, in characters."""
    start_frames: StartFrames
    sound: bool
    """Whether clips have sound."""
    concurrent_submissions: int
    """How many jobs may be submitted at once."""
    concurrent_jobs: int | None
    """How many clips the service makes at once for one account; None for no limit in practice."""
    first_check_seconds: float
    """The delay of the first status check after a submission."""
    longest_check_seconds: float
    """The longest interval between status checks of an old job."""
    upload_hours: float | None
    """How long an uploaded picture can be used; None: for the lifetime of a job."""
    result_hours: float | None
    """How long a finished clip can be downloaded; None: for the lifetime of a job."""
    can_reconcile: bool
    """Whether the service can find a paid call whose response was lost."""
    shows_script: bool = False
    """Whether clips show the script's words in the picture."""
    marked_top: float = 0.0
    """The share of the clips' height, at their top, in which the service writes a mark of its own; thumbnails leave it out."""


NO_JOB = "00000000-0000-0000-0000-000000000000"
"""A job id that no service uses."""

INLINE = "inline"
"""What `upload_image` returns where the order itself contains the picture, which must then be on the local disk."""


class VideoOrder(NamedTuple):
    """An order for a clip."""

    prompt: str
    aspect_ratio: str
    seconds: float
    start_file_id: str | None
    """The result of `upload_image`; None for a clip from the prompt alone."""
    seed: int | None = None
    archetype: str = ""
    cues: tuple[dict[str, Any], ...] = ()
    variant: Variant = Variant()
    start_picture: Path | None = None
    """The same picture on the local disk, for services whose orders contain it."""


class Submitted(NamedTuple):
    """The service's ids of an accepted job."""

    job_id: str
    generation_id: str | None = None
    endpoint: str | None = None
    """The status endpoint to try first; None where the service finds it itself."""
    usd: Decimal | None = None
    """What the call cost, where the response tells it; None: the price that was reserved."""


class GenerationState(StrEnum):
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class GenerationStatus(NamedTuple):
    """The service's status of a job. READY always has a URL."""

    progress: GenerationState
    url: str | None = None
    message: str = ""
    """For FAILED the reason; for RUNNING what the service says, where that is not simply that the job is on its way."""
    percent: float | None = None
    endpoint: str | None = None
    """The endpoint that responded, for the next status call."""
    content: bytes | None = None
    """The clip itself, where the response contained it; `url` is then only its name."""
    explained: bool = True
    """For FAILED: whether the service gave a reason. A failure without one is checked again before it counts."""
    unknown: str = ""
    """A status of the service that our table does not know, with the response around it; RUNNING then."""


class VideoService(Protocol):
    """A vendor or the local studio. Every method may raise the errors of `tenxsom.http.client`."""

    name: str

    def upload_image(self, picture: Path, mime_type: str) -> str:
        """Upload a start frame and return the id for the order. Free."""

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        """Order a clip. Paid. Raises SubmitUnclear when it is unknown whether the order was accepted."""

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> GenerationStatus:
        """Return a clip's status from the endpoint that responded last. Free. Raises NotFound when the job is gone.

        `video` has `job_id` and `generation_id`; without an endpoint (an adopted job) the service finds the right one.
        """

    def find_submission(self, reference: str) -> Submitted | None:
        """Return the job that was accepted under our reference; None also where the service cannot tell. Free."""

    def fetch(self, status: GenerationStatus, part: Path, max_bytes: int, deadline_seconds: float) -> Any:
        """Download the clip of a READY status to a `.part` file; return a `tenxsom.http.downloads.Download`."""

    def ping(self) -> None:
        """Check with one free request whether the service is available.

        Raises ServiceDown without a response, or with a gateway's; AccountError when the account is refused.
        """

    def settle(self, seconds: float) -> None:
        """Wait up to `seconds` for work inside this process (the local studio's rendering)."""

    def close(self) -> None:
        """Close the connections."""
