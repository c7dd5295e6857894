"""Looks whether a database can be used, and whether the sums of its days are those of its movements; changes nothing."""

from __future__ import annotations

from tenxsom.store.postgres.queries import queries
from tenxsom.store.postgres.session import Session


def wrong_days(url: str) -> tuple[str, list[str]]:
    """Return where the database is, and the days whose used budget is not the sum of what counts on them.

    Raises BadSettings for a database that cannot be used, StoreGone for one that does not answer.
    """
    session = Session(url).start()
    try:
        return session.place, [day for [day] in session.rows(queries("money")["wrong_days"])]
    finally:
        session.close()
