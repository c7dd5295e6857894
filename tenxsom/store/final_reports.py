"""Reads final reports: what every store must find in a report before commands use it."""

from __future__ import annotations

import json
from typing import Any

MAX_REPORT_BYTES = 16 * 1024 * 1024

_NEEDED = frozenset({"content_id", "state", "run_id", "fingerprint", "service", "planner", "clips", "cost", "warnings"})
_KINDS: dict[str, type] = {"state": str, "service": str, "planner": dict, "clips": list, "cost": dict, "warnings": list}
"""The types of the fields that commands read."""


def parsed_report(data: bytes) -> dict[str, Any]:
    """Return the report in a file's content. Raises ValueError for content that is no report."""
    try:
        report: dict[str, Any] = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    is_ours = isinstance(report, dict) and report.keys() >= _NEEDED
    if not is_ours or not all(isinstance(report[name], kind) for name, kind in _KINDS.items()) or "total_usd" not in report["cost"]:
        raise ValueError("it is no report of ours")
    if report["state"] != "completed" and not all(isinstance(report.get(name), str) for name in ("reason", "advice")):
        raise ValueError("it is the report of a failed job without a reason")
    return report
