"""The files of jobs as responses: by the id of the job and a name that its store lists, never by a path."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from zipstream import ZIP_STORED, ZipStream

from tenxsom.dashboard.board import Missing
from tenxsom.errors import TenxsomError
from tenxsom.model import file_names
from tenxsom.store.base import Artifacts

log = logging.getLogger(__name__)

TYPES = {
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".vtt": "text/vtt; charset=utf-8",
    ".srt": "application/x-subrip; charset=utf-8",
    ".wav": "audio/wav",
    ".json": "application/json",
}
SHOWN = frozenset({".mp4", ".jpg", ".png", ".vtt", ".wav"})
"""What a browser shows; everything else is downloaded."""

LINKED = frozenset({".mp4", ".wav"})
"""What is large; players may load it from another site, which captions may not."""

KINDS = {
    "film": file_names.video,
    "poster": file_names.thumbnail,
    "sheet": file_names.contact_sheet,
    "captions": file_names.web_subtitles,
}


LINK_SECONDS = 6 * 3600.0
"""How long a browser may go on with a film that it has begun to load."""


def file_of(artifacts: Artifacts, stem: str, name: str) -> Response:
    """Return a file that a job has left, by a name of `Artifacts.files_of`; parts of it when the browser asks for a range.

    Raises Missing.
    """
    if name not in artifacts.files_of(stem):
        raise Missing(f"There is no file {name[:160]!r} of {stem!r} any more: it was moved or deleted, or never there.")
    return _response(artifacts, name)


def kind_of(artifacts: Artifacts, stem: str, kind: str) -> Response:
    """Return a film, its thumbnail, its contact sheet or its captions. Raises Missing."""
    return _response(artifacts, KINDS[kind](stem))


def readable(artifacts: Artifacts, name: str) -> Path:
    """Return the path of a file on this machine. Raises Missing for what is gone, or is no ordinary file."""
    try:
        path = artifacts.local(name)
        facts = os.stat(path)
    except OSError:
        raise Missing(
            f"{name} is not here any more: it was moved or deleted. Put it back, or make the film once more with --again."
        ) from None
    if not stat.S_ISREG(facts.st_mode):
        raise Missing(f"{name} is no ordinary file, so it is not shown; move it away.")
    return path


def origin_of_links(artifacts: Artifacts) -> str | None:
    """Return from where the browser gets films, where that is not this site."""
    try:
        return artifacts.link_origin()
    except TenxsomError as error:
        log.warning("Films cannot be shown: %s", error)
        return None


def _response(artifacts: Artifacts, name: str) -> Response:
    """Return a file. A film in an object store is not sent through here: the browser is shown the way."""
    suffix = Path(name).suffix
    if suffix in LINKED and (link := artifacts.link(name, LINK_SECONDS)):
        return RedirectResponse(link, 302, headers={"Cache-Control": "no-store"})
    return FileResponse(
        readable(artifacts, name),
        media_type=TYPES.get(suffix, "application/octet-stream"),
        filename=name,
        content_disposition_type="inline" if suffix in SHOWN else "attachment",
        headers={"Cache-Control": "private, no-cache"},
    )


def everything(artifacts: Artifacts, stem: str) -> StreamingResponse:
    """Return all files of a job as a zip, read from the disk while it is sent. Raises Missing when there are none."""
    zipped = ZipStream(compress_type=ZIP_STORED, sized=True)  # video does not get smaller, and the size is known beforehand
    count = 0
    for name in artifacts.files_of(stem):
        try:
            zipped.add_path(str(readable(artifacts, name)), arcname=name)
            count += 1
        except (Missing, TenxsomError):
            continue  # gone since it was listed
    if not count:
        raise Missing(f"{stem!r} has left no files.")
    disposition = f"attachment; filename*=utf-8''{quote(stem, safe='')}.zip"
    headers = {"Content-Length": str(len(zipped)), "Content-Disposition": disposition}
    return StreamingResponse(zipped, media_type="application/zip", headers=headers)
