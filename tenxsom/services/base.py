"""What every video service offers: the protocol that the belt speaks. One file per service implements it.

A service knows its vendor's API; it keeps no state, writes no job files and decides nothing about money or retries.
The module `tenxsom.services.<name>` holds, beside the service's class:

    MODELS                        the models it can be asked for, the default first; ("",) where there is no choice
    capabilities(variant)         what it can make with that model in that resolution; raises BadSettings for an unknown variant
    default_variant(settings)     the model and the resolution that the settings ask for
    is_rehearsal(settings)        whether its address is not the vendor's own
    missing(settings)             one sentence about the credentials that are not set; None when it can be used
    open_service(settings)        the service, ready to be asked
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Variant(NamedTuple):
    """Which of a service's models makes a clip, and in which resolution; empty where the service offers no choice."""

    model: str = ""
    resolution: str = ""
    """`720p`, `1080p`, `1440p`, `4K`: the shorter side of the picture, as vendors name it."""


class StartFrames(StrEnum):
    """Whether a clip starts from a picture."""

    NEEDED = "needed"
    OPTIONAL = "optional"
    """It also makes clips from the prompt alone."""


class Capabilities(NamedTuple):
    """What a service can make, and at what pace it wants to be asked."""

    durations: tuple[float, ...]
    """Clip lengths it offers, in seconds, ascending."""
    aspect_ratios: tuple[str, ...]
    """What it makes by itself; other shapes are cut out of these where that is possible (`16:9` → `1:1`)."""
    resolutions: tuple[str, ...]
    """Empty where it cannot be chosen."""
    prompt_limit: int
    """Characters."""
    start_frames: StartFrames
    sound: bool
    """Whether its clips come with sound."""
    concurrent_submissions: int
    """How many jobs may be submitted side by side."""
    concurrent_jobs: int | None
    """How many clips it makes at once for one account; None where that is no limit in practice."""
    first_check_seconds: float
    """How long after a submission the first status check makes sense."""
    longest_check_seconds: float
    """The rarest an old job is checked."""
    upload_hours: float | None
    """How long an uploaded picture can be used; None: for as long as a job lives."""
    result_hours: float | None
    """How long a finished clip can be fetched; None: for as long as a job lives."""
    can_reconcile: bool
    """Whether it can tell what became of a call that nobody saw return."""
    shows_script: bool = False
    """Whether its clips show the script's words in the picture."""


NO_JOB = "00000000-0000-0000-0000-000000000000"
"""An id that no service has given to a job."""

INLINE = "inline"
"""What `upload_image` returns where a picture goes with the order: it must still be on our disk then."""


class VideoOrder(NamedTuple):
    """A clip to be made."""

    prompt: str
    aspect_ratio: str
    seconds: float
    start_file_id: str | None
    """What `upload_image` returned; None: from the prompt alone."""
    seed: int | None = None
    mood: str = ""
    cues: tuple[dict[str, Any], ...] = ()
    variant: Variant = Variant()
    start_picture: Path | None = None
    """The same picture on our disk, for services that take it within the order."""


class Submitted(NamedTuple):
    """The service's ids of an accepted job."""

    job_id: str
    generation_id: str | None = None
    endpoint: str | None = None
    """Where to ask for its status first; None where the service finds that out itself."""


class Progress(StrEnum):
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class Status(NamedTuple):
    """What the service says about a job. READY always comes with a URL."""

    progress: Progress
    url: str | None = None
    message: str = ""
    percent: float | None = None
    endpoint: str | None = None
    """The endpoint that answered, for the next question."""
    content: bytes | None = None
    """The clip itself, where the answer held it; `url` then only names it."""
    explained: bool = True
    """Of FAILED: whether the service said why. A failure without a reason is asked about once more before it counts."""
    unknown: str = ""
    """The service's own status where no table of ours knows it, with the answer around it; RUNNING then."""


class VideoService(Protocol):
    """A vendor, or the local studio. Every method may raise the errors of `tenxsom.http.client`."""

    name: str

    def upload_image(self, picture: Path, mime_type: str) -> str:
        """Hand over a start frame; returns the id that an order takes. Free."""

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        """Order a clip. Paid. Raises SubmitUnclear when nobody knows whether it was accepted."""

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> Status:
        """How a clip is coming along, asked at the endpoint that answered last. Free. Raises NotFound when the job is gone.

        `video` holds `job_id` and `generation_id`; without an endpoint (an adopted job) the service finds the right one.
        """

    def find_submission(self, reference: str) -> Submitted | None:
        """The job that was accepted under our reference; None as well where the service cannot tell. Free."""

    def fetch(self, status: Status, part: Path, max_bytes: int, deadline_seconds: float) -> Any:
        """Download what a READY status names to a `.part` file; returns a `tenxsom.http.downloads.Download`."""

    def ping(self) -> None:
        """Ask something, once and free of charge, only to see whether the service is there.

        Raises ServiceDown when it gives no answer, or only a gateway does, AccountTrouble when it refuses the account.
        """

    def settle(self, seconds: float) -> None:
        """Give work that runs inside this process up to `seconds` to finish (the local studio renders here)."""

    def close(self) -> None:
        """Give up connections."""
