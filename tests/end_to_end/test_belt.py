"""The four scripts as processes, against the local studio: from a definition to a video that plays."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest
from PIL import Image

from tenxsom import clock
from tests.belt import PLAIN_FILMS, ROOT, TOKEN, Belt, Ended, definition


@dataclass
class Made(Belt):
    """A home, and how the run ended that made its video."""

    ended: Ended = field(init=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A home in which one definition has become a video, in process and with --wait, as `make demo` does it."""
    home = tmp_path_factory.mktemp("made")
    (home / ".local_studio").mkdir()
    (home / ".local_studio" / "scale").write_text("0.2")
    belt = Made(home)
    page = definition(target_duration=4, metadata={"campaign": {"id": 7}}, prompt="Divers, a lost lantern, blue algae")
    belt.ended = belt.run("master_orchestrator_v3.py", "--wait", "--json", belt.write(page))
    return belt


def test_wait_ends_with_a_completed_job_and_exit_code_0(made):
    assert made.ended.code == 0, made.ended.err
    document = made.ended.document
    assert (document["schema_version"], document["command"], document["ok"]) == (1, "submit", True)
    assert [job["state"] for job in document["jobs"]] == ["completed"]


def test_the_video_plays_to_its_end_with_sound(made):
    with av.open(str(made.home / "completed_videos" / "lake.mp4")) as video:
        frames = sum(1 for _ in video.decode(video=0))
        assert (video.streams.video[0].width, video.streams.video[0].height) == (256, 144)  # a fifth of 720p
        assert frames == 4 * 24  # the clip has five seconds, and four were asked for
        assert video.streams.audio


def test_what_was_asked_for_and_what_was_made_are_both_in_the_report(made):
    report = made.report("lake")
    assert report["media"]["asked_seconds"] == 4
    assert report["media"]["seconds"] == pytest.approx(4, abs=0.05)
    assert any("5 seconds are made and cut to 4" in warning for warning in report["warnings"])


def test_the_report_answers_who_what_when_and_how_much(made):
    report = made.report("lake")
    assert report["planner"]["name"] == "archetype_templates"
    assert report["service"] == "local_studio"
    assert [step["step"] for step in report["steps"]] == [
        "accepted", "planned", "image_requested", "image_ready", "image_fetched", "asset_uploaded",
        "video_requested", "video_ready", "downloaded", "verified", "reported",
    ]  # fmt: skip
    assert len(report["media"]["sha256"]) == 64
    assert report["cost"]["total_usd"] == "0"
    assert report["metadata"] == {"campaign": {"id": 7}}


def test_the_report_holds_no_email_address(made):
    assert "@" not in json.dumps(made.report("lake"))


def test_one_stem_holds_everything_and_nothing_else_is_left(made):
    names = sorted(path.name for path in (made.home / "completed_videos").iterdir())
    assert names == [
        "lake.blueprint.json",
        "lake.jpg",
        "lake.mp4",
        "lake.srt",
        "lake.vtt",
        "lake_completion_report.json",
        "lake_sheet.jpg",
    ]
    assert [path.name for path in (made.home / "pending_video_jobs").iterdir()] == [".locks"]


def test_the_thumbnail_is_a_picture_of_the_video(made):
    with Image.open(made.home / "completed_videos" / "lake.jpg") as picture:
        assert picture.size == (256, 144)


def test_the_subtitles_carry_the_script(made):
    blueprint = json.loads((made.home / "completed_videos" / "lake.blueprint.json").read_text())
    first_word = blueprint["video_plan"]["script_segments"][0]["content"].split()[0]
    assert first_word in (made.home / "completed_videos" / "lake.srt").read_text()


def test_the_same_definition_again_is_the_same_job(made):
    again = made.run("master_orchestrator_v3.py", "--json", made.home / "lake.job.json")
    assert (again.code, again.document["jobs"][0]["state"]) == (0, "completed")


