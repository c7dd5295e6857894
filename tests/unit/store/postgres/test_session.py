"""The connection to a database that is away, and a stop that comes during the wait for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tenxsom import clock
from tenxsom.errors import Interrupted, StoreGone
from tenxsom.store.postgres import session
from tenxsom.store.postgres.session import Session
from tests.net_server import unused_port

LONG = 3600.0


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session whose database does not answer."""
    monkeypatch.setattr(session, "STOPPED_SECONDS", 0.2)
    yield Session(f"postgresql://tests@127.0.0.1:{unused_port()}/tests")
    clock.forget_stop()


@pytest.mark.parametrize(("finishing", "error"), [(True, StoreGone), (False, Interrupted)])
def test_a_stop_shortens_a_wait_that_has_begun(away: Session, finishing: bool, error: type[Exception]) -> None:
    """A save that waits on would be killed with its program, together with the ids of a paid call that it has to keep."""
    ended, tried = threading.Event(), threading.Event()

    def connect() -> None:
        tried.set()
        raise StoreGone("it is away")

    def wait() -> None:
        with pytest.raises(error):
            away.wait(LONG, finishing=finishing)
        ended.set()

    away._connect = connect  # type: ignore[method-assign]
    threading.Thread(target=wait, daemon=True).start()
    assert tried.wait(30)
    clock.request_stop()
    assert ended.wait(30)


def test_saves_that_wait_one_after_the_other_share_the_time_after_a_stop(away: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.request_stop()
    with pytest.raises(StoreGone):
        away.wait(LONG, finishing=True)
    monkeypatch.setattr(clock, "nap", lambda _: pytest.fail("it waits again"))
    with pytest.raises(StoreGone):
        away.wait(LONG, finishing=True)
