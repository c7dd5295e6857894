"""Pauses of services that a fleet shares: one worker finds out that a service is down, and all leave it alone."""

from __future__ import annotations

from collections.abc import Mapping

from tenxsom.model.pause import Pause
from tenxsom.store.postgres.queries import queries
from tenxsom.store.postgres.session import Session

SQL = queries("pauses")
NEWS_SECONDS = 1.0
"""A pause that ends at most this much later than the one that is known already is no news."""


class PostgresPauses:
    """Shares pauses in the database of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def exchange(self, mine: Mapping[str, Pause]) -> Mapping[str, Pause]:
        told = self._told()
        news = {name: pause for name, pause in mine.items() if _is_news(pause, told.get(name, Pause()))}
        for name, pause in news.items():
            parameters = {"service": name, "shut": pause.shut_seconds, "held": pause.held_seconds}
            self._session.rows(SQL["tell"], parameters)
        return self._told() if news else told

    def _told(self) -> dict[str, Pause]:
        return {name: Pause(shut, held) for name, shut, held in self._session.rows(SQL["told"])}


def _is_news(pause: Pause, known: Pause) -> bool:
    return any(mine > theirs + NEWS_SECONDS for mine, theirs in zip(pause, known, strict=True))
