"""A definition becomes a film that speaks, shows its words, has music and carries its brand; and it can be made again for nothing.

Real parts from the definition's bytes to the report; only the vendor is of paper, and hands out small real clips.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import BadInput, Conflict
from tenxsom.media.sound.loudness import loudness_of
from tenxsom.model.job import VideoJob
from tests import sounds
from tests.end_to_end.test_every_definition import ClipVendor, a_clip
from tests.stub_planners import KEY, StubPlanners
from tests.unit.media.test_subtitles import blocks

pytest.importorskip("hibari", reason="the voice is not installed (pip install -r requirements-voice.txt)")

SCRIPT = [
    {"text": "A kettle sings before it boils.", "visual": "A kettle on a stove"},
    {"text": "Small bubbles burst on the hot floor, one after the other.", "visual": "Bubbles in a glass pot"},
]
PAGE: dict[str, Any] = {
    "content_id": "kettle",
    "title": "Why does a kettle sing?",
    "archetype": "explainer",
    "tier": "volume",
    "target_duration": 9,
    "platform": "tiktok",
    "brand": "kitchen_table",
    "script": SCRIPT,
}


class World:
    """A home, a vendor, and the program that is opened anew for every command."""

    def __init__(self, home: Path, clips: Path) -> None:
        self.home, self.vendor = home, ClipVendor(clips)
        self.made = home / "completed_videos"

    @contextlib.contextmanager
    def app(self, **changes: str) -> Iterator[App]:
        environment = {"TENXSOM_HOME": str(self.home), "USEAPI_BEARER_TOKEN": "user:1-test", "POLL_CONCURRENCY": "1"}
        with App(settings.load(environment | changes)) as app:
            app._services["useapi_ltx"] = app._sources["flux", "useapi_ltx"] = self.vendor
            yield app

    def submit(self, page: Mapping[str, Any], **changes: str) -> None:
        source = self.home / f"{page['content_id']}.json"
        source.write_text(json.dumps(page))
        with self.app(**changes) as app:
            orchestrator = app.orchestrator()
            orchestrator.submit_all(orchestrator.read([str(source)]))

    def collect(self, **changes: str) -> None:
        for _ in range(30):
            with self.app(**changes) as app:
                if not app.store.ids():
                    return
                app.poller().tick(app.store.ids(), at_once=True)
        raise AssertionError("the queue never empties")

    def report(self, content_id: str = "kettle") -> dict[str, Any]:
        with self.app() as app:
            report = app.artifacts.final_report(content_id)
        assert report is not None
        assert report["state"] == "completed", report
        return report


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One finished film, which tests look at and never change."""
    home = tmp_path_factory.mktemp("film")
    world = World(home, tmp_path_factory.mktemp("clips"))
    world.submit(PAGE)
    world.collect()
    return world


@pytest.fixture
def copy(film: World, tmp_path: Path) -> World:
    """A finished film of one's own."""
    home = tmp_path / "home"
    shutil.copytree(film.home, home)
    world = World(home, film.vendor._folder)
    world.vendor._orders = film.vendor._orders
    return world


def letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def frames(path: Path, at: float) -> Image.Image:
    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            if float(frame.time or 0) >= at:
                return frame.to_image()
    raise AssertionError(f"{path} has no picture at {at} s")


@pytest.mark.slow
def test_the_length_asked_is_the_length_delivered(film):
    report = film.report()
    with av.open(str(film.made / "kettle.mp4")) as video:
        count = sum(1 for _ in video.decode(video=0))
        rate = float(video.streams.video[0].average_rate or 0)
    assert count / rate == 9
    assert report["media"]["seconds"] == pytest.approx(9, abs=0.05)


def test_the_voice_says_every_word_and_the_report_tells_who_speaks(film):
    report = film.report()
    assert report["narration"]["voice"] == "hibari"
    assert report["narration"]["timing"] == "durations"
    spoken = [word["text"] for segment in report["assembly"]["narration"]["segments"] for word in segment["words"]]
    assert letters(" ".join(spoken)) == letters(" ".join(segment["text"] for segment in SCRIPT))


def test_words_are_in_the_picture_and_beside_the_film(film):
    for name in ("kettle.srt", "kettle.vtt"):
        assert letters("Small bubbles burst") in letters((film.made / name).read_text(encoding="utf-8"))
    cues = blocks((film.made / "kettle.srt").read_text(encoding="utf-8"))
    middle = sum(cues[0][:2]) / 2000
    lit = np.asarray(frames(film.made / "kettle.mp4", middle).convert("L"))
    plain = np.asarray(frames(film.made / "kettle~clip01.mp4", middle).convert("L").resize(lit.shape[::-1]))
    assert (lit[:, :] > 200).sum() > (plain > 200).sum() + 30


def test_the_sound_has_the_loudness_of_the_platform_and_the_voice_stands_out(film):
    media = film.report()["media"]
    assert media["loudness_lufs"] == pytest.approx(-14, abs=0.6)
    assert media["true_peak_dbtp"] <= -0.9
    assert media["voice_above_bed_db"] > 6
    assert loudness_of(film.made / "kettle.mp4").lufs == pytest.approx(media["loudness_lufs"], abs=0.1)


