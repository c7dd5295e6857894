"""A film with a paid voice, paid music, stills and clips is paid for once and ends, whatever dies on its way."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tenxsom import atomic, settings
from tenxsom.app import App
from tenxsom.errors import BadInput, SubmitUnclear, TenxsomError
from tests.belt import definition
from tests.crash.deaths import Blow, Death, struck, sweep
from tests.end_to_end.test_every_definition import ClipVendor
from tests.paper_sounds import SOUNDS, PaperMusic, PaperVoice, with_sounds

SCRIPT = [{"text": "Moss remembers every rain.", "visual": "moss"}, {"text": "It forgets only the sun.", "visual": "sun"}]
PAGE = definition(script=SCRIPT, target_duration=6, clips="storyboard", captions="both", max_cost_usd=9)
POINTS = 90
"""More durable changes than the life of such a film makes."""


class Life:
    """A home, paid services of paper, and a program that is started again after each death."""

    def __init__(self, home: Path, clips: Path) -> None:
        self.home, self.vendor, self.voice, self.music = home, ClipVendor(clips), PaperVoice(), PaperMusic()

    @contextlib.contextmanager
    def app(self) -> Iterator[App]:
        environment = {"TENXSOM_HOME": str(self.home), "USEAPI_BEARER_TOKEN": "user:1-test", "POLL_CONCURRENCY": "1"}
        with with_sounds(App(settings.load(SOUNDS | environment)), self.voice, self.music) as app:
            app._services["useapi_ltx"] = app._sources["flux", "useapi_ltx"] = self.vendor
            yield app

    def submit(self) -> None:
        source = self.home / "lake.json"
        source.write_text(json.dumps(PAGE))
        with self.app() as app:
            orchestrator = app.orchestrator()
            orchestrator.submit_all(orchestrator.read([str(source)]))

    def tick(self) -> None:
        with self.app() as app:
            app.poller().tick(["lake"], at_once=True)

    def decide(self) -> None:
        """Decide as a careful user does: the vendor can be asked for a clip, a sound that nobody knows of is written off."""
        with self.app() as app, contextlib.suppress(TenxsomError):
            job = app.store.load("lake")
            intents = [clip.intent for clip in job.clips if clip.intent and clip.intent.unclear] if job else []
            app.manager().resolve("lake", None, never_sent=any(not self.vendor.knows(intent.reference) for intent in intents))

    def end(self) -> dict[str, Any]:
        """Run the program until the film is there; the same definition is submitted again where it was never accepted."""
        for _ in range(30):
            with contextlib.suppress(SubmitUnclear):
                self.submit()
                self.tick()
            with self.app() as app:
                report = app.artifacts.final_report("lake")
                job = app.store.load("lake")
            if report and not job:
                return report
            if job and any(order.intent and order.intent.unclear for order in job.orders):
                self.decide()
        raise AssertionError("the film never ends")

    def check_money(self) -> None:
        """No call was made twice, and the ledger counts at least what was charged."""
        said, kinds = Counter(self.voice.charges), Counter(charge["replyRef"] for charge in self.vendor.charges)
        assert set(said.values()) | set(kinds.values()) <= {1}, (said, kinds)
        assert len(self.music.charges) <= 1
        steps = Counter(charge["kind"] for charge in self.vendor.charges)
        assert steps["image"] <= 2
        assert steps["video"] <= 2
        with self.app() as app:
            last = {line["reference"]: line["entry"] for line in app.ledger.lines()}
        counted = [entry for entry in last.values() if entry != "released"]
        assert len(counted) >= len(self.voice.charges) + len(self.music.charges) + len(self.vendor.charges)


@pytest.fixture
def life(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Life:
    (tmp_path / "home").mkdir()
    return Life(tmp_path / "home", tmp_path_factory.mktemp("clips"))


@pytest.mark.slow
@pytest.mark.parametrize("blow", sweep(POINTS, every=13), ids=str)
def test_a_paid_film_ends_and_is_paid_once_whatever_dies_on_its_way(blow: Blow, life: Life) -> None:
    with contextlib.suppress(Death, TenxsomError), struck(blow):
        life.submit()
        life.tick()
        life.tick()
    report = life.end()
    life.check_money()
    assert report["state"] == "completed", report
    left = [
        path.name for path in (life.home / "completed_videos").iterdir() if not atomic.is_temporary(path.name) or blow.how != "half"
    ]
    assert not [name for name in left if name.endswith((".part", ".tmp")) or "film-sound" in name], left
    if not any(line["event"] == "voice_given_up" for line in report["history"]):
        assert not [name for name in left if "~sound-" in name], "what was paid for and is not used is kept for a while"
    with pytest.raises(BadInput), life.app() as app:
        app.manager().retry_cost("lake")


@pytest.mark.slow
def test_the_sweep_reaches_the_end_of_a_paid_film(life: Life) -> None:
    with struck(Blow(POINTS, "before")) as fate:
        life.submit()
        life.tick()
        life.tick()
    assert not fate.is_dead
    life.check_money()
    assert life.end()["state"] == "completed"


@pytest.mark.slow
def test_of_two_retries_at_once_one_pays_and_the_voice_and_the_music_stay(life: Life) -> None:
    life.vendor.check = "failed"
    assert life.end()["state"] == "failed"
    life.vendor.check = "ready"
    paid, start = (len(life.voice.charges), len(life.music.charges), len(life.vendor.charges)), threading.Barrier(2)
    told: list[str] = []

    def retry() -> None:
        with life.app() as app:
            job, _ = app.manager().retry_cost("lake")
            start.wait(60)
            try:
                app.manager().retry(job)
            except TenxsomError as error:
                told.append(str(error))
            app.poller().tick(["lake"], at_once=True)

    both = [threading.Thread(target=retry) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert life.end()["state"] == "completed"
    assert len(told) == 1
    assert "another" in told[0]
    assert (len(life.voice.charges), len(life.music.charges)) == paid[:2]
    assert len(life.vendor.charges) == paid[2] + 4, "two stills, of which one had failed, and two clips"
