"""The queue as a table: a job is a row, its owner holds a lock of the session, and every write checks the revision."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom import atomic, clock
from tenxsom.disk import make_folder
from tenxsom.errors import (
    BadInput,
    BrokenState,
    DiskError,
    JobIsBusy,
    LoadFailed,
    NewerState,
    RevisionIsStale,
    ServiceBusy,
    SetAside,
    StoreGone,
    UnexpectedError,
)
from tenxsom.model.job import SCHEMA_VERSION, VideoJob
from tenxsom.model.stored import encode
from tenxsom.store.base import Claim, Counts
from tenxsom.store.files import state_file
from tenxsom.store.job_ids import check_id
from tenxsom.store.postgres.queries import queries
from tenxsom.store.postgres.reports import write_report
from tenxsom.store.postgres.session import SAVE_SECONDS, ConnectionLost, Owner, Run, Session, lock_key

log = logging.getLogger(__name__)

ROOM_BYTES = 64 * 1024 * 1024
"""The free space on this machine required before a paid call: enough for a large clip."""
MOST_CLAIMS = 10
"""How many claims in a row may end without a save and without their end being seen: such a job kills its workers.

A process that dies ends the visits of all of its threads, so that a lower number would set jobs aside that killed nobody. From
the third death on a job is due later each time (`claim` in jobs.sql), and ten deaths take a quarter of an hour.
"""
LEFT_ALONE_SECONDS = 5.0
"""The pause of a job that a visit left due, so that it is not looked at again and again."""
PATIENCE_SECONDS = 24 * 3600.0
"""How long a document that causes an unexpected error stays on the queue, so that the program can be mended."""
PAGE = 500
"""Documents of one reading."""

SQL = queries("jobs")


class Version(NamedTuple):
    """What is stored of a job: its revision, and the bytes of its document."""

    revision: int
    document: bytes


class PostgresJobStore:
    """Stores jobs in the database of a session. `writable` are folders on this machine, which must have room before a paid call."""

    def __init__(self, session: Session, writable: tuple[Path, ...] = ()) -> None:
        self.session = session
        self._folders = writable
        self._is_made = False
        self._unleft: set[str] = set()

    # reading

    def ids(self) -> list[str]:
        return [content_id for [content_id] in self.session.rows(SQL["ids"])]

    def due(self, most: int | None = None) -> list[str]:
        return [content_id for [content_id] in self.session.rows(SQL["due"], {"most": most})]

    def marks(self) -> dict[str, Hashable]:
        return {content_id: (revision, saved_at) for content_id, revision, saved_at in self.session.rows(SQL["marks"])}

    def documents(self, only: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, Any] | BrokenState | DiskError]]:
        after, wanted = "", None if only is None else list(only)
        while page := self.session.rows(SQL["documents"], {"after": after, "only": wanted, "most": PAGE}):
            for content_id, text in page:
                try:
                    if (found := self._document(content_id, text.encode())) is not None:
                        yield content_id, found
                except NewerState:
                    continue
                except BrokenState as error:
                    yield content_id, error
            after = page[-1][0]

    @staticmethod
    def _document(content_id: str, data: bytes) -> dict[str, Any]:
        document = state_file.parsed_document(data)
        if document.get("schema_version") != SCHEMA_VERSION or document.get("content_id") != content_id:
            return state_file.parsed(data, content_id).as_dict()  # an earlier version's, or an error
        return document

    def load(self, content_id: str) -> VideoJob | None:
        check_id(content_id)
        found = self.session.rows(SQL["load"], {"content_id": content_id})
        return state_file.parsed(found[0][1].encode(), content_id) if found else None

    def summary(self) -> Counts:
        rows = self.session.rows(SQL["summary"])
        due, oldest = sum(row[2] for row in rows), max((row[3] for row in rows), default=0.0)
        return Counts(due, oldest, {state: count for state, count, _, _ in rows})

    # owning

    def accept(self, job: VideoJob, unless: Callable[[], bool] | None = None) -> AbstractContextManager[Claim | None]:
        check_id(job.content_id)
        self._make_folders()
        return self._accepting(job, unless)

    @contextmanager
    def _accepting(self, job: VideoJob, unless: Callable[[], bool] | None) -> Iterator[Claim | None]:
        claim = PostgresClaim(self, job, self._own(job.content_id), Version(0, b""))
        try:
            yield claim if not (unless and unless()) and self._insert(claim) else None
        finally:
            claim.leave()

    def _insert(self, claim: PostgresClaim) -> bool:
        """Store a new job; return False when its id is on the queue."""
        job = claim.job
        data = job.as_json()
        is_new = True

        def insert(run: Run) -> None:
            nonlocal is_new
            self._check_here(run, "place_shared")
            is_new = bool(run(SQL["insert"], columns(job, data)))

        def is_written() -> bool:
            found = self.stored(job.content_id)
            return found is not None and found.document == data

        with self.session.guard:
            self.write(claim, insert, is_written)
        claim.keep(data)
        return is_new

    def claim(self, content_id: str) -> AbstractContextManager[Claim | None]:
        check_id(content_id)
        self._make_folders()
        return self._claiming(content_id)

    @contextmanager
    def _claiming(self, content_id: str) -> Iterator[Claim | None]:
        self._leave_late()
        owner = self._own(content_id)
        claim: PostgresClaim | None = None
        try:
            found = self.session.rows(SQL["claim"], {"content_id": content_id})
            if found:
                revision, claims, text = found[0]
                data = text.encode()
                if job := self._read(content_id, data):
                    self._check_claims(content_id, claims)
                    claim = PostgresClaim(self, job, owner, Version(revision, data))
            else:
                self._check_here(self.session.rows)
            yield claim
        finally:
            if claim:
                claim.leave()
            else:
                self.leave(content_id, owner)

    def leave(self, content_id: str, owner: Owner) -> None:
        """Free a job whose visit has saved nothing, with a little pause. A claim that was left has killed nobody."""
        if not self.session.unlock(owner, SQL["leave"], _left(content_id)):
            self._unleft.add(content_id)

    def _leave_late(self) -> None:
        """Leave the jobs whose visits ended while the database was away, so that these claims are not taken for deaths."""
        for content_id in list(self._unleft):
            if self.session.attempt(SQL["leave"], _left(content_id)):
                self._unleft.discard(content_id)

    def _check_here(self, run: Run, how: str = "place") -> None:
        """Raise StoreGone while the queue is moved, and afterwards. `place_shared` keeps it here until the transaction's end."""
        [[here, _]] = run(queries("schema")[how])
        if here != "here":
            raise StoreGone(f"The queue at {self.session.place} is {here}: manage_jobs.py migrate moves it, or has moved it.")

    def _make_folders(self) -> None:
        """Make the folders of this machine, once; one that disappears later, as an unmounted disk does, is an error."""
        for folder in () if self._is_made else self._folders:
            if not folder.is_dir():
                make_folder(folder)
        self._is_made = True

    def _own(self, content_id: str) -> Owner:
        """Take the lock of a job. Raises JobIsBusy."""
        owner = self.session.try_lock(lock_key("job", content_id))
        if owner is None:
            raise JobIsBusy(f"{content_id} is being worked on by another process right now; try again in a moment.")
        return owner

    def _check_claims(self, content_id: str, claims: int) -> None:
        """Set a job aside that has killed its workers."""
        if claims > MOST_CLAIMS:
            reason = f"{MOST_CLAIMS} processes that worked on it died one after the other, before they had saved anything"
            self._put_aside(content_id, reason)
            log.error("%s was set aside: %s.", content_id, reason)
            raise SetAside(f"{content_id} is set aside, because {reason}. {self.remedy(content_id)}")

    def _read(self, content_id: str, data: bytes) -> VideoJob | None:
        """Read a job for its owner. One that cannot be read is set aside (SetAside), after an unexpected error only a day later."""
        try:
            return state_file.parsed(data, content_id)
        except NewerState as error:
            log.warning("%s is left alone: %s.", content_id, error)
        except BrokenState as error:
            if isinstance(error, LoadFailed):
                [[seconds]] = self.session.rows(SQL["failed"], {"content_id": content_id})
                if seconds < PATIENCE_SECONDS:
                    raise UnexpectedError(f"{content_id} is left on the queue, but {error}", repeated=seconds > 0) from error
            self._put_aside(content_id, str(error))
            log.error("%s cannot be read (%s); it was set aside.", content_id, error)
            raise SetAside(f"{content_id} cannot be read, because {error}. {self.remedy(content_id)}") from None
        return None

    def _put_aside(self, content_id: str, reason: str) -> None:
        taken = set(self.set_aside())
        names = (content_id, *(f"{content_id}~{number}" for number in range(2, 1000)))
        name = next(name for name in names if name not in taken)
        self.session.rows(SQL["put_aside"], {"content_id": content_id, "name": name, "reason": reason.replace("\0", "")})

    def set_aside(self) -> list[str]:
        return [name for [name] in self.session.rows(SQL["names_aside"])]

    def requeue(self, name: str, unless: Callable[[VideoJob], bool] | None = None) -> VideoJob:
        content_id = name.partition("~")[0]
        check_id(content_id)
        found = self.session.rows(SQL["aside"], {"name": name})
        if not found:
            raise BadInput(f"There is no {name!r} among the jobs that were set aside; manage_jobs.py status names them.")
        try:
            job = state_file.parsed(found[0][0].encode(), content_id)
        except BrokenState as error:
            raise BadInput(
                f"{name} still cannot be read, because {error}. Mend it in the table job_set_aside first; nothing has changed."
            ) from None
        with self.accept(job, unless=lambda: unless is not None and unless(job)) as claim:
            if claim is None:
                raise BadInput(f"{content_id} is on the queue already, or has ended since; {name} is left where it is.")
        self.session.rows(SQL["drop_aside"], {"name": name})
        return job

    @contextmanager
    def slot(self, service: str, most: int) -> Iterator[None]:
        owners = (self.session.try_lock(lock_key("place", f"{number} of {service}")) for number in range(most))
        owner = next(filter(None, owners), None)
        if owner is None:
            raise ServiceBusy(f"{service} gets orders of {most} jobs at once, which others have now; this one waits its turn.")
        try:
            yield
        finally:
            self.session.unlock(owner)

    def place(self, content_id: str) -> str:
        return f"{self.session.place}/job/{content_id}"

    def remedy(self, content_id: str) -> str:
        return (
            f"It is in the table job_set_aside, and what was paid for {content_id} may stand in it alone: mend it and run"
            f" manage_jobs.py requeue {content_id}, or have everything made once more, and paid for, with --again."
        )

    def check_room(self) -> None:
        for folder in self._folders:
            atomic.check_writable(folder, ROOM_BYTES)

    # writing

    def save(
        self,
        claim: PostgresClaim,
        money: Callable[[Run], None] | None = None,
        *,
        seconds: float | None = None,
        durable: bool = True,
    ) -> None:
        """Store a claim's job, together with movements of money. Raises RevisionIsStale, StoreGone."""
        before = claim.stored
        claim.job.revision = max(claim.job.revision, before.revision) + 1
        data = claim.job.as_json()

        def both(run: Run) -> None:
            if money:  # first, as everywhere: who changes money and a job locks them in the same order
                money(run)
            self.update(run, claim, data, durable=durable)

        with self.session.guard:
            self.write(claim, both, lambda: self.is_stored(claim, data), seconds=seconds, of_one=money is None)
            claim.keep(data)

    def finish(self, claim: PostgresClaim) -> None:
        """Remove a claim's job, and store its report with it."""

        def both(run: Run) -> None:
            if not run(SQL["delete"], {"content_id": claim.job.content_id, "before": claim.stored.revision}):
                raise stale(claim)
            for name, data in claim.reports.items():
                write_report(run, name, claim.job.content_id, data)

        with self.session.guard:
            self.write(claim, both, lambda: self.stored(claim.job.content_id) is None)

    def update(self, run: Run, claim: PostgresClaim, data: bytes, *, durable: bool = True) -> None:
        """Replace the stored job within a transaction. Raises RevisionIsStale."""
        if not run(SQL["update"], {**columns(claim.job, data), "before": claim.stored.revision, "durable": durable}):
            raise stale(claim)

    def write(
        self,
        claim: PostgresClaim,
        work: Callable[[Run], None],
        is_written: Callable[[], bool],
        *,
        seconds: float | None = None,
        of_one: bool = False,
    ) -> None:
        """Do the work in a transaction of the claim's owner, whatever happens to the connection meanwhile.

        After a lost connection the reply to COMMIT may be lost: the lock is taken again, and then `is_written` tells whether there
        is anything left to do. Raises JobIsBusy when another process has the lock, StoreGone. The caller holds the guard.
        """
        deadline, is_unclear = clock.Deadline(SAVE_SECONDS if seconds is None else seconds), False
        while True:
            self.session.wait(deadline.left(), finishing=True)
            try:
                if self._owned_again(claim) and is_unclear and is_written():
                    return
                is_unclear = False
                with self.session.transaction(of_one=of_one) as run:
                    work(run)
                return
            except ConnectionLost as error:
                is_unclear = True
                log.warning("%s", error, extra={"content_id": claim.job.content_id})
                if deadline.passed():
                    raise
            except StoreGone as error:  # nothing was written
                if deadline.passed() or clock.stop_requested():
                    raise
                log.warning("%s", error, extra={"content_id": claim.job.content_id})
                clock.nap(0.1)

    def _owned_again(self, claim: PostgresClaim) -> bool:
        """Make sure that the claim's lock is held; return whether it had to be taken again. Raises JobIsBusy."""
        if self.session.is_held(claim.owner):
            return False
        owner = self.session.try_lock_again(claim.owner)
        if owner is None:
            raise JobIsBusy(f"The connection to the database broke, and another process works on {claim.job.content_id} now.")
        claim.owner = owner
        return True

    def is_stored(self, claim: PostgresClaim, data: bytes) -> bool:
        """Return whether these bytes are stored. Raises RevisionIsStale when it is neither these nor the last known ones."""
        found = self.stored(claim.job.content_id)
        if found is not None and found.document == data:
            return True
        if found is None or found.revision != claim.stored.revision:
            raise stale(claim)
        return False

    def stored(self, content_id: str) -> Version | None:
        """Return what is stored of a job now; None for one that is not on the queue."""
        found = self.session.rows(SQL["load"], {"content_id": content_id})
        return Version(found[0][0], found[0][1].encode()) if found else None

    def take_back(self, claim: PostgresClaim, written: bytes, money: Callable[[Run], None]) -> None:
        """Undo a save of which nobody knows whether it was stored, after the lock went to another process.

        What that process has loaded becomes stale, and it reads again. Nothing happens where the save was not stored, or another
        process has saved since.
        """
        revision = claim.job.revision + 1
        document = state_file.parsed_document(claim.stored.document) | {"revision": revision}
        changed = {"document": encode(document).decode(), "revision": revision, "before": claim.job.revision}
        about = {"content_id": claim.job.content_id, "written": written.decode()}
        with self.session.guard, self.session.transaction() as run:
            if run(SQL["take_back"], {**changed, **about}):
                money(run)


