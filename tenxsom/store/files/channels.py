"""Remembers which fillers the recent films of each channel use: one small file for each channel.

It is a help and no promise: where the file cannot be read or written, a film is planned without it, and a warning is logged.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenxsom import atomic
from tenxsom.errors import DiskError
from tenxsom.locks import lock_table
from tenxsom.safe_files import read_file

log = logging.getLogger("tenxsom.plan")
Planned = TypeVar("Planned")

RECENT_FILMS = 20
_MAX_BYTES = 1024 * 1024


class _Film(BaseModel):
    model_config = ConfigDict(extra="ignore")

    content_id: str
    fillers: list[str] = Field(default_factory=list)


class _Channel(BaseModel):
    model_config = ConfigDict(extra="ignore")

    schema_version: int = 1
    films: list[_Film] = Field(default_factory=list)


class FileChannels:
    """The recent films of all channels, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def planned(
        self, channel: str, content_id: str, plan: Callable[[Collection[str]], Planned], fillers_of: Callable[[Planned], list[str]]
    ) -> Planned:
        """Return `plan(recent)`, where `recent` are the fillers of the channel's last twenty other films, and remember its own.

        Two films of a channel are planned one after the other, so that they never get the same fillers. A job that is planned
        again replaces its own entry.
        """
        path = self._folder / f"{quote(channel, safe='')}.json"
        with contextlib.ExitStack() as held:
            try:
                self._folder.mkdir(exist_ok=True)
                held.enter_context(lock_table(self._folder / ".locks").hold(path.name))
            except (OSError, DiskError) as error:
                log.warning("The fillers of %s's recent films are not known (%s); some may come again.", channel, error)
                return plan(())
            return self._planned(path, content_id, plan, fillers_of)

    def _planned(
        self, path: Path, content_id: str, plan: Callable[[Collection[str]], Planned], fillers_of: Callable[[Planned], list[str]]
    ) -> Planned:
        others = [film for film in _read(path).films if film.content_id != content_id]
        made = plan(frozenset(filler for film in others[-RECENT_FILMS:] for filler in film.fillers))
        films = [*others, _Film(content_id=content_id, fillers=fillers_of(made))][-RECENT_FILMS - 1 :]
        try:
            atomic.write(path, _Channel(films=films).model_dump_json(indent=1).encode())
        except (OSError, DiskError) as error:
            log.warning("The fillers of this film could not be noted in %s (%s); they may come again.", path, error)
        return made


def _read(path: Path) -> _Channel:
    try:
        return _Channel.model_validate(json.loads(read_file(path, _MAX_BYTES)))
    except FileNotFoundError:
        return _Channel()
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        log.warning("%s cannot be used (%s); the fillers of its films may come again.", path, type(error).__name__)
        return _Channel()
