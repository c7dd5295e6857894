"""The films and failures that have ended, kept in memory for the pages: a report is read again only when its mark has changed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from tenxsom.errors import BrokenState, TenxsomError
from tenxsom.model import file_names
from tenxsom.model.job import JobState
from tenxsom.pipeline import film_notes
from tenxsom.pipeline.ended import EndedFilm, film_of, places_of
from tenxsom.pipeline.film_notes import FilmNote
from tenxsom.store.base import Artifacts

log = logging.getLogger(__name__)

REPORT_ENDINGS = tuple(maker("") for maker in (file_names.completion_report, file_names.failure_report))
NOTE_ENDING = file_names.film_note("")


class Film(NamedTuple):
    """A film, or a job that ended without one."""

    stem: str
    """What its files begin with: its content_id, and `~1` behind it for an earlier run."""
    ended: EndedFilm
    width: int
    height: int
    note: FilmNote

    @property
    def is_film(self) -> bool:
        return self.ended.state == JobState.COMPLETED

    def searched(self) -> str:
        """Return the text in which a search looks."""
        found = self.ended
        words = (found.content_id, found.title, found.platform, found.archetype, found.service, *found.tags, self.note.notes)
        return " ".join(filter(None, words)).casefold()


class Library:
    """The index of ended jobs. `refresh` may be called in any thread; readers take `films` and `get`."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._marks: dict[str, Hashable] = {}
        self._by_stem: dict[str, Film] = {}
        self._refreshing = threading.Lock()
        self.films: tuple[Film, ...] = ()
        """Everything that has ended, the last one first."""
        self.number = 0
        """Another one after each change."""

    def get(self, stem: str) -> Film | None:
        return self._by_stem.get(stem)

    def refresh(self) -> bool:
        """Look for reports and notes that are new, changed or gone; return whether there were any."""
        with self._refreshing:
            try:
                marks = self._artifacts.marks(*REPORT_ENDINGS, NOTE_ENDING)
            except TenxsomError as error:
                log.warning("The finished films cannot be looked at: %s", error)
                return False
            changed = {_stem(name) for name in marks.keys() | self._marks.keys() if marks.get(name) != self._marks.get(name)}
            if not changed and self.number:
                return False
            try:
                places = places_of(self._artifacts, changed)
            except TenxsomError as error:
                log.warning("The finished films cannot be looked at: %s", error)
                return False
            by_stem = dict(self._by_stem)
            for stem in changed:
                by_stem.pop(stem, None)
                if film := self._read(stem, places.get(stem), has_note=file_names.film_note(stem) in marks):
                    by_stem[stem] = film
            self._marks, self._by_stem = marks, by_stem
            self.films = tuple(sorted(by_stem.values(), key=lambda film: film.ended.ended, reverse=True))
            self.number += 1
            return True

    def _read(self, stem: str, place: str | None, *, has_note: bool) -> Film | None:
        try:
            report = self._artifacts.final_report(stem)
            if report is None:
                return None
            width, height = _size(report.get("media"))
            note = film_notes.read(self._artifacts, stem) if has_note else film_notes.NOTHING_SAID
            return Film(stem, film_of(stem, report, place), width, height, note)
        except (BrokenState, TenxsomError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            log.warning("The report of %s is left out: %s.", stem, error)
            return None


def _stem(name: str) -> str:
    return name.removesuffix(next(ending for ending in (*REPORT_ENDINGS, NOTE_ENDING) if name.endswith(ending)))


def _size(media: Any) -> tuple[int, int]:
    facts: Mapping[str, Any] = media if isinstance(media, dict) else {}
    width, height = facts.get("width"), facts.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else (0, 0)


class Search(NamedTuple):
    """Which of the ended jobs are shown; empty: all films."""

    words: str = ""
    kind: str = "films"
    """films, starred or failed."""
    platform: str = ""
    service: str = ""
    tag: str = ""


KINDS = ("films", "starred", "failed")


def found(films: Iterable[Film], search: Search) -> list[Film]:
    """Return the ended jobs of a search, in their order."""
    words = search.words.casefold().split()
    return [film for film in films if _is_wanted(film, search) and all(word in film.searched() for word in words)]


def _is_wanted(film: Film, search: Search) -> bool:
    ended = film.ended
    if film.is_film == (search.kind == "failed") or (search.kind == "starred" and not film.note.star):
        return False
    return (
        search.platform in ("", ended.platform)
        and search.service in ("", ended.service)
        and (not search.tag or search.tag in ended.tags)
    )


def choices(films: Iterable[Film]) -> dict[str, list[str]]:
    """Return what the films can be filtered by: the platforms, services and tags that there are."""
    platforms: set[str] = set()
    services: set[str] = set()
    tags: set[str] = set()
    for film in films:
        platforms.add(film.ended.platform or "")
        services.add(film.ended.service)
        tags.update(film.ended.tags)
    return {"platform": sorted(platforms - {""}), "service": sorted(services - {""}), "tag": sorted(tags)}
