"""One job: its film or its progress, its plan, its clips, its story, its files, and what a person can decide."""

from __future__ import annotations

from starlette.requests import Request

from tenxsom.dashboard.board import Board, Missing, Page
from tenxsom.dashboard.job_facts import facts_of
from tenxsom.model import file_names
from tenxsom.pipeline import film_notes


def page(board: Board, request: Request) -> Page:
    """Return the page of a job. Raises Missing."""
    stem = request.path_params["stem"]
    if why := board.watcher.now.unreadable.get(stem):
        raise Missing(f"{stem}: {why}")
    job = facts_of(board, stem)
    artifacts = board.app.artifacts
    film = board.library.get(stem)
    values = {
        "job": job,
        "film": film,
        "note": film_notes.read(artifacts, stem) if film else None,
        "has_film": job.is_film and artifacts.exists(file_names.video(stem)),
        "has_captions": artifacts.exists(file_names.web_subtitles(stem)),
        "has_thumbnail": artifacts.exists(file_names.thumbnail(stem)),
        "has_sheet": artifacts.exists(file_names.contact_sheet(stem)),
        "language": job.definition.get("language") or "en",
        "runs": [other for other in board.library.films if other.ended.content_id == job.content_id and other.stem != stem],
        "result": None if "~" in stem else board.app.results.of(stem),
        "clip_files": {each.name for each in job.files},
        "clip_name": file_names.clip,
    }
    return Page("job.html", values)
