"""Output files in a folder; all files of a job have the same stem."""

from __future__ import annotations

import errno
import glob
import json
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tenxsom import atomic
from tenxsom.disk import disk_trouble
from tenxsom.errors import BrokenState
from tenxsom.model.ids import masked_id
from tenxsom.safe_files import NoOrdinaryFile, read_file

MAX_REPORT_BYTES = 16 * 1024 * 1024

NEEDED = frozenset({"content_id", "state", "run_id", "fingerprint", "service", "planner", "clips", "cost", "warnings"})
"""The fields that a report must contain."""
KINDS: dict[str, type] = {"state": str, "service": str, "planner": dict, "clips": list, "cost": dict, "warnings": list}
"""The types of the fields that commands read."""
QUARANTINE = "quarantine"
"""The folder of unreadable reports."""


class FileArtifacts:
    """Names and finds output files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def video(self, content_id: str) -> Path:
        return self.folder / f"{content_id}.mp4"

    def thumbnail(self, content_id: str) -> Path:
        return self.folder / f"{content_id}.jpg"

    def subtitles(self, content_id: str) -> Path:
        return self.folder / f"{content_id}.srt"

    def blueprint(self, content_id: str) -> Path:
        return self.folder / f"{content_id}.blueprint.json"

    def completion_report(self, content_id: str) -> Path:
        return self.folder / f"{content_id}_completion_report.json"

    def failure_report(self, content_id: str) -> Path:
        return self.folder / f"{content_id}_failure_report.json"

    def clip(self, content_id: str, index: int) -> Path:
        return self.folder / f"{content_id}~clip{index + 1:02}.mp4"

    def refused(self, content_id: str, index: int) -> Path:
        return self.folder / f"{content_id}~refused{index + 1:02}.mp4"

    def still(self, content_id: str, index: int) -> Path:
        return self.folder / f"{content_id}~still{index + 1:02}"

    def start_picture(self, content_id: str) -> Path:
        return self.folder / f"{content_id}~start"

    def named(self, name: str) -> Path:
        return self.folder.resolve() / name

    def clip_target(self, content_id: str, index: int, clips: int) -> Path:
        return self.video(content_id) if clips == 1 else self.clip(content_id, index)

    def has_report(self, content_id: str) -> bool:
        stem = f"{self.folder}/{content_id}"
        return os.path.exists(f"{stem}_completion_report.json") or os.path.exists(f"{stem}_failure_report.json")

    def final_report(self, content_id: str) -> dict[str, Any] | None:
        for path in (self.completion_report(content_id), self.failure_report(content_id)):
            try:
                return _report_in(path)
            except FileNotFoundError:
                continue
            except ValueError as error:
                raise BrokenState(f"{path} cannot be read ({error}); look at it and move it away.") from None
            except OSError as error:
                raise disk_trouble(path, error, "read") from error
        return None

    def quarantine_report(self, content_id: str) -> str | None:
        told = None
        for path in (self.completion_report(content_id), self.failure_report(content_id)):
            try:
                _report_in(path)
            except FileNotFoundError:
                continue
            except ValueError as error:
                reason = f"{path.name} cannot be read ({error}), and its job is still on the queue"
                moved = atomic.move_aside(path, self.folder / QUARANTINE, f"It was moved here because {reason}.")
                told = f"{reason}; it was moved to {moved}, and the job goes on from its state."
            except OSError as error:
                raise disk_trouble(path, error, "read") from error
        return told

    def owner_of(self, job_id: str) -> str | None:
        masked = json.dumps(masked_id(job_id), ensure_ascii=False).encode()
        for path in sorted(self.folder.glob("*_report.json")):
            if masked in _bytes_of(path):
                return re.sub(r"(~\d+)?_(completion|failure)_report$", "", path.stem)
        return None

    def set_aside(self, content_id: str, but: Collection[str] = ()) -> int | None:
        files = [path for path in self.files_of(content_id) if path.name not in but]
        if not files:
            return None
        number = 1
        while any(self.folder.glob(f"{glob.escape(content_id)}~{number}[._~]*")):
            number += 1
        for path in files:
            atomic.publish(path, path.with_name(f"{content_id}~{number}{path.name[len(content_id) :]}"))
        return number

    def files_of(self, content_id: str) -> list[Path]:
        makers = (self.video, self.thumbnail, self.subtitles, self.blueprint, self.completion_report, self.failure_report)
        clips = [path for kind in ("clip", "refused") for path in self.folder.glob(f"{glob.escape(content_id)}~{kind}[0-9]*.mp4")]
        return sorted(clips) + [path for path in (maker(content_id) for maker in makers) if path.exists()]


def _report_in(path: Path) -> dict[str, Any]:
    """Read the report in a file. Raises ValueError for a file that is no report, OSError where it cannot be read now."""
    try:
        report: dict[str, Any] = json.loads(read_file(path, MAX_REPORT_BYTES))
    except (NoOrdinaryFile, IsADirectoryError):
        raise ValueError("it is no ordinary file") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("its link leads back to itself") from None
        raise
    is_ours = isinstance(report, dict) and report.keys() >= NEEDED
    if not is_ours or not all(isinstance(report[name], kind) for name, kind in KINDS.items()) or "total_usd" not in report["cost"]:
        raise ValueError("it is no report of ours")
    if report["state"] != "completed" and not all(isinstance(report.get(name), str) for name in ("reason", "advice")):
        raise ValueError("it is the report of a failed job without a reason")
    return report


def _bytes_of(path: Path) -> bytes:
    """Return the bytes of a report; b"" for an unreadable file."""
    try:
        return read_file(path, MAX_REPORT_BYTES)
    except OSError:
        return b""
