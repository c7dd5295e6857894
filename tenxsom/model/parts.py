"""The parts of a clip's state: still, upload, generation, facts of the delivered file. No I/O, no vendor."""

from __future__ import annotations

from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from tenxsom.model.stored import StoredModel


class Part(StoredModel):
    """A part of a state that is filled step by step; only fields that were set are written."""

    @model_serializer(mode="wrap")
    def _what_was_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        known = self.model_fields_set | self.extra.keys()
        return {name: value for name, value in handler(self).items() if name in known}


class Still(Part):
    """A clip's start frame, with its ids at the source."""

    job_id: str | None = None
    generation_id: str | None = None
    url: str | None = None
    mime_type: str | None = None
    """Set after the picture has been fetched and verified."""
    status_endpoint: str | None = None
    """The endpoint that responded last."""


class Upload(Part):
    """A start frame that was uploaded to the clip's service."""

    file_id: str | None = None
    mime_type: str | None = None
    uploaded_at: str | None = None


class Generation(Part):
    """The service's ids of a clip."""

    job_id: str | None = None
    generation_id: str | None = None


class Cue(StoredModel):
    """A caption, with its start and end in seconds from the start of the clip."""

    start: float
    end: float
    text: str


LONG_SOUND_SECONDS = 0.2
"""A file that plays longer than its pictures by more than this has sound that is too long; encoders round by less."""


class MediaFacts(Part):
    """The facts of a video; 0 and "" where unknown."""

    seconds: float = 0.0
    """The length of the pictures."""
    file_seconds: float = 0.0
    """The length of everything that players play, sound without pictures included."""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    video_codec: str = ""
    audio_codec: str | None = None
    frames: int = 0
    size_bytes: int = 0
    rotation: int = 0
    """The clockwise rotation that players apply, in degrees."""
    sha256: str | None = None
    asked_seconds: float = 0.0
    refitted: str = ""
    """Describes how the video was cut; empty where it was not."""
    came_as: dict[str, Any] | None = None
    """Width, height and seconds of the file before the cut."""
    taken_as_is: str = ""
    """Why the file was refused that a user accepted."""
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    """Integrated loudness and true peak of the sound (EBU R 128); None where they were not measured."""
    voice_above_bed_db: float | None = None
    """How much louder the voice is than all else where that is least; None without a voice."""


class FetchedFile(Part):
    """A downloaded file that is not verified yet."""

    sha256: str | None = None
    size_bytes: int | None = None
    url: str | None = None


class RefusedFile(Part):
    """A refused file: the reason, how often it was the same, and where the file is kept."""

    reason: str = ""
    times: int = 0
    sha256: str | None = None
    size_bytes: int | None = None
    url: str | None = None
    file: str | None = None
    at: str | None = None
    """Since when the job waits for a user's decision."""


class RouteRecord(Part):
    """How a job's clips are made, decided before anything is paid."""

    model: str = ""
    resolution: str = ""
    start_frame: str = ""
    start_image: str | None = None
    """The user's own picture: an https address, or its name in completed_videos/ (a path in states of earlier versions)."""
    reason: str = ""


class UnexpectedRecord(Part):
    """The last unexpected error."""

    at: str = ""
    during: str = ""
    error: str = ""
    place: str = ""
    count: int = 0
    """The number of consecutive occurrences."""
