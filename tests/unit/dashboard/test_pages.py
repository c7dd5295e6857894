"""What the pages say: the same as the commands, for people and without a script."""

from __future__ import annotations

import io
import json
import re
import zipfile
from decimal import Decimal

import pytest
import requests

from tenxsom.app import App
from tenxsom.cli.manage import main
from tenxsom.model import file_names
from tenxsom.model.job import JobState
from tenxsom.settings import load
from tenxsom.store.base import SPENT, Purchase
from tests.belt import PLAIN_FILMS
from tests.states import new_clip
from tests.stores import stub_s3
from tests.unit.dashboard.conftest import Dashboard


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_today_says_what_status_says(dashboard, capsys, monkeypatch):
    monkeypatch.setenv("DAILY_BUDGET_USD", "10")
    dashboard.app.ledger.daily_budget = Decimal(10)
    dashboard.app.ledger.settle(Purchase("r", "lake", "useapi_ltx", "request_video", 0, Decimal("2.50")), SPENT)
    dashboard.put("lake", title="The lake", service="useapi_ltx")
    dashboard.put("hill", title="The hill", state=JobState.NEEDS_DECISION, clips=[new_clip(hold="decision", error="Too dark.")])
    dashboard.fail("shore", "It rained.")
    main(["status", "--json"])
    status = json.loads(capsys.readouterr().out)
    page = text_of(dashboard.client.get("/").text)
    api = dashboard.client.get("/api/v1/status").json()
    assert api["money"] == status["money"]
    assert api["on_queue"] == status["pending"] == 2
    assert api["waiting_for_somebody"] == ["hill"]
    assert "25 % of $10.00" in page
    for job in status["queue"]:
        assert job["title"] in page
        assert job["waits_for"].removeprefix("you: ") in page
    assert "It rained." in page


def test_metrics_status_and_the_dashboard_tell_the_same_numbers(dashboard, tmp_path, capsys):
    from tenxsom.metrics import Metrics

    dashboard.app.ledger.settle(Purchase("r", "lake", "useapi_ltx", "request_video", 0, Decimal("2.50")), SPENT)
    for number in range(5):
        dashboard.put(f"lake-{number}", state=JobState.WAITING if number else JobState.ACCEPTED)
    file = tmp_path / "tenxsom.prom"
    jobs = [job for content_id in dashboard.app.store.ids() if (job := dashboard.app.store.load(content_id))]
    Metrics(file, dashboard.home, dashboard.home / "pending_video_jobs", dashboard.app.store, dashboard.app.ledger).write(jobs)
    told = dict(re.findall(r'^tenxsom_jobs\{state="(\w+)"\} (\d+)', file.read_text(), re.MULTILINE))
    spent = re.findall(r'^tenxsom_money_today_usd\{entry="spent"\} ([\d.]+)', file.read_text(), re.MULTILINE)
    status = dashboard.client.get("/api/v1/status").json()
    main(["status"])
    screen = capsys.readouterr().out
    assert status["states"] == {state: int(count) for state, count in told.items() if count != "0"} == {"accepted": 1, "waiting": 4}
    assert "1 accepted" in screen
    assert "4 waiting" in screen
    assert float(spent[0]) == float(status["money"]["spent_usd"]) == 2.5


def test_the_queue_is_shown_a_page_at_a_time_and_filtered(dashboard):
    for number in range(60):
        state = JobState.WAITING if number % 2 else JobState.ACCEPTED
        dashboard.put(f"lake-{number:02}", title=f"Film {number:02}", state=state, submit_time=f"2026-11-29T00:{number:02}:00.000Z")
    first, second = dashboard.client.get("/queue").text, dashboard.client.get("/queue?page=2").text
    assert (first.count('data-job="'), second.count('data-job="')) == (50, 10)
    assert "Film 00" in first
    assert "Film 59" in second
    assert dashboard.client.get("/queue?state=waiting").text.count('data-job="') == 30
    assert dashboard.client.get("/queue?q=film+07").text.count('data-job="') == 1
    assert dashboard.client.get("/queue?page=9").text.count('data-job="') == 0


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/queue?state=wating", 400, "There is no state"),
        ("/queue?page=0", 400, "no number of a page"),
        ("/queue?page=" + "9" * 5000, 400, "no number of a page"),
        ("/library?kind=x", 400, "There is no kind"),
        ("/library?tag=x", 400, "There is no tag"),
        ("/costs?since=xyz", 400, "xyz"),
        ("/costs?by=moon", 400, "There is no group of costs"),
        ("/costs?tag=none", 400, "tag"),
        ("/jobs/none", 404, "There is no job"),
        ("/jobs/%2e%2e", 404, "There is no job"),
        ("/jobs/%2e%2e%2fetc", 404, ""),
        ("/jobs/none/retry", 404, "There is no job"),
        ("/jobs/lake/nothing", 404, "A job has no"),
        ("/jobs/none/film", 404, "moved or deleted"),
        ("/jobs/none/everything.zip", 404, "left no files"),
        ("/nothing", 404, "There is no page"),
        ("/static/nothing", 404, ""),
        ("/static/..%2fview.py", 404, ""),
        ("/new?from=none", 404, "There is no job"),
    ],
)
def test_bad_input_is_a_page_that_says_so(dashboard, address, status, said):
    answer = dashboard.client.get(address)
    assert answer.status_code == status
    assert said in text_of(answer.text)
    assert "<nav" in answer.text


