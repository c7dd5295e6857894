"""Checks an id that a user gives for an unclear call: a wrong id would collect another video."""

from __future__ import annotations

from collections.abc import Callable

from tenxsom.errors import BadInput, BrokenState, DiskError, ServiceRefused
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.pipeline.prices import billed_service
from tenxsom.services import registry as services
from tenxsom.services.base import VideoService
from tenxsom.services.images import registry as stills
from tenxsom.services.images.base import StillSource
from tenxsom.store.base import Artifacts, JobStore


def check_free(job_id: str, job: VideoJob, clip: Clip, store: JobStore, artifacts: Artifacts) -> None:
    """Raise BadInput for an invalid id, an id of another kind, or one of another clip or an ended job."""
    if not job_id or not job_id.isprintable() or " " in job_id:
        raise BadInput(f"{job_id!r} is no id of a job; copy it from the service's own list.")
    is_still = clip.step == Step.REQUEST_IMAGE
    problem = stills.id_problem(clip.start_frame, job_id) if is_still else services.id_problem(job.service_of(clip), job_id)
    if problem:
        raise BadInput(f"{job_id!r} {problem}.")
    for content_id in store.ids():
        for index, ids in enumerate(_ids_of(job if content_id == job.content_id else _loaded(content_id, store))):
            if job_id in ids and (content_id, index) != (job.content_id, clip.index):
                raise BadInput(f"{job_id!r} belongs to clip {index + 1} of {content_id} already.")
    owner = artifacts.owner_of(job_id)
    if owner and owner != job.content_id:
        raise BadInput(f"{job_id!r} belongs to {owner} already, which has ended.")


def is_ours(job_id: str, store: JobStore, artifacts: Artifacts) -> bool:
    """Return whether a job on the queue, or an ended one, has this id; True where the disk does not tell.

    Needed only when a response is about another id than the request.
    """
    try:
        jobs = [_loaded(content_id, store) for content_id in store.ids()]
    except DiskError:
        return True
    stills_and_videos = [found for job in jobs if job for clip in job.clips for found in (clip.image, clip.video)]
    if any(job_id in (found.job_id, found.generation_id) for found in stills_and_videos):
        return True
    return artifacts.owner_of(job_id) is not None


def check_known(
    job_id: str, job: VideoJob, clip: Clip, service_of: Callable[[str], VideoService], source_of: Callable[[str, str], StillSource]
) -> None:
    """Raise BadInput when the service does not know an id, and every error of the status call, which is free."""
    try:
        if clip.step == Step.REQUEST_IMAGE:
            source_of(clip.start_frame, job.service_of(clip)).image_status({"job_id": job_id}, None)
        else:
            service_of(job.service_of(clip)).video_status({"job_id": job_id, "generation_id": None}, None)
    except ServiceRefused as error:
        if error.exit_code != 1:
            raise  # an account error says nothing about the id
        raise BadInput(
            f"{billed_service(job, clip)} does not know {job_id[:120]!r} ({error}) Copy the id from its own list."
        ) from None


def _loaded(content_id: str, store: JobStore) -> VideoJob | None:
    try:
        return store.load(content_id)
    except BrokenState:
        return None


def _ids_of(job: VideoJob | None) -> list[set[str]]:
    return [{found.job_id for found in (clip.image, clip.video) if found.job_id} for clip in job.clips] if job else []
