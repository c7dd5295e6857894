"""What a person says about a film: a star, and notes. They lie beside the film and stay with its run."""

from __future__ import annotations

import logging

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenxsom import clock
from tenxsom.errors import DiskError
from tenxsom.model import file_names
from tenxsom.model.strict_json import pretty
from tenxsom.safe_files import read_file
from tenxsom.store.base import Artifacts

log = logging.getLogger(__name__)

MOST_LETTERS = 10_000
MOST_BYTES = 128 * 1024


class FilmNote(BaseModel):
    """A star and notes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    star: bool = False
    notes: str = Field(default="", max_length=MOST_LETTERS)
    changed: str | None = None
    """UTC, ISO 8601."""


NOTHING_SAID = FilmNote()


def read(artifacts: Artifacts, stem: str) -> FilmNote:
    """Return what was said about the film whose files begin with `stem`; nothing where that cannot be read."""
    name = file_names.film_note(stem)
    try:
        return FilmNote.model_validate_json(read_file(artifacts.local(name), MOST_BYTES))
    except FileNotFoundError:
        return NOTHING_SAID
    except (OSError, DiskError, ValidationError, ValueError) as error:
        log.warning("%s is left out: %s.", name, type(error).__name__)
        return NOTHING_SAID


def write(artifacts: Artifacts, stem: str, *, star: bool, notes: str) -> FilmNote:
    """Keep what is said about a film, in place of what was said before. Raises DiskError."""
    note = FilmNote(star=star, notes=notes.strip()[:MOST_LETTERS], changed=clock.stamp())
    artifacts.write(file_names.film_note(stem), pretty(note.model_dump()))
    return note