def test_cuts_lie_in_the_pauses_of_the_voice(film):
    plan = VideoJob.from_dict({**film.report()["assembly"], "history": []})
    assert plan.film
    assert plan.narration
    assert len(plan.film.shots) == 2
    starts = {voice.segment: voice.start for voice in plan.film.voices}
    words = [
        (starts[segment.index] + word.start, starts[segment.index] + word.end)
        for segment in plan.narration.segments
        for word in segment.words
    ]
    assert all(not start + 0.02 < shot.start < end - 0.02 for shot in plan.film.shots for start, end in words)


def test_everything_lies_beside_the_film(film):
    files = film.report()["files"]
    assert {"video", "thumbnail", "contact_sheet", "subtitles", "web_subtitles", "blueprint", "voice_1", "music", "clip_1"} <= set(
        files
    )
    assert all((film.made / name).exists() for name in files.values())
    with Image.open(film.made / "kettle.jpg") as picture:
        assert picture.height > picture.width
    assert not [path.name for path in film.made.iterdir() if path.name.endswith((".part", ".tmp")) or "film-sound" in path.name]


@pytest.mark.slow
def test_a_film_is_made_again_in_another_shape_without_paying(copy):
    charges = len(copy.vendor.charges)
    with copy.app() as app:
        lines = list(app.ledger.lines())
        app.reassembler().reassemble("kettle", {"aspect_ratio": "1:1", "captions": "srt", "title": "It sings", "music": "none"})
        assert list(app.ledger.lines()) == lines
    assert len(copy.vendor.charges) == charges
    report = copy.report()
    assert report["media"]["width"] == report["media"]["height"]
    assert report["cost"]["total_usd"] == "0"
    assert (copy.made / "kettle~1.mp4").exists()
    assert "music" not in report["files"]


@pytest.mark.slow
def test_a_film_that_is_made_again_can_be_made_again(copy):
    with copy.app() as app:
        app.reassembler().reassemble("kettle", {"captions": "track"})
        app.reassembler().reassemble("kettle", {})
    with av.open(str(copy.made / "kettle~2.mp4")) as video:
        assert [stream.type for stream in video.streams].count("subtitle") == 1
    assert (copy.made / "kettle.mp4").exists()


def test_a_change_that_cannot_be_leaves_everything_as_it_is(copy):
    before = sorted(path.name for path in copy.made.iterdir())
    with copy.app() as app:
        for changes in ({"aspect_ratio": "4:3"}, {"brand": "nobodys"}, {"music": "lyria"}, {"music": "song.mp3"}):
            with pytest.raises(BadInput):
                app.reassembler().reassemble("kettle", changes)
        assert app.store.ids() == []
    assert sorted(path.name for path in copy.made.iterdir()) == before


def test_a_film_whose_clips_are_gone_says_so(copy):
    (copy.made / "kettle~clip01.mp4").unlink()
    with copy.app() as app, pytest.raises(BadInput, match=r"kettle~clip01\.mp4 is not kept any more"):
        app.reassembler().reassemble("kettle", {})
    with copy.app() as app, pytest.raises(BadInput, match="There is no finished film"):
        app.reassembler().reassemble("pot", {})


def test_kept_parts_go_when_they_are_old_and_not_before(copy):
    with copy.app() as app:
        app.poller()._kept_parts.sweep()  # as the tick does that works on the first job
    assert (copy.made / "kettle~clip01.mp4").exists()
    for path in copy.made.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    with copy.app() as app:
        app.poller().tick()
    left = {path.name for path in copy.made.iterdir()}
    assert not {name for name in left if "~clip" in name or "~voice" in name or "~music" in name}
    assert {"kettle.mp4", "kettle.srt", "kettle_completion_report.json"} <= left


def test_parts_of_a_job_on_the_queue_stay_however_old_they_are(copy):
    report = copy.report()
    with copy.app() as app, app.store.accept(VideoJob.from_dict({**report["assembly"], "history": []})):
        pass
    for path in copy.made.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    with copy.app() as app:
        assert app.poller()._kept_parts.sweep() == 0
    assert (copy.made / "kettle~clip01.mp4").exists()


# translations

GERMAN = ["Ein Kessel singt, bevor er kocht.", "Kleine Blasen platzen auf dem heißen Boden, eine nach der anderen."]
PLANNER = {"PLANNER_SERVICE": "openai_compatible", "PLANNER_MODEL": "small", "PLANNER_API_KEY": KEY}


def translation(*words: str) -> dict[str, Any]:
    return {"title": "Warum singt ein Kessel?", "description": "Physik am Herd.", "tags": ["Kessel"], "segments": list(words)}


