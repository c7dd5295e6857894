"""Taking clips in: what is refused, what is kept and asked about, and what is told of a clip that came otherwise than asked."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tenxsom import clock, settings
from tenxsom.app import App
from tenxsom.errors import BadInput, BrokenMedia, DiskError, NoTurn, OutOfTime
from tenxsom.http.downloads import Download
from tenxsom.media import video_check
from tenxsom.media.join import plays_as_mp4
from tenxsom.model.clip import DECISION
from tenxsom.pipeline import queue_view
from tenxsom.pipeline.delivery import media_work
from tenxsom.pipeline.results import JobResult
from tests.belt import PLAIN_FILMS, TOKEN, definition
from tests.broken_stat import break_stat
from tests.crash.paper_vendor import PaperVendor
from tests.odd_videos import payload, turn, write_clip

START = datetime(2026, 11, 29, 9, tzinfo=UTC)


class FilmVendor(PaperVendor):
    """A vendor in memory whose clips are files that a test has made, one after the other; the last one from then on."""

    def __init__(self, *films: Path) -> None:
        super().__init__()
        self.films = list(films)
        self.downloads = 0

    def fetch(self, status: Any, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        self.downloads += 1
        data = (self.films.pop(0) if len(self.films) > 1 else self.films[0]).read_bytes()
        part.write_bytes(data)
        return Download(part, len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


class World:
    """A home, a vendor and a clock in the test's hands; clips are really looked at."""

    def __init__(self, home: Path, *films: Path, **changes: str) -> None:
        self.home, self.vendor, self.moment = home, FilmVendor(*films), START
        self.app = App(settings.load(PLAIN_FILMS | {"TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": TOKEN, **changes}))
        self.app._services["useapi_ltx"] = self.vendor
        self.app._sources["flux", "useapi_ltx"] = self.vendor
        self.manager = self.app.manager()

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def submit(self, **changes: Any) -> None:
        source = self.home / "lake.page.json"
        source.write_text(json.dumps(definition(**changes)))
        orchestrator = self.app.orchestrator()
        orchestrator.submit_all(orchestrator.read([str(source)]))
        self.moment += timedelta(minutes=1)

    def tick(self, minutes: float = 10, limit: float | None = None) -> JobResult | None:
        outcomes = self.app.poller(limit).tick()
        self.moment += timedelta(minutes=minutes)
        return outcomes[0] if outcomes else None

    @property
    def report(self) -> dict[str, Any]:
        found = self.app.artifacts.final_report("lake")
        assert found is not None
        return found

    @property
    def clip(self) -> Any:
        job = self.app.store.load("lake")
        assert job is not None
        return job.clips[0]

    def files(self) -> set[str]:
        return {path.name for path in (self.home / "completed_videos").iterdir()}


@pytest.fixture
def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made = []

    def make(*films: Path, **changes: str) -> World:
        home = tmp_path / "home"
        home.mkdir()
        made.append(World(home, *films, **changes))
        monkeypatch.setattr(clock, "now", made[-1].now)
        return made[-1]

    yield make
    for world in made:
        world.app.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "good.mp4", size=(320, 180))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Whole to look at, its sound is noise."""
    data = bytearray(write_clip(tmp_path / "broken.mp4", size=(320, 180)).read_bytes())
    for at, size in payload(tmp_path / "broken.mp4", "audio")[1:]:
        data[at : at + size] = os.urandom(size)
    (tmp_path / "broken.mp4").write_bytes(data)
    return tmp_path / "broken.mp4"


def test_a_broken_file_is_fetched_again_and_the_good_one_is_published(make_world, good, broken):
    world = make_world(broken, good)
    world.submit()
    first = world.tick()
    assert (first.exit_code, world.clip.refusal.times) == (75, 1)
    assert not [name for name in world.files() if name.endswith(".part")]
    world.tick()
    assert world.report["state"] == "completed"
    assert world.report["media"]["sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    assert len(world.vendor.charges) == 2


def looks_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded from now on."""
    looks: list[str] = []
    real = video_check._Pass.facts

    def facts(self: video_check._Pass) -> video_check.VideoFacts:
        looks.append(self._path.name)
        return real(self)

    monkeypatch.setattr(video_check._Pass, "facts", facts)
    return looks


