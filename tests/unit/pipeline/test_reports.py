"""What a final report says."""

from __future__ import annotations

import json

from tenxsom import clock
from tenxsom.model.ids import masked_id
from tenxsom.model.parts import MediaFacts
from tenxsom.pipeline import reports
from tests.states import new_clip
from tests.submitted import definition, job_of


def test_a_report_holds_no_email_address():
    address = "user:1-email:channel@example.com-job:1"
    job = job_of(definition(), job_id=address, clips=[new_clip(video={"job_id": address}, image={"job_id": address})])
    job.record("adopted", f"as {address}, at /assets/user%3A1-email%3Achannel%40example.com-job")
    assert "example.com" not in json.dumps(reports.completion_report(job, MediaFacts(), {}))
    assert "example.com" not in json.dumps(reports._assembly(job)), "what another assembly needs is in the report, too"


def test_masking_an_endless_text_ends():
    assert len(masked_id("x" * 200_000) or "") == 200_000


def test_metadata_is_in_the_report_untouched():
    metadata = {"campaign": {"ids": [1, 2.5, None, "channel@example.com"]}}
    assert reports.completion_report(job_of(definition(metadata=metadata)), MediaFacts(), {})["metadata"] == metadata


def test_the_report_times_every_milestone(monkeypatch):
    moment = [clock.parse("2026-11-22T14:00:00Z")]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    job = job_of(definition())
    for seconds, event in ((2, "planned"), (3, "looked at"), (5, "video_requested")):
        moment[0] = clock.parse(f"2026-11-22T14:00:{seconds:02}Z")
        job.record(event)
    moment[0] = clock.parse("2026-11-22T14:01:00Z")
    report = reports.completion_report(job, MediaFacts(), {})
    assert [(step["step"], step["seconds"]) for step in report["steps"]] == [
        ("accepted", 0), ("planned", 2), ("video_requested", 3), ("reported", 55),
    ]  # fmt: skip
    assert report["times"]["total_seconds"] == 60
