"""The stores that the pipeline works with, as protocols: jobs on the queue, the spend ledger, finished files.

`tenxsom/store/files/` keeps all three in plain files. `tests/contract/test_stores.py` says what every implementation must do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tenxsom.model.job import VideoJob

# jobs


class Claim(Protocol):
    """The ownership of one job. `job` is what is stored; change it and `save`."""

    @property
    def job(self) -> VideoJob: ...

    @property
    def finished(self) -> bool:
        """Whether the job has left the queue."""

    def save(self) -> None:
        """Make the job's present state durable. Raises RevisionIsStale if somebody else changed it, DiskTrouble."""

    def reload(self) -> None:
        """Go back to the job as it is stored: what was changed in memory since the last save is forgotten."""

    def finish(self) -> None:
        """Take the job out of the queue; its final report exists, and wins should a power cut bring the job back."""


class JobStore(Protocol):
    """The queue. The death of an owner, by whatever signal, frees its job at once."""

    def accept(self, job: VideoJob, unless: Callable[[], bool] | None = None) -> AbstractContextManager[Claim | None]:
        """Put a new job on the queue, durably, and own it for the block; None if its id is on the queue already.

        Also None, and nothing is written, where `unless()` says so; it is asked when nobody else can accept or finish this id.
        """

    def claim(self, content_id: str) -> AbstractContextManager[Claim | None]:
        """Own a job for the block; None if it is gone, or a newer version's.

        Raises JobIsBusy if another process owns it, SetAside for one that cannot be read, which is off the queue then.
        """

    def load(self, content_id: str) -> VideoJob | None:
        """The job as it is now, without owning it; None if it is not on the queue. Raises BrokenState, BadInput for no id."""

    def ids(self) -> list[str]:
        """The ids of all jobs on the queue, in no particular order."""

    def due(self, most: int | None = None) -> list[str]:
        """The ids of jobs that may be due, the one that was left alone for the longest time first; not more than `most`."""

    def set_aside(self) -> list[str]:
        """The names under which states are kept that could not be read: `<content_id>`, and `<content_id>~2` for a second one."""

    def place(self, content_id: str) -> str:
        """Where the state of a job is, for people."""

    def remedy(self, content_id: str) -> str:
        """What people can do about a state of this id that was set aside."""

    def check_room(self) -> None:
        """Raise DiskTrouble unless there is room to keep what the next paid call brings."""


# money

RESERVED, SPENT, RELEASED, UNKNOWN = "reserved", "spent", "released", "unknown"
"""What a line of the ledger says of a paid call; the last line of a reference counts."""


class Purchase(NamedTuple):
    """What a reservation is for."""

    reference: str
    content_id: str
    service: str
    step: str
    clip: int
    usd: Decimal
    rehearsal: bool = False
    """Whether nobody is paid for it: it goes to the local studio, or to an address that is not the vendor's own."""


class SpendLedger(Protocol):
    """Every movement of money, durably. Across processes and crashes: spent + reserved + unknown ≤ budget of the day."""

    daily_budget: Decimal | None
    """US dollars for a UTC day; None: no budget."""

    def reserve(self, purchase: Purchase, then: Purchase | None = None) -> None:
        """Set the price aside, and with it the price of what must be bought `then` for it to be of any use: no money is to go
        for a still whose clip cannot be paid any more. Raises OverBudget, and writes nothing, when today's budget does not
        hold both.

        Reserving the same reference again (after a crash between reservation and call) costs nothing more.
        """

    def settle(
        self,
        purchase: Purchase,
        entry: str,
        renewed: Purchase | None = None,
        /,
        *,
        day: str | None = None,
        since: str | None = None,
        **facts: str | None,
    ) -> None:
        """Record what became of a reservation: SPENT, RELEASED or UNKNOWN. Costs without a reservation are SPENT directly.

        It counts on the day it was reserved on, else on `day`, else today; `since` is a `mark` before the reservation. The same
        money is reserved for `renewed`, where one is given. `facts` are kept with the line: the service's ids, where the ledger
        is the only place left to keep them.
        """

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        """The line that counts for a reference; None if the ledger does not know it.

        With `since`, a `mark` that was made before the reference was first used, only what came after it is read.
        """

    def mark(self) -> str:
        """Where the ledger ends now, for `last` to look no further back; recognised as long as the ledger only grows."""

    def total(self, day: str, *, rehearsal: bool = False) -> Decimal:
        """What counts against the budget of a UTC day, in US dollars."""

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every readable line, oldest first."""


# finished files


class Artifacts(Protocol):
    """Finished work: one stem per job, and beside it everything that belongs to it."""

    folder: Path

    def video(self, content_id: str) -> Path: ...

    def thumbnail(self, content_id: str) -> Path: ...

    def subtitles(self, content_id: str) -> Path: ...

    def blueprint(self, content_id: str) -> Path: ...

    def completion_report(self, content_id: str) -> Path: ...

    def failure_report(self, content_id: str) -> Path: ...

    def clip(self, content_id: str, index: int) -> Path:
        """A clip of a job that has several; `~` occurs in no content_id, so it never takes another job's name."""

    def refused(self, content_id: str, index: int) -> Path:
        """A delivered file that was refused, kept for somebody to look at."""

    def still(self, content_id: str, index: int) -> Path:
        """Where a clip's still is between its download and its upload."""

    def start_picture(self, content_id: str) -> Path:
        """The user's own start picture, from a job's acceptance to its end; jobs keep its name."""

    def named(self, name: str) -> Path:
        """Where the file of that name is. States of earlier versions hold an absolute path, which is returned as it is."""

    def clip_target(self, content_id: str, index: int, clips: int) -> Path:
        """Where a downloaded clip belongs: under the job's own name if it is the only one."""

    def has_report(self, content_id: str) -> bool:
        """Whether there is a final report, of this run or of an earlier one; a look that costs next to nothing."""

    def final_report(self, content_id: str) -> dict[str, Any] | None:
        """The job's final report; None while it has none. Raises BrokenState for one that cannot be read."""

    def owner_of(self, job_id: str) -> str | None:
        """The job whose report names this id of a service; None if none does."""

    def set_aside(self, content_id: str, but: Collection[str] = ()) -> int | None:
        """Keep an earlier run's files under a numbered stem (`<content_id>~1.mp4`), but for those named in `but`.

        Returns the number, None if there was nothing to keep.
        """

    def files_of(self, content_id: str) -> list[Path]:
        """The files of a job that exist, its clips and its video first, its reports last: whoever moves them can be stopped."""