def test_another_definition_with_the_same_id_is_a_conflict(made):
    other = made.write(definition(title="Another lake", target_duration=4), "other.json")
    ended = made.run("master_orchestrator_v3.py", "--json", other)
    assert ended.code == 2
    assert "another definition" in ended.document["error"]["message"]


@pytest.fixture
def made_before(made, tmp_path):
    """Another home with what `made` has completed, and the definition of that."""
    belt = Belt(tmp_path)
    for path in ("completed_videos", "pending_video_jobs"):
        (tmp_path / path).mkdir()
    (tmp_path / ".local_studio").mkdir()
    (tmp_path / ".local_studio" / "scale").write_text("0.2")
    for path in (made.home / "completed_videos").iterdir():
        (tmp_path / "completed_videos" / path.name).write_bytes(path.read_bytes())
    return belt, json.loads((made.home / "lake.job.json").read_text())


@pytest.mark.slow
def test_a_video_whose_report_was_deleted_is_not_overwritten_by_the_next_run(made_before):
    belt, page = made_before
    artifacts = belt.home / "completed_videos"
    before = (artifacts / "lake.mp4").read_bytes()
    (artifacts / "lake_completion_report.json").unlink()
    ended = belt.run("master_orchestrator_v3.py", "--wait", "--json", belt.write(page))
    assert ended.code == 0, ended.err
    assert (artifacts / "lake~1.mp4").read_bytes() == before
    assert (artifacts / "lake.mp4").exists()
    assert (artifacts / "lake_completion_report.json").exists()


@pytest.mark.slow
def test_again_keeps_the_first_ones_files_under_a_numbered_stem(made_before, tmp_path):
    belt, page = made_before
    ended = belt.run("master_orchestrator_v3.py", "--wait", "--again", "--json", belt.write(page))
    assert ended.code == 0, ended.err
    names = {path.name for path in (tmp_path / "completed_videos").iterdir()}
    assert {"lake.mp4", "lake~1.mp4", "lake~1_completion_report.json", "lake_completion_report.json"} <= names


def test_a_dry_run_writes_nothing_and_calls_nobody(tmp_path):
    belt = Belt(tmp_path)
    ended = belt.run("master_orchestrator_v3.py", "--dry-run", "--json", belt.write(definition()))
    assert ended.code == 0
    assert ended.document["jobs"][0]["clips"][0]["seconds"] == 3
    assert not list((tmp_path / "pending_video_jobs").glob("*.json"))
    assert not (tmp_path / "spend_ledger.jsonl").exists()