def test_a_film_that_is_one_clip_is_decoded_once(make_world, good, monkeypatch):
    looks = looks_of(monkeypatch)
    world = make_world(good)
    world.submit()
    world.tick()
    assert world.report["state"] == "completed"
    assert looks == ["lake.mp4.part"]


@pytest.mark.slow
@pytest.mark.case
@pytest.mark.parametrize(
    ("form", "how"),
    [
        ({"codec": "libvpx-vp9", "container": "webm"}, "encoded"),
        ({"container": "matroska"}, "copied"),
        ({"codec": "mjpeg", "pixels": "yuvj420p", "container": "mov"}, "encoded"),
    ],
    ids=["webm", "matroska", "motion jpeg"],
)
def test_a_film_of_one_clip_is_an_mp4_whatever_the_service_made(make_world, tmp_path, form, how):
    world = make_world(write_clip(tmp_path / "clip", size=(160, 90), **form))
    world.submit()
    world.tick()
    assert f"{how} into an MP4" in world.report["media"]["refitted"]
    assert world.report["media"]["video_codec"] == "h264"
    assert plays_as_mp4(world.home / "completed_videos" / "lake.mp4")


@pytest.mark.slow
def test_a_joined_film_is_decoded_as_well(make_world, good, monkeypatch):
    looks = looks_of(monkeypatch)
    world = make_world(write_clip(good, seconds=5, size=(320, 180)))
    world.submit(target_duration=10, clips="storyboard", archetype="tech_news")
    world.tick()
    assert world.report["state"] == "completed"
    assert looks[-1] == "lake.mp4"
    assert len(looks) == len(world.report["clips"]) + 1


@pytest.mark.case
def test_a_file_that_comes_broken_three_times_alike_is_kept_and_somebody_is_asked(make_world, broken):
    world = make_world(broken)
    world.submit()
    assert [world.tick().exit_code for _ in range(3)] == [75, 75, 3]
    refusal = world.clip.refusal
    assert refusal.url == "https://storage.example.com/result"
    assert refusal.reason.startswith("lake.mp4.part is not a playable video")
    assert (world.home / "completed_videos" / refusal.file).read_bytes() == broken.read_bytes()
    job = world.app.store.load("lake")
    assert job.state == "needs_decision"
    standing = world.app.results.of("lake")
    assert standing.exit_code == 3
    assert "--take-as-is" in str(world.tick(minutes=60) or world.tick().message)


def test_different_damage_each_time_is_no_reason_to_ask(make_world, good, tmp_path):
    """A host that breaks files in another way each time may deliver a whole one yet."""
    films = []
    for share in (0.4, 0.5, 0.6, 0.7):
        films.append(tmp_path / f"{share}.mp4")
        films[-1].write_bytes(good.read_bytes()[: int(good.stat().st_size * share)])
    world = make_world(*films, good)
    world.submit()
    assert [world.tick().exit_code for _ in range(4)] == [75] * 4
    world.tick()
    assert world.report["state"] == "completed"
    assert world.files() == {"lake.mp4", "lake.jpg", "lake.srt", "lake.blueprint.json", "lake_completion_report.json"}


def test_a_service_that_mends_its_file_needs_no_decision(make_world, good, broken):
    world = make_world(broken, broken, broken, good)
    world.submit()
    for _ in range(3):
        world.tick()
    assert world.app.store.load("lake").state == "needs_decision"
    assert world.tick(minutes=55) is None, "it is looked at once an hour"
    world.tick()
    assert world.report["state"] == "completed"
    assert "lake~refused01.mp4" not in world.files()


