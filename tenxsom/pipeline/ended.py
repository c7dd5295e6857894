"""The films and failures of a period, read from the final reports: one reading for every screen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.model import file_names, money
from tenxsom.model.job import JobState
from tenxsom.store.base import Artifacts


class EndedFilm(NamedTuple):
    """A job that has ended: a film, a failure, or a cancelled one."""

    content_id: str
    title: str
    state: str
    ended: str
    """UTC, ISO 8601."""
    platform: str | None
    seconds: float | None
    """The length of the film; None without one."""
    usd: Decimal
    file: str | None
    """Where the film is; None without one, or when it is not there any more."""
    service: str = ""
    archetype: str | None = None
    tags: tuple[str, ...] = ()
    rehearsal: bool = False
    reason: str | None = None
    """Why there is no film."""
    run: int | None = None
    """The number of an earlier run (`lake~1.mp4`); None for the last one."""

    def as_dict(self) -> dict[str, Any]:
        return {**self._asdict(), "usd": money.text(self.usd), "tags": list(self.tags)}


def since(artifacts: Artifacts, moment: datetime) -> list[EndedFilm]:
    """Return what has ended at `moment` or later, the last one first."""
    films = {stem: film_of(stem, report, None) for stem, report in artifacts.reports(moment)}
    places = places_of(artifacts, [stem for stem, film in films.items() if film.state == JobState.COMPLETED])
    found = (film._replace(file=places.get(stem)) for stem, film in films.items() if clock.parse(film.ended) >= moment)
    return sorted(found, key=lambda film: film.ended, reverse=True)


def places_of(artifacts: Artifacts, stems: Collection[str]) -> dict[str, str]:
    """Return where the films are whose files begin with `stems`, of those that are there. Raises DiskError."""
    names = {file_names.video(stem): stem for stem in stems}
    return {names[name]: artifacts.location(name) for name in artifacts.sizes(names)}


def tags_of(metadata: Any) -> tuple[str, ...]:
    """Return the tags in a definition's metadata: the texts in `tags`, a list or one text."""
    found = metadata.get("tags") if isinstance(metadata, dict) else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(dict.fromkeys(tag.strip() for tag in listed if isinstance(tag, str) and tag.strip()))


def film_of(stem: str, report: dict[str, Any], place: str | None) -> EndedFilm:
    """Return the ended job of a final report, whose files begin with `stem`; `place` is where its film is.

    Raises KeyError, TypeError for what is no report.
    """
    is_done, run = report["state"] == JobState.COMPLETED, stem.rpartition("~")[2]
    media = report.get("media")
    seconds = media.get("seconds") if isinstance(media, dict) else None
    return EndedFilm(
        report["content_id"],
        str(report.get("title") or report["content_id"]),
        report["state"],
        _ended(report),
        report.get("platform"),
        seconds if is_done and isinstance(seconds, int | float) else None,
        money.stored(report["cost"]["total_usd"]),
        place if is_done else None,
        report["service"],
        report.get("archetype"),
        tags_of(report.get("metadata")),
        report.get("rehearsal") is True,
        None if is_done else report.get("reason"),
        int(run) if "~" in stem and run.isdecimal() else None,
    )


def _ended(report: dict[str, Any]) -> str:
    """Return when a job ended; for a report that does not say so, the time of its last event."""
    times, history = report.get("times"), report.get("history")
    ended = times.get("ended") if isinstance(times, dict) else None
    return str(ended or (history[-1]["time"] if history else "1970-01-01T00:00:00.000Z"))
