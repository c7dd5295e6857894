"""The queue: every job that is on its way, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request

from tenxsom.dashboard.board import Board, Page, chosen
from tenxsom.errors import BadInput
from tenxsom.pipeline.queue_view import QUEUE_STATES, QueuedJob
from tenxsom.settings import SERVICES

ROWS = 50


def page(board: Board, request: Request) -> Page:
    """Return a page of the queue. Raises BadInput for an unknown state or service, or a page that is no number."""
    now = board.watcher.now
    state, service = chosen(request, "state", QUEUE_STATES), chosen(request, "service", tuple(SERVICES))
    words = request.query_params.get("q", "")[:200]
    found = wanted((now.jobs[content_id] for content_id in now.order), state, service, words)
    number, last = page_number(request), max(1, -(-len(found) // ROWS))
    shown = found[(number - 1) * ROWS : number * ROWS]
    given = {"state": state, "service": service, "q": words}
    values = {
        "queue": now,
        "jobs": board.watcher.fresh([job.content_id for job in shown]),
        "found": len(found),
        "number": number,
        "last": last,
        "given": given,
        "is_filtered": any(given.values()),
        "states": [(name, now.states[name].number if name in now.states else 0) for name in QUEUE_STATES],
        "services": SERVICES,
        "first_row": (number - 1) * ROWS + 1,
    }
    return Page("queue.html", values, seconds=5.0)


def wanted(jobs: Iterable[QueuedJob], state: str, service: str, words: str) -> list[QueuedJob]:
    """Return the jobs of a filter; every word must be in the id or the title."""
    parts = words.casefold().split()
    return [
        job
        for job in jobs
        if state in ("", job.state)
        and service in ("", job.service)
        and (not parts or all(part in f"{job.content_id} {job.title}".casefold() for part in parts))
    ]


def page_number(request: Request) -> int:
    """Return the number of the page that is asked for, from 1. Raises BadInput."""
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) < 1_000_000):
        raise BadInput(f"{text[:20]!r} is no number of a page; begin at the first one.")
    return int(text[:9])
