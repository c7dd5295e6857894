"""The installation at one moment: the queue, what was set aside, what has ended, today's money. One reading for every screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from tenxsom import clock
from tenxsom.pipeline import ended, money_report, queue_view
from tenxsom.pipeline.ended import EndedFilm
from tenxsom.pipeline.money_report import Today
from tenxsom.pipeline.queue_view import QueueView, Wanted
from tenxsom.store.base import Artifacts, JobStore, SpendLedger

LATELY = timedelta(days=1)
"""What ended in this time is shown."""


class Overview(NamedTuple):
    """Everything that a screen shows."""

    queue: QueueView
    set_aside: Sequence[str]
    ended: Sequence[EndedFilm]
    """What ended in the last day, the last one first."""
    today: Today
    is_filtered: bool = False


def read(store: JobStore, artifacts: Artifacts, ledger: SpendLedger, wanted: Wanted) -> Overview:
    """Read the installation now; with a filter of jobs, nothing that has ended."""
    queue = queue_view.read(store, wanted)
    is_filtered = bool(wanted.states or wanted.services or wanted.since)
    films = [] if is_filtered else ended.since(artifacts, clock.now() - LATELY)
    return Overview(queue, store.set_aside(), films, money_report.today(ledger), is_filtered)
