"""Files of jobs in an object store. Final reports stay in the folder beside the queue: a job and its report belong together.

Files that are still in that folder, because they were made before there was an object store, count where the store has none of
their name. What is made anew goes to the store.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors
from tenxsom.errors import BadSettings, DiskError, DiskRefused
from tenxsom.model import file_names
from tenxsom.safe_files import discard, sha256_of, write_file
from tenxsom.store.base import Artifacts
from tenxsom.store.objects import keys
from tenxsom.store.objects.bucket import CHUNK_BYTES, MOST_COPIED_BYTES, Bucket, open_bucket
from tenxsom.store.objects.keys import Version
from tenxsom.store.objects.scratch import Scratch
from tenxsom.store.objects.settings import MediaSettings

log = logging.getLogger(__name__)

UPLOADS_AT_ONCE = 2
"""Limits the memory of uploads in parts."""
ROOM_BYTES = 64 * 1024 * 1024
"""The free space in the scratch folder required before a paid call."""
PROBE_SECONDS = 60.0
"""How long the object store counts as writable after a look."""
LISTINGS_AT_ONCE = 16
MOST_FOLDERS = 500
"""Files of more jobs than this are looked for in a listing of everything, of which each request returns a thousand."""
MOST_SEEN = 50_000
"""How many keys are remembered for messages."""


class ObjectArtifacts:
    """Stores the files of jobs in a bucket, and their final reports in `folder`."""

    def __init__(self, open_bucket: Callable[[], Bucket], url: str, scratch: Scratch, folder: Artifacts) -> None:
        """`open_bucket` is called on first use, so that commands which need no file work without the store."""
        self._open_bucket, self._url = open_bucket, url
        self._opened: Bucket | None = None
        self._scratch, self._folder = scratch, folder
        self._uploads = threading.BoundedSemaphore(UPLOADS_AT_ONCE)
        self._begun: dict[str, int] = {}
        """The number that counted when this process began to write a file: what came since is not replaced by it."""
        self._seen: dict[str, str] = {}
        """The key of each file when it was last looked for."""
        self._writable_until: clock.Deadline | None = None

    # looking

    def exists(self, name: str) -> bool:
        return self.size(name) is not None

    def size(self, name: str) -> int | None:
        if file_names.is_report(name):
            return self._folder.size(name)
        found = self._current(name)
        return found.size if found else self._folder.size(name)

    def sizes(self, names: Collection[str]) -> dict[str, int]:
        elsewhere = {name for name in names if not file_names.is_report(name)}
        folders = sorted({keys.owners_folder(name) for name in elsewhere})
        if len(folders) > MOST_FOLDERS:
            folders = sorted({keys.top_of(name) for name in elsewhere})
        current, _ = keys.current_ones(self._versions_at_once(folders))
        found = {name: current[name] for name in elsewhere if name in current}
        for version in found.values():
            self._note(version)
        return self._folder.sizes({*names} - found.keys()) | {name: version.size for name, version in found.items()}

    def location(self, name: str) -> str:
        if file_names.is_report(name) or (name not in self._seen and self._folder.exists(name)):
            return self._folder.location(name)
        return f"{self._url}/{self._seen.get(name) or keys.folder_of(name)}"

    def link(self, name: str, seconds: float) -> str | None:
        found = None if file_names.is_report(name) else self._current(name)
        return self._bucket.link(found.key, seconds) if found else None

    def link_origin(self) -> str | None:
        parts = urlsplit(self._bucket.link(".probe/origin", 1) or "")
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None

    def age_seconds(self, name: str) -> float | None:
        if file_names.is_report(name):
            return self._folder.age_seconds(name)
        found = self._current(name)
        return clock.age_seconds(found.stamp) if found else self._folder.age_seconds(name)

    def parts_older_than(self, seconds: float) -> list[str]:
        current, _ = keys.current_ones(self._versions_under(keys.PARTS))
        old = {name for name, version in current.items() if clock.age_seconds(version.stamp) > seconds}
        return sorted(old | ({*self._folder.parts_older_than(seconds)} - current.keys()))

    def files_of(self, content_id: str) -> list[str]:
        return file_names.kept_files(content_id, [*self._names_of(content_id), *self._folder.files_of(content_id)])

    def marks(self, *endings: str) -> dict[str, Hashable]:
        elsewhere = tuple(ending for ending in endings if not file_names.is_report(ending))
        notes = tuple(ending for ending in elsewhere if file_names.is_note(ending))
        tops = [keys.NOTES] if len(notes) == len(elsewhere) else [keys.NOTES, keys.FILES, keys.PARTS]
        current, _ = keys.current_ones(self._versions_under(*tops) if elsewhere else ())
        marked = {name: version.key for name, version in current.items() if name.endswith(elsewhere)}
        return {**self._folder.marks(*endings), **marked}

    # reading

    def local(self, name: str) -> Path:
        if file_names.is_report(name):
            return self._folder.local(name)
        for is_last in (False, True):
            found = self._current(name)
            if found is None:
                break
            try:
                return self._copy_of(found)
            except FileNotFoundError:
                if is_last:
                    raise  # else it was replaced between the two requests
        if self._folder.exists(name):
            return self._folder.local(name)
        raise FileNotFoundError(f"There is no {self.location(name)}")

    def _copy_of(self, version: Version) -> Path:
        """Return this machine's copy of a published file, which is fetched once."""
        copy = self._scratch.copy(version)
        if copy.exists() and copy.stat().st_size == version.size:
            return copy
        part = self._scratch.new_copy(version)
        try:
            digest = self._bucket.download(version.key, part)
            if not digest.startswith(version.digest):
                raise DiskError(f"{self._url}/{version.key} arrived damaged; it is fetched again.")
            return self._scratch.keep(part, version)
        finally:
            discard(part)

    # writing

    def scratch(self, name: str) -> Path:
        if not file_names.is_report(name):
            found = self._current(name)
            self._begun[name] = found.number if found else 0
        return self._scratch.path(name)

    def publish(self, written: Path, name: str) -> None:
        if file_names.is_report(name):
            with disk_errors(written, "read"):
                data = written.read_bytes()
            self._folder.write(name, data)
            discard(written)
            return
        self._publish(written, name, again=False)

    def _publish(self, written: Path, name: str, *, again: bool) -> None:
        """Upload a file under the next number; what counts already is uploaded only `again`: a death came before it was noted."""
        with disk_errors(written, "read"):
            digest, size = sha256_of(written), written.stat().st_size
        before = self._versions(name)
        begun = self._begun.pop(name, before[0].number if before else 0)
        if before and digest.startswith(before[0].digest) and not again:
            published = before[0]
        else:
            published = _new_version(name, begun + 1, digest, size)
            with self._uploads if size > CHUNK_BYTES else nullcontext():
                self._bucket.upload(written, published.key, name)
        self._scratch.keep(written, published)
        self._delete(version for version in before if version.number <= begun and version.key != published.key)
        self._leave_folder(name)

    def _leave_folder(self, name: str) -> None:
        """Remove a file from the folder, where one of its name is not needed any more."""
        if self._folder.exists(name):
            self._folder.remove(name)

    def write(self, name: str, data: bytes) -> None:
        if file_names.is_report(name):
            self._folder.write(name, data)
            return
        part = self.scratch(name)
        with disk_errors(part):
            write_file(part, data)
        self._publish(part, name, again=True)

    def rename(self, name: str, new: str) -> None:
        if file_names.is_report(name):
            self._folder.rename(name, new)
            return
        found, before = self._current(name), self._versions(new)
        if found is None and self._folder.exists(name):
            self._folder.rename(name, new)
            self._delete(before)
            return
        if found is None:
            raise DiskError(f"There is no {self.location(name)}, which should become {new}.")
        if not before or before[0].digest != found.digest:  # else a death came between the copy and the end of the name
            self._copy(found, new, before[0].number + 1 if before else 1)
            self._delete(before)
        self._leave_folder(new)
        self.remove(name)

    def _copy(self, version: Version, new: str, number: int) -> None:
        target = keys.new_key(new, number, version.digest, version.milliseconds)
        try:
            if version.size > MOST_COPIED_BYTES:
                self._bucket.upload(self._copy_of(version), target, new)
            else:
                self._bucket.copy(version.key, target)
        except FileNotFoundError as error:
            raise DiskError(f"{error}, which should become {new}.") from None

    def remove(self, name: str) -> None:
        if file_names.is_report(name):
            self._folder.remove(name)
            return
        self._bucket.delete(version.key for version in self._versions(name))
        self._leave_folder(name)
        self.discard(name)

    def discard(self, name: str) -> None:
        self._begun.pop(name, None)
        self._seen.pop(name, None)
        self._scratch.discard(name)

    def set_aside(self, content_id: str, but: Collection[str] = ()) -> int | None:
        names = [name for name in self.files_of(content_id) if name not in but]
        if not names:
            return None
        number = self._free_number(content_id, names)
        for name in names:
            self.rename(name, file_names.of_earlier_run(content_id, number, name))
        return number

    def _free_number(self, content_id: str, names: Collection[str]) -> int:
        """Return the first number under which an earlier run has nothing, neither in the store nor in the folder."""
        present = {*self._names_of(content_id)}
        reports = (file_names.completion_report(content_id), file_names.failure_report(content_id))
        while True:
            number = file_names.run_number(content_id, present)
            wanted = {file_names.of_earlier_run(content_id, number, name) for name in (*names, *reports)}
            if not self._folder.sizes(wanted):
                return number
            present |= wanted

    # leftovers

    def scratch_files(self) -> Iterator[tuple[str, int, str]]:
        yield from self._scratch.files()
        yield from self._folder.scratch_files()
        _, others = keys.current_ones(self._versions_under(keys.FILES, keys.PARTS, keys.NOTES))
        for version in others:
            yield f"{version.name}@{version.stem}", version.size, clock.stamp_of_epoch(version.stored_at)
        for path in self._bucket.unfinished():
            facts = path.stat()
            yield f"{path.parent.name}@{path.name}", facts.st_size, clock.stamp_of_epoch(facts.st_mtime)

    def drop_scratch(self, name: str) -> None:
        file, at, stem = name.rpartition("@")
        if not at:
            self._scratch.drop(name)
            self._folder.drop_scratch(name)
        elif "#" in stem:
            for path in self._bucket.unfinished():
                if (path.parent.name, path.name) == (file, stem):
                    atomic.remove(path, sync_names=False)
        else:
            current = self._current(file)
            if current and current.stem != stem:
                self._bucket.delete([f"{keys.folder_of(file)}/{stem}"])

    # reports

    def has_report(self, content_id: str) -> bool:
        return self._folder.has_report(content_id)

    def final_report(self, content_id: str) -> dict[str, Any] | None:
        return self._folder.final_report(content_id)

    def reports(self, since: datetime | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        return self._folder.reports(since)

    def quarantine_report(self, content_id: str) -> str | None:
        return self._folder.quarantine_report(content_id)

    def owner_of(self, job_id: str) -> str | None:
        return self._folder.owner_of(job_id)

    # the store

    def check_room(self) -> None:
        atomic.check_writable(self._scratch.folder, ROOM_BYTES)
        if self._writable_until is None or self._writable_until.passed():
            self._bucket.probe()
            self._writable_until = clock.Deadline(PROBE_SECONDS)

    def check(self) -> None:
        """Like `check_room`, at the start of a command. Raises BadSettings for a store that cannot be used as it is set."""
        try:
            self.check_room()
        except DiskRefused as error:
            raise BadSettings(str(error)) from None

    def close(self) -> None:
        self._scratch.close()
        self._folder.close()

    @property
    def _bucket(self) -> Bucket:
        if self._opened is None:
            self._opened = self._open_bucket()
        return self._opened

    def _current(self, name: str) -> Version | None:
        """Return the version of a file that counts; None without one."""
        found = next(iter(self._versions(name)), None)
        self._seen.pop(name, None)
        if found:
            self._note(found)
        return found

    def _note(self, version: Version) -> None:
        """Remember the key of a file, for messages."""
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[version.name] = version.key

    def _versions(self, name: str) -> list[Version]:
        return keys.best_first(self._versions_under(keys.folder_of(name)))

    def _versions_under(self, *folders: str) -> Iterator[Version]:
        for folder in folders:
            yield from keys.versions_in(self._bucket.entries(folder))

    def _versions_at_once(self, folders: Collection[str]) -> list[Version]:
        """Look into several folders at a time: each is a request that takes tens of milliseconds."""
        if len(folders) <= 1:
            return list(self._versions_under(*folders))
        with ThreadPoolExecutor(min(LISTINGS_AT_ONCE, len(folders)), "listing") as pool:
            return [version for found in pool.map(lambda folder: [*self._versions_under(folder)], folders) for version in found]

    def _names_of(self, content_id: str) -> Collection[str]:
        return {version.name for version in self._versions_under(*keys.folders_of(content_id))}

    def _delete(self, versions: Iterable[Version]) -> None:
        """Delete versions that have been replaced; one that stays does not count, and `prune` finds it."""
        for version in versions:
            try:
                self._bucket.delete([version.key])
            except DiskError as error:
                log.warning("An earlier %s could not be deleted: %s", version.name, error)


def _new_version(name: str, number: int, digest: str, size: int) -> Version:
    now = clock.now().timestamp()
    key = keys.new_key(name, number, digest, round(now * 1000))
    return Version(key, name, number, round(now * 1000), digest[:32], size, now)


def open_artifacts(settings: MediaSettings, folder: Artifacts, google_credentials: Path | None = None) -> ObjectArtifacts:
    """Return the files of jobs in the object store of the settings. No request is made yet."""
    url = settings.media_url or ""
    return ObjectArtifacts(lambda: open_bucket(settings, google_credentials), url, Scratch(settings.scratch_folder), folder)
