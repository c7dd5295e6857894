"""The protocol of a service that composes music.

The module `tenxsom.services.music.<name>` contains, beside its class:

    PRICES                      its published prices, an entry of `music` in templates/prices.json, which overrides them
    model_of(settings)          the model by which it is charged
    is_rehearsal(settings)      whether its address is not the vendor's own
    missing(settings)           what it needs before it can be used, as part of a sentence; None if nothing
    open_music(settings)        the service, ready to compose
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

PriceEntry = Mapping[str, Any]
"""An entry of templates/prices.json."""


class MusicOrder(NamedTuple):
    """An order of music without words."""

    description: str
    """What it is like, in English: instruments, mood, tempo."""
    seed: int | None = None


class MadeMusic(NamedTuple):
    """A sound file, as it came."""

    data: bytes
    mime_type: str = ""


class MusicService(Protocol):
    """Composes music. Paid; keeps no state and decides nothing about money or retries."""

    name: str

    def compose(self, order: MusicOrder) -> MadeMusic:
        """Compose. Raises ServiceRefused when the service makes nothing of the words; the errors of `HttpClient.post_paid`."""

    def close(self) -> None:
        """Close the connections."""
