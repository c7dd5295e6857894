"""Every implementation of the stores, by name: what `tests/contract/test_stores.py` tries, in this process and in others."""

from __future__ import annotations

import atexit
import itertools
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from tenxsom import settings as settings_of
from tenxsom.store.base import Artifacts, JobStore, Pauses, SpendLedger, Till
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.store.files.ledger import FileLedger
from tenxsom.store.files.pauses import FilePauses
from tenxsom.store.files.till import FileTill
from tenxsom.store.objects.artifacts import ObjectArtifacts, open_artifacts
from tests.memory_artifacts import MemoryArtifacts
from tests.stub_s3 import StubS3, serving


class Stores(NamedTuple):
    """One installation's stores of jobs and money, opened anew."""

    jobs: JobStore
    ledger: SpendLedger
    till: Till
    artifacts: Artifacts
    pauses: Pauses


def files(place: Path, budget: Decimal | None) -> Stores:
    artifacts, ledger = files_in_a_folder(place), FileLedger(place / "ledger.jsonl", budget)
    jobs = FileJobStore(place / "pending", reports=artifacts)
    return Stores(jobs, ledger, FileTill(ledger), artifacts, FilePauses())


def postgres(place: Path, budget: Decimal | None) -> Stores:
    from tenxsom.store.postgres.jobs import PostgresJobStore
    from tenxsom.store.postgres.money import PostgresLedger, PostgresTill
    from tenxsom.store.postgres.pauses import PostgresPauses
    from tenxsom.store.postgres.reports import ReportsInDatabase
    from tenxsom.store.postgres.spool import Spool
    from tests import databases

    session = databases.session(place)
    jobs, ledger = PostgresJobStore(session), PostgresLedger(session, budget)
    till = PostgresTill(jobs, ledger, Spool(place / "spool.jsonl"))
    return Stores(jobs, ledger, till, ReportsInDatabase(session, files_in_a_folder(place)), PostgresPauses(session))


KINDS: dict[str, Callable[[Path, Decimal | None], Stores]] = {"files": files, "postgres": postgres}
"""Another implementation is one more line: what opens it for `place`, which every process of a test shares."""


def files_in_a_folder(place: Path) -> Artifacts:
    (place / "completed").mkdir(exist_ok=True)
    return FileArtifacts(place / "completed")


def objects_in_memory(place: Path) -> Artifacts:
    return MemoryArtifacts(_objects.setdefault(place, {}), place / f"machine-{next(_numbers)}")


def objects(place: Path, settings: Mapping[str, str], folder: Artifacts | None = None) -> ObjectArtifacts:
    """Open an object store as a machine with a disk of its own does."""
    set_here = {"TENXSOM_HOME": str(place), "SCRATCH": str(place / f"scratch-{next(_numbers)}"), **settings}
    return open_artifacts(settings_of.load(set_here), folder or files_in_a_folder(place))


def objects_in_a_folder(place: Path) -> Artifacts:
    (place / "bucket").mkdir(exist_ok=True)
    return objects(place, {"MEDIA_URL": f"file://{place}/bucket"})


def objects_in_s3(place: Path) -> Artifacts:
    return objects(place, stub_s3().settings(place.as_posix().strip("/")))


def stub_s3() -> StubS3:
    """The one stub of this process, with its faults ended."""
    if not _stubs:
        stack = ExitStack()
        _stubs.append(stack.enter_context(serving()))
        atexit.register(stack.close)
    _stubs[0].works()
    return _stubs[0]


_stubs: list[StubS3] = []
_objects: dict[Path, dict[str, bytes]] = {}
_numbers = itertools.count(1)


def reports_in_a_database(place: Path) -> Artifacts:
    return postgres(place, None).artifacts


def objects_in_s3_and_reports_in_a_database(place: Path) -> Artifacts:
    return objects(place, stub_s3().settings(place.as_posix().strip("/")), reports_in_a_database(place))


ARTIFACTS: dict[str, Callable[[Path], Artifacts]] = {
    "files": files_in_a_folder,
    "memory": objects_in_memory,
    "objects": objects_in_a_folder,
    "s3": objects_in_s3,
    "postgres": reports_in_a_database,
    "fleet": objects_in_s3_and_reports_in_a_database,
}
"""Every implementation of the stores of files; each call opens them as another machine would."""


def open_stores(kind: str, place: Path | str, budget: str | None = None) -> Stores:
    """The stores of an installation. Each call opens them as another process would."""
    return KINDS[kind](Path(place), None if budget is None else Decimal(budget))