def test_what_others_wrote_is_shown_and_never_run(dashboard):
    nasty = '<script>alert(1)</script>"&'
    dashboard.put("lake", title=nasty, clips=[new_clip(error=nasty)])
    dashboard.make("hill", title=nasty)
    for address in ("/", "/queue", "/library", "/jobs/lake", "/jobs/hill", "/new?from=hill", "/jobs/lake/cancel"):
        text = dashboard.client.get(address).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text, address


def test_a_kept_page_is_never_another_sessions(dashboard):
    from starlette.testclient import TestClient

    dashboard.make()
    other = TestClient(dashboard.client.app, base_url="http://127.0.0.1:8766")
    tokens = {tuple(re.findall(r'form_token" value="(\w+)"', client.get("/new").text)) for client in (dashboard.client, other)}
    assert len(tokens) == 2
    dashboard.post("/jobs/lake/note", notes="Mine.")
    assert "It is kept with the film." not in other.get("/library").text
    assert "It is kept with the film." in dashboard.client.get("/library").text
    assert "It is kept with the film." not in dashboard.client.get("/library").text


# one job


def test_a_film_plays_with_its_captions_beside_its_plan(dashboard):
    dashboard.make("lake", title="The lake")
    page = dashboard.client.get("/jobs/lake").text
    assert '<source src="/jobs/lake/film" type="video/mp4">' in page
    assert '<track kind="captions" src="/jobs/lake/captions"' in page
    assert "A lake" in page
    captions = dashboard.client.get("/jobs/lake/captions")
    assert captions.headers["content-type"].startswith("text/vtt")


def test_a_part_of_a_film_is_sent_when_a_player_asks_for_it(dashboard):
    dashboard.make("lake", film=bytes(range(256)))
    answer = dashboard.client.get("/jobs/lake/film", headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, bytes(range(10, 20)))
    assert answer.headers["content-range"] == "bytes 10-19/256"
    assert dashboard.client.get("/jobs/lake/film", headers={"Range": "bytes=-6"}).content == bytes(range(250, 256))
    assert dashboard.client.get("/jobs/lake/film", headers={"Range": "bytes=900-"}).status_code == 416
    assert dashboard.client.get("/jobs/lake/film").headers["accept-ranges"] == "bytes"


def test_a_film_in_an_object_store_is_loaded_from_there_and_its_captions_from_here(home):
    s3 = stub_s3()
    (home / "completed_videos").mkdir()
    with App(load(PLAIN_FILMS | {"TENXSOM_HOME": str(home), **s3.settings(home.as_posix().strip("/"))})) as app:
        dashboard = Dashboard(home, app)
        dashboard.make("lake", film=b"film")
        page = dashboard.client.get("/jobs/lake")
        assert f"media-src 'self' {s3.url};" in page.headers["content-security-policy"]
        shown = dashboard.client.get("/jobs/lake/film")
        assert shown.status_code == 302
        assert requests.get(shown.headers["location"], timeout=10).content == b"film"
        assert dashboard.client.get("/jobs/lake/captions").text.startswith("WEBVTT")
        assert "/jobs/lake" in dashboard.client.get("/library").text


