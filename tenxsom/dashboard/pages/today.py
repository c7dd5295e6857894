"""The first page: what an operator wants to know in the morning."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from starlette.requests import Request

from tenxsom import clock
from tenxsom.dashboard.board import Board, Page
from tenxsom.dashboard.library import Film
from tenxsom.model.money import ZERO
from tenxsom.pipeline import last_tick
from tenxsom.pipeline.doctor import LATE_TICK_SECONDS
from tenxsom.pipeline.money_report import Today
from tenxsom.pipeline.overview import LATELY
from tenxsom.pipeline.queue_view import QUEUE_STATES, QueuedJob

MOST_ROWS = 8


def page(board: Board, _: Request) -> Page:
    """Return the page of today."""
    now = board.watcher.now
    wanting = needs_somebody(list(now.jobs.values()))
    moving = [now.jobs[content_id] for content_id in now.order if content_id not in {job.content_id for job in wanting}]
    moving.sort(key=lambda job: -job.percent)
    last = last_tick.when(board.settings.pending_folder)
    lately = ended_lately(board.library.films, LATELY)
    values = {
        "queue": now,
        "states": [(state, now.states[state].number) for state in QUEUE_STATES if state in now.states],
        "wanting": board.watcher.fresh([job.content_id for job in wanting[:MOST_ROWS]]),
        "wanting_count": len(wanting),
        "moving": board.watcher.fresh([job.content_id for job in moving[:MOST_ROWS]]),
        "moving_count": len(moving),
        "oldest": now.jobs[now.order[0]] if now.order else None,
        "last_tick": last,
        "is_late": bool(now.jobs) and (last is None or clock.age_seconds(last) > LATE_TICK_SECONDS),
        "today": board.today(),
        "used_share": used_share(board.today()),
        "films": [film for film in lately if film.is_film],
        "failures": [film for film in lately if not film.is_film],
        "most": MOST_ROWS,
    }
    return Page("today.html", values, seconds=3.0)


def needs_somebody(jobs: list[QueuedJob]) -> list[QueuedJob]:
    """Return the jobs that wait for a person, the oldest first."""
    return sorted((job for job in jobs if job.command), key=lambda job: job.submit_time)


def ended_lately(films: tuple[Film, ...], period: timedelta) -> list[Film]:
    """Return what has ended in a period until now, the last one first, without earlier runs."""
    moment = clock.stamp(clock.now() - period)
    found = []
    for film in films:
        if film.ended.ended < moment:
            break
        if film.ended.run is None:
            found.append(film)
    return found


def used_share(today: Today) -> int | None:
    """Return how many per cent of the day's budget are used, at most 100; None without a budget."""
    if today.budget_usd is None:
        return None
    if today.budget_usd == ZERO:
        return 100
    return int(min(Decimal(100), today.totals.used * 100 / today.budget_usd))
