"""A new job: the form of a definition, empty or filled in from another job, its price, and its submission."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tenxsom.dashboard import form as forms
from tenxsom.dashboard import submission
from tenxsom.dashboard.board import Board, Page
from tenxsom.dashboard.job_facts import facts_of
from tenxsom.errors import BadInput, Problem, TenxsomError
from tenxsom.pipeline.estimate import Estimate


def page(board: Board, request: Request) -> Page:
    """Return the empty form, or with `from` the form of a job's definition with a new id. Raises Missing."""
    stem = request.query_params.get("from", "")
    texts: dict[str, str] = {}
    if stem:
        job = facts_of(board, stem)
        texts = forms.texts_of(submission.schema(board), {**job.definition, "content_id": free_id(board, job.content_id)})
    return _form(board, texts, source=stem)


def submit(board: Board, request: Request, form: Mapping[str, str]) -> Page | Response:
    """Check a definition and name its price, or submit it."""
    document = forms.document(submission.schema(board), form)
    source = form.get("from", "")
    try:
        if form.get("do") == "submit":
            content_id = submission.submit(board, submission.as_json(document))
            board.tell(request.state.session, f"{content_id} is accepted; the next tick plans it and orders its clips.")
            return RedirectResponse(f"/jobs/{content_id}", 303)
        return _form(board, form, source=source, estimate=submission.estimate(board, document))
    except TenxsomError as error:
        problems = submission.problems_of(error) if isinstance(error, BadInput) else []
        return _form(board, form, source=source, problems=problems, sentence="" if problems else str(error), status=422)


def free_id(board: Board, content_id: str) -> str:
    """Return a new id from a known one: the first of `lake-2`, `lake-3`, … that is not taken."""
    stem = re.sub(r"-\d{1,4}$", "", content_id)[:110]
    numbers = range(2, 10_000)
    taken = (*board.watcher.now.jobs, *(film.ended.content_id for film in board.library.films))
    return next((name for name in (f"{stem}-{number}" for number in numbers) if name not in taken), content_id)


def _form(
    board: Board,
    texts: Mapping[str, str],
    *,
    source: str = "",
    problems: Sequence[Problem] = (),
    sentence: str = "",
    estimate: Estimate | None = None,
    status: int = 200,
) -> Page:
    schema = submission.schema(board)
    known = {"service": sorted(board.app.vocabulary.services)}
    fields = forms.fields(schema, texts, problems, known)
    others = forms.other_problems(schema, problems)
    values: dict[str, Any] = {
        "first": [field for field in fields if field.is_first],
        "others": [field for field in fields if not field.is_first],
        "are_others_open": any(field.problems or field.value for field in fields if not field.is_first),
        "problem_count": len(problems) or bool(sentence),
        "sentences": [*others, *([sentence] if sentence else [])],
        "source": source,
        "estimate": estimate,
    }
    return Page("new.html", values, status)
