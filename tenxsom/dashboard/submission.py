"""Accepts a definition from a form or a program, with the same checks as the scripts. The next tick plans and orders it."""

from __future__ import annotations

import json
from typing import Any

from tenxsom.dashboard.board import Board
from tenxsom.errors import BadDefinition, BadInput, Conflict
from tenxsom.model.definition import definition_schema
from tenxsom.pipeline.estimate import Estimate
from tenxsom.pipeline.lookup import SubmissionCheck

SOURCE = "this definition"
KNOWN = {
    SubmissionCheck.ON_ITS_WAY: "is on its way already; nothing is ordered twice",
    SubmissionCheck.COMPLETED: "has been made already",
    SubmissionCheck.FAILED: "has been tried already, and failed",
}


def schema(board: Board) -> dict[str, Any]:
    """Return the JSON Schema of definitions, with the names that this installation knows."""
    return definition_schema(board.app.vocabulary)


def estimate(board: Board, document: dict[str, Any]) -> Estimate:
    """Return the plan and the price of a definition; nothing is written or ordered. Raises BadInput, TenxsomError."""
    orchestrator = board.app.orchestrator(dry_run=True)
    return orchestrator.estimate(orchestrator.read_one(SOURCE, as_json(document)))


def submit(board: Board, definition: bytes) -> str:
    """Accept a definition; return its id. Raises BadInput, TenxsomError; Conflict for an id that is known already."""
    orchestrator = board.app.orchestrator()

    def work() -> str:
        order = orchestrator.read_one(SOURCE, definition)
        content_id = order.definition.content_id
        if not orchestrator.accept(order):
            known = KNOWN.get(order.standing, "was accepted by another command meanwhile")
            raise Conflict(f"{content_id} {known}. Give this one another content_id.")
        return content_id

    return board.decide(work)


def as_json(document: dict[str, Any]) -> bytes:
    """Return a definition of a form as the bytes that a file of it would have."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def problems_of(error: BadInput) -> list[Any]:
    """Return the problems of a definition; none for an error of another kind."""
    return error.problems if isinstance(error, BadDefinition) else []
