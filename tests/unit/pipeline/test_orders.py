"""A tick that paid for something says what."""

from __future__ import annotations

from tenxsom import clock
from tenxsom.cli import render
from tenxsom.model.job import JobState
from tenxsom.pipeline.events import JobEvent
from tenxsom.pipeline.orders import PaidCall, PaidOrders
from tenxsom.pipeline.results import JobResult


def heard(*events: tuple[str, str, str]) -> PaidOrders:
    orders = PaidOrders()
    for event, detail, reference in events:
        orders.hear(JobEvent(time=clock.stamp(), content_id="lake", event=event, detail=detail, facts={"reference": reference}))
    return orders


def test_a_call_that_was_made_is_remembered_and_a_refused_one_is_not():
    orders = heard(
        ("intent", "request_video of clip 1 for $0.30", "r1"),
        ("intent", "request_video of clip 2 for $0.30", "r2"),
        ("refused", "busy", "r2"),
        ("completed", "", ""),
    )
    assert orders.calls() == [PaidCall("lake", "request_video of clip 1 for $0.30")]


def test_each_tick_of_a_watch_tells_its_own_calls():
    orders = heard(("intent", "request_video of clip 1 for $0.30", "r1"))
    assert len(orders.new_calls()) == 1
    assert orders.new_calls() == []
    assert len(orders.calls()) == 1


def test_the_tick_says_what_it_paid_for():
    looked_at = [JobResult("lake", JobState.WAITING)]
    result = render.tick(looked_at, 3, heard(("intent", "request_video of clip 1 for $0.30", "r1")).calls())
    assert result.text.splitlines() == ["Paid for: lake, request_video of clip 1 for $0.30.", "", "1 checked, 0 done, 3 pending."]
    assert result.document()["paid_for"] == [{"content_id": "lake", "what": "request_video of clip 1 for $0.30"}]
    assert "Paid" not in render.tick([], 3).text


def test_a_tick_that_looked_at_nothing_says_why():
    assert render.tick([], 3).text.startswith("0 checked, 0 done, 3 pending; none is due yet")
    assert render.tick([], 0).text == "0 checked, 0 done, 0 pending."
