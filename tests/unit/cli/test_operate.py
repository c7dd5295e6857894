"""The commands of an operator's year, as a user runs them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tenxsom import clock
from tenxsom.cli import layout, operate_screens, run, status_screen
from tenxsom.cli.manage import main
from tenxsom.model.clip import Intent, Step
from tenxsom.model.job import JobState, VideoJob
from tenxsom.model.money import ZERO
from tenxsom.model.parts import Generation, MediaFacts
from tenxsom.pipeline import job_story, reports
from tenxsom.pipeline.doctor import Finding
from tenxsom.pipeline.money_report import Today
from tenxsom.pipeline.overview import Overview
from tenxsom.pipeline.queue_view import QueueView, queued_job
from tenxsom.store.base import DayTotals
from tenxsom.store.files.jobs import FileJobStore
from tenxsom.text import columns
from tests.states import new_clip, new_job

DAY = 86_400.0


@pytest.fixture(autouse=True)
def no_signals(monkeypatch):
    monkeypatch.setattr(clock, "stop_on_signals", lambda: None)


@pytest.fixture
def operate(home: Path, capsys):
    """Run a command of manage_jobs.py; return its exit code, its document, and what it says on stderr."""

    def run(*words: str) -> tuple[int, dict[str, Any], str]:
        code = main([*words, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out), err

    return run


def text_of(capsys, *words: str) -> str:
    main(list(words))
    out, err = capsys.readouterr()
    return out or err


def queue(home: Path, *jobs: VideoJob) -> FileJobStore:
    store = FileJobStore(home / "pending_video_jobs")
    for job in jobs:
        with store.accept(job):
            pass
    return store


def finished(home: Path, content_id: str, *, seconds: float = 12.5, film: bytes | None = b"film", **changes: Any) -> None:
    folder = home / "completed_videos"
    folder.mkdir(exist_ok=True)
    definition = {
        "content_id": content_id,
        "archetype": "quick_tips",
        "platform": "youtube",
        "metadata": changes.pop("metadata", {}),
    }
    job = new_job(content_id, definition=definition, title=changes.pop("title", "The lake"), **changes)
    report = reports.completion_report(job, MediaFacts(seconds=seconds, size_bytes=4), {"video": f"{content_id}.mp4"})
    (folder / f"{content_id}_completion_report.json").write_text(json.dumps(report))
    if film is not None:
        (folder / f"{content_id}.mp4").write_bytes(film)


def spend(home: Path, *lines: dict[str, Any]) -> None:
    usual = {"time": clock.stamp(), "day": clock.day(), "entry": "spent", "content_id": "lake", "service": "maker",
             "step": "request_video", "clip": 0, "usd": "1"}  # fmt: skip
    with (home / "spend_ledger.jsonl").open("a") as file:
        for number, line in enumerate(lines):
            file.write(json.dumps({**usual, "reference": f"r{number}", **line}) + "\n")


# status


def test_status_tells_what_waits_for_somebody_and_what_to_type(home, operate, capsys):
    intent = Intent(step="request_video", attempt=1, reference="r", usd="0.3", at=clock.stamp(), unclear="lost")
    clip = new_clip(step=Step.REQUEST_VIDEO, start_frame="none", intent=intent)
    queue(home, new_job("lake", state=JobState.SUBMIT_UNKNOWN, clips=[clip]), new_job("hill"))
    code, document, _ = operate("status")
    assert code == 0
    assert {job["content_id"]: job["command"] is not None for job in document["queue"]} == {"lake": True, "hill": False}
    shown = text_of(capsys, "status")
    assert shown.startswith("1 job waits for you:")
    assert "→ python3 manage_jobs.py resolve lake --adopt JOB_ID" in shown


def test_status_tells_what_ended_in_the_last_day_and_the_days_money(home, operate, capsys, monkeypatch):
    monkeypatch.setenv("DAILY_BUDGET_USD", "10")
    finished(home, "lake")
    spend(
        home, {"usd": "2"}, {"usd": "3", "entry": "reserved"}, {"usd": "4", "entry": "unknown"}, {"usd": "5", "entry": "released"}
    )
    _, document, _ = operate("status")
    assert [film["content_id"] for film in document["ended"]] == ["lake"]
    money = {"spent_usd": "2", "reserved_usd": "3", "unknown_usd": "4", "budget_usd": "10"}
    assert document["money"].items() >= money.items()
    shown = text_of(capsys, "status")
    assert "No job is on its way." in shown
    assert "Ended in the last day: 1 completed." in shown
    assert "$9.00 of $10.00, 90 % ($3.00 reserved, $4.00 unclear)" in shown


def test_a_film_of_the_day_before_yesterday_is_no_news(home, operate):
    finished(home, "lake")
    path = home / "completed_videos" / "lake_completion_report.json"
    path.write_text(path.read_text().replace(clock.day(), "2026-01-01"))
    assert operate("status")[1]["ended"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--state", "wating"), ("status", "--service", "ltx"), ("status", "--since", "soon"), ("status", "--watch"),
        ("history", "--since", "7x"), ("costs", "--by", "dya"), ("costs", "--tag", "x"), ("costs", "--since", "2099-01-01"),
        ("prune", "--older-than", "today"), ("requeue", "lake"), ("ledger", "shred"), ("costs", "--html", "/no/such/folder/x.html"),
    ],
)  # fmt: skip
def test_bad_words_get_one_sentence_and_exit_code_2(home, operate, words):
    code, document, _ = operate(*words)
    assert code == 2
    assert document["error"]["message"].count("\n") == 0
    assert sorted(path.name for path in home.iterdir() if path.name != "spend_ledger.jsonl") in ([], ["pending_video_jobs"])


WIDE = "湖の光る夜に消えたランタンの話と、それを探す三人のダイバー " * 3
TITLES = ["The lake", WIDE, "👩‍🚀 goes home", "x" * 200, "[red]no markup[/red]"]


@pytest.mark.parametrize("across", [80, 120])
def test_no_line_of_status_is_wider_than_the_terminal(across):
    clip = new_clip(step=Step.AWAIT_VIDEO, video=Generation(job_id="v"), service="ltx_api", checks=2, error=f"HTTP 500: {WIDE}")
    jobs = [new_job(f"job-{number}", title=title, clips=[clip], state=JobState.WAITING) for number, title in enumerate(TITLES)]
    unreadable = {"hill": f"its state file cannot be used because {WIDE} is no number."}
    view = QueueView([queued_job(json.loads(job.as_json())) for job in jobs], [], unreadable, len(jobs))
    none = DayTotals(ZERO, ZERO, ZERO)
    shown = status_screen.text(Overview(view, ["lake", "pond"], [], Today("2026-11-29", None, none, none)), across)
    assert max(columns(line) for line in shown.splitlines()) <= across
    assert "[red]no markup[/red]" in shown
    assert "    → manage_jobs.py requeue lake" in shown.splitlines()


def test_a_path_stays_whole_where_a_line_is_long_enough():
    path = "/srv/tenxsom-ai/pending_video_jobs/quarantine/lake.json"
    lines = layout.wrapped(f"What was set aside is kept in {path} with its reason.", 60)
    assert any(path in line for line in lines)
    assert all(len(line) <= 60 for line in layout.wrapped(f"It is kept in {path * 3}", 60))


def test_a_line_to_copy_is_not_folded():
    line = "*/2 * * * * " + "/srv/a-long-folder" * 9
    remedy = f"Put this line into crontab -e:\n{line}"
    said = operate_screens.doctor([Finding("scheduling", True, "No tick has run here yet.", remedy)])
    assert line in said.text.splitlines()


@pytest.mark.parametrize("across", [20, 40, 80])
def test_wrapped_lines_hold_every_letter_and_no_more_columns(across):
    for text in [*TITLES, "plain words " * 20]:
        lines = layout.wrapped(text, across, "  ")
        assert max(map(columns, lines)) <= max(across, 22)
        assert "".join("".join(lines).split()) == "".join(text.split())


# show


def test_the_story_tells_waits_money_and_repetitions_once(home):
    job = new_job(submit_time="2026-11-29T10:00:00.000Z")
    job.spend = [{"reference": "r1", "step": "request_video", "clip": 0, "usd": "0.3", "entry": "spent"}]
    times = ["10:00:05", "10:00:06", "10:01:06", "10:02:06", "10:05:06"]
    events = ["intent", "refused", "refused", "refused", "completed"]
    job.history = [{"time": f"2026-11-29T{at}.000Z", "event": event} for at, event in zip(times, events, strict=True)]
    job.history[0]["reference"] = "r1"
    story = job_story.lines(job.as_dict())
    assert [(line.event, line.times, line.waited_seconds) for line in story] == [
        ("intent", 1, 5),
        ("refused", 3, 1),
        ("completed", 1, 180),
    ]
    assert [line.usd for line in story] == ["0.3", None, None]
    report = reports.completion_report(job, MediaFacts(), {})
    assert [line.usd for line in job_story.lines(report)] == ["0.3", None, None]


def test_a_call_that_is_tried_and_refused_again_and_again_is_two_lines():
    job = new_job(submit_time="2026-11-29T10:00:00.000Z")
    events = ["accepted", *["intent", "refused"] * 4, "intent", "video_requested"]
    job.spend = [{"reference": "r5", "step": "request_video", "clip": 0, "usd": "0.3", "entry": "spent"}]
    job.history = [{"time": f"2026-11-29T10:{minute:02}:00.000Z", "event": event} for minute, event in enumerate(events)]
    job.history[-2]["reference"] = "r5"
    story = [(line.event, line.times, line.until, line.usd) for line in job_story.lines(job.as_dict())]
    assert story == [
        ("accepted", 1, None, None),
        ("intent", 4, "2026-11-29T10:07:00.000Z", None),
        ("refused", 4, "2026-11-29T10:08:00.000Z", None),
        ("intent", 1, None, "0.3"),
        ("video_requested", 1, None, None),
    ]


def test_show_says_what_happens_next_until_the_job_has_ended(home, operate):
    queue(home, new_job("lake"))
    assert operate("show", "lake")[1]["next"]["sentence"]
    finished(home, "hill")
    assert operate("show", "hill")[1]["next"] is None


# history


def test_history_has_films_failures_and_earlier_runs(home, operate):
    finished(
        home, "lake", title="The lake, at night", spend=[{"reference": "r", "step": "x", "clip": 0, "usd": "1.5", "entry": "spent"}]
    )
    folder = home / "completed_videos"
    failed = reports.failure_report(new_job("hill", title="Hill"), "it was refused", {})
    (folder / "hill_failure_report.json").write_text(json.dumps(failed))
    (folder / "lake~1_completion_report.json").write_bytes((folder / "lake_completion_report.json").read_bytes())
    (folder / "odd_completion_report.json").write_text("{")
    code, document, _ = operate("history", "--since", "1h")
    assert code == 0
    films = {(film["content_id"], film["run"]): film for film in document["films"]}
    assert set(films) == {("lake", None), ("lake", 1), ("hill", None)}
    lake = films["lake", None]
    named = {"title": "The lake, at night", "state": "completed", "platform": "youtube", "seconds": 12.5, "usd": "1.5"}
    assert lake.items() >= named.items()
    assert lake["file"] == str(folder / "lake.mp4")
    assert films["lake", 1]["file"] is None, "its film is gone"
    assert films["hill", None]["reason"] == "it was refused"


def test_a_script_is_named_as_it_is_typed_in_what_is_said_and_as_it_was_written_in_a_title(home, capsys):
    (home / "completed_videos").mkdir(exist_ok=True)
    report = reports.failure_report(new_job(title="manage_jobs.py, a film"), "Try manage_jobs.py retry lake.", {})
    (home / "completed_videos" / "lake_completion_report.json").write_text(json.dumps(report))
    (row,) = csv.DictReader(io.StringIO(text_of(capsys, "history", "--csv")))
    assert (row["title"], row["reason"]) == ("manage_jobs.py, a film", "Try python3 manage_jobs.py retry lake.")


def test_a_status_that_is_drawn_anew_names_a_script_as_it_is_typed(capsys):
    with run.redrawn() as draw:
        draw("→ manage_jobs.py show lake")
    assert "→ python3 manage_jobs.py show lake" in capsys.readouterr().out


def test_history_as_csv_is_a_table_that_no_spreadsheet_takes_for_formulas(home, capsys):
    finished(home, "lake", title='=HYPERLINK("http://x")')
    finished(home, "hill", title='a "quoted", title\nof two lines')
    rows = list(csv.DictReader(io.StringIO(text_of(capsys, "history", "--csv"))))
    assert sorted(row["title"] for row in rows) == ['\'=HYPERLINK("http://x")', 'a "quoted", title of two lines']
    assert {row["platform"] for row in rows} == {"youtube"}


# costs


def costs_of(operate: Any, *words: str) -> dict[str, str]:
    return {row["key"]: row["usd"] for row in operate("costs", *words)[1]["rows"]}


def test_costs_are_grouped_and_a_call_counts_once_by_its_last_line(home, operate):
    finished(home, "lake", metadata={"tags": ["spring", "lakes"]})
    queue(home, new_job("hill", definition={"content_id": "hill", "archetype": "top_list", "metadata": {"tags": "spring"}}))
    spend(
        home,
        {"reference": "a", "entry": "reserved"}, {"reference": "a", "entry": "spent", "usd": "2"},
        {"reference": "b", "content_id": "hill", "service": "other", "step": "request_image", "entry": "unknown", "usd": "0.5"},
        {"reference": "c", "entry": "released", "usd": "9"}, {"reference": "d", "content_id": "gone", "usd": "4"},
        {"reference": "e", "usd": "100", "rehearsal": True},
    )  # fmt: skip
    _, document, _ = operate("costs")
    assert (document["total_usd"], document["rehearsal"]) == ("6.5", False)
    assert document["rows"] == [{"key": clock.day(), "day": clock.day(), "usd": "6.5", "unsettled_usd": "0.5", "calls": 3}]
    assert costs_of(operate, "--by", "service") == {"maker": "6", "other": "0.5"}
    assert costs_of(operate, "--by", "step") == {"request_video": "6", "request_image": "0.5"}
    assert costs_of(operate, "--by", "archetype") == {"(not known)": "4", "quick_tips": "2", "top_list": "0.5"}
    assert costs_of(operate, "--by", "tag") == {"(not known)": "4", "spring": "2.5", "lakes": "2"}
    assert operate("costs", "--tag", "lakes")[1]["total_usd"] == "2"
    assert costs_of(operate, "--rehearsals") == {clock.day(): "100"}


def test_a_job_without_a_tag_is_not_one_that_nothing_is_known_of(home, operate):
    finished(home, "lake")
    spend(home, {"usd": "2"}, {"reference": "b", "content_id": "gone", "usd": "4"})
    assert costs_of(operate, "--by", "tag") == {"(not known)": "4", "(no tag)": "2"}


def test_where_only_rehearsals_were_made_they_are_shown_and_named(home, operate, capsys):
    spend(home, {"rehearsal": True})
    assert operate("costs")[1]["rehearsal"] is True
    assert "Rehearsals, which nobody bills" in text_of(capsys, "costs")


def test_a_page_of_costs_is_a_file(operate, home, monkeypatch):
    monkeypatch.chdir(home)
    code, document, _ = operate("costs", "--html", "-")
    assert (code, "not to standard output" in document["error"]["message"]) == (2, True)
    assert not (home / "-").exists()


def test_no_file_takes_the_place_of_a_device(operate, home):
    """A user says /dev/null for nowhere, and root may replace it, for the whole machine."""
    os.mkfifo(home / "device")
    basics = ("--title", "x", "--archetype", "explainer", "--platform", "youtube")
    for words in (("costs", "--html", str(home / "device")), ("new", *basics, "--force", "--output", str(home / "device"))):
        code, document, _ = operate(*words)
        assert (code, "a device" in document["error"]["message"]) == (2, True)
        assert (home / "device").is_fifo()


def test_costs_stay_after_the_ledger_was_summed_up(home, operate):
    old = (clock.now() - timedelta(days=20)).date().isoformat()
    spend(home, {"reference": "a", "day": old, "usd": "2"}, {"reference": "b", "usd": "3"})
    groups = ("day", "month", "service", "step", "archetype", "tag")
    before = {group: costs_of(operate, "--by", group) for group in groups}
    assert operate("ledger", "compact")[1]["lines"] == 1
    assert {group: costs_of(operate, "--by", group) for group in groups} == before
    assert len((home / "spend_ledger.jsonl").read_text().splitlines()) == 2


def test_the_page_of_costs_needs_no_other_file_and_its_plots_are_svg(home, operate, monkeypatch):
    monkeypatch.setenv("DAILY_BUDGET_USD", "10")
    spend(home, {"service": "<maker>", "usd": "2"}, {"service": "other", "day": "2026-11-20", "usd": "0.5"})
    page = home / "costs.html"
    assert operate("costs", "--since", "2026-11-01", "--html", str(page))[0] == 0
    text = page.read_text()
    plots = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(plots) == 6
    bars = [element for plot in plots for element in ElementTree.fromstring(plot).iter() if element.tag.endswith("rect")]
    assert len(bars) > 6
    assert not re.search(r"<script|src=|@import|url\(|<maker>", text)
    assert not re.search(r'href="http', text)


def test_a_bar_is_as_long_as_its_amount():
    from decimal import Decimal

    assert layout.bar(Decimal(10), Decimal(10), 20) == "█" * 20
    assert layout.bar(Decimal(5), Decimal(10), 20) == "█" * 10
    assert layout.bar(Decimal("0.001"), Decimal(10), 20) == "▏", "what costs anything is seen"
    assert layout.bar(ZERO, Decimal(10), 20) == layout.bar(ZERO, ZERO, 20) == ""


# requeue


def test_a_mended_state_goes_back_on_the_queue(home, operate):
    store = queue(home, new_job("lake"))
    good = (store.folder / "lake.json").read_bytes()
    (store.folder / "lake.json").write_bytes(b"{")
    with pytest.raises(Exception, match="cannot be read"), store.claim("lake"):
        pass
    aside = store.folder / "quarantine" / "lake.json"
    code, document, _ = operate("requeue", "lake")
    assert (code, aside.exists()) == (2, True)
    assert "still cannot be read" in document["error"]["message"]
    aside.write_bytes(good)
    assert operate("requeue", "lake")[0] == 0
    assert store.load("lake") is not None
    assert list(aside.parent.iterdir()) == []


def test_a_state_whose_job_is_on_the_queue_or_has_ended_stays_in_quarantine(home, operate):
    store = queue(home, new_job("lake"), new_job("hill"))
    folder = store.folder / "quarantine"
    folder.mkdir()
    for name in ("lake", "hill"):
        (folder / f"{name}.json").write_bytes((store.folder / f"{name}.json").read_bytes())
    (store.folder / "hill.json").unlink()
    finished(home, "hill")
    for name in ("lake", "hill"):
        assert operate("requeue", name)[0] == 2
        assert (folder / f"{name}.json").exists()
    assert store.load("hill") is None


@pytest.mark.parametrize("name", ["../lake", "/etc/passwd", "", ".x", "lake/../../x"])
def test_a_name_that_leads_elsewhere_is_refused(home, operate, name):
    assert operate("requeue", name)[0] == 2


# prune


def aged(path: Path, days: float, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def test_prune_takes_parts_of_finished_films_and_nothing_that_may_be_needed(home, operate, monkeypatch):
    monkeypatch.setenv("LOG_FILE", str(home / "poll.log"))
    folder = home / "completed_videos"
    finished(home, "lake")
    finished(home, "lost", film=None)
    finished(home, "torn", film=b"fi")
    finished(home, "live")
    queue(home, new_job("live", state=JobState.WAITING, service="ltx_api"), new_job("unclear", service="ltx_api"))
    failed = reports.failure_report(new_job("failed"), "it was refused", {})
    (folder / "failed_failure_report.json").write_text(json.dumps(failed))
    names = ("lake", "lost", "torn", "live", "unclear", "failed", "nobodys")
    parts = {name: aged(folder / f"{name}~clip01.mp4", 40) for name in names}
    young = [aged(folder / name, 3) for name in ("lake~clip02.mp4", ".lake~clip04.mp4.2-live-1.tmp")]
    half = ".lake~clip03.mp4.1-dead-1.tmp"  # what a killed write leaves
    unused = "lake~sound-tx-1.0.speak.1"  # a paid line of a voice that was given up
    scratch = [aged(folder / name, 40) for name in ("unclear.mp4.part", "left.mp4.part", half, unused)]
    world = aged(home / ".local_studio" / "media" / "x.mp4", 40)
    told_by_people = ("secret", "scale", "places", "faults.json", "accounts.json")
    kept = [aged(home / ".local_studio" / name, 400) for name in told_by_people]
    logs = {name: aged(home / name, 40) for name in ("poll.log", "poll.log.1", "poll.log-20260101.gz", "poll.logic")}
    old_logs = {str(logs["poll.log.1"]), str(logs["poll.log-20260101.gz"])}
    expected = {"lake~clip01.mp4", "left.mp4.part", half, unused, str(world), *old_logs}
    _, document, _ = operate("prune", "--older-than", "30d", "--dry-run")
    assert {file["name"] for file in document["files"]} == expected
    assert parts["lake"].exists()
    code, document, _ = operate("prune", "--older-than", "30d")
    assert (code, document["bytes"], document["failures"]) == (0, 7, [])
    gone = [path for path in (*parts.values(), *young, *scratch, world, *kept, *logs.values()) if not path.exists()]
    assert {path.name for path in gone} == {Path(name).name for name in expected}


def test_the_studios_files_stay_while_a_rehearsal_is_on_its_way(home, operate):
    queue(home, new_job("lake", service="local_studio"))
    world = aged(home / ".local_studio" / "media" / "x.mp4", 40)
    assert operate("prune", "--older-than", "30d")[1]["files"] == []
    assert world.exists()


@pytest.mark.parametrize("command", ["show", "retry"])
def test_a_report_that_cannot_be_read_is_something_to_look_at_and_no_failed_job(home, operate, command):
    finished(home, "lake")
    (home / "completed_videos" / "lake_completion_report.json").write_text("{")
    code, document, _ = operate(command, "lake")
    assert (code, "move it away" in document["error"]["message"]) == (3, True)


# doctor


def findings(operate: Any) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    code, document, _ = operate("doctor")
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in document["findings"]:
        assert set(finding) == {"check", "ok", "message", "remedy"}
        assert finding["ok"] or finding["remedy"], finding
        found.setdefault(finding["check"], []).append(finding)
    return code, found


def test_a_fresh_installation_is_well(home, operate):
    code, found = findings(operate)
    assert [finding for each in found.values() for finding in each if not finding["ok"]] == []
    assert code == 0
    assert set(found) >= {"folders", "disk", "permissions", "locks", "video service", "planner", "endpoints", "clock", "fonts",
                          "voices", "scheduling", "dead-man's switch", "versions"}  # fmt: skip


@pytest.mark.case
def test_the_library_that_joins_letters_is_missed_in_one_sentence(home, operate, monkeypatch):
    from tenxsom.media import fonts

    monkeypatch.setattr(fonts, "can_join", lambda: False)
    code, found = findings(operate)
    assert code == 0
    assert "FriBiDi" in found["fonts"][-1]["remedy"]
    assert "Arabic" in found["fonts"][-1]["message"]


def test_settings_that_others_can_read_are_found(home, operate):
    (home / "production.env").write_text("LOG_LEVEL=INFO\n")
    (home / "production.env").chmod(0o644)
    code, found = findings(operate)
    assert code == 1
    assert "chmod 600" in found["permissions"][0]["remedy"]


def test_whatever_stands_in_the_place_of_a_folder_or_of_the_ledger_is_found_with_its_remedy(home, operate):
    (home / "pending_video_jobs").symlink_to("disk-that-is-not-mounted")
    (home / "completed_videos").write_text("no folder")
    (home / "spend_ledger.jsonl").mkdir()
    code, found = findings(operate)
    assert code == 1
    assert [finding["remedy"].partition(",")[0] for finding in found["folders"]] == [
        "A folder is gone. Mount its disk",
        "One of its folders is a file. Move that file away. Nothing is lost; the work goes on by itself after that.",
    ]
    assert "Move that folder away" in found["locks"][0]["remedy"]
    assert operate("status")[0] == 75, "a queue that cannot be read is not empty"


def test_a_ledger_that_others_can_change_is_found(home, operate):
    spend(home, {})
    (home / "spend_ledger.jsonl").chmod(0o600 | stat.S_IWOTH)
    assert findings(operate)[1]["permissions"][0]["ok"] is False


def test_waiting_jobs_without_a_tick_are_found_and_a_tick_makes_it_well(home, operate):
    from tenxsom.empty_tick import LAST_TICK
    from tenxsom.pipeline import last_tick

    store = queue(home, new_job("lake"))
    assert findings(operate)[1]["scheduling"][0]["ok"] is False
    last_tick.note(store.folder)
    assert findings(operate)[1]["scheduling"][0]["ok"] is True
    then = time.time() - 3600
    os.utime(store.folder / LAST_TICK, (then, then))
    assert "60 minutes ago" in findings(operate)[1]["scheduling"][0]["message"]
    assert findings(operate)[0] == 1


def test_a_dead_endpoint_and_a_retired_model_are_found_and_no_secret_is_shown(home, operate, monkeypatch, capsys):
    monkeypatch.setenv("LTX_API_KEY", "a-secret-of-twenty-letters")
    monkeypatch.setenv("LTX_API_BASE_URL", "http://127.0.0.1:9")
    code, found = findings(operate)
    assert code == 1
    assert found["endpoints"][0]["ok"] is False
    monkeypatch.setenv("LTX_API_MODEL", "ltx-2-fast")
    code, document, err = operate("doctor")
    assert "a-secret-of-twenty-letters" not in json.dumps(document) + err
    makers = [finding for finding in document["findings"] if finding["check"] == "video service"]
    assert [finding["ok"] for finding in makers] == [False]


def test_models_of_start_frames_and_music_that_are_gone_are_found(home, operate, monkeypatch):
    assert "start frames" not in findings(operate)[1]
    for name, value in {
        "VERTEX_AI_PROJECT_ID": "demo-project", "VERTEX_GENAI_BASE_URL": "http://127.0.0.1:9", "START_FRAMES": "vertex_image",
        "VERTEX_IMAGE_MODEL_ID": "imagen-3.0-generate-001", "MUSIC_SERVICE": "lyria", "VERTEX_MUSIC_MODEL_ID": "song-1",
        "PLANNER_SERVICE": "local", "VIDEO_SERVICE": "useapi_ltx", "USEAPI_BASE_URL": "http://127.0.0.1:9/v1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    found = findings(operate)[1]
    assert "were retired in 2026" in found["start frames"][0]["message"]
    assert "is no music model" in found["music"][0]["message"]


def test_missing_credentials_and_a_quarantined_state_are_found(home, operate, monkeypatch):
    monkeypatch.setenv("VIDEO_SERVICE_FALLBACK", "ltx_api")
    store = queue(home, new_job("lake"))
    (store.folder / "lake.json").write_bytes(b"{")
    with pytest.raises(Exception, match="cannot be read"), store.claim("lake"):
        pass
    _, found = findings(operate)
    assert [finding["ok"] for finding in found["video service"]] == [True, False]
    assert "requeue lake" in found["quarantine"][0]["remedy"]
