"""Which HTTP status an error of the program has."""

from __future__ import annotations

from tenxsom.dashboard.board import Missing
from tenxsom.errors import BadInput, Conflict, DiskError, JobIsBusy, NeedsDecision, TenxsomError, TryAgainLater


def status_of(error: TenxsomError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Missing):
        return 404
    if isinstance(error, JobIsBusy | NeedsDecision | Conflict):
        return 409
    if isinstance(error, BadInput):
        return 400
    return 503 if isinstance(error, TryAgainLater | DiskError) else 400
