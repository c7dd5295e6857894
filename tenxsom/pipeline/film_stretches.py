"""Keeps the encoded stretches of a planned film as files of its job, for the same film only."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import tenxsom
from tenxsom.model import file_names
from tenxsom.model.film import FilmPlan
from tenxsom.model.strict_json import pretty
from tenxsom.store.base import Artifacts

log = logging.getLogger(__name__)


class FilmStretches:
    """The stretches of a job's film. The state says which are there: a file that it does not name is encoded anew."""

    def __init__(self, artifacts: Artifacts, content_id: str, film: FilmPlan, fingerprint: str, save: Callable[[], None]) -> None:
        """Stretches of another film than the one of this `fingerprint` are not used. `save` stores the job."""
        self._artifacts = artifacts
        self._content_id = content_id
        self._film = film
        self._save = save
        if film.pictures_of != fingerprint:
            film.pictures_of, film.stretches = fingerprint, []
        there = [artifacts.exists(self._name(index)) for index in range(len(film.stretches))]
        del film.stretches[there.index(False) if False in there else len(there) :]

    @property
    def frames(self) -> int:
        return sum(self._film.stretches)

    def keep(self, written: Path, frames: int) -> None:
        """Publish the next stretch, and then name it in the state."""
        self._artifacts.publish(written, self._name(len(self._film.stretches)))
        self._film.stretches.append(frames)
        self._save()
        log.info("%d frames of the film are encoded.", self.frames, extra={"content_id": self._content_id})

    def files(self) -> Sequence[Path]:
        return [self._artifacts.local(self._name(index)) for index in range(len(self._film.stretches))]

    def _name(self, index: int) -> str:
        return file_names.stretch(self._content_id, index)


def remove_stretches(artifacts: Artifacts, content_id: str) -> None:
    """Remove all stretches of a job's film. Raises DiskError."""
    for index in count():
        name = file_names.stretch(content_id, index)
        if not artifacts.exists(name):
            return
        artifacts.remove(name)


def fingerprint_of(document: dict[str, Any], files: Sequence[Path] = ()) -> str:
    """Return the fingerprint of what something is made from: a document, files by size and time, and this version."""
    from tenxsom.media.encode import ENCODER  # a tick without a film does without it

    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
    made_by = (tenxsom.__version__, ENCODER)
    return hashlib.sha256(pretty({"document": document, "files": facts, "made_by": made_by})).hexdigest()[:32]
