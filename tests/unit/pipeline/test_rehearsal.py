"""A rehearsal is marked, has money of its own, and is never the real thing; what was put back on the queue is made once."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import BadInput, Conflict, OverBudget, ServiceBusy, TryAgainLater
from tenxsom.pipeline import lookup
from tenxsom.pipeline.spend import note_rehearsal
from tenxsom.services import registry as services
from tenxsom.services.addresses import is_vendors
from tenxsom.services.images import registry as stills
from tests.belt import definition
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.paper_sounds import SOUNDS, PaperMusic, PaperVoice, with_sounds

ELSEWHERE = {"USEAPI_BASE_URL": "http://127.0.0.1:9/v1"}
PRICES = {"services": {"useapi_ltx": {"image_usd": "0.10", "clip_usd": "0.50", "clip_second_usd": "0"}}, "planners": {}}


class House:
    """A home whose vendor is of paper: at its own address, or elsewhere."""

    def __init__(self, home: Path) -> None:
        self.home, self.vendor = home, PaperVendor()
        (home / "templates").mkdir()
        (home / "templates" / "prices.json").write_text(json.dumps(PRICES))

    def app(self, **changes: str) -> App:
        return paper_suite(self.home, self.vendor, **changes)

    def submit(self, app: App, again: bool = False, **page: Any) -> Any:
        path = self.home / "lake.job.json"
        path.write_text(json.dumps(definition(**page)))
        orchestrator = app.orchestrator(again=again)
        return orchestrator.submit(orchestrator.read([str(path)])[0])

    def collect(self, app: App) -> dict[str, Any]:
        for _ in range(5):
            app.poller().tick(["lake"], at_once=True)
        report = app.artifacts.final_report("lake")
        assert report, app.store.load("lake")
        return report

    def made(self, **changes: str) -> dict[str, Any]:
        with self.app(**changes) as app:
            self.submit(app)
            return self.collect(app)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


# what is marked


def test_what_is_made_at_another_address_is_marked_in_state_report_ledger_and_result(house):
    with house.app(**ELSEWHERE) as app:
        assert house.submit(app).rehearsal is True
        assert json.loads(app.store.load("lake").as_json())["rehearsal"] is True
        assert app.results.of("lake").rehearsal is True
        assert house.collect(app)["rehearsal"] is True
        assert app.results.of("lake").as_dict()["rehearsal"] is True
        assert [line.get("rehearsal") for line in app.ledger.lines()] == [True] * 5


def test_what_is_made_at_the_vendors_own_address_is_no_rehearsal(house):
    with house.app() as app:
        house.submit(app)
        assert house.collect(app)["rehearsal"] is False
        assert app.results.of("lake").rehearsal is False
        assert not any("rehearsal" in line for line in app.ledger.lines())


def test_a_job_that_was_accepted_as_a_rehearsal_and_ordered_from_the_vendor_is_none(house):
    house.vendor.mood = "busy"
    with house.app(**ELSEWHERE) as app:
        with pytest.raises(ServiceBusy, match="429"):
            house.submit(app)
        assert app.store.load("lake").rehearsal is True
    with house.app() as app:
        assert house.collect(app)["rehearsal"] is False
    with house.app() as app:
        assert house.submit(app) is None  # made, and paid for
    assert len(house.vendor.charges) == 2


@pytest.mark.parametrize(
    ("url", "domain", "own"),
    [
        (None, "useapi.net", True),
        ("https://api.useapi.net/v1", "useapi.net", True),
        ("https://API.useapi.net.:8443/v1", "useapi.net", True),
        ("http://127.0.0.1:8765/v1", "useapi.net", False),
        ("http://localhost/v1", "useapi.net", False),
        ("https://api.useapi.net.example.com/v1", "useapi.net", False),
        ("https://notuseapi.net/v1", "useapi.net", False),
        ("https://example.com/api.useapi.net", "useapi.net", False),
        ("https://us-central1-aiplatform.googleapis.com", "googleapis.com", True),
        ("https://x.p.googleapis.com", "googleapis.com", True),
    ],
)
def test_an_address_is_the_vendors_own_by_its_host_alone(url, domain, own):
    assert is_vendors(url, domain) is own


@pytest.mark.parametrize(
    ("billed_service", "setting"),
    [
        ("useapi_ltx", "USEAPI_BASE_URL"),
        ("ltx_api", "LTX_API_BASE_URL"),
        ("vertex_veo", "VERTEX_GENAI_BASE_URL"),
        ("vertex_image", "VERTEX_GENAI_BASE_URL"),
    ],
)
def test_every_payee_is_rehearsed_with_at_another_address(tmp_path, billed_service, setting):
    home = {"TENXSOM_HOME": str(tmp_path)}
    assert stills.is_rehearsal(billed_service, settings.load(home)) is False
    assert stills.is_rehearsal(billed_service, settings.load(home | {setting: "http://127.0.0.1:8765"})) is True
    assert services.is_rehearsal("local_studio", settings.load(home)) is True


# money of its own


def test_a_rehearsal_takes_nothing_from_the_real_budget_and_has_as_much_itself(house):
    house.made(**ELSEWHERE, DAILY_BUDGET_USD="0.60")
    with house.app(**ELSEWHERE, DAILY_BUDGET_USD="0.60") as app, pytest.raises(OverBudget, match="rehearsals"):
        house.submit(app, content_id="river")
    with house.app(DAILY_BUDGET_USD="0.60") as app:
        house.submit(app, content_id="storm")
        with pytest.raises(OverBudget):
            house.submit(app, content_id="wind")
    assert len(house.vendor.charges) == 4


# never the real thing


def test_what_was_rehearsed_is_made_for_real_and_the_rehearsals_files_are_kept_under_a_numbered_stem(house):
    house.made(**ELSEWHERE)
    with house.app() as app:
        assert house.submit(app) is not None
        assert house.collect(app)["rehearsal"] is False
    kept = json.loads((house.home / "completed_videos" / "lake~1_completion_report.json").read_text())
    assert (kept["rehearsal"], len(house.vendor.charges)) == (True, 4)
    with house.app() as app:
        assert house.submit(app) is None
    with house.app(**ELSEWHERE) as app:
        assert house.submit(app) is None  # and the real thing is never set aside for a rehearsal
    assert len(house.vendor.charges) == 4


def test_a_rehearsal_of_another_definition_does_not_keep_its_id(house):
    house.made(**ELSEWHERE)
    with house.app() as app:
        assert house.submit(app, title="Another title") is not None


def test_the_same_definition_rehearsed_twice_is_the_same_rehearsal(house):
    house.made(**ELSEWHERE)
    with house.app(**ELSEWHERE) as app:
        assert house.submit(app) is None


def test_a_rehearsal_on_its_way_is_not_carried_on_as_the_real_thing(house):
    house.vendor.check = "running"
    with house.app(**ELSEWHERE) as app, pytest.raises(TryAgainLater, match="still"):
        house.submit(app)
    with house.app() as app, pytest.raises(Conflict, match=r"on its way as a rehearsal.*manage_jobs\.py cancel lake"):
        house.submit(app)


@pytest.mark.parametrize(("service", "is_one"), [("local_studio", True), ("useapi_ltx", False)])
def test_a_report_of_an_earlier_version_is_a_rehearsals_if_the_local_studio_made_it(service, is_one):
    assert lookup.is_rehearsed({"service": service}) is is_one


# put back on the queue once


def failed(house: House, app: App) -> None:
    house.submit(app)
    house.vendor.check = "failed"
    assert house.collect(app)["state"] == "failed"
    house.vendor.check = "ready"


@pytest.mark.case
@pytest.mark.parametrize("made_in_between", [True, False], ids=["made meanwhile", "on the queue"])
def test_of_two_retries_of_one_job_one_pays(house, made_in_between):
    with house.app() as app:
        failed(house, app)
        first, second = app.manager(), app.manager()
        (job, _), (same_job, _) = first.retry_cost("lake"), second.retry_cost("lake")
        first.retry(job)
        if made_in_between:
            house.collect(app)
        before = len(house.vendor.charges)
        with pytest.raises(BadInput, match="by another command meanwhile"):
            second.retry(same_job)
        assert house.collect(app)["state"] == "completed"
        assert not list((house.home / "completed_videos").glob("lake~2*"))
        assert len(house.vendor.charges) == (before if made_in_between else before + 1)


def test_of_two_runs_with_again_one_pays(house):
    house.made()
    with house.app() as app:
        path = house.home / "lake.job.json"
        first, second = app.orchestrator(again=True), app.orchestrator(again=True)
        (order,), (same_order,) = first.read([str(path)]), second.read([str(path)])
        assert first.submit(order) is not None
        house.collect(app)
        charged = len(house.vendor.charges)
        assert second.submit(same_order) is None
        assert len(house.vendor.charges) == charged


def test_a_retry_after_the_report_was_taken_away_is_refused(house):
    with house.app() as app:
        failed(house, app)
        job, _ = app.manager().retry_cost("lake")
        app.artifacts.remove("lake_failure_report.json")
        with pytest.raises(BadInput):
            app.manager().retry(job)


# prices and caps that bind before anything is begun


def planned_for(cents: str) -> Callable[..., Any]:
    return lambda *_: pytest.fail(f"planned although the cap does not hold {cents}")


@pytest.mark.case
def test_planning_is_within_the_jobs_own_cap(house, monkeypatch):
    with house.app() as app:
        orchestrator = app.orchestrator()
        monkeypatch.setattr(orchestrator.planner, "most_usd", lambda: Decimal("0.02"))
        monkeypatch.setattr(orchestrator.planner, "plan", planned_for("$0.02"))
        path = house.home / "lake.job.json"
        path.write_text(json.dumps(definition(max_cost_usd=0.01)))
        with pytest.raises(OverBudget, match=r"\$0\.02 for plan would pass max_cost_usd: \$0\.00 of \$0\.01"):
            orchestrator.submit(orchestrator.read([str(path)])[0])
        assert app.store.load("lake").state == "over_budget"
        assert list(app.ledger.lines()) == []


# voices, music and stills of a stand-in


STAND_IN = {"VERTEX_GENAI_BASE_URL": "http://127.0.0.1:9"}


def with_voice(house: House, **changes: str) -> App:
    return with_sounds(house.app(**SOUNDS | changes), PaperVoice(), PaperMusic())


@pytest.mark.parametrize("sounds", [{"MUSIC_SERVICE": "none"}, {"VOICE_SERVICE": "none"}], ids=["voice", "music"])
def test_one_stand_in_among_real_services_makes_a_film_a_rehearsal(sounds, house):
    with with_voice(house, **STAND_IN, **sounds) as app:
        job = house.submit(app)
        assert job.rehearsal is True
        lines = {line["step"]: line.get("rehearsal", False) for line in job.spend}
        assert lines == {"speak" if "MUSIC_SERVICE" in sounds else "compose": True, "request_image": False, "request_video": False}
        house.submit(app)  # the same film, made in the same way, is on its way already
    with with_voice(house, **sounds) as app, pytest.raises(Conflict, match="on its way as a rehearsal"):
        house.submit(app)


def test_a_film_whose_voice_is_the_vendors_own_is_no_rehearsal(house):
    with with_voice(house) as app:
        assert house.submit(app).rehearsal is False
        assert not any("rehearsal" in line for line in app.ledger.lines())


def test_a_plan_from_a_stand_in_makes_no_film_a_rehearsal(house):
    with house.app() as app:
        job = house.submit(app)
        job.spend.append({"reference": "r.plan", "step": "plan", "clip": None, "usd": "0.05", "entry": "spent", "rehearsal": True})
        note_rehearsal(job)
        assert job.rehearsal is False