def test_a_refused_file_is_published_on_somebodys_word_and_the_report_says_so(make_world, broken):
    world = make_world(broken)
    world.submit()
    for _ in range(3):
        world.tick()
    world.manager.resolve("lake", None, take_as_is=True)
    world.tick()
    assert world.report["state"] == "completed"
    assert any("taken as it is" in warning for warning in world.report["warnings"])
    assert (world.home / "completed_videos" / "lake.mp4").read_bytes() == broken.read_bytes()
    assert len(world.vendor.charges) == 2


def test_a_refused_file_is_given_up_on_somebodys_word_and_a_retry_names_a_price(make_world, good, broken):
    world = make_world(broken, broken, broken, good)
    world.submit()
    for _ in range(3):
        world.tick()
    said = world.manager.resolve("lake", None)
    assert "manage_jobs.py retry lake" in said
    assert world.report["state"] == "failed"
    assert "refused_1" in world.report["files"]
    job, _ = world.manager.retry_cost("lake")
    world.manager.retry(job)
    for _ in range(3):
        world.tick()
    assert world.report["state"] == "completed"
    assert sum(charge["kind"] == "video" for charge in world.vendor.charges) == 2


def test_what_nobody_decides_about_ends_after_the_deadline_with_the_file_kept(make_world, broken):
    world = make_world(broken, JOB_DEADLINE_HOURS="2")
    world.submit()
    for _ in range(20):
        world.tick(minutes=60)
    assert world.report["state"] == "failed"
    assert ". Nobody decided" in world.report["reason"]
    assert "lake~refused01.mp4" in world.files()
    world.manager.resolve("lake", None, take_as_is=True)
    world.tick()
    assert world.report["state"] == "completed"


