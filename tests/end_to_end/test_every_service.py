"""The same definition through every service there is, against the studio behind a socket: each makes a whole, verified video."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
from flask import Flask, request
from PIL import Image

import master_orchestrator_v3
from tenxsom.model import money
from tenxsom.settings import SERVICES, SETTINGS
from tenxsom_studio.app import create_app
from tenxsom_studio.server import running
from tests.belt import ROOT, TOKEN, Belt, definition, with_small_pictures
from tests.conftest import StudioBehindASocket

pytestmark = pytest.mark.slow

NO_GOOGLE = {"NO_GCE_CHECK": "true", "GOOGLE_CLOUD_PROJECT": "a-project"}
"""Keeps google-auth from looking for a metadata server that is not there, which takes seconds."""


def access(url: str) -> dict[str, str]:
    """The settings that point every service at the studio."""
    useapi = {"USEAPI_BEARER_TOKEN": TOKEN, "USEAPI_BASE_URL": f"{url}/v1"}
    ltx = {"LTX_API_KEY": "a-key", "LTX_API_BASE_URL": url}
    return {**useapi, **ltx, **NO_GOOGLE, "VERTEX_AI_PROJECT_ID": "a-project", "VERTEX_GENAI_BASE_URL": url}


@pytest.fixture
def belt(tmp_path, studio) -> Belt:
    return Belt(with_small_pictures(tmp_path / "home"), access(studio.url))


def through(belt: Belt, service: str, **changes: Any) -> dict[str, Any]:
    """Submit one definition to a service and collect it; returns its report."""
    page = definition(service, service=service, **changes)
    ended = belt.submit(page)
    assert ended.code == 0, ended.out + ended.err
    return belt.collect(service)


def size_of(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        return stream.width, stream.height


@dataclass
class Made:
    """What one definition became at a service: its report, what was asked of the studio until the order, and what it charged."""

    report: dict[str, Any]
    calls: list[str]
    charges: list[dict[str, Any]]
    leftovers: list[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """The same definition through every service, one after the other."""
    home = with_small_pictures(tmp_path_factory.mktemp("home"))
    world = StudioBehindASocket("", tmp_path_factory.mktemp("world"))
    (world.world / "scale").write_text("0.2")
    found: dict[str, Made] = {}
    with running(world.world) as server, pytest.MonkeyPatch.context() as patch:
        belt = Belt(home, access(server.url))
        for setting in SETTINGS:
            patch.delenv(setting.name, raising=False)
        for name, value in belt.env().items():
            patch.setenv(name, value)
        local: list[str] = []
        patch.setattr("tenxsom_studio.server.create_app", lambda root, **details: noted(create_app(root, **details), local))
        remote: list[str] = []
        noted(server.app, remote)
        for service in SERVICES:
            charged = len(world.charges())
            path = belt.write(definition(service, service=service, target_duration=5))
            assert master_orchestrator_v3.main(["--json", str(path)]) == 0
            calls = [*local, *remote]
            report = belt.collect(service)
            found[service] = Made(report, calls, world.charges()[charged:], belt.leftovers())
            local.clear()
            remote.clear()
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_makes_a_verified_video_and_is_paid_once(made, service):
    report = made[service].report
    clip = report["clips"][0]
    assert report["state"] == "completed", report
    assert (clip["service"], clip["length"]["asked"]) == (service, 5)
    assert report["media"]["seconds"] >= 5
    assert clip["length"]["made"] == {"useapi_ltx": 5, "local_studio": 5}.get(service, 6)
    videos = [charge for charge in made[service].charges if charge["kind"] == "video"]
    assert len(videos) == (0 if service == "local_studio" else 1)  # the local studio keeps a world of its own
    assert made[service].leftovers == []


def test_the_readme_compares_the_services_as_they_are(made):
    found = [row_of(made[service].report, made[service].calls) for service in SERVICES]
    page = (ROOT / "docs" / "how-to" / "choose-a-service.md").read_text(encoding="utf-8")
    table = page.split("<!-- measured by tests/end_to_end/test_every_service.py -->")[1].strip().split("\n\n")[0].splitlines()[2:]
    found_table = "\n".join(f"| {' | '.join(row)} |" for row in found)
    assert "\n".join(table) == found_table


@pytest.mark.parametrize("service", ["ltx_api", "vertex_veo"])
def test_a_square_is_cut_out_of_the_middle_and_the_report_says_so(belt, service):
    report = through(belt, service, target_duration=4, aspect_ratio="1:1")
    width, height = size_of(belt.home / "completed_videos" / f"{service}.mp4")
    assert width == height
    assert report["clips"][0]["shape"] == {
        "asked": "1:1", "made": "16:9", "delivered": f"{width}x{height}", "done": "cropped in the middle",
    }  # fmt: skip
    assert any("makes no 1:1" in warning for warning in report["warnings"])


@pytest.mark.parametrize("service", ["ltx_api", "useapi_ltx"])
def test_a_clip_that_is_too_long_is_trimmed_to_the_very_length_where_the_definition_wants_it(belt, service):
    report = through(belt, service, target_duration=4, fit="trim")
    assert report["media"]["seconds"] == pytest.approx(4, abs=0.05)
    assert report["clips"][0]["length"]["done"] == "trimmed"


@pytest.mark.parametrize("service", SERVICES)
def test_a_picture_of_the_users_own_starts_the_clip_and_no_still_is_paid_for(belt, studio, service):
    Image.new("RGB", (600, 600), (200, 40, 30)).save(belt.home / "mine.png")
    report = through(belt, service, target_duration=4, start_image="mine.png")
    assert report["state"] == "completed", report
    assert report["clips"][0]["start_frame"] == "own_picture"
    assert not [charge for charge in studio.charges() if charge["kind"] == "image"]
    assert "image_requested" not in [step["step"] for step in report["steps"]]
    assert any("start frame of clip 1 was cropped" in warning for warning in report["warnings"])
    with av.open(str(belt.home / "completed_videos" / f"{service}.mp4")) as video:
        red, green, _ = next(video.decode(video=0)).to_ndarray(format="rgb24").mean(axis=(0, 1))
    assert red > 1.5 * green


@pytest.mark.parametrize("service", ["ltx_api", "vertex_veo"])
def test_flux_at_useapi_can_make_the_start_frames_of_another_service(belt, studio, service):
    belt.environment["START_FRAMES"] = "flux"
    report = through(belt, service, target_duration=4)
    assert report["state"] == "completed", report
    assert sorted(charge["kind"] for charge in studio.charges()) == ["image", "video"]


@pytest.mark.parametrize("service", ["ltx_api", "vertex_veo", "useapi_ltx"])
def test_an_image_model_on_vertex_can_make_the_start_frames_of_every_service(belt, studio, service):
    belt.environment |= {"START_FRAMES": "vertex_image", "VERTEX_IMAGE_MODEL_ID": "gemini-3.1-flash-image"}
    report = through(belt, service, target_duration=4)
    assert report["state"] == "completed", report
    assert [charge["service"] for charge in studio.charges()] == ["vertex_image", service]
    assert list((belt.home / "pending_video_jobs" / "stills").iterdir()) == []


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere.png", "cannot be read"),
        ("words.png", "is no picture"),
        ("http://example.com/a.png", "https"),
        ("ftp://a/b.png", "https"),
    ],
)
def test_a_start_image_that_is_none_is_refused_before_anything_starts(belt, studio, place, words):
    (belt.home / "words.png").write_text("mine, but no picture")
    ended = belt.submit(definition(service="ltx_api", start_image=place))
    assert ended.code == 2
    assert words in ended.out
    assert "mine, but no picture" not in ended.out + ended.err
    assert belt.state("lake") is None
    assert not studio.charges()


def test_a_long_video_becomes_clips_that_are_joined_on_every_service(belt):
    report = through(belt, "vertex_veo", target_duration=16, archetype="quick_tips")
    assert report["state"] == "completed", report
    assert len(report["clips"]) > 1
    assert report["media"]["seconds"] >= 16


# tiers


@pytest.mark.parametrize(("tier", "size"), [("premium", (384, 216)), ("standard", (384, 216)), ("volume", (384, 216))])
def test_every_tier_makes_a_real_video_by_the_router(belt, tier, size):
    ended = belt.submit(definition(tier=tier, target_duration=5), flags=("--route",))
    assert ended.code == 0, ended.out
    report = belt.collect("lake")
    assert (report["state"], report["route"]["reason"]) == ("completed", f"tier {tier}")
    assert report["clips"][0]["model"] == {"premium": "ltx-2-5-pro", "standard": "ltx-2-3-pro", "volume": "ltx-2-3-fast"}[tier]
    assert size_of(belt.home / "completed_videos" / "lake.mp4") == size


@pytest.mark.parametrize("tier", ["premium", "standard", "volume"])
def test_every_tier_makes_a_real_video_without_any_credentials(tmp_path, tier):
    belt = Belt(with_small_pictures(tmp_path))
    ended = belt.run("master_orchestrator_v3.py", "--route", "--wait", "--json", belt.write(definition(tier=tier)))
    assert ended.code == 0, ended.out + ended.err
    assert size_of(belt.home / "completed_videos" / "lake.mp4") == (256, 144)


# estimates


def test_a_dry_run_shows_every_service_with_its_price_and_why_one_cannot_make_it(belt, studio):
    page = definition(target_duration=40, clips="single", service="useapi_ltx")
    ended = belt.submit(page, flags=("--dry-run",))
    assert ended.code == 2  # the chosen one cannot make it, so there is nothing to estimate
    ended = belt.submit(definition(target_duration=15, clips="single"), flags=("--dry-run",))
    assert ended.code == 0, ended.out
    offers = {offer["service"]: offer for offer in ended.document["jobs"][0]["services"]}
    assert list(offers) == list(SERVICES)
    assert offers["ltx_api"]["estimated_usd"] == "0.96"  # 16 s of ltx-2-3-fast in 1080p
    assert "too long for a single clip" in offers["vertex_veo"]["obstacle"]
    assert not studio.charges()


def test_a_dry_run_names_what_a_service_needs_before_it_can_be_used(tmp_path):
    ended = Belt(tmp_path).submit(definition(), flags=("--dry-run",))
    offers = {offer["service"]: offer for offer in ended.document["jobs"][0]["services"]}
    assert "LTX_API_KEY" in offers["ltx_api"]["obstacle"]
    assert offers["local_studio"]["obstacle"] is None


# limits and lives


def test_a_service_at_its_limit_keeps_the_others_waiting_and_none_fails(belt, studio):
    pages = [definition(f"lake{number}", service="ltx_api", target_duration=5) for number in range(5)]
    ended = belt.submit(*pages)
    assert ended.code in (0, 75), ended.out
    for page in pages:
        report = belt.collect(page["content_id"], ticks=60)
        assert report["state"] == "completed", report
    assert len(studio.charges()) == 5


def test_a_gap_in_which_nobody_looked_is_warned_of_where_results_do_not_live_for_ever(belt):
    assert belt.submit(definition(service="ltx_api", target_duration=5)).code == 0
    path = belt.home / "pending_video_jobs" / "lake.json"
    state = belt.state("lake")
    state["clips"][0]["next_check_at"] = "2026-01-01T00:00:00.000Z"
    path.write_text(json.dumps(state))
    report = belt.collect("lake")
    assert any("Nobody looked" in warning and "24 hours" in warning for warning in report["warnings"])


# the table of docs/how-to/choose-a-service.md


def noted(app: Flask, calls: list[str]) -> Flask:
    """Note what is asked of a studio from now on: method and path, its variable parts by their names."""
    app.before_request_funcs.setdefault(None, []).insert(
        0, lambda: calls.append(f"{request.method} {request.url_rule.rule if request.url_rule else request.path}")
    )
    return app


def row_of(report: dict[str, Any], calls: list[str]) -> list[str]:
    """A service's row: what it took to order the clip, what was paid, what came out."""
    clip, paid = report["clips"][0], [item["step"] for item in report["cost"]["items"]]
    ordered = [step["step"] for step in report["steps"] if step["step"] in ORDERING]
    width, height = (int(side) * 5 for side in clip["shape"]["delivered"].split("x"))
    price = money.usd(report["cost"]["total_usd"])
    return [
        f"`{report['service']}`",
        " → ".join(STEP_WORDS[step] for step in ordered),
        f"{len(dict.fromkeys(calls))}, {len(paid)} paid",
        "nothing" if report["service"] == "local_studio" else "by subscription" if not price else money.shown(price),
        f"{clip['length']['asked']:g} → {clip['length']['made']:g} s",
        f"{width}×{height}",
    ]


ORDERING = ("image_requested", "image_ready", "image_fetched", "asset_uploaded", "video_requested")
STEP_WORDS = {
    "image_requested": "order still",
    "image_ready": "wait",
    "image_fetched": "fetch still",
    "asset_uploaded": "upload",
    "video_requested": "order clip",
}
