"""What a clip collects on its way: the still, the upload, the generation, what is in the delivered file. No I/O, no vendor."""

from __future__ import annotations

from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from tenxsom.model.stored import StoredModel


class Part(StoredModel):
    """Something that is filled in bit by bit: only what was set is written."""

    @model_serializer(mode="wrap")
    def _what_was_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        known = self.model_fields_set | self.extra.keys()
        return {name: value for name, value in handler(self).items() if name in known}


class Still(Part):
    """A picture that a clip starts from, as its source knows it."""

    job_id: str | None = None
    generation_id: str | None = None
    url: str | None = None
    mime_type: str | None = None
    """Set once the picture has been fetched and looked at."""
    status_endpoint: str | None = None
    """The endpoint that answered last."""


class Upload(Part):
    """A start frame that was handed over to the service which makes the clip."""

    file_id: str | None = None
    mime_type: str | None = None
    uploaded_at: str | None = None


class Generation(Part):
    """The service's ids of a clip that it makes."""

    job_id: str | None = None
    generation_id: str | None = None


class Cue(StoredModel):
    """Words that belong to a clip, with their seconds inside it."""

    start: float
    end: float
    text: str


class MediaFacts(Part):
    """What is in a video, as far as it was looked at; 0 and "" where that is not known."""

    seconds: float = 0.0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    video_codec: str = ""
    audio_codec: str | None = None
    frames: int = 0
    size_bytes: int = 0
    rotation: int = 0
    """By how many degrees players turn the stored pictures clockwise."""
    sha256: str | None = None
    asked_seconds: float = 0.0
    refitted: str = ""
    """What was cut off, in words; empty where nothing was."""
    came_as: dict[str, Any] | None = None
    """Width, height and seconds of the file before that."""
    taken_as_is: str = ""
    """Why the file had been refused that somebody took as it is."""


class FetchedFile(Part):
    """A file that was downloaded and has not been verified yet."""

    sha256: str | None = None
    size_bytes: int | None = None
    url: str | None = None


class RefusedFile(Part):
    """Why a delivered file was refused, how often alike, and where it is kept."""

    reason: str = ""
    times: int = 0
    sha256: str | None = None
    size_bytes: int | None = None
    url: str | None = None
    file: str | None = None
    at: str | None = None
    """Since when somebody's decision is waited for."""


class RouteRecord(Part):
    """How a job's clips are to be made, decided before anything is paid."""

    model: str = ""
    resolution: str = ""
    start_frame: str = ""
    start_image: str | None = None
    """The user's own picture: an https address, or its name in completed_videos/ (a path in states of earlier versions)."""
    reason: str = ""


class UnexpectedRecord(Part):
    """The last error that no code expected."""

    at: str = ""
    during: str = ""
    error: str = ""
    place: str = ""
    count: int = 0
    """How often in a row."""
