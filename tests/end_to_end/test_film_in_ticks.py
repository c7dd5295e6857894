"""A film whose making takes longer than a tick: it advances with every tick, and uses only stretches of its own."""

from __future__ import annotations

import contextlib
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.errors import Interrupted
from tenxsom.media.film import assemble as assembly
from tenxsom.media.film import verify
from tenxsom.model.job import VideoJob
from tenxsom.pipeline.film_maker import FilmMaker
from tenxsom.pipeline.film_stretches import FilmStretches
from tests.crash.test_film_deaths import collected, world  # noqa: F401  (fixtures)
from tests.end_to_end.test_films import World


class Over(clock.Deadline):
    """A deadline that has passed."""

    def left(self) -> float:
        return 0.0


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No encode and no check has any time at all; the number of frames that are there after each encode is collected."""
    after: list[int] = []
    real = assembly.assemble

    def assemble(order: Any, target: Path, deadline: clock.Deadline, stretches: FilmStretches) -> None:
        assert deadline
        if stretches.frames == order.frames:
            real(order, target, deadline, stretches)
            return
        try:
            real(order, target, Over(0), stretches)
        finally:
            after.append(stretches.frames)

    def check_film(film: Path, *, deadline: clock.Deadline, **options: Any) -> verify.FilmCheck:
        assert deadline
        return real_check(film, deadline=Over(0), **options)

    real_check = verify.check_film
    monkeypatch.setattr(assembly, "assemble", assemble)
    monkeypatch.setattr(verify, "check_film", check_film)
    return after


def tick(world: World) -> None:  # noqa: F811
    with world.app() as app:
        app.poller().tick(["kettle"], at_once=True)


def stored_if_there(world: World) -> VideoJob | None:  # noqa: F811
    with world.app() as app:
        return app.store.load("kettle")


def stored(world: World) -> VideoJob:  # noqa: F811
    job = stored_if_there(world)
    assert job
    return job


def stretches_of(world: World) -> list[str]:  # noqa: F811
    return sorted(path.name for path in world.made.iterdir() if "~picture" in path.name)


@pytest.mark.slow
def test_a_film_advances_with_every_tick_and_ends_after_its_deadline(
    world: World,  # noqa: F811
    hurried: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mixed, checked = list[str](), list[int]()
    real = FilmMaker.mix_sound

    def mix_sound(self: FilmMaker, job: VideoJob, deadline: clock.Deadline) -> Any:
        mixed.append(job.content_id)
        return real(self, job, deadline)

    monkeypatch.setattr(FilmMaker, "mix_sound", mix_sound)
    with world.app() as app, app.store.claim("kettle") as claim:
        assert claim
        claim.job.submit_time = "2020-01-01T00:00:00.000Z"
        claim.save()
    tick(world)
    job = stored(world)
    assert job.film
    assert (job.step, job.attempts, job.next_check_at) == ("assemble_film", {}, None)
    assert stretches_of(world) == ["kettle~picture-01.mp4"]
    for _ in range(20):
        if world.made.joinpath("kettle_completion_report.json").exists():
            break
        tick(world)
        if (there := stored_if_there(world)) and there.film and there.film.checked:
            checked.append(there.film.checked.frames)
    assert len(checked) > 1
    assert checked == sorted(set(checked))
    assert hurried == sorted(set(hurried))
    assert len(hurried) > 2
    assert mixed == ["kettle"]
    report = world.report()
    assert report["media"]["seconds"] == pytest.approx(8, abs=0.05)
    assert report["assembly"]["film"]["stretches"] == []
    assert not stretches_of(world)


@pytest.mark.slow
def test_a_sound_that_no_tick_is_long_enough_for_ends_the_job_and_a_retry_goes_on(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    charges, real = len(world.vendor.charges), clock.Deadline.check

    def check(self: clock.Deadline, what: str) -> None:
        real(Over(0) if "Mixing the sound" in what else self, what)

    with monkeypatch.context() as hurried:
        hurried.setattr(clock.Deadline, "check", check)
        for _ in range(3):
            tick(world)
    with world.app() as app:
        failed = app.artifacts.final_report("kettle")
        assert failed
        assert "mix_sound: it takes longer than a tick lasts (110 s); set POLL_TIME_LIMIT_SECONDS higher" in failed["reason"]
        app.manager().retry(app.manager().retry_cost("kettle")[0])
    world.collect()
    assert world.report()["media"]["seconds"] == pytest.approx(8, abs=0.05)
    assert len(world.vendor.charges) == charges


class Stop:
    """Counts the places where a stop is heard, and requests one at a place."""

    def __init__(self, at: float = math.inf) -> None:
        self.places, self._at, self._real = 0, at, clock.check_stop

    def __call__(self) -> None:
        self.places += 1
        if self.places == self._at:
            clock.request_stop()
        self._real()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
def test_a_stop_at_any_place_of_finishing_uses_up_no_try_and_loses_nothing(
    world: World,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
) -> None:
    shutil.copytree(world.home, tmp_path / "other")
    other, charges = World(tmp_path / "other", world.vendor._folder), len(world.vendor.charges)
    other.vendor._orders = world.vendor._orders
    with monkeypatch.context() as counting:
        counted = Stop()
        counting.setattr(clock, "check_stop", counted)
        tick(other)
    with monkeypatch.context() as stopping:
        stopping.setattr(clock, "check_stop", Stop(round(counted.places * share)))
        with contextlib.suppress(Interrupted):
            tick(world)
    assert clock.stop_requested()
    clock.forget_stop()
    assert stored(world).attempts == {}
    world.collect()
    assert world.report()["media"]["seconds"] == pytest.approx(8, abs=0.05)
    assert not [path.name for path in world.made.iterdir() if path.name.endswith(".part") or "film-sound" in path.name]
    assert len(world.vendor.charges) == charges


@pytest.mark.slow
def test_stretches_of_another_film_are_not_used(world: World, hurried: list[int]) -> None:  # noqa: F811
    tick(world)
    tick(world)
    with world.app() as app, app.store.claim("kettle") as claim:
        assert claim
        assert claim.job.film
        claim.job.film.captions = "srt"
        claim.save()
    tick(world)
    assert hurried[2] == hurried[0] < hurried[1]


@pytest.mark.slow
def test_a_stretch_that_is_gone_is_encoded_anew(world: World, hurried: list[int]) -> None:  # noqa: F811
    tick(world)
    (world.made / "kettle~picture-01.mp4").unlink()
    tick(world)
    assert hurried[0] == hurried[1]


@pytest.mark.slow
def test_a_job_that_is_cancelled_leaves_no_stretches(world: World, hurried: list[int]) -> None:  # noqa: F811
    tick(world)
    assert hurried
    with world.app() as app, app.store.claim("kettle") as claim:
        assert claim
        app.finisher.fail(claim, "it is not wanted any more")
    assert not stretches_of(world)