class PostgresClaim:
    """The ownership of one job."""

    def __init__(self, store: PostgresJobStore, job: VideoJob, owner: Owner, stored: Version) -> None:
        self.job, self.owner, self.stored = job, owner, stored
        self.finished = self.is_saved = False
        self.reports: dict[str, bytes] = {}
        self._store = store

    def save(self, *, durable: bool = True) -> None:
        self._store.save(self, durable=durable)

    def keep(self, data: bytes) -> None:
        """Remember what was stored."""
        self.stored, self.is_saved = Version(self.job.revision, data), True

    def reload(self) -> None:
        found = self._store.stored(self.job.content_id)
        if found:
            self.job, self.stored = state_file.parsed(found.document, self.job.content_id), found

    def report(self, name: str, data: bytes) -> None:
        self.reports[name] = data

    def finish(self) -> None:
        self._store.finish(self)
        self.finished = True

    def leave(self) -> None:
        """Free the job. A visit that saved nothing gives it a little pause; the end of a process by a kill does not."""
        if self.is_saved or self.finished:
            self._store.session.unlock(self.owner)
        else:
            self._store.leave(self.job.content_id, self.owner)


def _left(content_id: str) -> dict[str, Any]:
    return {"content_id": content_id, "pause": LEFT_ALONE_SECONDS}


def columns(job: VideoJob, data: bytes) -> dict[str, Any]:
    """Return the row of a job, whose document is `data`."""
    return {
        "content_id": job.content_id,
        "revision": job.revision,
        "state": str(job.state).replace("\0", "")[:40],
        "wait": job.wait_seconds(),
        "document": data.decode(),
    }


def stale(claim: PostgresClaim) -> RevisionIsStale:
    """Return the error of a claim whose job another process has changed."""
    return RevisionIsStale(f"{claim.job.content_id} was changed by somebody else in the meantime; it is left as they wrote it.")
