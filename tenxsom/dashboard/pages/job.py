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
    makers = (file_names.video, file_names.web_subtitles, file_names.thumbnail, file_names.contact_sheet)
    there = artifacts.sizes([maker(stem) for maker in makers])
    values = {
        "job": job,
        "film": film,
        "note": film_notes.read(artifacts, stem) if film else None,
        "has_film": job.is_film and file_names.video(stem) in there,
        "has_captions": file_names.web_subtitles(stem) in there,
        "has_thumbnail": file_names.thumbnail(stem) in there,
        "has_sheet": file_names.contact_sheet(stem) in there,
        "language": job.definition.get("language") or "en",
        "runs": [other for other in board.library.films if other.ended.content_id == job.content_id and other.stem != stem],
        "result": None if "~" in stem else board.app.results.of(stem),
        "clip_files": {each.name for each in job.files},
        "clip_name": file_names.clip,
    }
    return Page("job.html", values)
