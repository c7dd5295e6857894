"""Files of jobs in memory, as an object store keeps them: by name, with a scratch folder that belongs to one machine alone."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Hashable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tenxsom import clock
from tenxsom.errors import BrokenState, DiskError
from tenxsom.model import file_names
from tenxsom.model.ids import masked_id
from tenxsom.store.final_reports import parsed_report


class MemoryArtifacts:
    """Stores the files of jobs in `objects`, which several machines share; `machine` is the folder of one of them."""

    def __init__(self, objects: dict[str, bytes], machine: Path) -> None:
        self._objects = objects
        self._published: dict[str, str] = {}
        self._scratch, self._copies = machine / "scratch", machine / "copies"
        self._scratch.mkdir(parents=True)
        self._copies.mkdir()

    def exists(self, name: str) -> bool:
        return name in self._objects

    def size(self, name: str) -> int | None:
        return len(self._objects[name]) if name in self._objects else None

    def sizes(self, names: Collection[str]) -> dict[str, int]:
        return {name: len(self._objects[name]) for name in names if name in self._objects}

    def location(self, name: str) -> str:
        return f"memory://completed/{name}"

    def link(self, name: str, seconds: float) -> str | None:
        return f"https://memory.example/{name}?seconds={seconds:g}" if name in self._objects else None

    def link_origin(self) -> str | None:
        return "https://memory.example"

    def local(self, name: str) -> Path:
        if name not in self._objects:
            raise FileNotFoundError(name)
        copy = self._copies / name
        copy.write_bytes(self._objects[name])
        return copy

    def scratch(self, name: str) -> Path:
        return self._scratch / f"{name}.part"

    def publish(self, written: Path, name: str) -> None:
        assert written.is_relative_to(self._scratch), "only a scratch file is published"
        self._objects[name], self._published[name] = written.read_bytes(), clock.stamp()
        written.unlink()

    def write(self, name: str, data: bytes) -> None:
        self._objects[name], self._published[name] = data, clock.stamp()

    def rename(self, name: str, new: str) -> None:
        if name not in self._objects:
            raise DiskError(f"There is no {name}.")
        self._objects[new], self._published[new] = self._objects.pop(name), self._published.pop(name, clock.stamp())

    def remove(self, name: str) -> None:
        self._objects.pop(name, None)
        self.discard(name)

    def discard(self, name: str) -> None:
        for left in (self._copies / name, *self._scratch.glob(f"{name}.part*")):
            left.unlink(missing_ok=True)

    def age_seconds(self, name: str) -> float | None:
        return clock.age_seconds(self._published.get(name, clock.stamp())) if name in self._objects else None

    def parts_older_than(self, seconds: float) -> list[str]:
        names = [name for name in self._objects if file_names.is_part(name)]
        return sorted(name for name in names if (self.age_seconds(name) or 0) > seconds)

    def files_of(self, content_id: str) -> list[str]:
        return file_names.kept_files(content_id, self._objects)

    def set_aside(self, content_id: str, but: Collection[str] = ()) -> int | None:
        names = [name for name in self.files_of(content_id) if name not in but]
        number = file_names.run_number(content_id, self._objects)
        for name in names:
            self.rename(name, file_names.of_earlier_run(content_id, number, name))
        return number if names else None

    def has_report(self, content_id: str) -> bool:
        return self._report_name(content_id) is not None

    def final_report(self, content_id: str) -> dict[str, Any] | None:
        name = self._report_name(content_id)
        try:
            return parsed_report(self._objects[name]) if name else None
        except ValueError as error:
            raise BrokenState(f"{name} cannot be read ({error}).") from None

    def reports(self, since: datetime | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, data in sorted(self._objects.items()):
            if name.endswith(("_completion_report.json", "_failure_report.json")):
                with contextlib.suppress(ValueError):
                    report = parsed_report(data)
                    if since is None or clock.parse(report.get("times", {}).get("ended", clock.stamp())) >= since:
                        yield re.sub(r"_(completion|failure)_report\.json$", "", name), report

    def marks(self, *endings: str) -> dict[str, Hashable]:
        return {name: (id(data), data) for name, data in self._objects.items() if name.endswith(endings)}

    def scratch_files(self) -> Iterator[tuple[str, int, str]]:
        for path in sorted(self._scratch.iterdir()):
            yield path.name, path.stat().st_size, clock.stamp_of_epoch(path.stat().st_mtime)

    def drop_scratch(self, name: str) -> None:
        (self._scratch / name).unlink(missing_ok=True)

    def quarantine_report(self, content_id: str) -> str | None:
        told = None
        while self._report_name(content_id):
            try:
                self.final_report(content_id)
            except BrokenState as error:
                name = self._report_name(content_id) or ""
                self.rename(name, f"quarantine/{name}")
                told = str(error)
            else:
                break
        return told

    def owner_of(self, job_id: str) -> str | None:
        pattern = re.compile(r"(.+?)(~\d+)?_(completion|failure)_report\.json")
        for name, data in sorted(self._objects.items()):
            if (found := pattern.fullmatch(name)) and str(masked_id(job_id)).encode() in data:
                return found[1]
        return None

    def check_room(self) -> None:
        pass

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _report_name(self, content_id: str) -> str | None:
        names = (file_names.completion_report(content_id), file_names.failure_report(content_id))
        return next((name for name in names if name in self._objects), None)