@pytest.mark.slow
def test_a_film_is_translated_over_its_own_clips_and_no_clip_is_paid(copy):
    charges = len(copy.vendor.charges)
    with StubPlanners() as planner:
        planner.say(translation(*GERMAN))
        given = PLANNER | {"PLANNER_BASE_URL": planner.base_url, "VOICE_SERVICE": "none"}
        with copy.app(**given) as app:
            assert app.orchestrator().translate(app.reassembler().kept_job("kettle"), "de") == "kettle-de"
    assert len(copy.vendor.charges) == charges
    report = copy.report("kettle-de")
    said = (copy.made / "kettle-de.srt").read_text(encoding="utf-8")
    assert letters("Kleine Blasen platzen") in letters(said)
    assert "bubbles" not in said
    assert report["media"]["seconds"] == pytest.approx(9, abs=0.05)
    assert report["assembly"]["film"]["title"] == "Warum singt ein Kessel?"
    assert (copy.made / "kettle.mp4").exists()
    with copy.app(**PLANNER, PLANNER_BASE_URL="http://127.0.0.1:9/v1") as app, pytest.raises(Conflict, match="made already"):
        app.orchestrator().translate(app.reassembler().kept_job("kettle"), "de")


def test_without_a_planner_a_translation_begins_nothing(copy):
    with copy.app() as app, pytest.raises(BadInput, match="Only a planning service can translate"):
        app.orchestrator().translate(app.reassembler().kept_job("kettle"), "de")
    with copy.app() as app:
        assert app.store.ids() == []


@pytest.mark.slow
def test_a_translation_that_fails_ends_with_a_report_and_can_be_tried_again(copy):
    with StubPlanners() as planner:
        given = PLANNER | {"PLANNER_BASE_URL": planner.base_url, "VOICE_SERVICE": "none"}
        planner.say(translation(*GERMAN[:1]), translation(*GERMAN[:1]))
        with copy.app(**given) as app:
            orchestrator, source = app.orchestrator(), app.reassembler().kept_job("kettle")
            with contextlib.suppress(Exception):
                orchestrator.translate(source, "de")
            failed = app.artifacts.final_report("kettle-de")
            assert failed is not None
            assert failed["state"] == "failed"
            assert app.store.ids() == []
            planner.say(translation(*GERMAN))
            orchestrator.translate(app.reassembler().kept_job("kettle"), "de")
    assert copy.report("kettle-de")["state"] == "completed"


# other films


def brand_with_files(world: World) -> None:
    folder = world.home / "templates" / "brands"
    folder.mkdir(parents=True)
    shutil.copyfile(a_clip(world.vendor._folder, 3.0, "9:16"), folder / "intro.mp4")
    kit = {
        "name": "Steam",
        "intro": {"file": "intro.mp4"},
        "outro": {"text": "Thanks", "seconds": 1.0},
        "end_text": "More tomorrow",
    }
    (folder / "steam.json").write_text(json.dumps(kit))


@pytest.mark.slow
def test_a_brands_own_beginning_is_shown_before_the_film_and_the_length_is_as_asked(tmp_path, film):
    (tmp_path / "home").mkdir()
    world = World(tmp_path / "home", film.vendor._folder)
    brand_with_files(world)
    world.submit(PAGE | {"brand": "steam", "target_duration": 13, "transition": "crossfade", "captions": "burned"})
    shutil.rmtree(world.home / "templates")  # the brand is kept with the job
    world.collect()
    report = world.report()
    plan = report["assembly"]["film"]
    assert report["media"]["seconds"] == pytest.approx(13, abs=0.05)
    assert plan["begin"] == pytest.approx(3, abs=0.3)
    assert plan["shots"][0]["start"] == plan["begin"]
    assert plan["voices"][0]["start"] > plan["begin"]
    assert plan["voices"][-1]["start"] + plan["voices"][-1]["seconds"] < 12
    assert not (world.made / "kettle.srt").exists()


@pytest.mark.slow
def test_a_film_that_may_be_longer_says_everything_and_one_that_may_not_names_what_is_missing(tmp_path, film):
    (tmp_path / "home").mkdir()
    world = World(tmp_path / "home", film.vendor._folder)
    slow = {"voice": {"service": "hibari", "speed": 0.9}, "brand": "kitchen_table"}
    world.submit(PAGE | slow | {"content_id": "long", "target_duration": 5, "length": "at_least", "prompt": "x", "script": None})
    world.submit(PAGE | {"content_id": "one", "clips": "single", "captions": False, "music": "none", "brand": "kitchen_table"})
    world.collect()
    assert world.report("long")["media"]["seconds"] >= 5
    assert len(world.report("one")["assembly"]["clips"]) == 1
    assert "subtitles" not in world.report("one")["files"]


@pytest.mark.slow
def test_a_film_with_music_of_ones_own_is_made_from_the_copy(tmp_path, film):
    (tmp_path / "home").mkdir()
    world = World(tmp_path / "home", film.vendor._folder)
    music = sounds.write(world.home / "tune.wav", sounds.tone(4, 440, -18))
    world.submit(PAGE | {"music": "tune.wav"})
    music.unlink()
    world.collect()
    assert {"music", "music_source"} <= set(world.report()["files"])
    with world.app() as app:
        app.reassembler().reassemble("kettle", {"captions": "srt"})
    assert "music" in world.report()["files"]
