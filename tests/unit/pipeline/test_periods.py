"""Periods as an operator types them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenxsom import clock
from tenxsom.errors import BadInput
from tenxsom.pipeline import periods

NOW = datetime(2026, 11, 29, 15, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("24h", NOW - timedelta(hours=24)), ("90m", NOW - timedelta(minutes=90)), ("7d", NOW - timedelta(days=7)),
        (" 2W ", NOW - timedelta(weeks=2)), ("today", datetime(2026, 11, 29, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 28, tzinfo=UTC)), ("2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-05", datetime(2026, 11, 5, tzinfo=UTC)),
        ("2026-11-29T14:00:00+02:00", datetime(2026, 11, 29, 12, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_period_begins_where_its_words_say(text, begins):
    assert periods.since(text) == begins


@pytest.mark.parametrize("text", ["", "soon", "7", "7x", "-3d", "2026-13", "2026-11-31", "1e3d", "last week", "d7"])
def test_what_is_no_period_gets_a_sentence_with_examples(text):
    with pytest.raises(BadInput, match="is no period; write 24h, 7d"):
        periods.since(text)


@pytest.mark.parametrize("text", ["2027-01-01", "2026-12", "2026-11-29T23:00:00Z"])
def test_a_period_in_the_future_is_refused(text):
    with pytest.raises(BadInput, match="begins in the future"):
        periods.since(text)


def test_a_length_is_a_number_with_a_unit():
    assert periods.length("30d") == timedelta(days=30)
    for text in ("30", "5m", "0d", "today", "30 years", "", "999999w9"):
        with pytest.raises(BadInput, match="no length of time"):
            periods.length(text)


@given(st.text(max_size=30))
def test_no_text_at_all_gets_anything_but_a_time_or_a_sentence(text):
    with contextlib.suppress(BadInput):
        assert periods.since(text) <= NOW
