"""What every video service offers: the protocol that the belt speaks. One file per service implements it.

A service knows its vendor's HTTP; it keeps no state, writes no job files and decides nothing about money or retries.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Capabilities(NamedTuple):
    """What a service can make, and at what pace it wants to be asked."""

    durations: tuple[float, ...]
    """Clip lengths it offers, in seconds, ascending."""
    aspect_ratios: tuple[str, ...]
    prompt_limit: int
    """Characters."""
    concurrent_submissions: int
    """How many jobs may be submitted side by side."""
    first_check_seconds: float
    """How long after a submission the first status check makes sense."""
    longest_check_seconds: float
    """The rarest an old job is checked."""
    image_check_seconds: float
    """The longest pause between two questions for a still, while the submission waits for it; the first ones are shorter."""
    image_wait_seconds: float
    """How long a submission waits for its still before it leaves the rest to the poller."""


class ImageOrder(NamedTuple):
    """A still to be made."""

    prompt: str
    aspect_ratio: str
    style: str | None = None
    seed: int | None = None
    mood: str = ""


class VideoOrder(NamedTuple):
    """A clip to be made from an uploaded start frame."""

    prompt: str
    aspect_ratio: str
    seconds: float
    start_file_id: str | None
    seed: int | None = None
    mood: str = ""
    cues: tuple[dict[str, Any], ...] = ()


class Submitted(NamedTuple):
    """The service's ids of an accepted job."""

    job_id: str
    generation_id: str | None = None


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


class VideoService(Protocol):
    """A vendor, or the local studio. Every method may raise the errors of `tenxsom.net.client`."""

    name: str
    capabilities: Capabilities

    def request_image(self, order: ImageOrder, reference: str) -> Submitted:
        """Order a still. Paid. Raises SubmitUnclear when nobody knows whether it was accepted."""

    def image_status(self, job_id: str) -> Status:
        """How the still is coming along. Free."""

    def upload_image(self, picture: Path, mime_type: str) -> str:
        """Upload a start frame; returns the id that `request_video` takes. Free."""

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        """Order a clip. Paid. Raises SubmitUnclear when nobody knows whether it was accepted."""

    def first_endpoint(self, submitted: Submitted) -> str:
        """Where to ask for a clip's status first."""

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> Status:
        """How a clip is coming along, asked at the endpoint that answered last. Free. Raises NotFound when the job is gone."""

    def find_submission(self, reference: str) -> Submitted | None:
        """The job that was accepted under our reference, if the service can tell. Free."""

    def fetch(self, url: str, part: Path, max_bytes: int, deadline_seconds: float, kind: str) -> Any:
        """Download a result (`kind`: image or video) to a `.part` file; returns a `tenxsom.net.download.Download`."""

    def settle(self, seconds: float) -> None:
        """Give work that runs inside this process up to `seconds` to finish (the local studio renders here)."""

    def close(self) -> None:
        """Give up connections."""
