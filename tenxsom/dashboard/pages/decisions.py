"""What a person decides about a job. Each page says first what it costs and what becomes of the job; then it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tenxsom.dashboard.board import Board, Page
from tenxsom.dashboard.job_facts import check_known
from tenxsom.dashboard.view import environment
from tenxsom.errors import BadInput
from tenxsom.model.strict_json import canonical
from tenxsom.pipeline.approval import Proposal

Form = Mapping[str, str]


def retry_page(board: Board, request: Request) -> Page:
    """Return the page that says what a retry costs. Raises BadInput."""
    job, cost = board.manager.retry_cost(_asked_for(board, request))
    return Page("decide.html", _retry_values(job.content_id, job.title, cost, has_changed=False))


def retry(board: Board, request: Request, form: Form) -> Page | Response:
    """Put a failed job back on the queue, for the price that the person has seen. Raises BadInput."""
    content_id = _asked_for(board, request)

    def work() -> Page | None:
        job, cost = board.manager.retry_cost(content_id)
        if cost != form.get("cost"):
            return Page("decide.html", _retry_values(job.content_id, job.title, cost, has_changed=True), 409)
        board.manager.retry(job)
        return None

    page = board.decide(work)
    return page or _done(board, request, f"{content_id} is on the queue again; the next tick goes on with it.")


def _retry_values(content_id: str, title: str, cost: str, *, has_changed: bool) -> dict[str, object]:
    return {
        "stem": content_id,
        "name": title,
        "title": "Make what is missing",
        "action": "retry",
        "sentence": f"{cost}.",
        "also": "The price has changed since you looked; nothing has happened yet." if has_changed else "",
        "button": "Make it once more",
        "fields": {"cost": cost},
        "plan": None,
    }


def approve_page(board: Board, request: Request) -> Page:
    """Return the page with the plan as it stands now, and what it costs. Raises BadInput, with every problem of an edited plan."""
    return Page("decide.html", _approval_values(board.app.approvals.proposal(_asked_for(board, request)), has_changed=False))


def approve(board: Board, request: Request, form: Form) -> Page | Response:
    """Approve the plan that the person has seen, for its price. Raises BadInput."""
    content_id = _asked_for(board, request)

    def work() -> Page | None:
        proposal = board.app.approvals.proposal(content_id)
        if plan_mark(proposal) != form.get("plan"):
            return Page("decide.html", _approval_values(proposal, has_changed=True), 409)
        board.app.approvals.approve(content_id)
        return None

    page = board.decide(work)
    return page or _done(board, request, f"The plan of {content_id} is approved; the next tick goes on with it.")


def plan_mark(proposal: Proposal) -> str:
    """Return what is another one when the plan or its price has changed."""
    return hashlib.sha256(canonical({"plan": proposal.plan.as_dict(), "price": proposal.price})).hexdigest()


def _approval_values(proposal: Proposal, *, has_changed: bool) -> dict[str, object]:
    edited = "The plan was edited. " if proposal.is_edited else ""
    return {
        "stem": proposal.job.content_id,
        "name": proposal.job.title,
        "title": "Approve the plan",
        "action": "approve",
        "sentence": f"{edited}{proposal.price[0].upper()}{proposal.price[1:]}.",
        "also": "The plan has changed since you looked; nothing has happened yet." if has_changed else "",
        "button": "Approve it",
        "fields": {"plan": plan_mark(proposal)},
        "plan": proposal.plan,
    }


def cancel_page(board: Board, request: Request) -> Page:
    """Return the page that says what becomes of a cancelled job. Raises BadInput."""
    details = board.manager.show(_asked_for(board, request))
    at_the_service = sum(clip.is_submitted and not clip.is_final for clip in details.clips)
    kept = "What is at the service is paid for: it is still collected and kept. " if at_the_service else ""
    values = {
        "stem": details.result.content_id,
        "name": details.document["title"],
        "title": "Cancel",
        "action": "cancel",
        "sentence": f"{kept}Nothing further is ordered.",
        "also": "",
        "button": "Cancel this job",
        "fields": {},
        "plan": None,
    }
    return Page("decide.html", values)


def cancel(board: Board, request: Request, _: Form) -> Response:
    """Order nothing further for a job. Raises BadInput, JobIsBusy."""
    content_id = _asked_for(board, request)
    return _done(board, request, board.decide(lambda: board.manager.cancel(content_id)))


DECISIONS = ("adopt", "never_sent", "write_off", "take_as_is")


def resolve(board: Board, request: Request, form: Form) -> Response:
    """Decide about an unclear paid call, or a clip that was refused. Raises BadInput, JobIsBusy."""
    content_id = _asked_for(board, request)
    decision, adopted, number = form.get("decision", ""), form.get("adopt_id", "").strip(), form.get("clip", "")
    if decision not in DECISIONS:
        raise BadInput("Choose one of the decisions; nothing has happened.")
    if decision == "adopt" and not adopted:
        raise BadInput("To adopt a call, give the id that the service shows for it; nothing has happened.")
    if number and not (number.isascii() and number.isdecimal()):
        raise BadInput(f"{number[:20]!r} is no number of a clip; nothing has happened.")
    sentence = board.decide(
        lambda: board.manager.resolve(
            content_id,
            int(number[:9]) if number else None,
            adopt=adopted if decision == "adopt" else None,
            never_sent=decision == "never_sent",
            take_as_is=decision == "take_as_is",
        )
    )
    return _done(board, request, sentence)


def _asked_for(board: Board, request: Request) -> str:
    return check_known(board, request.path_params["stem"])


def _done(board: Board, request: Request, sentence: str) -> Response:
    board.tell(request.state.session, sentence)
    segment = environment().filters["segment"]
    return RedirectResponse(f"/jobs/{segment(request.path_params['stem'])}", 303)
