"""Jobs and money as files: two files cannot be written as one, so their order decides what a crash in between leaves.

money set aside → intent saved → THE CALL → ids saved → money spent
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tenxsom.errors import DiskError
from tenxsom.store.base import NO_IDS, RELEASED, Claim, Purchase, SpendLedger

log = logging.getLogger(__name__)


class FileTill:
    """Keeps the money of jobs in a ledger of its own."""

    def __init__(self, ledger: SpendLedger) -> None:
        self._ledger = ledger

    def intend(self, claim: Claim, purchase: Purchase, then: Purchase | None, prepare: Callable[[], None]) -> None:
        self._ledger.reserve(purchase, then)
        prepare()
        try:
            claim.save()
        except BaseException:  # after any error or stop the call is not made, and the money must be released
            for each in filter(None, (purchase, then)):
                with contextlib.suppress(DiskError):
                    self._ledger.settle(each, RELEASED, since=claim.job.ledger_mark)
            raise

    def book(
        self,
        claim: Claim,
        purchase: Purchase,
        entry: str,
        renewed: Purchase | None = None,
        /,
        *,
        unused: Collection[Purchase] = (),
        ids: Mapping[str, str | None] = NO_IDS,
    ) -> None:
        mark = claim.job.ledger_mark
        try:
            claim.save()
        except BaseException:  # after any error or stop the ids of a paid call must not be lost
            told = (purchase.reference, entry, ids.get("job_id") or "no id")
            log.critical("%s is %s (%s), but the state could not be saved.", *told, extra={"content_id": claim.job.content_id})
            with contextlib.suppress(DiskError):
                self._ledger.settle(purchase, entry, since=mark, **ids)
            raise
        self._ledger.settle(purchase, entry, renewed, since=mark)
        self.release(claim, unused)

    def release(self, claim: Claim, unused: Collection[Purchase]) -> None:
        for each in unused:
            self._ledger.settle(each, RELEASED, since=claim.job.ledger_mark)

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        return self._ledger.last(reference, since)
