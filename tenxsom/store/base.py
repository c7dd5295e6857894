"""The protocols of the stores: jobs on the queue, the spend ledger, finished files.

`tenxsom/store/files/` implements all three with plain files. `tests/contract/test_stores.py` tests every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from tenxsom.errors import BrokenState, DiskError
from tenxsom.model.job import VideoJob
from tenxsom.model.pause import Pause

Planned = TypeVar("Planned")

# jobs


class Claim(Protocol):
    """The ownership of one job. Change `job` and call `save`."""

    @property
    def job(self) -> VideoJob: ...

    @property
    def finished(self) -> bool:
        """Return whether the job has left the queue."""

    def save(self, *, durable: bool = True) -> None:
        """Store the job. Raises RevisionIsStale if another process has changed it, DiskError.

        A save that is not `durable` may be undone by a power cut: nothing was paid, and the next visit finds it out again. The
        job is then as it was before, whole.
        """

    def reload(self) -> None:
        """Load the stored job again and drop changes since the last save."""

    def report(self, name: str, data: bytes) -> None:
        """Store the final report under a name of `file_names`; from then on the job counts as done.

        With files it is there at once. A database keeps it until `finish`, with which it arrives in one transaction; a death in
        between leaves the job on the queue at the step that reports. Raises DiskError.
        """

    def finish(self) -> None:
        """Remove the job from the queue. Its final report exists, and wins if a power cut restores the job."""


class Counts(NamedTuple):
    """The queue in numbers, for screens, metrics and what decides how many workers run."""

    due: int
    """How many jobs a worker could visit now."""
    oldest_due_seconds: float
    """For how long the first of them has been due; 0.0 without one."""
    by_state: Mapping[str, int]


class JobStore(Protocol):
    """The queue. The death of an owner, by any signal, releases its job at once."""

    def accept(self, job: VideoJob, unless: Callable[[], bool] | None = None) -> AbstractContextManager[Claim | None]:
        """Store a new job durably and own it for the block; None if its id is on the queue already.

        Also None, with nothing written, if `unless()` is true; it is called while no other process can accept or finish this id.
        """

    def claim(self, content_id: str) -> AbstractContextManager[Claim | None]:
        """Own a job for the block; None if it is gone, or from a newer version.

        Raises JobIsBusy if another process owns it; SetAside for an unreadable one, which is then off the queue; UnexpectedError
        for one that an error of the program makes unreadable, which stays on the queue for a day.
        """

    def load(self, content_id: str) -> VideoJob | None:
        """Read a job without owning it; None if it is not on the queue. Raises BrokenState; BadInput for an invalid id."""

    def ids(self) -> list[str]:
        """Return the ids of all jobs on the queue, in no particular order."""

    def marks(self) -> Mapping[str, Hashable]:
        """Return a mark of every job on the queue by its id, which is another one after each save; not to be changed.

        It costs a fraction of `documents`, so that a program sees twice a second which of ten thousand jobs have changed.
        """

    def documents(self, only: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, Any] | BrokenState | DiskError]]:
        """Yield the id of every job, or of every one in `only`, with its stored document; in no particular order.

        A document is what `VideoJob.as_dict` returns, read without checking every field; in place of one that cannot be read
        there is its error. A job that leaves the queue meanwhile, or is from a newer version, is left out.
        """

    def due(self, most: int | None = None) -> list[str]:
        """Return the ids of jobs that may be due, the longest unsaved first; at most `most`."""

    def summary(self) -> Counts:
        """Return the queue in numbers. Jobs that cannot be read count as due, without a state."""

    def slot(self, service: str, most: int) -> AbstractContextManager[None]:
        """Hold one of the `most` places of a service for the block, over all processes that share the queue.

        A place is free at once when its holder dies. Raises ServiceBusy when all are taken.
        """

    def set_aside(self) -> list[str]:
        """Return the names of quarantined states: `<content_id>`, and `<content_id>~2` for a second one."""

    def requeue(self, name: str, unless: Callable[[VideoJob], bool] | None = None) -> VideoJob:
        """Put a quarantined state, by a name of `set_aside`, back on the queue, durably, and return its job.

        Raises BadInput when there is none, when it still cannot be read, when its job is on the queue, or when `unless` returns
        true for it; then nothing is changed.
        """

    def place(self, content_id: str) -> str:
        """Return the location of a job's state, for messages."""

    def remedy(self, content_id: str) -> str:
        """Return the sentence that says what to do about a quarantined state of this id."""

    def check_room(self) -> None:
        """Raise DiskError unless there is free space for the results of the next paid call."""


# money

RESERVED, SPENT, RELEASED, UNKNOWN = "reserved", "spent", "released", "unknown"
"""The kinds of ledger lines about a paid call; the last line of a reference counts."""

SUMMED = "summed"
"""The kind of a line in place of all paid calls of a day and service, whose own lines are in an archive."""


