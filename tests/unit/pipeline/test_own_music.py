"""The user's own music: found beside its definition, checked before anything is paid, and kept as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.errors import BadDefinition
from tenxsom.media.sound.reading import check_sound
from tenxsom.model import file_names
from tests import sounds
from tests.states import new_job


@pytest.fixture
def source(home: Path) -> Path:
    """A definition's file, with a tune beside it."""
    folder = home / "jobs"
    folder.mkdir()
    sounds.write(folder / "tune.mp3", sounds.tone(2, 440))
    (folder / "lake.json").write_text("{}")
    return folder / "lake.json"


def broken(folder: Path, kind: str) -> None:
    path = folder / "odd.mp3"
    match kind:
        case "words":
            path.write_text("These are only words. " * 300)
        case "a picture":
            from PIL import Image

            Image.new("RGB", (64, 64), "red").save(path, "PNG")
        case "silence":
            sounds.write(folder / "silent.wav", sounds.silence(2)).rename(path)
        case "a playlist":
            path.write_text(f"#EXTM3U\n#EXTINF:2,\n{folder / 'tune.mp3'}\n#EXT-X-ENDLIST\n")
        case "nothing":
            path.write_bytes(b"")
        case "a pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a link outside":
            path.symlink_to("/etc/hostname")


def page(source: Path, **changes: object) -> str:
    """The definition beside the tune as a file, whose film has that tune."""
    written = {"content_id": "lake", "title": "Why lakes are still", "archetype": "explainer", "tier": "volume",
               "target_duration": 3, "platform": "youtube_shorts", "music": "tune.mp3"}  # fmt: skip
    source.write_text(json.dumps(written | changes))
    return str(source)


def test_all_problems_of_a_definition_are_told_together_and_nothing_is_written(source: Path, home: Path) -> None:
    broken(source.parent, "words")
    with App(settings.load()) as app, pytest.raises(BadDefinition) as refused:
        app.orchestrator().read([page(source, music="odd.mp3", platform="instagram_stories", script="Still water. " * 400)])
    assert {problem.path for problem in refused.value.problems} >= {"music", "script"}
    assert refused.value.exit_code == 2
    assert not (home / "pending_video_jobs").exists()


@pytest.mark.parametrize(
    "kind", ["words", "a picture", "silence", "a playlist", "nothing", "a pipe", "a folder", "a link outside", "no file"]
)
def test_what_is_no_music_is_refused_at_its_place_before_anything_begins(source: Path, kind: str, home: Path) -> None:
    broken(source.parent, kind)
    with App(settings.load()) as app, pytest.raises(BadDefinition) as refused:
        app.orchestrator().read([page(source, music="odd.mp3")])
    assert [problem.path for problem in refused.value.problems] == ["music"]
    assert refused.value.exit_code == 2
    assert not (home / "pending_video_jobs").exists()


def test_a_file_of_the_program_is_no_music(source: Path, home: Path) -> None:
    (home / "spend_ledger.jsonl").write_text("{}\n")
    with App(settings.load()) as app, pytest.raises(BadDefinition, match="program's own; name a sound file"):
        app.orchestrator().read([page(source, music=str(home / "spend_ledger.jsonl"))])


def test_music_is_kept_as_it_was_when_its_job_was_accepted(source: Path, home: Path) -> None:
    tune = source.with_name("tune.mp3")
    as_it_was = tune.read_bytes()
    with App(settings.load()) as app:
        orchestrator = app.orchestrator()
        (order,) = orchestrator.read([page(source)])
        with orchestrator._owned(order) as claim:
            assert claim
            tune.unlink()
            app.finisher.archive_previous_run(claim)
            app.finisher.archive_previous_run(claim)
        assert app.artifacts.local(file_names.music_source("lake")).read_bytes() == as_it_was
        assert not app.artifacts.exists(file_names.given_music("lake"))


def test_music_that_disappears_before_its_job_is_accepted_is_a_bad_definition(source: Path, home: Path) -> None:
    with App(settings.load()) as app:
        orchestrator = app.orchestrator()
        (order,) = orchestrator.read([page(source)])
        source.with_name("tune.mp3").unlink()
        with pytest.raises(BadDefinition, match="music"), orchestrator._owned(order):
            pytest.fail("it was accepted")
        assert app.store.ids() == []


def test_a_second_run_has_its_own_music_and_the_first_one_keeps_its(source: Path, home: Path) -> None:
    """The files of the first run are set aside when the second one begins; its own music is not among them."""
    with App(settings.load()) as app:
        folder = home / "completed_videos"
        folder.mkdir(exist_ok=True)
        (folder / "lake~music-source").write_bytes(b"of the first run")
        (folder / "lake.mp4").write_bytes(b"of the first run")
        orchestrator = app.orchestrator()
        (order,) = orchestrator.read([page(source)])
        with orchestrator._owned(order) as claim:
            assert claim
            app.finisher.archive_previous_run(claim)
        assert (folder / "lake~1~music-source").read_bytes() == b"of the first run"
        assert check_sound(folder / "lake~music-source") == pytest.approx(2, abs=0.1)


def test_a_retry_finds_the_music_of_its_first_attempt(source: Path, home: Path) -> None:
    with App(settings.load()) as app:
        folder = home / "completed_videos"
        folder.mkdir(exist_ok=True)
        (folder / "lake~music-source").write_bytes(b"of the first attempt")
        (folder / "lake.mp4").write_bytes(b"of the first attempt")
        job = new_job(definition={"content_id": "lake", "music": "tune.mp3"})
        with app.store.accept(job) as claim:
            assert claim
            app.finisher.archive_previous_run(claim)
        assert (folder / "lake~music-source").exists()
        assert (folder / "lake~1.mp4").exists()
