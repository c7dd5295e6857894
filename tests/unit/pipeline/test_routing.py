"""Which service makes a job, from which start frames, and why: decided before anything is paid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tenxsom.errors import BadSettings
from tenxsom.model.definition import JobDefinition
from tenxsom.pipeline.routing import Chooser, Route, route_of
from tenxsom.services.base import Variant
from tenxsom.setting_values import Secret
from tenxsom.settings import ROOT, SERVICES, Settings
from tenxsom.store.templates import Templates
from tests.states import new_job

USEAPI = {"useapi_bearer_token": Secret("user:1")}
LTX = {"ltx_api_key": Secret("key")}
VERTEX = {"vertex_ai_project_id": "a-project"}
PAGE = {
    "content_id": "lake", "title": "The lake", "archetype": "tech_news", "tier": "premium", "target_duration": 5,
    "platform": "youtube",
}  # fmt: skip


def chooser(folder: Path, **settings: Any) -> Chooser:
    return Chooser(Settings(home=folder, **settings), Templates(folder, ROOT))


def page(**changes: Any) -> JobDefinition:
    return JobDefinition.model_validate({**PAGE, **changes})


def refusal(work: Any) -> str:
    with pytest.raises(BadSettings) as raised:
        work()
    return str(raised.value)


# the service


@pytest.mark.parametrize(
    ("credentials", "service"),
    [({}, "local_studio"), (USEAPI, "useapi_ltx"), (LTX, "ltx_api"), (USEAPI | LTX, "useapi_ltx"), (VERTEX, "local_studio")],
)
def test_auto_takes_the_first_service_with_credentials_of_its_own_and_never_veo(tmp_path, credentials, service):
    assert chooser(tmp_path, **credentials).choose(page()).service == service


def test_the_command_line_wins_over_the_definition_which_wins_over_the_setting(tmp_path):
    made = chooser(tmp_path, **LTX, **USEAPI, video_service="useapi_ltx")
    assert made.choose(page()).describe() == "useapi_ltx (VIDEO_SERVICE)"
    named = page(service="ltx_api")
    assert made.choose(named).describe() == "ltx_api ltx-2-3-fast 1080p (named by the definition)"
    assert made.choose(named, "local_studio").describe() == "local_studio (asked for with --service)"


@pytest.mark.parametrize(
    ("service", "names"),
    [("useapi_ltx", "USEAPI_BEARER_TOKEN"), ("ltx_api", "LTX_API_KEY"), ("vertex_veo", "VERTEX_AI_PROJECT_ID")],
)
def test_a_named_service_without_credentials_is_refused_and_the_missing_setting_named(tmp_path, service, names):
    sentence = refusal(lambda: chooser(tmp_path).choose(page(), service))
    assert service in sentence
    assert names in sentence


@pytest.mark.parametrize("service", SERVICES)
def test_an_estimate_needs_no_credentials(tmp_path, service):
    assert chooser(tmp_path).choose(page(), service, usable=False).service == service


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({**LTX, "ltx_api_model": "ltx-2-pro"}, "ltx-2-pro"),
        ({**LTX, "ltx_api_model": "ltx-2-5-pro", "ltx_api_resolution": "4K"}, "4K"),
        ({**VERTEX, "vertex_veo_model_id": "veo-2.0-generate-001", "video_service": "vertex_veo"}, "veo-2.0-generate-001"),
    ],
)
def test_a_model_or_a_resolution_that_is_gone_or_never_was_is_refused_before_anything_starts(tmp_path, settings, words):
    assert words in refusal(lambda: chooser(tmp_path, **settings).choose(page()))


# start frames


@pytest.mark.parametrize(
    ("service", "source"), [("useapi_ltx", "flux"), ("local_studio", "flux"), ("ltx_api", "none"), ("vertex_veo", "none")]
)
def test_by_default_a_start_frame_is_made_only_where_the_service_needs_one(tmp_path, service, source):
    assert chooser(tmp_path, **USEAPI, **LTX, **VERTEX).choose(page(), service).start_frame == source


@pytest.mark.parametrize("service", SERVICES)
def test_a_picture_of_the_users_own_is_used_by_every_service_and_over_every_setting(tmp_path, service):
    made = chooser(tmp_path, **USEAPI, **LTX, **VERTEX, start_frames="vertex_image")
    assert made.choose(page(start_image="https://example.com/lake.png"), service).start_frame == "own_picture"


def test_flux_beside_another_service_needs_a_token_of_its_own(tmp_path):
    assert "USEAPI_BEARER_TOKEN" in refusal(lambda: chooser(tmp_path, **LTX, start_frames="flux").choose(page()))
    assert chooser(tmp_path, **LTX, **USEAPI, start_frames="flux").choose(page(), "ltx_api").start_frame == "flux"


def test_the_local_studio_paints_its_own_start_frames_without_a_token(tmp_path):
    assert chooser(tmp_path, start_frames="flux").choose(page()).start_frame == "flux"


def test_a_service_that_needs_a_start_frame_cannot_go_without(tmp_path):
    assert "START_FRAMES" in refusal(lambda: chooser(tmp_path, start_frames="none").choose(page()))


def test_an_image_model_must_be_named_before_it_is_used(tmp_path):
    made = chooser(tmp_path, **LTX, **VERTEX, start_frames="vertex_image")
    assert "VERTEX_IMAGE_MODEL_ID" in refusal(lambda: made.choose(page()))


# tiers


@pytest.mark.parametrize("tier", ["premium", "standard", "volume"])
def test_every_tier_is_made_by_the_local_studio_where_there_are_no_credentials(tmp_path, tier):
    assert chooser(tmp_path).by_tier(tier).describe() == f"local_studio (tier {tier})"


@pytest.mark.parametrize(
    ("credentials", "routes"),
    [
        (LTX, ["ltx_api ltx-2-5-pro 1080p", "ltx_api ltx-2-3-pro 1080p", "ltx_api ltx-2-3-fast 1080p"]),
        (VERTEX, ["vertex_veo veo-3.1-fast-generate-001 1080p", "local_studio", "local_studio"]),
        (USEAPI, ["useapi_ltx", "useapi_ltx", "useapi_ltx"]),
    ],
)
def test_a_tier_goes_to_the_first_of_its_services_that_can_be_used(tmp_path, credentials, routes):
    made = chooser(tmp_path, **credentials)
    assert [made.by_tier(tier).describe().split(" (")[0] for tier in ("premium", "standard", "volume")] == routes


def test_a_tier_list_of_ones_own_wins(tmp_path):
    (tmp_path / "templates").mkdir()
    routes = [{"service": "ltx_api", "model": "ltx-2-3-fast", "resolution": "4K"}]
    (tmp_path / "templates" / "tiers.json").write_text(json.dumps({"premium": {"routes": routes}}))
    assert chooser(tmp_path, **LTX).by_tier("premium").variant == Variant("ltx-2-3-fast", "4K")
    assert "LTX_API_KEY" in refusal(lambda: chooser(tmp_path).by_tier("premium"))


@pytest.mark.parametrize(
    "tiers", [{}, {"premium": {}}, {"premium": {"routes": "ltx_api"}}, {"premium": {"routes": [{"service": "x"}]}}]
)
def test_a_broken_tier_list_is_one_clear_sentence(tmp_path, tiers):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "tiers.json").write_text(json.dumps(tiers))
    sentence = refusal(lambda: chooser(tmp_path).by_tier("premium"))
    assert "premium" in sentence or "video service" in sentence


# fallbacks


def test_fallbacks_come_in_their_order_without_what_cannot_be_used_and_without_the_service_itself(tmp_path):
    made = chooser(tmp_path, **LTX, video_service_fallback=("useapi_ltx", "vertex_veo", "ltx_api", "local_studio"))
    route = Route("local_studio", Variant(), "flux", "")
    assert [other.service for other in made.fallbacks(route)] == ["ltx_api"]
    assert [other.service for other in made.fallbacks(route._replace(service="ltx_api"))] == ["local_studio"]


def test_a_fallback_takes_the_users_own_picture_along(tmp_path):
    made = chooser(tmp_path, video_service_fallback=("local_studio",))
    (other,) = made.fallbacks(Route("ltx_api", Variant(), "own_picture", "", "/pictures/lake.png"))
    assert (other.start_frame, other.start_image) == ("own_picture", "/pictures/lake.png")


# what is kept


def test_a_route_survives_in_the_state_file(tmp_path):
    route = chooser(tmp_path, **LTX).choose(page())
    assert route_of(new_job(service=route.service, route=route.record())) == route


def test_a_job_of_an_earlier_version_has_the_only_route_there_was():
    assert route_of(new_job(service="useapi_ltx"))[:3] == ("useapi_ltx", Variant(), "flux")


def test_every_service_is_offered_for_a_definition_with_or_without_credentials(tmp_path):
    assert [name for name, _ in chooser(tmp_path).every(page())] == list(SERVICES)
