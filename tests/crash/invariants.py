"""What must be true whatever was broken: the promises, checked on the disk and in the vendor's own count of charges."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.belt import Belt


def paid_at_most_once(charges: Iterable[dict[str, Any]]) -> None:
    """The vendor accepted at most one image and one video for each clip of each run."""
    calls = Counter(charge["replyRef"].rsplit(".", 1)[0] for charge in charges)
    assert max(calls.values(), default=0) <= 1, f"paid more than once: {calls}"


def nothing_is_lost(belt: Belt, content_id: str) -> None:
    """An accepted job has a readable state or a readable final report, never neither."""
    assert belt.state(content_id) or belt.report(content_id), "the job is gone"


def ledger_adds_up(belt: Belt, charges: Iterable[dict[str, Any]]) -> None:
    """Every call that the vendor charged for counts in the ledger: spent, reserved or unknown, never released."""
    path = belt.home / "spend_ledger.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    last = {line["reference"]: line["entry"] for line in lines}
    for charge in charges:
        assert last.get(charge["replyRef"]) in ("spent", "reserved", "unknown"), f"{charge['replyRef']} is not in the ledger"


def all_hold(belt: Belt, charges: list[dict[str, Any]], content_id: str) -> None:
    paid_at_most_once(charges)
    nothing_is_lost(belt, content_id)
    ledger_adds_up(belt, charges)
