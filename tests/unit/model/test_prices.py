"""Prices that are none are refused where the file is read, each with its path, before anything is begun with them."""

from __future__ import annotations

import copy
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenxsom.errors import BadSettings, DiskError
from tenxsom.model import prices
from tenxsom.settings import ROOT
from tenxsom.store.templates import Templates
from tests.belt import definition
from tests.broken_stat import break_stat
from tests.crash.paper_vendor import PaperVendor, paper_suite

OURS = json.loads((ROOT / "templates" / "prices.json").read_text())
PATHS = [
    ("services", "useapi_ltx", "clip_usd"),
    ("services", "useapi_ltx", "image_usd"),
    ("services", "useapi_ltx", "clip_second_usd"),
    ("services", "ltx_api", "models", "ltx-2-3-fast", "1080p"),
    ("stills", "vertex_image", "models", "gemini-3.1-flash-image", "image_usd"),
    ("voices", "gemini", "models", "gemini-3.8-flash-tts", "later", "output_usd"),
    ("music", "lyria", "models", "lyria-002", "piece_usd"),
    ("planners", "claude-haiku-5-5", "input_usd"),
    ("planners", "claude-haiku-5-5", "long_prompt", "output_usd"),
]
NO_PRICES = [
    "NaN", "nan", "Infinity", "-1", "-0.01", "1e3", "0x10", "1,50", "$1", " 1", "", "free", "1_000", "٣", "1000.01", "9" * 30,
    float("nan"), float("inf"), float("-inf"), -1, -0.01, 1000.01, 10**30, 10**400, True, False, None, [], {}, ["0.5"],
    {"usd": "1"},
]  # fmt: skip


def with_price(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(OURS)
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return document


def test_our_own_price_list_has_nothing_but_prices():
    assert prices.problems(OURS) == []


@pytest.mark.parametrize("value", NO_PRICES, ids=repr)
@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_what_is_no_price_is_named_with_its_path(path, value):
    if value is None and path[-1] == "clip_second_usd":
        pytest.skip("a service may price its models instead: that is another test")
    (problem, *_) = prices.problems(with_price(path, value))
    assert problem.startswith(".".join(path))


@pytest.mark.parametrize("value", ["0", "0.50", "1000", 0, 0.5, 1000, "0.000001"])
@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_a_price_may_be_a_number_or_its_text(path, value):
    assert prices.problems(with_price(path, value)) == []


@given(some.one_of(some.none(), some.booleans(), some.text(), some.floats(), some.integers(), some.lists(some.integers())))
def test_whatever_stands_for_a_price_it_is_one_or_is_refused(value):
    found = prices.problems(with_price(PATHS[0], value))
    try:
        amount = None if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        amount = None
    if not found:
        assert amount is not None
        assert 0 <= amount <= 1000


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "/"),
        ({}, "services"),
        ({"services": []}, "services"),
        ({"services": {"useapi_ltx": {}}}, "services.useapi_ltx.clip_usd"),
        ({"services": {"useapi_ltx": {"clip_usd": "0"}}}, "services.useapi_ltx"),
        ({"services": {}, "planners": {"x": {"input_usd": "1"}}}, "planners.x.output_usd"),
        ({"services": {}, "stills": {"x": {}}}, "stills.x.models"),
        ({"services": {}, "regional_endpoint_factor": "0"}, "regional_endpoint_factor"),
        (
            with_price(("planners", "claude-haiku-5-5", "long_prompt", "above_tokens"), "many"),
            "planners.claude-haiku-5-5.long_prompt",
        ),
    ],
)
def test_what_is_missing_or_misplaced_is_named(document, path):
    assert prices.problems(document)[0].startswith(path)


def write(home: Path, document: Any) -> None:
    (home / "templates").mkdir(exist_ok=True)
    (home / "templates" / "prices.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    "make", [lambda place: place.symlink_to("nowhere"), Path.mkdir, os.mkfifo], ids=["no disk", "folder", "pipe"]
)
def test_prices_that_are_there_but_cannot_be_read_are_not_replaced_by_the_programs_own(tmp_path, make):
    (tmp_path / "templates").mkdir()
    make(tmp_path / "templates" / "prices.json")
    with pytest.raises(BadSettings, match=r"prices\.json cannot be used: .*Repair it, or remove it"):
        _ = Templates(tmp_path, ROOT).prices


