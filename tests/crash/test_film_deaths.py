"""A film is made once, whatever dies while it is made: deaths and broken disks at every durable change of its assembly."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenxsom import clock
from tenxsom.errors import DiskError, TenxsomError
from tenxsom.model.job import VideoJob
from tenxsom.pipeline.film_maker import FilmMaker
from tenxsom.pipeline.visits import Look
from tests.crash.deaths import ALL, Blow, Death, struck, sweep
from tests.end_to_end.test_films import PAGE, World

POINTS = 44
"""More durable changes than the finishing of a film makes."""


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
                look = Look(clock.Deadline(60), at_once=True)
                app.visitor.carry_on(claim, look)
                for index in app.visitor._due_clips(claim.job, look):
                    with contextlib.suppress(TenxsomError):
                        app.visitor._collect_clip(claim, index, look)
    raise AssertionError("the clips never come")


@pytest.fixture
def world(collected: World, tmp_path: Path) -> World:
    shutil.copytree(collected.home, tmp_path / "home")
    copy = World(tmp_path / "home", collected.vendor._folder)
    copy.vendor._orders = collected.vendor._orders
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("blow", sweep(POINTS, every=7), ids=str)
def test_a_film_survives_a_death_at_every_change_of_a_file(world: World, blow: Blow) -> None:
    charges = len(world.vendor.charges)
    with contextlib.suppress(Death, DiskError), struck(blow), world.app() as app:
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A file system in memory, which is given a size, and another one later."""
    place = tmp_path / "disk"
    place.mkdir()

    def sized(size: int) -> Path:
        options = f"size={size}" + (",remount" if place.is_mount() else "")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False).returncode:
            pytest.skip("no file system can be mounted here (that needs root)")
        return place

    yield sized
    if place.is_mount():
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 700_000, 1_700_000, 3_200_000, 4_800_000] if ALL else [0, 1_700_000, 4_800_000])
def test_a_film_waits_for_room_on_a_disk_that_is_really_full(
    collected: World, small_disk: Callable[[int], Path], room: int
) -> None:
    used = sum(path.stat().st_size for path in collected.home.rglob("*") if path.is_file())
    home = small_disk(1_000_000_000) / "home"
    shutil.copytree(collected.home, home)
    blocks = sum(path.lstat().st_blocks * 512 for path in home.rglob("*"))
    world = World(home, collected.vendor._folder)
    world.vendor._orders = collected.vendor._orders
    small_disk(max(blocks, used) + 40_960 + room)
    with world.app() as app:
        for _ in range(3):
            app.poller().tick(["kettle"], at_once=True)
        assert app.store.load("kettle"), "the disk was large enough for the whole film"
    small_disk(1_000_000_000)
    world.collect()
    report = world.report()
    assert report["media"]["seconds"] == pytest.approx(8, abs=0.05)
    assert all((world.made / name).exists() for name in report["files"].values())
    assert not [warning for warning in report["warnings"] if "without its" in warning]
    assert not world.vendor.charges
    assert not [path.name for path in world.made.iterdir() if "film-sound" in path.name or path.name.endswith((".part", ".tmp"))]
