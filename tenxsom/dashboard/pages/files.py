"""The files of jobs: films, pictures, captions, everything as a zip."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tenxsom.dashboard import media_files
from tenxsom.dashboard.board import Board, Missing
from tenxsom.dashboard.job_facts import is_name
from tenxsom.errors import BrokenMedia
from tenxsom.model import file_names

THUMBNAIL_PIXELS = 480
THUMBNAIL_SECONDS = 600.0


def kind(board: Board, request: Request) -> Response:
    """Return the film, the poster, the contact sheet or the captions of a job. Raises Missing."""
    stem, name = request.path_params["stem"], request.path_params["kind"]
    if name not in media_files.KINDS or not is_name(stem):
        raise Missing(f"A job has no {name[:40]!r}; its page shows what it has.")
    return media_files.kind_of(board.app.artifacts, stem, name)


def file(board: Board, request: Request) -> Response:
    """Return a file by its name. Raises Missing."""
    stem = request.path_params["stem"]
    if not is_name(stem):
        raise Missing(f"There is no job {stem[:120]!r}.")
    return media_files.file_of(board.app.artifacts, stem, request.path_params["name"])


def everything(board: Board, request: Request) -> Response:
    """Return all files of a job as a zip. Raises Missing."""
    stem = request.path_params["stem"]
    if not is_name(stem):
        raise Missing(f"There is no job {stem[:120]!r}.")
    return media_files.everything(board.app.artifacts, stem)


def thumbnail(board: Board, request: Request) -> Response:
    """Return a small picture of a film, for lists. Raises Missing."""
    stem = request.path_params["stem"]
    if not is_name(stem):
        raise Missing(f"There is no job {stem[:120]!r}.")
    name = file_names.thumbnail(stem)
    path = media_files.readable(board.app.artifacts, name)
    facts = path.stat()
    tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=60"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    from tenxsom.media.small_picture import small_picture

    try:
        data = board.kept.made(("thumbnail", stem, tag), THUMBNAIL_SECONDS, lambda: small_picture(path, THUMBNAIL_PIXELS))
    except BrokenMedia as error:
        raise Missing(f"{name} cannot be shown: {error}") from None
    return Response(data, media_type="image/jpeg", headers=headers)