def test_a_film_whose_file_was_moved_says_so(dashboard):
    dashboard.make("lake")
    dashboard.app.artifacts.remove("lake.mp4")
    assert "The film is not here any more" in dashboard.client.get("/jobs/lake").text
    answer = dashboard.client.get("/jobs/lake/film")
    assert answer.status_code == 404
    assert "moved or deleted" in answer.text


def test_only_a_jobs_own_files_are_sent(dashboard):
    dashboard.make("lake")
    (dashboard.home / "production.env").write_text("A=1")
    (dashboard.home / "completed_videos" / "hill.txt").write_text("private")
    for name in ("..%2fproduction.env", "%2e%2e", "hill.txt", "lake.mp4%00", "%2fetc%2fpasswd", "lake"):
        assert dashboard.client.get(f"/jobs/lake/files/{name}").status_code in (404, 307), name
    assert dashboard.client.get("/jobs/..%2f/files/production.env").status_code == 404
    answer = dashboard.client.get("/jobs/lake/files/lake_completion_report.json")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_pipe_in_the_place_of_a_film_blocks_nobody(dashboard):
    import os

    dashboard.make("lake")
    dashboard.app.artifacts.remove("lake.mp4")
    os.mkfifo(dashboard.home / "completed_videos" / "lake.mp4")
    assert "no ordinary file" in dashboard.client.get("/jobs/lake/film").text