class Purchase(NamedTuple):
    """A paid call for which money is reserved."""

    reference: str
    content_id: str
    service: str
    step: str
    clip: int
    usd: Decimal
    rehearsal: bool = False
    """Whether the call costs nothing: at the local studio, or at an address that is not the vendor's own."""


class DayTotals(NamedTuple):
    """What counts against the budget of a day, in US dollars, by what has become of the calls."""

    spent: Decimal
    reserved: Decimal
    """For calls that are about to be made, or are in progress."""
    unknown: Decimal
    """For calls whose outcome is unknown."""

    @property
    def used(self) -> Decimal:
        return self.spent + self.reserved + self.unknown


class Compaction(NamedTuple):
    """The result of `SpendLedger.compact`."""

    lines: int
    """How many lines were summed up, and are kept in the archives."""
    days: int
    archives: list[str]
    """The archives that were written, for messages."""
    bytes_before: int
    bytes_after: int


class SpendLedger(Protocol):
    """Stores every movement of money durably. Across processes and crashes: spent + reserved + unknown ≤ the day's budget."""

    daily_budget: Decimal | None
    """US dollars per UTC day; None: no budget."""

    def reserve(self, purchase: Purchase, then: Purchase | None = None) -> None:
        """Reserve the price, together with that of `then`, without which the purchase is useless: a still is not paid when its
        clip would exceed the budget. Raises OverBudget, and writes nothing, when today's budget does not cover both.

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
        """Record the result of a reservation: SPENT, RELEASED or UNKNOWN. A cost without a reservation is SPENT directly.

        It counts on the day of the reservation, else on `day`, else today; `since` is a `mark` before the reservation. The same
        money is reserved for `renewed`, if given. `facts` are stored with the line: the service's ids, where there is no other
        place for them.
        """

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        """Return the line that counts for a reference; None for an unknown reference.

        With `since`, a `mark` from before the reference was first used, only later lines are read.
        """

    def mark(self) -> str:
        """Return the current end of the ledger, a lower bound for `last`; valid as long as the ledger only grows."""

    def total(self, day: str, *, rehearsal: bool = False) -> Decimal:
        """Return the sum that counts against the budget of a UTC day, in US dollars."""

    def totals(self, day: str, *, rehearsal: bool = False) -> DayTotals:
        """Return `total`, divided by what has become of the calls; exact for the last days, and as spent before."""

    def lines(self, since: str = "") -> Iterator[dict[str, Any]]:
        """Yield every readable line that counts on `since` (a UTC day) or later, those of a day oldest first.

        The lines of archives are included; a SUMMED line is yielded only where its archive is gone.
        """

    def compact(self, keep: Collection[str]) -> Compaction:
        """Replace the lines of settled calls on days more than a week ago by a sum for each day and service.

        The lines go to archives, one for each month, before the ledger is replaced. Calls of the jobs in `keep` stay as they are,
        and so does every day's total. Raises BadInput for a ledger that cannot be replaced, DiskError.
        """


NO_IDS: Mapping[str, str | None] = {}


class Till(Protocol):
    """Stores a job together with the money of its paid calls, so that neither is known without the other.

    With files the money is written first when it is set aside, and last when it is spent, so that a crash in between costs nothing;
    a database writes both in one transaction.
    """

    def intend(self, claim: Claim, purchase: Purchase, then: Purchase | None, prepare: Callable[[], None]) -> None:
        """Set the price aside as `SpendLedger.reserve` does, call `prepare`, which puts the intent into the job, and save the job.

        Raises OverBudget, with nothing written and `prepare` not called. After any other error nothing was set aside and no intent
        is stored, so that no call may be made.
        """

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
        """Save the job and what became of a paid call: SPENT, RELEASED or UNKNOWN.

        The same money is set aside for `renewed`, if given, and that of `unused` is released. When the job cannot be saved, the
        `ids` of the call are kept with its money, where `last` finds them.
        """

    def release(self, claim: Claim, unused: Collection[Purchase]) -> None:
        """Release what was set aside for calls that will not be made. The caller saves the job."""

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        """Return the line that counts for a reference, as `SpendLedger.last` does."""


# finished files


class Artifacts(Protocol):
    """Stores the files of jobs by name, as a folder or an object store does. `tenxsom.model.file_names` has the names.

    A file is written to a scratch path on this machine and then published: readers see it whole or not at all. Every method may
    raise DiskError.
    """

    def exists(self, name: str) -> bool: ...

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None without one."""

    def sizes(self, names: Collection[str]) -> dict[str, int]:
        """Return the sizes in bytes of those of the files that are there, by name: one look for many files."""

    def location(self, name: str) -> str:
        """Return where a file is, or would be, for messages and results."""

    def link(self, name: str, seconds: float) -> str | None:
        """Return a web address at which anybody may read a file for so long; None where the store has none, or no such file."""

    def link_origin(self) -> str | None:
        """Return the scheme and host of the addresses of `link`; None where there are none."""

    def local(self, name: str) -> Path:
        """Return the path of a file on this machine, to read it; it stays until `discard`. Raises FileNotFoundError."""

    def scratch(self, name: str) -> Path:
        """Return the path on this machine to write a file to before it is published: its name and `.part`.

        It survives the process, so that an interrupted download is resumed on the same machine, and it is not visible to others.
        """

    def publish(self, written: Path, name: str) -> None:
        """Give a complete scratch file its name, durably; an earlier file of the name is replaced. `written` is gone then."""

    def write(self, name: str, data: bytes) -> None:
        """Write a small file durably, and publish it."""

    def rename(self, name: str, new: str) -> None:
        """Rename a file durably; an earlier file of the new name is replaced."""

    def remove(self, name: str) -> None:
        """Remove a file, if it exists, with its scratch files."""

    def discard(self, name: str) -> None:
        """Remove this machine's scratch files and copies of a file; the file itself stays."""

    def age_seconds(self, name: str) -> float | None:
        """Return how long ago a file was published; None without one."""

    def parts_older_than(self, seconds: float) -> list[str]:
        """Return the names of clips, voices and music (`file_names.is_part`) that were published longer ago."""

    def files_of(self, content_id: str) -> list[str]:
        """Return the names of the files that a job leaves behind, in the order of `file_names.kept_files`."""

    def set_aside(self, content_id: str, but: Collection[str] = ()) -> int | None:
        """Rename an earlier run's files to a numbered stem (`<content_id>~1.mp4`), except those in `but`.

        Returns the number; None if there were no files.
        """

    def has_report(self, content_id: str) -> bool:
        """Return cheaply whether there is a final report, of this run or of an earlier one."""

    def final_report(self, content_id: str) -> dict[str, Any] | None:
        """Return the job's final report; None without one. Raises BrokenState for an unreadable one, DiskError."""

    def reports(self, since: datetime | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the stem and the content of every final report, of earlier runs too (`lake~1`), written at `since` or later.

        In no particular order; unreadable ones are left out. Raises DiskError.
        """

    def marks(self, *endings: str) -> dict[str, Hashable]:
        """Return a mark of every published file whose name has one of these endings, by name: another one when it is replaced."""

    def scratch_files(self) -> Iterator[tuple[str, int, str]]:
        """Yield the name, the size in bytes and the time of the last change of every scratch file on this machine.

        So also of what killed processes left in the store itself, where that can be seen.
        """

    def drop_scratch(self, name: str) -> None:
        """Remove a scratch file by a name of `scratch_files`."""

    def quarantine_report(self, content_id: str) -> str | None:
        """Move an unreadable final report aside, with the reason beside it; it is kept for good.

        Returns a sentence about it; None if there is none, or it can be read. Raises DiskError.
        """

    def owner_of(self, job_id: str) -> str | None:
        """Return the job whose report contains this id of a service; None if there is none."""

    def check_room(self) -> None:
        """Raise DiskError unless the files of the next paid call can be kept, as far as `JobStore.check_room` does not tell."""

    def check(self) -> None:
        """Raise BadSettings, at the start of a command, for a store that cannot be used as it is set; DiskError for now."""

    def close(self) -> None:
        """Give up what belongs to this process alone."""


class Channels(Protocol):
    """Remembers the fillers of each channel's recent films. A channel is a platform with an archetype."""

    def planned(
        self, channel: str, content_id: str, plan: Callable[[Collection[str]], Planned], fillers_of: Callable[[Planned], list[str]]
    ) -> Planned:
        """Return `plan(recent)`, where `recent` are the fillers of the channel's last twenty other films, and remember its own.

        Two films of a channel are planned one after the other. Raises only what `plan` raises.
        """


class Pauses(Protocol):
    """Tells the processes that share a queue which services are left alone for now, so that each need not find out itself."""

    def exchange(self, mine: Mapping[str, Pause]) -> Mapping[str, Pause]:
        """Tell the pauses of this process by the name of their service; return those that hold for it now. Raises DiskError."""


# messages to people and programs


class Outbox(Protocol):
    """Keeps messages until they are delivered, across processes and crashes. Every method may raise DiskError."""

    def put(self, message_id: str, data: bytes) -> None:
        """Store a message durably, or replace it. One that was delivered a short while ago is not stored again."""

    def messages(self) -> list[tuple[str, bytes]]:
        """Return the stored messages with their ids, the oldest first."""

    def remove(self, message_id: str) -> None:
        """Remove a message that is delivered, or given up."""

    def memory(self) -> dict[str, Any]:
        """Return what was remembered between runs; empty without it, or where it cannot be read."""

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Replace what is remembered. Only the process that delivers does it."""

    def deliver(self) -> AbstractContextManager[bool]:
        """Deliver alone for the block; False where another process delivers now."""
