"""A film is made once, whatever dies while it is made: deaths and broken disks at every durable change of its assembly."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.errors import DiskError, TenxsomError
from tenxsom.model.job import VideoJob
from tenxsom.pipeline.film_maker import FilmMaker
from tests.crash.deaths import DEATHS, DISK_TROUBLES, Blow, Death, struck
from tests.end_to_end.test_films import PAGE, World

POINTS = 44
"""More durable changes than the finishing of a film makes."""
STEP = 1 if os.environ.get("CRASH_POINTS") == "all" else 9


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A home whose job has all its clips, and is to be finished."""
    world = World(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("clips"))
    world.submit(PAGE | {"target_duration": 8})
    for _ in range(20):
        with world.app() as app:
            job = app.store.load("kettle")
            assert job
            if all(clip.is_final for clip in job.clips):
                return world
            with app.store.claim("kettle") as claim:
                assert claim
                poller = app.poller()
                poller._at_once = True
                poller.carry_on(claim)
                for index in poller._due_clips(claim.job):
                    with contextlib.suppress(TenxsomError):
                        poller._collect_clip(claim, index)
    raise AssertionError("the clips never come")


@pytest.fixture
def world(collected: World, tmp_path: Path) -> World:
    shutil.copytree(collected.home, tmp_path / "home")
    copy = World(tmp_path / "home", collected.vendor._folder)
    copy.vendor._orders = collected.vendor._orders
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("how", [*DEATHS, *DISK_TROUBLES])
@pytest.mark.parametrize("at", range(1, POINTS, STEP))
def test_a_film_survives_a_death_at_every_change_of_a_file(world: World, at: int, how: str) -> None:
    charges = len(world.vendor.charges)
    with contextlib.suppress(Death, DiskError), struck(Blow(at, how)), world.app() as app:
        app.poller().tick(["kettle"], at_once=True)
    world.collect()
    report = world.report()
    assert report["media"]["seconds"] == pytest.approx(8, abs=0.05)
    assert report["narration"]["voice"] == "hibari"
    assert all((world.made / name).exists() for name in report["files"].values())
    assert len(world.vendor.charges) == charges
    left = [path.name for path in world.made.iterdir()]
    assert not [name for name in left if "film-sound" in name or name.endswith(".part")]


@pytest.mark.slow
def test_a_film_that_was_killed_before_its_check_is_not_made_twice(world: World) -> None:
    assembled: list[str] = []
    real = FilmMaker.assemble

    def assemble(self: FilmMaker, job: VideoJob, deadline: clock.Deadline, save: Callable[[], None]) -> None:
        assembled.append(job.content_id)
        real(self, job, deadline, save)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FilmMaker, "assemble", assemble)
        with pytest.MonkeyPatch.context() as death, contextlib.suppress(Death):
            death.setattr(FilmMaker, "check", _dying)
            world.collect()
        world.collect()
    assert assembled == ["kettle"]
    assert world.report()["media"]["seconds"] == pytest.approx(8, abs=0.05)


def _dying(*_: object) -> None:
    raise Death