def test_everything_of_a_job_is_one_zip_whose_size_is_known_beforehand(dashboard):
    dashboard.make("lake", film=b"f" * 3_000_000)
    dashboard.post("/jobs/lake/note", notes="Good.", star="1")
    answer = dashboard.client.get("/jobs/lake/everything.zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
        assert zipped.testzip() is None
        assert set(zipped.namelist()) == set(dashboard.app.artifacts.files_of("lake"))
        assert zipped.read("lake.mp4") == b"f" * 3_000_000
        assert b"Good." in zipped.read(file_names.film_note("lake"))


# the library


def test_notes_and_a_star_stay_with_the_film_when_it_is_made_again(dashboard):
    dashboard.make("lake")
    dashboard.post("/jobs/lake/note", notes="The best one.", star="1")
    assert "The best one." in dashboard.client.get("/jobs/lake").text
    assert dashboard.client.get("/library?kind=starred").text.count('class="card"') == 1
    assert dashboard.client.get("/library?q=best").text.count('class="card"') == 1
    assert dashboard.app.artifacts.set_aside("lake") == 1
    dashboard.make("lake")
    assert "The best one." in dashboard.client.get("/jobs/lake~1").text
    assert "The best one." not in dashboard.client.get("/jobs/lake").text


def test_the_library_is_searched_and_filtered(dashboard):
    from tenxsom.model.accepted import AcceptedDefinition

    for content_id, platform, tags in (
        ("lake", "youtube", ["water"]),
        ("hill", "tiktok", ["stone"]),
        ("shore", "tiktok", ["water"]),
    ):
        about = AcceptedDefinition(content_id=content_id, platform=platform, metadata={"tags": tags})
        dashboard.make(content_id, title=f"The {content_id}", definition=about)
    dashboard.fail("moon")
    cards = lambda query: set(re.findall(r'<a href="/jobs/([^"]+)" data-film', dashboard.client.get(f"/library{query}").text))  # noqa: E731
    assert cards("") == {"lake", "hill", "shore"}
    assert cards("?platform=tiktok") == {"hill", "shore"}
    assert cards("?tag=water&platform=tiktok") == {"shore"}
    assert cards("?q=THE+hil") == {"hill"}
    assert "It rained." in dashboard.client.get("/library?kind=failed").text


def test_a_report_that_is_changed_or_removed_is_seen(dashboard):
    dashboard.make("lake", title="One")
    dashboard.make("lake", title="Two")
    assert dashboard.board.library.get("lake").ended.title == "Two"
    dashboard.app.artifacts.remove(file_names.completion_report("lake"))
    assert dashboard.board.library.refresh()
    assert dashboard.board.library.films == ()
    assert not dashboard.board.library.refresh()


def test_an_unreadable_report_or_note_hides_no_other_film(dashboard):
    dashboard.make("lake")
    dashboard.app.artifacts.write("hill_completion_report.json", b"{")
    dashboard.app.artifacts.write("shore_completion_report.json", b"[]")
    dashboard.app.artifacts.write("lake~note.json", b"\xff")
    dashboard.board.library.refresh()
    assert [film.stem for film in dashboard.board.library.films] == ["lake"]


# costs and health


def test_the_costs_are_those_of_the_command(dashboard, capsys):
    for number, service in enumerate(("useapi_ltx", "ltx_api", "ltx_api")):
        dashboard.app.ledger.settle(Purchase(f"r{number}", "lake", service, "request_video", number, Decimal("1.25")), SPENT)
    main(["costs", "--by", "service", "--json"])
    command = json.loads(capsys.readouterr().out)
    api = dashboard.client.get("/api/v1/costs?by=service").json()
    assert (api["total_usd"], api["since"]) == (command["total_usd"], command["since"])
    assert [(row["key"], row["usd"], row["calls"]) for row in api["rows"]] == [
        (row["key"], row["usd"], row["calls"]) for row in command["rows"]
    ]
    page = dashboard.client.get("/costs?by=service").text
    assert "$3.75" in page
    assert page.count("<svg") == 2


def test_health_shows_the_findings_of_the_doctor_and_asks_once_for_all(dashboard, monkeypatch):
    from tenxsom.pipeline.doctor import Doctor, Finding

    calls = []

    def found(_):
        calls.append(1)
        return [Finding("disk", False, "It is full.", "Make room.")]

    monkeypatch.setattr(Doctor, "findings", found)
    dashboard.client.get("/health")
    dashboard.board.health.wait(10)
    page = text_of(dashboard.client.get("/health").text)
    assert "It is full. → Make room." in page
    assert "1 finding to mend." in page
    assert dashboard.client.get("/api/v1/health").json()["findings"][0]["check"] == "disk"
    assert len(calls) == 1
    dashboard.post("/health")
    dashboard.board.health.wait(10)
    assert len(calls) == 2


# odd things


@pytest.mark.parametrize("content_id", ["a b", "ünïcode", "it's", 'quo"te', "50%", "a?b#c", "a+b&c"])
def test_an_id_of_the_original_system_with_odd_letters_has_its_page(dashboard, content_id):
    dashboard.put(content_id, title="The lake")
    page = dashboard.client.get("/queue").text
    [address] = re.findall(r'<a href="(/jobs/[^"]+)"', page)
    assert "The lake" in dashboard.client.get(address).text
    dashboard.post(f"{address}/cancel")
    assert dashboard.app.store.ids() == []


def test_half_of_a_surrogate_pair_breaks_no_page_and_no_answer(dashboard):
    dashboard.put("lake", title="The \ud800 lake", clips=[new_clip(error="\udfff")])
    dashboard.make("hill", title="The \ud800 hill")
    for address in ("/", "/queue", "/jobs/lake", "/jobs/hill", "/library", "/api/v1/jobs", "/api/v1/jobs/lake", "/api/v1/films"):
        assert dashboard.client.get(address).status_code == 200, address


@pytest.mark.parametrize("text", ["[" * 5000, "{" * 2000, "\x00", "\ud800", "9" * 5000, "<b>", "=" * 10])
def test_no_text_of_a_form_is_anything_but_a_sentence(dashboard, text):
    from tenxsom.model.definition import JobDefinition

    sent = text.encode("utf-8", "replace").decode()
    answer = dashboard.post("/new", do="submit", **dict.fromkeys(JobDefinition.model_fields, sent))
    assert answer.status_code == 422
    assert 'class="problem"' in answer.text
    assert dashboard.app.store.ids() == []


def test_what_is_too_long_is_not_read_to_its_end(dashboard):
    token = dashboard.form_token()
    answer = dashboard.client.post("/new", data={"form_token": token, "title": "x" * 2_000_000})
    assert answer.status_code == 400
    assert "longer than a megabyte" in answer.text
    assert dashboard.client.post("/api/v1/submit", json={"title": "x" * 2_000_000}).status_code == 400
    assert dashboard.client.post("/new", data={f"field{number}": "x" for number in range(2000)}).status_code == 400


@pytest.mark.parametrize("page", ["/", "/jobs/lake"])
def test_every_page_names_a_script_as_it_is_typed(dashboard, page):
    dashboard.fail("lake", reason="It rained; manage_jobs.py retry lake makes it")
    text = dashboard.client.get(page).text
    assert "python3 manage_jobs.py retry lake" in text
    assert len(re.findall(r"manage_jobs\.py", text)) == len(re.findall(r"python3 manage_jobs\.py", text))
