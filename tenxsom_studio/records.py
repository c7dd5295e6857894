"""The studio's records: order, job, asset, account. `World` stores them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tenxsom import clock
from tenxsom_studio import ids

Kind = Literal["image", "video"]
Stage = Literal["accepted", "active", "announced", "complete", "failed"]

USEAPI = "useapi_ltx"
"""The default API of a record; the names are those of the services that call it."""

STUDIO_EMAIL = "studio@example.com"
"""The only account of a new world."""

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "video/mp4": "mp4"}
SIZES = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (1024, 1024)}
"""Default width and height of a clip in pixels, as at UseAPI.net. Stills are a quarter larger, for the camera move."""


@dataclass(frozen=True)
class Order:
    """A valid create call. `seconds` is 0 for an image; `start_asset` is the key of an uploaded picture.

    `size` is the ordered width and height in pixels; None: by the aspect ratio.
    """

    prompt: str
    aspect_ratio: str
    seed: int
    seconds: int = 0
    intensity: str = "medium"
    sound: bool = False
    start_asset: str | None = None
    mood: str = ""
    badge: str = "PREVIEW"
    cues: tuple[tuple[float, float, str], ...] = ()
    size: tuple[int, int] | None = None
    fps: int = 24
    number: int | None = None
    """The picture's place in its film, so that neighbours show different scenes; None: not told."""

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Order:
        cues = tuple((start, end, text) for start, end, text in document["cues"])
        size = document.get("size")
        return cls(**(document | {"cues": cues, "size": (size[0], size[1]) if size else None}))


@dataclass
class Job:
    """An accepted job. `doomed` is the message of a failure that a scripted fault has ordered, `failure` its kind where the
    vendor names kinds; `service` is the API that took the order.
    """

    key: str
    kind: Kind
    email: str
    created: str
    order: Order
    stage: Stage = "accepted"
    message: str | None = None
    doomed: str | None = None
    reply_ref: str | None = None
    reply_url: str | None = None
    tracked: bool = True
    service: str = USEAPI
    failure: str = ""
    ended: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    """Further data of an API about the order."""

    @property
    def id(self) -> str:
        return ids.job_id(self.email, self.key, self.kind) if self.service == USEAPI else ids.uuid_of(self.key)

    @property
    def is_over(self) -> bool:
        return self.stage in {"complete", "failed"}

    def enter(self, stage: Stage, message: str | None = None) -> None:
        self.stage, self.message = stage, message
        if self.is_over:
            self.ended = clock.stamp()

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Job:
        return cls(**(document | {"order": Order.from_json(document["order"])}))


@dataclass
class Asset:
    """A stored media file. Links that expire at `void_until` (epoch milliseconds) or earlier are invalid."""

    key: str
    type: Literal["image", "artifact"]
    mime_type: str
    created: str
    use: str = ""
    job_id: str | None = None
    void_until: int = 0
    service: str = USEAPI

    @property
    def file_name(self) -> str:
        return f"{self.key}.{EXTENSIONS[self.mime_type]}"

    @property
    def folder(self) -> str:
        """Return the part of the vendor's result addresses that names a file's origin."""
        if self.type == "image":
            return "user-uploads"
        return "model-serving" if self.mime_type == "video/mp4" else "vertex-ai"

    @property
    def file_id(self) -> str:
        return ids.file_id(self.key, self.mime_type)


@dataclass
class Account:
    """A linked LTX Studio account. `max_jobs`: the limit of concurrent jobs."""

    email: str = STUDIO_EMAIL
    max_jobs: int = 20
    updated: str = ""
