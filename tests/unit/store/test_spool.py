"""The lines of paid calls that a machine keeps while the database is away."""

from __future__ import annotations

import errno
from decimal import Decimal

import pytest

from tenxsom.errors import DiskError
from tenxsom.store.base import SPENT, Purchase
from tenxsom.store.postgres.spool import Spool
from tests.broken_stat import break_stat


def test_a_spool_that_does_not_answer_is_not_an_empty_one(tmp_path, monkeypatch):
    spool, booked = Spool(tmp_path / "spool.jsonl"), list[str]()

    def settle(purchase: Purchase, entry: str, /, **_: str | None) -> None:
        booked.append(f"{purchase.reference} {entry}")

    spool.put(Purchase("r1", "lake", "useapi_ltx", "request_video", 0, Decimal("0.10")), SPENT, {})
    with monkeypatch.context() as broken:
        break_stat(broken, tmp_path / "spool.jsonl", errno.ESTALE)
        with pytest.raises(DiskError):
            spool.book(settle, lambda *_: None)
    assert (spool.book(settle, lambda *_: None), booked) == (1, [f"r1 {SPENT}"])
