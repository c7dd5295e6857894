"""Ids of services as keys of a table: hashed, because what a service says may hold what no text column takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from tenxsom.model.ids import masked_id

_FIELDS = ("job_id", "image_job_id", "video_job_id", "generation_id")


def hashed(job_id: str) -> bytes:
    """Return the key of an id. Reports hold ids with their secret part masked, so that the masked one is hashed."""
    return hashlib.sha256((masked_id(job_id) or "").encode("utf-8", "surrogatepass")).digest()


def ids_in(report: bytes) -> Iterator[bytes]:
    """Yield the keys of the ids in a final report; none for one that cannot be read."""
    try:
        document = json.loads(report)
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        yield from _of(document)
        for clip in document.get("clips") or () if isinstance(document.get("clips"), list) else ():
            if isinstance(clip, dict):
                yield from _of(clip)


def _of(facts: dict[str, Any]) -> Iterator[bytes]:
    yield from (hashed(facts[name]) for name in _FIELDS if isinstance(facts.get(name), str))