def test_the_file_and_every_path_are_named(tmp_path):
    document = with_price(PATHS[0], "NaN")
    document["planners"]["claude-haiku-5-5"]["input_usd"] = "-3"
    write(tmp_path, document)
    with pytest.raises(BadSettings) as caught:
        _ = Templates(tmp_path, ROOT).prices
    told = str(caught.value)
    assert str(tmp_path / "templates" / "prices.json") in told
    assert "services.useapi_ltx.clip_usd" in told
    assert "planners.claude-haiku-5-5.input_usd" in told
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"services": {"useapi_ltx": {"clip_usd": "3", "clip_usd": "0"}}}', "the key 'clip_usd' appears twice"),
        ('{"services": {}, "services": {}}', "the key 'services' appears twice"),
        ('{"services": {"useapi_ltx": {"clip_usd": NaN}}}', "NaN is not a number"),
        ('{"services": {"useapi_ltx": {"clip_usd": 1e999}}}', "is too large"),
        ('{"services": {}', "this is no valid JSON"),
        ("", "it is empty"),
        ("[]", "it must be a JSON object"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_price_list_that_can_be_read_in_two_ways_or_none_is_refused_with_its_name(tmp_path, text, words):
    write(tmp_path, {})
    path = tmp_path / "templates" / "prices.json"
    path.write_text(text)
    with pytest.raises(BadSettings) as caught:
        _ = Templates(tmp_path, ROOT).prices
    assert str(caught.value).startswith(f"{path} cannot be used: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "services",
    [
        {"useapi_ltx": {"image_usd": "0", "clip_usd": "NaN", "clip_second_usd": "0"}},
        {"ltx_api": {"clip_usd": "0", "clip_second_usd": "0.1"}},
    ],
    ids=["no price", "none for this service"],
)
def test_a_definition_whose_route_has_no_price_is_refused_before_it_is_accepted(tmp_path, services):
    write(tmp_path, {"services": services, "planners": {}})
    vendor = PaperVendor()
    path = tmp_path / "lake.job.json"
    path.write_text(json.dumps(definition()))
    with paper_suite(tmp_path, vendor) as app, pytest.raises(BadSettings, match="price"):
        app.orchestrator().read([str(path)])
    assert vendor.charges == []
    assert not list(tmp_path.glob("pending_video_jobs/*.json"))


def test_a_planner_without_a_price_plans_nothing_that_a_budget_is_kept_for(tmp_path):
    free = {"image_usd": "0", "clip_usd": "0", "clip_second_usd": "0"}
    write(tmp_path, {"services": {"useapi_ltx": free}, "planners": {}})
    path = tmp_path / "lake.job.json"
    path.write_text(json.dumps(definition()))
    claude = {"VERTEX_AI_PROJECT_ID": "demo", "VERTEX_AI_CLAUDE_MODEL_ID": "claude-haiku-9"}
    with paper_suite(tmp_path, PaperVendor(), DAILY_BUDGET_USD="5", **claude) as app:
        orchestrator = app.orchestrator()
        with pytest.raises(BadSettings, match="no price for the planner claude-haiku-9"):
            orchestrator.submit(orchestrator.read([str(path)])[0])
        assert list(app.ledger.lines()) == []


def test_a_folder_of_templates_whose_disk_is_not_mounted_is_not_replaced_by_the_programs_own(tmp_path):
    (tmp_path / "templates").symlink_to("nowhere")
    with pytest.raises(DiskError, match=r"Cannot look into .*templates: .*Mount its disk"):
        _ = Templates(tmp_path, ROOT).prices


def test_a_folder_of_templates_that_does_not_answer_is_not_replaced_by_the_programs_own(tmp_path, monkeypatch):
    (tmp_path / "templates").mkdir()
    break_stat(monkeypatch, tmp_path / "templates", errno.ESTALE)
    with pytest.raises(DiskError, match=r"Cannot look into .*templates"):
        Templates(tmp_path, ROOT)


LOOKS = {
    "prices": lambda templates: templates.prices,
    "platforms": lambda templates: templates.platforms,
    "archetypes": lambda templates: templates.archetype_names,
    "brands": lambda templates: templates.brand("ours"),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_folder_of_templates_that_goes_away_in_a_run_is_missed_until_it_is_there_again(tmp_path, look):
    place, mounted = tmp_path / "templates", tmp_path / "disk"
    shutil.copytree(ROOT / "templates", mounted)
    shutil.copy(next((ROOT / "templates" / "brands").glob("*.json")), mounted / "brands" / "ours.json")
    place.symlink_to(mounted)
    templates = Templates(tmp_path, ROOT)
    mounted.rename(tmp_path / "elsewhere")
    with pytest.raises(DiskError, match=r"Cannot look into .*templates: .*Mount its disk"):
        look(templates)
    (tmp_path / "elsewhere").rename(mounted)
    assert look(templates)


def test_without_a_folder_of_templates_the_programs_own_count(tmp_path):
    assert Templates(tmp_path, ROOT).prices == Templates(ROOT, ROOT).prices
    (tmp_path / "templates").write_text("a file where the folder could be")
    assert Templates(tmp_path, ROOT).prices == Templates(ROOT, ROOT).prices
