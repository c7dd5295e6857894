"""Moves an installation between files and a database, while its jobs are on their way. Every step can be repeated after a kill.

To a database: a marker in the folder stops every program that takes a job's lock from now on; each job is fenced in its file
before it becomes a row, so that no crash leaves it in two places; reports, and what was set aside; then the whole ledger, its
days, and the word that the queue is here now, in one transaction. Programs work over the database only after that word.

Back: the word `leaving` stops claims there; jobs, reports and the lines that the file of the ledger does not have are written;
the marker is removed last.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors, make_folder
from tenxsom.errors import BadInput, BadSettings, BrokenState, JobIsBusy
from tenxsom.locks import hold_file
from tenxsom.model import file_names
from tenxsom.model.money import stored, text
from tenxsom.store.files import moved, state_file
from tenxsom.store.files.artifacts import REPORTS
from tenxsom.store.files.jobs import QUARANTINE, FileJobStore
from tenxsom.store.files.ledger import FileLedger
from tenxsom.store.postgres.jobs import columns
from tenxsom.store.postgres.money import PostgresLedger
from tenxsom.store.postgres.queries import queries
from tenxsom.store.postgres.reports import write_report
from tenxsom.store.postgres.schema import Schema
from tenxsom.store.postgres.session import Session, lock_key
from tenxsom.store.postgres.spool import Spool

log = logging.getLogger(__name__)

SQL, JOBS = queries("moving"), queries("jobs")
STUDIO = "local_studio"
PAGE = 200
NAMED = frozenset({"time", "day", "entry", "reference", "content_id", "service", "step", "clip", "usd", "rehearsal"})
"""The columns of a line of the ledger; what else it has are facts."""


class Move(NamedTuple):
    """What was moved, or would be."""

    place: str
    """Where to."""
    jobs: int
    reports: int
    set_aside: int
    lines: int


class Files(NamedTuple):
    """An installation as files."""

    pending: Path
    completed: Path
    ledger: Path
    spool: Path
    """What this machine keeps of paid calls that the database did not take."""

    @property
    def quarantine(self) -> Path:
        return self.pending / QUARANTINE

    def reports(self) -> list[str]:
        """Return the names of all final reports, of earlier runs too."""
        return sorted(name for name in _names(self.completed) if name.endswith(REPORTS))

    def set_aside(self) -> list[str]:
        """Return the names of the states in quarantine."""
        return sorted(name for name in _names(self.quarantine) if name[0] != "." and not name.endswith(".why.txt"))


class Mover:
    """Moves between the files of an installation and the database of a session, which checks no tables itself."""

    def __init__(self, files: Files, session: Session) -> None:
        self._files = files
        self._session = session
        self._store = FileJobStore(files.pending)
        self._ledger = FileLedger(files.ledger)

    # to the database

    def to_database(self, *, dry_run: bool = False) -> Move:
        """Move everything into the database. Raises BadInput, with nothing changed, for what cannot be moved."""
        is_done = self._is_done()
        found = self._counted_files()
        if dry_run or is_done:
            return found
        if not self._files.pending.is_dir():
            make_folder(self._files.pending)
        atomic.write(moved.marker(self._files.pending), f"{self._session.place}\n".encode())
        self._session.rows(SQL["set_here"], {"here": "arriving"})
        for content_id in sorted(self._store.ids()):
            self._when_free(content_id, self._fence_and_insert)
        for name in self._files.reports():
            self._insert_report(name)
        for name in self._files.set_aside():
            self._insert_aside(name)
        self._arrive()
        return found

    def _is_done(self) -> bool:
        """Return whether an earlier run has moved everything. Raises BadInput, BadSettings for a database that cannot be used."""
        status = Schema(self._session).status()
        if status.version != status.wanted:
            raise BadSettings(f"The tables at {status.place} are not ready; run: manage_jobs.py database init, or upgrade")
        [[is_empty]] = self._session.rows(SQL["is_empty"])
        marked = moved.moved_to(self._files.pending)
        if marked and marked != self._session.place:
            raise BadInput(f"The queue of {self._files.pending} has moved to {marked} already.")
        if marked and status.here == "here" and not is_empty:
            return True
        if not is_empty and not (marked and status.here == "arriving"):
            raise BadInput(
                f"There are jobs, reports or money at {status.place} already; an installation is moved into an empty database."
            )
        return False

    def _counted_files(self) -> Move:
        """Count what is there. Raises BadInput for jobs that the local studio of this machine makes."""
        ids = sorted(self._store.ids())
        studios = [content_id for content_id in ids if self._is_of_the_studio(content_id)]
        if studios:
            raise BadInput(
                f"{', '.join(studios[:5])}{' and others' if len(studios) > 5 else ''}: made by the local studio, which stays on"
                " this machine. Let them end, or cancel them, first."
            )
        lines = sum(1 for _ in self._ledger.lines())
        return Move(self._session.place, len(ids), len(self._files.reports()), len(self._files.set_aside()), lines)

    def _is_of_the_studio(self, content_id: str) -> bool:
        try:
            document = json.loads(state_file.bytes_of(str(self._store.path(content_id))))
        except (OSError, ValueError, RecursionError, BrokenState):
            return False
        found = document.get("document", document) if isinstance(document, dict) else {}
        return isinstance(found, dict) and found.get("service") == STUDIO

    def _when_free(self, content_id: str, work: Callable[[str], None]) -> None:
        """Do something under a job's lock in the files; waits until its owner has finished its visit."""
        while True:
            try:
                self._store.own(content_id)
                break
            except JobIsBusy:
                clock.sleep(0.2)
        try:
            work(content_id)
        finally:
            self._store.give_back(content_id)

    def _fence_and_insert(self, content_id: str) -> None:
        path = str(self._store.path(content_id))
        try:
            data = state_file.bytes_of(path)
        except FileNotFoundError:
            return  # it has ended since, and its report is moved
        document = moved.fenced_document(data)
        if document is None:
            try:
                job = state_file.parsed(data, content_id)
            except BrokenState as error:
                raise BadInput(
                    f"{path} cannot be moved, because {error}. Mend it, or move it away; then run this again, which goes on."
                ) from None
            document = job.as_dict()
            moved.fence(path, content_id, self._session.place, document)
        job = state_file.parsed(json.dumps(document).encode(), content_id)
        self._session.rows(SQL["job"], columns(job, job.as_json()))

    def _insert_report(self, name: str) -> None:
        with disk_errors(self._files.completed / name, "read"):
            data = (self._files.completed / name).read_bytes()
        content_id = file_names.owner_of_part(name.removesuffix(REPORTS[0]).removesuffix(REPORTS[1]))
        with self._session.guard:
            self._session.wait(0)
            with self._session.transaction() as run:
                write_report(run, name, content_id, data)

    def _insert_aside(self, file_name: str) -> None:
        """Keep a state in quarantine; one that is no JSON as a text within it, which no program takes for a job."""
        path = self._files.quarantine / file_name
        with disk_errors(path, "read"):
            data = path.read_bytes()
        try:
            json.loads(data)
            document = data.decode()
        except (ValueError, RecursionError):
            document = json.dumps({"unreadable": data.decode("utf-8", "backslashreplace")})
        why = path.with_name(f"{file_name}.why.txt")
        reason = why.read_text(errors="replace") if why.is_file() else ""
        name = file_name.replace(".json", "")
        about = {"name": name, "content_id": name.partition("~")[0], "reason": reason.replace("\0", "").strip()}
        self._session.rows(SQL["aside"], {**about, "document": document})

    def _arrive(self) -> None:
        """Write the ledger and its days, and say that the queue is here: all at once."""
        with self._session.guard:
            self._session.wait(0)
            with self._session.transaction() as run:
                [[here, _]] = run(queries("schema")["place"])
                if here == "here":
                    return  # an earlier run has done it
                run("SET LOCAL statement_timeout = 0")
                for line in self._ledger.lines():
                    run(SQL["line"], _row(line))
                run(SQL["days"])
                run(SQL["set_here"], {"here": "here"})

    # back to files

    def to_files(self, *, dry_run: bool = False) -> Move:
        """Move everything back into files. Raises BadInput, with nothing changed, for what cannot be moved."""
        marked = moved.moved_to(self._files.pending)
        if marked is None and Schema(self._session).status().here == "leaving":
            return self._counted_rows()  # an earlier run has moved everything
        if marked is None and _has_jobs(self._files.pending):
            raise BadInput(f"There are jobs in {self._files.pending} already, which never moved to {self._session.place}.")
        if marked and marked != self._session.place:
            raise BadInput(f"The queue of {self._files.pending} has moved to {marked}, and not to {self._session.place}.")
        found = self._counted_rows()
        if dry_run:
            return found
        for folder in (self._files.pending, self._files.completed, self._files.quarantine):
            if not folder.is_dir():
                make_folder(folder)
        atomic.write(moved.marker(self._files.pending), f"{self._session.place}\n".encode())
        self._session.rows(SQL["set_here"], {"here": "leaving"})
        for [content_id] in self._session.rows(JOBS["ids"]):
            self._write_job(content_id)
        self._write_reports()
        self._write_aside()
        self._book_spooled()
        self._write_lines()
        self._drop_fences()
        atomic.remove(str(moved.marker(self._files.pending)))
        return found

    def _counted_rows(self) -> Move:
        [[jobs, reports, aside, lines]] = self._session.rows(
            "SELECT (SELECT count(*) FROM job), (SELECT count(*) FROM report), (SELECT count(*) FROM job_set_aside),"
            " (SELECT count(*) FROM movement)"
        )
        return Move(str(self._files.pending.parent), jobs, reports, aside, lines)

    def _write_job(self, content_id: str) -> None:
        """Write a job's file when its owner in the database has finished its visit."""
        owner = self._session.try_lock(lock_key("job", content_id))
        while owner is None:
            clock.sleep(0.2)
            owner = self._session.try_lock(lock_key("job", content_id))
        try:
            found = self._session.rows(JOBS["load"], {"content_id": content_id})
            if found:
                atomic.write(str(self._store.path(content_id)), found[0][1].encode())
        finally:
            self._session.unlock(owner)

    def _write_reports(self) -> None:
        after = ""
        while page := self._session.rows(SQL["all_reports"], {"after": after, "most": PAGE}):
            for name, data in page:
                atomic.write(self._files.completed / name, bytes(data))
            after = page[-1][0]

    def _write_aside(self) -> None:
        for name, reason, document in self._session.rows(SQL["all_aside"]):
            content_id, _, number = name.partition("~")
            path = self._files.quarantine / f"{content_id}.json{number and '~' + number}"
            if not path.exists():
                atomic.write(path, document.encode())
                atomic.write(path.with_name(f"{path.name}.why.txt"), reason.encode())

    def _book_spooled(self) -> None:
        """Book what became of paid calls while the database was away, which jobs find in the ledger."""
        ledger = PostgresLedger(self._session)
        Spool(self._files.spool).book(ledger.settle, ledger.release_unsent)

    def _write_lines(self) -> None:
        """Append the lines that the file of the ledger does not have."""
        known = {_key(line) for line in self._ledger.lines()}
        missing = [line for line in PostgresLedger(self._session).lines() if _key(line) not in known]
        if missing:
            with hold_file(self._files.ledger):
                atomic.append(self._files.ledger, b"\n".join(json.dumps(line, separators=(",", ":")).encode() for line in missing))

    def _drop_fences(self) -> None:
        """Remove the fences of jobs that have ended in the database: their reports are here now."""
        on_queue = {content_id for [content_id] in self._session.rows(JOBS["ids"])}
        for content_id in self._store.ids():
            path = str(self._store.path(content_id))
            if content_id not in on_queue and moved.fenced_document(state_file.bytes_of(path)) is not None:
                atomic.remove(path)


def _row(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the file as a row."""
    facts = {name: value for name, value in line.items() if name not in NAMED}
    known = {name: line.get(name) for name in NAMED}
    known |= {"rehearsal": bool(line.get("rehearsal")), "clip": line.get("clip") or 0, "time": _time(line)}
    return {**known, **{name: known[name] or "" for name in ("content_id", "service", "step")}, "facts": json.dumps(facts)}


def _time(line: dict[str, Any]) -> str:
    """Return when a line was written; lines that sum up a day have no time."""
    return str(line.get("time") or f"{line['day']}T00:00:00Z")


def _key(line: dict[str, Any]) -> tuple[str, ...]:
    """Return what tells a line of the ledger from every other one."""
    moment = clock.stamp(clock.parse(_time(line)))
    return moment, str(line["reference"]), str(line["entry"]), text(stored(line["usd"])), str(line["day"])


def _names(folder: Path) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except FileNotFoundError:
        return


def _has_jobs(pending: Path) -> bool:
    return any(name.endswith(".json") and name[0] != "." for name in _names(pending))
