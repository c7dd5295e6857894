"""What all pages share: the parts of the program, the watched queue, the index of films, and what is kept for a few seconds."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypeVar

from starlette.requests import Request

from tenxsom import clock
from tenxsom.app import App
from tenxsom.dashboard.doorkeeper import Attempts, Doorkeeper
from tenxsom.dashboard.feed import Feed
from tenxsom.dashboard.health import Health
from tenxsom.dashboard.library import Library
from tenxsom.dashboard.watch import Watcher
from tenxsom.errors import BadInput
from tenxsom.pipeline import money_report
from tenxsom.pipeline.money_report import Costs, JobTraits, Today
from tenxsom.pipeline.operations import JobManager

Made = TypeVar("Made")

MOST_KEPT = 256
"""How many pages and numbers are kept."""
MONEY_SECONDS = 3.0
COSTS_SECONDS = 30.0


class Missing(BadInput):
    """There is no such job, film or file: what a page that says so is made from."""


class Page(NamedTuple):
    """What a page shows."""

    template: str
    values: dict[str, Any]
    status: int = 200
    seconds: float = 0.0
    """How long every viewer may get the same page, as long as neither the queue nor the films have changed."""


class Kept:
    """Keeps what was made for a while, at most MOST_KEPT things; the one that was used longest ago goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> Any:
        """Return what is kept under a key and is not too old; None without it."""
        with self._lock:
            until, made = self._kept.get(key, (0.0, None))
            if until <= clock.monotonic():
                self._kept.pop(key, None)
                return None
            self._kept.move_to_end(key)
            return made

    def put(self, key: object, made: Any, seconds: float) -> None:
        with self._lock:
            self._kept[key] = (clock.monotonic() + seconds, made)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

    def made(self, key: object, seconds: float, make: Callable[[], Made]) -> Made:
        """Return what is kept under a key, or make and keep it."""
        found: Made | None = self.get(key)
        if found is None:
            found = make()
            self.put(key, found, seconds)
        return found


class Board:
    """The shared state of a running dashboard."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.settings = app.settings
        self.doorkeeper = Doorkeeper(app.settings.dashboard_token)
        self.attempts = Attempts()
        self.watcher = Watcher(app.store)
        self.library = Library(app.artifacts)
        self.feed = Feed()
        self.health = Health(app.settings, app.store, app.artifacts)
        self.kept = Kept()
        self.token_place = f"form-token-{secrets.token_hex(16)}"
        """What stands in a rendered page in place of the session's form token, so that a page is rendered once for all."""
        self.deciding = threading.Lock()
        """Decisions are made one after the other."""
        self._told: OrderedDict[str, str] = OrderedDict()
        self._telling = threading.Lock()

    @property
    def manager(self) -> JobManager:
        return self.app.manager()

    def today(self) -> Today:
        """Return today's money: what `status` and the metrics say."""
        return self.kept.made("today", MONEY_SECONDS, lambda: money_report.today(self.app.ledger))

    def costs(self, since: Any, *, by: str, tag: str | None, rehearsals: bool | None) -> Costs:
        """Return the costs since a day: what `manage_jobs.py costs` says. Raises BadInput."""
        key = ("costs", self.app.ledger.mark(), since.date(), by, tag, rehearsals)
        return self.kept.made(
            key,
            COSTS_SECONDS,
            lambda: money_report.costs(self.app.ledger, self._traits(), since, by=by, tag=tag, rehearsals=rehearsals),
        )

    def _traits(self) -> Callable[[str], JobTraits]:
        """Return the traits of jobs, of ended ones from the index, without reading their reports again."""
        read = money_report.traits(self.app.store, self.app.artifacts)

        def traits_of(content_id: str) -> JobTraits:
            film = None if content_id in self.watcher.now.jobs else self.library.get(content_id)
            return JobTraits(film.ended.archetype, film.ended.tags) if film else read(content_id)

        return traits_of

    def tell(self, session: str, sentence: str) -> None:
        """Say a sentence at the top of the next page of this session."""
        with self._telling:
            self._told[session] = sentence
            while len(self._told) > MOST_KEPT:
                self._told.popitem(last=False)

    def told(self, session: str) -> str:
        """Return, once, what the next page of this session says at its top."""
        with self._telling:
            return self._told.pop(session, "")

    def decide(self, work: Callable[[], Made]) -> Made:
        """Do what a person has decided, one decision after the other; then the queue and the films are looked at anew."""
        with self.deciding:
            done = work()
        self.library.refresh()
        return done

    def tell_observers(self) -> None:
        """Deliver the notifications of what was decided; none of it can fail."""
        with self.deciding:
            self.app.observers.run_ended()


def chosen(request: Request, name: str, known: Collection[str], usual: str = "", *, called: str = "") -> str:
    """Return the query parameter `name`, or `usual`; messages call it `called`. Raises BadInput for an unknown value."""
    text = request.query_params.get(name, usual)
    if text and text not in known:
        there_are = f"Known are {', '.join(known)}." if known else "There is none yet."
        raise BadInput(f"There is no {called or name} {text[:40]!r}. {there_are}")
    return text
