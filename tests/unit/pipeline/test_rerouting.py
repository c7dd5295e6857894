"""Another service takes over where one is down or retired: only what nothing has been paid for, and never silently."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.pipeline.rerouting import is_free
from tests.belt import Belt, definition
from tests.end_to_end.test_every_service import access
from tests.states import new_clip, new_job

SWITCHED_OFF = {"on": "* *", "service": "useapi_ltx", "do": "retired"}


@pytest.fixture
def belt(tmp_path, studio) -> Belt:
    (tmp_path / "home").mkdir()
    return Belt(tmp_path / "home", access(studio.url) | {"VERTEX_AI_PROJECT_ID": "", "VIDEO_SERVICE": "useapi_ltx"})


def an_hour_passes(belt: Belt) -> None:
    """Let the service of every waiting clip have been silent for an hour."""
    state = belt.state("lake")
    assert state is not None
    for clip in state["clips"]:
        if clip["down_since"]:
            clip["down_since"] = clock.stamp(clock.now() - timedelta(hours=1))
    (belt.home / "pending_video_jobs" / "lake.json").write_text(json.dumps(state))


def paid(studio: Any) -> list[str]:
    return [f"{charge['service']} {charge['kind']}" for charge in studio.charges()]


@pytest.mark.slow
def test_a_retired_service_is_left_at_once_and_the_reason_is_told_everywhere(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "vertex_veo, ltx_api"  # Veo has no project here and is passed over
    studio.write_faults(SWITCHED_OFF)
    ended = belt.submit(definition(target_duration=5))
    assert ended.code == 0, ended.out
    assert ended.document["jobs"][0]["service"] == "ltx_api"
    report = belt.collect("lake")
    assert (report["state"], report["service"], report["route"]["reason"]) == ("completed", "ltx_api", "VIDEO_SERVICE_FALLBACK")
    told = "It is made by ltx_api, because useapi_ltx cannot be used: UseAPI.net retired its LTX Studio API in March 2026"
    assert f"{told} and answers as a service that is gone." in report["warnings"]
    assert paid(studio) == ["ltx_api video"]


@pytest.mark.slow
def test_one_order_that_answers_as_gone_moves_nothing(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    studio.write_faults({"on": "POST /images/flux-create", "do": "retired", "times": 1})
    assert belt.submit(definition(target_duration=5)).code == 75
    assert belt.collect("lake")["service"] == "useapi_ltx"
    assert paid(studio) == ["useapi_ltx image", "useapi_ltx video"]


def test_without_a_fallback_a_retired_service_fails_the_job_and_names_the_living_ones(belt, studio):
    studio.write_faults(SWITCHED_OFF)
    assert belt.submit(definition()).code == 1
    report = belt.report("lake")
    assert "ltx_api" in report["reason"]
    assert "vertex_veo" in report["reason"]
    assert paid(studio) == []


def test_a_clip_with_a_paid_still_never_moves(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    studio.write_faults({"on": "POST /videos/ltx-create", "do": "retired"})
    assert belt.submit(definition()).code == 75, "one address that is gone is asked again"
    assert [belt.poll("lake").code for _ in range(2)] == [75, 1]
    assert belt.report("lake")["service"] == "useapi_ltx"
    assert paid(studio) == ["useapi_ltx image"]


@pytest.mark.slow
def test_a_clip_whose_call_is_unclear_never_moves(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    drop = {"on": "POST /images/flux-create", "do": "accept_then_drop", "times": 1}
    studio.write_faults(drop, {"on": "GET /scheduler", "do": "status", "status": 500, "times": None})
    assert belt.submit(definition()).code == 3
    studio.write_faults(SWITCHED_OFF)
    assert belt.poll("lake").code == 3
    assert (belt.state("lake")["service"], belt.state("lake")["state"]) == ("useapi_ltx", "submit_unknown")


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["refused", 503])
def test_a_service_that_stays_down_is_left_only_after_several_attempts(belt, studio, trouble):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    if trouble == "refused":
        belt.environment["USEAPI_BASE_URL"] = "http://127.0.0.1:9/v1"
    else:
        studio.write_faults({"on": "* *", "service": "useapi_ltx", "do": "status", "status": trouble, "times": None})
    assert belt.submit(definition(target_duration=5)).code == 75
    for _ in range(6):
        belt.poll("lake")
    assert belt.state("lake")["service"] == "useapi_ltx"  # a short outage moves nothing, however often it is met
    an_hour_passes(belt)
    report = belt.collect("lake")
    assert (report["state"], report["service"]) == ("completed", "ltx_api")
    assert paid(studio) == ["ltx_api video"]


@pytest.mark.slow
def test_a_busy_service_is_waited_for_however_long(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    studio.write_faults({"on": "* *", "service": "useapi_ltx", "do": "status", "status": 429, "times": None})
    assert belt.submit(definition()).code == 0
    for _ in range(6):
        belt.poll("lake")
    assert belt.state("lake")["service"] == "useapi_ltx"


@pytest.mark.slow
def test_no_reference_is_ever_used_for_two_calls(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    studio.write_faults({"on": "POST /images/flux-create", "do": "status", "status": 429, "times": None})
    belt.submit(definition(target_duration=5))
    belt.poll("lake")
    studio.write_faults({"on": "* *", "service": "useapi_ltx", "do": "status", "status": 503, "times": None})
    for _ in range(3):
        belt.poll("lake")
    an_hour_passes(belt)
    belt.poll("lake")
    ledger = [json.loads(line) for line in (belt.home / "spend_ledger.jsonl").read_text().splitlines()]
    reserved = [line["reference"] for line in ledger if line["entry"] == "reserved"]
    assert len(reserved) == len(set(reserved)) == 3
    assert paid(studio) == ["ltx_api video"]


@pytest.mark.slow
def test_nothing_goes_to_another_service_while_it_may_be_our_own_network_that_is_down(belt, studio):
    nowhere = "http://127.0.0.1:9"
    belt.environment |= {"VIDEO_SERVICE_FALLBACK": "ltx_api", "USEAPI_BASE_URL": f"{nowhere}/v1", "LTX_API_BASE_URL": nowhere}
    belt.submit(definition(target_duration=5))
    for _ in range(4):
        belt.poll("lake")
    an_hour_passes(belt)
    assert belt.poll("lake").code == 75
    assert belt.state("lake")["service"] == "useapi_ltx"
    belt.environment["LTX_API_BASE_URL"] = studio.url  # the other service answers: the network is there
    assert belt.collect("lake")["service"] == "ltx_api"
    assert paid(studio) == ["ltx_api video"]


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_fallback_that_cannot_be_used_now_either_is_passed_over(belt, studio, status):
    belt.environment |= {"VIDEO_SERVICE_FALLBACK": "ltx_api", "USEAPI_BASE_URL": "http://127.0.0.1:9/v1"}
    studio.write_faults({"on": "GET *", "service": "ltx_api", "do": "status", "status": status, "times": None})
    belt.submit(definition(target_duration=5))
    for _ in range(4):
        belt.poll("lake")
    an_hour_passes(belt)
    belt.poll("lake")
    assert (belt.state("lake")["service"], paid(studio)) == ("useapi_ltx", [])


@pytest.mark.slow
def test_an_unanswered_503_keeps_a_clip_from_moving(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    down = {"on": "GET /scheduler", "do": "status", "status": 503, "times": None}
    studio.write_faults({"on": "POST /images/flux-create", "do": "status", "status": 503, "times": None}, down)
    assert belt.submit(definition(target_duration=5)).code == 75
    for _ in range(4):
        belt.poll("lake")
    an_hour_passes(belt)
    belt.poll("lake")
    assert (belt.state("lake")["service"], belt.state("lake")["clips"][0]["intent"]["doubt"] is not None) == ("useapi_ltx", True)
    assert paid(studio) == []


def test_a_job_that_the_fallback_cannot_make_stays_where_it_is(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    studio.write_faults(SWITCHED_OFF)
    assert belt.submit(definition(target_duration=30, clips="single")).code == 1
    assert belt.report("lake")["service"] == "useapi_ltx"


@pytest.mark.slow
def test_one_clip_of_a_half_paid_job_moves_alone_and_the_video_becomes_whole(belt, studio):
    belt.environment["VIDEO_SERVICE_FALLBACK"] = "ltx_api"
    studio.write_faults({"on": "POST /images/flux-create", "do": "retired", "skip": 1})
    page = definition(target_duration=10, clips="storyboard", archetype="tech_news")
    assert belt.submit(page).code == 75
    for _ in range(8):
        belt.poll("lake")  # one address that is gone is asked again; ltx_api makes two at a time
    services = [clip["service"] for clip in (belt.state("lake") or belt.collect("lake"))["clips"]]
    assert services[0] == "useapi_ltx"
    assert set(services[1:]) == {"ltx_api"}
    report = belt.collect("lake", ticks=60)
    assert report["state"] == "completed", report
    assert report["media"]["seconds"] >= 10
    assert paid(studio).count("useapi_ltx video") == 1


@pytest.mark.parametrize(("entry", "free"), [("released", True), ("reserved", False), ("spent", False), ("unknown", False)])
def test_a_clip_is_free_only_while_all_its_money_is(entry, free):
    job = new_job(clips=[new_clip()], spend=[{"reference": "r", "clip": 0, "usd": "0", "entry": entry}])
    assert is_free(job, job.clips[0]) is free


def test_the_source_of_start_frames_is_never_a_reason_to_leave_the_video_service(belt, studio):
    belt.environment |= {"VIDEO_SERVICE": "ltx_api", "START_FRAMES": "flux", "VIDEO_SERVICE_FALLBACK": "local_studio"}
    studio.write_faults(SWITCHED_OFF)
    assert belt.submit(definition(target_duration=5)).code == 1
    assert belt.report("lake")["service"] == "ltx_api"
    assert paid(studio) == []


def test_a_job_that_its_own_cap_cannot_finish_is_not_begun(belt, studio):
    belt.environment["VIDEO_SERVICE"] = "ltx_api"
    ended = belt.submit(definition(target_duration=40, archetype="tech_news", max_cost_usd=1.0))
    assert ended.code == 3
    assert "max_cost_usd" in ended.document["jobs"][0]["message"]
    assert (belt.state("lake")["state"], paid(studio)) == ("over_budget", [])


@pytest.mark.slow
def test_a_queued_job_keeps_the_service_it_was_accepted_for_and_the_screen_says_so(belt, studio):
    belt.environment["VIDEO_SERVICE"] = "ltx_api"
    assert belt.submit(definition(target_duration=5)).code == 0
    ended = belt.submit(definition(target_duration=5), flags=("--service", "useapi_ltx"))
    assert "Made by ltx_api" in ended.err
    assert belt.state("lake")["service"] == "ltx_api"


@pytest.mark.slow
def test_a_clip_is_still_collected_after_its_model_was_changed_to_one_that_cannot_be(belt, studio):
    belt.environment["VIDEO_SERVICE"] = "ltx_api"
    assert belt.submit(definition(target_duration=5)).code == 0
    belt.environment |= {"LTX_API_MODEL": "ltx-2-pro"}
    assert belt.collect("lake")["state"] == "completed"
