"""Every definition that is accepted ends as a verified film: any archetype, length, title and prompt, in any script.

Real parts from the definition's bytes to the report; only the vendor is of paper, and hands out small real clips of the ordered
length. A sample runs with `make test`, thousands with CRASH_POINTS=all.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tenxsom import settings as program_settings
from tenxsom.app import App
from tenxsom.http.downloads import Download
from tenxsom.media.check import check_video
from tenxsom.model.blueprint import Blueprint, parse_blueprint
from tenxsom.services.base import GenerationStatus, Submitted, VideoOrder
from tenxsom.text import columns, graphemes, is_blank
from tenxsom_studio.painting.caption import caption_layer, set_captions
from tenxsom_studio.painting.clip import ClipOrder, Cue, render_clip
from tests.belt import PLAIN_FILMS, unexpected_errors
from tests.crash.paper_vendor import PaperVendor
from tests.scripts_of_the_world import SENTENCES, any_text
from tests.unit.media.test_subtitles import blocks, letters

ALL = os.environ.get("CRASH_POINTS") == "all"
ARCHETYPES = sorted(path.stem for path in (Path(__file__).parents[2] / "templates" / "archetypes").glob("*.json"))
SIZES = {"16:9": (128, 72), "9:16": (72, 128), "1:1": (72, 72)}
UNACCEPTABLE = "".join(map(chr, (*range(32), *range(127, 160), 0x2028, 0x2029)))
thorough = settings(
    max_examples=1500 if ALL else 2,
    deadline=None,
    derandomize=not ALL,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class ClipVendor(PaperVendor):
    """A vendor whose clips are real ones, as long and as tall as they were ordered; the first one is `short_by` seconds shorter."""

    short_by = 0.0

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._orders: dict[str, VideoOrder] = {}

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        submitted = super().request_video(order, reference)
        self._orders[submitted.job_id] = order
        return submitted

    def video_status(self, video: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:
        return super().video_status(video, endpoint)._replace(url=f"https://storage.example.com/{video['job_id']}")

    def fetch(self, status: GenerationStatus, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        order = self._orders[str(status.url).rsplit("/", 1)[1]]
        seconds = order.seconds - (self.short_by if order is next(iter(self._orders.values())) else 0)
        clip = a_clip(self._folder, seconds, order.aspect_ratio)
        shutil.copyfile(clip, part)
        return Download(part, part.stat().st_size, "0" * 64, "video/mp4")


@cache
def a_clip(folder: Path, seconds: float, aspect_ratio: str) -> Path:
    """A real clip, made once for each length and shape."""
    path = folder / f"{seconds:g}-{aspect_ratio.replace(':', 'x')}.mp4"
    still = folder / "still.png"
    Image.new("RGB", (160, 90), "navy").save(still)
    render_clip(still, path, ClipOrder(*SIZES[aspect_ratio], seconds, fps=4, badge="", sound=seconds < 6))
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    logging.disable()  # the warnings of thousands of films
    yield tmp_path_factory.mktemp("clips")
    logging.disable(logging.NOTSET)


def acceptable(text: str) -> str:
    """A text as a definition may hold it."""
    return "".join(letter for letter in text if letter not in UNACCEPTABLE and not "\ud800" <= letter <= "\udfff")


titles = any_text(200).map(acceptable).filter(lambda text: not is_blank(text))
spoken = any_text(1200).map(acceptable).map(str.strip).filter(lambda text: not is_blank(text))
pages = st.fixed_dictionaries(
    {
        "content_id": st.just("film"),
        "title": titles,
        "archetype": st.sampled_from(ARCHETYPES),
        "tier": st.just("volume"),
        "target_duration": st.sampled_from((15, 30, 60, 120, 180)),
        "platform": st.sampled_from(("youtube", "tiktok", "instagram_feed")),
    },
    optional={
        "prompt": any_text(2000).map(acceptable),
        "clips": st.sampled_from(("auto", "storyboard")),
        "fit": st.just("trim"),
        "narration": st.just(False),
        "language": st.sampled_from(("zh", "th", "ar", "hi", "ja", "ko")),
    },
)
segments = st.fixed_dictionaries(
    {
        "segment_type": st.just("part"),
        "content": spoken,
        "visual_cue": st.just("A harbour at dawn."),
        "duration": st.floats(0.2, 40),
    }
)
scripts = st.lists(segments, min_size=1, max_size=6)


def as_film(
    page: dict[str, Any], clips: Path, short_by: float = 0.0, blueprint: Blueprint | None = None
) -> tuple[Path, dict[str, Any]]:
    """Submit a definition and collect it; returns the folder of what was made, and the report."""
    home = Path(tempfile.mkdtemp(prefix="film-"))
    vendor = ClipVendor(clips)
    vendor.short_by = short_by
    environment = PLAIN_FILMS | {"TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": "user:1-test", "POLL_CONCURRENCY": "1"}
    with App(program_settings.load(environment)) as app:
        app._services["useapi_ltx"] = app._sources["flux", "useapi_ltx"] = vendor
        source = home / "job.json"
        source.write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
        orchestrator = app.orchestrator()
        outcomes = orchestrator.submit_all(orchestrator.read([str(source)]), blueprint)
        for _ in range(60):
            if not app.store.ids():
                break
            outcomes = app.poller().tick(app.store.ids(), at_once=True)
            assert not any("unexpected error" in outcome.message for outcome in outcomes)
        assert not app.store.ids(), outcomes
        report = app.artifacts.final_report("film")
    assert report is not None
    assert report["state"] == "completed", report
    assert unexpected_errors(report) == []
    return home, report


def film_holds(folder: Path, report: dict[str, Any]) -> None:
    """What is true of every finished film: it is verified, and its subtitles can be read while it plays."""
    made = folder / "completed_videos"
    facts = check_video(made / "film.mp4")
    assert facts.seconds == pytest.approx(report["media"]["seconds"], abs=0.05)
    assert (made / "film.jpg").exists()
    cues = blocks((made / "film.srt").read_text(encoding="utf-8"))
    assert cues
    assert cues[-1][1] <= facts.seconds * 1000 + 150
    assert all(after[0] >= before[1] for before, after in pairwise(cues))
    assert all(end - start >= 833 for start, end, _ in cues)
    assert not [line for _, _, lines in cues for line in lines if columns(line) > 42 and len(graphemes(line)) > 1]
    plan = json.loads((made / "film.blueprint.json").read_text(encoding="utf-8"))
    said = "".join(segment["content"] for segment in plan["video_plan"]["script_segments"]).replace("-->", "→")
    shown = [line for _, _, lines in cues for line in lines]
    assert not [line for line in shown if "-->" in line]
    assert seen("".join(shown).replace("-->", "→")) == seen(said), "an arrow may be cut by a line's end"


def seen(text: str) -> str:
    """The letters that are seen: without blanks, and without marks that only say how a text is set."""
    return "".join(letter for letter in letters(text) if unicodedata.category(letter) != "Cf")


@thorough
@given(page=pages, short_by=st.sampled_from((0.0, 0.25)))
def test_every_definition_ends_as_a_verified_film(clips: Path, page: dict[str, Any], short_by: float) -> None:
    home, report = as_film(page, clips, short_by)
    film_holds(home, report)
    shutil.rmtree(home)


@pytest.mark.slow
@thorough
@given(script=scripts, mode=st.sampled_from(("auto", "storyboard")), short_by=st.sampled_from((0.0, 0.25)))
def test_every_script_ends_as_a_verified_film(clips: Path, script: list[dict[str, Any]], mode: str, short_by: float) -> None:
    page = {"content_id": "film", "title": "Given", "archetype": "explainer", "tier": "volume", "platform": "youtube"}
    plan = json.dumps({"video_plan": {"title": "Given", "script_segments": script}}).encode()
    home, report = as_film(page | {"target_duration": 15, "clips": mode}, clips, short_by, parse_blueprint(plan, "plan.json"))
    film_holds(home, report)
    shutil.rmtree(home)


@pytest.mark.slow
@settings(thorough, max_examples=1500 if ALL else 8)
@given(script=scripts, size=st.sampled_from(((320, 180), (180, 320), (240, 240))))
def test_every_script_can_be_shown_in_a_preview(script: list[dict[str, Any]], size: tuple[int, int]) -> None:
    start, cues = 0.0, []
    for segment in script:
        cues.append(Cue(start, start + segment["duration"], segment["content"]))
        start += segment["duration"]
    captions = set_captions(cues, start, *size)
    said = "".join(cue.text for cue in cues).replace("-->", "→").replace("\ufeff", "")
    assert letters("".join(caption.cue.text for caption in captions)) == letters(said)
    for caption in captions[:6]:
        layer = caption_layer(caption, *size)
        assert layer.planes[0].shape[0] + layer.y <= size[1]


@pytest.mark.case
@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_a_title_in_any_script_becomes_a_film(clips: Path, language: str) -> None:
    page = {"content_id": "film", "title": SENTENCES[language].strip()[:200], "archetype": "quick_tips", "tier": "volume"}
    home, report = as_film(page | {"platform": "youtube", "target_duration": 30, "prompt": SENTENCES[language] * 3}, clips)
    film_holds(home, report)
    assert report["title"] == page["title"]
    shutil.rmtree(home)
