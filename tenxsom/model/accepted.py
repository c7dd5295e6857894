"""What a job keeps of its definition and its brand, as stored in its state. No I/O, no vendor."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from tenxsom.model.stored import Moment, StoredModel


class AcceptedDefinition(StoredModel):
    """The definition of an accepted job, as stored in its state by any version of this program.

    Only the id is required: jobs of the original system have nothing else but a title.
    """

    content_id: str = ""
    title: str = ""
    archetype: str = ""
    tier: str = ""
    target_duration: float | None = None
    platform: str = ""
    fit: str = "keep"
    language: str = "en"
    captions: bool | str = True
    brand: str | None = None
    music: str | None = None
    max_cost_usd: float | None = None
    approve: bool = False
    not_before: Moment | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _what_was_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        known = self.model_fields_set | self.extra.keys()
        return {name: value for name, value in handler(self).items() if name in known}


class KeptBrand(StoredModel):
    """The brand of a job as it was when the job was accepted. A job that was accepted without one has no name in it."""

    name: str = ""
    kit: dict[str, Any] = Field(default_factory=dict)
    """The document of the kit; its file names are those of the job's own copies."""