@pytest.fixture
def rehearsal(tmp_path, studio):
    """A home whose UseAPI account is a studio behind a socket."""
    return Belt(tmp_path, {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{studio.url}/v1"})


@pytest.mark.slow
def test_a_storyboard_becomes_one_video_of_several_clips(rehearsal, studio):
    page = definition("story", target_duration=8, clips="storyboard", aspect_ratio="1:1", archetype="quick_tips")
    assert rehearsal.submit(page).code == 0
    clips = rehearsal.state("story")["clips"]
    report = rehearsal.collect("story")
    assert len(clips) > 1
    assert sum(clip["seconds"] for clip in clips) > 8
    assert report["media"]["seconds"] == pytest.approx(8, abs=0.2)
    assert (report["media"]["width"], report["media"]["height"]) == (204, 204)
    assert not rehearsal.leftovers()


def test_many_definitions_are_submitted_in_one_run_from_a_folder(rehearsal, studio):
    folder = rehearsal.home / "jobs"
    folder.mkdir()
    for number in range(5):
        rehearsal.write(definition(f"many-{number}"), f"jobs/{number}.json")
    ended = rehearsal.run("master_orchestrator_v3.py", "--json", folder)
    assert ended.code == 0
    assert len(studio.charges()) == 10
    assert {rehearsal.state(f"many-{number}")["state"] for number in range(5)} == {"waiting"}


def test_one_bad_definition_stops_all_of_them_before_anything_starts(rehearsal, studio):
    good, bad = rehearsal.write(definition("good")), rehearsal.write(definition("bad", tier="gold", platform="myspace"))
    ended = rehearsal.run("master_orchestrator_v3.py", "--json", good, bad)
    assert ended.code == 2
    assert {problem["path"] for problem in ended.document["error"]["problems"]} == {"tier", "platform"}
    assert not studio.charges()
    assert rehearsal.state("good") is None


def test_a_definition_may_come_from_standard_input(rehearsal):
    ended = rehearsal.run("master_orchestrator_v3.py", "--json", "-", stdin=json.dumps(definition("piped")))
    assert ended.code == 0
    assert rehearsal.state("piped")["state"] == "waiting"


@pytest.mark.slow
def test_the_pending_file_holds_the_original_systems_fields(rehearsal):
    rehearsal.submit(definition())
    state = rehearsal.state("lake")
    assert state["job_id"].endswith("-type:video")
    assert state["content_id"] == "lake"
    assert state["submit_time"].endswith("Z")
    assert state["status_endpoint"].startswith("/ltxstudio/")
    assert state["expected_file_path"] == "completed_videos/lake.mp4"


def test_the_generator_submits_a_given_blueprint(rehearsal):
    segment = {"segment_type": "only", "content": "Words.", "visual_cue": "A red boat on a lake.", "duration": 3}
    blueprint = rehearsal.write({"video_plan": {"title": "Boat", "script_segments": [segment]}}, "blueprint.json")
    job = rehearsal.write(definition("boat"))
    ended = rehearsal.run("production_video_generator.py", "--json", job, "--blueprint", blueprint)
    assert ended.code == 0, ended.err
    assert rehearsal.state("boat")["clips"][0]["prompt"] == "A red boat on a lake."


@pytest.mark.slow
def test_the_planners_output_can_be_handed_to_the_generator(rehearsal):
    job = rehearsal.write(definition("handed"))
    planned = rehearsal.run("claude_video_service.py", "--local", "--json", job)
    blueprint = rehearsal.write(planned.document["blueprint"], "blueprint.json")
    assert rehearsal.run("production_video_generator.py", "--json", job, "--blueprint", blueprint).code == 0


@pytest.mark.slow
def test_a_mistake_of_ours_with_one_file_keeps_no_other_job_from_being_collected(rehearsal, studio, monkeypatch):
    from tenxsom import settings
    from tenxsom.app import App
    from tenxsom.store.files.jobs import FileJobStore

    claim = FileJobStore.claim

    def stumbling(store, content_id):
        if content_id.startswith("bad"):
            raise ZeroDivisionError
        return claim(store, content_id)

    names = ["bad1", "bad2", "bad3", "sea"]
    for name in names:
        rehearsal.run("master_orchestrator_v3.py", rehearsal.write(definition(name), f"{name}.json"))
    monkeypatch.setattr(FileJobStore, "claim", stumbling)
    given = {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{studio.url}/v1", "POLL_CONCURRENCY": "1"}
    with App(settings.load(PLAIN_FILMS | {"TENXSOM_HOME": str(rehearsal.home), **given})) as suite:
        outcomes = suite.poller().tick(names, at_once=True)
    assert [outcome.content_id for outcome in outcomes] == names
    assert [outcome.exit_code for outcome in outcomes[:3]] == [75] * 3
    assert "ZeroDivisionError" in outcomes[0].message
    assert outcomes[3].exit_code != 75


@pytest.mark.slow
def test_a_job_on_its_way_is_carried_on_with_its_blueprint_and_refused_with_another(rehearsal, studio):
    def submitted(cue):
        segment = {"segment_type": "only", "content": "Words.", "visual_cue": cue, "duration": 3}
        blueprint = rehearsal.write({"video_plan": {"title": "Boat", "script_segments": [segment]}}, "blueprint.json")
        return rehearsal.run("production_video_generator.py", "--json", job, "--blueprint", blueprint)

    job = rehearsal.write(definition("boat"))
    assert [submitted("A red boat.").code, submitted("A red boat.").code] == [0, 0]
    charges = studio.charges()
    refused = submitted("A blue boat.")
    assert refused.code == 2
    assert "another blueprint" in refused.document["error"]["message"]
    assert rehearsal.state("boat")["clips"][0]["prompt"] == "A red boat."
    assert studio.charges() == charges


def test_a_blueprint_that_is_broken_is_refused_with_its_problems(rehearsal, studio):
    blueprint = rehearsal.write({"video_plan": {"title": "x", "script_segments": [{"content": "x"}]}}, "blueprint.json")
    ended = rehearsal.run("production_video_generator.py", "--json", rehearsal.write(definition()), "--blueprint", blueprint)
    assert ended.code == 2
    assert not studio.charges()


@pytest.mark.slow
def test_every_tier_reaches_a_maker_through_the_legacy_router(rehearsal, monkeypatch):
    from tenxsom.model.job import JobState

    suite, claims = _suite_of(rehearsal, monkeypatch), []
    for tier in ("premium", "standard", "volume"):
        rehearsal.environment["VIDEO_SERVICE"] = "local_studio"
        orders = _orchestrator(suite).read([str(rehearsal.write(definition(f"tier-{tier}", tier=tier)))])
        with _planned(suite, orders[0]) as claim:
            suite.generator.generate_video(claim)
            claims.append(claim.job.state)
    assert claims == [JobState.WAITING] * 3
    suite.close()


def test_a_service_that_is_named_without_credentials_is_refused(tmp_path):
    belt = Belt(tmp_path, {"VIDEO_SERVICE": "useapi_ltx"})
    ended = belt.submit(definition())
    assert ended.code == 2
    assert "USEAPI_BEARER_TOKEN" in ended.document["error"]["message"]


@pytest.mark.slow
def test_a_wrong_token_leaves_the_job_on_the_queue_until_it_is_repaired(rehearsal, studio):
    studio.write_faults({"on": "POST /images/flux-create", "times": 1, "do": "status", "status": 401})
    ended = rehearsal.submit(definition())
    assert ended.code == 3
    assert rehearsal.state("lake")["state"] == "submitting"
    assert rehearsal.submit(definition()).code == 0
    assert rehearsal.state("lake")["state"] == "waiting"


@pytest.mark.slow
def test_a_busy_service_is_tried_again_later_by_the_poller(rehearsal, studio):
    studio.write_faults(
        {"on": "POST /videos/ltx-create", "times": 1, "do": "status", "status": 429, "headers": {"Retry-After": "7"}}
    )
    assert rehearsal.submit(definition()).code == 0  # it is safe on the queue, and waits for its place
    assert rehearsal.poll("lake").code == 0
    assert rehearsal.state("lake")["state"] == "waiting"


@pytest.mark.slow
def test_a_moderated_prompt_fails_the_job_with_a_report(rehearsal, studio):
    studio.write_faults({"on": "POST /videos/ltx-create", "times": 1, "do": "status", "status": 422})
    assert rehearsal.submit(definition()).code == 1
    report = rehearsal.report("lake")
    assert report["state"] == "failed"
    assert rehearsal.state("lake") is None


@pytest.mark.slow
def test_a_clip_that_the_service_could_not_make_ends_in_a_failure_report(rehearsal, studio):
    rehearsal.submit(definition())
    studio.write_faults({"on": "GET /assets/*", "times": 1, "do": "fail", "message": "out of paint"})
    assert rehearsal.poll("lake").code == 1
    assert "out of paint" in rehearsal.report("lake")["reason"]


def test_a_tick_over_an_empty_queue_says_so_and_when_as_every_line_of_a_log(tmp_path):
    belt = Belt(tmp_path)
    (tmp_path / "pending_video_jobs").mkdir()
    told = belt.run("poll_video_status.py").out  # into a file, as cron's line does
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z No pending video jobs\.\n", told)


@pytest.mark.slow
def test_a_tick_leaves_a_young_job_alone_until_it_is_due(rehearsal):
    rehearsal.submit(definition())
    ended = rehearsal.poll()
    assert ended.document["checked"] == 0
    assert ended.document["pending"] == 1


@pytest.mark.slow
def test_an_unreadable_state_file_is_set_aside_and_the_tick_goes_on(rehearsal):
    rehearsal.submit(definition())
    (rehearsal.home / "pending_video_jobs" / "broken.json").write_text('{"half":')
    ended = rehearsal.poll("lake", "broken")
    assert ended.code == 3
    told = {job["content_id"]: job for job in ended.document["jobs"]}
    assert told["lake"]["exit_code"] == 0
    assert "move it back" in told["broken"]["message"]
    assert (rehearsal.home / "pending_video_jobs" / "quarantine" / "broken.json").read_text() == '{"half":'


@pytest.mark.slow
def test_a_dry_run_says_what_submitting_a_known_job_means(rehearsal):
    def notes(*flags: str) -> list[str]:
        (job,) = rehearsal.submit(definition(), flags=("--dry-run", *flags)).document["jobs"]
        return [note for note in job["notes"] if "submitting it" in note]

    assert notes() == []
    rehearsal.submit(definition())
    assert "on its way already" in notes()[0]
    rehearsal.collect("lake")
    assert "--again" in notes()[0]
    assert notes("--again") == []


@pytest.mark.slow
def test_no_still_is_bought_for_a_clip_that_the_budget_does_not_hold(tmp_path, studio):
    prices = json.loads((ROOT / "templates" / "prices.json").read_bytes())
    prices["services"]["useapi_ltx"] |= {"image_usd": "0.05", "clip_usd": "0.16"}
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "prices.json").write_text(json.dumps(prices))
    account = {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{studio.url}/v1"}
    belt = Belt(tmp_path, {**account, "DAILY_BUDGET_USD": "0.30"})
    for name in ("lake", "boat", "pier"):  # $0.21 each
        belt.submit(definition(name))
    assert [charge["kind"] for charge in studio.charges()] == ["image", "video"]
    states = [belt.state(name) or {} for name in ("lake", "boat", "pier")]
    assert [state["state"] for state in states] == ["waiting", "over_budget", "over_budget"]


@pytest.mark.slow
def test_a_watch_tells_at_its_end_of_all_jobs_that_it_has_seen(rehearsal):
    rehearsal.submit(definition())
    process = rehearsal.start("poll_video_status.py", "--watch", "0.2", "--json", "lake")
    deadline = clock.Deadline(60)
    while rehearsal.report("lake") is None and not deadline.passed():
        time.sleep(0.05)
    time.sleep(0.5)  # a few ticks more, which see nothing
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    assert [(job["content_id"], job["state"]) for job in document["jobs"]] == [("lake", "completed")], err
    assert (document["completed"], document["pending"], process.returncode) == (1, 0, 0)
    assert "1 checked" in err


@pytest.mark.slow
def test_a_video_that_is_not_there_any_more_is_not_named_as_if_it_were(rehearsal, studio):
    rehearsal.submit(definition())
    rehearsal.collect("lake")
    (rehearsal.home / "completed_videos" / "lake.mp4").unlink()
    charges = len(studio.charges())
    ended = rehearsal.submit(definition())
    (job,) = ended.document["jobs"]
    assert (ended.code, job["state"], job["file"]) == (0, "completed", None)
    assert "--again" in job["message"]
    assert len(studio.charges()) == charges


@pytest.mark.slow
def test_a_job_on_its_way_is_shown_with_its_clips_and_its_state(rehearsal):
    rehearsal.submit(definition())
    shown = rehearsal.run("manage_jobs.py", "show", "lake")
    assert shown.code == 0
    facts = dict(line.split(None, 1) for line in shown.out.split("\n\n")[0].splitlines())
    assert facts["state_file"] == str(rehearsal.home / "pending_video_jobs" / "lake.json")
    assert facts["cost"].startswith("$")
    assert re.search(r"^ +1  useapi_ltx +await_video +0  ", shown.out, re.MULTILINE)


@pytest.mark.slow
def test_an_ended_job_is_shown_with_its_video_and_its_report(rehearsal):
    rehearsal.submit(definition())
    assert rehearsal.collect("lake")["state"] == "completed"
    shown = rehearsal.run("manage_jobs.py", "show", "lake")
    facts = dict(line.split(None, 1) for line in shown.out.split("\n\n")[0].splitlines())
    files = [Path(facts["video_file"]), Path(facts["report_file"])]
    assert [file.name for file in files] == ["lake.mp4", "lake_completion_report.json"]
    assert all(file.is_file() for file in files)
    assert "await_video" not in shown.out


@pytest.mark.slow
def test_a_job_whose_state_was_set_aside_is_not_ordered_again_unless_somebody_says_so(rehearsal, studio):
    rehearsal.submit(definition())
    state = rehearsal.home / "pending_video_jobs" / "lake.json"
    text = state.read_bytes()
    state.write_bytes(text[:400])
    assert rehearsal.poll("lake").code == 3
    page = rehearsal.write(definition())
    refused = rehearsal.run("master_orchestrator_v3.py", "--json", page)
    assert refused.code == 3
    assert "pending_video_jobs/quarantine" in refused.document["error"]["message"]
    assert len(studio.charges()) == 2  # the still and the clip that were ordered at first
    status = rehearsal.run("manage_jobs.py", "status", "--json").document
    assert (status["set_aside"], status["pending"]) == (["lake"], 0)
    assert "quarantine" in rehearsal.run("manage_jobs.py", "show", "lake").err
    (rehearsal.home / "pending_video_jobs" / "quarantine" / "lake.json").unlink()
    state.write_bytes(text)  # somebody has mended it
    assert rehearsal.run("manage_jobs.py", "status", "--json").document["set_aside"] == []
    assert rehearsal.run("master_orchestrator_v3.py", "--json", page).code == 0
    assert rehearsal.state("lake")["state"] == "waiting"


@pytest.mark.slow
def test_a_stop_request_finishes_the_step_in_hand_and_saves(rehearsal, studio):
    studio.write_faults({"on": "GET /assets/*", "times": 1, "do": "slow", "seconds": 1})
    process = rehearsal.start("master_orchestrator_v3.py", "--json", rehearsal.write(definition()))
    while not studio.charges():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 75
    assert rehearsal.state("lake")["state"] == "submitting"
    assert rehearsal.submit(definition()).code == 0
    assert len(studio.charges()) == 2


@pytest.mark.slow
def test_every_script_has_help():
    belt = Belt(ROOT)
    for script in Path(ROOT).glob("*.py"):
        assert belt.run(script.name, "--help").code == 0


def _suite_of(belt, monkeypatch):
    from tenxsom import settings
    from tenxsom.app import App

    return App(settings.load(belt.env()))


def _orchestrator(suite):

    return suite.orchestrator()


def _planned(suite, order):
    from contextlib import contextmanager

    @contextmanager
    def owned():
        orchestrator = _orchestrator(suite)
        with orchestrator._owned(order) as claim:
            orchestrator.plan(claim)
            orchestrator.cut(claim)
            yield claim

    return owned()


def test_a_user_who_names_an_ended_job_is_told_how_it_ended(made):
    ended = made.poll("lake")
    assert ended.code == 0
    assert [(job["content_id"], job["state"]) for job in ended.document["jobs"]] == [("lake", "completed")]


@pytest.mark.slow
def test_a_user_who_names_a_job_that_another_process_has_is_told_so(rehearsal):
    from tenxsom.store.files.jobs import FileJobStore

    assert rehearsal.submit(definition()).code == 0
    with FileJobStore(rehearsal.home / "pending_video_jobs").claim("lake"):
        ended = rehearsal.poll("lake")
    assert ended.code == 75
    assert "another process" in ended.document["jobs"][0]["message"]
