"""A voice is paid for once: deaths and broken disks at every durable change of a narration, and inside the paid calls."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import DiskError, SubmitUnclear, TenxsomError
from tenxsom.media.speech_file import write_wav
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition
from tenxsom.model.money import ZERO, usd
from tenxsom.model.narration import SILENT, Narration
from tenxsom.pipeline.narration import Narrator
from tenxsom.store.base import RELEASED
from tenxsom.voices import espeak, hibari
from tenxsom.voices.base import Line, Speech
from tests.crash.deaths import Blow, Death, Fate, struck, sweep
from tests.states import new_job
from tests.voices import babble

TEXTS = ["Moss remembers every rain that fell on it.", "It forgets only the sun, and it forgives it."]
POINTS = 18
"""More durable changes than a narration of two segments makes."""
WAV = write_wav(babble(2.6))


class PaperVoice:
    """A paid voice in memory, which counts what it charges. `dying` strikes inside its call, after the charge."""

    service, name = "gemini", "Kore"

    def __init__(self) -> None:
        self.charges: list[str] = []
        self.dying: Callable[[], None] = lambda: None

    def say(self, line: Line) -> Speech:
        self.charges.append(line.text)
        self.dying()
        return Speech(WAV, "audio/wav", usage={"input_tokens": 10, "audio_tokens": 65})

    def close(self) -> None:
        """Nothing is open."""


class World:
    """One job with a paid voice, and a program that is started again after every death."""

    def __init__(self, home: Path) -> None:
        self.home, self.voice = home, PaperVoice()
        page = {"content_id": "lake", "title": "Moss", "archetype": "explainer", "tier": "volume", "target_duration": 6,
                "platform": "tiktok"}  # fmt: skip
        self.page = JobDefinition.model_validate(page)
        segments = [{"segment_type": "hook", "content": text, "visual_cue": "moss", "duration": 3.0} for text in TEXTS]
        plan = Blueprint.model_validate({"video_plan": {"title": "Moss", "script_segments": segments}})
        with App(settings.load()) as app, app.store.accept(new_job(definition=page, blueprint=plan)) as claim:
            assert claim

    def narrate(self) -> None:
        with App(settings.load()) as app, app.store.claim("lake") as claim:
            assert claim
            narrator = Narrator(app.settings, app.artifacts, app.paid_calls, app.prices, lambda *_: self.voice)
            narrator.narrate(claim, self.page)

    def live(self, blow: Blow | None = None, in_call: Callable[[Fate], Callable[[], None]] | None = None) -> None:
        """One life of the program: it ends by itself, by an error, or by death."""
        with contextlib.suppress(Death, DiskError, SubmitUnclear), struck(blow) as fate:
            self.voice.dying = in_call(fate) if in_call else lambda: None
            self.narrate()

    def decide(self) -> bool:
        """Write off what is unclear, as a careful user does; return whether there was anything."""
        with App(settings.load()) as app:
            job = app.store.load("lake")
            assert job
            if not any(order.intent for order in job.sounds):
                return False
            with contextlib.suppress(TenxsomError):
                app.manager().resolve("lake", None)
            return True

    def end(self) -> Narration:
        """Start the program until the narration is complete."""
        self.voice.dying = lambda: None
        for _ in range(6):
            with contextlib.suppress(SubmitUnclear):
                self.narrate()
            with App(settings.load()) as app:
                job = app.store.load("lake")
                assert job
                if job.narration and job.narration.complete:
                    return job.narration
            self.decide()
        raise AssertionError("the narration never ends")

    def check(self, narration: Narration) -> None:
        """Nothing is paid twice, nothing that was paid is forgotten, and every sound is whole."""
        assert sorted(set(self.voice.charges)) == sorted(self.voice.charges), "a sentence is paid for twice"
        with App(settings.load()) as app:
            lines = {line["reference"]: line for line in app.ledger.lines()}
        counted = [line for line in lines.values() if line["entry"] != RELEASED]  # what is reserved counts as well
        assert len(counted) >= len(self.voice.charges)
        assert sum((usd(line["usd"]) for line in counted), ZERO) > 0 or not self.voice.charges
        folder = self.home / "completed_videos"
        for segment in narration.segments:
            if narration.voice != SILENT:
                assert hashlib.sha256((folder / segment.file).read_bytes()).hexdigest() == segment.sha256
        if narration.voice != SILENT:
            assert [path.name for path in folder.glob("*~sound-*")] == []


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(hibari, "_is_installed", lambda: False)
    monkeypatch.setattr(espeak, "_library", lambda: None)
    monkeypatch.setenv("VOICE_SERVICE", "gemini")
    monkeypatch.setenv("VERTEX_AI_PROJECT_ID", "demo")
    return World(home)


@pytest.mark.slow
@pytest.mark.parametrize("blow", sweep(POINTS, every=2), ids=str)
def test_a_death_or_a_broken_disk_at_any_durable_change_pays_nothing_twice(blow, world):
    world.live(blow)
    narration = world.end()
    world.check(narration)


@pytest.mark.parametrize("call", [1, 2])
def test_a_death_inside_a_paid_call_waits_for_a_decision_and_pays_nothing_twice(call, world):
    def strikes(fate: Fate) -> Callable[[], None]:
        return lambda: fate.die() if len(world.voice.charges) == call else None

    world.live(in_call=strikes)
    assert len(world.voice.charges) == call
    with pytest.raises(SubmitUnclear):
        world.narrate()
    assert len(world.voice.charges) == call
    assert world.decide()
    narration = world.end()
    assert narration.voice == SILENT, "what was written off is not bought again"
    world.check(narration)


def test_the_sweep_reaches_the_end_of_a_narration(world):
    """With the last point struck, the program has already done everything: the sweep covers all changes."""
    with struck(Blow(POINTS, "before")) as fate:
        world.narrate()
    assert not fate.is_dead
    assert world.voice.charges == TEXTS
    world.check(world.end())
