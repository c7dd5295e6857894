"""Makes the painted still and the rendered clip. The heavy media libraries are imported on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from tenxsom import atomic, clock
from tenxsom.disk import disk_errors
from tenxsom.errors import BrokenMedia, DiskError, TenxsomError, TryAgainLater
from tenxsom_studio import ids
from tenxsom_studio.records import Asset, Job, Order
from tenxsom_studio.world import World


class RenderStopped(TryAgainLater):
    """The program is ending; the next status call renders the clip."""


def artifact(job: Job) -> Asset:
    """Return the asset of a job's result, which has the job's key."""
    mime_type = "video/mp4" if job.kind == "video" else "image/png"
    return Asset(job.key, "artifact", mime_type, clock.stamp(), job_id=job.id, service=job.service)


def paint_still(world: World, job: Job) -> None:
    """Make the still of an image job, unless it exists. The caller holds the job's lock."""
    target = world.media(artifact(job))
    if not target.exists():
        work = world.work_file(f"{job.key}.png")
        _paint(world, job.order, work)
        atomic.publish(work, target)


def make_clip(world: World, key: str, is_ending: Callable[[], bool]) -> None:
    """Render the clip of a video job and give it its final name, unless it exists or another process is rendering it.

    A clip that cannot be rendered fails its job; after a full disk or the end of the program the next status call tries again.
    """
    if not world.locks.try_acquire(f"render:{key}"):
        return
    try:
        job = world.load_job(key)
        if job and not job.is_over and not world.media(artifact(job)).exists():
            work = _render(world, job.order, key, _reporter(world, key, is_ending))
            atomic.publish(work, world.media(artifact(job)))
    except (RenderStopped, DiskError):
        return
    except Exception as error:  # noqa: BLE001  (any error of the renderer is this job's failure; other clips continue)
        if is_ending():
            return  # libraries fail in an interpreter that is shutting down
        reason = str(error) if isinstance(error, TenxsomError) else f"{type(error).__name__}: {error}"
        fail(world, key, f"The clip could not be rendered. {reason}")
    finally:
        world.locks.release(f"render:{key}")


def fail(world: World, key: str, message: str, failure: str = "") -> None:
    """End a job as failed, unless it is finished; `failure` is its kind where the vendor names kinds."""
    with world.locks.hold(f"job:{key}"):
        job = world.load_job(key)
        if job and not job.is_over:
            job.enter("failed", message)
            job.failure = failure or job.failure
            world.save_job(job)
            world.mark_over(job)


def shorter_clip(world: World, job: Job, seconds: int) -> bytes:
    """Return a valid clip of another duration than ordered, as if the vendor had mixed up two jobs."""
    order = replace(job.order, seconds=seconds, cues=())
    work = _render(world, order, ids.new_key(), lambda _: None)
    try:
        return work.read_bytes()
    finally:
        work.unlink()


def _render(world: World, order: Order, name: str, progress: Callable[[float], None]) -> Path:
    """Render an order into the work folder; the caller moves the file away or removes it."""
    from tenxsom.media.subtitles import Cue
    from tenxsom_studio.painting.clip import ClipOrder, render_clip

    still, target = world.work_file(f"{name}.png"), world.work_file(f"{name}.mp4")
    width, height = world.size(order)
    cues = tuple(Cue(start, end, words) for start, end, words in order.cues)
    look = partial(ClipOrder, fps=order.fps, badge=order.badge, seed=order.seed, sound=order.sound, intensity=order.intensity)
    try:
        with disk_errors(target):
            picture = _start_frame(world, order, still)
            progress(0.0)  # painting takes time: the program may be ending by now
            render_clip(picture, target, look(width, height, order.seconds, cues=cues), progress)
    except BaseException:  # a stop must leave no incomplete clip, too
        target.unlink(missing_ok=True)
        raise
    finally:
        still.unlink(missing_ok=True)
    return target


def _reporter(world: World, key: str, is_ending: Callable[[], bool]) -> Callable[[float], None]:
    """Return a function that stores progress in steps of ten per cent, never backwards, and raises when the program ends."""
    reported = world.progress(key)

    def report(fraction: float) -> None:
        nonlocal reported
        if is_ending():
            raise RenderStopped("The program is ending; the clip will be rendered later.")
        per_cent = int(fraction * 10) * 10
        if reported < per_cent < 100:
            reported = per_cent
            world.report_progress(key, per_cent)

    return report


def _start_frame(world: World, order: Order, painted: Path) -> Path:
    if order.start_asset is None:
        _paint(world, order, painted)
        return painted
    asset = world.load_asset(order.start_asset)
    if asset is None or not world.media(asset).exists():
        raise BrokenMedia("Its start frame has expired.")
    return world.media(asset)


def _paint(world: World, order: Order, target: Path) -> None:
    from tenxsom_studio.painting import depth
    from tenxsom_studio.painting.paint import MAX_SIDE, paint

    sides = world.size(order)
    larger = min(1.25, MAX_SIDE / max(sides))  # a margin for the camera move, as far as a 4K picture allows one
    width, height = (int(side * larger) for side in sides)
    with disk_errors(target):
        depth.save(paint(order.prompt, width, height, order.seed, order.mood, number=order.number), target)
