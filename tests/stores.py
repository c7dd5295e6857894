"""Every implementation of the stores, by name: what `tests/contract/test_stores.py` tries, in this process and in others."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from tenxsom.store.base import Artifacts, JobStore, SpendLedger
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.store.files.ledger import FileLedger


class Stores(NamedTuple):
    """One installation's stores, opened anew."""

    jobs: JobStore
    ledger: SpendLedger
    artifacts: Artifacts


def files(place: Path, budget: Decimal | None) -> Stores:
    (place / "completed").mkdir(parents=True, exist_ok=True)
    return Stores(FileJobStore(place / "pending"), FileLedger(place / "ledger.jsonl", budget), FileArtifacts(place / "completed"))


KINDS: dict[str, Callable[[Path, Decimal | None], Stores]] = {"files": files}
"""Another implementation is one more line: what opens it for `place`, which every process of a test shares."""


def open_stores(kind: str, place: Path | str, budget: str | None = None) -> Stores:
    """The stores of an installation. Each call opens them as another process would."""
    return KINDS[kind](Path(place), None if budget is None else Decimal(budget))
