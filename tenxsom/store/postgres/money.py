"""The ledger as a table, the day's budget as one row, and jobs together with their money in one transaction.

A reservation and the intent that it is for are one transaction, and so are the ids of a call and the money that it cost. With two
of them an owner that had lost its job could release what a new owner had just set aside, and the call would be made twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.errors import BadInput, BrokenState, DiskError, JobIsBusy, StoreGone, TenxsomError
from tenxsom.model.job import VideoJob
from tenxsom.model.money import ZERO, text
from tenxsom.store.base import NO_IDS, RELEASED, RESERVED, SPENT, SUMMED, UNKNOWN, Claim, Compaction, DayTotals, Purchase
from tenxsom.store.budgets import LastLine, over_budget
from tenxsom.store.files import state_file
from tenxsom.store.postgres.jobs import SQL as JOBS
from tenxsom.store.postgres.jobs import PostgresClaim, PostgresJobStore, stale
from tenxsom.store.postgres.queries import queries
from tenxsom.store.postgres.session import Run, Session, lock_key
from tenxsom.store.postgres.spool import Spool
from tenxsom.store.postgres.vendor_ids import hashed

log = logging.getLogger(__name__)

IDS_SECONDS = 300.0
"""How long the ids of a paid call wait for the database, before they go to the local disk; after a stop request `Session.wait` ends
earlier."""
PAGE = 2000
SQL = queries("money")

Found = tuple[Any, ...]


class Movement(NamedTuple):
    """A line of the ledger that is to be written."""

    entry: str
    purchase: Purchase
    day: str | None = None
    """The UTC day on which it counts without an earlier line of the same call; None: today."""
    facts: Mapping[str, Any] = NO_IDS
    is_renewal: bool = False
    """Whether it counts on the day of the line before it."""


class PostgresLedger:
    """The ledger in the database of a session, with its daily budget (None: no budget)."""

    def __init__(self, session: Session, daily_budget: Decimal | None = None) -> None:
        self.session = session
        self.daily_budget = daily_budget

    def reserve(self, purchase: Purchase, then: Purchase | None = None) -> None:
        self._repeat(lambda run: self.set_aside(run, purchase, then))

    def settle(
        self,
        purchase: Purchase,
        entry: str,
        renewed: Purchase | None = None,
        /,
        *,
        day: str | None = None,
        since: str | None = None,  # noqa: ARG002  (the index finds a reference without it)
        **facts: str | None,
    ) -> None:
        movements = self.settled(purchase, entry, renewed, day=day, facts=facts)
        self._repeat(lambda run: self.append(run, movements))

    @staticmethod
    def settled(
        purchase: Purchase,
        entry: str,
        renewed: Purchase | None = None,
        *,
        unused: Collection[Purchase] = (),
        day: str | None = None,
        facts: Mapping[str, str | None] = NO_IDS,
    ) -> list[Movement]:
        """Return the lines of `settle`."""
        movements = [Movement(entry, purchase, day, facts)]
        movements += [Movement(RESERVED, renewed, is_renewal=True)] if renewed else []
        return movements + [Movement(RELEASED, each) for each in unused]

    def release_unsent(self, purchase: Purchase, intended_at: str) -> None:
        """Release the money of an intent whose call was not made, if the intent is there.

        Of its reference and its moment there is one intent at most, so that no other one of the same call is released.
        """

        def release(run: Run) -> None:
            run(SQL["hold_references"], {"keys": [lock_key("reference", purchase.reference)]})  # before the job, as everywhere
            found = run(JOBS["hold"], {"content_id": purchase.content_id})
            if found and _has_intent(found[0][0], purchase, intended_at):
                self.append(run, [Movement(RELEASED, purchase)])

        self._repeat(release)

    def set_aside(self, run: Run, purchase: Purchase, then: Purchase | None = None) -> None:
        """Reserve within a transaction. Raises OverBudget; nothing is written then."""
        both = [purchase] if then is None else [purchase, then]
        self.append(run, [Movement(RESERVED, each) for each in both], self.daily_budget, is_new=True)

    @staticmethod
    def append(run: Run, movements: Sequence[Movement], budget: Decimal | None = None, *, is_new: bool = False) -> None:
        """Append lines within a transaction, and keep the sums of their days. Raises OverBudget with `budget`.

        What `is_new` counts today, whatever was known of the same call before.
        """
        if not movements:
            return
        references = [movement.purchase.reference for movement in movements]
        run(SQL["hold_references"], {"keys": [lock_key("reference", each) for each in references]})
        last = {row[0]: LastLine(*row[1:]) for row in run(SQL["last_of"], {"references": references})}
        today = _today(run)
        lines, changes, counts_on = [], dict[tuple[str, bool], Decimal](), today
        for entry, purchase, day, facts, is_renewal in movements:
            before = last.get(purchase.reference)
            if before:
                _add(changes, (before.day, before.rehearsal), -before.counted)
            if is_new:
                counts_on = today
            elif not is_renewal:
                counts_on = before.day if before else day or today
            now = LastLine(counts_on, entry, purchase.usd, purchase.rehearsal)
            _add(changes, (now.day, now.rehearsal), now.counted)
            last[purchase.reference] = now
            lines.append(_row(entry, purchase, counts_on, facts))
        used = {key: _hold(run, key) for key in sorted(changes)}
        if budget is not None:
            _check_budget(movements, used, changes, today, budget)
        for line in lines:
            run(SQL["append"], line)
        for (day, rehearsal), usd in changes.items():
            if usd:
                run(SQL["use_day"], {"day": day, "rehearsal": rehearsal, "usd": usd})

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        found = self.session.rows(SQL["last"], {"reference": reference, "after": _position(since)})
        return _line(found[0]) if found else None

    def mark(self) -> str:
        [[number]] = self.session.rows(SQL["mark"])
        return f"pg:{number}"

    def total(self, day: str, *, rehearsal: bool = False) -> Decimal:
        found = self.session.rows(SQL["total"], {"day": day, "rehearsal": rehearsal})
        return Decimal(found[0][0]) if found else ZERO

    def totals(self, day: str, *, rehearsal: bool = False) -> DayTotals:
        sums = {entry: Decimal(usd) for entry, usd in self.session.rows(SQL["totals"], {"day": day, "rehearsal": rehearsal})}
        spent = sums.get(SPENT, ZERO) + sums.get(SUMMED, ZERO)
        return DayTotals(spent, sums.get(RESERVED, ZERO), sums.get(UNKNOWN, ZERO))

    def lines(self, since: str = "") -> Iterator[dict[str, Any]]:
        after = 0
        while page := self.session.rows(SQL["lines"], {"after": after, "since": since or "0001-01-01", "most": PAGE}):
            yield from map(_line, page)
            after = page[-1][0]

    def compact(self, keep: Collection[str]) -> Compaction:  # noqa: ARG002  (nothing is compacted)
        raise BadInput("The ledger is in PostgreSQL, which reads one of years as fast as a new one; there is nothing to sum up.")

    def _repeat(self, work: Callable[[Run], None]) -> None:
        """Do something in a transaction that may be done twice without harm: the last line of a reference counts."""
        deadline = clock.Deadline(IDS_SECONDS)
        while True:
            try:
                with self.session.guard:
                    self.session.wait(deadline.left(), finishing=True)
                    with self.session.transaction() as run:
                        work(run)
                return
            except StoreGone as error:
                if deadline.passed() or clock.stop_requested():
                    raise
                log.warning("%s", error)
                clock.nap(0.1)


class PostgresTill:
    """Jobs and their money in one transaction. What cannot be written goes to the `spool` on the local disk."""

    def __init__(self, jobs: PostgresJobStore, ledger: PostgresLedger, spool: Spool) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._spool = spool

    def intend(self, claim: Claim, purchase: Purchase, then: Purchase | None, prepare: Callable[[], None]) -> None:
        ours, data = _ours(claim), b""

        def both(run: Run) -> None:
            nonlocal data
            if data:  # repeated after a lost connection: over budget now is an intent that could not be saved
                try:
                    self._ledger.set_aside(run, purchase, then)
                except TenxsomError as error:
                    raise StoreGone(f"The intent could not be saved in time: {error}") from error
            else:
                self._ledger.set_aside(run, purchase, then)
                prepare()
                ours.job.revision = ours.stored.revision + 1
                data = ours.job.as_json()
            self._jobs.update(run, ours, data)

        with self._jobs.session.guard:
            try:
                self._jobs.write(ours, both, lambda: self._jobs.is_stored(ours, data))
            except JobIsBusy:  # the lock went to another process, which may have read this intent, of a call that is not made
                if data:
                    unused = self._ledger.settled(purchase, RELEASED, unused=[then] if then else [])
                    self._jobs.take_back(ours, data, lambda run: self._ledger.append(run, unused))
                raise
            except StoreGone:  # nobody knows whether it was stored, and there is nobody to ask
                if at := _intended_at(ours.job, purchase):
                    self._spool.put_unsent(purchase, at)
                raise
            ours.keep(data)

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
        ours = _ours(claim)
        movements = self._ledger.settled(purchase, entry, renewed, unused=unused, facts=ids)
        hashes = [hashed(each) for each in ids.values() if each]

        def money(run: Run) -> None:
            self._ledger.append(run, movements)
            for each in hashes:
                run(SQL["know_id"], {"id": each, "content_id": purchase.content_id})

        try:
            self._jobs.save(ours, money, seconds=IDS_SECONDS)
        except BaseException as error:  # after any error or stop the ids of a paid call must not be lost
            told = (purchase.reference, entry, ids.get("job_id") or "no id")
            log.critical("%s is %s (%s), but the job could not be saved.", *told, extra={"content_id": purchase.content_id})
            self._keep(purchase, entry, ids, is_away=isinstance(error, StoreGone))
            raise

    def _keep(self, purchase: Purchase, entry: str, ids: Mapping[str, str | None], *, is_away: bool) -> None:
        """Keep what became of a call with its money alone; on the local disk while the database is away."""
        try:
            if is_away:
                raise StoreGone("the database has been waited for already")
            self._ledger.settle(purchase, entry, **ids)
        except StoreGone:
            self._spool.put(purchase, entry, ids)
        except DiskError as error:
            log.error("%s", error, extra={"content_id": purchase.content_id})
            self._spool.put(purchase, entry, ids)

    def release(self, claim: Claim, unused: Collection[Purchase]) -> None:
        if not unused:
            return
        ours = _ours(claim)

        def money(run: Run) -> None:
            self._ledger.append(run, [Movement(RELEASED, each) for each in unused])
            if not run(JOBS["still_mine"], {"content_id": ours.job.content_id, "before": ours.stored.revision}):
                raise stale(ours)

        with self._jobs.session.guard:
            self._jobs.write(ours, money, lambda: False)

    def last(self, reference: str, since: str | None = None) -> dict[str, Any] | None:
        return self._ledger.last(reference, since)


def _ours(claim: Claim) -> PostgresClaim:
    if not isinstance(claim, PostgresClaim):
        raise TypeError(f"{claim!r} is no claim of this database")
    return claim


def _intended_at(job: VideoJob, purchase: Purchase) -> str | None:
    """Return when the intent of a call was made; None without one."""
    intents = (order.intent for order in job.orders if order.intent)
    return next((intent.at for intent in intents if intent.reference == purchase.reference), None)


def _has_intent(text: str, purchase: Purchase, at: str) -> bool:
    """Return whether a stored job has the intent of a call that was made at this moment."""
    try:
        return _intended_at(state_file.parsed(text.encode(), purchase.content_id), purchase) == at
    except BrokenState:
        return False


def _today(run: Run) -> str:
    """Return the UTC day by the database's clock."""
    [[day]] = run(SQL["today"])
    return str(day)


