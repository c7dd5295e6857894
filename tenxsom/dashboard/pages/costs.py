"""The costs: what was spent, on what, against the budget, as `manage_jobs.py costs` says it."""

from __future__ import annotations

from markupsafe import Markup
from starlette.requests import Request

from tenxsom import plots
from tenxsom.dashboard.board import Board, Page, chosen
from tenxsom.pipeline import money_report, periods

PERIODS = {"today": "today", "7d": "7 days", "30d": "30 days", "12w": "12 weeks", "365d": "a year"}
KINDS = ("real", "rehearsals")


def page(board: Board, request: Request) -> Page:
    """Return the page of costs. Raises BadInput for an unknown period, group or tag."""
    period = request.query_params.get("since") or "30d"
    by = chosen(request, "by", money_report.GROUPS, "day", called="group of costs") or "day"
    kind = chosen(request, "kind", KINDS)
    tag = request.query_params.get("tag") or None
    rehearsals = None if not kind else kind == "rehearsals"
    costs = board.costs(periods.since(period), by=by, tag=tag, rehearsals=rehearsals)
    rows = [(row.key, row.usd) for row in costs.rows]
    values = {
        "costs": costs,
        "days": Markup(plots.days(costs.series, costs.budget_usd)),  # noqa: S704  (our own SVG, in which every text is escaped)
        "bars": Markup(plots.bars(rows)) if by != "day" else "",  # noqa: S704  (as above)
        "period": period,
        "periods": PERIODS,
        "groups": money_report.GROUPS,
        "given": {"since": period, "by": by, "tag": tag or "", "kind": kind},
        "today": board.today(),
    }
    return Page("costs.html", values, seconds=5.0)
