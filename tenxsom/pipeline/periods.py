"""Periods of time as an operator types them: `24h`, `7d`, `today`, `2026-11`, `2026-11-29T14:00:00+01:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tenxsom import clock
from tenxsom.errors import BadInput

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LENGTH = re.compile(r"(\d{1,6}) ?([mhdw])")


def since(text: str) -> datetime:
    """Return when a period begins, in UTC. Raises BadInput for a text that is no period, or one that begins in the future."""
    words = text.strip().lower()
    try:
        found = _length_ago(words) or _day(words) or clock.parse(_whole_date(text.strip())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(
            f"{text[:40]!r} is no period; write 24h, 7d, 4w, today, yesterday, or a date in UTC such as 2026-11-29 or 2026-11."
        ) from None
    if found > clock.now():
        raise BadInput(f"{text[:40]!r} begins in the future; name a time in the past, such as 7d.")
    return found


def length(text: str) -> timedelta:
    """Return a length of time such as `30d`: hours, days or weeks. Raises BadInput for any other text."""
    match = _LENGTH.fullmatch(text.strip().lower())
    try:
        if match and int(match[1]) and match[2] != "m":  # 5m: minutes for some, months for others, and what is removed is gone
            return int(match[1]) * _UNITS[match[2]]
    except OverflowError:
        pass  # longer than any calendar
    raise BadInput(f"{text[:40]!r} is no length of time; write 12h, 30d or 8w.")


def _length_ago(words: str) -> datetime | None:
    match = _LENGTH.fullmatch(words)
    return clock.now() - int(match[1]) * _UNITS[match[2]] if match else None


def _day(words: str) -> datetime | None:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return {"today": midnight, "yesterday": midnight - timedelta(days=1)}.get(words)


def _whole_date(text: str) -> str:
    return f"{text}-01" if re.fullmatch(r"\d{4}-\d{2}", text) else text
