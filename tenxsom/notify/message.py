"""Messages: what is told about an event, in words for people and as data for programs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tenxsom import clock
from tenxsom.log import mask
from tenxsom.program import typed

SCHEMA_VERSION = 1


class Message(BaseModel):
    """A message that waits for its delivery."""

    model_config = ConfigDict(extra="ignore")

    schema_version: int = SCHEMA_VERSION
    id: str
    """The same for the same event, in every process and after every crash."""
    event: str
    time: str
    """When it happened: UTC, ISO 8601."""
    text: str
    """What happened, in a sentence."""
    remedy: str = ""
    """What to do, or to type; empty where there is nothing to do."""
    content_id: str | None = None
    thumbnail: str | None = None
    """The name of the thumbnail among the artifacts."""
    link: str | None = None
    """A web address of the film that is valid for a while; it is a secret of those who get the message, and not masked for them."""
    data: dict[str, Any] = Field(default_factory=dict)
    entry: str | None = None
    """The name of the audit trail's entry that it tells of, at `time`: it is delivered only once that entry is stored."""
    waiting: list[str] = Field(default_factory=list)
    """The targets that have not got it yet."""
    failures: int = 0
    """How many deliveries of it have failed."""

    @property
    def subject(self) -> str:
        """Return a headline."""
        return f"TenxSOM: {self.event.replace('_', ' ')}{f' – {self.content_id}' if self.content_id else ''}"

    @property
    def body(self) -> str:
        """Return the sentence and what to do, as people read it."""
        return "\n".join(filter(None, (typed(self.text), self.link, typed(self.remedy))))

    def payload(self) -> dict[str, Any]:
        """Return the document of a webhook: `type`, `timestamp` and `data`, as Standard Webhooks recommends.

        https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure
        """
        about = {"content_id": self.content_id, "message": typed(self.text), "remedy": typed(self.remedy) or None}
        link = {"link": self.link} if self.link else {}
        return {"type": self.event, "timestamp": self.time, "data": {**about, **self.data, **link}}


def message_id(*parts: str) -> str:
    """Return the id of an event, made from what it is about."""
    return f"evt_{hashlib.sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def message(event: str, identity: tuple[str, ...], text: str, remedy: str = "", **fields: Any) -> Message:
    """Return a message, without secrets and e-mail addresses in its words."""
    fields.setdefault("time", clock.stamp())
    return Message(id=message_id(event, *identity), event=event, text=_clean(text), remedy=_clean(remedy), **fields)


def without_nothing(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known facts, with their texts masked."""
    return {name: mask(value) if isinstance(value, str) else value for name, value in data.items() if value is not None}


def _clean(text: str) -> str:
    """Return a text of a service or a definition as one line that cannot hurt: masked, and not endless."""
    line = " ".join(mask(text).split()).encode("utf-8", "replace").decode()
    return line if len(line) <= 1500 else f"{line[:1499]}…"
