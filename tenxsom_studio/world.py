"""The studio's data on disk, shared by every process that runs a studio over the same folder.

    jobs/<key>.json        one accepted piece of work        executing/<account>/<key>   empty; there while the job is not over
    assets/<key>.json      one stored file's description     media/<key>.<extension>     the file; there only when it is whole
    progress/<key>         per cent of a running render      work/                       files that are still being made
    charges.jsonl          one line per accepted create      accounts.json               optional: the linked accounts
    faults.json            optional: scripted faults         secret                      signs the links
    places                 optional: {"ltx_api": 60}, how many clips an account renders concurrently, in place of the vendor's limit
    scale                  optional: a number from 0.1 to 1; pictures and clips are made that much smaller, for rehearsals of many

Everything may be deleted between two runs. Records change under `locks`; media older than a day goes by itself.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors, make_folder
from tenxsom.locks import lock_table
from tenxsom_studio.records import SIZES, STUDIO_EMAIL, Account, Asset, Job, Order

KEEP_SECONDS = 24 * 3600
EXECUTING_AT_MOST_SECONDS = 900
"""After this time a job without status calls no longer counts against `maxJobs`: a vendor finishes such work, too."""

_PRUNE_EVERY_SECONDS = 3600
_FOLDERS = ("jobs", "assets", "media", "progress", "work", "executing")


class World:
    """The records of one folder. Reading a missing or pruned record returns None; writes are durable."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in _FOLDERS:
            make_folder(root / name)
        self.locks = lock_table(root / ".locks")
        if not (root / "secret").exists():
            atomic.create(root / "secret", os.urandom(32).hex().encode())  # a second process uses the secret of the first
        self.secret = (root / "secret").read_bytes()

    def size(self, order: Order) -> tuple[int, int]:
        """Return width and height of a clip in pixels, as ordered times `scale`: even numbers, as the encoder requires."""
        try:
            scale = min(1.0, max(0.1, float((self.root / "scale").read_text())))
        except (OSError, ValueError):
            scale = 1.0
        width, height = order.size or SIZES[order.aspect_ratio]
        return round(width * scale / 2) * 2, round(height * scale / 2) * 2

    # jobs

    def load_job(self, key: str) -> Job | None:
        document = _read(self.root / "jobs" / f"{key}.json")
        return Job.from_json(document) if document else None

    def save_job(self, job: Job) -> None:
        atomic.write(self.root / "jobs" / f"{job.key}.json", _json(dataclasses.asdict(job)))

    def forget(self, job: Job) -> None:
        """Delete a job that was not confirmed to a client."""
        (self.root / "jobs" / f"{job.key}.json").unlink(missing_ok=True)
        self.mark_over(job)

    def mark_executing(self, job: Job) -> None:
        folder = self.root / "executing" / _digest(job.email)
        make_folder(folder)
        with disk_errors(folder):
            (folder / job.key).touch()

    def mark_over(self, job: Job) -> None:
        (self.root / "executing" / _digest(job.email) / job.key).unlink(missing_ok=True)

    def count_executing(self, email: str) -> int:
        return sum(1 for _ in _young(self.root / "executing" / _digest(email), EXECUTING_AT_MOST_SECONDS))

    def executing(self) -> list[Job]:
        """Return the running jobs, oldest first."""
        keys = [key for folder in _entries(self.root / "executing") for key in _young(Path(folder.path), EXECUTING_AT_MOST_SECONDS)]
        jobs = [job for key in keys if (job := self.load_job(key)) and not job.is_over]
        return sorted(jobs, key=lambda job: job.created)

    # assets and media

    def load_asset(self, key: str) -> Asset | None:
        document = _read(self.root / "assets" / f"{key}.json")
        return Asset(**document) if document else None

    def save_asset(self, asset: Asset) -> None:
        atomic.write(self.root / "assets" / f"{asset.key}.json", _json(dataclasses.asdict(asset)))

    def assets(self) -> list[Asset]:
        """Return all stored files, newest first."""
        keys = [entry.name.removesuffix(".json") for entry in _entries(self.root / "assets") if entry.name.endswith(".json")]
        return sorted(
            (asset for key in keys if (asset := self.load_asset(key))), key=lambda asset: (asset.created, asset.key), reverse=True
        )

    def media(self, asset: Asset) -> Path:
        return self.root / "media" / asset.file_name

    def work_file(self, name: str) -> Path:
        return self.root / "work" / name

    # progress

    def progress(self, key: str) -> int:
        """Return the rendered percentage of a clip, in any process; 0 before it begins."""
        try:
            return int((self.root / "progress" / key).read_bytes())
        except FileNotFoundError:
            return 0

    def report_progress(self, key: str, per_cent: int) -> None:
        atomic.write(self.root / "progress" / key, b"%d" % per_cent)

    # accounts and charges

    def accounts(self) -> dict[str, Account]:
        """Return the linked accounts by e-mail; `accounts.json` may be {"<email>": {"maxJobs": 1000}, …}."""
        document = _read(self.root / "accounts.json")
        if document is None:
            return {STUDIO_EMAIL: Account()}
        return {email: Account(email, entry.get("maxJobs", 20), entry.get("updated", "")) for email, entry in document.items()}

    def places(self, service: str, default: int) -> int:
        """Return how many clips one account of a service renders concurrently; `places` may be {"<service>": 60, …}."""
        return int((_read(self.root / "places") or {}).get(service, default))

    def save_account(self, account: Account) -> None:
        with self.locks.hold("accounts"):
            known = self.accounts() | {account.email: account}
            document = {email: {"maxJobs": each.max_jobs, "updated": each.updated} for email, each in known.items()}
            atomic.write(self.root / "accounts.json", _json(document))

    def charge(self, job: Job) -> None:
        """Record the charge of an accepted job; a second call for the same job changes nothing."""
        duration = str(job.order.seconds) if job.kind == "video" else None
        self.charge_call(job.service, job.kind, job.id, replyRef=job.reply_ref, duration=duration)

    def charge_call(self, service: str, kind: str, call_id: str, **facts: str | None) -> None:
        """Record the charge of a call; a second one of the same id changes nothing."""
        path = self.root / "charges.jsonl"
        entry = {"time": clock.stamp(), "service": service, "kind": kind, "jobId": call_id, **facts}
        with self.locks.hold("charges"):
            if not (path.exists() and call_id.encode() in path.read_bytes()):
                atomic.append(path, _json(entry))

    def charges(self) -> list[dict[str, Any]]:
        """Return every accepted create call, in order."""
        path = self.root / "charges.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith(b"}")]

    # housekeeping

    def prune(self) -> None:
        """Remove records older than a day, at most once an hour, in one process at a time."""
        marker = self.root / ".pruned"
        if marker.exists() and _age(marker.stat()) < _PRUNE_EVERY_SECONDS:
            return
        if not self.locks.try_acquire("prune"):
            return
        try:
            marker.touch()
            for entry in self._prunable():
                if not entry.is_dir() and _age(entry.stat()) > KEEP_SECONDS:
                    Path(entry.path).unlink(missing_ok=True)
        finally:
            self.locks.release("prune")

    def _prunable(self) -> Iterator[os.DirEntry[str]]:
        for name in _FOLDERS:
            yield from _entries(self.root / name)
        for folder in _entries(self.root / "executing"):
            yield from _entries(Path(folder.path))
        yield from (entry for entry in _entries(self.root) if entry.name.endswith(atomic.TEMPORARY_SUFFIX))


def _young(folder: Path, seconds: float) -> Iterator[str]:
    for entry in _entries(folder):
        try:
            if _age(entry.stat()) <= seconds:
                yield entry.name
        except FileNotFoundError:
            continue  # the job ended in the meantime


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _age(facts: os.stat_result) -> float:
    return clock.now().timestamp() - facts.st_mtime


def _digest(email: str) -> str:
    return hashlib.blake2b(email.encode(), digest_size=8).hexdigest()


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return document if isinstance(document, dict) else None
