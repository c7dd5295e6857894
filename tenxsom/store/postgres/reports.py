"""Reports in the database, beside files of jobs that are somewhere else.

A report on one machine's disk would be a job that every other machine makes again, so that reports are where the queue is. They
keep their names among the files of a job, and arrive as their job leaves the queue (`PostgresClaim.finish`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Hashable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tenxsom.errors import BrokenState, DiskError
from tenxsom.model import file_names
from tenxsom.store.base import Artifacts
from tenxsom.store.final_reports import parsed_report
from tenxsom.store.postgres.queries import queries
from tenxsom.store.postgres.session import Run, Session
from tenxsom.store.postgres.vendor_ids import hashed, ids_in

log = logging.getLogger(__name__)

SQL = queries("reports")
KNOW_ID = queries("money")["know_id"]
PAGE = 200
_REPORT = re.compile(r"(?P<stem>(?P<content_id>[^~]+)(~\d+)?)_(completion|failure)_report\.json", re.DOTALL)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def write_report(run: Run, name: str, content_id: str, data: bytes) -> None:
    """Store a report within a transaction, with the ids of services that it tells."""
    run(SQL["write"], {"name": name, "content_id": content_id, "data": data})
    for each in sorted(set(ids_in(data))):
        run(KNOW_ID, {"id": each, "content_id": content_id})


class ReportsInDatabase:
    """The files of jobs, of which reports are in the database of a session and all others in `files`."""

    def __init__(self, session: Session, files: Artifacts) -> None:
        self._session = session
        self._files = files

    # reports, and what concerns both

    def exists(self, name: str) -> bool:
        return self.size(name) is not None

    def size(self, name: str) -> int | None:
        if not _is_report(name):
            return self._files.size(name)
        found = self._session.rows(SQL["facts"], {"name": name})
        return int(found[0][0]) if found else None

    def sizes(self, names: Collection[str]) -> dict[str, int]:
        reports = {name: size for name in names if _is_report(name) and (size := self.size(name)) is not None}
        return self._files.sizes([name for name in names if not _is_report(name)]) | reports

    def link(self, name: str, seconds: float) -> str | None:
        return None if _is_report(name) else self._files.link(name, seconds)

    def link_origin(self) -> str | None:
        return self._files.link_origin()

    def location(self, name: str) -> str:
        return f"{self._session.place}/report/{name}" if _is_report(name) else self._files.location(name)

    def local(self, name: str) -> Path:
        if not _is_report(name):
            return self._files.local(name)
        data = self._data(name)
        if data is None:
            raise FileNotFoundError(f"There is no {self.location(name)}.")
        path = self._files.scratch(name)
        path.write_bytes(data)
        return path

    def publish(self, written: Path, name: str) -> None:
        if not _is_report(name):
            self._files.publish(written, name)
            return
        self.write(name, written.read_bytes())
        self._files.discard(name)

    def write(self, name: str, data: bytes) -> None:
        found = _REPORT.fullmatch(name)
        if not found:
            self._files.write(name, data)
            return
        with self._session.guard:
            self._session.wait(0)
            with self._session.transaction() as run:
                write_report(run, name, found["content_id"], data)

    def rename(self, name: str, new: str) -> None:
        if not _is_report(name):
            self._files.rename(name, new)
            return
        with self._session.guard:
            self._session.wait(0)
            with self._session.transaction() as run:
                run(SQL["remove"], {"name": new})
                if not run(SQL["rename"], {"name": name, "new": new}):
                    raise DiskError(f"There is no {self.location(name)}.")

    def remove(self, name: str) -> None:
        if _is_report(name):
            self._session.rows(SQL["remove"], {"name": name})
        self._files.remove(name)

    def discard(self, name: str) -> None:
        self._files.discard(name)

    def age_seconds(self, name: str) -> float | None:
        if not _is_report(name):
            return self._files.age_seconds(name)
        found = self._session.rows(SQL["facts"], {"name": name})
        return float(found[0][1]) if found else None

    def files_of(self, content_id: str) -> list[str]:
        return file_names.kept_files(content_id, [*self._files.files_of(content_id), *self._names(content_id)])

    def set_aside(self, content_id: str, but: Collection[str] = ()) -> int | None:
        here = self._names(content_id)
        reports = [name for name in file_names.kept_files(content_id, here) if name not in but]
        number = self._files.set_aside(content_id, but)
        if not reports:
            return number
        number = max(number or 0, file_names.run_number(content_id, here))
        for name in reports:
            self.rename(name, file_names.of_earlier_run(content_id, number, name))
        return number

    def marks(self, *endings: str) -> dict[str, Hashable]:
        found = {name: mark for name, mark in self._session.rows(SQL["marks"]) if name.endswith(endings)}
        return {**self._files.marks(*endings), **found}

    def has_report(self, content_id: str) -> bool:
        return bool(self._session.rows(SQL["any_of"], {"names": _names_of(content_id)}))

    def final_report(self, content_id: str) -> dict[str, Any] | None:
        found = dict(self._session.rows(SQL["some_of"], {"names": _names_of(content_id)}))
        name = next((name for name in _names_of(content_id) if name in found), None)
        if name is None:
            return None
        try:
            return parsed_report(found[name])
        except ValueError as error:
            raise BrokenState(f"{self.location(name)} cannot be read ({error}); look at it and move it away.") from None

    def reports(self, since: datetime | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        after = ""
        while page := self._session.rows(SQL["since"], {"after": after, "since": since or EARLIEST, "most": PAGE}):
            for name, data in page:
                try:
                    yield re.sub(r"_(completion|failure)_report\.json$", "", name), parsed_report(data)
                except ValueError as error:
                    log.warning("%s is left out: %s.", name, error)
            after = page[-1][0]

    def quarantine_report(self, content_id: str) -> str | None:
        told = None
        for name in _names_of(content_id):
            data = self._data(name)
            if data is None:
                continue
            try:
                parsed_report(data)
            except ValueError as error:
                reason = f"{name} cannot be read ({error}), and its job is still on the queue"
                self._session.rows(SQL["put_aside"], {"name": name, "reason": reason.replace("\0", "")})
                told = f"{reason}; it was moved to the table report_set_aside, and the job goes on from its state."
        return told

    def owner_of(self, job_id: str) -> str | None:
        found = self._session.rows(SQL["owner_of"], {"id": hashed(job_id)})
        return str(found[0][0]) if found else None

    def _data(self, name: str) -> bytes | None:
        found = self._session.rows(SQL["read"], {"name": name})
        return bytes(found[0][0]) if found else None

    def _names(self, content_id: str) -> list[str]:
        return [name for [name] in self._session.rows(SQL["of_job"], {"content_id": content_id})]

    # files alone

    def check_room(self) -> None:
        self._files.check_room()

    def check(self) -> None:
        self._files.check()

    def close(self) -> None:
        self._files.close()

    def scratch(self, name: str) -> Path:
        return self._files.scratch(name)

    def parts_older_than(self, seconds: float) -> list[str]:
        return self._files.parts_older_than(seconds)

    def scratch_files(self) -> Iterator[tuple[str, int, str]]:
        return self._files.scratch_files()

    def drop_scratch(self, name: str) -> None:
        self._files.drop_scratch(name)


def _is_report(name: str) -> bool:
    return _REPORT.fullmatch(name) is not None


def _names_of(content_id: str) -> list[str]:
    """Return the names of a job's report: the one of a finished film comes first."""
    return [file_names.completion_report(content_id), file_names.failure_report(content_id)]
