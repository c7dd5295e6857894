"""Renders the pages: templates, and the words for what they show. Everything that stands in a page is escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tenxsom import clock
from tenxsom.model import money
from tenxsom.model.job import JobState
from tenxsom.program import typed
from tenxsom.quantities import age, counted, duration, size

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"

TONES = {
    JobState.ACCEPTED: "quiet",
    JobState.SUBMITTING: "busy",
    JobState.WAITING: "busy",
    JobState.OVER_BUDGET: "warn",
    JobState.SUBMIT_UNKNOWN: "bad",
    JobState.NEEDS_DECISION: "bad",
    JobState.COMPLETED: "good",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "quiet",
}
"""How a state looks: the colour of its mark, which its word always goes with."""


@cache
def environment() -> Environment:
    """Return the templates of the pages."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    made.filters |= {
        "age": age,
        "duration": duration,
        "size": size,
        "usd": _usd,
        "when": when,
        "typed": typed,
        "words": words,
        "segment": lambda text: quote(str(text), safe=""),
    }
    made.globals |= {"tone": tone, "asset": asset, "counted": counted, "query": query}
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a page."""
    return environment().get_template(template).render(values)


def words(name: object) -> str:
    """Return a stored name, such as `needs_decision`, as words."""
    return str(name).replace("_", " ")


def tone(state: str) -> str:
    return next((look for known, look in TONES.items() if known == state), "quiet")


def when(moment: str | None) -> Markup:
    """Return how long ago a stored time is, with the time itself for programs and for the pointer."""
    if not moment:
        return Markup("")
    try:
        text = age(moment) + " ago"
    except ValueError:
        return escape(moment)
    stamp = f"{moment[:16].replace('T', ' ')} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment, stamp, text)


def _usd(amount: Any) -> str:
    return money.shown(money.stored(amount))


def query(given: Mapping[str, str], **changes: object) -> str:
    """Return the query of a link: what is given with some changes, without what is empty."""
    return "?" + urlencode({name: text for name, text in {**given, **changes}.items() if text not in ("", None)})


@cache
def asset(name: str) -> str:
    """Return the address of a file of the pages, which changes with its content, so that browsers may keep it for good."""
    return f"/static/{name}?{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def made_at() -> str:
    return clock.stamp()
