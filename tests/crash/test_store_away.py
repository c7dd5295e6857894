"""The object store is away: nothing is paid whose files could not be kept, and every job goes on by itself when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenxsom.errors import DiskError
from tests import databases
from tests.end_to_end.test_two_machines import Fleet
from tests.stores import stub_s3

pytestmark = pytest.mark.slow


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setattr("tenxsom.store.objects.artifacts.PROBE_SECONDS", 0.0)
    monkeypatch.setattr("tenxsom.store.objects.bucket._RETRIES", {"max_retries": 0})
    yield Fleet(tmp_path)
    stub_s3().works()
    databases.close(tmp_path)


def test_a_store_that_is_away_at_every_step_costs_nothing_and_loses_nothing(fleet: Fleet) -> None:
    """Away before anything is ordered, when the clip is there, and in the middle of the film's upload; each time for some ticks."""
    store = stub_s3()
    store.fails("cut")
    with pytest.raises(DiskError, match="cannot be reached"):
        fleet.submit("one")
    assert not fleet.vendor.charges

    store.works()
    fleet.submit("one")
    while len(fleet.vendor.charges) < 2:
        fleet.tick("one")
    store.fails("cut")
    for name in ("two", "one", "two"):
        assert fleet.tick(name) not in ("completed", "failed")

    store.fails("cut", method="PUT", path="lake.mp4")
    for name in ("one", "two"):
        assert fleet.tick(name) not in ("completed", "failed")
    store.works()
    states = [fleet.tick("two")]
    while states[-1] != "completed":
        states.append(fleet.tick("one"))
        assert len(states) < 20, states
    assert len({charge["replyRef"] for charge in fleet.vendor.charges}) == len(fleet.vendor.charges) == 2
    with fleet.machine("one") as app:
        report = app.artifacts.final_report("lake")
        assert report is not None
        assert app.artifacts.local("lake.mp4").stat().st_size == report["media"]["size_bytes"]
