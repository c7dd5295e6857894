"""Remembers which paid calls a run has made, from the events of its jobs."""

from __future__ import annotations

from typing import NamedTuple

from tenxsom.pipeline.events import JobEvent

TAKEN_BACK = frozenset({"refused", "not_sent"})
"""The events after which a call costs nothing."""


class PaidCall(NamedTuple):
    """A paid call of this run."""

    content_id: str
    what: str
    """The step, its clip and its price: `request_video of clip 1 for $0.30`."""


class PaidOrders:
    """A subscriber: the paid calls that were made since it subscribed, and not refused."""

    def __init__(self) -> None:
        self._calls: dict[str, PaidCall] = {}
        self._told: set[str] = set()

    def hear(self, event: JobEvent) -> None:
        """Take note of an event."""
        reference = str(event.facts.get("reference", ""))
        if event.event == "intent":
            self._calls[reference] = PaidCall(event.content_id, event.detail)
        elif event.event in TAKEN_BACK:
            self._calls.pop(reference, None)

    def calls(self) -> list[PaidCall]:
        """Return the calls, in their order."""
        return list(self._calls.values())

    def new_calls(self) -> list[PaidCall]:
        """Return the calls that this method has not returned yet."""
        new = {reference: call for reference, call in self._calls.items() if reference not in self._told}
        self._told.update(new)
        return list(new.values())
