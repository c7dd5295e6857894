"""A table becomes films through the real scripts: with a limit, an approval and a second run, and each clip is paid for once."""

from __future__ import annotations

import pytest

from tests.belt import Belt

HEAD = "content_id;title;archetype;tier;target_duration;platform;narration;approve\r\n"
ROWS = "".join(
    f"tip-{number};Tip {number}, kept simple;quick_tips;volume;8;youtube;FALSE;{number == 3}\r\n" for number in (1, 2, 3)
)


@pytest.mark.slow
def test_a_table_is_run_with_a_limit_approved_and_run_again(tmp_path, studio):
    places = {"LTX_API_KEY": "k", "LTX_API_BASE_URL": studio.url, "VIDEO_SERVICE": "ltx_api"}
    belt, table = Belt(tmp_path, places), tmp_path / "tips.csv"
    table.write_text(HEAD + ROWS, encoding="utf-16")
    first = belt.run("master_orchestrator_v3.py", "--json", "--max-cost", "1", table)
    assert (first.code, [job["state"] for job in first.document["jobs"]]) == (3, ["waiting", "waiting", "not started"])
    second = belt.run("master_orchestrator_v3.py", "--json", "--max-cost", "1", table)
    assert [(job["state"], job["standing"]) for job in second.document["jobs"]][2] == ("needs_decision", "new")
    assert {job["standing"] for job in second.document["jobs"][:2]} <= {"on_its_way", "completed"}
    assert len(studio.charges()) == 2
    approved = belt.run("manage_jobs.py", "approve", "--all", "--json")
    assert [job["content_id"] for job in approved.document["approved"]] == ["tip-3"]
    for number in (1, 2, 3):
        assert belt.collect(f"tip-{number}")["state"] == "completed"
    third = belt.run("master_orchestrator_v3.py", "--json", table)
    assert (third.code, {job["standing"] for job in third.document["jobs"]}) == (0, {"completed"})
    assert len(studio.charges()) == 3
