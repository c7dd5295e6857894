"""The health of the installation: the findings of `manage_jobs.py doctor`, which cost nothing."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tenxsom.dashboard.board import Board, Page

FIRST_WAIT_SECONDS = 0.15


def page(board: Board, _: Request) -> Page:
    """Return the page of findings; while they are looked for, one that says so."""
    examined = board.health.examined()
    if examined.findings is None:
        board.health.wait(FIRST_WAIT_SECONDS)
        examined = board.health.examined()
    findings = examined.findings or []
    return Page("health.html", {"examined": examined, "bad": sum(not finding.ok for finding in findings)})


def look(board: Board, _: Request, __: Mapping[str, str]) -> Response:
    """Look for the findings anew."""
    board.health.examined(anew=True)
    board.health.wait(FIRST_WAIT_SECONDS)
    return RedirectResponse("/health", 303)