def _hold(run: Run, key: tuple[str, bool]) -> Decimal:
    """Lock the row of a day, and return what is used of it."""
    [[used]] = run(SQL["hold_day"], {"day": key[0], "rehearsal": key[1]})
    return Decimal(used)


def _add(changes: dict[tuple[str, bool], Decimal], key: tuple[str, bool], usd: Decimal) -> None:
    changes[key] = changes.get(key, ZERO) + usd


def _check_budget(
    movements: Sequence[Movement],
    used: Mapping[tuple[str, bool], Decimal],
    changes: Mapping[tuple[str, bool], Decimal],
    today: str,
    budget: Decimal,
) -> None:
    for rehearsal in {movement.purchase.rehearsal for movement in movements}:
        after = used[today, rehearsal] + changes[today, rehearsal]
        if after > budget:
            wanted = [movement.purchase for movement in movements if movement.purchase.rehearsal == rehearsal]
            raise over_budget(wanted, after - sum((each.usd for each in wanted), ZERO), budget)


def _row(entry: str, purchase: Purchase, day: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {**purchase._asdict(), "entry": entry, "day": day, "facts": json.dumps(dict(facts))}


def _line(row: Found) -> dict[str, Any]:
    """Return a row as a line of a ledger."""
    _, at, day, entry, reference, content_id, service, step, clip, usd, rehearsal, facts = row
    line = {"time": clock.stamp(at), "day": day, "entry": entry, "reference": reference, "content_id": content_id}
    line |= {"service": service, "step": step, "clip": clip, "usd": text(usd)}
    return {**line, **({"rehearsal": True} if rehearsal else {}), **json.loads(facts)}


def _position(mark: str | None) -> int:
    """Return the number that a mark stands for; 0 for a mark of another ledger."""
    kind, _, number = (mark or "").partition(":")
    return int(number) if kind == "pg" and number.isdecimal() else 0
