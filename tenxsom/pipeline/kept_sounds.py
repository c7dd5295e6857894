"""Keeps what a paid call for a sound returned, by the call's reference, before the call counts as accepted.

After a crash between the response and the save of the state, the sound is found here, and nothing is paid twice. A file holds one
line of JSON with what came beside the sound, then the bytes as they came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tenxsom.errors import BrokenState, DiskError, SubmitUnclear
from tenxsom.model import file_names
from tenxsom.model.money import text, usd
from tenxsom.safe_files import read_file
from tenxsom.services.base import Submitted
from tenxsom.store.base import Artifacts

_MOST_BYTES = 500_000_000


class KeptSound(NamedTuple):
    """What a service returned for a paid call."""

    data: bytes
    facts: Mapping[str, Any]
    """What came beside the sound, as JSON."""
    usd: Decimal | None = None
    """What it cost, where the service told it."""


class KeptSounds:
    """The paid sounds of one job, among its artifacts."""

    def __init__(self, artifacts: Artifacts, content_id: str) -> None:
        self._artifacts, self._content_id = artifacts, content_id

    def keep(self, reference: str, sound: KeptSound) -> Submitted:
        """Store a sound and return the result of its call. Raises SubmitUnclear when it cannot be stored: it is paid, and lost."""
        cost = None if sound.usd is None else text(sound.usd)
        head = json.dumps({"usd": cost, "facts": dict(sound.facts)}).encode() + b"\n"
        try:
            self._artifacts.write(self.name(reference), head + sound.data)
        except DiskError as error:
            raise SubmitUnclear(f"A sound was made, which is paid for, but it could not be kept: {error}") from None
        return Submitted(reference, usd=sound.usd)

    def find_submission(self, reference: str) -> Submitted | None:
        """Return the call whose sound was kept before a crash; None where there is none, lost or never made."""
        if not self._artifacts.exists(self.name(reference)):
            return None
        return Submitted(reference, usd=self.read(reference).usd)

    def read(self, reference: str) -> KeptSound:
        """Return a kept sound. Raises BrokenState when it is gone or cannot be read."""
        try:
            head, _, data = read_file(self._artifacts.local(self.name(reference)), _MOST_BYTES).partition(b"\n")
            document = json.loads(head)
            return KeptSound(data, document["facts"], None if document["usd"] is None else usd(document["usd"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BrokenState(f"the paid sound {reference} cannot be read ({error})") from None

    def remove(self, reference: str) -> None:
        """Remove a kept sound, whose content is stored in its final form now."""
        self._artifacts.remove(self.name(reference))

    def name(self, reference: str) -> str:
        return file_names.paid_sound(self._content_id, reference)