def test_what_nothing_can_play_is_not_taken_as_it_is(make_world, tmp_path):
    (tmp_path / "noise.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + os.urandom(3000))
    world = make_world(tmp_path / "noise.mp4")
    world.submit()
    for _ in range(3):
        world.tick()
    with pytest.raises(BadInput, match="nothing can play it"):
        world.manager.resolve("lake", None, take_as_is=True)
    assert world.app.store.load("lake").state == "needs_decision"


def test_there_must_be_something_to_decide(make_world, good):
    world = make_world(good)
    world.submit()
    with pytest.raises(BadInput, match="nothing to decide"):
        world.manager.resolve("lake", None, take_as_is=True)


# as asked


@pytest.mark.case
def test_a_film_that_is_more_than_half_a_second_short_is_somebodys_decision(make_world, tmp_path):
    world = make_world(write_clip(tmp_path / "short.mp4", seconds=2.4, size=(320, 180)))
    world.submit()
    told = world.tick()
    assert (told.exit_code, told.state) == (3, "failed")
    assert "2.42 s long; 3 s were asked for" in told.message
    assert "manage_jobs.py resolve lake --take-as-is" in world.report["advice"]
    assert "manage_jobs.py retry lake" in world.report["advice"]
    assert world.tick() is None, "it is said once, not every two minutes"
    assert world.report["files"]["refused_1"] in world.files()
    assert "lake.mp4" not in world.files()


def test_a_short_film_is_published_on_somebodys_word(make_world, tmp_path):
    world = make_world(write_clip(tmp_path / "short.mp4", seconds=2.4, size=(320, 180)))
    world.submit()
    world.tick()
    world.manager.resolve("lake", None, take_as_is=True)
    world.tick()
    assert world.report["state"] == "completed"
    assert world.report["clips"][0]["length"] == {"asked": 3.0, "made": 3.0, "delivered": 2.417, "done": "shorter"}
    assert world.vendor.downloads == 1
    assert len(world.vendor.charges) == 2


def test_a_short_film_is_made_again_for_its_price(make_world, tmp_path, good):
    world = make_world(write_clip(tmp_path / "short.mp4", seconds=2.4, size=(320, 180)), good)
    world.submit()
    world.tick()
    job, cost = world.manager.retry_cost("lake")
    assert "will make what is missing for" in cost
    world.manager.retry(job)
    for _ in range(3):
        world.tick()
    assert world.report["state"] == "completed"
    assert world.report["media"]["seconds"] == 3.0


@pytest.mark.parametrize(("seconds", "warns"), [(3.0, False), (2.96, False), (2.7, True)])
def test_a_film_that_is_half_a_second_short_at_most_is_published_with_a_warning(make_world, tmp_path, seconds, warns):
    world = make_world(write_clip(tmp_path / "short.mp4", seconds=seconds, size=(320, 180)))
    world.submit()
    world.tick()
    assert world.report["state"] == "completed"
    assert [warning for warning in world.report["warnings"] if "s were asked for" in warning] == (
        [f"Clip 1 is {world.report['media']['seconds']:.2f} s long where 3 s were asked for."] if warns else []
    )
    assert world.report["clips"][0]["length"]["done"] == ("shorter" if warns else "as asked")


@pytest.mark.slow
def test_clips_that_lack_a_little_each_make_a_film_that_lacks_too_much(make_world, tmp_path):
    world = make_world(tmp_path / "first.mp4")
    world.submit(target_duration=10, clips="storyboard", archetype="tech_news")
    for clip in world.app.store.load("lake").clips:
        world.vendor.films.append(write_clip(tmp_path / f"{clip.index}.mp4", seconds=clip.asked_seconds - 0.4, size=(320, 180)))
    world.vendor.films.pop(0)
    told = world.tick()
    assert told.exit_code == 3, told
    assert len([name for name in world.files() if "~refused" in name]) == len(world.report["clips"])
    world.manager.resolve("lake", None, take_as_is=True)
    world.tick()
    assert world.report["state"] == "completed"


@pytest.mark.case
@pytest.mark.parametrize(
    ("delivered", "matrix", "size", "done", "told"),
    [
        ((320, 180), None, (320, 180), "as asked", ""),
        ((320, 176), None, (320, 176), "as asked", ""),
        ((180, 320), (0, 1, -1, 0), (320, 180), "as asked", ""),
        ((240, 180), None, (240, 134), "cropped in the middle", "the middle was cut out"),
        ((180, 180), None, (180, 100), "cropped in the middle", "the middle was cut out"),
        ((180, 320), None, (180, 320), "kept in another shape", "it is kept whole"),
        ((320, 180), (0, 1, -1, 0), (180, 320), "kept in another shape", "it is kept whole"),
    ],
    ids=str,
)
def test_the_shape_that_came_is_compared_with_the_one_that_was_asked_for(make_world, tmp_path, delivered, matrix, size, done, told):
    film = write_clip(tmp_path / "film.mp4", size=delivered)
    world = make_world(turn(film, film, *matrix) if matrix else film)
    world.submit()
    world.tick()
    report = world.report
    assert (report["media"]["width"], report["media"]["height"]) == size
    assert report["clips"][0]["shape"] == {"asked": "16:9", "made": "16:9", "delivered": f"{size[0]}x{size[1]}", "done": done}
    warnings = [warning for warning in report["warnings"] if "16:9" in warning]
    assert len(warnings) == bool(told)
    assert all(told in warning for warning in warnings)
    with Image.open(world.home / "completed_videos" / "lake.jpg") as thumbnail:
        assert thumbnail.size == size


def test_a_clip_that_came_longer_is_trimmed_where_that_is_asked_for(make_world, tmp_path):
    world = make_world(write_clip(tmp_path / "long.mp4", seconds=4, size=(320, 180)))
    world.submit(fit="trim")
    world.tick()
    assert world.report["media"]["seconds"] == 3.0
    assert world.report["clips"][0]["length"]["done"] == "trimmed"


@pytest.mark.parametrize("fit", ["trim", "keep"])
def test_a_film_whose_sound_outlasts_its_pictures_is_trimmed_or_told(make_world, tmp_path, fit):
    world = make_world(write_clip(tmp_path / "long.mp4", seconds=3, size=(320, 180), sound_seconds=5))
    world.submit(fit=fit)
    world.tick()
    is_kept, media = fit == "keep", world.report["media"]
    assert (media["seconds"], media["file_seconds"]) == (3.0, pytest.approx(5 if is_kept else 3, abs=0.1))
    told = [warning for warning in world.report["warnings"] if "of which 3.00 s have pictures" in warning]
    assert len(told) == is_kept


def test_a_clip_that_came_longer_is_kept_and_told_where_it_is_not(make_world, tmp_path):
    world = make_world(write_clip(tmp_path / "long.mp4", seconds=4, size=(320, 180)))
    world.submit()
    world.tick()
    assert world.report["clips"][0]["length"] == {"asked": 3.0, "made": 3.0, "delivered": 4.0, "done": "kept longer"}


@pytest.mark.case
def test_a_link_that_brings_no_video_is_asked_about_and_looked_at_again_for_its_own_sake(make_world, good, monkeypatch):
    def page(*_: Any) -> Any:
        raise BrokenMedia("storage.example.com did not send what it should: it does not begin like an MP4 file.")

    world = make_world(good)
    world.submit()
    with monkeypatch.context() as patched:
        patched.setattr(world.vendor, "fetch", page)
        assert [world.tick(minutes=60).exit_code for _ in range(5)] == [75, 75, 3, 3, 3]
        assert world.clip.hold == DECISION
        assert world.clip.refusal.url == "https://storage.example.com/result"
        assert "storage.example.com did not send what it should" in world.clip.refusal.reason
        asked_at = world.clip.refusal.at
        shown = queue_view.queued_job(world.app.store.load("lake").as_dict())
        assert "to be given up?" in shown.waits_for
        assert shown.command == "manage_jobs.py resolve lake --write-off"
        with pytest.raises(BadInput, match="There is no file of clip 1 to be taken"):
            world.manager.resolve("lake", None, take_as_is=True)
        world.tick(minutes=60)
        assert world.clip.refusal.at == asked_at
    world.tick()
    assert world.report["state"] == "completed"


def test_a_link_that_brings_no_video_ends_after_the_deadline_for_decisions(make_world, good, monkeypatch):
    def page(*_: Any) -> Any:
        raise BrokenMedia("storage.example.com did not send what it should: the file is empty.")

    world = make_world(good)
    world.submit()
    monkeypatch.setattr(world.vendor, "fetch", page)
    for _ in range(12):
        world.tick(minutes=300)
    assert world.report["state"] == "failed"
    assert "Nobody decided about it" in world.report["reason"]


# looks that take too long


def tick_that_ends_in_a_look(world, monkeypatch) -> Any:
    """A tick whose time is over while the downloaded clip is decoded."""
    real = clock.Deadline.check
    with monkeypatch.context() as late:
        late.setattr(clock.Deadline, "check", lambda self, what: real(clock.Deadline(-1), what))
        return world.tick()


def test_a_look_that_ran_into_the_end_of_a_tick_is_taken_again_without_a_download(make_world, good, monkeypatch):
    """The tick ends while the clip is decoded: it says nothing about the clip, and the file is there the next time."""
    world = make_world(good)
    world.submit()
    assert tick_that_ends_in_a_look(world, monkeypatch).exit_code == 75
    assert world.clip.fetched.size_bytes == good.stat().st_size
    assert world.clip.refusal is None
    world.tick()
    assert world.report["state"] == "completed"
    assert world.vendor.downloads == 1


def test_a_file_that_is_gone_when_it_is_looked_at_again_is_fetched_again(make_world, good, monkeypatch):
    world = make_world(good)
    world.submit()
    tick_that_ends_in_a_look(world, monkeypatch)
    (world.home / "completed_videos" / "lake.mp4.part").unlink()
    world.tick()
    assert world.report["state"] == "completed"
    assert world.vendor.downloads == 2


def test_a_file_on_a_disk_that_does_not_answer_is_not_fetched_again(make_world, good, monkeypatch):
    world = make_world(good)
    world.submit()
    tick_that_ends_in_a_look(world, monkeypatch)
    with monkeypatch.context() as broken:
        break_stat(broken, world.home / "completed_videos" / "lake.mp4.part", errno.ESTALE)
        assert world.tick().exit_code == 75
    world.tick(minutes=60)
    assert world.report["state"] == "completed"
    assert world.vendor.downloads == 1


def test_pictures_beyond_the_setting_are_refused_and_asked_about(make_world, good):
    world = make_world(good, MAX_VIDEO_PIXELS="1000")
    world.submit()
    assert [world.tick().exit_code for _ in range(3)] == [75, 75, 3]
    assert "MAX_VIDEO_PIXELS" in world.clip.error


def test_a_crash_between_keeping_short_clips_and_their_report_is_repaired(make_world, tmp_path, monkeypatch):
    """The clip was moved aside, and the disk took no report: the next tick says the same, and nothing is fetched again."""
    world = make_world(write_clip(tmp_path / "short.mp4", seconds=2, size=(320, 180)))
    world.submit()

    def full(name: str, data: bytes) -> None:
        raise DiskError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(world.app.artifacts, "write", full)
        assert world.tick().exit_code == 75
    assert world.tick(minutes=60).exit_code == 3
    assert world.report["state"] == "failed"
    assert world.report["decision"] == "take_as_is"
    assert world.vendor.downloads == 1
    world.manager.resolve("lake", None, take_as_is=True)
    world.tick()
    assert world.report["state"] == "completed"


def test_work_that_had_most_of_a_tick_is_out_of_time_and_other_work_had_no_turn():
    late = clock.Deadline(100)
    late._end -= 60
    for deadline, error in ((clock.Deadline(100), OutOfTime), (late, NoTurn)):
        with pytest.raises(error), media_work(deadline):
            clock.Deadline(-1).check("Decoding")


def test_work_whose_turn_never_comes_in_a_tick_had_no_turn():
    with media_work(), media_work(), pytest.raises(NoTurn), media_work(clock.Deadline(0)):
        raise AssertionError("there is no free core")


def test_a_clip_that_no_tick_is_long_enough_for_is_kept_and_somebody_is_asked(make_world, good, monkeypatch):
    world = make_world(good)
    world.submit()
    real = clock.Deadline.check
    monkeypatch.setattr(clock.Deadline, "check", lambda self, what: real(clock.Deadline(-1), what))
    assert [world.tick(minutes=60).exit_code for _ in range(4)] == [75, 75, 75, 3]
    assert "takes longer to decode, or to cut to fit, than a tick lasts (110 s, POLL_TIME_LIMIT_SECONDS)" in world.clip.error
    assert world.vendor.downloads == 1
    monkeypatch.setattr(clock.Deadline, "check", real)
    world.tick(minutes=60)
    world.tick()
    assert world.report["state"] == "completed"


def test_a_clip_that_had_no_turn_is_not_asked_about(make_world, good, monkeypatch):
    world = make_world(good)
    world.submit()
    with monkeypatch.context() as patched:
        patched.setattr("tenxsom.pipeline.delivery.MOST_OF_A_TICK", 2)
        real = clock.Deadline.check
        patched.setattr(clock.Deadline, "check", lambda self, what: real(clock.Deadline(-1), what))
        assert [world.tick(minutes=60).exit_code for _ in range(9)] == [75] * 9
    world.tick()
    assert world.report["state"] == "completed"
    assert world.vendor.downloads == 1


def test_work_without_a_deadline_waits_for_its_turn():
    done = threading.Event()

    def work() -> None:
        with media_work(clock.Deadline(math.inf)):
            done.set()

    with media_work(), media_work():
        waiting = threading.Thread(target=work)
        waiting.start()
        assert not done.wait(0.1)
    waiting.join()
    assert done.is_set()
