"""The library: where films are looked at, judged and found again."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tenxsom.dashboard.board import Board, Missing, Page, chosen
from tenxsom.dashboard.job_facts import is_name
from tenxsom.dashboard.library import KINDS, Search, choices, found
from tenxsom.dashboard.pages.queue import page_number
from tenxsom.errors import BadInput
from tenxsom.model import file_names
from tenxsom.pipeline import film_notes

CARDS = 48


def page(board: Board, request: Request) -> Page:
    """Return a page of the library. Raises BadInput for an unknown choice."""
    films = board.library.films
    known = board.kept.made(("choices", board.library.number), 3600.0, lambda: choices(films))
    search = Search(
        request.query_params.get("q", "")[:200],
        chosen(request, "kind", KINDS, "films"),
        *(chosen(request, name, known[name]) for name in ("platform", "service", "tag")),
    )
    hits = found(films, search)
    number, last = page_number(request), max(1, -(-len(hits) // CARDS))
    shown = hits[(number - 1) * CARDS : number * CARDS]
    names = {maker(film.stem) for film in shown for maker in (file_names.thumbnail, file_names.video)}
    there = board.app.artifacts.sizes(names)
    given = {
        "q": search.words,
        "kind": "" if search.kind == "films" else search.kind,
        "platform": search.platform,
        "service": search.service,
        "tag": search.tag,
    }
    values = {
        "films": shown,
        "pictures": {film.stem for film in shown if file_names.thumbnail(film.stem) in there},
        "playable": {film.stem for film in shown if file_names.video(film.stem) in there},
        "found": len(hits),
        "all": sum(film.is_film for film in films),
        "number": number,
        "last": last,
        "given": given,
        "search": search,
        "choices": known,
        "kinds": KINDS,
    }
    return Page("library.html", values, seconds=5.0)


def note(board: Board, request: Request, form: Mapping[str, str]) -> Response:
    """Keep a star and notes with a film. Raises Missing, BadInput, DiskError."""
    stem = request.path_params["stem"]
    if not is_name(stem) or board.library.get(stem) is None:
        raise Missing(f"There is no film {stem[:120]!r} that anything could be said about.")
    before = film_notes.read(board.app.artifacts, stem)
    notes = form.get("notes", before.notes)
    if len(notes) > film_notes.MOST_LETTERS:
        raise BadInput(f"Notes have at most {film_notes.MOST_LETTERS} letters; these have {len(notes)}.")
    star = form["star"] == "1" if "star" in form else before.star
    board.decide(lambda: film_notes.write(board.app.artifacts, stem, star=star, notes=notes))
    board.tell(request.state.session, "It is kept with the film.")
    return RedirectResponse(f"/jobs/{request.url.path.split('/')[2]}", 303)
